"""What Kraken Futures sends (websocket v1). Numbers are JSON numbers: their text is kept, never a float."""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

MISSING = (b"", b"null")
Symbol = Annotated[str, Meta(max_length=40)]


class Level(Struct):
    """A price level of a snapshot."""

    price: Raw
    qty: Raw


class Trade(Struct):
    """One trade; side is the taker's, type is fill, liquidation, termination, block or assignment."""

    product_id: Symbol
    side: str
    time: int
    qty: Raw
    price: Raw
    type: str = "fill"


class BookSnapshot(Struct):
    """The whole book of a product."""

    product_id: Symbol
    timestamp: int
    seq: int
    bids: list[Level]
    asks: list[Level]


class BookChange(Struct):
    """One level of a product's book; qty 0 removes it."""

    product_id: Symbol
    side: str
    seq: int
    price: Raw
    qty: Raw
    timestamp: int


class TradeSnapshot(Struct):
    """The last trades before the subscription, newest first."""

    product_id: Symbol
    trades: list[Trade]


class Ticker(Struct):
    """`ticker` and `ticker_lite` (which has neither sizes nor a clock); what is missing is empty."""

    product_id: Symbol
    time: int = 0
    bid: Raw = Raw()
    ask: Raw = Raw()
    bid_size: Raw = Raw()
    ask_size: Raw = Raw()
    index: Raw = Raw()
    mark_price: Raw = msgspec.field(default=Raw(), name="markPrice")
    open_interest: Raw = msgspec.field(default=Raw(), name="openInterest")
    relative_funding_rate: Raw = Raw()


class Head(Struct):
    """What every message begins with: an event, or the feed that it belongs to."""

    event: str = ""
    feed: str = ""
    product_ids: list[str] = []


class Listed(Struct, rename="camel"):
    """One instrument of /instruments; precision is that of sizes, negative for lots above one."""

    symbol: Symbol
    type: str
    tick_size: Raw = Raw()
    contract_size: Raw = Raw()
    contract_value_trade_precision: int = 0
    last_trading_time: str = ""
    underlying: str | None = ""
    base: str = ""
    quote: str = ""


class Answer(Struct):
    """A REST answer."""

    result: str
    instruments: list[Raw] = []
    error: str = ""
