"""Allowances: the two ways in which venues count requests, a bucket that refills and a window that starts over."""

from typing import Final

_SECOND_NS: Final = 1_000_000_000


class Bucket:
    """A bucket of `burst` requests that refills at `rate` a second."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._level = burst
        self._at_ns = 0

    def take(self, now_ns: int, cost: float = 1.0) -> bool:
        """Take `cost` if it is there; False leaves the bucket as it is."""
        elapsed_s = max(now_ns - self._at_ns, 0) / _SECOND_NS
        self._level = min(self.burst, self._level + elapsed_s * self.rate)
        self._at_ns = max(now_ns, self._at_ns)
        if self._level < cost:
            return False
        self._level -= cost
        return True


class Window:
    """A count that starts over every `length_s`, on the clock's own boundaries."""

    def __init__(self, length_s: int, most: int) -> None:
        self.length_ns = length_s * _SECOND_NS
        self.most = most
        self.used = 0
        self._number = -1

    def take(self, now_ns: int, cost: int = 1) -> bool:
        """Count `cost`, and tell whether the window allows it. What is too much counts all the same."""
        self._turn(now_ns)
        self.used += cost
        return self.used <= self.most

    def used_at(self, now_ns: int) -> int:
        """Return what was used of the window that holds `now_ns`."""
        self._turn(now_ns)
        return self.used

    def left_s(self, now_ns: int) -> int:
        """Return the whole seconds until the window starts over."""
        return (self.length_ns - now_ns % self.length_ns) // _SECOND_NS + 1

    def _turn(self, now_ns: int) -> None:
        number = now_ns // self.length_ns
        if number != self._number:
            self._number, self.used = number, 0
