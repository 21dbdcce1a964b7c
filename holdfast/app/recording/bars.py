"""Bars: what every source of candles shares: their length, their four rows, their instrument from the file's
name.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Draft, Head
from holdfast.app.recording.grid import Grid
from holdfast.app.recording.names import interval_ns, venue_and_symbol
from holdfast.app.recording.symbols import describe, split_pair
from holdfast.clock import MINUTE_NS
from holdfast.instrument import Instruments

TIME_COLUMNS: Final = ("timestamp", "time", "datetime", "date", "open_time", "start", "__index_level_0__")
PRICE_COLUMNS: Final = ("open", "high", "low", "close")


def bar_instrument(head: Head, instruments: Instruments) -> int:
    """Return the instrument that the name of a file of bars states.

    Raises: OutsideError `instrument.unnamed`.
    """
    venue, symbol = venue_and_symbol(head.hints)
    known = {}
    base, _, tail = symbol.partition("-")
    if tail == "PERP":
        coin, quote = split_pair(base)
        known = {"kind": "perpetual", "base": coin, "quote": quote, "settle": "", "inverse": False}
    return describe(instruments, venue, symbol, **known)


def bar_length_ns(head: Head, starts_ns: NDArray[np.int64]) -> int:
    """Tell how long a bar is: as the name says, else the least step between the first bars, else a minute."""
    if stated := interval_ns(head.hints):
        return stated
    steps = np.diff(starts_ns)
    steps = steps[steps > 0]
    return int(steps.min()) if len(steps) else MINUTE_NS


def bar_grid(
    end_ns: NDArray[np.int64],
    instrument: int,
    prices: dict[str, NDArray[np.int64]],
    volume: NDArray[np.float64],
) -> Grid:
    """Return the four rows of each bar, at its end."""
    grid = Grid(end_ns, end_ns, np.full(len(end_ns), instrument, dtype=np.int64), 4)
    grid.put(tape.BAR_OPEN, price=prices["open"])
    grid.put(tape.BAR_HIGH, price=prices["high"])
    grid.put(tape.BAR_LOW, price=prices["low"])
    grid.put(tape.BAR_CLOSE, price=prices["close"], value=volume)
    return grid


def bar_draft(
    table: Table, end_ns: NDArray[np.int64], instrument: int, decimals: int, volume: NDArray[np.float64]
) -> Draft:
    """Read the prices of a table of bars and return its rows."""
    prices = {name: table.prices(name, decimals) for name in PRICE_COLUMNS}
    table.refuse_bars(prices["open"], prices["high"], prices["low"], prices["close"])
    return bar_grid(end_ns, instrument, prices, volume).draft(table)
