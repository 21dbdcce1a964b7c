"""Steady clock: UTC nanoseconds that run evenly, whatever is done to the machine's wall clock.

It reads the wall clock once, when it is made, and counts on with the monotonic clock, which also runs while the process is
stopped. `step_ns` says how far the wall clock has gone from it since: a step, or a slow drift.
"""

import time


class SteadyClock:
    """The node's clock."""

    def __init__(self) -> None:
        self._wall_ns = time.time_ns()
        self._monotonic_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        """Return the time."""
        return self._wall_ns + time.monotonic_ns() - self._monotonic_ns

    def step_ns(self) -> int:
        """Return the wall clock less this one."""
        return time.time_ns() - self.now_ns()
