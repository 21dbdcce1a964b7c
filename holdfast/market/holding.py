"""One position, from two tellers who are never in step: fills as they happen, and what the venue states the position to be.

Rules:

1. A statement wins over what fills add up to, but it does not undo a fill that came after it was asked for.
2. What the venue pushes is true as of its turn in the stream: fills that were heard before it are in it. But it may have
   been on its way, as long as a message may travel (`TRAVEL_NS_MAX`), while answers to questions overtook it: so it is
   certain only of what was before that, and says nothing for as long after an answer.
3. A statement may hold fills that are yet to be told, for as long as a message may travel. A fill that
   comes so soon after is taken to be in the statement as far as the statement held more than was known before.
4. Where two readings are possible the likelier one is the position, and all others lie within `doubt` of it, until a
   statement leaves one reading only.
5. `explained` is the first statement and every fill since: the position less `explained` is what nobody traded.
"""

from collections import deque
from decimal import Decimal
from typing import Final

import msgspec

from holdfast.clock import SECOND_NS

TRAVEL_NS_MAX: Final = 5 * SECOND_NS
RECENT_MAX: Final = 256
ZERO: Final = Decimal(0)


class Holding(msgspec.Struct):
    """The position in one instrument of one account: signed, in the venue's amount unit."""

    position: Decimal = ZERO
    doubt_low: Decimal = ZERO
    doubt_high: Decimal = ZERO
    explained: Decimal = ZERO
    entry_price: float | None = None
    as_of_ns: int = 0  # fills that were heard before this moment are in the position; 0: never stated
    certain_ns: int = 0  # and all that was done before this moment, heard or not
    stated_ns: int = 0
    answered_ns: int = 0
    missing: Decimal = (
        ZERO  # what statements held beyond what was known, less the fills that have explained it since
    )
    missing_ns: int = 0
    recent: deque[tuple[int, Decimal]] = msgspec.field(default_factory=lambda: deque(maxlen=RECENT_MAX))

    @property
    def drift(self) -> Decimal:
        """Return the part of the position that no fill explains."""
        return self.position - self.explained

    def fill(self, time_ns: int, quantity: Decimal, included: Decimal) -> None:
        """Take in a new fill, signed; `included` is the part of it that the last statement surely holds."""
        self.explained += quantity
        if time_ns < self.certain_ns:
            included = quantity
        rest = quantity - included
        if not rest:
            return
        self.recent.append((time_ns, rest))
        if not self.as_of_ns or time_ns - self.stated_ns > TRAVEL_NS_MAX:
            self.position += rest
            return
        held = _part(rest, self.missing) if time_ns - self.missing_ns <= TRAVEL_NS_MAX else ZERO
        self.missing -= held
        moved = rest - held
        self.position += moved
        self.doubt_low += min(held, ZERO) - max(moved, ZERO)
        self.doubt_high += max(held, ZERO) - min(moved, ZERO)

    def push(self, time_ns: int, quantity: Decimal, entry_price: float | None = None) -> Decimal | None:
        """Take in a position that the venue pushed (rule 2); return as `answer` does."""
        if self.answered_ns and time_ns - self.answered_ns <= TRAVEL_NS_MAX:
            return None
        return self._state(time_ns, time_ns - TRAVEL_NS_MAX, time_ns, quantity, entry_price)

    def answer(
        self, asked_ns: int, time_ns: int, quantity: Decimal, entry_price: float | None = None
    ) -> Decimal | None:
        """Take in a position that the venue answered.

        Returns by how much it differs from what was known, None where it is too old to say anything.
        """
        if asked_ns < self.as_of_ns:
            return None
        self.answered_ns = time_ns
        return self._state(asked_ns, asked_ns, time_ns, quantity, entry_price)

    def adopt(self) -> None:
        """Take the position as it is for explained: somebody has looked at the difference."""
        self.explained = self.position

    def _state(
        self, as_of_ns: int, certain_ns: int, time_ns: int, quantity: Decimal, entry_price: float | None
    ) -> Decimal | None:
        if as_of_ns < self.as_of_ns:
            return None
        first = self.as_of_ns == 0
        readings = [quantity]
        for filled_ns, filled in reversed(self.recent):
            if filled_ns <= as_of_ns:
                break
            readings.append(readings[-1] + filled)
        known = self.position
        self.position = known if not first and known in readings else readings[-1]
        self.doubt_low = min(readings) - self.position
        self.doubt_high = max(readings) - self.position
        self.as_of_ns, self.certain_ns = as_of_ns, max(certain_ns, self.certain_ns)
        self.stated_ns, self.entry_price = time_ns, entry_price
        if first:
            self.explained = self.position
            return ZERO
        differs = self.position - known
        if time_ns - self.missing_ns > TRAVEL_NS_MAX:
            self.missing = ZERO
        if differs:
            self.missing += differs
            self.missing_ns = time_ns
        return differs


def _part(wanted: Decimal, available: Decimal) -> Decimal:
    """Return as much of one signed quantity as another of the same sign can give."""
    if wanted > 0 and available > 0:
        return min(wanted, available)
    return max(wanted, available) if wanted < 0 and available < 0 else ZERO
