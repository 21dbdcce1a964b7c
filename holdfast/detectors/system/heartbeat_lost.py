"""Heartbeat lost: a part of the guard that used to speak up has gone silent.

Sees: `heartbeat` of a part (the subject; its value is the seconds until the next one is due): silence for three times that,
and never for less than five seconds. A watchdog that sleeps is worse than none, because people rely on it.
Fails: for a part that beats although it does no work; for one that never beat. Cost: 2 us an event, 8 us a tick.
"""

from typing import Any, Final

from holdfast.clock import SECOND_NS
from holdfast.detectors.live import Heard
from holdfast.detectors.system.base import SystemDetector
from holdfast.event import Scope, SystemMeasured

SILENT_S_MIN: Final = 5.0
PERIODS_MAX: Final = 3.0
PARTS_MAX: Final = 256


class HeartbeatLost(SystemDetector):
    """See the module: what it sees, when it fails, what it costs. Value: seconds of silence."""

    name = "heartbeat_lost"
    evidence = ("part", "silent_s")
    severities = (2.0, 6.0, 24.0)
    clear_after_s = 10.0

    def __init__(self) -> None:
        super().__init__()
        self._beats: dict[str, tuple[int, float]] = {}

    def measure(self, event: Heard) -> None:
        """Take in a beat; a period of 0 is a part that has ended in order."""
        if not isinstance(event, SystemMeasured) or event.name != "heartbeat":
            return
        if event.value <= 0.0:
            self._beats.pop(event.subject, None)
        elif event.subject in self._beats or len(self._beats) < PARTS_MAX:
            self._beats[event.subject] = (self.now_ns, event.value)

    def tick(self) -> None:
        """Look for the part that has been silent for longest, against its own period."""
        worst, part, silent_s, line = 0.0, "", 0.0, SILENT_S_MIN
        for name, (beat_ns, period_s) in sorted(self._beats.items()):
            silence_s = (self.now_ns - beat_ns) / SECOND_NS
            patience_s = max(SILENT_S_MIN, PERIODS_MAX * period_s)
            if silence_s / patience_s > worst:
                worst, part, silent_s, line = silence_s / patience_s, name, silence_s, patience_s
        self.judge(
            Scope(),
            ratio=worst,
            value=silent_s,
            threshold=line,
            evidence={"part": part, "silent_s": silent_s},
            message=f"`{part}` has said nothing for {silent_s:.0f} s",
        )

    def remembered(self) -> list[Any]:
        """Return the last beat of every part."""
        return sorted(self._beats.items())
