"""Chunk: what a source hands to the merge: rows in its own order, and what went wrong between them."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.error import OutsideError
from holdfast.event import Quarantined, ResyncRequested
from holdfast.tape import ROW, Rows

SAMPLE_CHARS_MAX: Final = 120

NO_ROWS: Final[Rows] = np.zeros(0, dtype=ROW)


@dataclass(frozen=True)
class Note:
    """Something that happened before row number `index` of its chunk."""

    index: int
    event: Quarantined | ResyncRequested


@dataclass(frozen=True)
class Chunk:
    """Whole messages of one source in its order, with instrument numbers of its own table."""

    rows: Rows
    notes: list[Note]

    @property
    def received(self) -> NDArray[np.int64]:
        """Return the receive time of each row."""
        return self.rows["received_ns"]

    @property
    def note_places(self) -> list[int]:
        """Return where each note stands."""
        return [note.index for note in self.notes]


@dataclass
class Tally:
    """Counts of a reading. A message is a line, a frame or a record; each one is used or quarantined, never
    both.

    A used message may make many rows or none (an acknowledgement, a superseded change).
    """

    messages: int = 0
    used: int = 0
    quarantined: int = 0
    rows: int = 0
    truncated: list[str] = field(default_factory=list[str])


def quarantine(file: str, line: int, error: OutsideError, sample: bytes | str) -> Quarantined:
    """Return the event of a piece of input that could not be used; the sample is its beginning."""
    text = sample.decode("utf-8", "replace") if isinstance(sample, bytes) else sample
    return Quarantined(file, line, error.code, error.message, text[:SAMPLE_CHARS_MAX])
