"""Binance Vision bookDepth: depth within a percentage of the mid, a group of lines every 30 seconds.

Rules:

1. A BAND row a line: price is the signed band in bps, size the depth, value the average price (notional over
   depth); side +1 for bids (negative bands). A message is the group of one timestamp.
2. A line whose time is malformed belongs to the group before it.
"""

import numpy as np
from numpy.typing import NDArray

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Draft, Head, Reading
from holdfast.app.recording.formats.vision import VisionFormat
from holdfast.app.recording.grid import Grid
from holdfast.tape import LAST, Rows


class VisionDepth(VisionFormat):
    """Depth in bands around the mid, of the futures markets."""

    name = "binance-book-depth"
    about = "Binance Vision csv of bookDepth (timestamp,percentage,depth,notional)"

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the column names."""
        return head.columns[:4] == ["timestamp", "percentage", "depth", "notional"]

    def convert(self, table: Table, reading: Reading) -> Draft:
        """Turn lines into bands."""
        moment_ns = table.moments("timestamp")
        numbers = self.instrument(table, reading, spot_like=False)
        about = reading.instruments[int(numbers[0])] if len(numbers) else None
        bands = table.units("percentage", 2)
        depth = table.sizes("depth", about.size_decimals if about else 0)
        notional, plain_depth = (
            table.floats("notional", optional=False),
            table.floats("depth", optional=False),
        )
        average = np.full(len(table), np.nan)
        np.divide(notional, plain_depth, out=average, where=plain_depth > 0)
        grid = Grid(moment_ns, moment_ns, numbers, 1)
        grid.put(tape.BAND, price=bands, size=depth, value=average, side=-np.sign(bands))
        return grid.draft(table)

    def begins(self, table: Table) -> NDArray[np.bool_]:
        """Begin a message at each good line whose time differs from the good line before."""
        moment_ns = table.moments("timestamp")
        good = np.flatnonzero(moment_ns)
        marks = np.zeros(len(table), dtype=np.bool_)
        marks[good] = np.append(True, moment_ns[good][1:] != moment_ns[good][:-1])[: len(good)]
        return marks

    def close(self, rows: Rows, lines: NDArray[np.int64], table: Table) -> None:
        """Flag the last row of each time."""
        del lines, table
        if len(rows):
            rows["flags"][np.append(rows[1:]["received_ns"] != rows[:-1]["received_ns"], True)] |= LAST
