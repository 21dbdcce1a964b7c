"""Exact decimal quantities: venue text to integers and back, never through a float.

A price or size on the tape is an integer count of `10**-decimals`.
"""

from decimal import Decimal, InvalidOperation

from holdfast.error import OutsideError

INT64_MAX = 2**63 - 1


def to_units(text: str | bytes | Decimal, decimals: int) -> int:
    """Turn decimal text into an exact integer count of `10**-decimals`.

    Raises: OutsideError `quantity.malformed`, `quantity.off_grid` (finer than the grid), `quantity.too_large`.

    >>> to_units("61800.20", 2)
    6180020
    >>> to_units("1e-3", 5)
    100
    """
    try:
        number = text if isinstance(text, Decimal) else Decimal(text.decode() if isinstance(text, bytes) else text)
        scaled = number.scaleb(decimals)
        units = int(scaled)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise OutsideError("quantity.malformed", f"not a number: {text!r}") from error
    if scaled != units:
        raise OutsideError("quantity.off_grid", f"{text!r} is finer than {decimals} decimals")
    if abs(units) > INT64_MAX:
        raise OutsideError("quantity.too_large", f"{text!r} does not fit at {decimals} decimals")
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
