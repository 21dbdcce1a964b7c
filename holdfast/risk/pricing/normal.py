"""Normal: the standard normal distribution inside kernels."""

import math

from numba import njit

_SQRT_HALF = math.sqrt(0.5)
_DENSITY_AT_ZERO = 1.0 / math.sqrt(2.0 * math.pi)


@njit(cache=True)
def normal_cdf(x: float) -> float:
    """Return the probability of a value below x, exact in both tails.

    >>> normal_cdf(0.0)
    0.5
    """
    return 0.5 * math.erfc(-x * _SQRT_HALF)


@njit(cache=True)
def normal_pdf(x: float) -> float:
    """Return the density at x."""
    return _DENSITY_AT_ZERO * math.exp(-0.5 * x * x)
