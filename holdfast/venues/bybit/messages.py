"""What Bybit v5 sends: its public topics. Unknown fields are ignored; prices and sizes stay text."""

from typing import Annotated

from msgspec import Meta, Raw, Struct

Symbol = Annotated[str, Meta(max_length=60)]
Level = Annotated[list[str], Meta(min_length=2)]


class Envelope(Struct):
    """The outside of every message: an answer to an operation, or data of a topic."""

    topic: str = ""
    type: str = ""
    ts: int = 0
    cts: int = 0
    data: Raw = Raw()
    op: str = ""
    success: bool | None = None
    ret_msg: str = ""


class Operation(Struct):
    """What the client itself sent."""

    op: str = ""
    args: list[str] = []


class Book(Struct):
    """Levels of a book topic, or the answer of /market/orderbook; u counts the messages of a topic."""

    s: Symbol
    b: list[Level]
    a: list[Level]
    u: int
    ts: int = 0
    cts: int = 0


class Trade(Struct):
    """One trade; S is the taker's side, BT says that it was agreed off the book."""

    T: int
    s: Symbol
    S: str
    v: str
    p: str
    BT: bool = False


class Ticker(Struct, rename="camel"):
    """A ticker: whole in a snapshot, the changed fields in a delta. Options name some fields their own
    way."""

    symbol: Symbol
    bid1_price: str | None = None
    bid1_size: str | None = None
    ask1_price: str | None = None
    ask1_size: str | None = None
    bid_price: str | None = None
    bid_size: str | None = None
    ask_price: str | None = None
    ask_size: str | None = None
    mark_price: str | None = None
    index_price: str | None = None
    open_interest: str | None = None
    funding_rate: str | None = None
    bid_iv: str | None = None
    ask_iv: str | None = None
    mark_price_iv: str | None = None
    underlying_price: str | None = None
    delta: str | None = None
    vega: str | None = None


class Liquidation(Struct, rename="camel"):
    """The retired topic `liquidation`: side is that of the position."""

    updated_time: int
    symbol: Symbol
    side: str
    size: str
    price: str


class AllLiquidation(Struct):
    """One entry of `allLiquidation`: S is the side of the position, p the bankruptcy price."""

    T: int
    s: Symbol
    S: str
    v: str
    p: str


class Kline(Struct):
    """A bar; confirm says that it is closed."""

    end: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    confirm: bool


class PriceFilter(Struct, rename="camel"):
    """The price grid."""

    tick_size: str


class LotFilter(Struct, rename="camel"):
    """The size grid: qtyStep, on spot basePrecision."""

    qty_step: str = ""
    base_precision: str = ""


class Listed(Struct, rename="camel"):
    """One instrument of /market/instruments-info."""

    symbol: Symbol
    base_coin: str
    quote_coin: str
    price_filter: PriceFilter
    lot_size_filter: LotFilter
    contract_type: str = ""
    settle_coin: str = ""
    delivery_time: str = "0"
    options_type: str = ""


class ListingPage(Struct):
    """The result of /market/instruments-info."""

    category: str
    list: list[Raw]


class Answer(Struct, rename="camel"):
    """A REST answer; code 0 is success."""

    ret_code: int
    ret_msg: str = ""
    result: Raw = Raw()
