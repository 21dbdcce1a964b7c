"""Read the diff of a live Binance book."""

import math

import numpy as np
from numba import njit

from holdfast import tape
from holdfast.venues import slots as slot_table
from holdfast.venues.binance.kernel_fields import (
    CLOSE_LIST,
    COMMA,
    OPEN_LIST,
    event_ns,
    is_time,
    key_of,
    scan_key,
    scan_quoted_units,
    scan_symbol,
)
from holdfast.venues.scan import ends, scan_integer, skip_value

_K_E, _K_T, _K_S, _K_U1, _K_U, _K_PU = (key_of(key) for key in ("E", "T", "s", "U", "u", "pu"))
_K_B, _K_A = key_of("b"), key_of("a")
_LIVE = slot_table.LIVE


@njit(cache=True)
def scan_depth(buffer, position, received_ns, rows, count, slots, futures, closers, end):
    seen = 0
    event_ms = trade_ms = first_id = last_id = previous_id = 0
    slot = -1
    bids_at = asks_at = -1
    after = count
    while buffer[position] == COMMA:
        position, key = scan_key(buffer, position + 1)
        if position < 0:
            return -1
        bit = 0
        if key == _K_E:
            bit = 1
            position, event_ms = scan_integer(buffer, position)
        elif key == _K_T:
            bit = 2
            position, trade_ms = scan_integer(buffer, position)
        elif key == _K_S:
            bit = 4
            position, slot = scan_symbol(buffer, position, slots)
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
                return -1
        elif key == _K_A:
            bit = 128
            asks_at = position
            if slot >= 0 and bids_at >= 0:
                position, after = _scan_levels(buffer, position, rows, after, slots[slot], -1)
            else:
                return -1
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1
        seen |= bit
    needed = 1 | 4 | 8 | 16 | 64 | 128
    if futures:
        needed |= 32
    else:
        previous_id = first_id - 1
    if (
        not ends(buffer, position, closers, end)
        or seen & needed != needed
        or asks_at < 0
        or first_id > last_id
    ):
        return -1
    if (
        previous_id != slots[slot].last_id
        or previous_id >= last_id
        or not (is_time(event_ms) and is_time(trade_ms))
    ):
        return -1
    slots[slot].last_id = last_id
    exchange_ns = event_ns(trade_ms if trade_ms > 0 else event_ms)
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
    return after


@njit(cache=True)
def _scan_levels(buffer, position, rows, count, slot, side):
    """Read `[["price","size"],...]` into price, size and side of the next rows."""
    price_decimals = np.int64(slot.price_decimals)
    size_decimals = np.int64(slot.size_decimals)
    if buffer[position] != OPEN_LIST:
        return -1, 0
    position += 1
    if buffer[position] == CLOSE_LIST:
        return position + 1, count
    while True:
        if buffer[position] != OPEN_LIST:
            return -1, 0
        position, price = scan_quoted_units(buffer, position + 1, price_decimals)
        if position < 0 or price == 0 or buffer[position] != COMMA:
            return -1, 0
        position, size = scan_quoted_units(buffer, position + 1, size_decimals)
        if position < 0 or buffer[position] != CLOSE_LIST:
            return -1, 0
        row = rows[count]
        row.price = price
        row.size = size
        row.side = side
        count += 1
        position += 1
        if buffer[position] == CLOSE_LIST:
            return position + 1, count
        if buffer[position] != COMMA:
            return -1, 0
        position += 1
