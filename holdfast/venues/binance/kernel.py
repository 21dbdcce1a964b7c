"""Read Binance frames at byte speed: diffs of live books, best quotes, trades and mark prices, straight to rows.

Keys may come in any order and unknown ones are skipped, but an event names its type first (`"e"`) and its symbol before any
price. Refused, and left to the slow decoder: other events, unknown symbols, diffs that do not continue a live book,
partial books, blanks, escapes, repeated keys, numbers off the grid, and a price or size of zero where that has a meaning.
"""

from typing import Final

import numpy as np
from numba import njit

from holdfast.tape import Rows
from holdfast.venues.binance.kernel_depth import scan_depth
from holdfast.venues.binance.kernel_prints import (
    PRINTS_AGGREGATE,
    PRINTS_TRADE,
    scan_mark,
    scan_ticker,
    scan_trade,
)
from holdfast.venues.scan import Bytes, literal, skip_string, starts_with
from holdfast.venues.slots import Slot

SPOT: Final = 0
FUTURES: Final = 1

_ENVELOPE: Final = literal('{"stream":"')
_DATA: Final = literal('","data":')
_EVENT: Final = literal('{"e":"')
_FIRST_UPDATE: Final = literal('{"u":')
_DEPTH: Final = literal('depthUpdate"')
_TICKER: Final = literal('bookTicker"')
_TRADE: Final = literal('trade"')
_AGGREGATE: Final = literal('aggTrade"')
_MARK: Final = literal('markPriceUpdate"')
_PARTIAL: Final = literal("@depth")


@njit(cache=True)
def scan_frames(
    buffer: Bytes, ends_times: np.ndarray, frames: int, rows: Rows, count: int, slots: Slot, market: int
) -> int:
    """Read leading frames into rows; return how many (upper 32 bits) and the new row count (lower 32 bits)."""
    start = 0
    for i in range(frames):
        end = ends_times[0, i]
        after = _scan_frame(buffer, start, end, ends_times[1, i], rows, count, slots, market)
        if after < 0:
            return (i << 32) | count
        count = after
        start = end + 1
    return (frames << 32) | count


@njit(cache=True)
def _scan_frame(buffer, start, end, received_ns, rows, count, slots, market):
    position = start
    closers = 1
    if starts_with(buffer, position, _ENVELOPE):
        closers = 2
        position += _ENVELOPE.shape[0]
        name = position
        position = skip_string(buffer, position - 1)
        if position < 0:
            return -1
        for i in range(name, position - _PARTIAL.shape[0]):
            if buffer[i] == 0x40 and starts_with(buffer, i, _PARTIAL):  # @depth5, @depth20: a partial book
                after = buffer[i + _PARTIAL.shape[0]]
                if 0x30 <= after <= 0x39:
                    return -1
        if not starts_with(buffer, position - 1, _DATA):
            return -1
        position += _DATA.shape[0] - 1
    if market == SPOT and starts_with(buffer, position, _FIRST_UPDATE):
        return scan_ticker(buffer, position, received_ns, rows, count, slots, closers, end)
    if not starts_with(buffer, position, _EVENT):
        return -1
    position += _EVENT.shape[0]
    if starts_with(buffer, position, _DEPTH):
        position += _DEPTH.shape[0]
        return scan_depth(buffer, position, received_ns, rows, count, slots, market == FUTURES, closers, end)
    if starts_with(buffer, position, _TICKER):
        position += _TICKER.shape[0]
        return scan_ticker(buffer, position, received_ns, rows, count, slots, closers, end)
    if starts_with(buffer, position, _TRADE):
        position += _TRADE.shape[0]
        return scan_trade(buffer, position, received_ns, rows, count, slots, PRINTS_TRADE, closers, end)
    if starts_with(buffer, position, _AGGREGATE):
        position += _AGGREGATE.shape[0]
        return scan_trade(buffer, position, received_ns, rows, count, slots, PRINTS_AGGREGATE, closers, end)
    if market == FUTURES and starts_with(buffer, position, _MARK):
        position += _MARK.shape[0]
        return scan_mark(buffer, position, received_ns, rows, count, slots, closers, end)
    return -1
