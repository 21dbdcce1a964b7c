"""Bitstamp L3 csv: every order created, changed or deleted, folded into price levels by the venue's codec.

The file names no pair: a name such as `btceur` supplies it, BTC/USD else. Volumes are in 1e-8 of the base
coin, times in milliseconds; `timestamp` is the recorder's clock.
"""

import re
from typing import Final

import numpy as np

from holdfast.app.recording.chunk import Chunk, Note
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import CsvFormat, Draft, Head, Reading
from holdfast.clock import MILLISECOND_NS
from holdfast.error import OutsideError
from holdfast.tape import RowBuffer
from holdfast.venues.bitstamp.orders import OrderBook3

_COLUMNS: Final = ["id", "timestamp", "exchange.timestamp", "price", "volume", "action", "direction"]
_PAIR: Final = re.compile(
    r"(?:^|[^a-z])(btc|eth|xrp|ltc|bch)[-_/]?(usd|eur|gbp|btc)(?:[^a-z]|$)", re.IGNORECASE
)


class BitstampL3(CsvFormat):
    """Single orders as LEVEL rows of a book that is served only where it is proven."""

    name = "bitstamp-l3"
    about = "Bitstamp csv of single orders (id,timestamp,exchange.timestamp,price,volume,action,direction)"

    def __init__(self) -> None:
        self._rows = RowBuffer()
        self._book: OrderBook3 | None = None
        self._wishes: list[Note] = []

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the column names."""
        return head.columns == _COLUMNS

    def convert(self, table: Table, reading: Reading) -> Draft:
        """Give the orders to the book one by one."""
        received = table.times("timestamp", MILLISECOND_NS).tolist()
        exchange = table.times("exchange.timestamp", MILLISECOND_NS).tolist()
        numbers = table.units("id", 0).tolist()
        book = self._book
        if book is None:
            found = next((m for hint in reading.head.hints if (m := _PAIR.search(hint))), None)
            base, quote = found.groups() if found else ("BTC", "USD")
            book = self._book = OrderBook3(reading.instruments, self._rows, base.upper(), quote.upper())
        lines: list[int] = []
        for position in np.flatnonzero(~table.failed).tolist():
            before = self._rows.count
            try:
                book.on_order(
                    received[position],
                    exchange[position],
                    numbers[position],
                    price=table.text("price", position),
                    volume=table.text("volume", position),
                    action=table.text("action", position).decode("utf-8", "replace"),
                    direction=table.text("direction", position).decode("utf-8", "replace"),
                )
            except OutsideError as error:
                self._rows.rollback(before)
                table.fail(position, error)
            lines.extend([position] * (self._rows.count - before))
            self._wishes.extend(Note(self._rows.count, wish) for wish in book.requests)
            book.requests.clear()
        rows = self._rows.take()
        return Draft(
            rows, np.array(lines, dtype=np.int64), np.full(len(table), book.instrument, dtype=np.int64)
        )

    def _chunk(self, table: Table, reading: Reading, received_ns: int) -> Chunk:
        chunk = super()._chunk(table, reading, received_ns)
        wishes, self._wishes = self._wishes, []
        return Chunk(chunk.rows, sorted([*chunk.notes, *wishes], key=lambda note: note.index))
