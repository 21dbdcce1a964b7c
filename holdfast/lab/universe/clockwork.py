"""Clockwork: virtual time, as a heap of things that are to happen. One seed is one universe: ties go by who came first."""

import heapq
from collections.abc import Callable
from typing import Final

EVENTS_MAX: Final = 50_000_000


class Clockwork:
    """Let things happen in time order. `now_ns` moves only by `run`."""

    def __init__(self, start_ns: int) -> None:
        self.now_ns = start_ns
        self.events = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []

    def at(self, time_ns: int, happen: Callable[[], None]) -> None:
        """Have something happen at a time, or now if that has passed."""
        self.events += 1
        heapq.heappush(self._heap, (max(time_ns, self.now_ns), self.events, happen))

    def after(self, delay_ns: int, happen: Callable[[], None]) -> None:
        """Have something happen after a while."""
        self.at(self.now_ns + delay_ns, happen)

    def run(self, until_ns: int) -> None:
        """Let everything happen up to a time. Raises: RuntimeError beyond EVENTS_MAX: a universe that does not move on."""
        while self._heap and self._heap[0][0] <= until_ns:
            self.now_ns, _, happen = heapq.heappop(self._heap)
            happen()
            if self.events > EVENTS_MAX:
                raise RuntimeError(f"more than {EVENTS_MAX} events by {self.now_ns}")
        self.now_ns = max(self.now_ns, until_ns)
