"""Tardis csv: the daily files of that vendor, one format a data type, times in microseconds, two clocks.

Source: Tardis documentation, "downloadable CSV files, data types". Our names of the venues are in `symbols`.
"""

from abc import abstractmethod
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import CsvFormat, Draft, Head, Reading
from holdfast.app.recording.grid import Grid
from holdfast.app.recording.symbols import describe, venue_of_tardis
from holdfast.clock import MICROSECOND_NS
from holdfast.error import OutsideError

_KEY: Final = ["exchange", "symbol", "timestamp", "local_timestamp"]
_SIDES: Final = {b"buy": 1, b"bid": 1, b"sell": -1, b"ask": -1, b"unknown": 0, b"": 0}


class TardisFormat(CsvFormat):
    """What the Tardis files have in common. Abstract: `fill` and the columns that tell a data type."""

    needs: ClassVar[tuple[str, ...]]
    slots: ClassVar[int]

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the column names."""
        columns = head.columns
        return columns[:4] == _KEY and set(cls.needs) <= set(columns)

    def convert(self, table: Table, reading: Reading) -> Draft:
        """Turn lines into rows."""
        exchange_ns = table.times("timestamp", MICROSECOND_NS)
        received_ns = table.times("local_timestamp", MICROSECOND_NS)
        numbers = self.instruments(table, reading)
        grid = Grid(exchange_ns, received_ns, numbers, self.slots_of(table))
        known = np.maximum(numbers, 0)
        listed = reading.instruments
        prices = np.array([i.price_decimals for i in listed.all] or [0], dtype=np.int64)[known]
        sizes = np.array([i.size_decimals for i in listed.all] or [0], dtype=np.int64)[known]
        self.fill(grid, table, prices, sizes)
        return grid.draft(table)

    def slots_of(self, table: Table) -> int:
        """Return how many rows a line makes at most."""
        del table
        return self.slots

    @abstractmethod
    def fill(self, grid: Grid, table: Table, prices: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        """Fill the slots of each line; `prices` and `sizes` are the decimals of each line's grid."""

    def instruments(self, table: Table, reading: Reading) -> NDArray[np.int64]:
        """Return the instrument of each line, -1 where nobody listed it."""

        def read(exchange: bytes, symbol: bytes) -> int:
            if not exchange or not symbol:
                raise OutsideError("field.empty", "exchange or symbol is empty")
            name = symbol.decode("utf-8", "replace")
            return describe(
                reading.instruments, venue_of_tardis(exchange.decode("utf-8", "replace"), name), name
            )

        return np.array(table.texts(("exchange", "symbol"), read, -1), dtype=np.int64)


def read_sides(table: Table, column: str = "side") -> NDArray[np.int64]:
    """Read a column of sides: +1 buy or bid, -1 sell or ask, 0 unknown."""

    def read(text: bytes) -> int:
        if text not in _SIDES:
            raise OutsideError("field.unknown", f"{column} is neither buy nor sell: {text[:20]!r}")
        return _SIDES[text]

    return np.array(table.texts((column,), read, 0), dtype=np.int64)
