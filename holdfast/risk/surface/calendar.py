"""Calendar: the slices of a chain fitted together, so that no later expiry is worth less than an earlier one.

Rules:

1. Short to long, each slice is fitted to its quotes. Where it falls below the earlier one at strikes that somebody quotes
   for an earlier expiry, or its wings are flatter than a slope that such quotes show, it is fitted again with these as
   floors: a wing without quotes learns from one that has them.
2. Long to short, a slice that still crosses its successor is fitted again below it. What is left is drawn towards the
   successor scaled down, which crosses nothing and allows no butterfly, just as far as it must.
3. So the slices are free of both arbitrages whatever the quotes; quotes that contradict each other are left outside.

Source: Gatheral, Jacquier (2014), section 5. That scaling a slice w down keeps it free: g is at least
share x g(w) + (1 - share) x (1 - k w' / 2w)^2.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast.risk.surface.arbitrage import pair_gap, slice_gap
from holdfast.risk.surface.base import svi_variance
from holdfast.risk.surface.svi import FREE_WINGS, fit_svi

FLOOR_POINTS: Final = 13

_REACH = np.sinh(np.linspace(-5.0, 5.0, 25))  # in deviations of the slice
_FLOOR_WIDTH = 0.01  # of the variance: as much as a half-spread is
_CEILING_WIDTH = 0.001
_MARGIN = 1e-4  # relative: a ceiling lies this much below the slice
_BLENDS = 12
_TRIES = 3


@njit(cache=True, error_model="numpy")
def fit_chain(
    first: np.ndarray, k: np.ndarray, target: np.ndarray, up: np.ndarray, down: np.ndarray
) -> np.ndarray:
    """Return the slices (expiries, 5) of a chain.

    Shape: first (expiries + 1,): where the quotes of each expiry begin, expiries ascending; k, target, up, down as in
    `svi.fit_svi`. Cost: about 20 microseconds an expiry, 60 where neighbours cross.
    """
    count = first.shape[0] - 1
    slices = np.empty((count, 5))
    none = np.zeros(5)
    low, high = 0.0, 0.0  # strikes that are quoted up to this expiry
    wings = FREE_WINGS.copy()  # slopes that quotes have shown up to this expiry
    for i in range(count):
        a, b = first[i], first[i + 1]
        slices[i] = fit_svi(k[a:b], target[a:b], up[a:b], down[a:b], b - a, FREE_WINGS, none)
        if i > 0 and _falls_below(slices[i - 1], slices[i], low, high, wings):
            slices[i] = _fit_above(
                k[a:b], target[a:b], up[a:b], down[a:b], slices[i - 1], slices[i], low, high, wings
            )
        near, far = math.inf, -math.inf
        for j in range(a, b):
            if up[j] > 0.0 and down[j] > 0.0:
                near, far = min(near, k[j]), max(far, k[j])
        low, high = min(low, near), max(high, far)
        wings[0] = min(max(wings[0], -_slope(near, slices[i])), wings[2])
        wings[1] = min(max(wings[1], _slope(far, slices[i])), wings[3])
    for i in range(count - 2, -1, -1):
        if pair_gap(slices[i], slices[i + 1]) < 0.0:
            a, b = first[i], first[i + 1]
            margin = _MARGIN
            for _ in range(_TRIES):
                slices[i] = _fit_below(
                    k[a:b], target[a:b], up[a:b], down[a:b], slices[i], slices[i + 1], margin
                )
                if pair_gap(slices[i], slices[i + 1]) >= 0.0:
                    break
                margin *= 10.0
            _blend_below(slices[i], slices[i + 1])
    return slices


@njit(cache=True, error_model="numpy")
def _slope(k: float, slice_: np.ndarray) -> float:
    x = k - slice_[3]
    return slice_[1] * (slice_[2] + x / math.sqrt(x * x + slice_[4] * slice_[4]))


@njit(cache=True, error_model="numpy")
def _falls_below(earlier: np.ndarray, later: np.ndarray, low: float, high: float, wings: np.ndarray) -> bool:
    if later[1] * (1.0 - later[2]) < wings[0] or later[1] * (1.0 + later[2]) < wings[1]:
        return True
    for j in range(FLOOR_POINTS):
        x = low + (high - low) * j / (FLOOR_POINTS - 1)
        if svi_variance(x, later) < svi_variance(x, earlier):
            return True
    return False


@njit(cache=True, error_model="numpy")
def _fit_above(
    k: np.ndarray, target: np.ndarray, up: np.ndarray, down: np.ndarray, earlier: np.ndarray, start: np.ndarray,
    low: float, high: float, wings: np.ndarray,
) -> np.ndarray:  # fmt: skip
    rows = _with_room(k, target, up, down, FLOOR_POINTS)
    quotes = k.shape[0]
    for j in range(FLOOR_POINTS):
        x = low + (high - low) * j / (FLOOR_POINTS - 1)
        floor = svi_variance(x, earlier) * (1.0 + _MARGIN)
        rows[0, quotes + j], rows[1, quotes + j], rows[3, quotes + j] = x, floor, 1.0 / (_FLOOR_WIDTH * floor)
    return fit_svi(rows[0], rows[1], rows[2], rows[3], quotes, wings, start)


@njit(cache=True, error_model="numpy")
def _fit_below(
    k: np.ndarray, target: np.ndarray, up: np.ndarray, down: np.ndarray, start: np.ndarray, later: np.ndarray,
    margin: float,
) -> np.ndarray:  # fmt: skip
    points = _REACH.shape[0]
    rows = _with_room(k, target, up, down, points)
    quotes = k.shape[0]
    deviation = math.sqrt(svi_variance(0.0, later))
    for j in range(points):
        x = deviation * _REACH[j]
        ceiling = svi_variance(x, later) * (1.0 - margin)
        rows[0, quotes + j], rows[1, quotes + j], rows[2, quotes + j] = (
            x,
            ceiling,
            1.0 / (_CEILING_WIDTH * ceiling),
        )
    wings = FREE_WINGS.copy()
    wings[2] = later[1] * (1.0 - later[2]) * (1.0 - margin)
    wings[3] = later[1] * (1.0 + later[2]) * (1.0 - margin)
    return fit_svi(rows[0], rows[1], rows[2], rows[3], quotes, wings, start)


@njit(cache=True, error_model="numpy")
def _with_room(k: np.ndarray, target: np.ndarray, up: np.ndarray, down: np.ndarray, more: int) -> np.ndarray:
    quotes = k.shape[0]
    rows = np.zeros((4, quotes + more))
    rows[0, :quotes], rows[1, :quotes], rows[2, :quotes], rows[3, :quotes] = k, target, up, down
    return rows


@njit(cache=True, error_model="numpy")
def _blend_below(slice_: np.ndarray, later: np.ndarray) -> None:
    """Draw a slice towards its successor scaled to the same variance at the money, until neither arbitrage is left."""
    if pair_gap(slice_, later) >= 0.0 and slice_gap(slice_) >= 0.0:
        return
    free = later.copy()
    share = min(svi_variance(0.0, slice_) / svi_variance(0.0, later), 1.0 - 1e-9)
    free[0] *= share
    free[1] *= share
    raw = slice_.copy()
    low, high = 0.0, 1.0
    for _ in range(_BLENDS):
        middle = 0.5 * (low + high)
        for p in range(5):
            slice_[p] = raw[p] + middle * (free[p] - raw[p])
        if pair_gap(slice_, later) >= 0.0 and slice_gap(slice_) >= 0.0:
            high = middle
        else:
            low = middle
    for p in range(5):
        slice_[p] = raw[p] + high * (free[p] - raw[p])
