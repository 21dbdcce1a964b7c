"""Bates: one asset whose variance wanders and reverts and whose price jumps, calibrated from its own returns.

d log S = (-v/2 - jumps_a_year (E[e^J] - 1)) dt + sqrt(v) dW + J dN, J normal;
dv = reversion (mean_variance - v) dt + volatility_of_variance sqrt(v) dZ, corr(dW, dZ) = correlation.

Rules:

1. The price is a martingale: a risk model of an hour to ten days has no view on direction.
2. Calibration is by moments, each stated below, each within limits: a start for judgement, not a fit of option prices
   (`surface/` has that). What could not be told from the history is in `notes`.
3. Simulation is Andersen's quadratic-exponential scheme, a day at most a step.

Source: Bates (1996); Andersen (2008), Simple and efficient simulation of the Heston model; Lee, Mykland (2008), Jumps in
financial markets, for the detection.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numba import njit
from numpy.random import Generator
from numpy.typing import NDArray

from holdfast.risk.market import YEAR_NS
from holdfast.risk.missing import Missing
from holdfast.risk.shock import REFERENCE_YEARS
from holdfast.risk.var.returns import Panel

WINDOW: Final = 60  # returns whose bipower variation is the local variance that a jump stands out from
GUMBEL_99: Final = 4.600149  # one false jump in a hundred histories of that length (Lee, Mykland)
FLOOR: Final = 0.1  # of the history's own deviation: a market at rest is not one where everything is a jump
LAGS_SHARE: Final = 0.1  # of the history, over which squared returns are correlated
REVERSION_MIN: Final = 2.0  # a year: a half-life of four months
REVERSION_STEP_MAX: Final = 0.5  # a step: faster is noise of one return
RATES: Final = 40
SPREAD_MAX: Final = 4.0  # of variance's stationary variance over its mean squared
CORRELATION_MAX: Final = 0.95
JUMPS_MIN: Final = 3  # below, their deviation is taken from their size
STEP_YEARS: Final = 1.0 / 365.0
QE_SWITCH: Final = 1.5


class Bates(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters. Units: variances, reversion and jumps a year; jump sizes natural logs of the price."""

    variance: float
    mean_variance: float
    reversion: float
    volatility_of_variance: float
    correlation: float
    jumps_a_year: float = 0.0
    jump_mean: float = 0.0
    jump_deviation: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def compensator(self) -> float:
        """Return what the mean jump adds to the price, which the drift takes back: jumps_a_year (E[e^J] - 1)."""
        return self.jumps_a_year * math.expm1(self.jump_mean + 0.5 * self.jump_deviation**2)

    def shift(self, variance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the relative change of the expected 30-day volatility from today's, where variance has come to this."""
        held = -math.expm1(-self.reversion * REFERENCE_YEARS) / (self.reversion * REFERENCE_YEARS)
        jumps = self.jumps_a_year * (self.jump_mean**2 + self.jump_deviation**2)
        today = self.mean_variance + (self.variance - self.mean_variance) * held + jumps
        then = self.mean_variance + (variance - self.mean_variance) * held + jumps
        return np.sqrt(then / today) - 1.0


def calibrated(panel: Panel, asset: str) -> Bates | Missing:
    """Calibrate one asset's parameters from its column, and from its volatility's where the panel has one.

    Jumps: returns beyond the Lee-Mykland bound of the local bipower deviation. mean_variance: mean square of the rest.
    variance: their EWMA. reversion and volatility_of_variance: how the autocovariance of their squares decays and how large
    it is; where a volatility history is there, from the size of its changes instead. correlation: with the changes of
    volatility, else from the covariance of returns with later squares.
    Limits: a history without a jump gives none; a day of minutes knows nothing of reversion over weeks.
    """
    column = panel.column(asset)
    if column < 0:
        return Missing(asset, "returns.absent", "no history of its price", "give its prices")
    step_years = panel.step_ns / YEAR_NS
    returns = panel.log_returns[:, column] - panel.log_returns[:, column].mean()
    if len(returns) < 2 * WINDOW:
        reason = f"{len(returns)} returns, fewer than {2 * WINDOW}"
        return Missing(asset, "history.short", reason, "give a longer history, or a shorter step")
    jumped = _jumped(returns)
    calm = np.where(jumped, 0.0, returns)
    mean_variance = float(calm @ calm) / int((~jumped).sum()) / step_years
    if not mean_variance > 0.0:
        return Missing(asset, "history.still", "its price never moved", "leave it out and name it constant")
    notes: list[str] = []
    jumps = _jumps(panel.log_returns[jumped, column], len(returns) * step_years, notes, asset)
    reversion, spread = _wander(calm**2 / step_years, mean_variance, step_years, notes, asset)
    volatility_of_variance = math.sqrt(2.0 * reversion * spread * mean_variance)
    correlation = _leverage(calm, reversion, volatility_of_variance, mean_variance, step_years)
    volatile = panel.column(asset, "volatility")
    if volatile >= 0:
        changes = panel.log_returns[~jumped, volatile]
        held = -math.expm1(-reversion * REFERENCE_YEARS) / (reversion * REFERENCE_YEARS)
        volatility_of_variance = 2.0 * float(changes.std()) / held * math.sqrt(mean_variance / step_years)
        correlation = float(np.corrcoef(returns[~jumped], changes)[0, 1])
    most = math.sqrt(2.0 * reversion * SPREAD_MAX * mean_variance)
    if volatility_of_variance > most:
        notes.append(f"volatility of variance of {asset} cut from {volatility_of_variance:.3g} to {most:.3g}")
    recent = 0.94 ** np.arange(len(calm))[::-1] * ~jumped
    return Bates(
        variance=max(float(recent @ calm**2 / recent.sum()) / step_years, 0.01 * mean_variance),
        mean_variance=mean_variance,
        reversion=reversion,
        volatility_of_variance=max(min(volatility_of_variance, most), 0.01 * most),
        correlation=min(max(correlation, -CORRELATION_MAX), CORRELATION_MAX),
        jumps_a_year=jumps[0],
        jump_mean=jumps[1],
        jump_deviation=jumps[2],
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
    if model.jumps_a_year > 0.0:  # jumps do not feel variance: they may all be drawn at once
        number = draws.poisson(model.jumps_a_year * horizon_years, paths)
        move += number * model.jump_mean + np.sqrt(number) * model.jump_deviation * draws.standard_normal(
            paths
        )
        move -= model.compensator * horizon_years
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


def _jumped(returns: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which returns stand out from the bipower variation of the window before them (of the first window, in it)."""
    size = np.abs(returns)
    bipower = np.concatenate(([0.0], np.cumsum(size[1:] * size[:-1]))) * math.pi / 2.0
    ends = np.maximum(np.arange(len(returns)) - 1, WINDOW)  # a window that ends before the return it judges
    local = (bipower[ends] - bipower[ends - WINDOW]) / WINDOW
    root = math.sqrt(2.0 * math.log(len(returns)))
    bound = root - (math.log(math.pi) + math.log(math.log(len(returns)))) / (2.0 * root) + GUMBEL_99 / root
    return size > bound * np.sqrt(np.maximum(local, (FLOOR * returns.std()) ** 2))


def _jumps(
    sizes: NDArray[np.float64], years: float, notes: list[str], asset: str
) -> tuple[float, float, float]:
    if len(sizes) == 0:
        notes.append(f"no jump of {asset} in its history: none is drawn")
        return 0.0, 0.0, 0.0
    if len(sizes) < JUMPS_MIN:
        notes.append(f"{len(sizes)} jump of {asset} in its history: drawn to either side")
        return len(sizes) / years, 0.0, float(np.sqrt((sizes**2).mean()))
    return len(sizes) / years, float(sizes.mean()), float(sizes.std(ddof=1))


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
