"""Binance Vision csv: the public daily files of that venue, with and without a header line.

The instrument is in the file's name. Times are milliseconds, or microseconds in spot files since 2025; the
size of the number tells. Source: binance-public-data, README.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.app.recording.csv_table import TIME_NS_MAX, Table
from holdfast.app.recording.formats.base import CsvFormat, Head, Reading
from holdfast.app.recording.names import vision_symbol, vision_venue
from holdfast.app.recording.symbols import describe
from holdfast.clock import MICROSECOND_NS, MILLISECOND_NS

_MILLISECONDS_MAX: Final = TIME_NS_MAX // MILLISECOND_NS


class VisionFormat(CsvFormat):
    """What the Vision files have in common: the instrument in the name, the unit of time in the number."""

    names: tuple[str, ...] = ()

    def columns(self, head: Head) -> list[str]:
        """Return the names of the columns, ours where the file has none."""
        return head.columns if self.has_header(head) else list(self.names)[: len(head.columns)]

    def has_header(self, head: Head) -> bool:
        """Tell whether the first line is names: no name is a number."""
        return not is_number(head.columns[0])

    def instrument(self, table: Table, reading: Reading, *, spot_like: bool) -> NDArray[np.int64]:
        """Return the file's instrument for each line.

        Raises: OutsideError `instrument.unnamed`, `instrument.unlisted`.
        """
        symbol = vision_symbol(reading.head.hints)
        venue = vision_venue(reading.head.hints, symbol, spot_like=spot_like)
        return np.full(len(table), describe(reading.instruments, venue, symbol), dtype=np.int64)


def vision_times(table: Table, column: str, reading: Reading) -> NDArray[np.int64]:
    """Read a column of times in the unit that the file's first line shows."""
    return table.times(column, time_unit_ns(reading.head, table.columns[column]))


def time_unit_ns(head: Head, column: int) -> int:
    """Tell the unit of the times in a column from the file's first line of numbers."""
    for line in head.data.split(b"\n", 4):
        fields = line.split(b",")
        if len(fields) > column and fields[column].strip().isdigit():
            return MILLISECOND_NS if int(fields[column]) <= _MILLISECONDS_MAX else MICROSECOND_NS
    return MILLISECOND_NS


def is_number(text: str) -> bool:
    """Tell whether a field is a number."""
    return bool(text) and text.replace(".", "", 1).replace("-", "", 1).isdigit()
