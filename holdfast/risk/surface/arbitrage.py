"""Arbitrage: what free money a raw SVI slice, or two of them, would give away, and its name.

Rules:

1. A slice is free of butterfly arbitrage where Durrleman's g(k) >= 0 (the density is g times a positive number), its
   variance is positive, and its wings rise by less than LEE_MAX (Lee: a steeper one has no moments left).
2. Two slices are free of calendar arbitrage where the later one's total variance is nowhere below the earlier one's at the
   same log(strike / forward); their wings are compared at infinity too.
3. g and the rise are looked at on two grids, one as wide as the hyperbola's bend and one as narrow as the bottom of a deep
   smile; a small minimum is sought between the points too.

Source: Gatheral, Jacquier (2014), Arbitrage-free SVI volatility surfaces; Lee (2004), The moment formula.
Limits: a second minimum between two points of a grid (a quarter of the bend apart) is not seen.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.risk.surface.base import svi_variance

LEE_MAX: Final = 2.0
BUTTERFLY_TOLERANCE: Final = 1e-9
CALENDAR_TOLERANCE: Final = 1e-9  # of the earlier variance

_NEAR = 0.02  # a minimum below this is sought between the points of the grid
_SECTIONS = 12
_DIP = 1e-9  # less than this is rounding
_GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
_WIDE = np.sinh(np.linspace(-7.0, 7.0, 61))
_NARROW = np.sinh(np.linspace(-4.0, 4.0, 33))


def butterfly_gap(slice_: NDArray[np.float64]) -> float:
    """Return the least of g(k) and of the distance to Lee's bound: negative where a butterfly costs less than nothing.

    Shape: slice_ (5,) of a, b, rho, m, s. Cost: about 1 microsecond.

    >>> butterfly_gap(np.array([0.04, 0.4, -0.4, 0.0, 0.1])) > 0
    True
    >>> round(butterfly_gap(np.array([-0.0410, 0.1331, 0.3060, 0.3586, 0.4153])), 2)  # Vogt's example
    -0.03
    """
    return float(slice_gap(slice_))


def calendar_gap(earlier: NDArray[np.float64], later: NDArray[np.float64]) -> float:
    """Return the least rise of total variance between two slices, relative to the earlier one; negative: arbitrage.

    Where a wing of the later slice is flatter than the earlier one's, the gap is that difference of slopes.

    >>> calendar_gap(np.array([0.01, 0.1, 0.0, 0.0, 0.1]), np.array([0.02, 0.1, 0.0, 0.0, 0.1])) > 0
    True
    """
    return float(pair_gap(earlier, later))


def arbitrage_flags(slices: NDArray[np.float64], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return `butterfly:NAME` and `calendar:NAME:NAME` for what a chain of slices gives away; empty when nothing.

    Shape: slices (expiries, 5) in order of expiry; names of the expiries.
    """
    flags: list[str] = []
    for number, name in enumerate(names):
        if not slice_gap(slices[number]) >= -BUTTERFLY_TOLERANCE:
            flags.append(f"butterfly:{name}")
        if number and not pair_gap(slices[number - 1], slices[number]) >= -CALENDAR_TOLERANCE:
            flags.append(f"calendar:{names[number - 1]}:{name}")
    return tuple(flags)


@njit(cache=True, error_model="numpy")
def durrleman(k: float, slice_: np.ndarray) -> float:
    """Return g at log-moneyness k; minus infinity where the variance is not positive."""
    x = k - slice_[3]
    root = math.sqrt(x * x + slice_[4] * slice_[4])
    w = slice_[0] + slice_[1] * (slice_[2] * x + root)
    if not w > 0.0:
        return -math.inf
    first = slice_[1] * (slice_[2] + x / root)
    second = slice_[1] * slice_[4] * slice_[4] / (root * root * root)
    u = 1.0 - 0.5 * k * first / w
    return u * u - 0.25 * first * first * (1.0 / w + 0.25) + 0.5 * second


@njit(cache=True, error_model="numpy")
def bottom(slice_: np.ndarray) -> tuple[float, float]:
    """Return where the variance is least, and how far from there it doubles."""
    across = math.sqrt(1.0 - slice_[2] * slice_[2])
    least = slice_[0] + slice_[1] * slice_[4] * across
    bend = slice_[1] * across**3 / slice_[4]
    reach = math.sqrt(2.0 * max(least, 0.0) / bend) if bend > 0.0 else slice_[4]
    return slice_[3] - slice_[2] * slice_[4] / across, min(reach, slice_[4])


@njit(cache=True, error_model="numpy")
def slice_gap(slice_: np.ndarray) -> float:
    """Return the least of g over both grids and of the distance of the steeper wing to Lee's bound."""
    if not (slice_[1] >= 0.0 and abs(slice_[2]) < 1.0 and slice_[4] > 0.0):
        return -math.inf
    gap = LEE_MAX - slice_[1] * (1.0 + abs(slice_[2]))
    middle, reach = bottom(slice_)
    gap = min(gap, _least(slice_[3], slice_[4], _WIDE, slice_, slice_, True))
    return min(gap, _least(middle, reach, _NARROW, slice_, slice_, True))


@njit(cache=True, error_model="numpy")
def pair_gap(earlier: np.ndarray, later: np.ndarray) -> float:
    """Return the least relative rise of variance over the grids of both slices, and of the slopes of both wings."""
    right = later[1] * (1.0 + later[2]) - earlier[1] * (1.0 + earlier[2])
    left = later[1] * (1.0 - later[2]) - earlier[1] * (1.0 - earlier[2])
    gap = min(right, left, 0.0)
    if gap >= -CALENDAR_TOLERANCE * earlier[1]:
        gap = math.inf
    for which in range(2):
        of = earlier if which == 0 else later
        middle, reach = bottom(of)
        gap = min(gap, _least(of[3], of[4], _WIDE, earlier, later, False))
        gap = min(gap, _least(middle, reach, _NARROW, earlier, later, False))
    return gap


@njit(cache=True, error_model="numpy")
def _least(
    middle: float, scale: float, grid: np.ndarray, earlier: np.ndarray, later: np.ndarray, alone: bool
) -> float:
    """Return the least of what is looked at on a grid; a small minimum is sought between the points too."""
    count = grid.shape[0]
    least = math.inf
    before, here = math.inf, _at(middle + scale * grid[0], earlier, later, alone)
    for i in range(count):
        after = _at(middle + scale * grid[i + 1], earlier, later, alone) if i + 1 < count else math.inf
        if here < min(before, after) - _DIP and here < _NEAR and 0 < i < count - 1:
            low, high = middle + scale * grid[i - 1], middle + scale * grid[i + 1]
            least = min(least, _golden(low, high, earlier, later, alone))
        least = min(least, here)
        before, here = here, after
    return least


@njit(cache=True, error_model="numpy")
def _golden(low: float, high: float, earlier: np.ndarray, later: np.ndarray, alone: bool) -> float:
    """Return the least value between two points by golden section."""
    left = high - _GOLDEN * (high - low)
    right = low + _GOLDEN * (high - low)
    at_left, at_right = _at(left, earlier, later, alone), _at(right, earlier, later, alone)
    for _ in range(_SECTIONS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = _at(left, earlier, later, alone)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = _at(right, earlier, later, alone)
    return min(at_left, at_right)


@njit(cache=True, error_model="numpy")
def _at(k: float, earlier: np.ndarray, later: np.ndarray, alone: bool) -> float:
    """Return g of the one slice, or the relative rise between two."""
    if alone:
        return durrleman(k, earlier)
    before = svi_variance(k, earlier)
    return (svi_variance(k, later) - before) / before
