"""Mood: what the agents know of one asset: how it moves now and usually, what was taken, and what its futures are worth."""

import math
from typing import Final

from holdfast.clock import DAY_NS

_YEAR_NS: Final = 365 * DAY_NS


class Mood:
    """One asset as the agents see it. Variances of log returns are a second; `premium` and `carry` are fractions."""

    __slots__ = ("asset", "carry", "fast", "flow_usd", "premium", "price", "slow")

    def __init__(self, asset: str, sigma: float) -> None:
        self.asset = asset
        self.price = 0.0  # the index when it was last looked at
        self.fast = self.slow = sigma * sigma
        self.flow_usd = 0.0  # bought less sold by takers, not yet in the price
        self.premium = 0.0  # of perpetuals over the index
        self.carry = 0.08  # of dated futures over the index, a year

    @property
    def sigma(self) -> float:
        """Return how much the price moves now, a root second."""
        return math.sqrt(self.fast)

    @property
    def stress(self) -> float:
        """Return how many times more than usual the price moves."""
        return math.sqrt(self.fast / self.slow)

    def basis(self, expiry_ns: int, now_ns: int) -> float:
        """Return what a perpetual (no expiry) or a dated future is worth over the index, a fraction of it."""
        return self.carry * max(expiry_ns - now_ns, 0) / _YEAR_NS if expiry_ns else self.premium


Moods = dict[str, Mood]
