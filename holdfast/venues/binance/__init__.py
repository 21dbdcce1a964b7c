"""Binance: USD-M and COIN-M futures, and spot."""

from holdfast.venues.binance.feed import BinanceFeed
from holdfast.venues.binance.market import COINM, MARKETS, SPOT, USDM, market_of, market_of_url

__all__ = ["COINM", "MARKETS", "SPOT", "USDM", "BinanceFeed", "market_of", "market_of_url"]
