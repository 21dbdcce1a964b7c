"""A venue's clock against ours, from what it says the time is.

Rules:

1. A venue's time lies somewhere between our asking and our hearing: the offset is taken at the middle, right to half of
   the round trip, plus the venue's own resolution of a millisecond.
2. Of the last measurements the one of the shortest round trip holds, unless a newer one contradicts it: then a clock was
   set, and the newer one holds alone.
3. What a venue must enforce is turned into its time with the error on the strict side.
"""

from collections import deque
from typing import Final, NamedTuple

from holdfast.clock import MILLISECOND_NS

MEASUREMENTS_MAX: Final = 8


class Measurement(NamedTuple):
    """Venue time = our time + `offset_ns`, right to half of `round_trip_ns`."""

    offset_ns: int
    round_trip_ns: int


class VenueClock:
    """What is known of one venue's clock.

    >>> clock = VenueClock()
    >>> clock.measure(sent_ns=1_000_000_000, heard_ns=1_004_000_000, venue_ms=1502)
    Measurement(offset_ns=500500000, round_trip_ns=5000000)
    >>> clock.until_ms(1_010_000_000)
    1508
    """

    __slots__ = ("_measured", "best")

    def __init__(self) -> None:
        self._measured: deque[Measurement] = deque(maxlen=MEASUREMENTS_MAX)
        self.best: Measurement | None = None

    def measure(self, sent_ns: int, heard_ns: int, venue_ms: int) -> Measurement:
        """Take in what the venue said its time was, in whole milliseconds, and return the measurement."""
        middle_ns = (sent_ns + heard_ns) // 2
        offset_ns = venue_ms * MILLISECOND_NS + MILLISECOND_NS // 2 - middle_ns
        new = Measurement(offset_ns, max(0, heard_ns - sent_ns) + MILLISECOND_NS)
        if self.best is not None and _apart(self.best, new):
            self._measured.clear()
        self._measured.append(new)
        self.best = min(self._measured, key=lambda measured: measured.round_trip_ns)
        return new

    def forget(self) -> None:
        """Know nothing: our own clock was set."""
        self._measured.clear()
        self.best = None

    def time_ms(self, our_ns: int) -> int:
        """Return the venue's time at ours, as well as it is known; ours where nothing is."""
        offset_ns = self.best.offset_ns if self.best else 0
        return (our_ns + offset_ns) // MILLISECOND_NS

    def until_ms(self, our_ns: int) -> int:
        """Return a time of the venue that surely is no later than `our_ns`."""
        offset_ns, round_trip_ns = self.best or Measurement(0, 0)
        return (our_ns + offset_ns - (round_trip_ns + 1) // 2) // MILLISECOND_NS

    def expiry_ns(self, valid_until_ns: int) -> int:
        """Return when a move is no longer worth sending: what is left of its validity is as short as the clock's error."""
        round_trip_ns = self.best.round_trip_ns if self.best else 0
        return valid_until_ns - round_trip_ns - MILLISECOND_NS

    def validity_ms(self, now_ns: int, valid_until_ns: int) -> int:
        """Return the venue's time until which a move is valid, 0 if that is over or nothing is known of the clock."""
        is_over = self.best is None or now_ns >= self.expiry_ns(valid_until_ns)
        return 0 if is_over else self.until_ms(valid_until_ns)


def _apart(one: Measurement, other: Measurement) -> bool:
    return abs(one.offset_ns - other.offset_ns) > (one.round_trip_ns + other.round_trip_ns) // 2
