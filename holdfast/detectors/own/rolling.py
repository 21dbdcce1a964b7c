"""Rolling counts: how often something happened lately, in a fixed number of buckets."""

from typing import Any, Final

from holdfast.clock import SECOND_NS

BUCKETS: Final = 10


class RollingCount:
    """How much was added within a window, exact to a tenth of it. Memory: ten numbers."""

    __slots__ = ("_buckets", "_step_ns", "_turn")

    def __init__(self, window_s: float) -> None:
        self._step_ns = int(window_s * SECOND_NS) // BUCKETS
        self._buckets = [0.0] * BUCKETS
        self._turn = 0

    def add(self, now_ns: int, amount: float = 1.0) -> None:
        """Add to what is counted now."""
        self._roll(now_ns)
        self._buckets[self._turn % BUCKETS] += amount

    def total(self, now_ns: int) -> float:
        """Return what was added within the window."""
        self._roll(now_ns)
        return sum(self._buckets)

    def memory(self) -> list[Any]:
        """Return all that is remembered."""
        return [self._turn, self._buckets]

    def _roll(self, now_ns: int) -> None:
        turn = now_ns // self._step_ns
        for passed in range(max(self._turn, turn - BUCKETS) + 1, turn + 1):
            self._buckets[passed % BUCKETS] = 0.0
        self._turn = max(self._turn, turn)


class Seen:
    """The last so many names, to know one again."""

    __slots__ = ("_max", "_names")

    def __init__(self, names_max: int) -> None:
        self._max = names_max
        self._names: dict[Any, Any] = {}

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Any:
        return iter(self._names)

    def get(self, name: Any) -> Any:
        """Return what was kept under a name, None for nothing."""
        return self._names.get(name)

    def keep(self, name: Any, what: Any = True) -> None:
        """Keep something under a name; the oldest is forgotten."""
        self._names[name] = what
        if len(self._names) > self._max:
            del self._names[next(iter(self._names))]

    def drop(self, name: Any) -> None:
        """Forget a name."""
        self._names.pop(name, None)
