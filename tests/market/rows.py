"""Rows by hand, for tests that tell a small story."""

from typing import Any

import numpy as np

from holdfast.instrument import Instrument, Instruments
from holdfast.market.board import Board
from holdfast.market.fold import fold_rows
from holdfast.market.state import Market
from holdfast.tape import ROW, Rows

SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND


def row(kind: int, **fields: Any) -> tuple[Any, ...]:
    """Return one row; times in seconds from START_NS (`at`, `sent`), everything else as in `tape.ROW`."""
    at_ns = START_NS + round(fields.pop("at", 0.0) * SECOND)
    sent = fields.pop("sent", None)
    sent_ns = at_ns if sent is None else START_NS + round(sent * SECOND)
    named = {"price": 0, "size": 0, "value": np.nan, "instrument": 0, "side": 0, "flags": 0, **fields}
    return (
        sent_ns, at_ns, named["price"], named["size"], named["value"], named["instrument"], kind, named["side"],
        named["flags"],
    )  # fmt: skip


def rows(*each: tuple[Any, ...]) -> Rows:
    """Return rows as an array."""
    return np.array(list(each), dtype=ROW)


def instruments(count: int = 1, **terms: Any) -> Instruments:
    """Return a table of `count` instruments with whole-number prices and sizes."""
    table = Instruments()
    for number in range(count):
        named = {
            "venue": f"v{number}",
            "symbol": "BTCUSD",
            "kind": "perpetual",
            "base": "BTC",
            "quote": "USD",
            **terms,
        }
        table.add(Instrument(price_decimals=0, size_decimals=0, **named))
    return table


class Small:
    """A market of a few instruments and what a story does to it."""

    def __init__(self, count: int = 1, **terms: Any) -> None:
        self.market = Market(count)
        self.market.fit(instruments(count, **terms))
        self._stopped = np.zeros(2, dtype=np.int64)
        for number in range(count):
            self.market.give_book(number)

    def fold(self, *each: tuple[Any, ...]) -> int:
        """Fold rows to the end and return how many were taken."""
        m = self.market
        arrays = (m.state, m.board, m.keys, m.sizes, m.latency, m.steps, self._stopped)
        return fold_rows(rows(*each), 0, 2**62, *arrays)

    @property
    def board(self) -> Board:
        """Return the first instrument's board row."""
        return self.market.board[0]

    @property
    def state(self) -> Any:
        """Return the first instrument's memory."""
        return self.market.state[0]
