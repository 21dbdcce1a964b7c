"""Minute csv: a bar a line, its time being the bar's start; the file's name says venue and instrument.

Limits: the length of a bar comes from the name (`_1m`) or the first steps in the file. Times are ISO 8601
text or whole seconds, milliseconds, microseconds or nanoseconds, by the size of the number.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.app.recording.bars import PRICE_COLUMNS, TIME_COLUMNS, bar_draft, bar_instrument, bar_length_ns
from holdfast.app.recording.csv_lines import Block
from holdfast.app.recording.csv_table import TIME_NS_MAX, Table
from holdfast.app.recording.formats.base import CsvFormat, Draft, Head, Reading
from holdfast.clock import MICROSECOND_NS, MILLISECOND_NS, SECOND_NS

_UNITS_NS: Final = (SECOND_NS, MILLISECOND_NS, MICROSECOND_NS, 1)
_FIRST_LINES_MAX: Final = 500


class BarsCsv(CsvFormat):
    """Bars of one instrument: four rows each, at the bar's end."""

    name = "bars-csv"
    about = "csv of bars (timestamp,open,high,low,close[,volume])"

    def __init__(self) -> None:
        self._length_ns = 0

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the column names."""
        columns = [c.lower() for c in head.columns]
        return set(PRICE_COLUMNS) <= set(columns) and any(c in columns for c in TIME_COLUMNS)

    def columns(self, head: Head) -> list[str]:
        """Return the names of the columns in lower case."""
        return [c.lower() for c in head.columns]

    def convert(self, table: Table, reading: Reading) -> Draft:
        """Turn lines into bars."""
        start_ns = _starts(table, _unit_ns(reading.head))
        instrument = bar_instrument(reading.head, reading.instruments)
        if not self._length_ns:
            self._length_ns = bar_length_ns(reading.head, self._first_starts(reading.head))
        end_ns = np.where(start_ns > 0, start_ns + self._length_ns, 0)
        volume = table.floats("volume") if "volume" in table.columns else np.full(len(table), np.nan)
        return bar_draft(table, end_ns, instrument, reading.instruments[instrument].price_decimals, volume)

    def _first_starts(self, head: Head) -> NDArray[np.int64]:
        """Read the starts of the first bars, so that the length does not depend on the blocks."""
        data = head.data[: head.data.rfind(b"\n") + 1]
        ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10)[: _FIRST_LINES_MAX + 1]
        first = np.append(0, ends[:-1] + 1)[1:]
        block = Block(data, first, ends[1:], np.arange(len(first)), final=True)
        starts = _starts(Table(block, self.columns(head)), _unit_ns(head))
        return starts[starts > 0]


def _time_column(columns: list[str]) -> str:
    return next(c for c in TIME_COLUMNS if c in columns)


def _starts(table: Table, unit_ns: int) -> NDArray[np.int64]:
    column = _time_column(list(table.columns))
    return table.times(column, unit_ns) if unit_ns else table.moments(column)


def _unit_ns(head: Head) -> int:
    """Return the unit of the times, 0 for text."""
    columns = [c.lower() for c in head.columns]
    at = columns.index(_time_column(columns))
    for line in head.data.split(b"\n", 4)[1:]:
        fields = line.split(b",")
        if len(fields) > at and fields[at].strip().isdigit():
            return next((u for u in _UNITS_NS if int(fields[at]) <= TIME_NS_MAX // u), 1)
    return 0
