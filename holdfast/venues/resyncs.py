"""Resyncs: books that wait for a fresh snapshot, and when to ask for it again because it did not come.

One request for a book is under way at a time; what comes of it is seen in the book itself, not in the answer.
"""

from typing import Final

from holdfast.clock import SECOND_NS
from holdfast.quantity import INT64_MAX
from holdfast.venues.sequence import SequencedFeed
from holdfast.venues.slots import LIVE, SNAPPED

AGAIN_S: Final = 5
LOOK_S: Final = 1


class Resyncs:
    """The books of one client that are being resynchronised."""

    __slots__ = ("_asking", "_due_ns", "_feed")

    def __init__(self, feed: SequencedFeed) -> None:
        self._feed = feed
        self._asking: set[str] = set()
        self._due_ns: dict[str, int] = {}

    def begin(self, now_ns: int, instrument: str) -> bool:
        """Note that a snapshot is asked for; False if that is under way already."""
        if instrument in self._asking:
            return False
        self._asking.add(instrument)
        self._due_ns[instrument] = now_ns + AGAIN_S * SECOND_NS
        return True

    def answered(self, now_ns: int, instrument: str) -> None:
        """Note that the request has ended, however: the book is looked at a while later."""
        if instrument in self._asking:
            self._asking.discard(instrument)
            self._due_ns[instrument] = now_ns + LOOK_S * SECOND_NS

    def due(self, now_ns: int) -> list[str]:
        """Return the books to ask for again; those that are live by now are done with."""
        due = [instrument for instrument, due_ns in self._due_ns.items() if due_ns <= now_ns]
        for instrument in due:
            self._asking.discard(instrument)
            del self._due_ns[instrument]
        return [instrument for instrument in due if not self._is_live(instrument)]

    def clear(self) -> None:
        """Forget all: the line they came by has ended."""
        self._asking.clear()
        self._due_ns.clear()

    def shift(self, by_ns: int) -> None:
        """Move all times along with a clock that was set."""
        for instrument in self._due_ns:
            self._due_ns[instrument] += by_ns

    def _is_live(self, instrument: str) -> bool:
        number = self._feed.instruments.find(self._feed.venue, instrument)
        return number in self._feed.slots and self._feed.slots.of(number)["state"] in (LIVE, SNAPPED)

    @property
    def wake_ns(self) -> int:
        """Return when the first one is due."""
        return min(self._due_ns.values(), default=INT64_MAX)
