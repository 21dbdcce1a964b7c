"""Recording: any supported files in, merged batches of rows out, with everything that went wrong told in
order.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from holdfast.app.recording.chunk import NO_ROWS, Chunk, Note, Tally, quarantine
from holdfast.app.recording.feed_group import group_chunks
from holdfast.app.recording.formats.base import Reading
from holdfast.app.recording.formats.listing import Listing
from holdfast.app.recording.formats.tape import Tape
from holdfast.app.recording.frames import CaptureFormat, Frames
from holdfast.app.recording.inputs import Input, find_inputs
from holdfast.app.recording.merge import Round, Source, merge
from holdfast.app.recording.moving import join
from holdfast.app.recording.renumber import Renumber
from holdfast.app.recording.streams import Piece, Unwrapped
from holdfast.error import BrokenInvariant, CallerError, OutsideError
from holdfast.event import Quarantined, ResyncRequested
from holdfast.instrument import Instruments
from holdfast.tape import Rows

BLOCK_BYTES: Final = 1_048_576
BLOCK_BYTES_MIN: Final = 32_768
BLOCKS_BYTES_MAX: Final = 134_217_728  # of all sources together
BATCH_ROWS_MIN: Final = 16_384
PEEK_CHUNKS_MAX: Final = 64  # of the smallest blocks: a source without rows in them is opened at once
FAULTS_KEPT_MAX: Final = 10_000

Fault = Quarantined | ResyncRequested
OnFault = Callable[[Fault], None]
OnProgress = Callable[[int, int], None]
"""Called with the bytes read and the bytes to read, as they are on disk."""


class Recording:
    """Files of any supported format as one sequence of rows.

    `on_fault` hears of every quarantined piece and every resync request in the order of the merged rows,
    before the batch that holds the rows after it; `faults` keeps the first FAULTS_KEPT_MAX of them.

    Raises: CallerError `path.missing`, `path.empty`, `format.unknown`, `venue.unknown` for a path that was
    given by name; what is wrong inside a folder or an archive is a fault instead.
    Cost: memory is bounded by the number of inputs that overlap in time, about 4 MB each.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        instruments: Instruments,
        *,
        on_fault: OnFault | None = None,
        on_progress: OnProgress | None = None,
        block_bytes: int = 0,
    ) -> None:
        self.instruments = instruments
        self.faults: list[Fault] = []
        self.faults_left_out = 0
        self.tally = Tally()
        self._on_fault = on_fault
        self._on_progress = on_progress
        self._scratch = TemporaryDirectory(prefix="holdfast-")
        self._names: list[str] = []
        self._started = False
        self._bytes_done = 0
        found = find_inputs([Path(path) for path in paths], Path(self._scratch.name))
        self._inputs = found.inputs
        self._early = found.faults
        self.tally.truncated.extend(found.truncated)
        self._bytes_total = sum(each.piece.stored_bytes for each in found.inputs)
        share = BLOCKS_BYTES_MAX // max(1, len(self._inputs))
        self._block_bytes = block_bytes or min(BLOCK_BYTES, max(BLOCK_BYTES_MIN, share))

    @property
    def messages(self) -> int:
        """Return how many lines, frames and records were read."""
        return self.tally.messages

    @property
    def rows(self) -> int:
        """Return how many rows were handed out."""
        return self.tally.rows

    @property
    def quarantined(self) -> int:
        """Return how many messages were refused."""
        return self.tally.quarantined

    @property
    def rows_in(self) -> int:
        """Return the rows handed out and the messages refused: rows used plus rows quarantined."""
        return self.tally.rows + self.tally.quarantined

    @property
    def truncated(self) -> list[str]:
        """Return the inputs that broke before their end."""
        return self.tally.truncated

    @property
    def formats(self) -> dict[str, str]:
        """Return the format of each input by name."""
        return {each.piece.name: each.format.name for each in self._inputs}

    def batches(self) -> Iterator[Rows]:
        """Yield the merged rows, whole messages at a time, ordered by receive time.

        Raises: BrokenInvariant `recording.unbalanced` if a message was neither used nor quarantined.
        """
        if self._started:
            raise CallerError("recording.read", "a recording is read once", remedy="open it again")
        self._started = True
        for fault in self._early:
            self._tell(fault)
        seeds = self._seeds()
        sources, tables = self._sources(seeds)
        renumber = Renumber(self.instruments, tables)
        waiting: list[Rows] = []
        for due in merge(sources):
            for chunk, number in due.notes():
                self._tell(chunk.notes[number].event)
            rows = self._rows(due, renumber)
            if len(rows):
                waiting.append(rows)
            self._progress()
            if sum(map(len, waiting)) >= BATCH_ROWS_MIN:
                yield self._hand_out(waiting)
                waiting = []
        if waiting:
            yield self._hand_out(waiting)
        self._bytes_done = self._bytes_total
        self._progress()
        self._scratch.cleanup()
        if self.tally.messages != self.tally.used + self.tally.quarantined:
            raise BrokenInvariant(
                "recording.unbalanced",
                f"of {self.messages} messages {self.tally.used} were used, {self.quarantined} quarantined",
            )

    def _hand_out(self, waiting: list[Rows]) -> Rows:
        rows = join(waiting)
        self.tally.rows += len(rows)
        return rows

    def _tell(self, fault: Fault) -> None:
        if len(self.faults) < FAULTS_KEPT_MAX:
            self.faults.append(fault)
        else:
            self.faults_left_out += 1
        if self._on_fault:
            self._on_fault(fault)

    def _progress(self) -> None:
        if self._on_progress:
            self._on_progress(min(self._bytes_done, self._bytes_total), self._bytes_total)

    def _read_bytes(self, count: int) -> None:
        self._bytes_done += count

    def _rows(self, due: Round[Chunk], renumber: Renumber) -> Rows:
        parts = [s for s in due.slices if s.last > s.first]
        if not parts:
            return NO_ROWS
        pieces = [s.chunk.rows[s.first : s.last] for s in parts]
        rows = join(pieces)
        moved, lost = renumber.apply(rows, [(s.source, s.last - s.first) for s in parts], due.order)
        for part, count in zip(parts, lost, strict=True):
            if count:
                self.tally.used -= count
                self.tally.quarantined += count
                reason = f"{count} messages lie between the steps of the grid that another input states"
                self._tell(
                    quarantine(self._names[part.source], 0, OutsideError("quantity.off_grid", reason), "")
                )
        return moved

    # the sources of rows

    def _seeds(self) -> Instruments:
        """Read the bare listings: they hold for every input."""
        seeds = Instruments()
        for each in self._inputs:
            if isinstance(each.format, Tape):  # its own numbers hold, so that it is replayed as it was folded
                for instrument in each.format.instruments(each.head):
                    self.instruments.add(instrument)
        for instrument in self.instruments.all:
            if instrument.listed:
                seeds.add(instrument)
        for each in self._inputs:
            if isinstance(each.format, Listing):
                for chunk in self._chunks(each, seeds, self.tally, self._block_bytes, self._read_bytes):
                    for note in chunk.notes:
                        self._tell(note.event)
        return seeds

    def _sources(self, seeds: Instruments) -> tuple[list[Source[Chunk]], list[Instruments]]:
        """Return a source of rows for each input, captures of one venue together, and the table of each."""
        groups: dict[str, list[Input]] = {}
        for number, each in enumerate(self._inputs):
            if isinstance(each.format, CaptureFormat):
                groups.setdefault(each.format.venue(each.head), []).append(each)
            elif not isinstance(each.format, Listing):
                groups[f"#{number}"] = [each]
        peek = len(groups) > 1
        sources: list[Source[Chunk]] = []
        tables: list[Instruments] = []
        for venue, members in groups.items():
            table = _seeded(seeds)
            tables.append(table)
            self._names.append(members[0].piece.name)
            if venue.startswith("#"):
                sources.append(self._row_source(members[0], table, peek=peek))
            else:
                captures = [
                    self._frame_source(each, table, peek=len(members) > 1 or peek) for each in members
                ]
                firsts = [capture.first_ns for capture in captures]
                first_ns = min((f for f in firsts if f is not None), default=None)
                sources.append(
                    Source(lambda v=venue, c=captures, t=table: group_chunks(v, c, t, self.tally), first_ns)
                )
        return sources, tables

    def _row_source(self, each: Input, table: Instruments, *, peek: bool) -> Source[Chunk]:
        def open_chunks() -> Iterator[Chunk]:
            return self._chunks(each, table, self.tally, self._block_bytes, self._read_bytes)

        first_ns = None
        if peek:
            chunks = self._chunks(each, _seeded(table), Tally(), BLOCK_BYTES_MIN, None)
            for chunk in islice(chunks, PEEK_CHUNKS_MAX):
                if len(chunk.rows):
                    first_ns = int(chunk.rows["received_ns"][0])
                    break
        return Source(open_chunks, first_ns)

    def _frame_source(self, each: Input, table: Instruments, *, peek: bool) -> Source[Frames]:
        def open_frames() -> Iterator[Frames]:
            return self._frames(each, table, self.tally, self._block_bytes, self._read_bytes)

        first_ns = None
        if peek:
            captured = self._frames(each, table, Tally(), BLOCK_BYTES_MIN, None)
            for frames in islice(captured, PEEK_CHUNKS_MAX):
                if len(frames.received):
                    first_ns = int(frames.received[0])
                    break
        return Source(open_frames, first_ns)

    def _chunks(
        self,
        each: Input,
        table: Instruments,
        tally: Tally,
        block_bytes: int,
        on_read: Callable[[int], None] | None,
    ) -> Iterator[Chunk]:
        """Yield the chunks of an input, then its break if it has one.

        A format reads one file once: it is made anew.
        """
        stream = each.piece.open(on_read)
        try:
            reading = Reading(each.piece.name, each.head, table, tally, block_bytes)
            yield from type(each.format)().chunks(reading, stream)
        except OutsideError as error:
            yield Chunk(NO_ROWS, [Note(0, quarantine(each.piece.name, 0, error, each.head.first_line))])
        finally:
            stream.close()
        yield from (Chunk(NO_ROWS, notes) for notes in _break(each.piece, stream, tally))

    def _frames(
        self,
        each: Input,
        table: Instruments,
        tally: Tally,
        block_bytes: int,
        on_read: Callable[[int], None] | None,
    ) -> Iterator[Frames]:
        """Yield the frames of a capture, then its break if it has one."""
        assert isinstance(each.format, CaptureFormat)
        stream = each.piece.open(on_read)
        nothing = np.zeros(0, dtype=np.int64)
        try:
            reading = Reading(each.piece.name, each.head, table, tally, block_bytes)
            yield from type(each.format)().frames(reading, stream)
        except OutsideError as error:
            note = Note(0, quarantine(each.piece.name, 0, error, each.head.first_line))
            yield Frames(each.piece.name, nothing, [], nothing, {}, [note])
        finally:
            stream.close()
        yield from (
            Frames(each.piece.name, nothing, [], nothing, {}, n) for n in _break(each.piece, stream, tally)
        )


def _break(piece: Piece, stream: Unwrapped, tally: Tally) -> Iterator[list[Note]]:
    if stream.broken:
        if piece.name not in tally.truncated:
            tally.truncated.append(piece.name)
        yield [Note(0, quarantine(piece.name, 0, stream.broken, ""))]


def _seeded(seeds: Instruments) -> Instruments:
    table = Instruments()
    for instrument in seeds.all:
        table.add(instrument)
    return table
