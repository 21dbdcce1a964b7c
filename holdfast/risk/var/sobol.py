"""Sobol: copula draws from a scrambled Sobol sequence, which fills the joint tail more evenly (extra `risk`).

Rules:

1. Only the dependence is drawn so: factors and one mixing number a path, few dimensions. Margins stay pseudo-random.
2. Errors of `measure.py` take draws as independent: with these they are too large, never too small.

Source: Owen (1998), Scrambling Sobol' and Niederreiter-Xing points; Joe, Kuo (2008) for the directions, in scipy.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtri
from scipy.stats import qmc

from holdfast.risk.draws import generator
from holdfast.risk.var.copula import TailCopula

EDGE = 2.0**-53  # a point at 0 or 1 has no quantile


def sobol_order(copula: TailCopula, paths: int, seed: int) -> NDArray[np.float64]:
    """Return t vectors for `monte_carlo(order=...)`. Shape: (paths, factors).

    Limits: a power of two as `paths` keeps the sequence balanced; other numbers work, less evenly.
    """
    factors = len(copula.correlation)
    points = qmc.Sobol(factors + 1, scramble=True, rng=generator(seed)).random(paths)
    points = np.clip(points, EDGE, 1.0 - EDGE)
    chi_squared = 2.0 * gammaincinv(0.5 * copula.freedom, points[:, factors])
    return copula.mixed(ndtri(points[:, :factors]), chi_squared)
