"""What Binance USD-M says of an account, as typed records. Money is `Decimal`; the venue writes it as text.

Source: developers.binance.com, USD-M futures: account and trade endpoints, user data streams.
"""

# ruff: noqa: N815 - the venue's names

from decimal import Decimal

from msgspec import Raw, Struct

from holdfast.venues.binance.messages import ABSENT


class Refusal(Struct):
    """Why a request was not done."""

    code: int = 0
    msg: str = ""


class ListenKey(Struct):
    """The name of an account's stream."""

    listenKey: str


class ServerTime(Struct):
    """The venue's time in milliseconds."""

    serverTime: int


class Order(Struct):
    """An order as REST states it. A price of zero is no price."""

    symbol: str
    orderId: int
    side: str
    status: str
    origQty: Decimal
    clientOrderId: str = ""
    executedQty: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    avgPrice: Decimal = Decimal(0)
    reduceOnly: bool = False


class Position(Struct):
    """A position; in hedge mode there is one a side."""

    symbol: str
    positionAmt: Decimal
    entryPrice: Decimal = Decimal(0)
    positionSide: str = "BOTH"


class Asset(Struct):
    """What lies in the account of one asset."""

    asset: str
    walletBalance: Decimal
    availableBalance: Decimal | None = None
    marginBalance: Decimal | None = None
    initialMargin: Decimal | None = None
    maintMargin: Decimal | None = None


class Account(Struct):
    """The answer to `/fapi/v3/account`, as far as balances go."""

    assets: list[Asset]


class StreamOrder(Struct):
    """An order as the stream states it: `x` is what happened, `X` where it stands, `l` and `L` the last execution."""

    s: str
    i: int
    S: str
    x: str
    X: str
    q: Decimal
    c: str = ""
    z: Decimal = Decimal(0)
    p: Decimal = Decimal(0)
    ap: Decimal = Decimal(0)
    l: Decimal = Decimal(0)  # noqa: E741
    L: Decimal = Decimal(0)
    n: Decimal | None = None
    N: str | None = None
    t: int = 0
    m: bool = False
    R: bool = False


class StreamBalance(Struct):
    """A balance that changed."""

    a: str
    wb: Decimal


class StreamPosition(Struct):
    """A position that changed."""

    s: str
    pa: Decimal
    ep: Decimal = Decimal(0)
    ps: str = "BOTH"


class StreamAccount(Struct):
    """What changed in the account."""

    B: list[StreamBalance] = []
    P: list[StreamPosition] = []


class UserEvent(Struct):
    """Any event of the account's stream."""

    e: str
    o: StreamOrder | None = None
    a: StreamAccount | None = None


class EventName(Struct):
    """The name of an event, before more of it is read; the answer to a method has a `result` instead."""

    e: str = ""
    result: Raw = ABSENT
