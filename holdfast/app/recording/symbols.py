"""Symbols: an instrument described from what a venue calls it, for recordings that carry no listing.

Only what the name itself says is stated: kind, base, quote, expiry, strike, call or put, and whether it is
paid in coin.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypedDict

from holdfast.clock import HOUR_NS, SECOND_NS
from holdfast.instrument import Instruments, Kind

TARDIS_VENUES: Final = {
    "binance": "binance-spot",
    "binance-futures": "binance-usdm",
    "binance-delivery": "binance-coinm",
    "binance-european-options": "binance-options",
    "okex": "okx",
    "okex-swap": "okx",
    "okex-futures": "okx",
    "okex-options": "okx",
    "bybit": "bybit-linear",
    "bybit-spot": "bybit-spot",
    "bybit-options": "bybit-option",
    "cryptofacilities": "kraken-futures",
}
_QUOTES: Final = (
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDE", "USD", "EUR", "GBP", "TRY", "BRL", "JPY", "DAI", "BTC",
    "XBT", "ETH", "BNB",
)  # fmt: skip
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1
    )
}
_EXPIRY_HOUR_NS: Final = 8 * HOUR_NS  # Deribit, OKX, Binance and Bybit deliver at 08:00 UTC


class Terms(TypedDict, total=False):
    """What a symbol says of its contract."""

    kind: Kind
    base: str
    quote: str
    settle: str
    inverse: bool
    expiry_ns: int
    strike: float
    option_type: str
    price_decimals: int


def venue_of_tardis(exchange: str, symbol: str) -> str:
    """Return our name of a venue that Tardis names; a Bybit coin-margined contract is of another venue of
    ours.
    """
    if exchange == "bybit" and re.fullmatch(r"[A-Z0-9]+USD([FGHJKMNQUVXZ]\d\d)?", symbol):
        return "bybit-inverse"
    return TARDIS_VENUES.get(exchange, exchange)


def describe(instruments: Instruments, venue: str, symbol: str, **known: object) -> int:
    """Return the number of an instrument, its terms read from its symbol where `known` does not state them.

    Raises: OutsideError `instrument.unlisted`.
    """
    number = instruments.find(venue, symbol)
    if number >= 0:
        return number
    terms: dict[str, object] = {**terms_of(venue, symbol), **known}
    kind, base, quote = terms.pop("kind"), terms.pop("base"), terms.pop("quote")
    return instruments.find_or_describe(venue, symbol, kind, base, quote, **terms)  # pyright: ignore[reportArgumentType]


def terms_of(venue: str, symbol: str) -> Terms:
    """Read the terms that a symbol states.

    >>> terms_of("deribit", "BTC-16JAN26-82000-C")["strike"]
    82000.0
    >>> terms_of("binance-coinm", "AAVEUSD_PERP")["inverse"]
    True
    """
    for pattern, read in _PATTERNS:
        found = pattern.fullmatch(symbol)
        if found and (terms := read(venue, found)):
            return terms
    base, quote = split_pair(symbol)
    kind: Kind = "perpetual" if venue in _PERPETUAL_VENUES else "spot"
    return _pair(kind, base, quote, coin=kind == "perpetual" and quote == "USD")


def split_pair(symbol: str) -> tuple[str, str]:
    """Split a pair into base and quote; a name without a known quote is a base against USD.

    >>> split_pair("usdcusd"), split_pair("ATOM-USD"), split_pair("usde"), split_pair("usdtusd")
    (('USDC', 'USD'), ('ATOM', 'USD'), ('USDE', 'USD'), ('USDT', 'USD'))
    """
    upper = symbol.upper()
    for separator in ("-", "/", "_"):
        if separator in upper:
            base, _, quote = upper.partition(separator)
            return base, quote
    for quote in _QUOTES:
        base = upper.removesuffix(quote)
        if (
            upper.endswith(quote) and len(base) > 1 and base != "USD"
        ):  # USDTUSD is USDT in USD, not USD in TUSD
            return base, quote
    return upper, "USD"


_PERPETUAL_VENUES: Final = {"binance-usdm", "bybit-linear", "bybit-inverse", "bitmex"}


def _option_or_future(
    base: str, quote: str, *, coin: bool, expiry_ns: int, strike: str | None, right: str | None
) -> Terms:
    terms: Terms = {
        "kind": "option" if strike else "future",
        "base": base,
        "quote": quote,
        "settle": base if coin else quote,
        "inverse": coin,
        "expiry_ns": expiry_ns,
    }
    if strike:
        terms["strike"] = float(strike.replace("d", "."))
        terms["option_type"] = "call" if right == "C" else "put"
    return terms


def _deribit(venue: str, found: re.Match[str]) -> Terms | None:
    base, linear_quote, day, month, year, strike, right = found.groups()
    coin = linear_quote is None and venue != "bybit-option"
    quote = linear_quote or ("USD" if coin else "USDC")
    if day is None:
        return _pair("perpetual", base, quote, coin=coin)
    if month not in _MONTHS:
        return None
    expiry_ns = _expiry_ns(2000 + int(year), _MONTHS[month], int(day))
    if not expiry_ns:
        return None
    return _option_or_future(base, quote, coin=coin, expiry_ns=expiry_ns, strike=strike, right=right)


def _okx(_: str, found: re.Match[str]) -> Terms | None:
    base, quote, tail, strike, right = found.groups()
    coin = quote == "USD"
    if tail == "SWAP":
        return _pair("perpetual", base, quote, coin=coin)
    expiry_ns = _short_date_ns(tail)
    if not expiry_ns:
        return None
    return _option_or_future(base, quote, coin=coin, expiry_ns=expiry_ns, strike=strike, right=right)


def _binance(_: str, found: re.Match[str]) -> Terms | None:
    pair, tail = found.groups()
    base, quote = split_pair(pair)
    coin = quote == "USD"
    if tail == "PERP":
        return _pair("perpetual", base, quote, coin=coin)
    expiry_ns = _short_date_ns(tail)
    return (
        _option_or_future(base, quote, coin=coin, expiry_ns=expiry_ns, strike=None, right=None)
        if expiry_ns
        else None
    )


def _binance_option(_: str, found: re.Match[str]) -> Terms | None:
    base, tail, strike, right = found.groups()
    expiry_ns = _short_date_ns(tail)
    return (
        _option_or_future(base, "USDT", coin=False, expiry_ns=expiry_ns, strike=strike, right=right)
        if expiry_ns
        else None
    )


def _kraken(_: str, found: re.Match[str]) -> Terms | None:
    product, pair, tail = found.groups()
    base, quote = split_pair(pair)
    coin = product.upper() in ("PI", "FI")
    if not tail:
        return _pair("perpetual", base, quote, coin=coin)
    expiry_ns = _short_date_ns(tail)
    return (
        _option_or_future(base, quote, coin=coin, expiry_ns=expiry_ns, strike=None, right=None)
        if expiry_ns
        else None
    )


def _pair(kind: Kind, base: str, quote: str, *, coin: bool) -> Terms:
    """Return the terms of a pair without expiry; one settled in coin is inverse."""
    return {"kind": kind, "base": base, "quote": quote, "settle": base if coin else quote, "inverse": coin}


def _short_date_ns(text: str) -> int:
    """Read a delivery date written YYMMDD."""
    return _expiry_ns(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))


def _expiry_ns(year: int, month: int, day: int) -> int:
    try:
        midnight = datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return 0
    return int(midnight.timestamp()) * SECOND_NS + _EXPIRY_HOUR_NS


_PATTERNS: Final[tuple[tuple[re.Pattern[str], Callable[[str, re.Match[str]], Terms | None]], ...]] = (
    (
        re.compile(
            r"([A-Z0-9]+?)(?:_(USD[CT]?))?-(?:PERPETUAL|(\d{1,2})([A-Z]{3})(\d\d)(?:-([\d.d]+)-([CP]))?)(?:-USDT)?"
        ),
        _deribit,
    ),
    (re.compile(r"([A-Z0-9]+)-(USD[TC]?|EUR|BTC|ETH)-(SWAP|\d{6})(?:-([\d.]+)-([CP]))?"), _okx),
    (re.compile(r"([A-Z0-9]+)-(\d{6})-([\d.]+)-([CP])"), _binance_option),
    (re.compile(r"([A-Z0-9]+)_(PERP|\d{6})"), _binance),
    (re.compile(r"([PF][FI])_([A-Z]+)(?:_(\d{6}))?", re.IGNORECASE), _kraken),
)
