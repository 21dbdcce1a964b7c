"""Binance Vision trades and aggTrades: one TRADE row a line; `is_buyer_maker` tells that the seller was the
aggressor.
"""

from typing import Final

import numpy as np

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Draft, Head, Reading
from holdfast.app.recording.formats.vision import VisionFormat, is_number, vision_times
from holdfast.app.recording.grid import Grid
from holdfast.error import OutsideError

_TRADES: Final = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match")
_AGGREGATES: Final = (
    "agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker",
    "is_best_match",
)  # fmt: skip
_MAKER: Final = {b"true": -1, b"false": 1}


class VisionTrades(VisionFormat):
    """Trades or aggregate trades, with or without a header line."""

    name = "binance-trades"
    about = "Binance Vision csv of trades or aggTrades (id,price,qty,... or agg_trade_id,...)"

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the header, or by five or six numbers and then true or false."""
        return cls._kind(head) is not None

    @classmethod
    def _kind(cls, head: Head) -> tuple[str, ...] | None:
        columns = head.columns
        for names in (_TRADES, _AGGREGATES):
            least = names.index("is_buyer_maker") + 1
            if columns[:least] == list(names[:least]):
                return names
            numbers, flags = columns[: least - 1], columns[least - 1 :]
            if len(columns) not in (least, least + 1) or not all(is_number(c) for c in numbers):
                continue
            if all(c.lower() in ("true", "false") for c in flags):
                return names
        return None

    def columns(self, head: Head) -> list[str]:
        """Return the names of the columns."""
        return list(self._kind(head) or ())[: len(head.columns)]

    def convert(self, table: Table, reading: Reading) -> Draft:
        """Turn lines into trades."""
        aggregated = "agg_trade_id" in table.columns
        moment_ns = vision_times(table, "transact_time" if aggregated else "time", reading)
        numbers = self.instrument(table, reading, spot_like="is_best_match" in table.columns)
        about = reading.instruments[int(numbers[0])] if len(numbers) else None
        price = table.prices("price", about.price_decimals if about else 0)
        size = table.sizes("quantity" if aggregated else "qty", about.size_decimals if about else 0)
        side = np.array(table.texts(("is_buyer_maker",), _aggressor, 0), dtype=np.int64)
        grid = Grid(moment_ns, moment_ns, numbers, 1)
        grid.put(tape.TRADE, price=price, size=size, side=side)
        return grid.draft(table)


def _aggressor(text: bytes) -> int:
    side = _MAKER.get(text.lower())
    if side is None:
        raise OutsideError("field.unknown", f"is_buyer_maker is neither true nor false: {text[:20]!r}")
    return side
