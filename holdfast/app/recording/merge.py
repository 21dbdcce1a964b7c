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
    """The place in one source: the chunk at hand and how far it was taken."""

    def __init__(self, source: int, chunks: Iterator[C], first_ns: int) -> None:
        self.source = source
        self._chunks = chunks
        self._top = first_ns
        self.ended = False
        self._at = self._note_at = 0
        self._chunk: C | None = None
        self._keys = np.zeros(0, dtype=np.int64)

    @property
    def last_key(self) -> int:
        """Return the key of the last item at hand."""
        return int(self._keys[-1])

    def fill(self, due: list[Slice[C]]) -> None:
        """Load chunks until one has items; the notes of chunks without items are due at once."""
        while not self.ended and self._at == len(self._keys):
            chunk = next(self._chunks, None)
            if chunk is None:
                self.ended = True
                self._chunk = None
                return
            self._chunk = chunk
            before = self._top
            self._keys = (
                np.maximum(np.maximum.accumulate(chunk.received), before) if len(chunk.received) else _NONE
            )
            self._at = self._note_at = 0
            if len(self._keys):
                self._top = self.last_key
            leading = int(np.searchsorted(np.asarray(chunk.note_places, dtype=np.int64), 0, side="right"))
            if leading:
                due.append(Slice(self.source, chunk, 0, 0, 0, leading, _NONE, [before] * leading))
                self._note_at = leading

    def take(self, key: int, *, inclusive: bool) -> Slice[C] | None:
        """Take the items up to a key, with the notes that stand after them."""
        if self._chunk is None:
            return None
        last = int(np.searchsorted(self._keys, key, side="right" if inclusive else "left"))
        if last <= self._at:
            return None
        places = np.asarray(self._chunk.note_places, dtype=np.int64)
        last_note = int(np.searchsorted(places, last, side="right"))
        note_keys = self._keys[places[self._note_at : last_note] - 1].tolist()
        taken = Slice(
            self.source,
            self._chunk,
            self._at,
            last,
            self._note_at,
            last_note,
            self._keys[self._at : last],
            note_keys,
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
        due: list[Slice[C]] = []
        for cursor in active:
            cursor.fill(due)
        active = [cursor for cursor in active if not cursor.ended]
        while waiting and (not active or waiting[-1][0] <= min(c.last_key for c in active)):
            first_ns, number = waiting.pop()
            cursor = _Cursor(number, sources[number].open(), first_ns)
            cursor.fill(due)
            if not cursor.ended:
                active.append(cursor)
        active.sort(key=lambda cursor: cursor.source)
        if active:
            bound = min(cursor.last_key for cursor in active)
            holder = next(cursor.source for cursor in active if cursor.last_key == bound)
            for cursor in active:
                taken = cursor.take(bound, inclusive=cursor.source <= holder)
                if taken:
                    due.append(taken)
        if due:
            yield _round(due)


def _round(due: list[Slice[C]]) -> Round[C]:
    due.sort(key=lambda s: s.source)
    with_items = [s for s in due if s.last > s.first]
    order = None
    if len(with_items) > 1:
        keys = np.concatenate([s.keys for s in with_items])
        if (keys[1:] < keys[:-1]).any():
            order = np.argsort(keys, kind="stable")
    return Round(due, order)
