"""Scan bytes: the primitives that venue kernels read JSON with, without an object and without a float for money.

Rules:

1. A primitive accepts a subset of JSON and means what JSON means; whatever it is not sure of it refuses (position -1),
   and the venue's slow decoder, which is the reference, takes the frame.
2. Every frame in a buffer is followed by a zero byte, which is in no JSON text: no primitive runs past it.
3. Numbers are exact: integer units of a decimal grid, or a float that is the nearest one to the text (Clinger 1990: a
   mantissa below 2**53 and a power of ten up to 22 need one rounding).
"""

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast import tape

Bytes = NDArray[np.uint8]
Integer = int | np.int64

DIGITS_MAX: Final = 18  # digits that always fit an int64
NESTING_MAX: Final = 60
MANTISSA_MAX: Final = 2**53
KEY_BYTES_MAX: Final = 32  # longest symbol that a kernel looks up

_POW10: Final = np.array([10**i for i in range(DIGITS_MAX + 1)], dtype=np.int64)
_POW10_FLOAT: Final = np.array([10.0**i for i in range(23)], dtype=np.float64)

_QUOTE, _BACKSLASH, _COMMA, _COLON, _DOT, _MINUS, _PLUS = 0x22, 0x5C, 0x2C, 0x3A, 0x2E, 0x2D, 0x2B
_OPEN, _CLOSE, _OPEN_LIST, _CLOSE_LIST = 0x7B, 0x7D, 0x5B, 0x5D
_UPPER_E, _LOWER_E, _ZERO = 0x45, 0x65, 0x30


def literal(text: str) -> Bytes:
    """Return ASCII text as the constant array that `starts_with` compares with."""
    return np.frombuffer(text.encode("ascii"), dtype=np.uint8)


_TRUE: Final = literal("true")
_FALSE: Final = literal("false")
_NULL: Final = literal("null")


@njit(cache=True)
def starts_with(buffer: Bytes, position: int, text: Bytes) -> bool:
    """Tell whether `text` stands at `position`."""
    if position < 0 or position + text.shape[0] > buffer.shape[0]:
        return False
    for i in range(text.shape[0]):  # noqa: SIM110 - numba compiles the loop, not a generator
        if buffer[position + i] != text[i]:
            return False
    return True


@njit(cache=True)
def scan_integer(buffer: Bytes, position: int) -> tuple[int, Integer]:
    """Read a JSON integer of at most 18 digits, not negative. Returns the position after it (-1: refused) and it."""
    start = position
    value = 0
    while True:
        digit = np.int64(buffer[position]) - _ZERO
        if digit < 0 or digit > 9:
            break
        value = value * 10 + digit
        position += 1
    digits = position - start
    if digits == 0 or digits > DIGITS_MAX or (digits > 1 and buffer[start] == _ZERO):
        return -1, 0
    return position, value


@njit(cache=True)
def scan_units(buffer: Bytes, position: int, decimals: Integer) -> tuple[int, Integer]:
    """Read a plain decimal as an exact count of `10**-decimals`; finer, negative or huge numbers are refused."""
    start = position
    units = 0
    while True:
        digit = np.int64(buffer[position]) - _ZERO
        if digit < 0 or digit > 9:
            break
        units = units * 10 + digit
        position += 1
    digits = position - start
    if digits == 0 or digits + decimals > DIGITS_MAX or (digits > 1 and buffer[start] == _ZERO):
        return -1, 0
    if buffer[position] != _DOT:
        return position, units * _POW10[decimals]
    position += 1
    first = position
    while True:
        digit = np.int64(buffer[position]) - _ZERO
        if digit < 0 or digit > 9:
            break
        if position - first < decimals:
            units = units * 10 + digit
        elif digit != 0:
            return -1, 0
        position += 1
    fraction = position - first
    if fraction == 0:
        return -1, 0
    if fraction < decimals:
        units *= _POW10[decimals - fraction]
    return position, units


@njit(cache=True)
def scan_float(buffer: Bytes, position: int) -> tuple[int, float]:
    """Read a JSON number as the nearest float; one that would need more than a single rounding is refused."""
    negative = buffer[position] == _MINUS
    if negative:
        position += 1
    start = position
    mantissa = 0
    while True:
        digit = np.int64(buffer[position]) - _ZERO
        if digit < 0 or digit > 9:
            break
        mantissa = mantissa * 10 + digit
        position += 1
    digits = position - start
    if digits == 0 or (digits > 1 and buffer[start] == _ZERO):
        return -1, 0.0
    power = 0
    if buffer[position] == _DOT:
        position += 1
        first = position
        while True:
            digit = np.int64(buffer[position]) - _ZERO
            if digit < 0 or digit > 9:
                break
            mantissa = mantissa * 10 + digit
            position += 1
        power = first - position
        if power == 0:
            return -1, 0.0
        digits -= power
    if buffer[position] == _LOWER_E or buffer[position] == _UPPER_E:
        position += 1
        falling = buffer[position] == _MINUS
        if falling or buffer[position] == _PLUS:
            position += 1
        first = position
        exponent = 0
        while True:
            digit = np.int64(buffer[position]) - _ZERO
            if digit < 0 or digit > 9:
                break
            exponent = exponent * 10 + digit
            position += 1
        if position == first or position - first > 3:
            return -1, 0.0
        power += -exponent if falling else exponent
    if digits > DIGITS_MAX or mantissa > MANTISSA_MAX or power < -22 or power > 22:
        return -1, 0.0
    value = float(mantissa)
    value = value / _POW10_FLOAT[-power] if power < 0 else value * _POW10_FLOAT[power]
    return position, -value if negative else value


@njit(cache=True)
def skip_string(buffer: Bytes, position: int) -> int:
    """Return the position after a string of printable ASCII without escapes (-1: refused)."""
    if buffer[position] != _QUOTE:
        return -1
    position += 1
    while buffer[position] != _QUOTE:
        if buffer[position] < 0x20 or buffer[position] > 0x7E or buffer[position] == _BACKSLASH:
            return -1
        position += 1
    return position + 1


@njit(cache=True)
def skip_value(buffer: Bytes, position: int) -> int:
    """Return the position after any JSON value without blanks, escapes or extreme numbers (-1: refused)."""
    objects = np.uint64(0)  # one bit a level: an object, not a list
    depth = 0
    one = np.uint64(1)
    while True:
        byte = buffer[position]
        if byte == _OPEN or byte == _OPEN_LIST:
            if depth == NESTING_MAX:
                return -1
            objects = (objects << one) | (one if byte == _OPEN else np.uint64(0))
            depth += 1
            position += 1
            closing = _CLOSE if byte == _OPEN else _CLOSE_LIST
            if buffer[position] != closing:
                if byte == _OPEN:
                    position = skip_key(buffer, position)
                    if position < 0:
                        return -1
                continue
        elif byte == _QUOTE:
            position = skip_string(buffer, position)
        elif starts_with(buffer, position, _TRUE) or starts_with(buffer, position, _NULL):
            position += 4
        elif starts_with(buffer, position, _FALSE):
            position += 5
        else:
            position, _ = scan_float(buffer, position)
        if position < 0:
            return -1
        while True:  # after a value, or at the end of an empty object or list
            if depth == 0:
                return position
            byte = buffer[position]
            in_object = objects & one
            position += 1
            if byte == _COMMA:
                if in_object:
                    position = skip_key(buffer, position)
                    if position < 0:
                        return -1
                break
            if byte != (_CLOSE if in_object else _CLOSE_LIST):
                return -1
            objects >>= one
            depth -= 1


@njit(cache=True)
def skip_key(buffer: Bytes, position: int) -> int:
    """Return the position after `"key":` (-1: refused)."""
    position = skip_string(buffer, position)
    if position < 0 or buffer[position] != _COLON:
        return -1
    return position + 1


@njit(cache=True)
def skip_blanks(buffer: Bytes, position: int) -> int:
    """Return the position after JSON white space."""
    while buffer[position] == 0x20 or (
        0x09 <= buffer[position] <= 0x0D and buffer[position] not in (0x0B, 0x0C)
    ):
        position += 1
    return position


@njit(cache=True)
def ends(buffer: Bytes, position: int, closers: int, end: int) -> bool:
    """Tell whether `closers` objects close here and nothing but blanks is left before `end`.

    A kernel asks this before it changes any state: a frame is taken whole or not at all.
    """
    for _ in range(closers):
        if buffer[position] != _CLOSE:
            return False
        position += 1
    return skip_blanks(buffer, position) == end


@njit(cache=True)
def put_row(
    rows: tape.Rows,
    at: int,
    exchange_ns: Integer,
    received_ns: Integer,
    price: Integer,
    size: Integer,
    value: float,
    instrument: Integer,
    kind: int,
    side: int,
    flags: int,
) -> None:
    """Write one row of the tape."""
    row = rows[at]
    row.exchange_ns = exchange_ns
    row.received_ns = received_ns
    row.price = price
    row.size = size
    row.value = value
    row.instrument = instrument
    row.kind = kind
    row.side = side
    row.flags = flags
