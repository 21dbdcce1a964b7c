"""News: how restless the world is: volatility that wanders, jumps that come in bursts, premiums and carry that drift.

Log volatility is the sum of a slow and a quick Ornstein-Uhlenbeck process; each jump lifts the quick one, and jumps come
more often while it is high. Options are marked at a volatility that follows, and that a crash lifts at once.
"""

import math
import random
from typing import TYPE_CHECKING, Final

from holdfast.clock import SECOND_NS
from holdfast.lab.world.agents.mood import Moods

if TYPE_CHECKING:
    from holdfast.lab.world.world import World

VOLATILITY: Final = 0.35  # a year, of the news alone
_SLOW_S: Final = 900.0
_QUICK_S: Final = 60.0
_SLOW_SIZE: Final = 0.5
_JUMPS_PER_S: Final = 1.0 / 90.0
_JUMP: Final = 0.00016  # mean size
_LIFT: Final = 0.5
_LOG_MAX: Final = 1.3
_PREMIUM_S: Final = 3_600.0
_PREMIUM_SIZE: Final = 0.00015
_CARRY_SIZE: Final = 0.01
_OPTION_VOLATILITY: Final = 0.6
_CALMING_S: Final = 900.0
_BETA: Final = {"BTC": 1.0, "ETH": 1.2, "SOL": 1.4}


class News:
    """Sets the volatility of the index paths, and makes them jump."""

    def __init__(self, seed: int, moods: Moods) -> None:
        self._random = random.Random(f"news {seed}")
        self._moods = moods
        self._slow = self._random.gauss(0.0, _SLOW_SIZE)
        self._quick = 0.0
        self._alarm = 0.0

    def join(self, now_ns: int, world: "World") -> int:
        """Begin."""
        return self.wake(now_ns, world)

    def wake(self, now_ns: int, world: "World") -> int:
        """Move everything by a second."""
        draw = self._random
        self._slow += -self._slow / _SLOW_S + _SLOW_SIZE * math.sqrt(2.0 / _SLOW_S) * draw.gauss(0.0, 1.0)
        self._quick -= self._quick / _QUICK_S
        if draw.random() < _JUMPS_PER_S * math.exp(min(self._quick, 1.5)):
            self._jump(world)
        level = self._level
        world.paths.volatility = VOLATILITY * math.exp(level - 0.5 * _SLOW_SIZE**2)
        for asset, mood in self._moods.items():
            for name, mean, size in (("premium", 0.0, _PREMIUM_SIZE), ("carry", 0.08, _CARRY_SIZE)):
                value = getattr(mood, name)
                value += (mean - value) / _PREMIUM_S + size * math.sqrt(2.0 / _PREMIUM_S) * draw.gauss(
                    0.0, 1.0
                )
                setattr(mood, name, value)
            if asset == "BTC":
                self._alarm = max(self._alarm * (1.0 - 1.0 / _CALMING_S), min(mood.stress / 40.0, 1.0) - 0.1)
            world.volatilities[asset] = round(
                _OPTION_VOLATILITY * math.exp(0.2 * self._slow) * (1.0 + max(self._alarm, 0.0)), 3
            )
        return now_ns + SECOND_NS

    @property
    def _level(self) -> float:
        return min(self._slow + self._quick, _LOG_MAX)

    def _jump(self, world: "World") -> None:
        draw = self._random
        size = draw.expovariate(1.0 / _JUMP) * math.exp(self._level) * draw.choice((-1, 1))
        for asset in self._moods:
            world.shock(asset, size * _BETA[asset] * draw.uniform(0.8, 1.2))
        self._quick += _LIFT
