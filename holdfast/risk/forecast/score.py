"""Score: how good forecasts were out of sample, and whether one is better than another by more than chance.

Rules:

1. Every forecast is made from the returns before its origin; the function that makes it is handed nothing else.
2. Losses compare variances, since squared returns measure variance without bias: QLIKE and MSE rank forecasts by a noisy
   measure as by the true one (Patton 2011). QLIKE is not swayed by one crash as MSE is.
3. Horizons that are scored do not overlap.
"""

import math
from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.forecast.base import VolatilityForecast, annualised, steps_of
from holdfast.risk.missing import Missing

SCORED_MIN: Final = 30
FLOOR: Final = 1e-4  # of the mean realised variance: a horizon that stood still has no logarithm

Forecaster = Callable[[NDArray[np.float64], float, float], VolatilityForecast | Missing]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Forecasts and what came. Units: volatilities a year. Shape: (n,) by origin, the number of returns known.

    `refused` counts origins at which there was no forecast; they are in no array.
    """

    model: str
    origins: NDArray[np.int64]
    volatility: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    realised: NDArray[np.float64]
    refused: int = 0

    @property
    def qlike(self) -> float:
        """Return the mean QLIKE of variance, 0 for a perfect forecast."""
        return float(qlike_losses(self.volatility**2, self.realised**2).mean())

    @property
    def mse(self) -> float:
        """Return the mean squared error of annualised variance."""
        return float(((self.realised**2 - self.volatility**2) ** 2).mean())

    @property
    def covered(self) -> float:
        """Return the share of realised volatilities within low to high."""
        return float(((self.low <= self.realised) & (self.realised <= self.high)).mean())


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A Diebold-Mariano test. `statistic` below zero: the first forecast lost less. `p_value` is two-sided."""

    statistic: float
    p_value: float
    difference: float
    lags: int
    count: int


def evaluate(
    returns: NDArray[np.float64],
    interval_s: float,
    horizon_s: float,
    forecaster: Forecaster,
    *,
    first: int,
    window: int = 0,
) -> Evaluation | Missing:
    """Forecast at each horizon from return `first` on and hold it against what came.

    `window` is how many of the newest returns a forecast may see; 0 is all (expanding).
    Raises: CallerError as `steps_of`.
    Cost: one forecast an origin.
    """
    steps = steps_of(returns, interval_s, horizon_s)
    kept: list[tuple[int, VolatilityForecast]] = []
    refused = 0
    for origin in range(first, returns.size - steps + 1, steps):
        seen = returns[max(origin - window, 0) if window else 0 : origin].copy()
        found = forecaster(seen, interval_s, horizon_s)
        if isinstance(found, Missing):
            refused += 1
        else:
            kept.append((origin, found))
    if not kept:
        return Missing(
            where="score",
            code="score.nothing",
            reason=f"no forecast at any of {refused} origins",
            remedy="a longer history or a shorter horizon",
        )
    realised = [annualised(float((returns[o : o + steps] ** 2).sum()), steps * interval_s) for o, _ in kept]
    return Evaluation(
        model=kept[-1][1].model,
        origins=np.array([origin for origin, _ in kept]),
        volatility=np.array([found.volatility for _, found in kept]),
        low=np.array([found.low for _, found in kept]),
        high=np.array([found.high for _, found in kept]),
        realised=np.array(realised),
        refused=refused,
    )


def qlike_losses(forecast: NDArray[np.float64], realised: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the QLIKE loss of each variance: x - log x - 1 of realised over forecast, never negative.

    A realised variance near zero is taken as a ten-thousandth of their mean; that term is the same for every forecast.
    Raises: CallerError where a forecast is not positive.

    >>> qlike_losses(np.array([1.0, 2.0]), np.array([1.0, 1.0])).round(4).tolist()
    [0.0, 0.1931]
    """
    if not (forecast > 0.0).all():
        raise CallerError("score.forecast", "a forecast variance is not positive", remedy="leave it out")
    ratio = np.maximum(realised, FLOOR * realised.mean()) / forecast
    return ratio - np.log(ratio) - 1.0


def diebold_mariano(
    losses: NDArray[np.float64], others: NDArray[np.float64], lags: int = -1
) -> Comparison | Missing:
    """Test whether two forecasts of the same things lose the same on average.

    The variance of the mean is Newey and West's with `lags` (-1: the cube root of the count), the small-sample factor that
    of Harvey, Leybourne and Newbold 1997; the tail is normal.
    Source: Diebold and Mariano 1995, Journal of Business and Economic Statistics 13(3).
    Limits: nested models that are equal in truth give too few rejections.
    """
    if losses.shape != others.shape:
        raise CallerError(
            "score.shape", f"{losses.size} losses against {others.size}", remedy="the same origins"
        )
    count = losses.size
    lags = round(count ** (1.0 / 3.0)) if lags < 0 else lags
    if count < max(SCORED_MIN, 2 * lags):
        return Missing(
            "diebold-mariano", "score.too_few", f"{count} losses", f"at least {max(SCORED_MIN, 2 * lags)}"
        )
    gaps = losses - others
    mean = float(gaps.mean())
    apart = gaps - mean
    variance = float(apart @ apart) / count
    for lag in range(1, lags + 1):
        variance += 2.0 * (1.0 - lag / (lags + 1)) * float(apart[lag:] @ apart[:-lag]) / count
    if variance <= 0.0:
        return Missing(
            "diebold-mariano", "score.same", "the losses do not differ", "compare different forecasts"
        )
    horizon = lags + 1
    small = math.sqrt((count + 1 - 2 * horizon + horizon * (horizon - 1) / count) / count)
    statistic = small * mean / math.sqrt(variance / count)
    return Comparison(
        statistic=statistic,
        p_value=math.erfc(abs(statistic) / math.sqrt(2.0)),
        difference=mean,
        lags=lags,
        count=count,
    )
