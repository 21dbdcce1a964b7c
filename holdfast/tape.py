"""The tape: market rows in bulk, one fixed-width row, two clocks, integers for money.

Rules of a row:

1. `price` and `size` are integer counts of `10**-price_decimals` and `10**-size_decimals` of the row's instrument.
2. `value` carries what is not money on a grid: a mark or index price, a rate, a volatility, a count. NaN if unused.
3. `exchange_ns` is the venue's clock (0: the message carried none), `received_ns` the recorder's; both UTC nanoseconds.
4. A message is one or more consecutive rows; the last one has the flag `LAST`. Books are judged only there.
5. `side` is +1 for bid or buy, -1 for ask or sell, 0 for neither. A trade's side is the aggressor's.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

ROW: Final = np.dtype(
    [
        ("exchange_ns", "<i8"),
        ("received_ns", "<i8"),
        ("price", "<i8"),
        ("size", "<i8"),
        ("value", "<f8"),
        ("instrument", "<i4"),
        ("kind", "u1"),
        ("side", "i1"),
        ("flags", "<u2"),
    ]
)
assert ROW.itemsize == 48

Rows = NDArray[np.void]

# kind: market data
LEVEL: Final = 1  # price level of a book: absolute size, 0 removes it
TOP: Final = 2  # best bid or ask as the venue's own ticker states it, one row a side
TRADE: Final = 3
MARK: Final = 4  # value: mark price
INDEX: Final = 5  # value: index price
FUNDING: Final = 6  # value: funding rate of the current interval, as a fraction
OPEN_INTEREST: Final = 7  # value: contracts (or base units where the venue counts so)
LIQUIDATION: Final = 8  # a forced order's print: side is the side of the forced order
BAR_OPEN: Final = 9  # a bar is four rows, each with its price; exchange_ns is the bar's END
BAR_HIGH: Final = 10
BAR_LOW: Final = 11
BAR_CLOSE: Final = 12  # value: volume in base units, NaN when the source has none
BAND: Final = 13  # depth within a band: price is the band in bps, size the depth, value the average price
IMPLIED_VOL: Final = 14  # value: volatility as a fraction a year; side +1 bid, -1 ask, 0 mark
FORWARD: Final = 15  # value: the underlying price that the venue prices an option from
DELTA: Final = 16  # value: the venue's own delta
VEGA: Final = 17  # value: the venue's own vega, in the venue's unit

# kind: control, made by codecs, part of the record like everything else
BOOK_RESET: Final = (
    32  # a snapshot starts here: forget the book; LEVEL rows follow until LAST, then it is live
)
BOOK_GAP: Final = (
    33  # the sequence or checksum broke: the book is stale until the next BOOK_RESET; value: reason
)
TIMER: Final = 34  # nothing happened but time; instrument -1
TIME_BAD: Final = 35  # the venue's time field was malformed; the row stands for that message's clock only
QUOTE_PULLED: Final = 36  # the venue says there is no bid (side +1) or ask (side -1)

# kind: what else went into a live guard's fold, at its place among the rows; price: how many records its journal held then
NODE_STARTED: Final = (
    48  # the fold begins, with the levels that the journal holds; size: the time of its last record
)
ALERTS_HEARD: Final = 49  # size: how many alerts of its own detectors were taken in
JUDGED: Final = 50  # policy judged them
RELEASED: Final = 51  # a person lowered a level

# flags
LAST: Final = 1  # the last row of its message
SNAPSHOT: Final = 2  # belongs to a snapshot, not a change
HORIZON: Final = 4  # on a snapshot LEVEL: nothing is known beyond this price on this side

# reasons in BOOK_GAP's value
GAP_SEQUENCE: Final = 1.0
GAP_CHECKSUM: Final = 2.0
GAP_DISCONNECT: Final = 3.0
GAP_MALFORMED: Final = 4.0  # a book message could not be read, so the book may be wrong
GAP_UNKNOWN: Final = 5.0  # the market moved to where the book was never known

KIND_NAMES: Final[dict[int, str]] = {
    LEVEL: "level", TOP: "top", TRADE: "trade", MARK: "mark", INDEX: "index", FUNDING: "funding",
    OPEN_INTEREST: "open_interest", LIQUIDATION: "liquidation", BAR_OPEN: "bar_open", BAR_HIGH: "bar_high",
    BAR_LOW: "bar_low", BAR_CLOSE: "bar_close", BAND: "band", IMPLIED_VOL: "implied_vol", FORWARD: "forward",
    DELTA: "delta", VEGA: "vega", BOOK_RESET: "book_reset", BOOK_GAP: "book_gap", TIMER: "timer",
    TIME_BAD: "time_bad", QUOTE_PULLED: "quote_pulled", NODE_STARTED: "node_started", ALERTS_HEARD: "alerts_heard",
    JUDGED: "judged", RELEASED: "released",
}  # fmt: skip


class RowBuffer:
    """A growable array of rows that codecs write to; `mark` and `rollback` make a message all or nothing."""

    def __init__(self, capacity: int = 4096) -> None:
        self.array: Rows = np.zeros(capacity, dtype=ROW)
        self.count = 0

    def append(
        self,
        kind: int,
        instrument: int,
        exchange_ns: int,
        received_ns: int,
        *,
        price: int = 0,
        size: int = 0,
        value: float = float("nan"),
        side: int = 0,
        flags: int = 0,
    ) -> None:
        """Append one row. Cost: about 1 us; hot codecs write the array from a kernel instead."""
        self.reserve(1)
        self.array[self.count] = (exchange_ns, received_ns, price, size, value, instrument, kind, side, flags)
        self.count += 1

    def reserve(self, extra: int) -> None:
        """Make room for `extra` more rows (the array object may be replaced)."""
        needed = self.count + extra
        if needed > len(self.array):
            grown = np.zeros(max(needed, 2 * len(self.array)), dtype=ROW)
            grown[: self.count] = self.array[: self.count]
            self.array = grown

    def close_message(self, first: int) -> None:
        """Flag the last row as LAST if any row was written since `first`."""
        if self.count > first:
            self.array["flags"][self.count - 1] |= LAST

    def rollback(self, mark: int) -> None:
        """Forget all rows written since `mark = buffer.count`."""
        self.count = mark

    def take(self) -> Rows:
        """Return a copy of the rows written so far and start over."""
        rows = self.array[: self.count].copy()
        self.count = 0
        return rows
