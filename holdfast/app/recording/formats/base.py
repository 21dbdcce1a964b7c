"""Format: how one kind of file becomes rows, and what every format on the shelf must keep.

Rules (the conformance suite checks them on every format):

1. `recognises` decides by content; a name never makes a format, it only supplies what the content cannot.
2. Chunks are whole messages in the order of the file; their concatenation does not depend on `block_bytes`.
3. Every line, frame or record is counted once as a message, and once as used or as quarantined with its place
   and reason.
4. Text becomes integers exactly; what does not fit the grid is quarantined, never rounded.
5. A source without a recorder's clock has `received_ns = exchange_ns`.
6. A line whose time is malformed is quarantined, and a TIME_BAD row with the last good receive time stands
   for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from holdfast.app.recording.chunk import NO_ROWS, Chunk, Note, Tally, quarantine
from holdfast.app.recording.csv_lines import BOM, Lines
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.streams import ByteStream
from holdfast.error import OutsideError
from holdfast.event import ResyncRequested
from holdfast.instrument import Instruments
from holdfast.tape import BOOK_GAP, LAST, ROW, TIME_BAD, Rows

GROUP_BYTES_MAX: Final = 16_777_216  # a message of more bytes of csv than this is cut


@dataclass(frozen=True)
class Head:
    """The beginning of a file, from which its format is told; `hints` are its names, innermost first."""

    data: bytes
    hints: tuple[str, ...]
    path: Path

    @property
    def first_line(self) -> bytes:
        """Return the first line that is not blank, without byte order mark and line end."""
        for line in self.data.removeprefix(BOM).split(b"\n", 8):
            if line.strip():
                return line.rstrip(b"\r\n")
        return b""

    @property
    def columns(self) -> list[str]:
        """Return the first line as csv column names."""
        return [name.strip().strip('"') for name in self.first_line.decode("utf-8", "replace").split(",")]

    @property
    def name(self) -> str:
        """Return the innermost name."""
        return self.hints[0] if self.hints else ""


@dataclass(frozen=True)
class Reading:
    """What a format needs while it reads one file: its beginning, instruments of its own, the counts."""

    file: str
    head: Head
    instruments: Instruments
    tally: Tally
    block_bytes: int


class Format(ABC):
    """One kind of file. An object of it reads one file."""

    name: ClassVar[str]
    about: ClassVar[str]

    @classmethod
    @abstractmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the content whether a file is of this format."""

    @abstractmethod
    def chunks(self, reading: Reading, stream: ByteStream) -> Iterator[Chunk]:
        """Yield the file's messages as rows, with notes of what went wrong."""


@dataclass
class Draft:
    """Rows made from a table: the line that each row came from (ascending), and the instrument of each line
    (-1: unknown).
    """

    rows: Rows
    lines: NDArray[np.int64]
    instruments: NDArray[np.int64]


class CsvFormat(Format):
    """A format of comma-separated lines; a concrete one says how a table becomes rows."""

    header: ClassVar[bool] = True

    def columns(self, head: Head) -> list[str]:
        """Return the names of the columns."""
        return head.columns

    @abstractmethod
    def convert(self, table: Table, reading: Reading) -> Draft:
        """Turn the good lines of a table into rows without LAST flags; fail the others."""

    def begins(self, table: Table) -> NDArray[np.bool_] | None:
        """Mark the good lines that begin a message, where a message may have several lines; a bad one begins
        none.
        """
        del table
        return None

    def has_header(self, head: Head) -> bool:
        """Tell whether the first line names the columns."""
        del head
        return self.header

    def chunks(self, reading: Reading, stream: ByteStream) -> Iterator[Chunk]:
        """Yield the rows of the file, a block of lines at a time."""
        columns = self.columns(reading.head)
        header = reading.head.first_line if self.has_header(reading.head) else b""
        lines = Lines(stream, reading.block_bytes)
        received_ns = 0
        for whole in lines.blocks():
            block = whole.without(header) if header else whole
            table = Table(block, columns)
            begins = None if block.final else self.begins(table)
            if begins is not None and len(table):
                cut = int(np.flatnonzero(begins)[-1]) if begins.any() else 0
                if len(block.data) - int(block.first[cut]) < GROUP_BYTES_MAX:
                    lines.keep(block, cut)
                    table = Table(block.pick(slice(0, cut)), columns)
            if len(table):
                chunk = self._chunk(table, reading, received_ns)
                if len(chunk.rows):
                    received_ns = int(chunk.rows["received_ns"][-1])
                yield chunk
        if lines.torn:
            reading.tally.messages += 1
            reading.tally.quarantined += 1
            error = OutsideError("line.truncated", "the archive breaks inside this line")
            yield Chunk(NO_ROWS, [Note(0, quarantine(reading.file, lines.number + 1, error, lines.torn))])

    def close(self, rows: Rows, lines: NDArray[np.int64], table: Table) -> None:
        """Flag the last row of each message: by default a line is a message."""
        del table
        if len(rows):
            ends = np.append(lines[1:] != lines[:-1], True)
            rows["flags"][ends] |= LAST

    def stand_in(self, error: OutsideError, instrument: int) -> tuple[int, float]:
        """Return the kind and value of the row that stands for a bad line, kind 0 for none."""
        del instrument
        return (TIME_BAD if error.code == "time.malformed" else 0), np.nan

    def _chunk(self, table: Table, reading: Reading, received_ns: int) -> Chunk:
        draft = self.convert(table, reading)
        failed = sorted(table.failures)
        rows, lines = self._with_stand_ins(draft, table, failed, received_ns)
        self.close(rows, lines, table)
        places = np.searchsorted(lines, failed).tolist()
        notes: list[Note] = []
        for place, p in zip(places, failed, strict=True):
            event = quarantine(
                reading.file, int(table.numbers[p]), table.failures[p], table.line(p).rstrip(b"\r")
            )
            notes.append(Note(place, event))
            if place < len(rows) and lines[place] == p and rows["kind"][place] == BOOK_GAP:
                about = reading.instruments[int(rows["instrument"][place])]
                wish = ResyncRequested(
                    int(rows["received_ns"][place]), about.venue, about.symbol, event.reason
                )
                notes.append(Note(place + 1, wish))
        reading.tally.messages += len(table)
        reading.tally.used += len(table) - len(failed)
        reading.tally.quarantined += len(failed)
        return Chunk(rows, notes)

    def _with_stand_ins(
        self, draft: Draft, table: Table, failed: list[int], received_ns: int
    ) -> tuple[Rows, NDArray[np.int64]]:
        """Put a row where a bad line left a hole that the market must know of, once a good time is known."""
        extra: list[tuple[int, int, int, int, float]] = []
        for position in failed:
            instrument = int(draft.instruments[position])
            kind, value = (
                self.stand_in(table.failures[position], instrument) if instrument >= 0 else (0, np.nan)
            )
            place = int(np.searchsorted(draft.lines, position))
            last_ns = int(draft.rows["received_ns"][place - 1]) if place else received_ns
            if kind and last_ns:
                extra.append((place, position, kind, last_ns, value))
        if not extra:
            return draft.rows, draft.lines
        rows = np.zeros(len(extra), dtype=ROW)
        for row, (_, position, kind, last_ns, value) in zip(rows, extra, strict=True):
            row["received_ns"], row["kind"], row["value"] = last_ns, kind, value
            row["instrument"] = draft.instruments[position]
        places = [place for place, *_ in extra]
        return (
            np.insert(draft.rows, places, rows),
            np.insert(draft.lines, places, np.array([position for _, position, *_ in extra], dtype=np.int64)),
        )
