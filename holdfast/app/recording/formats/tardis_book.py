"""Tardis incremental_book_L2: changes of price levels, a message being the lines of one symbol and one local
time.

Rules:

1. A snapshot begins where `is_snapshot` turns from false to true: a BOOK_RESET row comes before its levels.
2. Lines before the first snapshot of a symbol are used without rows: they change a book that nobody has seen
   yet.
3. A line that could not be read leaves its book wrong: a BOOK_GAP row stands for it, and the lines until the
   next snapshot are used without rows.

Source: Tardis documentation, "incremental_book_L2". Limits: the file has no sequence numbers, so a gap in it
is unseen.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Reading
from holdfast.app.recording.formats.tardis import TardisFormat, read_sides
from holdfast.app.recording.grid import Grid
from holdfast.error import OutsideError
from holdfast.tape import LAST, Rows

_TRUTH: Final = {b"true": True, b"false": False}


class TardisBook(TardisFormat):
    """Book changes: LEVEL rows, with BOOK_RESET before a snapshot."""

    name = "tardis-book"
    about = "Tardis csv of incremental_book_L2 (...,is_snapshot,side,price,amount)"
    needs = ("is_snapshot", "side", "price", "amount")
    slots = 2

    def __init__(self) -> None:
        self._in_snapshot: dict[int, bool] = {}
        self._live: set[int] = set()
        self._numbers = np.zeros(0, dtype=np.int64)

    def fill(self, grid: Grid, table: Table, prices: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        """Fill two slots a line: the reset, if one begins here, and the level."""
        price = table.prices("price", prices)
        size = table.sizes("amount", sizes)
        side = read_sides(table)
        snapshot = np.array(table.texts(("is_snapshot",), _truth, False), dtype=np.bool_)
        resets, live = self._follow(table, snapshot)
        flags = np.where(snapshot, tape.SNAPSHOT, 0)
        grid.put(tape.BOOK_RESET, flags=tape.SNAPSHOT, where=resets)
        grid.put(tape.LEVEL, price=price, size=size, side=side, flags=flags, where=live)

    def instruments(self, table: Table, reading: Reading) -> NDArray[np.int64]:
        """Return the instrument of each line."""
        self._numbers = super().instruments(table, reading)
        return self._numbers

    def begins(self, table: Table) -> NDArray[np.bool_]:
        """Begin a message where symbol, local time or the kind of line changes."""
        columns = ("exchange", "symbol", "local_timestamp", "is_snapshot")
        keys = table.texts(columns, lambda *fields: fields, ())
        good = np.flatnonzero(~table.failed).tolist()
        marks = np.zeros(len(table), dtype=np.bool_)
        before: tuple[bytes, ...] | None = None
        for position in good:
            marks[position] = keys[position] != before
            before = keys[position]
        return marks

    def close(self, rows: Rows, lines: NDArray[np.int64], table: Table) -> None:
        """Flag the last row of each run of one instrument, time and kind of line."""
        del lines, table
        if len(rows):
            changes = rows[1:]["received_ns"] != rows[:-1]["received_ns"]
            changes |= rows[1:]["instrument"] != rows[:-1]["instrument"]
            changes |= (rows[1:]["flags"] & tape.SNAPSHOT) != (rows[:-1]["flags"] & tape.SNAPSHOT)
            changes |= (rows[1:]["kind"] == tape.BOOK_RESET) | (rows[1:]["kind"] == tape.BOOK_GAP)
            changes |= rows[:-1]["kind"] == tape.BOOK_GAP
            rows["flags"][np.append(changes, True)] |= LAST

    def stand_in(self, error: OutsideError, instrument: int) -> tuple[int, float]:
        """Put a BOOK_GAP where a line of a book was lost."""
        del error, instrument
        return tape.BOOK_GAP, tape.GAP_MALFORMED

    def _follow(
        self, table: Table, snapshot: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell where a snapshot begins and which lines belong to a book that is known."""
        resets = np.zeros(len(table), dtype=np.bool_)
        live = np.zeros(len(table), dtype=np.bool_)
        for number in np.unique(self._numbers[self._numbers >= 0]).tolist():
            at = np.flatnonzero(self._numbers == number)
            snap, bad = snapshot[at], table.failed[at]
            snap[bad] = False
            before = np.append(self._in_snapshot.get(number, False), snap[:-1])
            begins = snap & ~before
            turn = np.where(begins, 1, np.where(bad, -1, 0))
            turns = np.flatnonzero(turn)
            state = np.full(len(at), 1 if number in self._live else -1)
            if len(turns):
                latest = np.searchsorted(turns, np.arange(len(at)), side="right") - 1
                state = np.where(latest >= 0, turn[turns[np.maximum(latest, 0)]], state)
            resets[at], live[at] = begins, state > 0
            self._in_snapshot[number] = bool(snap[-1])
            (self._live.add if state[-1] > 0 else self._live.discard)(number)
        return resets, live


def _truth(text: bytes) -> bool:
    if text not in _TRUTH:
        raise OutsideError("field.unknown", f"is_snapshot is neither true nor false: {text[:20]!r}")
    return _TRUTH[text]
