"""Rolling tail: one-step VaR and ES from a generalised Pareto law of the worst residuals (McNeil and Frey)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.var.backtest.outcome import tail_of
from holdfast.risk.var.backtest.rolling import Rolling
from holdfast.risk.var.tail import by_likelihood

BEYOND: Final = 0.10  # share of the residuals that the law is fitted to
EXCEEDANCES_MIN: Final = 20
SHAPE_MAX: Final = 0.9  # beyond, the mean of the tail is hardly finite
TAIL_POINTS: Final = 100


def pareto(
    returns: NDArray[np.float64],
    variances: NDArray[np.float64],
    level: float,
    first: int,
    window: int,
    refit: int,
    model: str,
) -> Rolling:
    """Take the next residual's tail as Pareto, fitted every `refit` steps to the worst tenth of the last `window`.

    Source: McNeil and Frey 2000, Estimation of tail-related risk measures, Journal of Empirical Finance 7.
    Raises: CallerError where the window holds too few residuals for a fit.
    Limits: residuals that equal one another (prices of few ticks) have no such tail: a tie counts as drawn.
    Cost: 1 ms a fit.
    """
    tail = tail_of(level)
    count = int(BEYOND * window)
    if count < EXCEEDANCES_MIN or first < window or tail > BEYOND:
        raise CallerError(
            "backtest.window",
            f"a tenth of a window of {window} before step {first} holds no tail at {level:.4g}",
            remedy=f"a window of at least {round(EXCEEDANCES_MIN / BEYOND)} and a level of at least {1.0 - BEYOND:g}",
        )
    sigma = np.sqrt(variances[: returns.size])
    losses = -returns / sigma
    steps = returns.size - first
    var, es = np.empty(steps), np.empty(steps)
    severity = np.empty((steps, TAIL_POINTS))
    shares = (np.arange(TAIL_POINTS) + 0.5) / TAIL_POINTS
    capped = 0
    for start in range(0, steps, refit):
        end = min(start + refit, steps)
        ordered = np.sort(losses[first + start - window : first + start])[::-1]
        threshold = float(ordered[count])
        excess = ordered[:count] - threshold
        shape, scale = (
            by_likelihood(excess[excess > 0.0])
            if (excess > 0.0).sum() >= EXCEEDANCES_MIN // 2
            else (0.0, 0.0)
        )
        capped += shape > SHAPE_MAX
        shape = min(shape, SHAPE_MAX)
        beyond = float((excess > 0.0).sum()) / (window + 1)
        quantile = (
            threshold + _excess(np.array([min(tail / beyond, 1.0) if beyond else 1.0]), shape, scale)[0]
        )
        points = quantile + _excess(shares, shape, scale + shape * (quantile - threshold))
        mean = (quantile + scale - shape * threshold) / (1.0 - shape)
        var[start:end] = quantile * sigma[first + start : first + end]
        es[start:end] = mean * sigma[first + start : first + end]
        severity[start:end] = points / points.mean()
    note = f"shape held at {SHAPE_MAX} in {capped} fits" if capped else ""
    return Rolling(model=model, level=level, first=first, var=var, es=es, severity=severity, note=note)


def _excess(shares: NDArray[np.float64], shape: float, scale: float) -> NDArray[np.float64]:
    """Return how far beyond the threshold the Pareto law is exceeded with each probability."""
    if abs(shape) < 1e-9:
        return -scale * np.log(shares)
    return scale / shape * (shares**-shape - 1.0)
