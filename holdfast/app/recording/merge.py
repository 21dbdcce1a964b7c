"""Merge: several sources become one sequence by receive time, in bounded memory.

Rules:

1. The order is (receive time, order of the sources, position in the source), whatever the sizes of the
   chunks.
2. A source whose receive time steps back keeps its own order: it is merged on the running maximum of its
   times.
3. A note stands right after the row before it, and is ordered as that row is.
4. A source is opened when its first row is due, and closed after its last.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

BEFORE_ALL: Final = -(2**63)


class Timed(Protocol):
    """What can be merged: items with a receive time each, and notes between them."""

    @property
    def received(self) -> NDArray[np.int64]:
        """Return the receive time of each item."""
        ...

    @property
    def note_places(self) -> Sequence[int]:
        """Return, for each note, the item before which it stands, ascending."""
        ...


C = TypeVar("C", bound=Timed)


@dataclass(frozen=True)
class Slice(Generic[C]):
    """Items `first:last` and notes `first_note:last_note` of one source's chunk, due now."""

    source: int
    chunk: C
    first: int
    last: int
    first_note: int
    last_note: int
    keys: NDArray[np.int64]  # of the items
    note_keys: list[int]


@dataclass(frozen=True)
class Round(Generic[C]):
    """Slices due together, in the order of their sources; `order` puts their joined items right (None: they
    are).
    """

    slices: list[Slice[C]]
    order: NDArray[np.int64] | None

    def notes(self) -> Iterator[tuple[C, int]]:
        """Yield (chunk, note number) in merged order."""
        due = [
            (key, s.source, number, s.chunk)
            for s in self.slices
            for number, key in zip(range(s.first_note, s.last_note), s.note_keys, strict=True)
        ]
        for _, _, number, chunk in sorted(due, key=lambda d: d[:2]):
            yield chunk, number


class _Cursor(Generic[C]):
    """The place in one source: the chunk at hand and how far its items and notes were taken."""

    def __init__(self, source: int, chunks: Iterator[C], first_ns: int) -> None:
        self.source = source
        self.ended = False
        self.top = first_ns  # the highest key in the chunk at hand
        self._chunks = chunks
        self._chunk: C | None = None
        self._at = self._note_at = 0
        self._keys = self._note_keys = _NONE

    def fill(self) -> None:
        """Load the next chunk that has anything in it, if the one at hand is used up."""
        while self._at == len(self._keys) and self._note_at == len(self._note_keys):
            chunk = next(self._chunks, None)
            if chunk is None:
                self.ended = True
                return
            self._chunk = chunk
            keys = np.maximum.accumulate(np.append(self.top, chunk.received))
            self._keys = keys[1:]
            self._note_keys = keys[np.asarray(chunk.note_places, dtype=np.int64)]
            self._at = self._note_at = 0
            self.top = int(keys[-1])

    def take(self, key: int, *, inclusive: bool) -> Slice[C] | None:
        """Take the items and notes up to a key."""
        side = "right" if inclusive else "left"
        last = int(np.searchsorted(self._keys, key, side=side))
        last_note = int(np.searchsorted(self._note_keys, key, side=side))
        if self._chunk is None or (last <= self._at and last_note <= self._note_at):
            return None
        taken = Slice(
            self.source,
            self._chunk,
            self._at,
            last,
            self._note_at,
            last_note,
            self._keys[self._at : last],
            self._note_keys[self._note_at : last_note].tolist(),
        )
        self._at, self._note_at = last, last_note
        return taken


_NONE: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Source(Generic[C]):
    """Chunks that can be asked for, and the receive time of the first item in them (None: look at once)."""

    open: Callable[[], Iterator[C]]
    first_ns: int | None


def merge(sources: Sequence[Source[C]]) -> Iterator[Round[C]]:
    """Yield rounds whose items, put in order, are the merged sequence."""
    waiting = sorted(
        ((BEFORE_ALL if s.first_ns is None else s.first_ns, number) for number, s in enumerate(sources)),
        reverse=True,
    )
    active: list[_Cursor[C]] = []
    while waiting or active:
        for cursor in active:
            cursor.fill()
        active = [cursor for cursor in active if not cursor.ended]
        while waiting and (not active or waiting[-1][0] <= min(cursor.top for cursor in active)):
            first_ns, number = waiting.pop()
            cursor = _Cursor(number, sources[number].open(), first_ns)
            cursor.fill()
            if not cursor.ended:
                active.append(cursor)
        active.sort(key=lambda cursor: cursor.source)
        if active:
            bound = min(cursor.top for cursor in active)
            holder = next(cursor.source for cursor in active if cursor.top == bound)
            taken = [cursor.take(bound, inclusive=cursor.source <= holder) for cursor in active]
            yield _round([part for part in taken if part])


def _round(due: list[Slice[C]]) -> Round[C]:
    with_items = [s for s in due if s.last > s.first]
    order = None
    if len(with_items) > 1:
        keys = np.concatenate([s.keys for s in with_items])
        if (keys[1:] < keys[:-1]).any():
            order = np.argsort(keys, kind="stable")
    return Round(due, order)
