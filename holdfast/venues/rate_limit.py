"""Rate limits: token buckets with a part kept back for brakes, told the time by whoever asks.

Rules:

1. A bucket fills with `rate_per_s` up to `burst`; a request costs tokens. Everything but a brake leaves `reserve` in it.
2. A brake always passes. It takes what it costs, below zero if need be, so what follows it waits the longer: a venue that
   counts differently is asked to refuse a brake, never by us.
3. A venue that tells what is left is believed where that is less (`learn`).
4. A venue that says "too many" holds the bucket until a time that it names or that its limits imply (`hold`).
"""

import math
from typing import Final

from holdfast.clock import SECOND_NS

DEBT_BURSTS_MAX: Final = 1.0  # how far below zero brakes may take a bucket, in bursts


class TokenBucket:
    """One limit of a venue, counted on our side.

    >>> bucket = TokenBucket(rate_per_s=1.0, burst=3.0, reserve=1.0)
    >>> [bucket.take(0), bucket.take(0), bucket.take(0)]
    [True, True, False]
    >>> bucket.brake(0)
    >>> bucket.ready_ns(0) / SECOND_NS
    2.0
    """

    __slots__ = ("_held_until_ns", "_time_ns", "_tokens", "burst", "rate_per_s", "reserve")

    def __init__(self, rate_per_s: float, burst: float, reserve: float = 0.0) -> None:
        self.rate_per_s = rate_per_s
        self.burst = burst
        self.reserve = reserve
        self._tokens = burst
        self._time_ns = 0
        self._held_until_ns = 0

    def take(self, now_ns: int, cost: float = 1.0) -> bool:
        """Take tokens for a request that is no brake; False, and nothing taken, if it has to wait."""
        if self.ready_ns(now_ns, cost) > now_ns:
            return False
        self._tokens -= cost
        return True

    def brake(self, now_ns: int, cost: float = 1.0) -> None:
        """Take tokens for a brake, which never waits."""
        self._fill(now_ns)
        self._tokens = max(self._tokens - cost, -DEBT_BURSTS_MAX * self.burst)

    def learn(self, now_ns: int, left: float) -> None:
        """Hear from the venue how much is left at most: others use it too, and we did before a restart."""
        self._fill(now_ns)
        self._tokens = min(self._tokens, left)

    def ready_ns(self, now_ns: int, cost: float = 1.0) -> int:
        """Return when a request of that cost may leave: `now_ns` or later. One that costs more than all may when full."""
        self._fill(now_ns)
        wanted = min(cost + self.reserve, self.burst)
        missing = wanted - self._tokens
        ready_ns = now_ns if missing <= 0.0 else now_ns + math.ceil(missing / self.rate_per_s * SECOND_NS)
        return max(ready_ns, self._held_until_ns)

    def hold(self, until_ns: int) -> None:
        """Let nothing but brakes pass before `until_ns`."""
        self._held_until_ns = max(self._held_until_ns, until_ns)

    def _fill(self, now_ns: int) -> None:
        elapsed_ns = now_ns - self._time_ns
        if elapsed_ns > 0:
            self._tokens = min(self.burst, self._tokens + elapsed_ns / SECOND_NS * self.rate_per_s)
        elif self._held_until_ns:
            self._held_until_ns += elapsed_ns  # a clock that was set back takes this time along
        self._time_ns = now_ns
