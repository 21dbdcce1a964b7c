"""Tardis book_snapshot_N: the N best levels of each side at each change, a BOOK_RESET and levels a line."""

import re

import numpy as np
from numpy.typing import NDArray

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.tardis import TardisFormat
from holdfast.app.recording.grid import Grid
from holdfast.error import OutsideError


class TardisSnapshots(TardisFormat):
    """Book snapshots of fixed depth; nothing is known beyond the last level.

    A line that was lost leaves the book stale.
    """

    name = "tardis-snapshots"
    about = "Tardis csv of book_snapshot_5 or _25 (...,asks[0].price,asks[0].amount,bids[0].price,...)"
    needs = ("asks[0].price", "asks[0].amount", "bids[0].price", "bids[0].amount")
    slots = 0

    def slots_of(self, table: Table) -> int:
        """Return one for the reset and one for each level that the columns name."""
        return 1 + 2 * _depth(table)

    def fill(self, grid: Grid, table: Table, prices: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        """Fill a reset and every level that is there."""
        depth = _depth(table)
        grid.put(tape.BOOK_RESET, flags=tape.SNAPSHOT)
        for name, side in (("bids", 1), ("asks", -1)):
            for level in range(depth):
                column = f"{name}[{level}].price"
                price = table.prices(column, prices, optional=True)
                size = table.sizes(f"{name}[{level}].amount", sizes, optional=True)
                flags = tape.SNAPSHOT | (tape.HORIZON if level == depth - 1 else 0)
                grid.put(
                    tape.LEVEL, price=price, size=size, side=side, flags=flags, where=~table.empty(column)
                )

    def stand_in(self, error: OutsideError, instrument: int) -> tuple[int, float]:
        """Put a BOOK_GAP where a snapshot was lost."""
        del error, instrument
        return tape.BOOK_GAP, tape.GAP_MALFORMED


def _depth(table: Table) -> int:
    return sum(re.fullmatch(r"asks\[\d+\]\.price", name) is not None for name in table.columns)
