"""Read Deribit frames at byte speed: changes of live books, trades, tickers and quotes, straight to rows.

Keys of the data may come in any order and unknown ones are skipped. Refused, and left to the slow decoder: other
channels, unknown instruments, changes that do not continue a live book, snapshots, grouped books, liquidations,
blanks, escapes, repeated keys, and numbers off the grid or in a form that needs more care.
"""

from typing import Final

import numpy as np
from numba import njit

from holdfast.tape import Rows
from holdfast.venues.deribit.kernel_book import scan_book
from holdfast.venues.deribit.kernel_fields import COMMA, DOT, QUOTE
from holdfast.venues.deribit.kernel_prints import scan_trades
from holdfast.venues.deribit.kernel_ticker import scan_ticker
from holdfast.venues.scan import Bytes, literal, starts_with
from holdfast.venues.slots import Slot, scan_slot

CLOSERS: Final = 3  # the data, the parameters and the message close together

_HEAD: Final = literal('{"jsonrpc":"2.0","method":"subscription","params":{"channel":"')
_DATA: Final = literal('"data":')
_BOOK: Final = literal("book.")
_TRADES: Final = literal("trades.")
_TICKER: Final = literal("ticker.")
_QUOTES: Final = literal("quote.")


@njit(cache=True)
def scan_frames(
    buffer: Bytes, ends_times: np.ndarray, frames: int, rows: Rows, count: int, slots: Slot
) -> int:
    """Read leading frames into rows; return how many (upper 32 bits) and the new row count (lower 32 bits)."""
    start = 0
    for i in range(frames):
        end = ends_times[0, i]
        after = _scan_frame(buffer, start, end, ends_times[1, i], rows, count, slots)
        if after < 0:
            return (i << 32) | count
        count = after
        start = end + 1
    return (frames << 32) | count


@njit(cache=True)
def _scan_frame(buffer, start, end, received_ns, rows, count, slots):
    if not starts_with(buffer, start, _HEAD):
        return -1
    position = start + _HEAD.shape[0]
    is_book = starts_with(buffer, position, _BOOK)
    is_trades = starts_with(buffer, position, _TRADES)
    is_ticker = starts_with(buffer, position, _TICKER)
    is_quote = starts_with(buffer, position, _QUOTES)
    if not (is_book or is_trades or is_ticker or is_quote):
        return -1
    position += 7 if is_trades or is_ticker else 6 if is_quote else 5
    position, slot = scan_slot(buffer, position, slots, QUOTE if is_quote else DOT)
    if position < 0:
        return -1
    if not is_quote:
        position += 1
        while buffer[position] != QUOTE:  # the interval; a further dot is a grouped book
            byte = buffer[position]
            if not (0x30 <= byte <= 0x39 or 0x61 <= byte <= 0x7A):
                return -1
            position += 1
    if buffer[position + 1] != COMMA or not starts_with(buffer, position + 2, _DATA):
        return -1
    position += 2 + _DATA.shape[0]
    if is_book:
        return scan_book(buffer, position, received_ns, rows, count, slots, slot, CLOSERS, end)
    if is_trades:
        return scan_trades(buffer, position, received_ns, rows, count, slots, slot, CLOSERS, end)
    return scan_ticker(buffer, position, received_ns, rows, count, slots, slot, CLOSERS, end)
