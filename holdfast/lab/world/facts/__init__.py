"""Stylised facts: what a market looks like in numbers, the same numbers of the world and of a recording of a real venue.

`observe_world` and `observe_recording` give a `Market`, `measure` its facts, `table` several of them side by side.
"""

from holdfast.lab.world.facts.market import Market
from holdfast.lab.world.facts.measure import FACTS, measure
from holdfast.lab.world.facts.recorded import observe_recordings
from holdfast.lab.world.facts.simulated import observe_world
from holdfast.lab.world.facts.table import table

__all__ = ["FACTS", "Market", "measure", "observe_recordings", "observe_world", "table"]
