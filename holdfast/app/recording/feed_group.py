"""Feed group: all captures of one venue, merged by time into one feed, as one source of rows.

Rules:

1. Frames go to the feed in runs where its kernel takes runs, else one by one; the rows are the same.
2. A frame that the feed refuses is quarantined with its file and line, and the feed goes on.
3. A second connection to an address means that the first one was lost: the feed is told before the next
   frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.app.recording.chunk import Chunk, Note, Tally, quarantine
from holdfast.app.recording.frames import CONNECTED, REST, SENT, Aside, Frames
from holdfast.app.recording.merge import Round, Source, merge
from holdfast.error import BrokenInvariant, OutsideError
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer
from holdfast.venues.base import Feed
from holdfast.venues.registry import FEEDS

RUN_FRAMES_MIN = 16
RUN_FRAMES_MAX = 4096


@dataclass(frozen=True)
class _Run:
    """Frames of one or more captures in merged order; notes stand before a frame, as in `Frames`."""

    received: list[int]
    bodies: Sequence[bytes]
    asides: dict[int, Aside]
    files: list[str]
    file_of: NDArray[np.int64] | None  # None: all frames are of the first file
    lines: NDArray[np.int64]
    notes: list[Note]

    def place(self, position: int) -> tuple[str, int]:
        """Return the file and line of a frame."""
        file = self.files[0 if self.file_of is None else int(self.file_of[position])]
        return file, int(self.lines[position])


def group_chunks(
    venue: str, captures: Sequence[Source[Frames]], instruments: Instruments, tally: Tally
) -> Iterator[Chunk]:
    """Yield the rows that one venue's feed makes of its captures."""
    driver = _Driver(FEEDS[venue](instruments, RowBuffer()), tally)
    for due in merge(captures):
        yield driver.drive(_joined(due))


class _Driver:
    """One feed and what it needs to be driven."""

    def __init__(self, feed: Feed, tally: Tally) -> None:
        self._feed = feed
        self._tally = tally
        self._connected: set[str] = set()
        self._has_kernel = type(feed).on_frames is not Feed.on_frames
        self._top_ns = 0

    def drive(self, run: _Run) -> Chunk:
        """Give a run of frames to the feed and return its rows."""
        notes: list[Note] = []
        waiting = iter(run.notes)
        note = next(waiting, None)
        stops = [*sorted({*run.asides, *(n.index for n in run.notes)}), len(run.bodies)]
        position = 0
        for stop in stops:
            self._frames(run, position, stop, notes)
            while note is not None and note.index <= stop:
                notes.append(Note(self._feed.rows.count, note.event))
                note = next(waiting, None)
            position = stop
            if stop in run.asides:
                self._one(run, stop, notes)
                position = stop + 1
        rows = self._feed.rows.take()
        if len(rows):
            self._top_ns = max(self._top_ns, int(rows["received_ns"].max()))
        return Chunk(rows, notes)

    def _frames(self, run: _Run, first: int, stop: int, notes: list[Note]) -> None:
        """Give plain frames to the feed: runs to its kernel, what that leaves one by one."""
        size = RUN_FRAMES_MIN
        while first < stop:
            if self._has_kernel:
                last = min(stop, first + size)
                taken = self._feed.on_frames(run.received[first:last], run.bodies[first:last])
                self._tally.used += taken
                self._wishes(notes)
                first += taken
                size = min(RUN_FRAMES_MAX, 2 * size) if first == last else max(RUN_FRAMES_MIN, 2 * taken)
                if first == last:
                    continue
            self._one(run, first, notes)
            first += 1

    def _one(self, run: _Run, position: int, notes: list[Note]) -> None:
        received_ns, body = run.received[position], run.bodies[position]
        aside = run.asides.get(position)
        before = self._feed.rows.count
        try:
            if aside is None:
                self._feed.on_frame(received_ns, body)
            elif aside.role == REST:
                self._feed.on_rest(received_ns, aside.url, body)
            elif aside.role == SENT:
                self._feed.on_sent(received_ns, body)
            elif aside.role == CONNECTED:
                if aside.url in self._connected:
                    self._feed.on_disconnect(received_ns)
                self._connected.add(aside.url)
        except OutsideError as error:
            self._tally.quarantined += 1
            file, line = run.place(position)
            notes.append(Note(before, quarantine(file, line, error, body)))
        else:
            self._tally.used += 1
        self._wishes(notes)

    def _wishes(self, notes: list[Note]) -> None:
        """Put each new wish after the rows of the message that caused it."""
        if not self._feed.requests:
            return
        rows = self._feed.rows
        keys = np.maximum.accumulate(np.maximum(rows.array["received_ns"][: rows.count], self._top_ns))
        floor = notes[-1].index if notes else 0
        for wish in self._feed.requests:
            place = max(floor, int(np.searchsorted(keys, wish.time_ns, side="right")))
            notes.append(Note(place, wish))
            floor = place
        self._feed.requests.clear()


def _joined(due: Round[Frames]) -> _Run:
    """Put the frames of a round in merged order."""
    parts = [s for s in due.slices if s.last > s.first]
    files = list(dict.fromkeys(s.chunk.file for s in due.slices))
    received = (
        np.concatenate([s.chunk.received[s.first : s.last] for s in parts])
        if parts
        else np.zeros(0, np.int64)
    )
    lines = (
        np.concatenate([s.chunk.lines[s.first : s.last] for s in parts]) if parts else np.zeros(0, np.int64)
    )
    bodies: list[bytes] = []
    asides: dict[int, Aside] = {}
    starts: dict[int, int] = {}
    for s in parts:
        start = len(bodies)
        starts[s.source] = start
        bodies.extend(s.chunk.bodies[s.first : s.last])
        asides.update({start + i - s.first: a for i, a in s.chunk.asides.items() if s.first <= i < s.last})
    order = due.order
    file_of = None
    if len(parts) > 1:
        file_of = np.concatenate([np.full(s.last - s.first, files.index(s.chunk.file)) for s in parts])
    elif parts:
        files = [parts[0].chunk.file]
    rank = np.arange(len(bodies))
    if order is not None:
        rank = np.empty(len(bodies), dtype=np.int64)
        rank[order] = np.arange(len(bodies))
        received, lines, file_of = (
            received[order],
            lines[order],
            file_of[order] if file_of is not None else None,
        )
        bodies = [bodies[i] for i in order.tolist()]
        asides = {int(rank[i]): aside for i, aside in asides.items()}
    notes = [
        Note(_note_place(s_chunk, number, due, starts, rank), s_chunk.notes[number].event)
        for s_chunk, number in due.notes()
    ]
    notes.sort(key=lambda n: n.index)
    if len(bodies) != len(received):
        raise BrokenInvariant("frames.lost", "frames and their times differ in number")
    return _Run(received.tolist(), bodies, asides, files, file_of, lines, notes)


def _note_place(
    chunk: Frames, number: int, due: Round[Frames], starts: dict[int, int], rank: NDArray[np.int64]
) -> int:
    """Return the place of a note in the merged run: right after the frame that it stood after."""
    for s in due.slices:
        if s.chunk is chunk and s.first_note <= number < s.last_note and s.last > s.first:
            return int(rank[starts[s.source] + chunk.notes[number].index - s.first - 1]) + 1
    return 0
