"""What Deribit sends, as typed records. Money is `Decimal`, exactly as the text has it; the rest is float.

Source: docs.deribit.com, subscription channels and public methods (API version 2).
"""

from decimal import Decimal

from msgspec import Raw, Struct

ABSENT = Raw()


class Probe(Struct):
    """The keys by which a JSON-RPC message is told apart."""

    method: str | None = None
    params: Raw = ABSENT
    result: Raw = ABSENT
    error: Raw = ABSENT


class Notification(Struct):
    """The parameters of a subscription's message."""

    channel: str
    data: Raw


class Result(Struct):
    """The keys by which the answer to a request is told apart."""

    instrument_name: str | None = None
    tick_size: Raw = ABSENT
    change_id: Raw = ABSENT
    bids: Raw = ABSENT


class BookMessage(Struct):
    """A book message that names each level's change: `["new" | "change" | "delete", price, amount]`."""

    timestamp: int
    instrument_name: str
    change_id: int
    bids: list[tuple[str, Decimal, Decimal]]
    asks: list[tuple[str, Decimal, Decimal]]
    type: str | None = None
    prev_change_id: int | None = None


class PlainBook(Struct):
    """A grouped book, or the answer to `get_order_book`: the first levels, as pairs."""

    timestamp: int
    instrument_name: str
    change_id: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class Trade(Struct):
    """A trade; `liquidation` names whose order was forced: M(aker), T(aker), MT (both)."""

    timestamp: int
    instrument_name: str
    price: Decimal
    amount: Decimal
    direction: str
    liquidation: str | None = None


class Greeks(Struct):
    """The venue's own greeks."""

    delta: float | None = None
    vega: float | None = None


class Ticker(Struct):
    """A ticker or a quote: what a channel does not carry is absent. Volatilities are in percent."""

    timestamp: int
    instrument_name: str
    best_bid_price: Decimal | None = None
    best_bid_amount: Decimal | None = None
    best_ask_price: Decimal | None = None
    best_ask_amount: Decimal | None = None
    mark_price: float | None = None
    index_price: float | None = None
    current_funding: float | None = None
    open_interest: float | None = None
    underlying_price: float | None = None
    bid_iv: float | None = None
    ask_iv: float | None = None
    mark_iv: float | None = None
    greeks: Greeks | None = None


class PriceIndex(Struct):
    """An index price."""

    timestamp: int
    index_name: str
    price: float


class VolatilityIndex(Struct):
    """The index of 30-day implied volatility, in percent."""

    timestamp: int
    index_name: str
    volatility: float


class Perpetual(Struct):
    """The funding of a perpetual."""

    timestamp: int
    interest: float
    index_price: float | None = None


class OptionMark(Struct):
    """Mark price and volatility (a fraction) of one option, of many in a message."""

    timestamp: int
    instrument_name: str
    mark_price: float
    iv: float


class TickStep(Struct):
    """From this price on, this tick."""

    tick_size: Decimal


class Listing(Struct):
    """One instrument as the venue lists it."""

    instrument_name: str
    kind: str
    base_currency: str
    quote_currency: str
    tick_size: Decimal
    min_trade_amount: Decimal
    contract_size: Decimal
    settlement_currency: str = ""
    settlement_period: str = ""
    instrument_type: str = ""
    future_type: str = ""
    tick_size_steps: list[TickStep] | None = None
    block_trade_tick_size: Decimal | None = None
    expiration_timestamp: int | None = None
    strike: float | None = None
    option_type: str | None = None
