"""Read the change of a live Deribit book."""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast import tape
from holdfast.venues import slots as slot_table
from holdfast.venues.deribit.kernel_fields import (
    CLOSE_LIST,
    COMMA,
    OPEN,
    OPEN_LIST,
    TIME_MAX,
    key_of,
    scan_key,
    scan_name,
)
from holdfast.venues.scan import ends, literal, scan_integer, scan_units, skip_value, starts_with

_K_TYPE, _K_TIME, _K_NAME = key_of("type"), key_of("timestamp"), key_of("instrument_name")
_K_ID, _K_PREVIOUS, _K_BIDS, _K_ASKS = (
    key_of("change_id"),
    key_of("prev_change_id"),
    key_of("bids"),
    key_of("asks"),
)
_CHANGE: Final = literal('"change"')
_LEVEL_NEW: Final = literal('["new",')
_LEVEL_CHANGE: Final = literal('["change",')
_LEVEL_DELETE: Final = literal('["delete",')
_LIVE: Final = slot_table.LIVE


@njit(cache=True)
def scan_book(buffer, position, received_ns, rows, count, slots, slot, closers, end):
    if buffer[position] != OPEN or slots[slot].state != _LIVE:
        return -1
    seen = 0
    time_ms = change_id = previous_id = 0
    asks_at = -1
    after = count
    first = position
    while buffer[position] == COMMA or position == first:
        position, word0, word1 = scan_key(buffer, position + 1)
        if position < 0:
            return -1
        bit = 0
        if word0 == _K_TYPE[0] and word1 == _K_TYPE[1]:
            bit = 1
            if not starts_with(buffer, position, _CHANGE):
                return -1
            position += _CHANGE.shape[0]
        elif word0 == _K_TIME[0] and word1 == _K_TIME[1]:
            bit = 2
            position, time_ms = scan_integer(buffer, position)
        elif word0 == _K_NAME[0] and word1 == _K_NAME[1]:
            bit = 4
            position = scan_name(buffer, position, slots, slot)
        elif word0 == _K_ID[0] and word1 == _K_ID[1]:
            bit = 8
            position, change_id = scan_integer(buffer, position)
        elif word0 == _K_PREVIOUS[0] and word1 == _K_PREVIOUS[1]:
            bit = 16
            position, previous_id = scan_integer(buffer, position)
        elif word0 == _K_BIDS[0] and word1 == _K_BIDS[1]:
            bit = 32
            position, after = _scan_levels(buffer, position, rows, after, slots[slot], 1)
        elif word0 == _K_ASKS[0] and word1 == _K_ASKS[1]:
            bit = 64
            if seen & 32:
                asks_at = -2
                position, after = _scan_levels(buffer, position, rows, after, slots[slot], -1)
            else:
                asks_at = position  # bids are written first
                position = skip_value(buffer, position)
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1
        seen |= bit
    if not ends(buffer, position, closers, end) or seen != 127 or time_ms > TIME_MAX:
        return -1
    if previous_id != slots[slot].last_id or change_id <= previous_id:
        return -1
    if asks_at >= 0:
        asks_at, after = _scan_levels(buffer, asks_at, rows, after, slots[slot], -1)
        if asks_at < 0:
            return -1
    slots[slot].last_id = change_id
    number = slots[slot].number
    for i in range(count, after):
        row = rows[i]
        row.exchange_ns = time_ms * 1_000_000
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
    """Read `[["new",price,amount],...]` into price, size and side of the next rows."""
    price_decimals = np.int64(slot.price_decimals)
    size_decimals = np.int64(slot.size_decimals)
    if buffer[position] != OPEN_LIST:
        return -1, 0
    position += 1
    if buffer[position] == CLOSE_LIST:
        return position + 1, count
    while True:
        deleted = False
        if starts_with(buffer, position, _LEVEL_NEW):
            position += _LEVEL_NEW.shape[0]
        elif starts_with(buffer, position, _LEVEL_CHANGE):
            position += _LEVEL_CHANGE.shape[0]
        elif starts_with(buffer, position, _LEVEL_DELETE):
            position += _LEVEL_DELETE.shape[0]
            deleted = True
        else:
            return -1, 0
        position, price = scan_units(buffer, position, price_decimals)
        if position < 0 or price == 0 or buffer[position] != COMMA:
            return -1, 0
        position, size = scan_units(buffer, position + 1, size_decimals)
        if position < 0 or buffer[position] != CLOSE_LIST:
            return -1, 0
        row = rows[count]
        row.price = price
        row.size = 0 if deleted else size
        row.side = side
        count += 1
        position += 1
        if buffer[position] == CLOSE_LIST:
            return position + 1, count
        if buffer[position] != COMMA:
            return -1, 0
        position += 1
