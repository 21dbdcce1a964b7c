"""Binance Vision metrics: open interest every five minutes, with the symbol in the line."""

import numpy as np

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Draft, Head, Reading
from holdfast.app.recording.formats.vision import VisionFormat
from holdfast.app.recording.grid import Grid
from holdfast.app.recording.names import vision_venue
from holdfast.app.recording.symbols import describe
from holdfast.error import OutsideError

_FIRST = ["create_time", "symbol", "sum_open_interest", "sum_open_interest_value"]


class VisionMetrics(VisionFormat):
    """Open interest: one OPEN_INTEREST row a line, in base units (contracts on COIN-M)."""

    name = "binance-metrics"
    about = "Binance Vision csv of metrics (create_time,symbol,sum_open_interest,...)"

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the column names."""
        return head.columns[:4] == _FIRST

    def convert(self, table: Table, reading: Reading) -> Draft:
        """Turn lines into rows."""
        moment_ns = table.moments("create_time")

        def read(symbol: bytes) -> int:
            name = symbol.decode("utf-8", "replace")
            if not name:
                raise OutsideError("field.empty", "symbol is empty")
            venue = vision_venue(reading.head.hints, name, spot_like=False)
            return describe(reading.instruments, venue, name)

        numbers = np.array(table.texts(("symbol",), read, -1), dtype=np.int64)
        grid = Grid(moment_ns, moment_ns, numbers, 1)
        grid.put_value(tape.OPEN_INTEREST, table.floats("sum_open_interest"))
        return grid.draft(table)
