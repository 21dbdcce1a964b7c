"""Outlook: how far prices may move, whether VaR was right before, and what each account may come to owe the desk.

Rules:

1. Moves come from draws of a history where there is one, else from what options imply; what was assumed is told in `notes`.
2. The backtest holds today's portfolio over the past: its profit at every step, against a VaR known before the step.
3. An account is a netting set: claims are of its positions, without balances.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.clock import HOUR_NS, MINUTE_NS
from holdfast.risk.credit.exposure import Profile, expose, profile
from holdfast.risk.credit.paths import Paths, simulate
from holdfast.risk.forecast.base import VolatilityForecast
from holdfast.risk.forecast.ewma import MEMORY, ewma_variances
from holdfast.risk.legs import CASH, Legs
from holdfast.risk.market import RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.revalue import profits
from holdfast.risk.var.backtest import rolling
from holdfast.risk.var.backtest.table import Row, judge
from holdfast.risk.var.historical import sample_of
from holdfast.risk.var.returns import Panel
from holdfast.risk.var.sample import Sample, covered, shocks_of

LEVELS: Final = (0.95, 0.99)
WINDOW_MIN: Final = 125
WINDOW_MAX: Final = 500
DATES_DAYS: Final = (1, 2, 3, 5, 7, 10, 14, 21, 30)
EXPOSURE_PATHS: Final = 4_000
DAYS_YEAR: Final = 365.0
CORRELATION_ELSE: Final = 0.8  # of two coins that no history shows together: in a fall they go together
IMPLIED_DAYS: Final = 30.0


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """A day's covariance of log spot moves, then of relative volatility moves. Shape: covariance (2 x assets,) squared."""

    assets: tuple[str, ...]
    covariance: NDArray[np.float64]
    notes: tuple[Missing, ...] = ()

    def volatility(self, asset: str) -> float:
        """Return the volatility of a price a year."""
        number = self.assets.index(asset)
        return float(np.sqrt(self.covariance[number, number] * DAYS_YEAR))

    def correlation(self, first: str, second: str) -> float:
        """Return the correlation of two prices."""
        i, j = self.assets.index(first), self.assets.index(second)
        return float(self.covariance[i, j] / np.sqrt(self.covariance[i, i] * self.covariance[j, j]))


def moves_of(
    legs: Legs,
    market: RiskMarket,
    samples: Sequence[Sample | Missing],
    forecasts: Mapping[str, VolatilityForecast | Missing],
    still: frozenset[str],
) -> Moves | Missing:
    """Return how the assets of the legs move in a day; `still` names those that are held at their price."""
    wanted = tuple(asset for asset in legs.assets[1:] if asset not in still)
    if not wanted:
        return Missing("moves", "moves.none", "nothing held moves against the base currency")
    known = [one for one in samples if isinstance(one, Sample) and set(wanted) <= set(one.assets)]
    best = next((one for one in known if all(one.moves_volatility)), next(iter(known), None))
    if best is not None:
        return _drawn(best, wanted)
    return _implied(legs, wanted, market, forecasts)


def _drawn(sample: Sample, wanted: tuple[str, ...]) -> Moves:
    """Return the covariance of draws, scaled to a day."""
    columns = [sample.assets.index(asset) for asset in wanted]
    size = len(wanted)
    scale = 1.0 / (DAYS_YEAR * sample.horizon_years)
    covariance = np.zeros((2 * size, 2 * size))
    spots = sample.spot_log[:, columns]
    if all(sample.moves_volatility):
        both = np.column_stack((spots, sample.volatility_shift[:, columns]))
        return Moves(assets=wanted, covariance=_positive(np.cov(both.T) * scale))
    covariance[:size, :size] = np.cov(spots.T).reshape(size, size) * scale
    covariance[size:, size:] = np.diag(np.diag(covariance)[:size])
    return Moves(assets=wanted, covariance=_positive(covariance), notes=(_ASSUMED_VOLATILITY,))


_ASSUMED_VOLATILITY: Final = Missing(
    "volatility moves",
    "covariance.assumed",
    "no history of them: a day's relative move is taken as large as the price's, and apart from it",
)


def _implied(
    legs: Legs,
    wanted: tuple[str, ...],
    market: RiskMarket,
    forecasts: Mapping[str, VolatilityForecast | Missing],
) -> Moves | Missing:
    """Return moves as large as forecasts, else options, say; together by an assumed correlation."""
    daily: list[float] = []
    for asset in wanted:
        forecast, surface = forecasts.get(asset), market.surfaces.get(asset)
        if isinstance(forecast, VolatilityForecast):
            volatility = forecast.volatility
        else:
            volatility = surface.volatility(0.0, IMPLIED_DAYS / DAYS_YEAR) if surface else _held(legs, asset)
        if not volatility > 0.0:
            return Missing(
                asset,
                "volatility.absent",
                "neither a history nor options say how far its price moves",
                "give a recording that spans time, or a chain snapshot",
            )
        daily.append(volatility / np.sqrt(DAYS_YEAR))
    size, deviation = len(wanted), np.array(daily)
    correlation = np.full((size, size), CORRELATION_ELSE)
    np.fill_diagonal(correlation, 1.0)
    covariance = np.zeros((2 * size, 2 * size))
    covariance[:size, :size] = correlation * np.outer(deviation, deviation)
    covariance[size:, size:] = np.diag(deviation**2)
    notes = [_ASSUMED_VOLATILITY]
    if size > 1:
        notes.append(
            Missing(
                "correlation",
                "correlation.assumed",
                f"no history of {', '.join(wanted)} together: hedge and exposure profile take {CORRELATION_ELSE:g}",
                "give a recording that spans time",
            )
        )
    return Moves(assets=wanted, covariance=covariance, notes=tuple(notes))


def _held(legs: Legs, asset: str) -> float:
    """Return the median volatility of the options held on an asset, 0 without any."""
    of = legs.legs[legs.legs["asset"] == legs.assets.index(asset)]["volatility"]
    return float(np.median(of[of > 0.0])) if (of > 0.0).any() else 0.0


def backtests(legs: Legs, panel: Panel | Missing, pegs: frozenset[str]) -> tuple[Row | Missing, ...]:
    """Return what the VaR of one step would have been worth for today's portfolio over the history; `pegs` do not move.

    Cost: one revaluation of every leg at every step of the panel.
    """
    if isinstance(panel, Missing):
        return (panel,)
    found = len(panel.ends_ns)
    if found < 2 * WINDOW_MIN:
        reason = f"{found:,} joint returns, fewer than {2 * WINDOW_MIN}"
        return (Missing("backtest", "history.short", reason, "give a longer history"),)
    sample = sample_of(panel, panel.log_returns, 1, "backtest")
    held = covered(legs, sample, constant=pegs)
    gained = profits(held, shocks_of(sample, held, constant=pegs))
    if not gained.any():
        return (Missing("backtest", "history.still", "nothing held moved with the history"),)
    window = min(WINDOW_MAX, found // 2)
    variances = ewma_variances(gained, MEMORY)
    step = (
        f"{panel.step_ns // HOUR_NS} h" if panel.step_ns >= HOUR_NS else f"{panel.step_ns // MINUTE_NS} min"
    )
    return tuple(
        judge(f"desk, {step}", gained, one, ends_ns=panel.ends_ns)
        for level in LEVELS
        for one in (
            rolling.filtered(gained, variances, level, window, window, model="filtered"),
            rolling.historical(gained, level, window, window),
        )
    )


def profiles(legs: Legs, moves: Moves | Missing, *, seed: int) -> tuple[Profile | Missing, ...]:
    """Return by account what its positions may be worth to the desk over the next 30 days, and what it may owe for them."""
    if isinstance(moves, Missing):
        return (moves,)
    paths = _paths(legs, moves, seed)
    found: list[Profile | Missing] = []
    for number, key in enumerate(legs.accounts):
        mine = (legs.legs["account"] == number) & (legs.legs["kind"] != CASH)
        if mine.any():
            exposure = expose(legs, paths, key)
            found += [profile(exposure), *exposure.missing]
    return tuple(found)


def _paths(legs: Legs, moves: Moves, seed: int) -> Paths:
    size = len(legs.assets)
    volatilities, correlation = np.zeros(size), np.eye(size)
    for asset in moves.assets:
        number = legs.assets.index(asset)
        volatilities[number] = moves.volatility(asset)
        for other in moves.assets:
            if other != asset:
                correlation[number, legs.assets.index(other)] = moves.correlation(asset, other)
    times = np.array(DATES_DAYS) / DAYS_YEAR
    return simulate(
        times=times, volatilities=volatilities, correlation=correlation, paths=EXPOSURE_PATHS, seed=seed
    )


def _positive(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a covariance with a hair more on its diagonal, so that two factors that always moved together still differ."""
    return covariance + np.diag(1e-6 * np.maximum(np.diag(covariance), 1e-12))
