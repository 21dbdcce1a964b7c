"""History: one price a minute of every asset that a portfolio holds, for forecasts; bounded, whatever the run's length."""

from typing import Final

import numpy as np

from holdfast.clock import MINUTE_NS
from holdfast.risk.market import RiskMarket
from holdfast.risk.refresh import History

MINUTES_MAX: Final = 7 * 24 * 60


class PriceHistory:
    """The last `MINUTES_MAX` minutes, one price each."""

    def __init__(self) -> None:
        self._minute = -1
        self._times: dict[str, list[int]] = {}
        self._prices: dict[str, list[float]] = {}

    def is_due(self, now_ns: int) -> bool:
        """Tell whether a new minute has begun since the last look."""
        return now_ns // MINUTE_NS != self._minute

    def take(self, market: RiskMarket) -> None:
        """Take in the prices of a market; those that are not new in this minute are no news, and not taken."""
        self._minute = market.time_ns // MINUTE_NS
        for asset, price in market.prices.items():
            if market.time_ns - price.time_ns >= MINUTE_NS or price.source in ("par", "base currency"):
                continue
            times = self._times.setdefault(asset, [])
            prices = self._prices.setdefault(asset, [])
            times.append(market.time_ns)
            prices.append(price.value)
            if len(times) > 2 * MINUTES_MAX:
                del times[:-MINUTES_MAX], prices[:-MINUTES_MAX]

    def series(self) -> History:
        """Return what is remembered of each asset."""
        return {
            asset: (
                np.array(times[-MINUTES_MAX:], dtype=np.int64),
                np.array(self._prices[asset][-MINUTES_MAX:]),
            )
            for asset, times in self._times.items()
        }
