"""Read the fields of Deribit's data: keys, the channel's instrument, numbers that may be null."""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast.venues.scan import literal, scan_float, scan_units, skip_string, starts_with
from holdfast.venues.slots import scan_slot

TIME_MAX: Final = 9 * 10**12  # milliseconds that fit an int64 of nanoseconds

QUOTE, COMMA, COLON, DOT, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST = 0x22, 0x2C, 0x3A, 0x2E, 0x7B, 0x7D, 0x5B, 0x5D
_NULL: Final = literal("null")


def key_of(name: str) -> tuple[np.uint64, np.uint64]:
    """Return the two words that `scan_key` gives a key of at most 16 letters."""
    words = np.frombuffer(name.encode().ljust(16, b"\0"), dtype="<u8")
    return np.uint64(words[0]), np.uint64(words[1])


@njit(cache=True)
def scan_key(buffer, position):
    """Read `"key":`. Returns the position of the value (-1: refused) and the key's two words, 0 if it is longer."""
    after = skip_string(buffer, position)
    zero = np.uint64(0)
    if after < 0 or buffer[after] != COLON:
        return -1, zero, zero
    length = after - position - 2
    if length > 16:
        return after + 1, zero, zero
    word0 = zero
    word1 = zero
    for i in range(length):
        shifted = np.uint64(buffer[position + 1 + i]) << np.uint64((i & 7) * 8)
        if i < 8:
            word0 |= shifted
        else:
            word1 |= shifted
    return after + 1, word0, word1


@njit(cache=True)
def scan_name(buffer, position, slots, slot):
    """Return the position after the instrument's name if it is the channel's instrument (-1: refused)."""
    if buffer[position] != QUOTE:
        return -1
    position, named = scan_slot(buffer, position + 1, slots, QUOTE)
    return position + 1 if position >= 0 and named == slot else -1


@njit(cache=True)
def scan_optional_units(buffer, position, decimals):
    if starts_with(buffer, position, _NULL):
        return position + 4, 0
    return scan_units(buffer, position, decimals)


@njit(cache=True)
def scan_optional(buffer, position):
    if starts_with(buffer, position, _NULL):
        return position + 4, math.nan
    return scan_float(buffer, position)
