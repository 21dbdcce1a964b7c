"""SABR: the smile of dF = alpha F^beta dW, d alpha = nu alpha dZ, by Hagan's expansion as Obloj corrected it.

Rules:

1. beta is given (1 by default: lognormal, and alpha is a volatility); alpha, rho and nu are fitted.
2. Errors are in half-spreads of the quotes and robust, as in `svi.py`.
3. The expansion is not a model of its own: far out of the money, at low strikes and long expiries first, its density is
   negative, so butterflies are for sale. `free_range` says where it begins; only within may its volatilities be used.

Source: Hagan, Kumar, Lesniewski, Woodward (2002), Managing smile risk; Obloj (2008), Fine-tune your smile.
Limits: an expansion in nu^2 x years: poor where that is above about 1.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.surface.gauss_newton import least_errors

QUOTES_MIN: Final = 3
REACH: Final = 10.0  # deviations to each side that the range is looked for in
_POINTS = 2_001

Vector = NDArray[np.float64]


class Sabr(msgspec.Struct, frozen=True, kw_only=True):
    """One expiry's smile. Units: alpha in quote units^(1 - beta) a root year, nu a root year; forward in quote units."""

    alpha: float
    beta: float
    rho: float
    nu: float
    forward: float
    years: float

    def volatilities(self, strikes: Vector) -> Vector:
        """Return the volatility at strikes above zero. Shape: (n,) for (n,).

        >>> flat = Sabr(alpha=0.5, beta=1.0, rho=0.0, nu=1e-9, forward=100.0, years=0.5)
        >>> flat.volatilities(np.array([80.0, 100.0, 125.0])).round(12).tolist()
        [0.5, 0.5, 0.5]
        """
        log = np.log(self.forward / strikes)
        power = 1.0 - self.beta
        middle = (self.forward * strikes) ** (0.5 * power)
        distance = (self.forward**power - strikes**power) / power if power > 1e-8 else log
        zeta = self.nu / self.alpha * distance
        root = np.sqrt(1.0 - 2.0 * self.rho * zeta + zeta * zeta)
        chi = np.log((root + zeta - self.rho) / (1.0 - self.rho))
        near = np.abs(zeta) < 1e-5  # the ratio by its series, where both are nothing
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(near, 1.0 - 0.5 * self.rho * zeta, zeta / chi)
            flat = np.where(np.abs(log) < 1e-9, self.alpha / middle, self.alpha * log / distance)
        drift = power * power / 24.0 * (self.alpha / middle) ** 2
        drift = drift + 0.25 * self.rho * self.nu * self.beta * self.alpha / middle
        drift = drift + (2.0 - 3.0 * self.rho * self.rho) / 24.0 * self.nu * self.nu
        return flat * ratio * (1.0 + drift * self.years)

    def free_range(self) -> tuple[float, float]:
        """Return the strikes between which no butterfly is for sale, looked for within REACH deviations of the forward.

        Source: Durrleman's g >= 0, with the variance differentiated on a grid.
        """
        at_money = float(self.volatilities(np.array([self.forward]))[0]) * math.sqrt(self.years)
        k = np.linspace(-REACH, REACH, _POINTS) * at_money
        with np.errstate(invalid="ignore"):
            variance = self.volatilities(self.forward * np.exp(k)) ** 2 * self.years
        first = np.gradient(variance, k)
        second = np.gradient(first, k)
        with np.errstate(invalid="ignore", divide="ignore"):
            u = 1.0 - 0.5 * k * first / variance
            g = u * u - 0.25 * first * first * (1.0 / variance + 0.25) + 0.5 * second
        bad = ~(g >= 0.0)
        centre = _POINTS // 2
        below, above = np.flatnonzero(bad[:centre]), np.flatnonzero(bad[centre:])
        low = k[below[-1] + 1] if len(below) else k[0]
        high = k[centre + above[0] - 1] if len(above) else k[-1]
        return self.forward * math.exp(low), self.forward * math.exp(high)


def fit_sabr(
    strikes: Vector, bid: Vector, mid: Vector, ask: Vector, *, forward: float, years: float, beta: float = 1.0
) -> Sabr:
    """Fit a smile to the volatilities of bids, mids and asks of one expiry.

    Shape: all (n,). Raises: CallerError `smile.too_few`, `smile.crossed` (not bid < mid < ask, or NaN), `sabr.beta` outside
    0 to 1. Cost: about 6 milliseconds.
    """
    if len(strikes) < QUOTES_MIN:
        raise CallerError("smile.too_few", f"{len(strikes)} quotes where {QUOTES_MIN} are needed")
    if not np.all((bid < mid) & (mid < ask)):
        raise CallerError("smile.crossed", "a bid is not below its mid, or an ask not above it")
    if not 0.0 <= beta <= 1.0:
        raise CallerError("sabr.beta", f"beta {beta:g} is not between 0 and 1")
    at_money = float(mid[int(np.argmin(np.abs(np.log(strikes / forward))))])

    def smile(point: Vector) -> Sabr:
        return Sabr(
            alpha=math.exp(float(point[0])), beta=beta, rho=math.tanh(float(point[1])),
            nu=math.exp(float(point[2])), forward=forward, years=years,
        )  # fmt: skip

    def errors(point: Vector) -> Vector:
        error = smile(point).volatilities(strikes) - mid
        return error / np.where(error > 0.0, ask - mid, mid - bid)

    start = np.array([math.log(at_money * forward ** (1.0 - beta)), 0.0, -0.5 * math.log(max(years, 1e-3))])
    return smile(least_errors(errors, start))
