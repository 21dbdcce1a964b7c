"""Read Deribit's tickers and quotes."""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast import tape
from holdfast.venues import slots as slot_table
from holdfast.venues.deribit.kernel_fields import (
    CLOSE,
    COMMA,
    OPEN,
    TIME_MAX,
    key_of,
    scan_key,
    scan_name,
    scan_optional,
    scan_optional_units,
)
from holdfast.venues.scan import ends, put_row, scan_integer, skip_value

PERCENT: Final = 100.0

_K_TIME, _K_NAME = key_of("timestamp"), key_of("instrument_name")
_K_BID, _K_BID_AMOUNT = key_of("best_bid_price"), key_of("best_bid_amount")
_K_ASK, _K_ASK_AMOUNT = key_of("best_ask_price"), key_of("best_ask_amount")
_K_MARK, _K_INDEX, _K_FUNDING = key_of("mark_price"), key_of("index_price"), key_of("current_funding")
_K_INTEREST, _K_FORWARD = key_of("open_interest"), key_of("underlying_price")
_K_BID_IV, _K_ASK_IV, _K_MARK_IV = key_of("bid_iv"), key_of("ask_iv"), key_of("mark_iv")
_K_GREEKS, _K_DELTA, _K_VEGA = key_of("greeks"), key_of("delta"), key_of("vega")


@njit(cache=True)
def scan_ticker(buffer, position, received_ns, rows, count, slots, slot, closers, end):
    if buffer[position] != OPEN:
        return -1
    seen = 0
    time_ms = bid = bid_size = ask = ask_size = 0
    mark = index = funding = interest = forward = math.nan
    bid_iv = ask_iv = mark_iv = delta = vega = math.nan
    price_decimals = np.int64(slots[slot].price_decimals)
    size_decimals = np.int64(slots[slot].size_decimals)
    first = position
    while buffer[position] == COMMA or position == first:
        position, word0, word1 = scan_key(buffer, position + 1)
        if position < 0:
            return -1
        bit = 0
        if word0 == _K_TIME[0] and word1 == _K_TIME[1]:
            bit = 1
            position, time_ms = scan_integer(buffer, position)
        elif word0 == _K_NAME[0] and word1 == _K_NAME[1]:
            bit = 2
            position = scan_name(buffer, position, slots, slot)
        elif word0 == _K_BID[0] and word1 == _K_BID[1]:
            bit = 4
            position, bid = scan_optional_units(buffer, position, price_decimals)
        elif word0 == _K_BID_AMOUNT[0] and word1 == _K_BID_AMOUNT[1]:
            bit = 8
            position, bid_size = scan_optional_units(buffer, position, size_decimals)
        elif word0 == _K_ASK[0] and word1 == _K_ASK[1]:
            bit = 16
            position, ask = scan_optional_units(buffer, position, price_decimals)
        elif word0 == _K_ASK_AMOUNT[0] and word1 == _K_ASK_AMOUNT[1]:
            bit = 32
            position, ask_size = scan_optional_units(buffer, position, size_decimals)
        elif word0 == _K_MARK[0] and word1 == _K_MARK[1]:
            bit = 64
            position, mark = scan_optional(buffer, position)
        elif word0 == _K_INDEX[0] and word1 == _K_INDEX[1]:
            bit = 128
            position, index = scan_optional(buffer, position)
        elif word0 == _K_FUNDING[0] and word1 == _K_FUNDING[1]:
            bit = 256
            position, funding = scan_optional(buffer, position)
        elif word0 == _K_INTEREST[0] and word1 == _K_INTEREST[1]:
            bit = 512
            position, interest = scan_optional(buffer, position)
        elif word0 == _K_FORWARD[0] and word1 == _K_FORWARD[1]:
            bit = 1024
            position, forward = scan_optional(buffer, position)
        elif word0 == _K_BID_IV[0] and word1 == _K_BID_IV[1]:
            bit = 2048
            position, bid_iv = scan_optional(buffer, position)
        elif word0 == _K_ASK_IV[0] and word1 == _K_ASK_IV[1]:
            bit = 4096
            position, ask_iv = scan_optional(buffer, position)
        elif word0 == _K_MARK_IV[0] and word1 == _K_MARK_IV[1]:
            bit = 8192
            position, mark_iv = scan_optional(buffer, position)
        elif word0 == _K_GREEKS[0] and word1 == _K_GREEKS[1]:
            bit = 16384
            position, delta, vega = _scan_greeks(buffer, position)
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1
        seen |= bit
    if not ends(buffer, position, closers, end) or seen & 3 != 3 or time_ms > TIME_MAX:
        return -1
    exchange_ns = time_ms * 1_000_000
    number = slots[slot].number
    first_row = count
    quoted = slots[slot].quoted
    for side in (1, -1):
        price = bid if side > 0 else ask
        size = bid_size if side > 0 else ask_size
        mask = slot_table.BID_QUOTED if side > 0 else slot_table.ASK_QUOTED
        if price > 0 and size > 0:
            put_row(rows, count, exchange_ns, received_ns, price, size, math.nan, number, tape.TOP, side, 0)
            quoted |= mask
            count += 1
        elif quoted & mask:
            put_row(rows, count, exchange_ns, received_ns, 0, 0, math.nan, number, tape.QUOTE_PULLED, side, 0)
            quoted &= ~mask
            count += 1
    slots[slot].quoted = quoted
    count = _put_value(rows, count, exchange_ns, received_ns, mark, number, tape.MARK, 0)
    count = _put_value(rows, count, exchange_ns, received_ns, index, number, tape.INDEX, 0)
    count = _put_value(rows, count, exchange_ns, received_ns, funding, number, tape.FUNDING, 0)
    count = _put_value(rows, count, exchange_ns, received_ns, interest, number, tape.OPEN_INTEREST, 0)
    if bid_iv > 0.0:
        count = _put_value(
            rows, count, exchange_ns, received_ns, bid_iv / PERCENT, number, tape.IMPLIED_VOL, 1
        )
    if ask_iv > 0.0:
        count = _put_value(
            rows, count, exchange_ns, received_ns, ask_iv / PERCENT, number, tape.IMPLIED_VOL, -1
        )
    if mark_iv > 0.0:
        count = _put_value(
            rows, count, exchange_ns, received_ns, mark_iv / PERCENT, number, tape.IMPLIED_VOL, 0
        )
    count = _put_value(rows, count, exchange_ns, received_ns, forward, number, tape.FORWARD, 0)
    count = _put_value(rows, count, exchange_ns, received_ns, delta, number, tape.DELTA, 0)
    count = _put_value(rows, count, exchange_ns, received_ns, vega, number, tape.VEGA, 0)
    if count > first_row:
        rows[count - 1].flags = tape.LAST
    return count


@njit(cache=True)
def _put_value(rows, count, exchange_ns, received_ns, value, number, kind, side):
    if math.isnan(value):
        return count
    put_row(rows, count, exchange_ns, received_ns, 0, 0, value, number, kind, side, 0)
    return count + 1


@njit(cache=True)
def _scan_greeks(buffer, position):
    delta = vega = math.nan
    if buffer[position] != OPEN:
        return -1, delta, vega
    seen = 0
    first = position
    while buffer[position] == COMMA or position == first:
        position, word0, word1 = scan_key(buffer, position + 1)
        if position < 0:
            return -1, delta, vega
        bit = 0
        if word0 == _K_DELTA[0] and word1 == _K_DELTA[1]:
            bit = 1
            position, delta = scan_optional(buffer, position)
        elif word0 == _K_VEGA[0] and word1 == _K_VEGA[1]:
            bit = 2
            position, vega = scan_optional(buffer, position)
        else:
            position = skip_value(buffer, position)
        if position < 0 or seen & bit:
            return -1, delta, vega
        seen |= bit
    if buffer[position] != CLOSE:
        return -1, delta, vega
    return position + 1, delta, vega
