"""Guard process: `holdfast run` as a process of its own, and the signs by which one sees from outside how it is.

A guard is ready when its health file says so: each private line is up, and each account was reconciled since. The file names
the process that wrote it, so an old one says nothing of a new guard.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from holdfast.app.control.health import Health, read_health
from holdfast.clock import SECOND_NS
from holdfast.lab.drill.os_process import OsProcess

LOOK_S: Final = 0.01


class GuardProcess(OsProcess):
    """One guard. `command` is what runs Holdfast, to which `run CONFIG` is added.

    `clock_step_ns`: by how much its clock is ahead of ours.
    """

    def __init__(self, command: Sequence[str], config: Path, state: Path, log: Path) -> None:
        self.started_s = time.monotonic()
        self.clock_step_ns = 0
        super().__init__((*command, "run", str(config)), log)
        self._state = state

    def health(self) -> Health | None:
        """Return what this process last said of itself."""
        health = read_health(self._state)
        return health if health is not None and health.pid == self.pid else None

    def is_ready(self, *, said_after_ns: int = 0, reconciled_after_ns: int = 0) -> bool:
        """Tell whether it says that it is ready, and that later than a time, reconciled later than another."""
        health = self.health()
        if health is None or not health.figures.get("ready"):
            return False
        said_ns = health.time_ns - self.clock_step_ns
        reconciled_ns = said_ns - round(health.figures.get("reconciled_s", 0.0) * SECOND_NS)
        return said_ns > said_after_ns and reconciled_ns > reconciled_after_ns

    def await_ready(self, timeout_s: float) -> float | None:
        """Wait until it says that it is ready; return the monotonic time, None if it never did."""
        give_up_s = time.monotonic() + timeout_s
        while time.monotonic() < give_up_s and self.exit_code is None:
            if self.is_ready():
                return time.monotonic()
            time.sleep(LOOK_S)
        return None

    def await_trouble(self, timeout_s: float) -> bool:
        """Wait until it says that it is not ready; tell whether it did."""
        give_up_s = time.monotonic() + timeout_s
        while time.monotonic() < give_up_s:
            health = self.health()
            if health is not None and not health.figures.get("ready"):
                return True
            time.sleep(LOOK_S)
        return False
