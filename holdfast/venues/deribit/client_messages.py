"""What Deribit says of an account, as typed records. Money is `Decimal`, exactly as the text has it.

Source: docs.deribit.com (API version 2): private methods, `user.*` channels.
"""

from decimal import Decimal

from msgspec import Raw, Struct

from holdfast.venues.deribit.messages import ABSENT


class Envelope(Struct):
    """Any JSON-RPC message: an answer has an `id`, everything else a `method`."""

    id: int | None = None
    method: str | None = None
    params: Raw = ABSENT
    result: Raw = ABSENT
    error: Raw = ABSENT


class RpcError(Struct):
    """Why a request was not done. `data` may say more."""

    code: int
    message: str = ""
    data: Raw = ABSENT


class HeartbeatType(Struct):
    """`test_request` wants an answer, `heartbeat` none."""

    type: str


class Granted(Struct):
    """The answer to `public/auth`."""

    refresh_token: str
    expires_in: int


class Order(Struct):
    """An order. `price` is a number, or the text `market_price`."""

    order_id: str
    instrument_name: str
    direction: str
    order_state: str
    amount: Decimal
    filled_amount: Decimal = Decimal(0)
    label: str = ""
    price: Raw = ABSENT
    average_price: Decimal | None = None
    reduce_only: bool = False
    is_liquidation: bool = False
    cancel_reason: str | None = None
    reject_reason: str | None = None


class Placed(Struct):
    """The answer to `private/buy` and `private/sell`."""

    order: Order


class UserTrade(Struct):
    """One execution. `liquidity` is our side of it, M(aker) or T(aker); `liquidation` whose order was forced."""

    trade_id: str
    order_id: str
    instrument_name: str
    direction: str
    price: Decimal
    amount: Decimal
    label: str = ""
    fee: Decimal = Decimal(0)
    fee_currency: str = ""
    liquidity: str = ""
    liquidation: str | None = None


class Position(Struct):
    """A position; `direction` is buy, sell or zero, and `size` may or may not carry the sign besides."""

    instrument_name: str
    size: Decimal
    direction: str = ""
    average_price: float | None = None


class Portfolio(Struct):
    """What lies in the account of one currency."""

    currency: str
    balance: Decimal
    available_funds: Decimal | None = None
    equity: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None


class Summaries(Struct):
    """The answer to `private/get_account_summaries`."""

    summaries: list[Portfolio]


class Subaccount(Struct):
    """An account of the same owner."""

    id: int
    username: str = ""
    system_name: str = ""


class Changes(Struct):
    """One message of `user.changes`: what one event did to trades, orders and positions."""

    trades: list[UserTrade] = []
    orders: list[Order] = []
    positions: list[Position] = []
