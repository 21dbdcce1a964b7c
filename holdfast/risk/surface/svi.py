"""SVI: one expiry's smile as a raw SVI slice, fitted to bids and asks and free of butterfly arbitrage.

Rules:

1. An error is measured in units of the quote's own half-spread, so 1 is the bid or the ask; beyond 1 it counts linearly
   (Huber), so that a stale quote pulls no harder than a wide one.
2. A quote with one side only pushes the fit off its wrong side, and not at all on the other.
3. Given (m, s) the other three are a linear problem in a cone (De Marco and Martini's quasi-explicit form): it is solved
   on a small grid of (m, s), and the best one descends (`svi_descent.py`).
4. A fit that allows a butterfly gets lower wings, then descends again with each negative g on a grid as an error; what is
   left of a violation is drawn towards an SSVI slice, which is free of it, just as far as it must.

Source: De Marco, Martini (2009), Quasi-explicit calibration of Gatheral's SVI model; Gatheral, Jacquier (2014).
"""

import math
from typing import Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.surface.arbitrage import bottom, slice_gap
from holdfast.risk.surface.ssvi import ssvi_slice
from holdfast.risk.surface.svi_descent import WINGS_MAX, clip, descend, from_local, to_local, to_slice

QUOTES_MIN: Final = 5  # two-sided: as many as the slice has parameters
FREE_WINGS: Final = np.array([0.0, 0.0, WINGS_MAX, WINGS_MAX])

_FAST = {"contract", "nsz", "arcp"}
_RHO_MAX = 0.999
_LEAST_SHARE = 0.05  # of the least quoted variance: no slice falls below it
_BLENDS = 12
_HOLD = 0.1
_ROUNDS = 3
_LOWERINGS = 12
_WIDE = np.sinh(np.linspace(-6.0, 6.0, 25))
_NARROW = np.sinh(np.linspace(-3.0, 3.0, 13))


class SliceFit(msgspec.Struct, frozen=True):
    """A fitted slice. Shape: slice (5,) of a, b, rho, m, s; residuals (n,) in half-spreads, NaN where no quote stands."""

    slice: NDArray[np.float64]
    residuals: NDArray[np.float64]


def fit_slice(
    moneyness: NDArray[np.float64],
    bid: NDArray[np.float64],
    mid: NDArray[np.float64],
    ask: NDArray[np.float64],
) -> SliceFit:
    """Fit a slice to quotes of one expiry, given as total variances (volatility squared times years).

    Shape: all (n,); moneyness log(strike / forward) in any order. A missing side is NaN, then mid is not used.
    Raises: CallerError `smile.too_few` below QUOTES_MIN two-sided quotes, `smile.crossed` where not bid < mid < ask.
    Cost: about 15 microseconds for 40 strikes, 30 where a butterfly has to be taken out.

    >>> k = np.linspace(-0.5, 0.5, 11)
    >>> w = 0.04 + 0.1 * (-0.3 * k + np.sqrt(k * k + 0.04))
    >>> [round(float(x), 4) + 0.0 for x in fit_slice(k, 0.98 * w, w, 1.02 * w).slice]
    [0.04, 0.1, -0.3, 0.0, 0.2]
    """
    two_sided = np.isfinite(bid) & np.isfinite(ask)
    if int(two_sided.sum()) < QUOTES_MIN:
        raise CallerError(
            "smile.too_few", f"{int(two_sided.sum())} two-sided quotes where {QUOTES_MIN} are needed"
        )
    if not np.all((bid < mid) & (mid < ask) | ~two_sided):
        raise CallerError("smile.crossed", "a bid is not below its mid, or an ask not above it")
    target, up, down = pulls(bid, mid, ask)
    slice_ = fit_svi(moneyness, target, up, down, len(moneyness), FREE_WINGS, np.zeros(5))
    error = slice_variances(moneyness, slice_) - np.where(two_sided, mid, np.nan)
    return SliceFit(slice_, error * np.where(error > 0.0, up, down))


def pulls(
    bid: NDArray[np.float64], mid: NDArray[np.float64], ask: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return target, and the errors in half-spreads that a unit of variance above and below it is; 0: none counts."""
    two_sided = np.isfinite(bid) & np.isfinite(ask)
    target = np.where(two_sided, mid, np.where(np.isfinite(bid), bid, ask))
    with np.errstate(invalid="ignore", divide="ignore"):
        usual = float(np.median(((ask - bid) / (2.0 * mid))[two_sided]))
        width = usual * target  # a one-sided quote counts as its neighbours do
        up = np.where(two_sided, 1.0 / (ask - mid), np.where(np.isfinite(ask), 1.0 / width, 0.0))
        down = np.where(two_sided, 1.0 / (mid - bid), np.where(np.isfinite(bid), 1.0 / width, 0.0))
    none = ~np.isfinite(target)
    return np.where(none, 1.0, target), np.where(none, 0.0, up), np.where(none, 0.0, down)


@njit(cache=True)
def slice_variances(moneyness: np.ndarray, slice_: np.ndarray) -> np.ndarray:
    """Return the total variances of a slice. Shape: (n,) for (n,)."""
    x = moneyness - slice_[3]
    return slice_[0] + slice_[1] * (slice_[2] * x + np.sqrt(x * x + slice_[4] * slice_[4]))


@njit(cache=True, error_model="numpy")
def fit_svi(
    k: np.ndarray, target: np.ndarray, up: np.ndarray, down: np.ndarray, quotes: int, wings: np.ndarray,
    start: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return the butterfly-free slice (5,) nearest to targets.

    Shape: k, target, up, down (n,): log-moneyness, total variance, errors a unit of variance above and below it is; the
    first `quotes` are quotes, the others floors or ceilings of neighbouring slices. wings (4,): the least slopes of the left
    and right wing, and the most. start (5,): the slice to begin from; with b = 0, a grid is tried.
    """
    n = k.shape[0]
    low, high, least = k[0], k[0], math.inf
    weight = np.empty(n)
    for i in range(n):
        if i < quotes:
            low, high = min(low, k[i]), max(high, k[i])
        two_sided = up[i] > 0.0 and down[i] > 0.0
        if two_sided:
            least = min(least, target[i])
        weight[i] = 0.25 * (up[i] + down[i]) ** 2 if two_sided else 0.0
    span = high - low
    limits = np.array(
        [_LEAST_SHARE * least, 2e-3 * span, 20.0 * span, wings[0], wings[1], wings[2], wings[3], 0.0]
    )
    theta, slice_ = np.empty(5), np.empty(5)
    hold = _HOLD if start[1] > 0.0 else 0.0
    if start[1] > 0.0:
        _begin_from(start, limits, theta)
    else:
        _begin(k, target, up, down, weight, low, span, limits, theta)
    limits[7] = min(max(theta[3], low), high) * max(0.0, 1.0 - theta[4] / (0.2 * span))
    points = np.empty(0)
    descend(k, target, up, down, quotes, limits, points, hold, theta)
    to_slice(theta, slice_)
    if slice_gap(slice_) < 0.0:
        points = np.empty(_WIDE.shape[0] + _NARROW.shape[0])
        _lower_wings(limits, theta, slice_)
        for _ in range(_ROUNDS):
            _place(theta, points, slice_)
            descend(k, target, up, down, quotes, limits, points, hold, theta)
            to_slice(theta, slice_)
            if slice_gap(slice_) >= 0.0:
                return slice_
        _blend_to_freedom(slice_)
    return slice_


@njit(cache=True, error_model="numpy")
def _begin(
    k: np.ndarray, target: np.ndarray, up: np.ndarray, down: np.ndarray, weight: np.ndarray, low: float, span: float,
    limits: np.ndarray, theta: np.ndarray,
) -> None:  # fmt: skip
    """Solve a, c, d on a small grid of (m, s); the best one begins. theta is a, c = b rho, d = b, m, s."""
    trial = np.empty(5)
    least = math.inf
    for i in range(3):
        s = 0.05 * span
        for _ in range(3):
            _solve_inside(k, target, weight, low + span * (i + 0.5) / 3.0, s, trial)
            clip(trial, limits)
            cost = _cost(k, target, up, down, trial)
            if cost < least:
                least = cost
                theta[:] = trial
            s *= 4.0


@njit(cache=True, error_model="numpy")
def _begin_from(start: np.ndarray, limits: np.ndarray, theta: np.ndarray) -> None:
    """Begin from a slice, its wings moved to where they may be, its level, slope and bend in the middle as they are."""
    theta[0], theta[1], theta[2] = start[0], start[1] * start[2], start[1]
    theta[3], theta[4] = start[3], start[4]
    local, chain, step = np.empty(5), np.zeros((5, 5)), np.zeros(5)
    to_local(theta, limits, local, chain)
    from_local(local, step, limits, theta)


@njit(cache=True, error_model="numpy")
def _lower_wings(limits: np.ndarray, theta: np.ndarray, slice_: np.ndarray) -> None:
    """Move theta to lower wings with level, slope and bend in the middle as they are, as far as the butterflies ask."""
    local, chain, step, trial = np.empty(5), np.zeros((5, 5)), np.zeros(5), np.empty(5)
    to_local(theta, limits, local, chain)
    share = 1.0
    best = slice_gap(slice_)
    for _ in range(_LOWERINGS):
        share *= 0.75
        step[3] = (share - 1.0) * (local[3] - max(-local[1], 0.0))
        step[4] = (share - 1.0) * (local[4] - max(local[1], 0.0))
        from_local(local, step, limits, trial)
        to_slice(trial, slice_)
        gap = slice_gap(slice_)
        if gap > best:
            best = gap
            theta[:] = trial
        if gap >= 0.0:
            return


@njit(cache=True, error_model="numpy")
def _place(theta: np.ndarray, points: np.ndarray, slice_: np.ndarray) -> None:
    """Put the points where g is looked at, for a slice as it stands."""
    to_slice(theta, slice_)
    middle, reach = bottom(slice_)
    for i in range(_WIDE.shape[0]):
        points[i] = theta[3] + theta[4] * _WIDE[i]
    for i in range(_NARROW.shape[0]):
        points[_WIDE.shape[0] + i] = middle + reach * _NARROW[i]


@njit(cache=True, error_model="numpy")
def _blend_to_freedom(slice_: np.ndarray) -> None:
    """Draw a slice towards the SSVI slice of the same variance at the money, until it allows no butterfly."""
    if slice_gap(slice_) >= 0.0:
        return
    a, b, rho, m, s = slice_[0], slice_[1], slice_[2], slice_[3], slice_[4]
    variance = a + b * (math.sqrt(m * m + s * s) - rho * m)
    bend = min(2.0 * b / variance, 0.99 * 4.0 / (variance * (1.0 + abs(rho))))
    bend = min(bend, 0.99 * 2.0 / math.sqrt(variance * (1.0 + abs(rho))))
    free = ssvi_slice(variance, rho, bend)
    raw = slice_.copy()
    low, high = 0.0, 1.0
    for _ in range(_BLENDS):
        share = 0.5 * (low + high)
        for p in range(5):
            slice_[p] = raw[p] + share * (free[p] - raw[p])
        if slice_gap(slice_) >= 0.0:
            high = share
        else:
            low = share
    for p in range(5):
        slice_[p] = raw[p] + high * (free[p] - raw[p])


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _cost(k: np.ndarray, target: np.ndarray, up: np.ndarray, down: np.ndarray, theta: np.ndarray) -> float:
    cost = 0.0
    for i in range(k.shape[0]):
        x = k[i] - theta[3]
        error = theta[0] + theta[1] * x + theta[2] * math.sqrt(x * x + theta[4] * theta[4]) - target[i]
        r = abs(error) * (up[i] if error > 0.0 else down[i])
        cost += 2.0 * r - 1.0 if r > 1.0 else r * r
    return cost


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _solve_inside(
    k: np.ndarray, target: np.ndarray, weight: np.ndarray, m: float, s: float, theta: np.ndarray
) -> None:
    """Solve a, c, d by weighted least squares for given m and s, with |c| <= d and d >= 0."""
    n, sx, sq, xx, xq, qq, y0, y1, y2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(k.shape[0]):
        w = weight[i]
        x = k[i] - m
        q = math.sqrt(x * x + s * s)
        wx, wq, wt = w * x, w * q, w * target[i]
        n, sx, sq = n + w, sx + wx, sq + wq
        xx, xq, qq = xx + wx * x, xq + wx * q, qq + wq * q
        y0, y1, y2 = y0 + wt, y1 + wt * x, y2 + wt * q
    xx -= sx * sx / n
    xq -= sx * sq / n
    qq -= sq * sq / n
    y1 -= sx * y0 / n
    y2 -= sq * y0 / n
    c, d = 0.0, 0.0
    determinant = xx * qq - xq * xq
    if determinant > 1e-14 * xx * qq:
        c = (y1 * qq - y2 * xq) / determinant
        d = (y2 * xx - y1 * xq) / determinant
    if d <= 0.0:
        c, d = 0.0, 0.0
    elif abs(c) > _RHO_MAX * d:  # on the edge of the cone
        rho = math.copysign(_RHO_MAX, c)
        d = max((y1 * rho + y2) / (xx * rho * rho + 2.0 * rho * xq + qq), 0.0)
        c = rho * d
    theta[0], theta[1], theta[2], theta[3], theta[4] = (y0 - c * sx - d * sq) / n, c, d, m, s
