"""Read the fields of a Binance event: keys, symbols, quoted numbers, times."""

from typing import Final

import numpy as np
from numba import njit

from holdfast.venues.scan import Integer, scan_float, scan_units, skip_string
from holdfast.venues.slots import scan_slot

# Times are in milliseconds; spot sends microseconds to clients that ask for them. Between the two there is no time.
MILLISECONDS_MAX: Final = 9 * 10**12
MICROSECONDS_MIN: Final = 10**14
MICROSECONDS_MAX: Final = 9 * 10**15

QUOTE, COMMA, COLON, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST = 0x22, 0x2C, 0x3A, 0x7B, 0x7D, 0x5B, 0x5D
_EVENT_KEY: Final = 0x65


def key_of(name: str) -> int:
    """Return the code that `scan_key` gives a key of one or two letters."""
    return int.from_bytes(name.encode(), "little")


@njit(cache=True)
def scan_key(buffer, position):
    """Read `"k":`, one or two bytes, not the event's type. Returns the position of the value (-1: refused), the key."""
    if buffer[position] != QUOTE:
        return -1, 0
    after = skip_string(buffer, position)
    if after < 0 or buffer[after] != COLON:
        return -1, 0
    if after - position == 3 and buffer[position + 1] != _EVENT_KEY:
        return after + 1, np.int64(buffer[position + 1])
    if after - position == 4:
        return after + 1, np.int64(buffer[position + 1]) | (np.int64(buffer[position + 2]) << 8)
    return -1, 0


@njit(cache=True)
def scan_symbol(buffer, position, slots):
    if buffer[position] != QUOTE:
        return -1, -1
    position, slot = scan_slot(buffer, position + 1, slots, QUOTE)
    return (position + 1, slot) if position >= 0 else (-1, -1)


@njit(cache=True)
def scan_quoted_units(buffer, position, decimals):
    if buffer[position] != QUOTE:
        return -1, 0
    position, units = scan_units(buffer, position + 1, decimals)
    if position < 0 or buffer[position] != QUOTE:
        return -1, 0
    return position + 1, units


@njit(cache=True)
def scan_quoted_float(buffer, position):
    if buffer[position] != QUOTE:
        return -1, 0.0
    position, value = scan_float(buffer, position + 1)
    if position < 0 or buffer[position] != QUOTE:
        return -1, 0.0
    return position + 1, value


@njit(cache=True)
def is_time(time: Integer) -> bool:
    """Tell whether a number can be a time of the venue."""
    return bool(0 <= time <= MILLISECONDS_MAX or MICROSECONDS_MIN <= time <= MICROSECONDS_MAX)


@njit(cache=True)
def event_ns(time: Integer) -> Integer:
    """Return a time of the venue in nanoseconds."""
    return time * 1_000_000 if time <= MILLISECONDS_MAX else time * 1_000
