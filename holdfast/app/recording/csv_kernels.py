"""Kernels over the bytes of csv lines: fields, integers, exact decimals, floats. No quoting, no exponents:
those are rare and go to Python one by one (`SLOW`)."""

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

# the state of one field or line
OK: Final = 0
EMPTY: Final = 1
MALFORMED: Final = 2
OFF_GRID: Final = 3
TOO_LARGE: Final = 4
SLOW: Final = 5  # legal perhaps, but not for a kernel

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
States = NDArray[np.uint8]

_COMMA = 44
_QUOTE = 34
_RETURN = 13
_MINUS = 45
_PLUS = 43
_DOT = 46
_ZERO = 48
_INT64_TENTH = 922337203685477580
_EXACT_FLOAT = 1 << 53
_POWERS = 10.0 ** np.arange(23)


@njit(cache=True)
def split_fields(
    block: Bytes, first: Offsets, last: Offsets, starts: Offsets, ends: Offsets, states: States
) -> None:
    """Find the fields of each line `block[first:last]`.

    Shape: starts and ends (columns, lines), states (lines,).
    """
    columns = starts.shape[0]
    for line in range(first.shape[0]):
        at = first[line]
        stop = last[line]
        if stop > at and block[stop - 1] == _RETURN:
            stop -= 1
        column = 0
        starts[0, line] = at
        state = OK
        for i in range(at, stop):
            byte = block[i]
            if byte == _COMMA:
                if column < columns:
                    ends[column, line] = i
                column += 1
                if column < columns:
                    starts[column, line] = i + 1
            elif byte == _QUOTE:
                state = SLOW
        if column < columns:
            ends[column, line] = stop
        if column + 1 != columns and state == OK:
            state = MALFORMED
        states[line] = state


@njit(cache=True)
def parse_units(
    block: Bytes, starts: Offsets, ends: Offsets, decimals: NDArray[np.int64], out: Offsets, states: States
) -> None:
    """Read exact decimals as integer counts of `10**-decimals` of each line."""
    for line in range(starts.shape[0]):
        i = starts[line]
        stop = ends[line]
        if i >= stop:
            states[line] = EMPTY
            continue
        negative = block[i] == _MINUS
        if negative or block[i] == _PLUS:
            i += 1
        left = decimals[line]
        units = 0
        digits = 0
        fraction = False
        state = OK
        while i < stop:
            byte = block[i]
            i += 1
            if byte == _DOT and not fraction:
                fraction = True
                continue
            digit = np.int64(byte) - _ZERO
            if digit < 0 or digit > 9:
                state = SLOW
                break
            digits += 1
            if fraction and left == 0:
                if digit != 0:
                    state = OFF_GRID
                continue
            if units > _INT64_TENTH or (units == _INT64_TENTH and digit > 7):
                state = TOO_LARGE
                break
            units = units * 10 + digit
            if fraction:
                left -= 1
        if state in (OK, OFF_GRID):
            if digits == 0:
                state = MALFORMED
            while left > 0 and state == OK:
                if units > _INT64_TENTH:
                    state = TOO_LARGE
                units *= 10
                left -= 1
        out[line] = -units if negative else units
        states[line] = state


@njit(cache=True)
def parse_floats(
    block: Bytes, starts: Offsets, ends: Offsets, out: NDArray[np.float64], states: States
) -> None:
    """Read floats that are exact by one division (mantissa under 2**53, at most 22 decimals); the rest is
    SLOW.
    """
    for line in range(starts.shape[0]):
        i = starts[line]
        stop = ends[line]
        out[line] = np.nan
        if i >= stop:
            states[line] = EMPTY
            continue
        negative = block[i] == _MINUS
        if negative:
            i += 1
        mantissa = 0
        decimals = 0
        digits = 0
        fraction = False
        state = OK
        while i < stop:
            byte = block[i]
            i += 1
            if byte == _DOT and not fraction:
                fraction = True
                continue
            digit = np.int64(byte) - _ZERO
            if digit < 0 or digit > 9 or mantissa > _EXACT_FLOAT // 10 - 1:
                state = SLOW
                break
            mantissa = mantissa * 10 + digit
            digits += 1
            if fraction:
                decimals += 1
        if state == OK and digits == 0:
            state = MALFORMED
        if state == OK and decimals > 22:
            state = SLOW
        if state == OK:
            value = mantissa / _POWERS[decimals]
            out[line] = -value if negative else value
        states[line] = state


@njit(cache=True)
def mark_runs(block: Bytes, starts: Offsets, ends: Offsets, begins: NDArray[np.bool_]) -> None:
    """Mark the lines whose text differs from the line before. Shape: begins (lines,)."""
    for line in range(starts.shape[0]):
        size = ends[line] - starts[line]
        same = line > 0 and ends[line - 1] - starts[line - 1] == size
        if same:
            a = starts[line]
            b = starts[line - 1]
            for k in range(size):
                if block[a + k] != block[b + k]:
                    same = False
                    break
        begins[line] = not same
