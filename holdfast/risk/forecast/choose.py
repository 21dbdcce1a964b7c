"""Choose: one entry to the forecasts, for hedges, margin and whoever needs a volatility and how far it may be off."""

import math
from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.forecast.base import VolatilityForecast
from holdfast.risk.forecast.ewma import ewma
from holdfast.risk.forecast.har import har
from holdfast.risk.missing import Missing

Model = Literal["blend", "ewma", "har", "garch"]


def forecast(
    returns: NDArray[np.float64], interval_s: float, horizon_s: float, model: Model = "blend"
) -> VolatilityForecast | Missing:
    """Forecast the volatility of the next `horizon_s` from log returns over `interval_s` each, oldest first.

    `blend` is the geometric mean of EWMA and HAR: HAR is better in ordinary markets, EWMA where a crash has just begun, and
    the mean stays near the better of them. Where HAR (or GARCH) cannot be had, EWMA stands in and `reason` says why.
    Units: volatility, low and high fractions a year of 365 days.
    Raises: CallerError for an unknown model, returns that are not numbers, a horizon shorter than one return.
    Cost: 6 ms for 45,000 returns; `garch` 30 to 150 ms.
    Limits: sees only returns: no calendar, no announced event, no implied volatility.

    >>> waves = 1e-3 * np.sin(np.arange(4000.0))
    >>> found = forecast(waves, 60.0, 3600.0)
    >>> found.model, round(found.volatility, 2)  # a sine of 0.1 % has a root mean square of 0.0707 %
    ('blend', 0.51)
    """
    if model == "blend":
        return _blend(returns, interval_s, horizon_s)
    if model == "garch":
        return _garch(returns, interval_s, horizon_s)
    known: dict[str, Callable[[NDArray[np.float64], float, float], VolatilityForecast | Missing]] = {
        "ewma": ewma,
        "har": har,
    }
    if model not in known:
        raise CallerError(
            "forecast.model", f"no forecast is called {model!r}", remedy="blend, ewma, har or garch"
        )
    return _or_ewma(known[model](returns, interval_s, horizon_s), returns, interval_s, horizon_s)


def _blend(returns: NDArray[np.float64], interval_s: float, horizon_s: float) -> VolatilityForecast | Missing:
    fading, cascade = ewma(returns, interval_s, horizon_s), har(returns, interval_s, horizon_s)
    if isinstance(fading, Missing):
        return fading
    if isinstance(cascade, Missing):
        return msgspec.structs.replace(fading, reason=str(cascade))
    if not cascade.parameters["logs"]:
        return msgspec.structs.replace(
            fading, reason="har: the market stood still for a whole span: no logarithms"
        )
    return msgspec.structs.replace(
        cascade,
        model="blend",
        volatility=math.sqrt(fading.volatility * cascade.volatility),
        low=math.sqrt(fading.low * cascade.low),
        high=math.sqrt(fading.high * cascade.high),
        parameters={
            f"{part.model}_{name}": value
            for part in (fading, cascade)
            for name, value in part.parameters.items()
        },
    )


def _garch(returns: NDArray[np.float64], interval_s: float, horizon_s: float) -> VolatilityForecast | Missing:
    try:
        from holdfast.risk.forecast.garch import garch  # noqa: PLC0415  (the extra `risk`)
    except ImportError:
        absent = Missing("garch", "extra.absent", "arch is not installed", "pip install holdfast[risk]")
        return _or_ewma(absent, returns, interval_s, horizon_s)
    return garch(returns, interval_s, horizon_s)


def _or_ewma(
    found: VolatilityForecast | Missing, returns: NDArray[np.float64], interval_s: float, horizon_s: float
) -> VolatilityForecast | Missing:
    if not isinstance(found, Missing):
        return found
    instead = ewma(returns, interval_s, horizon_s)
    return instead if isinstance(instead, Missing) else msgspec.structs.replace(instead, reason=str(found))
