"""Machine: what the node measures of itself and of the machine it runs on, as events for the system detectors.

Names and units: `loop_lag_s` how late the event loop woke; `disk_free_bytes` of the state folder; `memory_bytes` resident;
`clock_step_s` the wall clock less the steady one; `heartbeat` of each part that has beaten since the last time, in seconds
until its next.
"""

import shutil
from pathlib import Path
from typing import Final

import psutil

from holdfast.clock import SECOND_NS
from holdfast.event import SystemMeasured

PERIOD_S: Final = 1.0


class Machine:
    """Measure. Parts `beat` when they have done their work. Cost: about 50 us."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = psutil.Process()
        self._beaten: dict[str, float] = {}

    def beat(self, part: str, period_s: float = PERIOD_S) -> None:
        """Note that a part works, and within how many seconds it will again."""
        self._beaten[part] = period_s

    def measure(self, now_ns: int, lag_s: float, step_ns: int) -> list[SystemMeasured]:
        """Return one measurement of each."""
        values = {
            "loop_lag_s": lag_s,
            "disk_free_bytes": float(shutil.disk_usage(self._folder).free),
            "memory_bytes": float(self._process.memory_info().rss),
            "clock_step_s": step_ns / SECOND_NS,
        }
        found = [SystemMeasured(time_ns=now_ns, name=name, value=value) for name, value in values.items()]
        for part, period_s in sorted(self._beaten.items()):
            found.append(SystemMeasured(time_ns=now_ns, name="heartbeat", value=period_s, subject=part))
        self._beaten.clear()
        return found
