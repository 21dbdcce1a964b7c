"""The order book of one instrument: two sorted arrays a side, integer keys, no objects.

Rules:

1. A side is ascending in `key = side * price`, so the best level is the last one on both sides, and changes near the touch
   move few elements.
2. A book is EMPTY, LIVE or STALE. Only a LIVE book is served. LEVEL rows for a book that is neither LIVE nor being
   rebuilt change nothing.
3. A side holds at most `LEVELS_MAX` levels. What does not fit is dropped at the far end, and the horizon moves there: a
   side is fully known down to its horizon, not below. A snapshot that was cut to a limit sets the horizon too.

Cost: 15 to 40 ns a change near the touch. Source of the state rules: `venues/base.py`.
"""

from typing import Final

import numpy as np
from numba import njit

LEVELS_MAX: Final = 4096
NO_HORIZON: Final = -(2**62)

EMPTY: Final = 0
LIVE: Final = 1
STALE: Final = 2
REBUILDING: Final = 3  # between a BOOK_RESET row and the LAST of its message

_NEAR: Final = 6  # levels tried one by one from the touch before bisecting


@njit(cache=True)
def find_level(keys: np.ndarray, count: int, key: int) -> int:
    """Return the first position whose key is >= `key` (count if none)."""
    low = 0
    position = count
    for _ in range(_NEAR):
        if position == 0 or keys[position - 1] < key:
            return position
        position -= 1
    high = position
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True)
def set_level(keys: np.ndarray, sizes: np.ndarray, count: int, key: int, size: int) -> int:
    """Set the size at one key (0 removes it) and return the new count; -1 - count if a far level fell out."""
    position = find_level(keys, count, key)
    if position < count and keys[position] == key:
        if size > 0:
            sizes[position] = size
            return count
        _close_gap(keys[position:count])
        _close_gap(sizes[position:count])
        return count - 1
    if size <= 0:
        return count
    if count < LEVELS_MAX:
        _open_gap(keys[position : count + 1])
        _open_gap(sizes[position : count + 1])
        keys[position] = key
        sizes[position] = size
        return count + 1
    if position > 0:
        _close_gap(keys[:position])
        _close_gap(sizes[:position])
        keys[position - 1] = key
        sizes[position - 1] = size
    return -1 - count


@njit(cache=True)
def _close_gap(values: np.ndarray) -> None:
    """Move every value one down, over the first. One array a loop: the compiler makes a block move of it."""
    for j in range(values.shape[0] - 1):
        values[j] = values[j + 1]


@njit(cache=True)
def _open_gap(values: np.ndarray) -> None:
    """Move every value one up, over the last."""
    for j in range(values.shape[0] - 1, 0, -1):
        values[j] = values[j - 1]


@njit(cache=True)
def depth_within(
    keys: np.ndarray, sizes: np.ndarray, count: int, horizon: int, bands: np.ndarray, depths: np.ndarray
) -> None:
    """Write the notional (key magnitude times size, in units) from the touch down to each band.

    `bands` are keys, nearest first, decreasing; a band that reaches below the horizon gets NaN: it is not known.
    """
    total = 0.0
    position = count - 1
    for b in range(bands.shape[0]):
        limit = bands[b]
        while position >= 0 and keys[position] >= limit:
            total += abs(float(keys[position])) * float(sizes[position])
            position -= 1
        depths[b] = total if limit >= horizon else np.nan
