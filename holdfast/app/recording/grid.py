"""Grid: several rows for each line of a table, slot by slot; an empty slot makes no row."""

import numpy as np
from numpy.typing import NDArray

from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Draft
from holdfast.app.recording.moving import pick
from holdfast.tape import ROW, Rows


class Grid:
    """Rows of `lines` times `slots`, filled by column and flattened in line order."""

    def __init__(
        self,
        exchange_ns: NDArray[np.int64],
        received_ns: NDArray[np.int64],
        instruments: NDArray[np.int64],
        slots: int,
    ) -> None:
        self._rows = np.zeros((len(exchange_ns), slots), dtype=ROW)
        self._rows["exchange_ns"] = exchange_ns[:, None]
        self._rows["received_ns"] = received_ns[:, None]
        self._rows["instrument"] = instruments[:, None]
        self._rows["value"] = np.nan
        self._full = np.zeros(self._rows.shape, dtype=np.bool_)
        self._next = 0
        self._instruments = instruments

    def put(
        self,
        kind: int | NDArray[np.int64],
        *,
        price: NDArray[np.int64] | int = 0,
        size: NDArray[np.int64] | int = 0,
        value: NDArray[np.float64] | None = None,
        side: NDArray[np.int64] | int = 0,
        flags: NDArray[np.int64] | int = 0,
        where: NDArray[np.bool_] | None = None,
    ) -> None:
        """Fill the next slot of every line, or of the lines `where` true; a value that is NaN everywhere it
        is used stays.
        """
        slot = self._rows[:, self._next]
        slot["kind"], slot["price"], slot["size"], slot["side"], slot["flags"] = (
            kind,
            price,
            size,
            side,
            flags,
        )
        if value is not None:
            slot["value"] = value
        self._full[:, self._next] = True if where is None else where
        self._next += 1

    def put_value(self, kind: int, value: NDArray[np.float64], *, side: int = 0) -> None:
        """Fill the next slot with a value where it is known."""
        self.put(kind, value=value, side=side, where=~np.isnan(value))

    def flatten(self, failed: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.int64]]:
        """Return the rows of the lines that did not fail, and the line of each row."""
        full = self._full & ~failed[:, None]
        places = np.flatnonzero(full)
        return pick(self._rows.reshape(-1), places), places // full.shape[1]

    def draft(self, table: Table) -> Draft:
        """Return the rows of the table's good lines."""
        rows, lines = self.flatten(table.failed)
        return Draft(rows, lines, self._instruments)
