"""Smile: the numbers that traders say a slice by: volatility at the money, 25-delta skew and butterfly.

Delta is Black's by the forward, the premium not taken off it; so a coin-settled option's delta here is that of the same
option settled in dollars.
"""

import math

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.risk.pricing.normal import normal_cdf
from holdfast.risk.surface.base import svi_variance


class SmileMeasures(msgspec.Struct, frozen=True):
    """Units: volatilities, fractions a year. skew is the 25-delta call's less the put's; butterfly their mean less `atm`."""

    atm: float
    skew_25: float
    butterfly_25: float


def smile_measures(slice_: NDArray[np.float64], years: float) -> SmileMeasures:
    """Return the measures of a slice (5,) with `years` to expiry.

    >>> flat = np.array([0.02, 0.0, 0.0, 0.0, 0.1])
    >>> smile_measures(flat, 0.5)
    SmileMeasures(atm=0.2, skew_25=0.0, butterfly_25=0.0)
    """
    call, put, atm = (
        math.sqrt(svi_variance(k, slice_) / years)
        for k in (delta_moneyness(slice_, 0.25, 1.0), delta_moneyness(slice_, 0.25, -1.0), 0.0)
    )
    return SmileMeasures(atm, call - put, 0.5 * (call + put) - atm)


@njit(cache=True)
def delta_moneyness(slice_: np.ndarray, delta: float, sign: float) -> float:
    """Return the log-moneyness where a call (sign 1) or put (-1) has this delta, 0 to 0.5, by the slice itself."""
    low, high = 0.0, 40.0  # times sign: out of the money
    for _ in range(80):
        middle = 0.5 * (low + high)
        k = sign * middle
        deviation = math.sqrt(svi_variance(k, slice_))
        if normal_cdf(sign * (-k / deviation + 0.5 * deviation)) > delta:
            low = middle
        else:
            high = middle
    return sign * 0.5 * (low + high)
