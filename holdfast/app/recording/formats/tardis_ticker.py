"""Tardis derivative_ticker: funding, open interest, index and mark of a derivative at each change."""

import numpy as np
from numpy.typing import NDArray

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.tardis import TardisFormat
from holdfast.app.recording.grid import Grid


class TardisTicker(TardisFormat):
    """Derivative tickers: FUNDING, OPEN_INTEREST, INDEX and MARK where the line states them."""

    name = "tardis-ticker"
    about = "Tardis csv of derivative_ticker (...,funding_rate,...,open_interest,...,mark_price)"
    needs = ("funding_rate", "open_interest", "last_price", "index_price", "mark_price")
    slots = 4

    def fill(self, grid: Grid, table: Table, prices: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        """Fill a slot a value."""
        del prices, sizes
        grid.put_value(tape.FUNDING, table.floats("funding_rate"))
        grid.put_value(tape.OPEN_INTEREST, table.floats("open_interest"))
        grid.put_value(tape.INDEX, table.floats("index_price"))
        grid.put_value(tape.MARK, table.floats("mark_price"))
