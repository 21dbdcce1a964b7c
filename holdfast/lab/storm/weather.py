"""The weather of a storm: how price, depth, trading, latency and one venue's drift go over twenty minutes.

The script, in seconds: calm for ten minutes, in which feeds can learn what is usual; a slide; a cascade of
liquidations in which depth evaporates; a rebound; and nervous minutes after it. Every curve is straight
between its points.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.clock import MILLISECOND_NS, SECOND_NS, parse_time_ns

START_NS: Final = parse_time_ns("2026-01-15T12:00:00Z")
LENGTH_S: Final = 1_200
STEP_NS: Final = 100 * MILLISECOND_NS
STEPS: Final = LENGTH_S * SECOND_NS // STEP_NS

GAP_S: Final = 540.0  # changes of one book are lost for half a second, and healed by a snapshot
GAP_LENGTH_S: Final = 0.5
HEALED_S: Final = 546.0
FROZEN_S: Final = (700.0, 862.0)  # asks of one book stand still while the market falls

_MARKET: Final = (
    (0, 0.0),
    (600, 0.0),
    (660, -0.008),
    (750, -0.024),
    (870, -0.125),
    (960, -0.088),
    (1_200, -0.092),
)
_TURBULENCE: Final = (
    (0, 1.0),
    (600, 1.0),
    (640, 2.5),
    (750, 4.0),
    (780, 9.0),
    (870, 9.0),
    (1_000, 4.0),
    (1_200, 3.0),
)
_HALF_SPREAD_BPS: Final = (
    (0, 0.06),
    (600, 0.06),
    (720, 0.4),
    (780, 3.5),
    (870, 5.0),
    (980, 1.2),
    (1_200, 0.4),
)
_DEPTH: Final = ((0, 1.0), (600, 1.0), (700, 0.5), (780, 0.06), (870, 0.02), (980, 0.15), (1_200, 0.35))
_TRADES: Final = (
    (0, 1.0),
    (600, 1.0),
    (660, 3.0),
    (750, 6.0),
    (790, 22.0),
    (870, 26.0),
    (980, 6.0),
    (1_200, 3.0),
)
_SELLERS: Final = ((0, 0.5), (600, 0.5), (630, 0.65), (750, 0.75), (860, 0.86), (880, 0.45), (1_200, 0.5))
_FORCED: Final = ((0, 0.0), (640, 0.0), (700, 0.15), (770, 1.0), (870, 1.0), (940, 0.2), (1_000, 0.0))
_INTEREST: Final = ((0, 1.0), (640, 1.0), (870, 0.71), (1_200, 0.70))
DRIFT: Final = ((0, 0.0), (760, 0.0), (830, 0.030), (960, 0.030), (1_010, 0.0), (1_200, 0.0))
LATENESS_S: Final = ((0, 0.0), (770, 0.0), (880, 3.8), (930, 3.8), (990, 0.0), (1_200, 0.0))

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Weather:
    """What the whole market shares, a value each step. Shape: every array (STEPS,)."""

    seconds: Curve
    move: Curve  # log price against the start
    turbulence: Curve  # times the calm volatility
    half_spread: Curve  # as a fraction of the price
    depth: Curve  # times the calm depth
    trades: Curve  # times the calm rate of trades
    sellers: Curve  # share of trades that sell
    forced: Curve  # liquidations a second
    interest: Curve  # times the open interest at the start


def weather(random: np.random.Generator) -> Weather:
    """Return the script of the storm with the market's own noise."""
    seconds: Curve = np.arange(STEPS, dtype=np.float64) * (STEP_NS / SECOND_NS)
    turbulence = along(seconds, _TURBULENCE)
    return Weather(
        seconds=seconds,
        move=np.log1p(along(seconds, _MARKET)) + noise(random, turbulence, minute=0.0006),
        turbulence=turbulence,
        half_spread=along(seconds, _HALF_SPREAD_BPS) * 1e-4,
        depth=along(seconds, _DEPTH),
        trades=along(seconds, _TRADES),
        sellers=along(seconds, _SELLERS),
        forced=along(seconds, _FORCED),
        interest=along(seconds, _INTEREST),
    )


def along(seconds: Curve, points: tuple[tuple[float, float], ...]) -> Curve:
    """Return a curve that is straight between the points of a script."""
    return np.interp(seconds, [at for at, _ in points], [value for _, value in points])


def noise(random: np.random.Generator, scale: Curve, *, minute: float) -> Curve:
    """Return a random walk whose calm move in a minute is `minute`, started at zero, scaled step by step."""
    steps_a_minute = 60 * SECOND_NS / STEP_NS
    return np.cumsum(random.standard_normal(len(scale)) * scale) * minute / np.sqrt(steps_a_minute)


def wander(random: np.random.Generator, *, size: float, seconds: float) -> Curve:
    """Return noise that returns to zero: deviations of about `size`, forgotten within about `seconds`."""
    keep = np.exp(-(STEP_NS / SECOND_NS) / seconds)
    value, path = 0.0, np.empty(STEPS)
    for i, shock in enumerate((random.standard_normal(STEPS) * size * np.sqrt(1.0 - keep * keep)).tolist()):
        value = keep * value + shock
        path[i] = value
    return path
