"""Base: what a volatility forecast is, and the returns that every forecast starts from.

Rules:

1. Returns are log returns over `interval_s` each, without gaps, oldest first; their mean is taken as zero.
2. A forecast is of the volatility that will be realised over the next `horizon_s`: the root of the expected sum of squared
   returns, annualised by years of 365 days.
3. `low` to `high` is where the realised volatility itself should fall in `coverage` of all cases. `interval` says how it was
   found: "residuals" (quantiles of realised over forecast in the past), "shorter" (the same of shorter horizons, where the
   past holds too few of this one), "simulated" (paths of the fitted model) or "assumed" (too little past for either:
   returns taken as independent with the kurtosis seen).
4. A model sees nothing but the returns it is given: whoever cuts them decides what was known.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.missing import Missing

YEAR_S: Final = 365.0 * 86_400.0
COVERAGE: Final = 0.90
RATIOS_MIN: Final = 30  # past forecasts, below which their quantiles are not trusted
KURTOSIS_MIN: Final = 3.0  # of a return: a normal one
KURTOSIS_MAX: Final = 50.0  # one crash in a short sample proves no more


class VolatilityForecast(msgspec.Struct, frozen=True, kw_only=True):
    """A forecast. Units: volatility, low and high fractions a year. `reason`: why not the model that was asked for."""

    volatility: float
    low: float
    high: float
    model: str
    interval: str
    interval_s: float
    horizon_s: float
    observations: int
    coverage: float = COVERAGE
    parameters: dict[str, float] = {}
    reason: str = ""

    @property
    def variance(self) -> float:
        """Return the expected sum of squared returns over the horizon."""
        return self.volatility**2 * self.horizon_s / YEAR_S


def steps_of(returns: NDArray[np.float64], interval_s: float, horizon_s: float) -> int:
    """Return how many returns the horizon is long, rounded.

    Raises: CallerError for returns that are not numbers, or a horizon shorter than one return.
    """
    if returns.ndim != 1 or not np.isfinite(returns).all():
        raise CallerError(
            "forecast.returns",
            "returns are not one finite number a step",
            remedy="leave out gaps before you difference prices",
        )
    if not 0.0 < interval_s <= horizon_s:
        raise CallerError(
            "forecast.horizon",
            f"a horizon of {horizon_s:g} s cannot be forecast from returns over {interval_s:g} s",
            remedy="give returns over at most the horizon",
        )
    return round(horizon_s / interval_s)


def annualised(variance: float, seconds: float) -> float:
    """Return the volatility a year of a variance over some seconds.

    >>> round(annualised(0.01**2, 86_400.0), 4)  # one per cent a day
    0.191
    """
    return math.sqrt(variance * YEAR_S / seconds)


def refused(model: str, returns: NDArray[np.float64], least: int) -> Missing | None:
    """Return a refusal where there are fewer returns than `least`, or none of them moved."""
    if returns.size < least:
        return Missing(
            where=model,
            code="forecast.too_few_returns",
            reason=f"{returns.size} returns, at least {least} are needed",
            remedy="a longer history, shorter returns or a shorter horizon",
        )
    if not returns.any():
        return Missing(
            where=model,
            code="forecast.no_movement",
            reason=f"none of {returns.size} returns differs from zero",
            remedy="check that the price is not frozen",
        )
    return None


def spread(ratios: NDArray[np.float64], returns: NDArray[np.float64], steps: int) -> tuple[float, float, str]:
    """Return the factors from the forecast volatility to `low` and `high`, and how they were found.

    Shape: ratios (n,) of realised over forecast variance of past, not overlapping horizons.
    """
    tail = 0.5 * (1.0 - COVERAGE)
    if ratios.size >= RATIOS_MIN:
        low, high = np.sqrt(np.quantile(ratios, [tail, 1.0 - tail], method="weibull"))
        return float(low), float(high), "residuals"
    squares = returns * returns
    kurtosis = min(max(float((squares**2).mean() / squares.mean() ** 2), KURTOSIS_MIN), KURTOSIS_MAX)
    width = math.log1p(
        (kurtosis - 1.0) / steps
    )  # variance of the log of a sum of `steps` squares, taken as lognormal
    half = 1.6448536269514722 * math.sqrt(width)
    return math.exp(0.5 * (-0.5 * width - half)), math.exp(0.5 * (-0.5 * width + half)), "assumed"
