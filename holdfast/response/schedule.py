"""Schedule: which key is due next. A key has one time; putting it again moves it."""

import heapq
from typing import Final

NEVER_NS: Final = 2**63 - 1
"""A time that does not come: only news can move anything."""


class Schedule:
    """Keep when each key is due. Cost: log of the keys for each change.

    >>> schedule = Schedule()
    >>> schedule.put("a", 1, 30)
    >>> schedule.put("b", 2, 20)
    >>> schedule.put("a", 1, 10)
    >>> schedule.next_ns, schedule.take(), schedule.take(), schedule.next_ns == NEVER_NS
    (10, 'a', 'b', True)
    """

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._heap: list[tuple[int, int, str]] = []  # stale where `_due` says otherwise

    @property
    def next_ns(self) -> int:
        """Return when the next key is due, or `NEVER_NS`."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else NEVER_NS

    def put(self, key: str, rank: int, due_ns: int) -> None:
        """Have a key due then; of keys due at once, the lower rank comes first."""
        if due_ns == NEVER_NS:
            self.drop(key)
        elif self._due.get(key) != due_ns:
            self._due[key] = due_ns
            heapq.heappush(self._heap, (due_ns, rank, key))

    def drop(self, key: str) -> None:
        """Forget a key."""
        self._due.pop(key, None)

    def take(self) -> str:
        """Return the key that `next_ns` spoke of, and forget it."""
        assert self.next_ns != NEVER_NS
        _, _, key = heapq.heappop(self._heap)
        del self._due[key]
        return key
