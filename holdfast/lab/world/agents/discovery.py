"""Discovery: the index learns from what is taken, and the agents learn how much it moves.

Source: linear permanent impact (Kyle, "Continuous auctions and insider trading", Econometrica 1985).
Limits: impact does not fade and does not depend on depth; an index of the real world is made of spot markets.
"""

import math
from typing import TYPE_CHECKING, Final

from holdfast.clock import MILLISECOND_NS
from holdfast.lab.world.agents.mood import Moods

if TYPE_CHECKING:
    from holdfast.lab.world.world import World

EVERY_NS: Final = 200 * MILLISECOND_NS
FAST_S: Final = 3.0
SLOW_S: Final = 900.0
SURPRISE_MAX: Final = 25.0  # a move counts as usual up to so many times the usual variance
IMPACT: Final = {"BTC": 2.5e-10, "ETH": 5e-10, "SOL": 2e-9}  # log return a dollar
IMPACT_MAX: Final = 0.004  # of one turn


class Discovery:
    """Moves indices by net taking and measures their variance."""

    def __init__(self, moods: Moods) -> None:
        self._moods = moods

    def join(self, now_ns: int, world: "World") -> int:
        """Note the first prices."""
        for asset, mood in self._moods.items():
            mood.price = world.paths.prices[asset]
        return now_ns + EVERY_NS

    def wake(self, now_ns: int, world: "World") -> int:
        """Look at every asset."""
        length_s = EVERY_NS * 1e-9
        for asset, mood in self._moods.items():
            price = world.paths.prices[asset]
            squared = math.log(price / mood.price) ** 2 / length_s
            mood.price = price
            mood.fast += (squared - mood.fast) * length_s / FAST_S
            mood.slow += (min(squared, SURPRISE_MAX * mood.slow) - mood.slow) * length_s / SLOW_S
            if mood.flow_usd:
                impact = IMPACT[asset] * mood.flow_usd
                mood.flow_usd = 0.0
                world.shock(asset, min(max(impact, -IMPACT_MAX), IMPACT_MAX))
        return now_ns + EVERY_NS
