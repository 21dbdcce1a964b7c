"""Refusal: why a number was not computed, as a code beside an array or a `Missing` in place of a float."""

from typing import Final

from holdfast.risk.missing import Missing

PRICED, BELOW_INTRINSIC, ABOVE_MAXIMUM, EXPIRED, NOT_A_NUMBER, NOT_POSITIVE = range(6)

REASONS: Final = (
    ("", "", ""),
    (
        "price.below-intrinsic",
        "the price is not above what exercise at the forward would pay",
        "no volatility gives it: look for a stale quote or another forward",
    ),
    (
        "price.above-maximum",
        "the price is not below the most an option can be worth (a call the forward, a put the strike)",
        "no volatility gives it: check the unit, coin or quote currency",
    ),
    ("contract.expired", "it has expired", "settle it at its payoff"),
    ("input.not-a-number", "an input is not a finite number", "leave it out or mend its source"),
    (
        "input.not-positive",
        "forward, strike and discount must be above zero and the volatility not below",
        "check the sign and the unit",
    ),
)


def refusal(code: int, where: str = "") -> Missing:
    """Return a code of this file with its reason and what to do.

    >>> str(refusal(EXPIRED, "BTC-27MAR26-80000-C"))
    'BTC-27MAR26-80000-C: it has expired (settle it at its payoff) [contract.expired]'
    """
    stable, reason, remedy = REASONS[code]
    return Missing(where, stable, reason, remedy)
