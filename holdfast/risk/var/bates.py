"""Bates: one asset whose variance wanders and reverts and whose price jumps, calibrated from its own returns.

d log S = (-v/2 - a_year (E[e^J] - 1)) dt + sqrt(v) dW + J dN, J normal;
dv = reversion (mean_variance - v) dt + volatility_of_variance sqrt(v) dZ, corr(dW, dZ) = correlation.

Rules:

1. The price is a martingale: a risk model of an hour to ten days has no view on direction.
2. Calibration is by moments, each stated below, each within limits: a start for judgement, not a fit of option prices
   (`surface/` has that). What could not be told from the history is in `notes`.
3. Simulation is Andersen's quadratic-exponential scheme, a day at most a step.

Source: Bates (1996), Jumps and stochastic volatility; Andersen (2008), Simple and efficient simulation of the Heston model.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.risk.draws import Generator
from holdfast.risk.market import YEAR_NS
from holdfast.risk.missing import Missing
from holdfast.risk.shock import REFERENCE_YEARS
from holdfast.risk.var.historical import short
from holdfast.risk.var.jumps import Jumps, jumped, jumps_of
from holdfast.risk.var.returns import Panel

ROWS_MIN: Final = 120
LAGS_SHARE: Final = 0.1  # of the history, over which squared returns are correlated
REVERSION_MIN: Final = 2.0  # a year: a half-life of four months
REVERSION_STEP_MAX: Final = 0.1  # a step: what is gone within ten returns is their noise, not their variance
RATES: Final = 40
SPREAD_MAX: Final = 4.0  # of variance's stationary variance over its mean squared
CORRELATION_MAX: Final = 0.95
STEP_YEARS: Final = 1.0 / 365.0
QE_SWITCH: Final = 1.5


class Bates(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters. Units: variances and reversion a year."""

    variance: float
    mean_variance: float
    reversion: float
    volatility_of_variance: float
    correlation: float
    jumps: Jumps = Jumps()
    notes: tuple[str, ...] = ()

    @property
    def compensator(self) -> float:
        """Return what jumps add to the price a year, which the drift takes back."""
        return self.jumps.a_year * math.expm1(self.jumps.mean + 0.5 * self.jumps.deviation**2)

    def shift(self, variance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the relative change of the expected 30-day volatility from today's, where variance has come to this."""
        held = -math.expm1(-self.reversion * REFERENCE_YEARS) / (self.reversion * REFERENCE_YEARS)
        always = self.mean_variance * (1.0 - held) + self.jumps.mean_square
        then, today = variance * held + always, self.variance * held + always
        return np.sqrt(then / today) - 1.0


def calibrated(panel: Panel, asset: str) -> Bates | Missing:
    """Calibrate one asset's parameters from its column, and from its volatility's where the panel has one.

    Jumps: see `jumps.py`. mean_variance: mean square of the other returns; variance: their EWMA. reversion and
    volatility_of_variance: how the autocovariance of their squares decays, and how large it is. correlation: with the
    changes of the volatility history, else from the covariance of returns with later squares.
    Limits: a history without a jump gives none; a day of minutes knows nothing of reversion over weeks.
    """
    column = panel.column(asset)
    if column < 0:
        return Missing(asset, "returns.absent", "no history of its price", "give its prices")
    refused = short(panel, asset, ROWS_MIN)
    if refused is not None:
        return refused
    step_years = panel.step_ns / YEAR_NS
    seen = panel.log_returns[:, column]
    apart = jumped(seen - seen.mean())
    calm = np.where(apart, 0.0, seen - seen.mean())
    mean_variance = float(calm @ calm) / int((~apart).sum()) / step_years
    jumps, about_jumps = jumps_of(seen[apart], len(seen) * step_years, asset)
    notes = list(about_jumps)
    reversion, spread = _wander(calm**2 / step_years, mean_variance, step_years, notes, asset)
    most = math.sqrt(2.0 * reversion * SPREAD_MAX * mean_variance)
    wander = math.sqrt(2.0 * reversion * spread * mean_variance)
    volatile = panel.column(asset, "volatility")
    if volatile >= 0:
        correlation = float(np.corrcoef(seen[~apart], panel.log_returns[~apart, volatile])[0, 1])
    else:
        correlation = _leverage(calm, reversion, wander, mean_variance, step_years)
    recent = 0.94 ** np.arange(len(calm))[::-1] * ~apart
    return Bates(
        variance=max(float(recent @ calm**2 / recent.sum()) / step_years, 0.01 * mean_variance),
        mean_variance=mean_variance,
        reversion=reversion,
        volatility_of_variance=min(max(wander, 0.01 * most), most),
        correlation=min(max(correlation, -CORRELATION_MAX), CORRELATION_MAX),
        jumps=jumps,
        notes=tuple(notes),
    )


def simulate(
    model: Bates, horizon_years: float, paths: int, draws: Generator, *, step_years: float = STEP_YEARS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return log moves of the price and relative shifts of the 30-day volatility at the horizon. Shape: (paths,) each.

    Cost: about 60 ns a path and step.
    """
    steps = max(math.ceil(horizon_years / step_years - 1e-9), 1)
    step = horizon_years / steps
    move = np.zeros(paths)
    variance = np.full(paths, model.variance)
    for _ in range(steps):
        normals = draws.standard_normal((2, paths))
        uniform = draws.random(paths)
        _step(
            move, variance, normals, uniform, step, model.mean_variance, model.reversion,
            model.volatility_of_variance, model.correlation,
        )  # fmt: skip
    # jumps do not feel the variance: they may all be drawn at once
    move += model.jumps.draw(horizon_years, paths, draws) - model.compensator * horizon_years
    return move, model.shift(variance)


@njit(cache=True)
def _step(
    move: np.ndarray, variance: np.ndarray, normals: np.ndarray, uniform: np.ndarray, step: float, mean: float,
    reversion: float, wander: float, correlation: float,
) -> None:  # fmt: skip
    held = math.exp(-reversion * step)
    by_start = wander * wander * held / reversion * (1.0 - held)
    by_mean = mean * wander * wander / (2.0 * reversion) * (1.0 - held) ** 2
    ratio = correlation / wander
    half = 0.5 * step * (reversion * ratio - 0.5)
    own = 0.5 * step * (1.0 - correlation * correlation)
    for path in range(move.shape[0]):
        before = variance[path]
        centre = mean + (before - mean) * held
        psi = (before * by_start + by_mean) / (centre * centre)
        if psi <= QE_SWITCH:
            inverse = 2.0 / psi
            square = inverse - 1.0 + math.sqrt(inverse * (inverse - 1.0))
            after = centre / (1.0 + square) * (math.sqrt(square) + normals[1, path]) ** 2
        else:
            zero = (psi - 1.0) / (psi + 1.0)
            after = 0.0
            if uniform[path] > zero:
                after = math.log((1.0 - zero) / (1.0 - uniform[path])) * centre / (1.0 - zero)
        variance[path] = after
        drift = -ratio * reversion * mean * step + (half - ratio) * before + (half + ratio) * after
        move[path] += drift + math.sqrt(own * (before + after)) * normals[0, path]


def _wander(
    squares: NDArray[np.float64], mean: float, step_years: float, notes: list[str], asset: str
) -> tuple[float, float]:
    """Return reversion, and the stationary variance of variance over its mean squared, from the squares' autocovariance.

    It decays as spread x exp(-reversion x lag): least squares over a grid of rates, the spread in closed form for each.
    """
    centred = squares - mean
    lags = np.arange(1, max(int(LAGS_SHARE * len(squares)), 4) + 1)
    sizes = np.array([float(centred[lag:] @ centred[:-lag]) / (len(squares) - lag) for lag in lags])
    fastest = max(REVERSION_STEP_MAX / step_years, 2.0 * REVERSION_MIN)
    rates = np.geomspace(REVERSION_MIN, fastest, RATES)
    decays = np.exp(-rates[:, None] * step_years * lags)
    spreads = np.maximum(decays @ sizes / (decays**2).sum(axis=1), 0.0)
    best = int((spreads**2 * (decays**2).sum(axis=1)).argmax())  # what each rate explains
    if spreads[best] == 0.0:
        notes.append(f"variance of {asset} does not cluster in its history: it is taken as constant")
        return float(fastest), 0.0
    if best in (0, RATES - 1):
        notes.append(f"reversion of variance of {asset} is at its limit, {rates[best]:.3g} a year")
    return float(rates[best]), min(float(spreads[best]) / mean**2, SPREAD_MAX)


def _leverage(
    calm: NDArray[np.float64], reversion: float, wander: float, mean: float, step_years: float
) -> float:
    """Return the correlation from covariances of a return with later squares, zero where chance would do as well.

    Each is correlation x wander x mean x step^2 x exp(-reversion x lag).
    """
    lags = min(max(round(1.0 / (reversion * step_years)), 1), len(calm) // 4)
    squares = calm**2 - mean * step_years
    seen = sum(float(calm[:-lag] @ squares[lag:]) / len(calm) for lag in range(1, lags + 1))
    by_chance = math.sqrt(lags / len(calm)) * float(calm.std()) * float(squares.std())
    decay = float(np.exp(-reversion * step_years * (np.arange(lags) + 0.5)).sum())
    unit = wander * mean * step_years**2 * decay
    return seen / unit if unit > 0.0 and abs(seen) > 2.0 * by_chance else 0.0
