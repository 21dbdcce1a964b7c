"""Outcome: what every backtest gives back, and the exceedances they all start from.

Rules:

1. VaR and ES are positive losses in the unit of the returns; a return below -VaR is an exceedance (equal is none).
2. `level` is the confidence (0.99), `tail` the probability of an exceedance (0.01).
3. Statistics count one decision a step: a step's VaR was known before the step's return.
4. What a test is not defined for is a `Missing` with a reason, never a NaN and never a pass.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.missing import Missing

SIGNIFICANCE: Final = 0.05
EXPECTED_MIN: Final = 1.0  # exceedances expected: with fewer, no count at all would be surprising


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One test. `degrees` of freedom is 0 where the p-value is exact or simulated instead of a chi-square tail."""

    test: str
    statistic: float
    p_value: float
    degrees: int
    verdict: str

    @property
    def failed(self) -> bool:
        """Return whether the model is rejected at `SIGNIFICANCE`."""
        return self.p_value < SIGNIFICANCE


def exceedances(returns: NDArray[np.float64], var: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return at which steps the loss exceeded VaR.

    Shape: (n,) each.
    Raises: CallerError where the lengths differ or a number is not finite.

    >>> exceedances(np.array([-2.0, 0.5, -1.0]), np.array([1.0, 1.0, 1.0])).tolist()
    [True, False, False]
    """
    if returns.shape != var.shape or returns.ndim != 1:
        raise CallerError(
            "backtest.shape",
            f"returns {returns.shape} and VaR {var.shape} are not one number a step",
            remedy="give one return and one VaR forecast a step",
        )
    if not (np.isfinite(returns).all() and np.isfinite(var).all()):
        raise CallerError(
            "backtest.not_finite",
            "a return or a VaR forecast is not a number",
            remedy="leave out the steps without a forecast",
        )
    return -returns > var


def tail_of(level: float) -> float:
    """Return the probability of an exceedance.

    Raises: CallerError unless 0.5 < level < 1.
    """
    if not 0.5 < level < 1.0:
        raise CallerError(
            "backtest.level", f"level {level} is not between 0.5 and 1", remedy="0.99 for a 99 % VaR"
        )
    return 1.0 - level


def too_few(hits: NDArray[np.bool_], level: float, test: str) -> Missing | None:
    """Return a refusal where fewer than `EXPECTED_MIN` exceedances are expected."""
    expected = hits.size * tail_of(level)
    if expected >= EXPECTED_MIN - 1e-9:
        return None
    return Missing(
        where=test,
        code="backtest.too_few_observations",
        reason=f"{hits.size} observations let one expect {expected:.2g} exceedances at {level:.4g}",
        remedy=f"at least {round(EXPECTED_MIN / tail_of(level))} observations",
    )


def no_exceedance(hits: NDArray[np.bool_], test: str) -> Missing | None:
    """Return a refusal where no loss exceeded VaR, so that nothing can be said about exceedances."""
    if hits.any():
        return None
    return Missing(
        where=test,
        code="backtest.no_exceedances",
        reason=f"none of {hits.size} losses exceeded VaR",
        remedy="the count itself is judged by kupiec",
    )


def in_words(failed: bool, found: str, p_value: float) -> str:
    """Return a verdict: passes or fails, what was found, and the p-value."""
    return f"{'fails' if failed else 'passes'}: {found} (p {p_value:.3g})"
