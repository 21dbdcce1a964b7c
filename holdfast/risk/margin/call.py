"""Margin call: how likely within an hour and a day, and how long until then, if prices move as forecast.

Rules:

1. The log price has no drift. Barriers are the liquidation prices, both at once: `call_probability` and `call_hours` are
   exact for an account whose call depends on one asset's price alone.
2. A forecast with fat tails (`degrees` finite) is one whose variance is uncertain: the normal answer averaged over an
   inverse chi-square factor of mean one, so that returns over any horizon are Student-t with that variance.
3. `simulated_call` walks spot and volatility together and asks the model itself, tabulated on a grid of both; between two
   steps the chance of a dip is that of a Brownian bridge. The same seed gives the same answer.

Source: Borodin, Salminen (2002), first exit of Brownian motion from an interval.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from statistics import NormalDist
from typing import Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.margin.liquidation import LiquidationPrices, factors_of
from holdfast.risk.margin.moves import MovedAccount
from holdfast.risk.missing import Missing

HOURS_YEAR: Final = 365.0 * 24.0
HORIZONS_HOURS: Final = (1.0, 24.0)
QUANTILES: Final = (0.05, 0.25, 0.5)
IMAGES: Final = 12
MIXTURE_POINTS: Final = 200
PATHS: Final = 2_000
STEPS_HOUR: Final = 16
STEPS_REST: Final = 64
GRID_MOVES: Final = 33
GRID_VOLATILITIES: Final = (0.6, 1.0, 1.6)
GRID_WIDTH: Final = 5.0  # standard deviations of a day, more where tails are fat
_NORMAL: Final = NormalDist()


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What prices are expected to do. Units: volatility a fraction a year; degrees of freedom, infinite for normal.

    `volatility_of_volatility` of the log of volatility, a year; `correlation` of spot with volatility.
    Raises: CallerError `forecast.wrong` where one of them is no such number.
    """

    volatility: float
    degrees: float = math.inf
    volatility_of_volatility: float = 0.0
    correlation: float = 0.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.volatility < math.inf and 0.0 <= self.volatility_of_volatility < math.inf):
            raise CallerError("forecast.wrong", "a volatility is not a number from zero up", where="forecast")
        if not (self.degrees > 2.0 and -1.0 <= self.correlation <= 1.0):
            raise CallerError(
                "forecast.wrong",
                "degrees must be above 2 and a correlation within -1 and 1",
                where="forecast",
            )


class CallOdds(msgspec.Struct, frozen=True, kw_only=True):
    """How likely a call is. Units: probabilities by horizon in `horizons_hours`; hours by quantile, infinite for never."""

    horizons_hours: tuple[float, ...]
    probabilities: tuple[float, ...]
    quantiles: tuple[float, ...] = ()
    hours: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()

    @property
    def median_hours(self) -> float:
        """Return the time within which a call is as likely as not, infinite where no price would cause one."""
        return self.hours[self.quantiles.index(0.5)] if 0.5 in self.quantiles else math.inf


def call_odds(
    prices: LiquidationPrices, forecast: Forecast, horizons_hours: Sequence[float] = HORIZONS_HOURS
) -> CallOdds:
    """Return the odds of a call from liquidation prices; an account already below is called at once."""
    below, above = _barriers(prices)
    return CallOdds(
        horizons_hours=tuple(horizons_hours),
        probabilities=tuple(call_probability(below, above, forecast, hours) for hours in horizons_hours),
        quantiles=QUANTILES,
        hours=tuple(call_hours(below, above, forecast, quantile) for quantile in QUANTILES),
    )


def call_probability(below: float, above: float, forecast: Forecast, hours: float) -> float:
    """Return the probability that the log price leaves (-below, above) within some hours. Units: barriers positive logs.

    >>> flat = Forecast(volatility=0.876)
    >>> round(call_probability(0.01, math.inf, flat, 1.0), 4)  # 2 Phi(-0.01 / 0.00936)
    0.2853
    """
    if below <= 0.0 or above <= 0.0:
        return 1.0
    deviation = forecast.volatility * math.sqrt(max(hours, 0.0) / HOURS_YEAR)
    if deviation <= 0.0:
        return 0.0
    if math.isinf(forecast.degrees):
        return float(_exit_probability(below, above, deviation))
    return float(_average(below, above, deviation, *_mixture(forecast.degrees)))


def call_hours(below: float, above: float, forecast: Forecast, quantile: float) -> float:
    """Return the hours within which a call comes with a given probability; infinite where none can come."""
    if below <= 0.0 or above <= 0.0:
        return 0.0
    if (math.isinf(below) and math.isinf(above)) or forecast.volatility <= 0.0:
        return math.inf
    low = high = 1.0
    while call_probability(below, above, forecast, high) < quantile:
        high *= 4.0
        if high > 1e12:
            return math.inf
    while call_probability(below, above, forecast, low) >= quantile:
        low /= 4.0
        if low < 1e-12:
            return low
    for _ in range(60):
        middle = math.sqrt(low * high)
        if call_probability(below, above, forecast, middle) < quantile:
            low = middle
        else:
            high = middle
        if high / low < 1.0 + 1e-9:
            break
    return high


def simulated_call(
    account: MovedAccount,
    asset: str,
    forecast: Forecast,
    *,
    seed: int,
    betas: Mapping[str, float] | None = None,
    horizons_hours: tuple[float, float] = HORIZONS_HOURS,
    paths: int = PATHS,
) -> CallOdds | Missing:
    """Return the odds of a call of an account of options, spot and volatility moving together.

    Cost: 99 measurements and 160,000 steps at 2,000 paths. `errors` are standard errors.
    """
    if not forecast.volatility > 0.0:
        return Missing(
            asset, "forecast.absent", "the forecast volatility is not above zero", "give a forecast"
        )
    tail = 1.0 if math.isinf(forecast.degrees) else 1.6
    width = GRID_WIDTH * tail * forecast.volatility * math.sqrt(horizons_hours[1] / HOURS_YEAR)
    moves = np.linspace(-width, width, GRID_MOVES)
    walks = account.has_options and forecast.volatility_of_volatility > 0.0
    shifts = np.log(GRID_VOLATILITIES) if walks else np.zeros(1)
    table = np.array(
        [
            [account.headroom(factors_of(asset, move, betas), math.exp(shift)) for shift in shifts]
            for move in moves.tolist()
        ]
    )
    first, last = horizons_hours
    times = np.concatenate(
        (np.linspace(0.0, first, STEPS_HOUR + 1), np.linspace(first, last, STEPS_REST + 1)[1:])
    )
    draws = generator(seed)
    half = draws.standard_normal((max(paths // 2, 1), times.size - 1, 2))
    normals = np.concatenate((half, -half))
    scales = np.ones(normals.shape[0])
    if not math.isinf(forecast.degrees):
        chi = draws.chisquare(forecast.degrees, half.shape[0])
        scales = np.tile(np.sqrt((forecast.degrees - 2.0) / chi), 2)
    alive = np.ones((normals.shape[0], 2))
    _walk(
        moves, shifts, table, np.diff(times) / HOURS_YEAR, normals, scales, forecast.volatility,
        forecast.volatility_of_volatility if walks else 0.0, forecast.correlation, STEPS_HOUR, alive,
    )  # fmt: skip
    called = 1.0 - alive
    pairs = 0.5 * (called[: half.shape[0]] + called[half.shape[0] :])
    errors = pairs.std(axis=0) / math.sqrt(pairs.shape[0])
    return CallOdds(
        horizons_hours=horizons_hours,
        probabilities=tuple(called.mean(axis=0).tolist()),
        errors=tuple(errors.tolist()),
    )


def _barriers(prices: LiquidationPrices) -> tuple[float, float]:
    if prices.headroom <= 0.0:
        return 0.0, 0.0
    below = math.inf if isinstance(prices.down, Missing) else -prices.down.distance
    above = math.inf if isinstance(prices.up, Missing) else prices.up.distance
    return below, above


@njit(cache=True)
def _exit_probability(below: float, above: float, deviation: float) -> float:
    """Return the probability that a driftless normal walk of this deviation leaves (-below, above) on its way."""
    if math.isinf(below) and math.isinf(above):
        return 0.0
    scale = math.sqrt(0.5) / deviation
    if math.isinf(below) or math.isinf(above):
        return math.erfc(min(below, above) * scale)
    width = below + above
    total, sign = 0.0, 1.0
    if deviation > width:  # long after: the slowest decay says it all
        decay, frequency = 0.5 * (math.pi * deviation / width) ** 2, math.pi * below / width
        for n in range(1, 2 * IMAGES, 2):
            total += 4.0 / (math.pi * n) * math.sin(n * frequency) * math.exp(-n * n * decay)
        return min(max(1.0 - total, 0.0), 1.0)
    # hits of each barrier, less those that go on to the other one, plus those that come back again, and so on
    for turn in range(IMAGES):
        total += sign * (
            math.erfc((below + turn * width) * scale) + math.erfc((above + turn * width) * scale)
        )
        sign = -sign
    return min(max(total, 0.0), 1.0)


@njit(cache=True)
def _average(below: float, above: float, deviation: float, factors: np.ndarray, weights: np.ndarray) -> float:
    """Return the exit probability averaged over factors of the deviation."""
    total = 0.0
    for number in range(factors.shape[0]):
        total += weights[number] * _exit_probability(below, above, deviation * factors[number])
    return total


@cache
def _mixture(degrees: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return factors of the deviation and their weights: sqrt((degrees - 2) / chi-square), on a grid of its logarithm.

    Callers must not write into them.
    """
    grid = np.linspace(-45.0, 8.0, MIXTURE_POINTS) / math.sqrt(degrees) + math.log(degrees)
    logs = 0.5 * degrees * grid - 0.5 * np.exp(
        grid
    )  # chi-square's density times its argument, up to a constant
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    factors = np.sqrt((degrees - 2.0) / np.exp(grid))
    return factors, weights


@njit(cache=True)
def _lookup(x: float, grid: np.ndarray) -> tuple[int, float]:
    """Return the cell of an even grid that x is in and its place there; beyond the ends the last cell goes on."""
    if grid.shape[0] == 1:
        return 0, 0.0
    cell = int(np.searchsorted(grid, x)) - 1
    cell = min(max(cell, 0), grid.shape[0] - 2)
    return cell, (x - grid[cell]) / (grid[cell + 1] - grid[cell])


@njit(cache=True)
def _walk(
    moves: np.ndarray, shifts: np.ndarray, table: np.ndarray, years: np.ndarray, normals: np.ndarray, scales: np.ndarray,
    volatility: float, vol_of_vol: float, correlation: float, steps_first: int, alive: np.ndarray,
) -> None:  # fmt: skip
    """Walk each path and keep the chance that it was never called, at the first horizon and at the last."""
    other = math.sqrt(max(1.0 - correlation * correlation, 0.0))
    for path in range(normals.shape[0]):
        x, v, survival = 0.0, 0.0, 1.0
        before, broke = 0.0, 0
        for step in range(years.shape[0] + 1):
            i, s = _lookup(x, moves)
            j, t = _lookup(v, shifts)
            k = min(j + 1, shifts.shape[0] - 1)
            near = (1.0 - s) * table[i, j] + s * table[i + 1, j]
            far = (1.0 - s) * table[i, k] + s * table[i + 1, k]
            now = (1.0 - t) * near + t * far
            if step > 0 and survival > 0.0:
                if now <= 0.0 or before <= 0.0:
                    survival = 0.0
                else:
                    gap = moves[i + 1] - moves[i]
                    by_x = (
                        (1.0 - t) * (table[i + 1, j] - table[i, j]) + t * (table[i + 1, k] - table[i, k])
                    ) / gap
                    by_v = (far - near) / (shifts[k] - shifts[j]) if k > j else 0.0
                    local = volatility * scales[path] * math.exp(v)
                    along = by_x * local + by_v * vol_of_vol * correlation
                    across = by_v * vol_of_vol * other
                    variance = (along * along + across * across) * years[step - 1]
                    if variance > 0.0:
                        survival *= 1.0 - math.exp(-2.0 * before * now / variance)
            if step == steps_first:
                alive[path, 0] = survival
            before, broke = now, step
            if step == years.shape[0] or survival == 0.0:
                break
            root = math.sqrt(years[step])
            first = normals[path, step, 0]
            x += volatility * scales[path] * math.exp(v) * root * first
            v += vol_of_vol * root * (correlation * first + other * normals[path, step, 1])
        if survival == 0.0 and broke < steps_first:
            alive[path, 0] = 0.0
        alive[path, 1] = survival
