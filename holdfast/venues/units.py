"""Units: an instrument's decimal grid, with a memory: venues repeat the same few thousand numbers all day."""

import math
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final

from holdfast.clock import MILLISECOND_NS, SECOND_NS, parse_time_ns
from holdfast.error import OutsideError
from holdfast.instrument import Instrument
from holdfast.quantity import INT64_MAX, to_units

TEXTS_MAX: Final = 50_000
MILLISECONDS_MAX: Final = INT64_MAX // MILLISECOND_NS

Text = str | bytes


class Units(dict[Text, int]):
    """Map the venue's decimal text to integer units, remembering what was asked before.

    Raises: OutsideError `quantity.*` as `to_units`, and `quantity.negative`. Cost: 40 ns if known.

    >>> Units(2)["61800.20"]
    6180020
    """

    def __init__(self, decimals: int) -> None:
        super().__init__()
        self.decimals = decimals

    def __missing__(self, text: Text) -> int:
        units = to_units(text, self.decimals)
        if units < 0:
            raise OutsideError("quantity.negative", f"{text!r} is less than nothing")
        if len(self) >= TEXTS_MAX:
            self.clear()
        self[text] = units
        return units

    def nearest(self, text: Text) -> int:
        """Round half-even to the grid: for prices that nobody quoted, such as a bankruptcy price."""
        try:
            return self[text]
        except OutsideError as error:
            if error.code != "quantity.off_grid":
                raise
        plain = text.decode() if isinstance(text, bytes) else text
        try:
            step = Decimal(1).scaleb(-self.decimals)
            return to_units(Decimal(plain).quantize(step, ROUND_HALF_EVEN), self.decimals)
        except InvalidOperation as error:
            raise OutsideError("quantity.too_large", f"{plain[:60]!r} has too many digits") from error


class Grid:
    """The two grids of one instrument."""

    __slots__ = ("price", "size")

    def __init__(self, instrument: Instrument) -> None:
        self.price = Units(instrument.price_decimals)
        self.size = Units(instrument.size_decimals)


def number(text: Text) -> float:
    """Return finite text as a float, for what is not on a grid. Raises: OutsideError `quantity.malformed`."""
    try:
        value = float(text)
    except ValueError as error:
        raise OutsideError("quantity.malformed", f"not a number: {text[:60]!r}") from error
    if not math.isfinite(value):
        raise OutsideError("quantity.malformed", f"not a finite number: {text[:60]!r}")
    return value


def milliseconds(value: Text | int) -> int:
    """Return a venue's milliseconds as UTC nanoseconds. Raises: OutsideError `time.malformed`.

    >>> milliseconds("1652459223003")
    1652459223003000000
    """
    if isinstance(value, int):
        count = value
    else:
        digits = value.decode(errors="replace") if isinstance(value, bytes) else value
        count = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else -1
    if not 0 <= count <= MILLISECONDS_MAX:
        raise OutsideError("time.malformed", f"not milliseconds: {str(value)[:60]!r}")
    return count * MILLISECOND_NS


def iso(text: str) -> int:
    """Return ISO 8601 text as UTC nanoseconds that fit the tape. Raises: OutsideError `time.malformed`."""
    try:
        time_ns = parse_time_ns(text)
    except (OverflowError, OSError) as error:
        raise OutsideError("time.malformed", f"out of range: {text[:60]!r}") from error
    if not 0 <= time_ns < (INT64_MAX // SECOND_NS) * SECOND_NS:
        raise OutsideError("time.malformed", f"out of range: {text[:60]!r}")
    return time_ns
