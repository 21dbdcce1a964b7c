"""Read Deribit's trades."""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast import tape
from holdfast.venues.deribit.kernel_fields import (
    CLOSE,
    CLOSE_LIST,
    COMMA,
    OPEN,
    OPEN_LIST,
    TIME_MAX,
    key_of,
    scan_key,
    scan_name,
)
from holdfast.venues.scan import ends, literal, put_row, scan_integer, scan_units, skip_value, starts_with

_K_TIME, _K_NAME = key_of("timestamp"), key_of("instrument_name")
_K_PRICE, _K_AMOUNT, _K_DIRECTION = key_of("price"), key_of("amount"), key_of("direction")
_K_LIQUIDATION = key_of("liquidation")
_BUY: Final = literal('"buy"')
_SELL: Final = literal('"sell"')


@njit(cache=True)
def scan_trades(buffer, position, received_ns, rows, count, slots, slot, closers, end):
    if buffer[position] != OPEN_LIST:
        return -1
    while True:
        position, count = _scan_trade(buffer, position + 1, received_ns, rows, count, slots, slot)
        if position < 0:
            return -1
        if buffer[position] == CLOSE_LIST:
            return count if ends(buffer, position + 1, closers - 1, end) else -1
        if buffer[position] != COMMA:
            return -1


@njit(cache=True)
def _scan_trade(buffer, position, received_ns, rows, count, slots, slot):
    if buffer[position] != OPEN:
        return -1, 0
    seen = 0
    time_ms = price = size = side = 0
    first = position
    while buffer[position] == COMMA or position == first:
        position, word0, word1 = scan_key(buffer, position + 1)
        if position < 0:
            return -1, 0
        bit = 0
        if word0 == _K_TIME[0] and word1 == _K_TIME[1]:
            bit = 1
            position, time_ms = scan_integer(buffer, position)
        elif word0 == _K_NAME[0] and word1 == _K_NAME[1]:
            bit = 2
            position = scan_name(buffer, position, slots, slot)
        elif word0 == _K_PRICE[0] and word1 == _K_PRICE[1]:
            bit = 4
            position, price = scan_units(buffer, position, np.int64(slots[slot].price_decimals))
        elif word0 == _K_AMOUNT[0] and word1 == _K_AMOUNT[1]:
            bit = 8
            position, size = scan_units(buffer, position, np.int64(slots[slot].size_decimals))
        elif word0 == _K_DIRECTION[0] and word1 == _K_DIRECTION[1]:
            bit = 16
            if starts_with(buffer, position, _BUY):
                side = 1
                position += _BUY.shape[0]
            elif starts_with(buffer, position, _SELL):
                side = -1
                position += _SELL.shape[0]
            else:
                return -1, 0
        elif word0 == _K_LIQUIDATION[0] and word1 == _K_LIQUIDATION[1]:
            return -1, 0
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1, 0
        seen |= bit
    if buffer[position] != CLOSE or seen != 31 or time_ms > TIME_MAX or price == 0 or size == 0:
        return -1, 0
    exchange_ns = time_ms * 1_000_000
    number = slots[slot].number
    put_row(rows, count, exchange_ns, received_ns, price, size, math.nan, number, tape.TRADE, side, tape.LAST)
    return position + 1, count + 1
