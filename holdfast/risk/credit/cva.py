"""CVA and DVA: what the chance of either side's default takes from, or adds to, the value of a netting set.

Rules:

1. CVA = (1 - recovery) x sum over periods of the mean of the discounted loss at both ends x the probability of
   default within; with the desk's own curve given, each weighted by the other's survival (who fails first).
2. Both are positive numbers in base currency: the fair value is the riskless one - CVA + DVA.
3. The standard error is of the Monte Carlo mean over independent paths.
4. Without weights default is independent of the market. Wrong-way risk enters as probabilities by path
   (`wrong_way.py`).

Source: Gregory (2015), The xVA Challenge, ch. 14; BCBS 189 par. 98 for the average over each period.
Limits: close-out at the riskless value; no funding; recovery and hazard are inputs.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.credit.curve import HazardCurve
from holdfast.risk.credit.exposure import Exposure

SUM_TOLERANCE: Final = 1e-3  # ranks of finitely many paths are not quite the normal law


class Cva(msgspec.Struct, frozen=True, kw_only=True):
    """The adjustments of one netting set. Units: base currency, positive; errors are standard errors."""

    cva: float
    cva_error: float
    dva: float
    dva_error: float

    @property
    def adjustment(self) -> float:
        """Return what is added to the riskless value: DVA - CVA."""
        return self.dva - self.cva


def cva(
    exposure: Exposure,
    counterparty: HazardCurve,
    *,
    own: HazardCurve | None = None,
    rate: float = 0.0,
    path_probabilities: NDArray[np.float64] | None = None,
) -> Cva:
    """Return CVA, and DVA where the desk's own curve is given.

    Units: rate continuous a year. Shape: path_probabilities (dates - 1, paths), the counterparty's probability of
    default in each period on each path.
    Raises: CallerError `cva.probabilities` where they have another shape or are not probabilities.
    """
    times = exposure.times
    periods, paths = len(times) - 1, exposure.loss.shape[1]
    chance = counterparty.default_probabilities(times)
    if path_probabilities is not None and (
        path_probabilities.shape != (periods, paths)
        or not (path_probabilities >= 0.0).all()
        or not (path_probabilities.sum(axis=0) <= 1.0 + SUM_TOLERANCE).all()
    ):
        raise CallerError(
            "cva.probabilities",
            f"path probabilities must be ({periods}, {paths}) and add up to at most 1 a path",
        )
    discount = np.exp(-rate * times)
    own_survival = own.survival(times) if own else np.ones(len(times))
    lost = _discounted_sum(exposure.loss, discount * own_survival, chance, path_probabilities)
    lost *= 1.0 - counterparty.recovery
    won = np.zeros(paths)
    if own:
        weights = discount * counterparty.survival(times)
        won = _discounted_sum(exposure.debt, weights, own.default_probabilities(times), None)
        won *= 1.0 - own.recovery
    root = math.sqrt(paths)
    return Cva(
        cva=float(lost.mean()),
        cva_error=float(lost.std(ddof=1)) / root,
        dva=float(won.mean()),
        dva_error=float(won.std(ddof=1)) / root,
    )


def _discounted_sum(
    amounts: NDArray[np.float64],
    weights: NDArray[np.float64],
    chance: NDArray[np.float64],
    path_chance: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Return the sum over periods, path by path. Shape: (paths,)."""
    if path_chance is None:
        by_date = np.zeros(len(weights))
        by_date[:-1] += 0.5 * chance
        by_date[1:] += 0.5 * chance
        return (weights * by_date) @ amounts
    weighted = amounts * weights[:, None]
    return np.einsum("dp,dp->p", 0.5 * (weighted[:-1] + weighted[1:]), path_chance)
