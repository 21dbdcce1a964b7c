"""Line down: a connection to a venue is gone, or is up and says nothing.

Sees: a line that went down (`LineMoved`) and has not come back for `down_s_max`, and `line_silent_s`, how long nothing at
all has come from a venue (the subject) although its lines are up. A venue that does not speak cannot be traded on, and what
is open there goes on without us. The longest speaks for its venue.
Fails: for a venue that answers heartbeats and serves nothing else (stale_feed sees that). Cost: 2 us an event, 9 us a tick.
"""

from typing import Any, Final

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.detectors.live import Heard
from holdfast.detectors.system.base import SystemDetector
from holdfast.event import LineMoved, Scope, SystemMeasured

LINES_MAX: Final = 1_024


class LineDownSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds until a line that is down, or one that is silent, is an alert."""

    down_s_max: float = 2.0
    silent_s_max: float = 10.0


class LineDown(SystemDetector):
    """See the module: what it sees, when it fails, what it costs. Value: seconds."""

    name = "line_down"
    evidence = ("kind", "line", "account", "down_s", "reason")
    severities = (2.5, 15.0, 60.0)
    clear_after_s = 10.0

    def __init__(self, settings: LineDownSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or LineDownSettings()
        self._down: dict[tuple[str, str, str], tuple[int, str]] = {}
        self._silent: dict[str, float] = {}

    def measure(self, event: Heard) -> None:
        """Take in that a line moved, or how long a venue has been silent."""
        if isinstance(event, LineMoved):
            key = (event.venue, event.account, event.line)
            if event.up:
                self._down.pop(key, None)
            elif key not in self._down and len(self._down) < LINES_MAX:
                self._down[key] = (self.now_ns, event.reason)
        elif (
            isinstance(event, SystemMeasured)
            and event.name == "line_silent_s"
            and (event.subject in self._silent or len(self._silent) < LINES_MAX)
        ):
            self._silent[event.subject] = event.value

    def tick(self) -> None:
        """Judge every venue of which a line is down or that is silent."""
        venues = (
            {key[0] for key in self._down} | set(self._silent) | {scope.venue for scope in self.open_scopes}
        )
        for venue in sorted(venues):
            self._judge(venue)

    def remembered(self) -> list[Any]:
        """Return what is down and how long each venue has been silent."""
        return [sorted(self._down.items()), sorted(self._silent.items())]

    def _judge(self, venue: str) -> None:
        known = self.settings
        silent_s = self._silent.get(venue, 0.0)
        found = (silent_s / known.silent_s_max, silent_s, known.silent_s_max, "silent", "", "", "")
        for (of, account, line), (since_ns, reason) in self._down.items():
            if of == venue:
                down_s = (self.now_ns - since_ns) / SECOND_NS
                found = max(
                    found,
                    (down_s / known.down_s_max, down_s, known.down_s_max, "down", line, account, reason),
                )
        ratio, value, threshold, kind, line, account, reason = found
        what = f"its {line} line has been down" if kind == "down" else "nothing has come from it"
        self.judge(
            Scope(venue),
            ratio=ratio,
            value=value,
            threshold=threshold,
            evidence={"kind": kind, "line": line, "account": account, "down_s": value, "reason": reason},
            message=f"{what} for {value:.0f} s",
        )
