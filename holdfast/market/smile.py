"""Smile: from the volatilities of one expiry to level, skew and curvature, and on to constant maturities.

Rules:

1. One volatility a strike: the out-of-the-money side's, where the market trades; else the other side's.
2. Interpolate, never extrapolate: where no strike lies beyond the wanted point, the answer is NaN.
3. Between expiries total variance is linear in time, so a calendar without arbitrage stays one.

Units: volatilities are fractions a year, times years, moneyness log(strike / forward), deltas those of a
call on the forward, 0 to 1.
Cost: 50 ns a strike.
"""

import math
from typing import Final

import numpy as np
from numba import njit

WING_DELTA: Final = 0.25
# The two strikes around the forward may not lie beyond this delta: a wider hole hides the middle.
HOLE_DELTA: Final = 0.10
# A tenor may be read off the nearest expiry if that is at most this many times longer or shorter.
REACH_TIMES: Final = 1.5


@njit(cache=True)
def call_delta(moneyness: float, volatility: float, years: float) -> float:
    """Return the forward delta of a call, N(d1).

    >>> round(call_delta(0.0, 0.5, 1.0), 4)
    0.5987
    """
    deviation = volatility * math.sqrt(years)
    return 0.5 * math.erfc((moneyness / deviation - 0.5 * deviation) / math.sqrt(2.0))


@njit(cache=True)
def relative_vega(moneyness: float, volatility: float, years: float) -> float:
    """Return the change of an option's price over its forward for one unit (100 points) of volatility."""
    deviation = volatility * math.sqrt(years)
    d1 = 0.5 * deviation - moneyness / deviation
    return math.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi) * math.sqrt(years)


@njit(cache=True)
def measure_smile(
    count: int, moneyness: np.ndarray, volatility: np.ndarray, deltas: np.ndarray
) -> tuple[float, float, float]:
    """Return at-the-money volatility, 25-delta skew (put minus call) and butterfly (wings minus middle).

    Shape: the first `count` entries are the strikes, ascending, each with its volatility and call delta.
    """
    nan = math.nan
    above = 0
    while above < count and moneyness[above] < 0.0:
        above += 1
    if above == count or (above == 0 and moneyness[0] > 0.0):
        return nan, nan, nan
    below = max(above - 1, 0)
    if deltas[below] > 1.0 - HOLE_DELTA or deltas[above] < HOLE_DELTA:
        return nan, nan, nan
    middle = _between(0.0, moneyness[below], volatility[below], moneyness[above], volatility[above])
    i = above
    while i < count and deltas[i] > WING_DELTA:
        i += 1
    call_wing = nan
    if 0 < i < count:
        call_wing = _between(WING_DELTA, deltas[i - 1], volatility[i - 1], deltas[i], volatility[i])
    i = below
    while i >= 0 and deltas[i] < 1.0 - WING_DELTA:
        i -= 1
    put_wing = nan
    if 0 <= i < count - 1:
        put_wing = _between(1.0 - WING_DELTA, deltas[i], volatility[i], deltas[i + 1], volatility[i + 1])
    return middle, put_wing - call_wing, 0.5 * (put_wing + call_wing) - middle


@njit(cache=True)
def volatility_at(tenor: float, count: int, years: np.ndarray, volatility: np.ndarray) -> float:
    """Return the volatility of a constant maturity. Shape: the first `count` entries, years ascending."""
    variance = np.empty(count)
    for e in range(count):
        variance[e] = volatility[e] ** 2
        if years[0] < tenor < years[count - 1]:
            variance[e] *= years[e] / tenor
    return math.sqrt(value_at(tenor, count, years, variance))


@njit(cache=True)
def value_at(tenor: float, count: int, years: np.ndarray, value: np.ndarray) -> float:
    """Return a value at a tenor, linear in time. Shape: the first `count` entries, years ascending."""
    after = 0
    while after < count and years[after] < tenor:
        after += 1
    if count == 0:
        return math.nan
    if after == 0:
        return value[0] if years[0] <= REACH_TIMES * tenor else math.nan
    if after == count:
        return value[count - 1] if years[count - 1] >= tenor / REACH_TIMES else math.nan
    return _between(tenor, years[after - 1], value[after - 1], years[after], value[after])


@njit(cache=True)
def _between(x: float, x0: float, y0: float, x1: float, y1: float) -> float:
    if x1 == x0:
        return y0
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
