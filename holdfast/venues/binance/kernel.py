"""Read Binance frames at byte speed: diffs of live books, best quotes, trades and mark prices, straight to rows.

Keys may come in any order and unknown ones are skipped, but an event names its type first (`"e"`) and its symbol before any
price. Refused, and left to the slow decoder: other events, unknown symbols, diffs that do not continue a live book,
partial books, blanks, escapes, repeated keys, numbers off the grid, and a price or size of zero where that has a meaning.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast import tape
from holdfast.tape import Rows
from holdfast.venues import slots as slot_table
from holdfast.venues.scan import (
    Bytes,
    literal,
    put_row,
    scan_float,
    scan_integer,
    scan_units,
    skip_blanks,
    skip_string,
    skip_value,
    starts_with,
)
from holdfast.venues.slots import Slot, scan_slot

SPOT: Final = 0
FUTURES: Final = 1

# which stream an instrument's trades come from
PRINTS_TRADE: Final = 1
PRINTS_AGGREGATE: Final = 2

MILLISECONDS_MAX: Final = (
    10**14
)  # a larger time is in microseconds, which spot sends where a client asks for it
TIME_MAX: Final = 9 * 10**15

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
_MARKET: Final = literal('"MARKET"')
_TRUE: Final = literal("true")
_FALSE: Final = literal("false")

_QUOTE, _COMMA, _COLON, _OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = 0x22, 0x2C, 0x3A, 0x7B, 0x7D, 0x5B, 0x5D
_EVENT_KEY: Final = 0x65
_LIVE: Final = slot_table.LIVE
_BOTH_QUOTED: Final = slot_table.BID_QUOTED | slot_table.ASK_QUOTED


def _key(name: str) -> int:
    return int.from_bytes(name.encode(), "little")


_K_E, _K_T, _K_S, _K_U1, _K_U, _K_PU = _key("E"), _key("T"), _key("s"), _key("U"), _key("u"), _key("pu")
_K_B, _K_A, _K_B1, _K_A1, _K_P, _K_Q = _key("b"), _key("a"), _key("B"), _key("A"), _key("p"), _key("q")
_K_M, _K_X, _K_I, _K_R = _key("m"), _key("X"), _key("i"), _key("r")


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
def _scan_frame(buffer, start, end, received_ns, rows, count, slots, market):  # noqa: ANN001, ANN202
    position = start
    wrapped = starts_with(buffer, position, _ENVELOPE)
    if wrapped:
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
    if starts_with(buffer, position, _EVENT):
        position += _EVENT.shape[0]
        if starts_with(buffer, position, _DEPTH):
            first = position + _DEPTH.shape[0]
            position, after = _scan_depth(buffer, first, received_ns, rows, count, slots, market)
        elif starts_with(buffer, position, _TICKER):
            first = position + _TICKER.shape[0]
            position, after = _scan_ticker(buffer, first, received_ns, rows, count, slots)
        elif starts_with(buffer, position, _TRADE):
            first = position + _TRADE.shape[0]
            position, after = _scan_trade(buffer, first, received_ns, rows, count, slots, PRINTS_TRADE)
        elif starts_with(buffer, position, _AGGREGATE):
            first = position + _AGGREGATE.shape[0]
            position, after = _scan_trade(buffer, first, received_ns, rows, count, slots, PRINTS_AGGREGATE)
        elif starts_with(buffer, position, _MARK) and market == FUTURES:
            first = position + _MARK.shape[0]
            position, after = _scan_mark(buffer, first, received_ns, rows, count, slots)
        else:
            return -1
    elif market == SPOT and starts_with(buffer, position, _FIRST_UPDATE):
        position, after = _scan_ticker(buffer, position, received_ns, rows, count, slots)
    else:
        return -1
    if position < 0:
        return -1
    if wrapped:
        if buffer[position] != _CLOSE:
            return -1
        position += 1
    return after if skip_blanks(buffer, position) == end else -1


@njit(cache=True)
def _scan_key(buffer, position):  # noqa: ANN001, ANN202
    """Read `"k":`, one or two bytes and not the event's type. Returns the position of the value (-1: refused) and the key."""
    if buffer[position] != _QUOTE:
        return -1, 0
    after = skip_string(buffer, position)
    if after < 0 or buffer[after] != _COLON:
        return -1, 0
    if after - position == 3 and buffer[position + 1] != _EVENT_KEY:
        return after + 1, np.int64(buffer[position + 1])
    if after - position == 4:
        return after + 1, np.int64(buffer[position + 1]) | (np.int64(buffer[position + 2]) << 8)
    return -1, 0


@njit(cache=True)
def _scan_symbol(buffer, position, slots):  # noqa: ANN001, ANN202
    if buffer[position] != _QUOTE:
        return -1, -1
    position, slot = scan_slot(buffer, position + 1, slots, _QUOTE)
    return (position + 1, slot) if position >= 0 else (-1, -1)


@njit(cache=True)
def _scan_quoted_units(buffer, position, decimals):  # noqa: ANN001, ANN202
    if buffer[position] != _QUOTE:
        return -1, 0
    position, units = scan_units(buffer, position + 1, decimals)
    if position < 0 or buffer[position] != _QUOTE:
        return -1, 0
    return position + 1, units


@njit(cache=True)
def _scan_quoted_float(buffer, position):  # noqa: ANN001, ANN202
    if buffer[position] != _QUOTE:
        return -1, 0.0
    position, value = scan_float(buffer, position + 1)
    if position < 0 or buffer[position] != _QUOTE:
        return -1, 0.0
    return position + 1, value


@njit(cache=True)
def _time_ns(time):  # noqa: ANN001, ANN202
    return time * 1_000_000 if time < MILLISECONDS_MAX else time * 1_000


@njit(cache=True)
def _scan_depth(buffer, position, received_ns, rows, count, slots, market):  # noqa: ANN001, ANN202
    seen = 0
    event_ms = trade_ms = first_id = last_id = previous_id = 0
    slot = -1
    bids_at = asks_at = -1
    after = count
    while buffer[position] == _COMMA:
        position, key = _scan_key(buffer, position + 1)
        if position < 0:
            return -1, 0
        bit = 0
        if key == _K_E:
            bit = 1
            position, event_ms = scan_integer(buffer, position)
        elif key == _K_T:
            bit = 2
            position, trade_ms = scan_integer(buffer, position)
        elif key == _K_S:
            bit = 4
            position, slot = _scan_symbol(buffer, position, slots)
        elif key == _K_U1:
            bit = 8
            position, first_id = scan_integer(buffer, position)
        elif key == _K_U:
            bit = 16
            position, last_id = scan_integer(buffer, position)
        elif key == _K_PU:
            bit = 32
            position, previous_id = scan_integer(buffer, position)
        elif key == _K_B:
            bit = 64
            bids_at = position
            if slot >= 0 and slots[slot].state == _LIVE:
                position, after = _scan_levels(buffer, position, rows, after, slots[slot], 1)
            else:
                return -1, 0
        elif key == _K_A:
            bit = 128
            asks_at = position
            if slot >= 0 and bids_at >= 0:
                position, after = _scan_levels(buffer, position, rows, after, slots[slot], -1)
            else:
                return -1, 0
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1, 0
        seen |= bit
    needed = 1 | 4 | 8 | 16 | 64 | 128
    if market == FUTURES:
        needed |= 32
    else:
        previous_id = first_id - 1
    if buffer[position] != _CLOSE or seen & needed != needed or asks_at < 0 or first_id > last_id:
        return -1, 0
    if previous_id != slots[slot].last_id or max(event_ms, trade_ms) > TIME_MAX:
        return -1, 0
    slots[slot].last_id = last_id
    exchange_ns = _time_ns(trade_ms if trade_ms > 0 else event_ms)
    number = slots[slot].number
    for i in range(count, after):
        row = rows[i]
        row.exchange_ns = exchange_ns
        row.received_ns = received_ns
        row.value = math.nan
        row.instrument = number
        row.kind = tape.LEVEL
        row.flags = 0
    if after > count:
        rows[after - 1].flags = tape.LAST
    return position + 1, after


@njit(cache=True)
def _scan_levels(buffer, position, rows, count, slot, side):  # noqa: ANN001, ANN202
    """Read `[["price","size"],...]` into price, size and side of the next rows."""
    price_decimals = np.int64(slot.price_decimals)
    size_decimals = np.int64(slot.size_decimals)
    if buffer[position] != _OPEN_LIST:
        return -1, 0
    position += 1
    if buffer[position] == _CLOSE_LIST:
        return position + 1, count
    while True:
        if buffer[position] != _OPEN_LIST:
            return -1, 0
        position, price = _scan_quoted_units(buffer, position + 1, price_decimals)
        if position < 0 or price == 0 or buffer[position] != _COMMA:
            return -1, 0
        position, size = _scan_quoted_units(buffer, position + 1, size_decimals)
        if position < 0 or buffer[position] != _CLOSE_LIST:
            return -1, 0
        row = rows[count]
        row.price = price
        row.size = size
        row.side = side
        count += 1
        position += 1
        if buffer[position] == _CLOSE_LIST:
            return position + 1, count
        if buffer[position] != _COMMA:
            return -1, 0
        position += 1


@njit(cache=True)
def _scan_ticker(buffer, position, received_ns, rows, count, slots):  # noqa: ANN001, ANN202
    seen = 0
    event_ms = trade_ms = 0
    bid = bid_size = ask = ask_size = 0
    slot = -1
    first = position
    while buffer[position] == _COMMA or (position == first and buffer[position] == _OPEN):
        position, key = _scan_key(buffer, position + 1)
        if position < 0:
            return -1, 0
        bit = 0
        if key == _K_E:
            bit = 1
            position, event_ms = scan_integer(buffer, position)
        elif key == _K_T:
            bit = 2
            position, trade_ms = scan_integer(buffer, position)
        elif key == _K_S:
            bit = 4
            position, slot = _scan_symbol(buffer, position, slots)
        elif key == _K_B or key == _K_B1 or key == _K_A or key == _K_A1:
            if slot < 0:
                return -1, 0
            if key == _K_B:
                bit = 8
                position, bid = _scan_quoted_units(buffer, position, np.int64(slots[slot].price_decimals))
            elif key == _K_B1:
                bit = 16
                position, bid_size = _scan_quoted_units(buffer, position, np.int64(slots[slot].size_decimals))
            elif key == _K_A:
                bit = 32
                position, ask = _scan_quoted_units(buffer, position, np.int64(slots[slot].price_decimals))
            else:
                bit = 64
                position, ask_size = _scan_quoted_units(buffer, position, np.int64(slots[slot].size_decimals))
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1, 0
        seen |= bit
    needed = 4 | 8 | 16 | 32 | 64
    if buffer[position] != _CLOSE or seen & needed != needed or max(event_ms, trade_ms) > TIME_MAX:
        return -1, 0
    if bid == 0 or bid_size == 0 or ask == 0 or ask_size == 0:
        return -1, 0
    slots[slot].quoted = _BOTH_QUOTED
    exchange_ns = _time_ns(trade_ms if trade_ms > 0 else event_ms)
    number = slots[slot].number
    put_row(rows, count, exchange_ns, received_ns, bid, bid_size, math.nan, number, tape.TOP, 1, 0)
    put_row(
        rows, count + 1, exchange_ns, received_ns, ask, ask_size, math.nan, number, tape.TOP, -1, tape.LAST
    )
    return position + 1, count + 2


@njit(cache=True)
def _scan_trade(buffer, position, received_ns, rows, count, slots, prints):  # noqa: ANN001, ANN202
    seen = 0
    trade_ms = price = size = 0
    slot = -1
    side = 0
    while buffer[position] == _COMMA:
        position, key = _scan_key(buffer, position + 1)
        if position < 0:
            return -1, 0
        bit = 0
        if key == _K_T:
            bit = 1
            position, trade_ms = scan_integer(buffer, position)
        elif key == _K_S:
            bit = 2
            position, slot = _scan_symbol(buffer, position, slots)
        elif key == _K_P or key == _K_Q:
            if slot < 0:
                return -1, 0
            if key == _K_P:
                bit = 4
                position, price = _scan_quoted_units(buffer, position, np.int64(slots[slot].price_decimals))
            else:
                bit = 8
                position, size = _scan_quoted_units(buffer, position, np.int64(slots[slot].size_decimals))
        elif key == _K_M:
            bit = 16
            if starts_with(buffer, position, _TRUE):
                side = -1
                position += 4
            elif starts_with(buffer, position, _FALSE):
                side = 1
                position += 5
            else:
                return -1, 0
        elif key == _K_X:
            bit = 32
            if not starts_with(buffer, position, _MARKET):
                return -1, 0
            position += _MARKET.shape[0]
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1, 0
        seen |= bit
    needed = 1 | 2 | 4 | 8 | 16
    if (
        buffer[position] != _CLOSE
        or seen & needed != needed
        or price == 0
        or size == 0
        or trade_ms > TIME_MAX
    ):
        return -1, 0
    if slots[slot].prints == 0:
        slots[slot].prints = prints
    if slots[slot].prints != prints:
        return position + 1, count
    number = slots[slot].number
    put_row(
        rows,
        count,
        _time_ns(trade_ms),
        received_ns,
        price,
        size,
        math.nan,
        number,
        tape.TRADE,
        side,
        tape.LAST,
    )
    return position + 1, count + 1


@njit(cache=True)
def _scan_mark(buffer, position, received_ns, rows, count, slots):  # noqa: ANN001, ANN202
    seen = 0
    event_ms = 0
    slot = -1
    mark = index = funding = math.nan
    while buffer[position] == _COMMA:
        position, key = _scan_key(buffer, position + 1)
        if position < 0:
            return -1, 0
        bit = 0
        if key == _K_E:
            bit = 1
            position, event_ms = scan_integer(buffer, position)
        elif key == _K_S:
            bit = 2
            position, slot = _scan_symbol(buffer, position, slots)
        elif key == _K_P:
            bit = 4
            position, mark = _scan_quoted_float(buffer, position)
        elif key == _K_I:
            bit = 8
            position, index = _scan_quoted_float(buffer, position)
        elif key == _K_R:
            bit = 16
            position, funding = _scan_quoted_float(buffer, position)
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1, 0
        seen |= bit
    needed = 1 | 2 | 4 | 16
    if buffer[position] != _CLOSE or seen & needed != needed or event_ms > TIME_MAX:
        return -1, 0
    if mark <= 0.0 or (seen & 8 and index <= 0.0):
        return -1, 0
    exchange_ns = _time_ns(event_ms)
    number = slots[slot].number
    put_row(rows, count, exchange_ns, received_ns, 0, 0, mark, number, tape.MARK, 0, 0)
    count += 1
    if seen & 8:
        put_row(rows, count, exchange_ns, received_ns, 0, 0, index, number, tape.INDEX, 0, 0)
        count += 1
    put_row(rows, count, exchange_ns, received_ns, 0, 0, funding, number, tape.FUNDING, 0, tape.LAST)
    return position + 1, count + 1
