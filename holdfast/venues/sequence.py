"""Sequenced books: diffs that count their updates, snapshots that they bridge, and what to do when they do not.

Rules:

1. A diff carries the first and last update id it covers and the id that it comes after. A book that is LIVE takes the
   diff that comes after the id it stands at; any other one breaks it.
2. While a book has no snapshot to stand on (EMPTY, STALE), diffs are held. A snapshot is accepted when the held diffs that
   it does not supersede continue it without a hole; they are then written in the snapshot's own message, with its
   receive time, so a book is whole at the LAST row of that message.
3. A break writes one BOOK_GAP row and asks for one snapshot. Until a snapshot is accepted, further breaks count no more.
4. Where the snapshot does not come by the stream itself, whoever subscribes fetches one unasked (`snapshots_due`), and one
   for each request. A snapshot that the held diffs do not continue is not accepted; another one is asked for as soon as
   none is on its way any more. One that is older than a book already served changes nothing.
5. What is held is bounded by `DIFFS_HELD_MAX` and `ROWS_HELD_MAX` a book; the oldest diff goes first, counted in
   `held_dropped`.
"""

from abc import abstractmethod
from collections import deque
from typing import Final, NamedTuple

import numpy as np

from holdfast import tape
from holdfast.error import OutsideError
from holdfast.event import ResyncRequested
from holdfast.instrument import Instruments
from holdfast.quantity import INT64_MAX
from holdfast.tape import RowBuffer, Rows
from holdfast.venues.base import Feed
from holdfast.venues.slots import EMPTY, LIVE, SHALLOW, SNAPPED, STALE, Slots
from holdfast.venues.units import Grid

DIFFS_HELD_MAX: Final = 2048
ROWS_HELD_MAX: Final = 32_768

_REASONS: Final = {
    tape.GAP_SEQUENCE: "an update is missing",
    tape.GAP_CHECKSUM: "the checksum differs",
    tape.GAP_DISCONNECT: "the connection was lost",
    tape.GAP_MALFORMED: "a book message could not be read",
}


class Span(NamedTuple):
    """The update ids of one diff: the first and last that it covers, and the one that it comes after."""

    first_id: int
    last_id: int
    after_id: int


def span_of(first_id: int, last_id: int, after_id: int | None) -> Span:
    """Return the ids of a diff. Raises: OutsideError `frame.malformed` where they do not make one."""
    if after_id is None or not -1 <= after_id < last_id or not 0 <= first_id <= last_id <= INT64_MAX:
        raise malformed(f"a diff of updates {first_id} to {last_id} after {after_id}")
    return Span(first_id, last_id, after_id)


class Held(NamedTuple):
    """A diff that waits for a snapshot."""

    span: Span
    rows: Rows


class _Waiting:
    """What one book holds back, and how many snapshots are on their way."""

    def __init__(self, awaited: int) -> None:
        self.diffs: deque[Held] = deque()
        self.row_count = 0
        self.awaited = awaited

    def clear(self) -> None:
        self.diffs.clear()
        self.row_count = 0

    def drop_oldest(self) -> None:
        self.row_count -= len(self.diffs.popleft().rows)


class SequencedFeed(Feed):
    """A feed whose books follow the rules above; venues decode messages and hand over diffs and snapshots.

    `snapshot_overlap`: how far behind the snapshot's id the first bridging diff must still reach (0: it covers that very
    id, 1: the next one). `snapshots_due`: how many snapshots come unasked after subscribing.
    """

    snapshot_overlap: int = 1
    snapshots_due: int = 0

    def __init__(self, instruments: Instruments, rows: RowBuffer) -> None:
        super().__init__(instruments, rows)
        self.slots = Slots()
        self.held_dropped = 0
        self._waiting: dict[int, _Waiting] = {}
        self._grids: dict[int, Grid] = {}

    def on_disconnect(self, received_ns: int) -> None:
        """Mark every served book stale, ask for its snapshot, and forget what was held."""
        for number, waiting in self._waiting.items():
            waiting.clear()
            waiting.awaited = 0
            self._break(number, 0, received_ns, tape.GAP_DISCONNECT)
            waiting.awaited = max(waiting.awaited, self.snapshots_due)

    @abstractmethod
    def _book_named_in(self, frame: bytes) -> int:
        """Return the instrument whose book an unreadable frame may have changed, or -1."""

    def _enter(self, number: int) -> None:
        """Give an instrument its slot, its grid and its waiting room."""
        if number not in self._waiting:
            self.slots.add(number, self.instruments[number])
            self._waiting[number] = _Waiting(self.snapshots_due)
            self._grids[number] = Grid(self.instruments[number])

    def _awaiting(self) -> list[int]:
        """Return the instruments that hold diffs and await a snapshot."""
        return [number for number, waiting in self._waiting.items() if waiting.diffs]

    def _entered(self) -> list[int]:
        """Return all instruments seen so far."""
        return list(self._waiting)

    def _bridged_by(self, number: int, snapshot_id: int) -> bool:
        """Tell whether the held diffs continue a snapshot, at least one of them beyond it."""
        left = [diff for diff in self._waiting[number].diffs if not self._supersedes(snapshot_id, diff.span)]
        return bool(left) and self._bridges(left[0].span, snapshot_id)

    def _take_diff(self, number: int, span: Span, exchange_ns: int, received_ns: int, first_row: int) -> None:
        """Judge a diff whose LEVEL rows stand in `rows` from `first_row`; keep, hold or drop them."""
        slot = self.slots.of(number)
        state, last_id = int(slot["state"]), int(slot["last_id"])
        if (state == LIVE and span.after_id == last_id) or (
            state == SNAPPED and self._bridges(span, last_id)
        ):
            slot["state"], slot["last_id"] = LIVE, span.last_id
            self.rows.close_message(first_row)
            return
        if state == SNAPPED and self._supersedes(last_id, span):
            self.rows.rollback(first_row)
            return
        rows = self.rows.array[first_row : self.rows.count].copy()
        self.rows.rollback(first_row)
        waiting = self._waiting[number]
        broken = state in (LIVE, SNAPPED)
        if waiting.diffs and span.after_id != waiting.diffs[-1].span.last_id:
            waiting.clear()
            broken = broken or state == EMPTY
        if broken:
            self._break(number, exchange_ns, received_ns, tape.GAP_SEQUENCE)
        self._hold(waiting, Held(span, rows))
        if waiting.awaited == 0:
            self._ask(number, received_ns, "updates came and no snapshot before them")

    def _take_snapshot(self, number: int, snapshot_id: int, received_ns: int, first_row: int) -> None:
        """Judge a snapshot whose rows stand in `rows` from `first_row`; keep them and what was held, or drop them."""
        _check_id(snapshot_id)
        slot = self.slots.of(number)
        if slot["state"] in (LIVE, SNAPPED) and snapshot_id < slot["last_id"]:
            self.rows.rollback(first_row)
            return
        waiting = self._waiting[number]
        waiting.awaited = max(0, waiting.awaited - 1)
        while waiting.diffs and self._supersedes(snapshot_id, waiting.diffs[0].span):
            waiting.drop_oldest()
        if waiting.diffs and not self._bridges(waiting.diffs[0].span, snapshot_id):
            self.rows.rollback(first_row)
            if waiting.awaited == 0:
                self._ask(number, received_ns, "the snapshot is older than the updates that follow it")
            return
        slot["state"], slot["last_id"] = SNAPPED, snapshot_id
        for diff in waiting.diffs:
            self._replay(diff.rows, received_ns)
            slot["state"], slot["last_id"] = LIVE, diff.span.last_id
        waiting.clear()
        waiting.awaited = 0
        self.rows.close_message(first_row)

    def _start_over(self, number: int, snapshot_id: int, first_row: int) -> None:
        """Accept a snapshot that stands in the stream itself, in order with the diffs."""
        _check_id(snapshot_id)
        slot = self.slots.of(number)
        slot["state"], slot["last_id"] = LIVE, snapshot_id
        waiting = self._waiting[number]
        waiting.clear()
        waiting.awaited = 0
        self.rows.close_message(first_row)

    def _take_shallow(self, number: int, first_row: int) -> None:
        """Keep a message that states the first levels of a book, unless diffs keep the whole book already."""
        slot = self.slots.of(number)
        if slot["state"] in (SNAPPED, LIVE):
            self.rows.rollback(first_row)
            return
        slot["state"] = SHALLOW
        self.rows.close_message(first_row)

    def _spoil(self, received_ns: int, frame: bytes) -> None:
        """Note that a frame was refused: a book that it may have changed is stale, and what it held has a hole."""
        number = self._book_named_in(frame)
        if number in self._waiting:
            self._waiting[number].clear()
            self._break(number, 0, received_ns, tape.GAP_MALFORMED)

    def _break(self, number: int, exchange_ns: int, received_ns: int, reason: float) -> None:
        slot = self.slots.of(number)
        if reason != tape.GAP_SEQUENCE and slot["state"] in (EMPTY, STALE):
            return
        slot["state"] = STALE
        self.rows.append(tape.BOOK_GAP, number, exchange_ns, received_ns, value=reason, flags=tape.LAST)
        self._ask(number, received_ns, _REASONS[reason])

    def _ask(self, number: int, received_ns: int, reason: str) -> None:
        self._waiting[number].awaited += 1
        self.requests.append(
            ResyncRequested(received_ns, self.venue, self.instruments[number].symbol, reason)
        )

    def _hold(self, waiting: _Waiting, diff: Held) -> None:
        waiting.diffs.append(diff)
        waiting.row_count += len(diff.rows)
        while len(waiting.diffs) > DIFFS_HELD_MAX or waiting.row_count > ROWS_HELD_MAX:
            waiting.drop_oldest()
            self.held_dropped += 1

    def _replay(self, rows: Rows, received_ns: int) -> None:
        self.rows.reserve(len(rows))
        start, end = self.rows.count, self.rows.count + len(rows)
        self.rows.array[start:end] = rows
        self.rows.array["received_ns"][start:end] = received_ns
        self.rows.array["flags"][start:end] |= np.uint16(tape.SNAPSHOT)
        self.rows.count = end

    def _supersedes(self, snapshot_id: int, span: Span) -> bool:
        return span.last_id < snapshot_id + self.snapshot_overlap

    def _bridges(self, span: Span, snapshot_id: int) -> bool:
        return span.first_id <= snapshot_id + self.snapshot_overlap <= span.last_id


def _check_id(snapshot_id: int) -> None:
    if not 0 <= snapshot_id <= INT64_MAX:
        raise malformed(f"a snapshot at update {snapshot_id}")


def malformed(message: str) -> OutsideError:
    """Return the error for a frame of a known type that breaks its own format."""
    return OutsideError("frame.malformed", message, remedy="compare it with the venue's documentation")


def depth_of(text: str) -> int:
    """Return the number of levels that an address or a channel names. Raises: OutsideError `frame.malformed`."""
    if not (text.isdecimal() and len(text) <= 6):
        raise malformed(f"not a number of levels: {text[:20]!r}")
    return int(text)
