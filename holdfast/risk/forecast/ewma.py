"""EWMA: exponentially weighted squared returns, with the memory that foretold this market best so far."""

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.forecast.base import RATIOS_MIN, VolatilityForecast, annualised, refused, spread, steps_of
from holdfast.risk.missing import Missing

MODEL: Final = "ewma"
RETURNS_MIN: Final = 30
MEMORIES: Final = (8.0, 12.0, 17.0, 25.0, 36.0, 52.0, 75.0, 110.0, 160.0, 240.0, 350.0, 500.0, 750.0, 1_100.0)
MEMORY: Final = 17.0  # RiskMetrics' decay of 0.94, taken where the past is too short to choose
SCORED_MIN: Final = 20  # horizons to choose a memory by
MEMORY_SHARE_MAX: Final = 0.25  # of the returns
FLOOR: Final = 1e-3  # of the mean square so far: a market that stood still has not lost its variance
STILL: Final = 1e-16  # variance of a return where nothing has moved yet


def ewma(
    returns: NDArray[np.float64], interval_s: float, horizon_s: float, memory: float = 0.0
) -> VolatilityForecast | Missing:
    """Forecast by weights that fade over `memory` returns (decay 1 - 1 / memory); 0 chooses it by QLIKE over the past.

    The forecast is flat: the same variance for each return of the horizon.
    Cost: 5 ns a return and memory tried.
    Source: RiskMetrics 1996, Technical document; QLIKE after Patton 2011, Journal of Econometrics 160.
    Limits: does not return to a mean: high after a crash for longer horizons, low in a lull.
    """
    steps = steps_of(returns, interval_s, horizon_s)
    missing = refused(MODEL, returns, RETURNS_MIN)
    if missing is not None:
        return missing
    if memory != 0.0 and memory <= 1.0:
        raise CallerError("forecast.memory", f"a memory of {memory:g} returns", remedy="more than 1")
    memory = memory or best_memory(returns, steps)
    variances = ewma_variances(returns, memory)
    start = round(memory)
    held = min(steps, max((returns.size - start) // RATIOS_MIN, 1))
    low, high, interval = spread(horizon_ratios(returns, variances * held, held, start), returns, steps)
    if held < steps and interval == "residuals":
        interval = "shorter"
    volatility = annualised(float(variances[-1]), interval_s)
    return VolatilityForecast(
        volatility=volatility,
        low=volatility * low,
        high=volatility * high,
        model=MODEL,
        interval=interval,
        interval_s=interval_s,
        horizon_s=horizon_s,
        observations=returns.size,
        parameters={"memory": memory},
    )


def best_memory(returns: NDArray[np.float64], steps: int) -> float:
    """Return the memory with the least QLIKE over the past horizons, `MEMORY` where they are too few.

    The same horizons judge all memories.
    """
    longest = MEMORY_SHARE_MAX * returns.size
    memories = [memory for memory in MEMORIES if memory <= longest]
    start = round(memories[-1]) if memories else 0
    if not memories or (returns.size - start) // steps < SCORED_MIN:
        return min(MEMORY, longest)
    scores: list[float] = []
    for memory in memories:
        variances = ewma_variances(returns, memory)
        origins = np.arange(start, returns.size - steps + 1, steps)
        forecast = variances[origins] * steps
        realised = _sums(returns, origins, steps)
        scores.append(float((realised / forecast + np.log(forecast)).mean()))
    return memories[int(np.argmin(scores))]


def horizon_ratios(
    returns: NDArray[np.float64], forecast: NDArray[np.float64], steps: int, start: int
) -> NDArray[np.float64]:
    """Return realised over forecast variance of horizons that do not overlap, the last one ending with the returns.

    Shape: forecast (n + 1,): variance over the horizon that begins with return i, known before it.
    """
    origins = np.arange(returns.size - steps, max(start, 1) - 1, -steps)[::-1]
    return _sums(returns, origins, steps) / forecast[origins]


@njit(cache=True)
def ewma_variances(returns: np.ndarray, memory: float) -> np.ndarray:
    """Return the variance forecast for each return from those before it, and for the one to come.

    Shape: returns (n,), result (n + 1,). The first `memory` returns start the recursion and see their own mean square.
    """
    size = returns.size
    variances = np.empty(size + 1)
    start = min(max(int(memory + 0.5), 1), size)
    total = 0.0
    for i in range(start):
        total += returns[i] * returns[i]
    variance = max(total / start, STILL)
    gain = 1.0 / memory
    for i in range(size):
        variances[i] = variance
        if i >= start:
            square = returns[i] * returns[i]
            total += square
            floor = max(FLOOR * total / (i + 1), STILL)
            variance = max(variance + gain * (square - variance), floor)
    variances[size] = variance
    return variances


def _sums(returns: NDArray[np.float64], origins: NDArray[np.int64], steps: int) -> NDArray[np.float64]:
    total = np.concatenate(([0.0], np.cumsum(returns * returns)))
    return total[origins + steps] - total[origins]
