"""Surface: total implied variance of one asset as raw SVI slices, one an expiry, linear in time between them.

Rules:

1. A slice is w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + s^2)): k = log(strike / forward), w total variance,
   volatility^2 x years.
2. Between two expiries w at the same k is linear in time, so slices free of calendar arbitrage stay so; before the first and
   beyond the last expiry the volatility of the nearest slice is kept at the same k.

Source: Gatheral, Jacquier (2014), Arbitrage-free SVI volatility surfaces.
"""

import math

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

A, B, RHO, M, S = range(5)


class Surface(msgspec.Struct, frozen=True, kw_only=True):
    """Slices by expiry. Shape: years, forwards (expiries,) ascending in years; slices (expiries, 5) of a, b, rho, m, s.

    `flags` names what is wrong with it (`butterfly:2026-03-27`...), empty when free of arbitrage; `error_vols` is the median
    absolute error of the fit in volatility.
    """

    time_ns: int
    years: NDArray[np.float64]
    forwards: NDArray[np.float64]
    slices: NDArray[np.float64]
    error_vols: float = float("nan")
    flags: tuple[str, ...] = ()

    def volatility(self, moneyness: float, years: float) -> float:
        """Return the volatility at log(strike / forward) and a time to expiry; NaN for an expiry that is past."""
        return float(surface_volatility(moneyness, years, self.years, self.slices))


@njit(cache=True)
def svi_variance(k: float, slice_: np.ndarray) -> float:
    """Return the total variance of a raw SVI slice (5,) at log-moneyness k."""
    x = k - slice_[3]
    return slice_[0] + slice_[1] * (slice_[2] * x + math.sqrt(x * x + slice_[4] * slice_[4]))


@njit(cache=True)
def surface_volatility(k: float, years: float, expiries: np.ndarray, slices: np.ndarray) -> float:
    """Return the volatility of a surface at log-moneyness k. Shape: expiries (n,) ascending years, slices (n, 5)."""
    count = expiries.shape[0]
    if count == 0 or not years > 0.0:
        return math.nan
    after = 0
    while after < count and expiries[after] < years:
        after += 1
    if after == 0:
        return math.sqrt(svi_variance(k, slices[0]) / expiries[0])
    if after == count:
        return math.sqrt(svi_variance(k, slices[count - 1]) / expiries[count - 1])
    share = (years - expiries[after - 1]) / (expiries[after] - expiries[after - 1])
    before = svi_variance(k, slices[after - 1])
    return math.sqrt((before + share * (svi_variance(k, slices[after]) - before)) / years)
