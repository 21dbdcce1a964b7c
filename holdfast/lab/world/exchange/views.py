"""What the exchange is asked and what it shows: requests, refusals, orders, fills, positions, balances, books, tickers."""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from holdfast.order import OrderState, Side, TimeInForce

MarginMode = Literal["cross", "isolated", "portfolio"]

RefusalCode = Literal[
    "unknown_account",
    "unknown_instrument",
    "unknown_order",  # never seen, or of another account
    "order_closed",  # edit or cancel of an order that is no longer open
    "bad_price",  # not on the tick, not positive, or missing for a limit order
    "bad_quantity",  # not on the lot, or not positive
    "bad_leverage",
    "bad_amount",
    "duplicate_client_id",
    "expired",  # it came after its valid_until
    "instrument_closed",  # expired and settled
    "no_mark",  # no index was set yet
    "no_liquidity",  # a market order and nothing to meet it
    "would_cross",  # post-only and it would take
    "reduce_only",  # it would open or increase
    "insufficient_margin",
    "insufficient_funds",  # transfer or withdrawal above what is available
    "position_open",  # the margin mode can't change while a position or an order is open
]

CancelReason = Literal[
    "",
    "user",
    "immediate",  # the rest of an IOC, FOK or market order
    "dead_man",
    "liquidation",
    "expiry",
    "reduce_only",  # nothing was left to reduce
    "self_trade",
]


class Refused(msgspec.Struct, frozen=True):
    """The venue said no, and nothing was done."""

    code: RefusalCode
    message: str


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it comes in. `price` only for limit orders. `post_only_slide`: move to the touch rather than be refused.

    `valid_until_ns` 0: always; else it is refused when it is processed later than that.
    """

    instrument: str
    side: Side
    quantity: Decimal
    price: Decimal | None = None
    kind: Literal["limit", "market"] = "limit"
    time_in_force: TimeInForce = "gtc"
    post_only: bool = False
    post_only_slide: bool = False
    reduce_only: bool = False
    client_id: str = ""
    valid_until_ns: int = 0


class Order(msgspec.Struct, kw_only=True, gc=False):
    """An order as the venue has it. What a caller is handed is a copy; `version` grows by one at each change."""

    order_id: str
    account: str
    instrument: str
    client_id: str
    side: Side
    kind: Literal["limit", "market", "liquidation"]
    time_in_force: TimeInForce
    post_only: bool
    reduce_only: bool
    created_ns: int
    updated_ns: int
    state: OrderState = "open"
    reason: CancelReason = ""
    version: int = 0
    ticks: int = 0
    lots: int = 0
    filled_lots: int = 0
    filled_value: int = 0  # sum of ticks times lots
    fee_minor: int = 0
    realised_minor: int = 0
    tick: Decimal = Decimal(1)
    lot: Decimal = Decimal(1)
    sequence: int = 0  # order_id as a number
    is_edited: bool = False

    def copy(self) -> "Order":
        """Return the order as it is now."""
        return self.__copy__()  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def price(self) -> Decimal | None:
        """Return the limit, or None for a market order."""
        return self.ticks * self.tick if self.kind != "market" else None

    @property
    def quantity(self) -> Decimal:
        """Return what was asked for, after edits."""
        return self.lots * self.lot

    @property
    def filled(self) -> Decimal:
        """Return what was executed."""
        return self.filled_lots * self.lot

    @property
    def remaining(self) -> Decimal:
        """Return what may still be executed while the order is open."""
        return (self.lots - self.filled_lots) * self.lot

    @property
    def average_price(self) -> Decimal | None:
        """Return the average price of its executions, or None."""
        return self.tick * self.filled_value / self.filled_lots if self.filled_lots else None

    @property
    def fee(self) -> Decimal:
        """Return the fees paid, in the settlement asset; negative for rebates."""
        return from_minor(self.fee_minor)


class Fill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One side's share of a trade; fee and realised profit in the settlement asset, index and mark as at the time."""

    trade_id: int
    trade_sequence: int  # of its instrument, without gaps
    time_ns: int
    account: str
    instrument: str
    order_id: str
    client_id: str
    side: Side
    ticks: int
    lots: int
    tick: Decimal
    lot: Decimal
    fee_minor: int
    fee_asset: str
    realised_minor: int
    maker: bool
    liquidation: bool  # a forced order of this account
    deleveraging: bool  # this account was auto-deleveraged
    order_state: OrderState
    index: float
    mark: float

    @property
    def price(self) -> Decimal:
        """Return the price."""
        return self.ticks * self.tick

    @property
    def quantity(self) -> Decimal:
        """Return the amount."""
        return self.lots * self.lot

    @property
    def fee(self) -> Decimal:
        """Return the fee paid; negative for a rebate."""
        return from_minor(self.fee_minor)

    @property
    def realised(self) -> Decimal:
        """Return the profit of what was closed, without the fee."""
        return from_minor(self.realised_minor)


class Trade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trade as the public sees it; `side` is the taker's. Liquidation: the taker's order, or a deleveraging."""

    trade_id: int
    trade_sequence: int
    time_ns: int
    instrument: str
    side: Side
    ticks: int
    lots: int
    tick: Decimal
    lot: Decimal
    index: float
    mark: float
    liquidation: bool = False

    @property
    def price(self) -> Decimal:
        """Return the price."""
        return self.ticks * self.tick

    @property
    def quantity(self) -> Decimal:
        """Return the amount."""
        return self.lots * self.lot


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What an account holds. Units: quantity signed, money in the settlement asset, prices in price units.

    `liquidation_price` 0: none. `isolated_margin` is the money locked in an isolated position.
    """

    instrument: str
    quantity: Decimal
    entry_price: float
    mark: float
    index: float
    value: float  # notional in the settlement asset, positive
    unrealised: float
    realised: float  # by trades since the position was opened, without fees and funding
    funding: float  # received since the position was opened, pending included
    initial_margin: float
    maintenance_margin: float
    open_orders_margin: float
    liquidation_price: float
    leverage: float
    isolated: bool
    isolated_margin: float
    delta: float  # in coins
    gamma: float
    vega: float
    theta: float
    updated_ns: int


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in an account of one asset. `amount` is money; `equity` adds unrealised profit and option values."""

    asset: str
    amount: Decimal
    available: Decimal
    equity: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    unrealised: Decimal  # of futures and perpetuals
    options_value: Decimal
    isolated_margin: Decimal
    delta: float
    portfolio_margin: bool


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """The best levels, best first: (price, size)."""

    instrument: str
    time_ns: int
    change_id: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class Greeks(msgspec.Struct, frozen=True):
    """An option's sensitivities: delta, gamma by the forward, vega a percent of volatility, theta a day, rho a percent."""

    delta: float = 0.0
    gamma: float = 0.0
    vega: float = 0.0
    theta: float = 0.0
    rho: float = 0.0


class Ticker(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an instrument now. Volatilities are fractions a year, 0 where there are none.

    `best_bid`, `best_ask`, `last` None where there is none. `funding_rate` is of eight hours as it stands,
    `interest` what a continuous funding accrues now (of eight hours).
    """

    instrument: str
    time_ns: int
    mark: float
    index: float
    settlement_price: float  # of the running settlement window; the delivery price once expired
    last: Decimal | None
    best_bid: Decimal | None
    best_bid_size: Decimal
    best_ask: Decimal | None
    best_ask_size: Decimal
    funding_rate: float
    interest: float
    next_funding_ns: int
    open_interest: Decimal
    volume: Decimal  # 24 hours by the hour, in amounts
    volume_quote: float
    high: Decimal | None
    low: Decimal | None
    first: Decimal | None  # first price of the 24 hours
    trades_count: int
    underlying: float  # an option's forward
    mark_iv: float
    bid_iv: float
    ask_iv: float
    greeks: Greeks
    is_open: bool


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Money moved between two accounts."""

    transfer_id: int
    time_ns: int
    source: str
    target: str
    asset: str
    amount: Decimal
    nonce: str


MINOR: Final = 10**15


def from_minor(amount: int) -> Decimal:
    """Return an amount of 1e-15 units as a decimal of the asset.

    >>> from_minor(1_500_000_000_000_000)
    Decimal('1.500000000000000')
    """
    return Decimal(amount).scaleb(-15)
