"""SSVI: a whole surface by three numbers and the variance at the money of each expiry, free of arbitrage by construction.

Rules:

1. w(k, theta) = theta / 2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)), theta the total variance at the money, with
   phi(theta) = eta / (theta^gamma (1 + theta)^(1 - gamma)).
2. With theta rising in time, 0 < gamma <= 1/2 and eta (1 + |rho|) <= 2 neither butterfly nor calendar arbitrage is possible;
   the fit cannot leave these bounds.

Source: Gatheral, Jacquier (2014), Arbitrage-free SVI volatility surfaces, theorems 4.1 and 4.2 and the power law of 4.5.
Limits: one skew for all expiries: a stiff surface, for chains with few quotes and as a check; SVI slices fit far better.
"""

import math
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.surface.gauss_newton import least_errors

ETA_SHARE_MAX: Final = 0.999  # of the bound on eta
GAMMA_MAX: Final = 0.5
RHO_MAX: Final = 0.999
GAMMA_MIN: Final = 1e-6
ETA_MIN: Final = 1e-6
LOG_RISE_MAX: Final = 5.0

Vector = NDArray[np.float64]


class Ssvi(msgspec.Struct, frozen=True, kw_only=True):
    """A surface. Shape: thetas (expiries,) ascending. `slices` gives it as raw SVI slices for a `Surface`."""

    rho: float
    eta: float
    gamma: float
    thetas: Vector

    def slices(self) -> Vector:
        """Return the raw slices. Shape: (expiries, 5)."""
        return np.array(
            [ssvi_slice(theta, self.rho, power_law(theta, self.eta, self.gamma)) for theta in self.thetas]
        )


def fit_ssvi(first: NDArray[np.int64], k: Vector, target: Vector, up: Vector, down: Vector) -> Ssvi:
    """Fit a surface to all quotes of a chain together.

    Shape: first (expiries + 1,): where the quotes of each expiry begin, expiries ascending; k, target, up, down (n,) as in
    `svi.fit_svi`. Raises: CallerError `ssvi.empty_expiry` where an expiry has no quote. Cost: about 50 milliseconds for 450
    quotes of 12 expiries.
    """
    count = len(first) - 1
    if count == 0 or np.any(np.diff(first) <= 0):
        raise CallerError("ssvi.empty_expiry", "an expiry has no quote")
    expiry = np.repeat(np.arange(count), np.diff(first))
    near = [a + int(np.argmin(np.abs(k[a:b]))) for a, b in pairwise(first.tolist())]
    level = np.maximum.accumulate(target[near])
    rises = np.maximum(np.diff(level, prepend=0.0), 1e-4 * level)

    def errors(point: Vector) -> Vector:
        error = _variances(k, _surface(point), expiry) - target
        return error * np.where(error > 0.0, up, down)

    return _surface(least_errors(errors, np.concatenate([[0.0, 0.0, 0.0], np.log(rises)])))


def power_law(theta: float, eta: float, gamma: float) -> float:
    """Return phi(theta)."""
    return eta / (theta**gamma * (1.0 + theta) ** (1.0 - gamma))


@njit(cache=True, error_model="numpy")
def ssvi_slice(theta: float, rho: float, phi: float) -> np.ndarray:
    """Return the raw SVI slice (5,) of variance theta at the money, skew rho and bend phi.

    >>> slice_ = ssvi_slice(0.04, -0.3, 2.0)
    >>> bool(abs(slice_[0] + slice_[1] * (math.hypot(slice_[3], slice_[4]) - slice_[2] * slice_[3]) - 0.04) < 1e-15)
    True
    """
    out = np.empty(5)
    out[0] = 0.5 * theta * (1.0 - rho * rho)
    out[1] = 0.5 * theta * phi
    out[2] = rho
    out[3] = -rho / phi
    out[4] = math.sqrt(1.0 - rho * rho) / phi
    return out


def _surface(point: Vector) -> Ssvi:
    """Return the surface of free parameters: atanh rho, logits of eta and gamma within their bounds, logs of the rises."""
    rho = RHO_MAX * math.tanh(float(point[0]))
    eta = max(ETA_SHARE_MAX * 2.0 / (1.0 + abs(rho)) * _logistic(float(point[1])), ETA_MIN)
    gamma = max(GAMMA_MAX * _logistic(float(point[2])), GAMMA_MIN)
    return Ssvi(rho=rho, eta=eta, gamma=gamma, thetas=np.cumsum(np.exp(np.minimum(point[3:], LOG_RISE_MAX))))


def _logistic(x: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * x))


def _variances(k: Vector, surface: Ssvi, expiry: NDArray[np.int64]) -> Vector:
    phi = np.array([power_law(theta, surface.eta, surface.gamma) for theta in surface.thetas])[expiry]
    x = phi * k + surface.rho
    root = np.sqrt(x * x + 1.0 - surface.rho * surface.rho)
    return 0.5 * surface.thetas[expiry] * (1.0 + surface.rho * phi * k + root)
