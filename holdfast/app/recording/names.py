"""Names: what a file's name supplies where its content names no instrument.

A name never decides a format. Where it says nothing either, the file is refused by `instrument.unnamed`.
"""

import re
from typing import Final

from holdfast.error import OutsideError

_SUFFIXES: Final = re.compile(
    r"(\.(csv|txt|json|data|parquet|pq|gz|xz|bz2|zst|lz4|zip|tar|tgz))+$", re.IGNORECASE
)
_VISION: Final = re.compile(r"^([A-Z0-9]+(?:_(?:PERP|\d{6}))?)-[A-Za-z0-9]+-\d{4}-\d{2}(?:-\d{2})?$")
_INTERVAL: Final = re.compile(r"(?:^|[_-])(\d+)(s|m|h|d)(?=$|[_-])")
_INTERVAL_NS: Final = {"s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9, "d": 86_400 * 10**9}
_NOISE: Final = frozenset(
    {"minute", "minutes", "bars", "ohlcv", "candles", "klines", "trades", "data", "daily", "spot"}
)
_VENUES: Final = {
    "binance": "binance-spot",
    "binanceus": "binance-us",
    "coinbase": "coinbase",
    "kraken": "kraken",
    "gemini": "gemini",
    "bitstamp": "bitstamp",
    "bitfinex": "bitfinex",
    "okx": "okx",
    "okex": "okx",
    "bybit": "bybit-linear",
    "bitmex": "bitmex",
    "deribit": "deribit",
    "ftx": "ftx",
    "uniswap": "uniswap",
    "curve": "curve",
}
UNKNOWN_VENUE: Final = "unknown"


def stem(name: str) -> str:
    """Return a file's name without the suffixes of formats and compressions.

    >>> stem("btc-perp-20211231-20220201_1m.csv.gz")
    'btc-perp-20211231-20220201_1m'
    """
    return _SUFFIXES.sub("", name)


def vision_symbol(hints: tuple[str, ...]) -> str:
    """Return the symbol in the name of a Binance Vision file.

    Raises: OutsideError `instrument.unnamed`.

    >>> vision_symbol(("BTCUSD_PERP-1m-2025-10-10.csv",))
    'BTCUSD_PERP'
    """
    for name in hints:
        if found := _VISION.match(stem(name)):
            return found[1]
    raise OutsideError(
        "instrument.unnamed",
        f"neither the content nor the name {hints[0] if hints else ''!r} says which instrument this is",
        remedy="name the file SYMBOL-KIND-YYYY-MM-DD, as Binance Vision does",
    )


def vision_venue(hints: tuple[str, ...], symbol: str, *, spot_like: bool) -> str:
    """Tell which of Binance's markets a Vision file is from: by symbol, by folder, else by how the file is
    written.
    """
    if re.search(r"USD_(PERP|\d{6})$", symbol):
        return "binance-coinm"
    path = "/".join(hints)
    if "spot" in path:
        return "binance-spot"
    if "_" in symbol or re.search(r"(^|/)um(/|$)|futures", path):
        return "binance-usdm"
    return "binance-spot" if spot_like else "binance-usdm"


def venue_and_symbol(hints: tuple[str, ...]) -> tuple[str, str]:
    """Return the venue and the symbol in the name of a file of bars.

    Raises: OutsideError `instrument.unnamed`.

    >>> venue_and_symbol(("coinbase_btcusd.parquet",)), venue_and_symbol(("usde_minute_binance.parquet",))
    (('coinbase', 'BTCUSD'), ('binance-spot', 'USDE'))
    >>> venue_and_symbol(("btc-perp-20211231-20220201_1m.csv.gz",))
    ('unknown', 'BTC-PERP')
    """
    for name in hints[:1]:
        venue, words = UNKNOWN_VENUE, []
        for word in re.split(r"[_\s]+", _INTERVAL.sub("", stem(name))):
            lowered = word.lower()
            if lowered in _VENUES and venue == UNKNOWN_VENUE:
                venue = _VENUES[lowered]
            elif lowered not in _NOISE:
                words.append(re.sub(r"-?\d{4}-?\d{2}(-?\d{2})?(?=$|-)", "", word))
        symbol = "-".join(w for w in words if w).upper().strip("-")
        if symbol and re.search(r"[A-Z]", symbol):
            return venue, symbol
    raise OutsideError(
        "instrument.unnamed",
        f"neither the content nor the name {hints[0] if hints else ''!r} says which instrument this is",
        remedy="name the file VENUE_SYMBOL, such as coinbase_btcusd.parquet",
    )


def interval_ns(hints: tuple[str, ...]) -> int:
    """Return the length of a bar that a name states, or 0.

    >>> interval_ns(("btc_1m.csv",)), interval_ns(("btc.csv",))
    (60000000000, 0)
    """
    for name in hints[:1]:
        if found := _INTERVAL.search(stem(name)):
            return int(found[1]) * _INTERVAL_NS[found[2]]
    return 0
