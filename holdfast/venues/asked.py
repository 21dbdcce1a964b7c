"""What a client asked and still awaits an answer to, and the effects that ride on it.

Rules:

1. An effect is one or more requests. It is answered once, when the last of them has ended, with the worst of their
   outcomes: accepted only if all were.
2. A request ends once: by its answer, its time-out, its failure, or the end of its line. One that timed out is kept a
   while without its effect, because a late answer still tells where an order stands.
"""

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.quantity import INT64_MAX

LATE_S: Final = 30
HTTP_GRACE_S: Final = 0.5  # whoever makes an HTTP request times it out first, and says how it failed

Outcome = Literal["accepted", "expired", "unsent", "refused", "unknown"]
_WORSE: Final[dict[Outcome, int]] = {"accepted": 0, "expired": 1, "unsent": 2, "refused": 3, "unknown": 4}


class Effect:
    """One effect that is on its way, by its key."""

    __slots__ = ("code", "detail", "key", "left", "outcome", "outcomes")

    def __init__(self, key: str, parts: int = 1) -> None:
        self.key = key
        self.left = parts
        self.outcome: Outcome = "accepted"
        self.outcomes: set[Outcome] = set()
        self.code = ""
        self.detail = ""

    def end_part(self, outcome: Outcome, code: str, detail: str) -> bool:
        """Note how one request ended; True when it was the last and the effect can be answered."""
        self.left -= 1
        first = not self.outcomes
        self.outcomes.add(outcome)
        if first or _WORSE[outcome] > _WORSE[self.outcome]:
            self.outcome, self.code, self.detail = outcome, code, detail
        if len(self.outcomes) > 1 and self.outcome in ("unsent", "expired"):
            self.outcome = "unknown"  # a part was done: "not done" would be wrong
        return self.left == 0


class Asked(msgspec.Struct):
    """A request on its way. `line` is empty by HTTP, `subject` the instrument, client id or channel that it is about."""

    id: int
    kind: str
    line: str = ""
    subject: str = ""
    timeout_s: float = 5.0
    effect: Effect | None = None
    sent_ns: int = 0
    deadline_ns: int = 0


class Requests:
    """The table of what is asked. A number names each request, for as long as the client lives."""

    __slots__ = ("_asked", "_number")

    def __init__(self) -> None:
        self._asked: dict[int, Asked] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._asked)

    def __iter__(self) -> Iterator[Asked]:
        return iter(self._asked.values())

    def number(self) -> int:
        """Return the next number."""
        self._number += 1
        return self._number

    def sent(self, now_ns: int, asked: Asked) -> None:
        """Await the answer to a request that leaves now."""
        asked.sent_ns = now_ns
        timeout_s = asked.timeout_s if asked.line else asked.timeout_s + HTTP_GRACE_S
        asked.deadline_ns = now_ns + int(timeout_s * SECOND_NS)
        self._asked[asked.id] = asked

    def take(self, id: int) -> Asked | None:
        """Return the request that is answered and await it no longer; None if nothing awaits that answer."""
        return self._asked.pop(id, None)

    def take_line(self, line: str) -> list[Asked]:
        """Return what awaited answers by a line that has ended."""
        gone = [asked for asked in self._asked.values() if asked.line == line]
        for asked in gone:
            del self._asked[asked.id]
        return gone

    def overdue(self, now_ns: int) -> list[Asked]:
        """Return what has waited too long. Those with an effect stay for a late answer, without it; others are forgotten."""
        late = [asked for asked in self._asked.values() if asked.deadline_ns <= now_ns]
        for asked in late:
            if asked.effect is None:
                del self._asked[asked.id]
            else:
                asked.deadline_ns = now_ns + LATE_S * SECOND_NS
        return late

    def is_asking(self, kind: str, subject: str = "") -> bool:
        """Tell whether a request of that kind, about that subject, is on its way."""
        return any(asked.kind == kind and asked.subject == subject for asked in self._asked.values())

    def shift(self, by_ns: int) -> None:
        """Move all times along with a clock that was set."""
        for asked in self._asked.values():
            asked.sent_ns += by_ns
            asked.deadline_ns += by_ns

    @property
    def wake_ns(self) -> int:
        """Return when the first one is overdue."""
        return min((asked.deadline_ns for asked in self._asked.values()), default=INT64_MAX)
