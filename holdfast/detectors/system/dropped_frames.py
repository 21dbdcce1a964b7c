"""Dropped frames: what a venue sent was thrown away before anybody read it, because the guard could not keep up.

Sees: `frames_dropped`, how many since the last measurement, with the venue as the subject; counted over a minute. One is one
too many: a book with a hole is no book, and a fill that was dropped is a position that nobody knows.
Fails: for what the network or the venue drops (sequence_gap and position_drift see that). Cost: 2 us an event.
"""

from typing import Any, Final

from holdfast.detectors.live import Heard
from holdfast.detectors.own.rolling import RollingCount
from holdfast.detectors.system.base import SystemDetector
from holdfast.event import Scope, SystemMeasured

WINDOW_S: Final = 60.0
VENUES_MAX: Final = 256


class DroppedFrames(SystemDetector):
    """See the module: what it sees, when it fails, what it costs. Value: frames within a minute."""

    name = "dropped_frames"
    evidence = ("dropped",)
    severities = (10.0, 100.0, 1_000.0)
    clear_after_s = 60.0

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, RollingCount] = {}

    def measure(self, event: Heard) -> None:
        """Take in a measurement."""
        if not isinstance(event, SystemMeasured) or event.name != "frames_dropped" or event.value <= 0.0:
            return
        venue = event.subject if event.subject in self._counts or len(self._counts) < VENUES_MAX else ""
        self._counts.setdefault(venue, RollingCount(WINDOW_S)).add(self.now_ns, event.value)
        self._judge(venue)

    def tick(self) -> None:
        """See whether it is over."""
        for scope in self.open_scopes:
            self._judge(scope.venue)

    def remembered(self) -> list[Any]:
        """Return the counts of every venue."""
        return [[venue, one.memory()] for venue, one in sorted(self._counts.items())]

    def _judge(self, venue: str) -> None:
        known = self._counts.get(venue)
        dropped = known.total(self.now_ns) if known else 0.0
        self.judge(
            Scope(venue),
            ratio=dropped,
            value=dropped,
            threshold=1.0,
            evidence={"dropped": dropped},
            message=f"{dropped:.0f} frames were thrown away unread within a minute",
        )
