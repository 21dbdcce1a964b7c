"""Copula: Student's t dependence between factors, whose extremes come together more often than a normal's do.

Rules:

1. Correlations are from Kendall's tau, which outliers and margins do not move; the degrees of freedom by likelihood of the
   ranks, one number for all factors.
2. A draw is used for its order only: it says which scenario of one margin meets which of another.

Source: Demarta, McNeil (2005), The t copula and related copulas; Lindskog, McNeil, Schmock (2003) for tau.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.risk.draws import Generator

ROWS_MAX: Final = 2_000  # newest rows that tau is taken over: it costs their square
FREEDOM_MIN: Final = 2.1
FREEDOM_MAX: Final = 100.0
CANDIDATES: Final = 40
EIGENVALUE_MIN: Final = 1e-6
GRID: Final = 4_001


class TailCopula(msgspec.Struct, frozen=True, kw_only=True):
    """Shape: correlation (k, k); freedom is its degrees of freedom: the fewer, the more the extremes come together."""

    correlation: NDArray[np.float64]
    freedom: float

    def draw(self, count: int, draws: Generator) -> NDArray[np.float64]:
        """Return t vectors, of which only the order within a column matters. Shape: (count, k)."""
        normals = draws.standard_normal((count, len(self.correlation)))
        return self.mixed(normals, draws.chisquare(self.freedom, count))

    def mixed(self, normals: NDArray[np.float64], chi_squared: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return t vectors of independent normals (count, k) and chi-squared numbers (count,)."""
        together = normals @ np.linalg.cholesky(self.correlation).T
        return together / np.sqrt(chi_squared / self.freedom)[:, None]


def fit(residuals: NDArray[np.float64]) -> TailCopula:
    """Fit to joint observations, each column made standard before. Shape: (n, k).

    Cost: n^2 k^2 / 2 comparisons for the newest 2,000 rows, about 4 ms a pair.
    """
    newest = np.ascontiguousarray(residuals[-ROWS_MAX:])
    correlation = _positive(np.sin(0.5 * math.pi * kendall(newest)))
    if residuals.shape[1] == 1:
        return TailCopula(correlation=correlation, freedom=FREEDOM_MAX)
    places = np.argsort(np.argsort(newest, axis=0, kind="stable"), axis=0).astype(np.float64)
    ranks = (places + 1.0) / (len(newest) + 1.0)
    candidates = np.geomspace(FREEDOM_MIN, FREEDOM_MAX, CANDIDATES)
    likely = [_likelihood(ranks, correlation, float(freedom)) for freedom in candidates]
    return TailCopula(correlation=correlation, freedom=float(candidates[int(np.argmax(likely))]))


def tail_dependence(correlation: float, freedom: float) -> float:
    """Return the chance that one factor is extreme given that the other is, in the limit.

    Source: Demarta, McNeil (2005), equation 11: twice the t distribution, with one more degree of freedom, below
    -sqrt((freedom + 1) (1 - correlation) / (1 + correlation)).

    >>> round(tail_dependence(0.5, 4.0), 4)
    0.2532
    """
    if correlation <= -1.0:
        return 0.0
    away = math.sqrt((freedom + 1.0) * (1.0 - correlation) / (1.0 + correlation))
    grid, above = _t_table(freedom + 1.0)
    return 2.0 * (0.5 - float(np.interp(away, grid, above)))


@njit(cache=True)
def kendall(rows: np.ndarray) -> np.ndarray:
    """Return Kendall's tau-b of every pair of columns: ties in one of them count for neither side. Shape: (n, k)."""
    count, factors = rows.shape
    out = np.eye(factors)
    for i in range(factors):
        for j in range(i):
            agree, moved_i, moved_j = 0, 0, 0
            for a in range(count):
                for b in range(a):
                    x = rows[a, i] - rows[b, i]
                    y = rows[a, j] - rows[b, j]
                    agree += int((x > 0.0) == (y > 0.0) and x != 0.0 and y != 0.0)
                    agree -= int((x > 0.0) != (y > 0.0) and x != 0.0 and y != 0.0)
                    moved_i += int(x != 0.0)
                    moved_j += int(y != 0.0)
            both = math.sqrt(float(moved_i)) * math.sqrt(float(moved_j))
            out[i, j] = out[j, i] = agree / both if both > 0.0 else 0.0
    return out


def _positive(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix with its negative eigenvalues lifted, its diagonal one: pairs of tau need not fit together."""
    values, vectors = np.linalg.eigh(matrix)
    if values[0] >= EIGENVALUE_MIN:
        return matrix
    lifted = (vectors * np.maximum(values, EIGENVALUE_MIN)) @ vectors.T
    scale = np.sqrt(np.diag(lifted))
    return lifted / np.outer(scale, scale)


def _likelihood(ranks: NDArray[np.float64], correlation: NDArray[np.float64], freedom: float) -> float:
    """Return the log-likelihood of ranks under the copula."""
    grid, above = _t_table(freedom)
    quantiles = np.sign(ranks - 0.5) * np.interp(np.abs(ranks - 0.5), above, grid)
    factors = correlation.shape[0]
    root = np.linalg.cholesky(correlation)
    square = (np.linalg.solve(root, quantiles.T) ** 2).sum(axis=0)
    joint = (
        math.lgamma(0.5 * (freedom + factors))
        + (factors - 1) * math.lgamma(0.5 * freedom)
        - factors * math.lgamma(0.5 * (freedom + 1.0))
        - float(np.log(np.diag(root)).sum())
    )
    rows = -0.5 * (freedom + factors) * np.log1p(square / freedom)
    rows += 0.5 * (freedom + 1.0) * np.log1p(quantiles**2 / freedom).sum(axis=1)
    return joint * len(ranks) + float(rows.sum())


def _t_table(freedom: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values from zero upwards, and the t distribution's probability between zero and each, by Simpson's rule.

    Spaced as sinh, so that one table serves the centre and the far tail.
    """
    even = np.linspace(0.0, 16.0, 2 * GRID - 1)
    value = np.sinh(even)
    log_unit = (
        math.lgamma(0.5 * (freedom + 1.0)) - math.lgamma(0.5 * freedom) - 0.5 * math.log(math.pi * freedom)
    )
    height = np.exp(log_unit - 0.5 * (freedom + 1.0) * np.log1p(value**2 / freedom)) * np.cosh(even)
    step = even[1]
    pieces = (height[:-2:2] + 4.0 * height[1::2] + height[2::2]) * step / 3.0
    return value[::2], np.concatenate(([0.0], np.cumsum(pieces)))
