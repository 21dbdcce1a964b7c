"""Tardis quotes: the best bid and ask at each change, one TOP row a side."""

import numpy as np
from numpy.typing import NDArray

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Head
from holdfast.app.recording.formats.tardis import TardisFormat
from holdfast.app.recording.grid import Grid


class TardisQuotes(TardisFormat):
    """Quotes and book tickers; an empty price is a quote pulled, as each line states both sides."""

    name = "tardis-quotes"
    about = "Tardis csv of quotes or book_ticker (...,ask_amount,ask_price,bid_price,bid_amount)"
    needs = ("ask_amount", "ask_price", "bid_price", "bid_amount")
    slots = 4

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the column names; option chains have these columns too, and more."""
        return super().recognises(head) and "strike_price" not in head.columns

    def fill(self, grid: Grid, table: Table, prices: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        """Fill two slots a side."""
        for name, side in (("bid", 1), ("ask", -1)):
            price = table.prices(f"{name}_price", prices, optional=True)
            size = table.sizes(f"{name}_amount", sizes, optional=True)
            none = table.empty(f"{name}_price")
            grid.put(tape.TOP, price=price, size=size, side=side, where=~none)
            grid.put(tape.QUOTE_PULLED, side=side, where=none)
