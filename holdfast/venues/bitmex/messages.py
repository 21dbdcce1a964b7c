"""What BitMEX sends: tables and actions. Prices and sizes are JSON numbers: their text is kept exactly."""

from typing import Annotated

from msgspec import Meta, Raw, Struct

MISSING = (b"", b"null")
Symbol = Annotated[str, Meta(max_length=60)]
Level = Annotated[list[Raw], Meta(min_length=2)]


class Filter(Struct):
    """What a partial is about, where it is about one symbol."""

    symbol: str = ""


class Envelope(Struct):
    """The outside of every message: an answer, or an action on a table."""

    table: str = ""
    action: str = ""
    data: Raw = Raw()
    filter: Filter | None = None
    info: str | None = None
    error: str | None = None
    success: bool | None = None
    unsubscribe: str = ""


class BookRow(Struct):
    """A level of orderBookL2, known by its id; old recordings have the price in partial and insert only."""

    symbol: Symbol
    id: int
    side: str
    size: Raw = Raw()
    price: Raw = Raw()
    timestamp: str = ""


class Book10(Struct):
    """The best ten levels a side, whole each time."""

    symbol: Symbol
    bids: list[Level]
    asks: list[Level]
    timestamp: str


class Quote(Struct, rename="camel"):
    """The best bid and ask; a missing price means that nobody quotes that side."""

    symbol: Symbol
    timestamp: str
    bid_price: Raw = Raw()
    bid_size: Raw = Raw()
    ask_price: Raw = Raw()
    ask_size: Raw = Raw()


class Trade(Struct, rename="camel"):
    """One trade; side is the taker's."""

    symbol: Symbol
    timestamp: str
    price: Raw
    size: Raw
    side: str = ""
    trd_type: str = "Regular"


class Contract(Struct, rename="camel"):
    """A row of `instrument`: whole in a partial, the changed fields in an update."""

    symbol: Symbol
    timestamp: str = ""
    mark_price: Raw = Raw()
    indicative_settle_price: Raw = Raw()
    funding_rate: Raw = Raw()
    open_interest: Raw = Raw()


class Liquidation(Struct, rename="camel"):
    """A forced order: insert has all fields, update and delete follow it while it is worked off."""

    symbol: Symbol
    side: str = ""
    price: Raw = Raw()
    leaves_qty: Raw = Raw()


class Funding(Struct, rename="camel"):
    """A row of `funding`."""

    symbol: Symbol
    timestamp: str
    funding_rate: Raw


class Listed(Struct, rename="camel"):
    """One instrument of /instrument/active."""

    symbol: Symbol
    typ: str
    underlying: str | None = None
    quote_currency: str | None = None
    settl_currency: str | None = None
    tick_size: Raw = Raw()
    lot_size: Raw = Raw()
    multiplier: Raw = Raw()
    underlying_to_position_multiplier: Raw = Raw()
    underlying_to_settle_multiplier: Raw = Raw()
    quote_to_settle_multiplier: Raw = Raw()
    is_inverse: bool = False
    is_quanto: bool = False
    expiry: str | None = None
    option_strike_price: Raw = Raw()
