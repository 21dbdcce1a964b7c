"""Rolling: one-step VaR and ES at every step of a history, each from the returns before it alone.

Rules:

1. Forecasts begin at return `first`; `window` is how many of the newest returns (or residuals) a forecast looks at.
2. `variances[i]` was known before return i. A residual is a return over the root of its variance.
3. Beyond the `window + 1` gaps that as many values leave, the VaR of an independent future is at place tail x (window + 1):
   between two order statistics, so that a right model is exceeded as often as it says.
4. `severity` is the model's tail beyond VaR over ES, for the simulated tests of ES: one row a step or one for all.
"""

from statistics import NormalDist
from typing import Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.var.backtest.outcome import tail_of

TAIL_POINTS: Final = 1_000


class Rolling(msgspec.Struct, frozen=True, kw_only=True):
    """Forecasts of one model. Shape: var, es (n,) positive losses for returns[first:]; severity (1 or n, points)."""

    model: str
    level: float
    first: int
    var: NDArray[np.float64]
    es: NDArray[np.float64]
    severity: NDArray[np.float64]
    note: str = ""


def historical(returns: NDArray[np.float64], level: float, first: int, window: int) -> Rolling:
    """Take the next return as one of the last `window` ones.

    Limits: a crash enters only after it happened and leaves `window` steps later, all at once.
    Cost: 0.2 us a step for a window of 1,000.
    """
    return filtered(returns, np.ones(returns.size), level, first, window, model="historical")


def normal(
    returns: NDArray[np.float64], variances: NDArray[np.float64], level: float, first: int, model: str
) -> Rolling:
    """Take the next return as normal with the forecast variance."""
    law, tail = NormalDist(), tail_of(level)
    points = -np.array([law.inv_cdf((j + 0.5) / TAIL_POINTS * tail) for j in range(TAIL_POINTS)])
    quantile = -law.inv_cdf(tail)
    sigma = np.sqrt(variances[first : returns.size])
    return Rolling(
        model=model,
        level=level,
        first=first,
        var=sigma * quantile,
        es=sigma * law.pdf(quantile) / tail,
        severity=(points / points.mean())[None, :],
    )


def filtered(
    returns: NDArray[np.float64],
    variances: NDArray[np.float64],
    level: float,
    first: int,
    window: int,
    model: str,
) -> Rolling:
    """Take the next residual as one of the last `window` ones: filtered historical simulation of one step.

    Shape: variances (n,) or longer; what is beyond the returns is not looked at.
    Raises: CallerError where the window is too short for the level, or longer than what is before `first`.
    """
    beyond = int(tail_of(level) * (window + 1) + 1e-9)
    if beyond < 1 or first < window:
        raise CallerError(
            "backtest.window",
            f"a window of {window} before step {first} cannot tell {level:.4g}",
            remedy=f"at least {round(1.0 / tail_of(level))} returns in the window, and as many before the first step",
        )
    sigma = np.sqrt(variances[: returns.size])
    var, tails = _order_tails(returns / sigma, first, window, tail_of(level) * (window + 1), beyond)
    mean = tails.mean(axis=1)
    return Rolling(
        model=model,
        level=level,
        first=first,
        var=var * sigma[first:],
        es=mean * sigma[first:],
        severity=tails / np.where(mean > 0.0, mean, 1.0)[:, None],
    )


@njit(cache=True)
def _order_tails(
    values: np.ndarray, first: int, window: int, place: float, beyond: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return at each step the loss at `place` among the last `window` values, and the `beyond` worst losses."""
    steps = values.size - first
    var = np.empty(steps)
    tails = np.empty((steps, beyond))
    ordered = np.sort(values[first - window : first])
    share = place - beyond
    for i in range(steps):
        low = ordered[beyond - 1]
        var[i] = -(low + share * (ordered[min(beyond, window - 1)] - low))
        for j in range(beyond):
            tails[i, j] = -ordered[j]
        gone = np.searchsorted(ordered, values[first + i - window])
        come = np.searchsorted(ordered, values[first + i])
        if come > gone:
            ordered[gone : come - 1] = ordered[gone + 1 : come].copy()
            ordered[come - 1] = values[first + i]
        else:
            ordered[come + 1 : gone + 1] = ordered[come:gone].copy()
            ordered[come] = values[first + i]
    return var, tails
