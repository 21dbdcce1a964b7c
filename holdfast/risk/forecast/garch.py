"""GJR-GARCH with Student t: variance that answers losses more than gains, and returns to its mean (extra `risk`)."""

import math
import warnings
from typing import Final

import msgspec
import numpy as np
from arch import arch_model
from numba import njit
from numpy.typing import NDArray

from holdfast.risk.draws import generator
from holdfast.risk.forecast.base import (
    COVERAGE,
    VolatilityForecast,
    annualised,
    refused,
    steps_of,
)
from holdfast.risk.forecast.ewma import ewma
from holdfast.risk.missing import Missing

MODEL: Final = "garch"
RETURNS_MIN: Final = 250
RETURNS_MAX: Final = 5_000  # newest returns fitted: more cost time and were another regime
MOVED_MIN: Final = (
    0.5  # share of returns that are not zero: a likelihood of ticks that stand still has no maximum
)
DEGREES_MIN: Final = 2.1  # of the Student t: below, its variance says nothing
REVERTING_MAX: Final = 0.9999  # persistence, above which variance has no mean to return to within any horizon
PERSISTENCE_MAX: Final = 1.0001  # an integrated variance and the optimiser's rounding
JUMP_MAX: Final = 50.0  # forecast over sample volatility, beyond which the fit is not believed
PATHS: Final = 2_000
PATH_STEPS_MAX: Final = 2_880
SEED: Final = 20_251_010


class GarchFit(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted recursion: variance' = omega + (alpha + gamma [return < 0]) return^2 + beta variance, in squared returns.

    `degrees` of the Student t of the returns over their volatility.
    """

    omega: float
    alpha: float
    gamma: float
    beta: float
    degrees: float

    @property
    def persistence(self) -> float:
        """Return the share of a variance's distance to its mean that is left after one return."""
        return self.alpha + 0.5 * self.gamma + self.beta


def garch(returns: NDArray[np.float64], interval_s: float, horizon_s: float) -> VolatilityForecast | Missing:
    """Forecast by a fresh fit; where that does not hold, by `ewma`, with the reason in the forecast.

    The interval is simulated: 2,000 paths of the fitted model, seeded, at most 2,880 returns long.
    Cost: 30 to 150 ms, nearly all of it the fit.
    Source: Glosten, Jagannathan and Runkle 1993, Journal of Finance 48(5); Bollerslev 1987 for the Student t.
    Limits: one crash stays in the fit for `RETURNS_MAX` returns; intraday seasons are not modelled.
    """
    steps = steps_of(returns, interval_s, horizon_s)
    missing = refused(MODEL, returns, 1)
    if missing is not None:
        return missing
    fit = fit_garch(returns)
    if isinstance(fit, Missing):
        instead = ewma(returns, interval_s, horizon_s)
        return instead if isinstance(instead, Missing) else msgspec.structs.replace(instead, reason=str(fit))
    following = float(garch_variances(returns[-RETURNS_MAX:], fit)[-1])
    expected = horizon_variance(fit, following, steps)
    volatility = annualised(expected, steps * interval_s)
    simulated = min(steps, PATH_STEPS_MAX)
    draws = generator(SEED).standard_t(fit.degrees, (PATHS, simulated)) * math.sqrt(
        (fit.degrees - 2.0) / fit.degrees
    )
    sums = _paths(draws, following, fit.omega, fit.alpha, fit.gamma, fit.beta)
    tail = 0.5 * (1.0 - COVERAGE)
    low, high = np.sqrt(np.quantile(sums, [tail, 1.0 - tail]) / horizon_variance(fit, following, simulated))
    return VolatilityForecast(
        volatility=volatility,
        low=volatility * float(low),
        high=volatility * float(high),
        model=MODEL,
        interval="simulated",
        interval_s=interval_s,
        horizon_s=horizon_s,
        observations=min(returns.size, RETURNS_MAX),
        parameters={name: getattr(fit, name) for name in fit.__struct_fields__}
        | {"persistence": fit.persistence},
    )


def fit_garch(returns: NDArray[np.float64]) -> GarchFit | Missing:
    """Fit the newest `RETURNS_MAX` returns by maximum likelihood, or say why the fit is not to be trusted.

    Returns are scaled to unit variance first: the likelihood of returns of 1e-4 is flat to the optimiser.
    """
    newest = returns[-RETURNS_MAX:]
    missing = refused(MODEL, newest, RETURNS_MIN)
    if missing is not None:
        return missing
    moved = float((newest != 0.0).mean())
    if moved < MOVED_MIN:
        return _untrusted("garch.still", f"only {moved:.0%} of the returns are not zero", "longer returns")
    scale = float(np.sqrt((newest * newest).mean()))
    model = arch_model(newest / scale, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False)
    for start in (None, np.array([0.05, 0.05, 0.05, 0.87, 5.0])):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit that did not converge is told by its flag, below
            found = model.fit(disp="off", show_warning=False, starting_values=start)
        omega, alpha, gamma, beta, degrees = (float(value) for value in found.params)
        if found.convergence_flag == 0 and all(map(math.isfinite, (omega, alpha, gamma, beta, degrees))):
            break
    else:
        return _untrusted("garch.not_converged", "the likelihood found no maximum", "a longer history")
    if degrees < DEGREES_MIN:
        return _untrusted(
            "garch.tail",
            f"tails of {degrees:.2f} degrees of freedom have hardly a variance",
            "longer returns",
        )
    fit = GarchFit(omega=omega * scale * scale, alpha=alpha, gamma=gamma, beta=beta, degrees=degrees)
    if (
        fit.persistence > PERSISTENCE_MAX
        or not 0.0 < garch_variances(newest, fit)[-1] < (JUMP_MAX * scale) ** 2
    ):
        return _untrusted(
            "garch.explosive",
            f"persistence {fit.persistence:.4f}, no variance to return to",
            "a longer history",
        )
    return fit


def garch_variances(returns: NDArray[np.float64], fit: GarchFit) -> NDArray[np.float64]:
    """Return the variance for each return from those before it, and for the one to come. Shape: (n,) -> (n + 1,).

    Starts from the mean square of the first hundred returns.
    """
    first = float((returns[:100] ** 2).mean())
    return _filter(returns, max(first, fit.omega), fit.omega, fit.alpha, fit.gamma, fit.beta)


def horizon_variance(fit: GarchFit, following: float, steps: int) -> float:
    """Return the expected sum of squared returns over `steps`, the first of which has the variance `following`."""
    kept = fit.persistence
    if kept > REVERTING_MAX:
        return steps * following + 0.5 * steps * (steps - 1) * fit.omega
    mean = fit.omega / (1.0 - kept)
    return steps * mean + (following - mean) * (1.0 - kept**steps) / (1.0 - kept)


def _untrusted(code: str, reason: str, remedy: str) -> Missing:
    return Missing(where=MODEL, code=code, reason=reason, remedy=remedy)


@njit(cache=True)
def _filter(
    returns: np.ndarray, first: float, omega: float, alpha: float, gamma: float, beta: float
) -> np.ndarray:
    variances = np.empty(returns.size + 1)
    variances[0] = first
    for i in range(returns.size):
        up = alpha + (gamma if returns[i] < 0.0 else 0.0)
        variances[i + 1] = omega + up * returns[i] * returns[i] + beta * variances[i]
    return variances


@njit(cache=True)
def _paths(
    draws: np.ndarray, following: float, omega: float, alpha: float, gamma: float, beta: float
) -> np.ndarray:
    """Return the sum of squared returns of each path. Shape: draws (paths, steps) of unit variance."""
    sums = np.zeros(draws.shape[0])
    for path in range(draws.shape[0]):
        variance = following
        for step in range(draws.shape[1]):
            square = variance * draws[path, step] * draws[path, step]
            sums[path] += square
            up = alpha + (gamma if draws[path, step] < 0.0 else 0.0)
            variance = omega + up * square + beta * variance
    return sums
