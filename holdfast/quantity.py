"""Exact decimal quantities: venue text to integers and back, never through a float.

A price or size on the tape is an integer count of `10**-decimals`.
"""

import re
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final

from holdfast.error import OutsideError

INT64_MAX: Final = 2**63 - 1

# Plain ASCII digits only, and an exponent that cannot ask for a number of a million digits.
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_EXACT: Final = Context(prec=100, traps=[InvalidOperation, Inexact])


def to_units(text: str | bytes | Decimal, decimals: int) -> int:
    """Turn decimal text into an exact integer count of `10**-decimals`.

    Raises: OutsideError `quantity.malformed`, `quantity.off_grid` (finer than the grid),
    `quantity.too_large`.

    >>> to_units("61800.20", 2)
    6180020
    >>> to_units("1e-3", 5)
    100
    """
    shown = repr(str(text)[:60])
    try:
        plain = text.decode() if isinstance(text, bytes) else str(text)
        if not _NUMBER.fullmatch(plain):
            raise ValueError("not decimal digits")
        scaled = Decimal(plain).scaleb(decimals, _EXACT)
        units = int(scaled)
    except (InvalidOperation, ValueError) as error:
        raise OutsideError("quantity.malformed", f"not a number: {shown}") from error
    except Inexact:
        scaled, units = Decimal("NaN"), 0
    if scaled != units:
        raise OutsideError("quantity.off_grid", f"{shown} is finer than {decimals} decimals")
    if abs(units) > INT64_MAX:
        raise OutsideError("quantity.too_large", f"{shown} does not fit at {decimals} decimals")
    return units


def from_units(units: int, decimals: int) -> Decimal:
    """Return the exact decimal behind an integer count of `10**-decimals`.

    >>> from_units(6180020, 2)
    Decimal('61800.20')
    """
    return Decimal(units).scaleb(-decimals)


def decimals_of(text: str) -> int:
    """Count the decimals that a step such as a tick size needs.

    >>> [decimals_of(step) for step in ("0.10", "0.5", "1", "1e-8", "0.00010000")]
    [1, 1, 0, 8, 4]
    """
    exponent = Decimal(text).normalize().as_tuple().exponent
    return max(0, -int(exponent))
