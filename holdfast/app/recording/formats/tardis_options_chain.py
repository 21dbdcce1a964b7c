"""Tardis options_chain: what a venue says of each option at each update: quotes, volatilities, greeks,
forward.

Rules:

1. The file states the whole quote with each line, so an empty price is a quote pulled. A line whose quote,
   last price and open interest are all empty comes before the first ticker of that option: its quotes are
   unknown, not pulled.
2. An empty volatility, greek or mark makes no row: it is unknown (OKX gives no volatility for a bid under
   intrinsic value).
"""

import numpy as np
from numpy.typing import NDArray

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Reading
from holdfast.app.recording.formats.tardis import TardisFormat
from holdfast.app.recording.grid import Grid
from holdfast.app.recording.symbols import describe, venue_of_tardis
from holdfast.clock import MICROSECOND_NS
from holdfast.error import OutsideError
from holdfast.quantity import to_units


class TardisOptionsChain(TardisFormat):
    """Option updates: TOP or QUOTE_PULLED a side, IMPLIED_VOL, MARK, FORWARD, OPEN_INTEREST, DELTA, VEGA."""

    name = "tardis-options-chain"
    about = "Tardis csv of option chains (...,type,strike_price,expiration,...,bid_price,bid_iv,...)"
    needs = (
        "type", "strike_price", "expiration", "open_interest", "last_price", "bid_price", "bid_amount",
        "bid_iv", "ask_price", "ask_amount", "ask_iv", "mark_price", "mark_iv", "underlying_price",
        "delta", "vega",
    )  # fmt: skip
    slots = 12

    def fill(self, grid: Grid, table: Table, prices: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        """Fill the slots of each line."""
        empty = {
            column: table.empty(column)
            for column in ("bid_price", "ask_price", "last_price", "open_interest")
        }
        unknown = empty["bid_price"] & empty["ask_price"] & empty["last_price"] & empty["open_interest"]
        for name, side in (("bid", 1), ("ask", -1)):
            price = table.prices(f"{name}_price", prices, optional=True)
            size = table.sizes(f"{name}_amount", sizes, optional=True)
            none = empty[f"{name}_price"]
            grid.put(tape.TOP, price=price, size=size, side=side, where=~none)
            grid.put(tape.QUOTE_PULLED, side=side, where=none & ~unknown)
        for column, side in (("bid_iv", 1), ("ask_iv", -1), ("mark_iv", 0)):
            grid.put_value(tape.IMPLIED_VOL, table.floats(column), side=side)
        grid.put_value(tape.MARK, table.floats("mark_price"))
        grid.put_value(tape.FORWARD, table.floats("underlying_price"))
        grid.put_value(tape.OPEN_INTEREST, table.floats("open_interest"))
        grid.put_value(tape.DELTA, table.floats("delta"))
        grid.put_value(tape.VEGA, table.floats("vega"))

    def instruments(self, table: Table, reading: Reading) -> NDArray[np.int64]:
        """Return the instrument of each line, with the terms that the line states."""

        def read(exchange: bytes, symbol: bytes, right: bytes, strike: bytes, expiration: bytes) -> int:
            if right not in (b"call", b"put"):
                raise OutsideError("field.unknown", f"type is neither call nor put: {right[:20]!r}")
            name = symbol.decode("utf-8", "replace")
            to_units(strike, 9)
            return describe(
                reading.instruments,
                venue_of_tardis(exchange.decode("utf-8", "replace"), name),
                name,
                kind="option",
                strike=float(strike),
                expiry_ns=to_units(expiration, 0) * MICROSECOND_NS,
                option_type=right.decode(),
            )

        columns = ("exchange", "symbol", "type", "strike_price", "expiration")
        return np.array(table.texts(columns, read, -1), dtype=np.int64)
