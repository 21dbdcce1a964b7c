"""Read Binance tickers, trades and mark prices."""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast import tape
from holdfast.venues import slots as slot_table
from holdfast.venues.binance.kernel_fields import (
    COMMA,
    OPEN,
    event_ns,
    is_time,
    key_of,
    scan_key,
    scan_quoted_float,
    scan_quoted_units,
    scan_symbol,
)
from holdfast.venues.scan import ends, literal, put_row, scan_integer, skip_value, starts_with

# which stream an instrument's trades come from
PRINTS_TRADE: Final = 1
PRINTS_AGGREGATE: Final = 2

_K_E, _K_T, _K_S, _K_P, _K_Q = (key_of(key) for key in ("E", "T", "s", "p", "q"))
_K_B, _K_A, _K_B1, _K_A1 = (key_of(key) for key in ("b", "a", "B", "A"))
_K_M, _K_X, _K_I, _K_R = (key_of(key) for key in ("m", "X", "i", "r"))
_MARKET: Final = literal('"MARKET"')
_TRUE: Final = literal("true")
_FALSE: Final = literal("false")
_BOTH_QUOTED: Final = slot_table.BID_QUOTED | slot_table.ASK_QUOTED


@njit(cache=True)
def scan_ticker(buffer, position, received_ns, rows, count, slots, closers, end):
    seen = 0
    event_ms = trade_ms = 0
    bid = bid_size = ask = ask_size = 0
    slot = -1
    first = position
    while buffer[position] == COMMA or (position == first and buffer[position] == OPEN):
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
        elif key == _K_B or key == _K_B1 or key == _K_A or key == _K_A1:
            if slot < 0:
                return -1
            if key == _K_B:
                bit = 8
                position, bid = scan_quoted_units(buffer, position, np.int64(slots[slot].price_decimals))
            elif key == _K_B1:
                bit = 16
                position, bid_size = scan_quoted_units(buffer, position, np.int64(slots[slot].size_decimals))
            elif key == _K_A:
                bit = 32
                position, ask = scan_quoted_units(buffer, position, np.int64(slots[slot].price_decimals))
            else:
                bit = 64
                position, ask_size = scan_quoted_units(buffer, position, np.int64(slots[slot].size_decimals))
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1
        seen |= bit
    needed = 4 | 8 | 16 | 32 | 64
    if (
        not ends(buffer, position, closers, end)
        or seen & needed != needed
        or not (is_time(event_ms) and is_time(trade_ms))
    ):
        return -1
    if bid == 0 or bid_size == 0 or ask == 0 or ask_size == 0:
        return -1
    slots[slot].quoted = _BOTH_QUOTED
    exchange_ns = event_ns(trade_ms if trade_ms > 0 else event_ms)
    number = slots[slot].number
    put_row(rows, count, exchange_ns, received_ns, bid, bid_size, math.nan, number, tape.TOP, 1, 0)
    put_row(
        rows, count + 1, exchange_ns, received_ns, ask, ask_size, math.nan, number, tape.TOP, -1, tape.LAST
    )
    return count + 2


@njit(cache=True)
def scan_trade(buffer, position, received_ns, rows, count, slots, prints, closers, end):
    seen = 0
    trade_ms = price = size = 0
    slot = -1
    side = 0
    while buffer[position] == COMMA:
        position, key = scan_key(buffer, position + 1)
        if position < 0:
            return -1
        bit = 0
        if key == _K_T:
            bit = 1
            position, trade_ms = scan_integer(buffer, position)
        elif key == _K_S:
            bit = 2
            position, slot = scan_symbol(buffer, position, slots)
        elif key == _K_P or key == _K_Q:
            if slot < 0:
                return -1
            if key == _K_P:
                bit = 4
                position, price = scan_quoted_units(buffer, position, np.int64(slots[slot].price_decimals))
            else:
                bit = 8
                position, size = scan_quoted_units(buffer, position, np.int64(slots[slot].size_decimals))
        elif key == _K_M:
            bit = 16
            if starts_with(buffer, position, _TRUE):
                side = -1
                position += 4
            elif starts_with(buffer, position, _FALSE):
                side = 1
                position += 5
            else:
                return -1
        elif key == _K_X:
            bit = 32
            if not starts_with(buffer, position, _MARKET):
                return -1
            position += _MARKET.shape[0]
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1
        seen |= bit
    needed = 1 | 2 | 4 | 8 | 16
    if (
        not ends(buffer, position, closers, end)
        or seen & needed != needed
        or price == 0
        or size == 0
        or not is_time(trade_ms)
    ):
        return -1
    if slots[slot].prints == 0:
        slots[slot].prints = prints
    if slots[slot].prints != prints:
        return count
    number = slots[slot].number
    put_row(
        rows,
        count,
        event_ns(trade_ms),
        received_ns,
        price,
        size,
        math.nan,
        number,
        tape.TRADE,
        side,
        tape.LAST,
    )
    return count + 1


@njit(cache=True)
def scan_mark(buffer, position, received_ns, rows, count, slots, closers, end):
    seen = 0
    event_ms = 0
    slot = -1
    mark = index = funding = math.nan
    while buffer[position] == COMMA:
        position, key = scan_key(buffer, position + 1)
        if position < 0:
            return -1
        bit = 0
        if key == _K_E:
            bit = 1
            position, event_ms = scan_integer(buffer, position)
        elif key == _K_S:
            bit = 2
            position, slot = scan_symbol(buffer, position, slots)
        elif key == _K_P:
            bit = 4
            position, mark = scan_quoted_float(buffer, position)
        elif key == _K_I:
            bit = 8
            position, index = scan_quoted_float(buffer, position)
        elif key == _K_R:
            bit = 16
            position, funding = scan_quoted_float(buffer, position)
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1
        seen |= bit
    needed = 1 | 2 | 4 | 16
    if not ends(buffer, position, closers, end) or seen & needed != needed or not is_time(event_ms):
        return -1
    if mark <= 0.0 or (seen & 8 and index <= 0.0):
        return -1
    exchange_ns = event_ns(event_ms)
    number = slots[slot].number
    put_row(rows, count, exchange_ns, received_ns, 0, 0, mark, number, tape.MARK, 0, 0)
    count += 1
    if seen & 8:
        put_row(rows, count, exchange_ns, received_ns, 0, 0, index, number, tape.INDEX, 0, 0)
        count += 1
    put_row(rows, count, exchange_ns, received_ns, 0, 0, funding, number, tape.FUNDING, 0, tape.LAST)
    return count + 1
