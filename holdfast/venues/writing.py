"""Write the rows that every venue's slow decoder writes: levels, whole books, tops. The caller closes the message."""

from collections.abc import Sequence

import numpy as np

from holdfast import tape
from holdfast.tape import RowBuffer
from holdfast.venues.slots import ASK_QUOTED, BID_QUOTED

Levels = Sequence[tuple[int, int]]


def write_levels(
    rows: RowBuffer,
    number: int,
    side: int,
    levels: Levels,
    exchange_ns: int,
    received_ns: int,
    flags: int = 0,
) -> None:
    """Append one LEVEL row a level. Units: price and size units of the instrument."""
    rows.reserve(len(levels))
    start, end = rows.count, rows.count + len(levels)
    block = rows.array[start:end]
    block["exchange_ns"] = exchange_ns
    block["received_ns"] = received_ns
    block["price"] = [price for price, _ in levels]
    block["size"] = [size for _, size in levels]
    block["value"] = np.nan
    block["instrument"] = number
    block["kind"] = tape.LEVEL
    block["side"] = side
    block["flags"] = flags
    rows.count = end


def write_book(
    rows: RowBuffer, number: int, bids: Levels, asks: Levels, limit: int, exchange_ns: int, received_ns: int
) -> None:
    """Append a BOOK_RESET and the levels of a snapshot, best first a side; a side full to `limit` ends in a HORIZON.

    `limit` 0: the snapshot was not cut off.
    """
    rows.append(tape.BOOK_RESET, number, exchange_ns, received_ns, flags=tape.SNAPSHOT)
    for side, levels in ((1, bids), (-1, asks)):
        write_levels(rows, number, side, levels, exchange_ns, received_ns, tape.SNAPSHOT)
        if limit and len(levels) >= limit:
            rows.array["flags"][rows.count - 1] |= np.uint16(tape.HORIZON)


def write_top(
    rows: RowBuffer, slot: np.void, side: int, price: int, size: int, exchange_ns: int, received_ns: int
) -> None:
    """Append one side of a ticker: TOP where there is a quote, QUOTE_PULLED where there is none any more."""
    bit = BID_QUOTED if side > 0 else ASK_QUOTED
    number, quoted = int(slot["number"]), int(slot["quoted"])
    if price and size:
        rows.append(tape.TOP, number, exchange_ns, received_ns, price=price, size=size, side=side)
        slot["quoted"] = quoted | bit
    elif quoted & bit:
        rows.append(tape.QUOTE_PULLED, number, exchange_ns, received_ns, side=side)
        slot["quoted"] = quoted & ~bit
