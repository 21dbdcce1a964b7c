"""Memory: the guard's process grows and will be killed for it at the worst moment.

Sees: `memory_bytes`, the resident size: four fifths of `bytes_max`, or, after half an hour, a growth of the smallest size of
each five minutes by more than `growth_bytes_per_h_max` (the smallest, because garbage collection saws). The first half
hour may grow: caches fill.
Fails: for memory that other processes take; for a leak slower than the line. Cost: 2 us an event.
Source: other frameworks grew by 950 MB an hour without telling anybody.
"""

from collections import deque
from typing import Any, Final

import msgspec

from holdfast.clock import HOUR_NS, MINUTE_NS
from holdfast.detectors.live import Heard
from holdfast.detectors.system.base import SystemDetector
from holdfast.event import Scope, SystemMeasured

STRETCH_NS: Final = 5 * MINUTE_NS
STRETCHES_MAX: Final = 13  # an hour, and the running one
WARM_UP_STRETCHES: Final = 6
WARN_SHARE: Final = 0.8


class MemorySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The size that is too much, and the growth."""

    bytes_max: float = 4e9
    growth_bytes_per_h_max: float = 3e8


class Memory(SystemDetector):
    """See the module: what it sees, when it fails, what it costs. Value: bytes."""

    name = "memory"
    evidence = ("bytes", "growth_bytes_per_h")
    severities = (1.125, 1.25, 2.0)
    clear_after_s = 300.0

    def __init__(self, settings: MemorySettings | None = None) -> None:
        super().__init__()
        self.settings = settings or MemorySettings()
        self._smallest: deque[tuple[int, float]] = deque(maxlen=STRETCHES_MAX)
        self._stretches = 0

    def measure(self, event: Heard) -> None:
        """Take in a measurement."""
        if not isinstance(event, SystemMeasured) or event.name != "memory_bytes":
            return
        stretch = self.now_ns // STRETCH_NS
        if self._smallest and self._smallest[-1][0] == stretch:
            self._smallest[-1] = (stretch, min(event.value, self._smallest[-1][1]))
        else:
            self._smallest.append((stretch, event.value))
            self._stretches += 1
        growth = self._growth_per_h()
        known = self.settings
        ratio = max(event.value / (WARN_SHARE * known.bytes_max), growth / known.growth_bytes_per_h_max)
        self.judge(
            Scope(),
            ratio=ratio,
            value=event.value,
            threshold=WARN_SHARE * known.bytes_max,
            evidence={"bytes": event.value, "growth_bytes_per_h": growth},
            message=f"the guard holds {event.value / 1e9:.2f} GB and grows by {growth / 1e6:.0f} MB an hour",
        )

    def remembered(self) -> list[Any]:
        """Return the smallest size of each stretch."""
        return [self._stretches, list(self._smallest)]

    def _growth_per_h(self) -> float:
        """Return the growth between the first and the last finished stretch that are kept, once it can be told."""
        if self._stretches < 2 * WARM_UP_STRETCHES:
            return 0.0
        (first, was), (last, now) = self._smallest[0], self._smallest[-2]
        return (now - was) * HOUR_NS / ((last - first) * STRETCH_NS) if last > first else 0.0
