"""Whose frames are these: the venue of a capture, told by addresses and by the shape of messages."""

import re
from typing import Final

from holdfast.error import OutsideError
from holdfast.venues.binance.market import market_of, market_of_url

_HOSTS: Final = (
    (re.compile(r"\bderibit\.com"), "deribit"),
    (re.compile(r"\bokx?\.com|\bokex\.com"), "okx"),
    (re.compile(r"\bbitmex\.com"), "bitmex"),
    (re.compile(r"futures\.kraken\.com|\bcryptofacilities\.com"), "kraken-futures"),
    (re.compile(r"\bbybit\.com.*/(?:linear|category=linear)|\bbytick\.com.*/linear"), "bybit-linear"),
    (re.compile(r"\bbybit\.com.*/inverse"), "bybit-inverse"),
    (re.compile(r"\bbybit\.com.*/spot"), "bybit-spot"),
    (re.compile(r"\bbybit\.com"), "bybit-linear"),
)
_SHAPES: Final = (
    (re.compile(rb'"jsonrpc"'), "deribit"),
    (re.compile(rb'"arg":\s*\{[^}]*"channel"'), "okx"),
    (re.compile(rb'"table":\s*"[A-Za-z0-9]+"'), "bitmex"),
    (re.compile(rb'"feed":\s*"[a-z_]+"'), "kraken-futures"),
    (
        re.compile(rb'"topic":\s*"(?:orderbook|publicTrade|tickers|liquidation|allLiquidation|kline)\.'),
        "bybit",
    ),
)
_BYBIT_COIN: Final = re.compile(
    rb'"topic":\s*"[A-Za-z]+\.(?:\d+\.|\w+\.)?[A-Z0-9]+USD(?:[FGHJKMNQUVXZ]\d\d)?"'
)
KNOWN: Final = (
    "binance-usdm", "binance-coinm", "binance-spot", "deribit", "okx", "bitmex", "kraken-futures",
    "bybit-linear", "bybit-inverse",
)  # fmt: skip


def venue_of_url(url: str) -> str:
    """Return the venue that an address belongs to, or nothing.

    >>> venue_of_url("wss://www.deribit.com/ws/api/v2")
    'deribit'
    """
    for pattern, venue in _HOSTS:
        if pattern.search(url):
            return venue
    return market_of_url(url)


def venue_of_frame(frame: bytes) -> str:
    """Return the venue that sends messages of this shape, or nothing.

    >>> venue_of_frame(b'{"topic":"orderbook.500.XRPUSDT","type":"delta"}')
    'bybit-linear'
    """
    for pattern, venue in _SHAPES:
        if pattern.search(frame):
            if venue == "bybit":
                return "bybit-inverse" if _BYBIT_COIN.search(frame) else "bybit-linear"
            return venue
    return market_of(frame)


def first_venue(urls: list[str], frames: list[bytes]) -> str:
    """Return the venue that the first telling address or message names.

    Raises: OutsideError `venue.unknown`.
    """
    for url in urls:
        if venue := venue_of_url(url):
            return venue
    for frame in frames:
        if venue := venue_of_frame(frame):
            return venue
    raise OutsideError(
        "venue.unknown",
        "no address or message at the beginning tells the venue",
        remedy=f"the venues known by their messages are {', '.join(KNOWN)}",
    )
