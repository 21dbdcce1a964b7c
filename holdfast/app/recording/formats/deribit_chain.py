"""Deribit chain snapshots: every option of the venue at one moment, a line each, prices in coin.

Rules:

1. A snapshot states every quote, so an empty bid or ask is a quote pulled; sizes are not stated and stay 0.
2. The volatility is the venue's mark; `futures_price` is the forward; there is one clock, the snapshot's.
"""

import re

import numpy as np
from numpy.typing import NDArray

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import CsvFormat, Draft, Head, Reading
from holdfast.app.recording.grid import Grid
from holdfast.app.recording.symbols import describe
from holdfast.clock import parse_time_ns
from holdfast.error import OutsideError
from holdfast.quantity import to_units

_NEEDS = {
    "timestamp", "instrument_name", "option_type", "strike", "expiry_datetime", "bid_price", "ask_price",
    "mark_price", "futures_price", "implied_volatility", "delta", "vega", "open_interest", "index_price",
}  # fmt: skip


class DeribitChain(CsvFormat):
    """Option snapshots:

    TOP or QUOTE_PULLED a side, IMPLIED_VOL, MARK, FORWARD, OPEN_INTEREST, DELTA, VEGA, INDEX.
    """

    name = "deribit-chain"
    about = "csv of Deribit chain snapshots (timestamp,instrument_name,...,implied_volatility,...)"

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the column names."""
        return set(head.columns) >= _NEEDS

    def convert(self, table: Table, reading: Reading) -> Draft:
        """Turn lines into rows."""
        moment_ns = table.moments("timestamp")
        columns = ("instrument_name", "option_type", "strike", "expiry_datetime")

        def read(name: bytes, right: bytes, strike: bytes, expiry: bytes) -> int:
            return _describe(reading, name.decode("utf-8", "replace"), right, strike, expiry)

        numbers = np.array(table.texts(columns, read, -1), dtype=np.int64)
        decimals = np.array([i.price_decimals for i in reading.instruments.all] or [0])[
            np.maximum(numbers, 0)
        ]
        grid = Grid(moment_ns, moment_ns, numbers, 11)
        for column, side in (("bid_price", 1), ("ask_price", -1)):
            price = self._quote(table, column, decimals)
            none = price == 0
            grid.put(tape.TOP, price=price, side=side, where=~none)
            grid.put(tape.QUOTE_PULLED, side=side, where=none)
        grid.put_value(tape.IMPLIED_VOL, table.floats("implied_volatility"))
        grid.put_value(tape.MARK, table.floats("mark_price"))
        grid.put_value(tape.FORWARD, table.floats("futures_price"))
        grid.put_value(tape.OPEN_INTEREST, table.floats("open_interest"))
        grid.put_value(tape.DELTA, table.floats("delta"))
        grid.put_value(tape.VEGA, table.floats("vega"))
        grid.put_value(tape.INDEX, table.floats("index_price"))
        return grid.draft(table)

    def _quote(self, table: Table, column: str, decimals: NDArray[np.int64]) -> NDArray[np.int64]:
        """Read a quote; empty, `nan` and zero all mean that there is none."""
        quoted = table.floats(column) > 0
        units = table.sizes(column, decimals, optional=True)
        return np.where(quoted, units, 0)


def _describe(reading: Reading, name: str, right: bytes, strike: bytes, expiry: bytes) -> int:
    option_type = {b"call": "call", b"put": "put", b"C": "call", b"P": "put"}.get(right)
    if option_type is None or not re.fullmatch(r"[A-Z0-9_]+-[A-Z0-9]+-[\dd.]+-[CP]", name):
        raise OutsideError("field.unknown", f"not an option of Deribit: {name[:40]!r} {right[:20]!r}")
    to_units(strike, 9)
    return describe(
        reading.instruments,
        "deribit",
        name,
        kind="option",
        strike=float(strike),
        expiry_ns=parse_time_ns(expiry.decode("utf-8", "replace")),
        option_type=option_type,
    )
