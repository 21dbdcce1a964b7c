"""Loop lag: the guard's own loop comes late to its work, so everything it does comes late.

Sees: `loop_lag_s`, how much later than asked for the loop woke up, measured several times a second; the worst of the last
ten seconds counts. Below a fifth of a second is nothing.
Fails: when the loop does not run at all: then nothing here runs either (the venue's dead-man switch and a supervisor
are for that), and the lag is told when it wakes. Cost: 2 us an event.
"""

from collections import deque
from typing import Any, Final

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.detectors.live import Heard
from holdfast.detectors.system.base import SystemDetector
from holdfast.event import Scope, SystemMeasured

WINDOW_NS: Final = 10 * SECOND_NS
SAMPLES_MAX: Final = 1_024


class LoopLagSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lag that is an alert."""

    lag_s_max: float = 0.2


class LoopLag(SystemDetector):
    """See the module: what it sees, when it fails, what it costs. Value: seconds."""

    name = "loop_lag"
    evidence = ("lag_s",)
    severities = (2.5, 5.0, 25.0)
    clear_after_s = 30.0

    def __init__(self, settings: LoopLagSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or LoopLagSettings()
        self._lags: deque[tuple[int, float]] = deque(maxlen=SAMPLES_MAX)

    def measure(self, event: Heard) -> None:
        """Take in a measurement."""
        if isinstance(event, SystemMeasured) and event.name == "loop_lag_s":
            self._lags.append((self.now_ns, event.value))
            self._judge()

    def tick(self) -> None:
        """See whether it is over."""
        if self.open_scopes:
            self._judge()

    def remembered(self) -> list[Any]:
        """Return the last lags."""
        return list(self._lags)

    def _judge(self) -> None:
        while self._lags and self.now_ns - self._lags[0][0] > WINDOW_NS:
            self._lags.popleft()
        worst = max((lag for _, lag in self._lags), default=0.0)
        line = self.settings.lag_s_max
        self.judge(
            Scope(),
            ratio=worst / line,
            value=worst,
            threshold=line,
            evidence={"lag_s": worst},
            message=f"the guard's loop came {worst:.3f} s late",
        )
