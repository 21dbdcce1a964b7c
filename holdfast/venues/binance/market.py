"""The three markets of Binance: which one a piece of text comes from, and what a symbol says by itself."""

import re
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.error import OutsideError
from holdfast.instrument import Instrument, Instruments, listed
from holdfast.quantity import decimals_of
from holdfast.venues.binance.messages import Listing

Market = Literal["binance-usdm", "binance-coinm", "binance-spot"]
MARKETS: Final[tuple[Market, ...]] = get_args(Market)
USDM, COINM, SPOT = MARKETS

# Longest first: BTCFDUSD is BTC/FDUSD, not BTCFD/USD.
_QUOTES: Final = (
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "USD1", "USDS", "BIDR", "IDRT", "BVND", "DOGE",
    "USD", "DAI", "BTC", "ETH", "BNB", "TRX", "XRP", "DOT", "SOL", "EUR", "GBP", "TRY", "BRL", "RUB", "AUD", "UAH",
    "NGN", "ZAR", "PLN", "RON", "ARS", "JPY", "MXN", "CZK", "COP", "PAX", "VAI", "IDR", "AEUR", "EURI",
)  # fmt: skip
_COIN_SYMBOL: Final = re.compile(rb'"(?:s|symbol)":"[A-Z0-9]+USD_(?:PERP|\d{6})"')
_DATED_SYMBOL: Final = re.compile(rb'"(?:s|symbol)":"[A-Z0-9]+_\d{6}"')
_SYMBOL: Final = re.compile(r"(?P<pair>[^\s_]+?)(?:_(?P<term>PERP|\d{6}))?")
_FUTURES_SIGNS: Final = (
    b'"pu":', b'"e":"bookTicker"', b'"e":"markPriceUpdate"', b'"e":"forceOrder"', b'"futuresType"', b'"X":"', b'"ps":',
    b'"lastFundingRate"', b'"openInterest"', b'"contractType"',
)  # fmt: skip
_SPOT_SIGNS: Final = (b'"e":"', b'"u":', b'"lastUpdateId":', b'"isSpotTradingAllowed"')


def market_of(frame: bytes) -> Market | Literal[""]:
    """Tell by content which market a frame or REST answer of Binance comes from; "" if nothing in it tells.

    Limits: a dated or perpetual contract without COIN-M's own marks counts as USD-M; candles, aggregated trades and
    tickers of a day look the same in USD-M and spot unless spot's own key `"M"` or futures' `"X"` is there.

    >>> market_of(b'{"u":400900217,"s":"BNBUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}')
    'binance-spot'
    """
    if b'"ps":' in frame or _COIN_SYMBOL.search(frame):
        return COINM
    if any(sign in frame for sign in _FUTURES_SIGNS) or _DATED_SYMBOL.search(frame):
        return USDM
    if b'"lastUpdateId":' in frame and b'"T":' in frame:
        return USDM
    if b'"e":"aggTrade"' in frame and b'"M":' not in frame:
        return USDM
    return SPOT if any(sign in frame for sign in _SPOT_SIGNS) else ""


def market_of_url(url: str) -> Market | Literal[""]:
    """Tell by its address which market a REST answer or connection of Binance belongs to; "" if it is none.

    >>> market_of_url("https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000")
    'binance-usdm'
    """
    host = re.match(r"\w+://([\w.-]*binance[\w.-]*)", url)
    if host is None:
        return ""
    if re.search(r"/fapi/|//fstream", url):
        return USDM
    if re.search(r"/dapi/|//dstream", url):
        return COINM
    return SPOT


def describe(instruments: Instruments, market: Market, symbol: str) -> int:
    """Number an instrument that a recording without a listing names, by what its symbol says.

    Raises: OutsideError `instrument.unlisted`, or `instrument.unreadable` where the symbol names no known quote asset.
    """
    number = instruments.find(market, symbol)
    if number >= 0:
        return number
    match = _SYMBOL.fullmatch(symbol)
    pair = match["pair"] if match else ""
    quote = next(
        (quote for quote in _QUOTES if pair.endswith(quote) and pair.removesuffix(quote) not in ("", "USD")),
        "",
    )
    if match is None or not quote:
        raise _unreadable(market, symbol)
    term = match["term"] or ""
    base = pair.removesuffix(quote)
    terms: dict[str, object] = {"settle": base if market == COINM else quote, "inverse": market == COINM}
    if term.isdigit():
        try:
            delivery = datetime.strptime(term, "%y%m%d").replace(hour=8, tzinfo=UTC)
        except ValueError as error:
            raise _unreadable(market, symbol) from error
        terms["expiry_ns"] = int(delivery.timestamp()) * SECOND_NS
        return instruments.find_or_describe(market, symbol, "future", base, quote, **terms)
    if market == SPOT:
        return instruments.find_or_describe(market, symbol, "spot", base, quote)
    return instruments.find_or_describe(market, symbol, "perpetual", base, quote, **terms)


def instrument_of(market: Market, listing: Listing) -> Instrument:
    """Turn one entry of exchangeInfo into an instrument.

    The grid is the finer one of the trading rule and the precision of the venue's own text: when a tick is made coarser,
    older orders stay in the book where they are.
    Raises: OutsideError `listing.no_grid` where the tick or step is missing or no number.
    """
    grid = {rule.filterType: rule for rule in listing.filters}
    try:
        tick, step = grid["PRICE_FILTER"].tickSize, grid["LOT_SIZE"].stepSize
        price_decimals = max(decimals_of(tick), _first(listing.pricePrecision, listing.quotePrecision))
        size_decimals = max(decimals_of(step), _first(listing.quantityPrecision, listing.baseAssetPrecision))
    except (KeyError, ArithmeticError, TypeError, ValueError) as error:
        raise OutsideError(
            "listing.no_grid", f"{market} lists {listing.symbol} without tick or step"
        ) from error
    perpetual = "PERPETUAL" in listing.contractType
    kind = "spot" if market == SPOT else "perpetual" if perpetual else "future"
    return listed(
        tick,
        step,
        venue=market,
        symbol=listing.symbol,
        kind=kind,
        base=listing.baseAsset,
        quote=listing.quoteAsset,
        settle=listing.marginAsset or listing.quoteAsset,
        price_decimals=price_decimals,
        size_decimals=size_decimals,
        contract_size=listing.contractSize,
        inverse=market == COINM,
        expiry_ns=listing.deliveryDate * MILLISECOND_NS if kind == "future" else 0,
    )


def _first(futures: int | None, spot: int) -> int:
    return spot if futures is None else futures


def _unreadable(market: Market, symbol: str) -> OutsideError:
    return OutsideError(
        "instrument.unreadable",
        f"{market} symbol {symbol[:60]!r} does not say what it is",
        remedy="give the venue's exchangeInfo as one more input",
    )
