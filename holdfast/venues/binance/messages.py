"""What Binance sends, as typed records. Prices and sizes stay text until an instrument's grid is known.

Source: Binance's public documentation of the web socket streams and REST answers of its three markets.
"""

from msgspec import Raw, Struct

Levels = list[tuple[str, str]]


ABSENT = Raw()


class Probe(Struct):
    """The keys by which a message is told apart."""

    e: str | None = None
    stream: str | None = None
    data: Raw = ABSENT
    lastUpdateId: Raw = ABSENT  # noqa: N815 - the venue's names
    result: Raw = ABSENT
    error: Raw = ABSENT
    code: Raw = ABSENT
    symbols: Raw = ABSENT
    openInterest: Raw = ABSENT  # noqa: N815
    lastFundingRate: Raw = ABSENT  # noqa: N815
    serverTime: Raw = ABSENT  # noqa: N815
    B: Raw = ABSENT


class DepthUpdate(Struct):
    """A change of the book, or (on a partial stream) its first levels."""

    s: str
    U: int
    u: int
    b: Levels
    a: Levels
    pu: int | None = None
    E: int = 0
    T: int = 0


class BookTicker(Struct):
    """Best bid and ask."""

    s: str
    b: str
    B: str
    a: str
    A: str
    E: int = 0
    T: int = 0


class Trade(Struct):
    """A trade, single or aggregated. `X` is what made it: MARKET is a trade between orders."""

    s: str
    p: str
    q: str
    T: int
    m: bool
    X: str = "MARKET"


class MarkPrice(Struct):
    """Mark price, index price and funding rate (empty on dated contracts)."""

    s: str
    p: str
    r: str
    E: int
    i: str | None = None


class IndexPrice(Struct):
    """Index price of a COIN-M pair."""

    i: str
    p: str
    E: int


class ForcedOrder(Struct):
    """A liquidation order: limit price, average price of what was filled, ordered and filled quantity."""

    s: str
    S: str
    q: str
    p: str
    T: int
    ap: str = "0"
    z: str = "0"


class ForceOrder(Struct):
    """The envelope of a liquidation order."""

    o: ForcedOrder


class Bar(Struct):
    """One candle."""

    s: str
    T: int
    o: str
    h: str
    l: str  # noqa: E741 - the venue's names
    c: str
    v: str
    q: str
    x: bool


class Kline(Struct):
    """The envelope of a candle."""

    k: Bar


class Snapshot(Struct):
    """A book as REST or a partial stream of spot states it."""

    lastUpdateId: int  # noqa: N815
    bids: Levels
    asks: Levels
    E: int = 0
    T: int = 0
    symbol: str | None = None


class OpenInterest(Struct):
    """Open contracts of an instrument."""

    symbol: str
    openInterest: str  # noqa: N815
    time: int = 0


class PremiumIndex(Struct):
    """Mark and index price and funding by REST."""

    symbol: str
    markPrice: str  # noqa: N815
    indexPrice: str  # noqa: N815
    lastFundingRate: str  # noqa: N815
    time: int


class Filter(Struct):
    """A trading rule of an instrument; only the grid matters here."""

    filterType: str  # noqa: N815
    tickSize: str = ""  # noqa: N815
    stepSize: str = ""  # noqa: N815


class Listing(Struct):
    """One instrument as the venue lists it."""

    symbol: str
    baseAsset: str  # noqa: N815
    quoteAsset: str  # noqa: N815
    filters: list[Filter]
    contractType: str = ""  # noqa: N815
    deliveryDate: int = 0  # noqa: N815
    marginAsset: str = ""  # noqa: N815
    contractSize: float = 1.0  # noqa: N815
    pricePrecision: int | None = None  # noqa: N815 - futures
    quantityPrecision: int | None = None  # noqa: N815
    quotePrecision: int = 0  # noqa: N815 - spot
    baseAssetPrecision: int = 0  # noqa: N815


class ExchangeInfo(Struct):
    """The venue's listing, each entry undecoded."""

    symbols: list[Raw]
