"""Every feed by the name of its venue: what reads a recording or opens a connection looks it up here."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer
from holdfast.venues.base import Feed
from holdfast.venues.binance.feed import BinanceFeed
from holdfast.venues.bitmex.feed import BitmexFeed
from holdfast.venues.bybit.feed import BybitFeed
from holdfast.venues.deribit.feed import DeribitFeed
from holdfast.venues.kraken.feed import KrakenFuturesFeed
from holdfast.venues.okx.feed import OkxFeed

FeedFactory = Callable[[Instruments, RowBuffer], Feed]

FEEDS: Final[Mapping[str, FeedFactory]] = {
    "binance-usdm": partial(BinanceFeed, market="binance-usdm"),
    "binance-coinm": partial(BinanceFeed, market="binance-coinm"),
    "binance-spot": partial(BinanceFeed, market="binance-spot"),
    "deribit": DeribitFeed,
    "okx": OkxFeed,
    "bybit-linear": partial(BybitFeed, category="linear"),
    "bybit-inverse": partial(BybitFeed, category="inverse"),
    "bybit-spot": partial(BybitFeed, category="spot"),
    "bybit-option": partial(BybitFeed, category="option"),
    "bitmex": BitmexFeed,
    "kraken-futures": KrakenFuturesFeed,
}
