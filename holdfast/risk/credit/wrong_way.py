"""Wrong-way risk: default made likelier on the paths where the counterparty owes most, or where the market has fallen.

Two models, each keeping the average probability of default of the curve in every period:

- `copula`: a path's factor over its whole life (its time-averaged loss, or whatever the caller ranks by) is ranked
  and tied to the time of default by a Gaussian copula. Correlation 0 is independence, 1 makes the worst paths
  default first, -1 the best.
- `hazard_link`: hazard on a path is exp(a(t) + b x driver(t)); a(t) is solved date by date so that mean survival is
  the curve's. With the driver minus the log move of a coin, b > 0 says: the venue fails when the coin crashes.

Source: Rosen, Saunders (2012), CVA the wrong way; Hull, White (2012), CVA and wrong-way risk.
Limits: correlation and b are judgements; a few episodes (Mt. Gox, FTX) are all the data there is.
"""

import math
from statistics import NormalDist
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.credit.curve import HazardCurve
from holdfast.risk.pricing.normal import normal_cdf

CORRELATION_MAX: Final = 0.999
_EXPONENT_MAX: Final = 50.0
_STEPS: Final = 100
_NORMAL: Final = NormalDist()


def copula(
    curve: HazardCurve, times: NDArray[np.float64], driver: NDArray[np.float64], correlation: float
) -> NDArray[np.float64]:
    """Return each path's probability of default in each period, higher where `driver` is high if correlation > 0.

    Shape: times (dates,), driver (paths,); result (dates - 1, paths), its mean over paths the curve's probability.
    Raises: CallerError `wrong_way.correlation` outside -0.999 to 0.999.
    """
    if not -CORRELATION_MAX <= correlation <= CORRELATION_MAX:
        raise CallerError(
            "wrong_way.correlation", f"correlation {correlation:g} is not within +-{CORRELATION_MAX:g}"
        )
    count = len(driver)
    scores = np.empty(count)
    order = np.argsort(driver, kind="stable")
    scores[order] = [_NORMAL.inv_cdf((rank + 0.5) / count) for rank in range(count)]
    limits = np.array([_quantile(float(chance)) for chance in 1.0 - curve.survival(times)])
    conditional = _conditional(limits, scores, correlation)
    probabilities = np.diff(conditional, axis=0)
    # ranks are a grid, not the normal law itself: put each period's mean back on the curve
    wanted = curve.default_probabilities(times)
    means = probabilities.mean(axis=1)
    return probabilities * np.where(means > 0.0, wanted / np.where(means > 0.0, means, 1.0), 0.0)[:, None]


def hazard_link(
    curve: HazardCurve, times: NDArray[np.float64], driver: NDArray[np.float64], strength: float
) -> NDArray[np.float64]:
    """Return each path's probability of default in each period, hazard proportional to exp(strength x driver).

    Shape: times (dates,), driver (dates, paths), as known at the start of each period; result (dates - 1, paths).
    Raises: CallerError `wrong_way.driver` where the driver has another shape or is not finite.
    """
    if driver.shape[0] != len(times) or not np.isfinite(driver).all():
        raise CallerError("wrong_way.driver", f"the driver must be finite and have {len(times)} dates")
    out = np.empty((len(times) - 1, driver.shape[1]))
    survival = np.ones(driver.shape[1])
    wanted = curve.survival(times)
    for period, step in enumerate(np.diff(times)):
        shape = np.exp(np.clip(strength * driver[period], -_EXPONENT_MAX, _EXPONENT_MAX)) * step
        level = _level(survival, shape, float(wanted[period + 1]))
        after = survival * np.exp(-level * shape)
        out[period] = survival - after
        survival = after
    return out


def _level(survival: NDArray[np.float64], shape: NDArray[np.float64], wanted: float) -> float:
    """Find the factor by which mean survival falls to what the curve says."""
    low, high = 0.0, 1.0
    while (survival * np.exp(-high * shape)).mean() > wanted:
        high *= 2.0
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if (survival * np.exp(-middle * shape)).mean() > wanted:
            low = middle
        else:
            high = middle
        if high - low <= 1e-15 * high:
            break
    return 0.5 * (low + high)


def _quantile(probability: float) -> float:
    """Return the normal quantile, infinite at 0 and 1."""
    if 0.0 < probability < 1.0:
        return _NORMAL.inv_cdf(probability)
    return -math.inf if probability <= 0.0 else math.inf


@njit(cache=True)
def _conditional(limits: np.ndarray, scores: np.ndarray, correlation: float) -> np.ndarray:
    out = np.empty((limits.shape[0], scores.shape[0]))
    rest = np.sqrt(1.0 - correlation * correlation)
    for date in range(limits.shape[0]):
        for path in range(scores.shape[0]):
            out[date, path] = normal_cdf((limits[date] + correlation * scores[path]) / rest)
    return out
