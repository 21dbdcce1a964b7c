"""Turns: requests that wait for a rate limit, each in order with those of its own limit.

A brake never stands here. What waits longer than it is valid leaves the queue unsent.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from holdfast.quantity import INT64_MAX
from holdfast.venues.asked import Asked
from holdfast.venues.client import Wish
from holdfast.venues.rate_limit import TokenBucket

QUEUED_MAX: Final = 256


class Queued(msgspec.Struct):
    """A request that waits for tokens. It is built when it leaves, so that its timestamp is that of its leaving."""

    asked: Asked
    bucket: TokenBucket
    build: Callable[[int], Wish]
    cost: float = 1.0
    expires_ns: int = 0


class Turns:
    """The queue of one client."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: deque[Queued] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def may_leave(self, now_ns: int, queued: Queued) -> bool:
        """Take tokens for a request if it may leave at once: nothing of its limit waits, and there is room."""
        if any(other.bucket is queued.bucket for other in self._queue):
            return False
        return queued.bucket.take(now_ns, queued.cost)

    def add(self, queued: Queued) -> bool:
        """Let a request wait; False if too many do."""
        if len(self._queue) >= QUEUED_MAX:
            return False
        self._queue.append(queued)
        return True

    def release(self, now_ns: int) -> tuple[list[Queued], list[Queued]]:
        """Return what may leave now, its tokens taken, and what is no longer valid."""
        ready: list[Queued] = []
        expired: list[Queued] = []
        held: set[int] = set()
        for _ in range(len(self._queue)):
            queued = self._queue.popleft()
            if queued.expires_ns and queued.expires_ns <= now_ns:
                expired.append(queued)
            elif id(queued.bucket) not in held and queued.bucket.take(now_ns, queued.cost):
                ready.append(queued)
            else:
                held.add(id(queued.bucket))
                self._queue.append(queued)
        return ready, expired

    def take(self, line: str | None = None) -> list[Queued]:
        """Return what waits to leave by a line, or everything, and let it wait no longer."""
        return self._take(lambda queued: line is None or queued.asked.line == line)

    def take_moves(self) -> list[Queued]:
        """Return what waits and is valid for a time only, and let it wait no longer."""
        return self._take(lambda queued: queued.expires_ns > 0)

    def _take(self, wanted: Callable[[Queued], bool]) -> list[Queued]:
        taken = [queued for queued in self._queue if wanted(queued)]
        self._queue = deque(queued for queued in self._queue if not wanted(queued))
        return taken

    def is_waiting(self, kind: str, subject: str = "") -> bool:
        """Tell whether a request of that kind, about that subject, waits."""
        return any(queued.asked.kind == kind and queued.asked.subject == subject for queued in self._queue)

    def wake_ns(self, now_ns: int) -> int:
        """Return when the first one may leave or is no longer valid."""
        times = [queued.expires_ns for queued in self._queue if queued.expires_ns]
        first: dict[int, Queued] = {}
        for (
            queued
        ) in self._queue:  # of each limit only the first may leave: a cheaper one behind it waits with it
            first.setdefault(id(queued.bucket), queued)
        times += [queued.bucket.ready_ns(now_ns, queued.cost) for queued in first.values()]
        return min(times, default=INT64_MAX)
