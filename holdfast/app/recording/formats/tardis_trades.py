"""Tardis trades: one TRADE row a line, side of the aggressor."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Head
from holdfast.app.recording.formats.tardis import TardisFormat, read_sides
from holdfast.app.recording.grid import Grid


class TardisTrades(TardisFormat):
    """Trades. Limits: liquidations have the same columns, so there the file's name decides."""

    name = "tardis-trades"
    about = "Tardis csv of trades (exchange,symbol,timestamp,local_timestamp,id,side,price,amount)"
    needs = ("id", "side", "price", "amount")
    slots = 1
    kind: ClassVar[int] = tape.TRADE

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the column names."""
        return super().recognises(head) and "liquidation" not in head.name.lower()

    def fill(self, grid: Grid, table: Table, prices: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        """Fill one slot a line."""
        grid.put(
            self.kind,
            price=table.prices("price", prices),
            size=table.sizes("amount", sizes),
            side=read_sides(table),
        )
