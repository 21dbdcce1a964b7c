"""Market: what the prices of a portfolio need, at one moment: asset prices, marks, forward curves, surfaces, depth.

Rules:

1. It is a value: built once from recordings, files or the live fold, never changed.
2. Every price carries its time, so that a stale one can be told; whoever uses it decides how old is too old.
3. What is not here is missing: nothing below makes up a price.
"""

from bisect import bisect_left

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.clock import DAY_NS
from holdfast.risk.surface.base import Surface

YEAR_NS = 365 * DAY_NS


class Price(msgspec.Struct, frozen=True):
    """A price in base currency, its time, and where it is from (`index`, `spot`, `file`...)."""

    value: float
    time_ns: int
    source: str = ""


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue says of one contract. Units: prices in quote units, in coin for a coin-settled option; NaN: not said.

    `volatility` the venue's own mark volatility, `funding_rate` of one `funding_hours` interval.
    """

    price: float
    time_ns: int
    bid: float = float("nan")
    ask: float = float("nan")
    volatility: float = float("nan")
    funding_rate: float = float("nan")
    funding_hours: float = 8.0


class Curve(msgspec.Struct, frozen=True):
    """Forwards and discount factors of one asset by expiry, expiries ascending. Units: forwards in quote units.

    Between expiries the log of forward over spot, and of the discount factor, is linear in time from now (spot); beyond the
    last expiry the last rate goes on.
    """

    time_ns: int
    spot: float
    expiries_ns: tuple[int, ...] = ()
    forwards: tuple[float, ...] = ()
    discounts: tuple[float, ...] = ()

    def forward(self, expiry_ns: int) -> float:
        """Return the forward for an expiry; with no expiry known, spot."""
        return self.spot * float(np.exp(self._log_at(expiry_ns, [f / self.spot for f in self.forwards])))

    def discount(self, expiry_ns: int) -> float:
        """Return the discount factor for an expiry; with none known, 1."""
        return float(np.exp(self._log_at(expiry_ns, list(self.discounts))))

    def _log_at(self, expiry_ns: int, values: list[float]) -> float:
        if not values or expiry_ns <= self.time_ns:
            return 0.0
        times = [self.time_ns, *self.expiries_ns]
        logs = [0.0, *(float(np.log(value)) for value in values)]
        after = bisect_left(times, expiry_ns)
        if after == len(times):  # the last known rate goes on
            return logs[-1] * (expiry_ns - self.time_ns) / (times[-1] - self.time_ns)
        before_ns, after_ns = times[after - 1], times[after]
        share = (expiry_ns - before_ns) / (after_ns - before_ns)
        return logs[after - 1] + share * (logs[after] - logs[after - 1])


class Depth(msgspec.Struct, frozen=True):
    """Resting orders of one contract, best first. Shape: (levels, 2) of price in quote units and size in asset units."""

    time_ns: int
    bids: NDArray[np.float64]
    asks: NDArray[np.float64]


class RiskMarket(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known at `time_ns`: by asset (prices, curves, surfaces) and by `venue:symbol` (marks, depths)."""

    time_ns: int
    base_currency: str = "USD"
    prices: dict[str, Price] = {}
    curves: dict[str, Curve] = {}
    surfaces: dict[str, Surface] = {}
    marks: dict[str, Mark] = {}
    depths: dict[str, Depth] = {}


def years_between(time_ns: int, expiry_ns: int) -> float:
    """Return the time to an expiry in years of 365 days, negative once it is past.

    >>> years_between(0, 365 * 86_400 * 10**9)
    1.0
    """
    return (expiry_ns - time_ns) / YEAR_NS
