"""Rolling GARCH: one-step VaR and ES of a GJR-GARCH with Student t, fitted again every so many steps (extra `risk`)."""

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from holdfast.risk.forecast.ewma import MEMORY, ewma_variances
from holdfast.risk.forecast.garch import RETURNS_MAX, GarchFit, fit_garch, garch_variances
from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.outcome import tail_of
from holdfast.risk.var.backtest.rolling import TAIL_POINTS, Rolling

ROW_POINTS: Final = 50  # of each step's tail, where degrees of freedom change
DEGREES_ELSE: Final = 5.0  # where there is no fit to take them from


class GarchPath(msgspec.Struct, frozen=True, kw_only=True):
    """Variances and degrees of freedom, each known before its return. Shape: (n,); NaN before `first`.

    `failures` counts fits that were not to be trusted: the one before, or EWMA where there is none, went on instead.
    """

    variances: NDArray[np.float64]
    degrees: NDArray[np.float64]
    fits: int
    failures: int
    reason: str = ""


def garch_path(returns: NDArray[np.float64], first: int, refit: int) -> GarchPath:
    """Fit every `refit` steps to the newest returns before, and filter with the same parameters in between.

    Cost: 20 to 150 ms a fit.
    """
    variances, degrees = np.full(returns.size, np.nan), np.full(returns.size, np.nan)
    instead = ewma_variances(returns, MEMORY)
    fit: GarchFit | None = None
    fits = failures = 0
    reason = ""
    for start in range(first, returns.size, refit):
        end = min(start + refit, returns.size)
        found = fit_garch(returns[:start])
        fits += 1
        if isinstance(found, Missing):
            failures += 1
            reason = reason or found.reason
        else:
            fit = found
        if fit is None:
            variances[start:end], degrees[start:end] = instead[start:end], DEGREES_ELSE
            continue
        begin = max(start - RETURNS_MAX, 0)
        variances[start:end] = garch_variances(returns[begin:end], fit)[start - begin : -1]
        degrees[start:end] = fit.degrees
    return GarchPath(variances=variances, degrees=degrees, fits=fits, failures=failures, reason=reason)


def garch_student(path: GarchPath, level: float, first: int) -> Rolling:
    """Take the next return as Student t with the path's variance and degrees of freedom."""
    tail = tail_of(level)
    shares = (np.arange(TAIL_POINTS) + 0.5) / TAIL_POINTS * tail
    sigma = np.sqrt(path.variances[first:])
    var, es = np.empty(sigma.size), np.empty(sigma.size)
    known, rows = np.unique(path.degrees[first:], return_inverse=True)
    tails = np.empty((known.size, TAIL_POINTS))
    for i, degrees in enumerate(known):
        unit = math.sqrt((degrees - 2.0) / degrees)
        quantile = -float(student.ppf(tail, degrees))
        mean = (
            float(student.pdf(quantile, degrees)) / tail * (degrees + quantile * quantile) / (degrees - 1.0)
        )
        points = -student.ppf(shares, degrees)
        tails[i] = points / points.mean()
        here = rows == i
        var[here], es[here] = sigma[here] * quantile * unit, sigma[here] * mean * unit
    note = f"{path.failures} of {path.fits} fits not trusted ({path.reason})" if path.failures else ""
    severity = (
        tails
        if known.size == 1
        else tails[:, TAIL_POINTS // ROW_POINTS // 2 :: TAIL_POINTS // ROW_POINTS][rows]
    )
    return Rolling(
        model="GJR-GARCH-t", level=level, first=first, var=var, es=es, severity=severity, note=note
    )
