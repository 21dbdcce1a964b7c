"""Clock: ours is wrong, or was set: against each venue's own clock, and against the time that truly passed.

Sees: the offset to a venue (`ClockMeasured`) beyond what the round trip leaves open; a jump of that offset between two
measurements; and `clock_step_s`, by how much the wall clock moved other than the monotonic one since the last look.
Orders carry the end of their validity: a clock that is off makes venues refuse them, or take them late.
Fails: when a venue's own clock is wrong (then it speaks of that venue only). Cost: 2 us an event.
Source: Binance's error -1021; NTP, RFC 5905, for the bound by half the round trip.
"""

from typing import Any, Final

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.detectors.live import Evidence, Heard
from holdfast.detectors.system.base import SystemDetector
from holdfast.event import ClockMeasured, Scope, SystemMeasured

VENUES_MAX: Final = 256


class ClockSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds that are an alert: of a lasting offset, and of a step."""

    offset_s_max: float = 0.25
    step_s_max: float = 0.25


class Clock(SystemDetector):
    """See the module: what it sees, when it fails, what it costs. Value: seconds."""

    name = "clock"
    evidence = ("kind", "offset_s", "round_trip_s")
    severities = (2.0, 4.0, 10.0)
    clear_after_s = 60.0

    def __init__(self, settings: ClockSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or ClockSettings()
        self._last: dict[str, tuple[int, int]] = {}

    def measure(self, event: Heard) -> None:
        """Take in a measurement."""
        if isinstance(event, ClockMeasured):
            self._take_offset(event)
        elif isinstance(event, SystemMeasured) and event.name == "clock_step_s":
            line = self.settings.step_s_max
            message = f"our clock was set by {event.value:+.3f} s"
            evidence: Evidence = {"kind": "step", "offset_s": event.value}
            if abs(event.value) >= line:
                self.flash(Scope(), abs(event.value) / line, abs(event.value), line, evidence, message)

    def remembered(self) -> list[Any]:
        """Return the last offset to every venue."""
        return sorted(self._last.items())

    def _take_offset(self, event: ClockMeasured) -> None:
        known = self._last.get(event.venue)
        if known is None and len(self._last) >= VENUES_MAX:
            return
        self._last[event.venue] = (event.offset_ns, event.round_trip_ns)
        doubt_ns = event.round_trip_ns // 2
        off_s = max(abs(event.offset_ns) - doubt_ns, 0) / SECOND_NS
        jump_s = 0.0
        if known is not None:
            moved_ns = abs(event.offset_ns - known[0]) - doubt_ns - known[1] // 2
            jump_s = max(moved_ns, 0) / SECOND_NS
        ratio = off_s / self.settings.offset_s_max
        jumps = jump_s / self.settings.step_s_max
        evidence: Evidence = {
            "kind": "jump" if jumps > ratio else "offset",
            "offset_s": event.offset_ns / SECOND_NS,
            "round_trip_s": event.round_trip_ns / SECOND_NS,
        }
        scope = Scope(event.venue)
        if jumps > ratio and jumps >= 1.0:
            message = f"its clock against ours jumped by {jump_s:.3f} s"
            self.flash(scope, jumps, jump_s, self.settings.step_s_max, evidence, message)
        else:
            message = f"its clock is {event.offset_ns / SECOND_NS:+.3f} s off ours"
            self.judge(scope, ratio, off_s, self.settings.offset_s_max, evidence, message)
