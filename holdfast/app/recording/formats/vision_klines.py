"""Binance Vision klines: a bar a line, four rows each, at the bar's end.

Limits: COIN-M counts volume in contracts, so there the base volume is the eighth column. A bar with a count
but no volume is of mark or index prices: its volume is unknown, not zero.
"""

from typing import Final

import numpy as np

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Draft, Head, Reading
from holdfast.app.recording.formats.vision import VisionFormat, is_number, time_unit_ns
from holdfast.app.recording.grid import Grid

_COLUMNS: Final = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count",
    "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip


class VisionKlines(VisionFormat):
    """Bars: BAR_OPEN, BAR_HIGH, BAR_LOW, BAR_CLOSE."""

    name = "binance-klines"
    about = "Binance Vision csv of klines (open_time,open,high,low,close,volume,close_time,...)"
    names = _COLUMNS

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the header, or by twelve numbers that begin with a time."""
        columns = head.columns
        if columns[:7] == list(_COLUMNS[:7]):
            return True
        return (
            len(columns) == len(_COLUMNS)
            and all(is_number(c) for c in columns)
            and len(columns[0]) in (13, 16)
        )

    def convert(self, table: Table, reading: Reading) -> Draft:
        """Turn lines into bars."""
        unit_ns = time_unit_ns(reading.head, table.columns["close_time"])
        end_ns = table.times("close_time", unit_ns) + unit_ns
        spot_like = not self.has_header(reading.head)
        numbers = self.instrument(table, reading, spot_like=spot_like)
        about = reading.instruments[int(numbers[0])] if len(numbers) else None
        decimals = about.price_decimals if about else 0
        bar = {name: table.prices(name, decimals) for name in ("open", "high", "low", "close")}
        table.refuse_bars(bar["open"], bar["high"], bar["low"], bar["close"])
        volume = table.floats("quote_volume" if about and about.inverse else "volume", optional=False)
        volume[(volume == 0) & (table.floats("count") > 0)] = np.nan
        grid = Grid(end_ns, end_ns, numbers, 4)
        grid.put(tape.BAR_OPEN, price=bar["open"])
        grid.put(tape.BAR_HIGH, price=bar["high"])
        grid.put(tape.BAR_LOW, price=bar["low"])
        grid.put(tape.BAR_CLOSE, price=bar["close"], value=volume)
        return grid.draft(table)
