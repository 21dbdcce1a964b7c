"""Index paths: where the prices of the world's assets go, from a seed.

Each asset is a geometric Brownian motion without drift, moved in steps; coins move together. A shock is one more move.
"""

import math
import random
from collections.abc import Mapping
from typing import Final

from holdfast.clock import DAY_NS

_YEAR_NS: Final = 365 * DAY_NS
_TOGETHER: Final = 0.8  # correlation of each coin with the first


class IndexPaths:
    """The prices of assets in dollars, and their volatility (a fraction a year)."""

    def __init__(self, seed: int, prices: Mapping[str, float], volatility: float = 0.5) -> None:
        self.prices = dict(prices)
        self.volatility = volatility
        self._random = random.Random(f"paths {seed}")

    def step(self, length_ns: int) -> None:
        """Move every price by one step of time."""
        size = self.volatility * math.sqrt(length_ns / _YEAR_NS)
        first = self._random.gauss(0.0, 1.0)
        rest = math.sqrt(1.0 - _TOGETHER**2)
        for place, asset in enumerate(self.prices):
            own = self._random.gauss(0.0, 1.0)
            draw = first if place == 0 else _TOGETHER * first + rest * own
            self.shock(asset, size * draw - size * size / 2)

    def shock(self, asset: str, log_return: float) -> None:
        """Move one price at once."""
        self.prices[asset] *= math.exp(log_return)
