"""Descent: a raw SVI slice moved to the least error against quotes, floors, ceilings and butterflies.

Rules:

1. Inside, theta is a, c = b rho, d = b, m, s: the variance is linear in the first three.
2. Steps are taken in level, slope and log bend at one k (`limits[7]`, in the middle of the bend) and the slopes of both
   wings: quotes say the first three and hardly the last two, so in these the valley of the cost is straight and a dozen
   damped Gauss-Newton steps suffice.
3. Errors of quotes beyond 1 count linearly (Huber); those of floors, ceilings and butterflies always by their square.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast.risk.surface.arbitrage import LEE_MAX

WINGS_MAX: Final = 0.995 * LEE_MAX
STEPS_MAX: Final = 30

_FAST = {"contract", "nsz", "arcp"}
_RHO_MAX = 0.999
_TAU_MAX = 0.99999
_GAIN_MIN = 1e-4  # relative: less than this and the search is over
_G_MARGIN = 0.01
_G_WEIGHT = 1e4


@njit(cache=True, error_model="numpy")
def descend(
    k: np.ndarray, target: np.ndarray, up: np.ndarray, down: np.ndarray, quotes: int, limits: np.ndarray,
    points: np.ndarray, hold: float, theta: np.ndarray,
) -> None:  # fmt: skip
    """Move theta to the least cost by damped Gauss-Newton; with points, each g below its margin there costs too.

    `hold` is what it costs a wing to double: quotes hardly speak of it, and a wing that a limit has pushed would wander.

    The steps are taken in level, slope and bend at k = 0 and the slopes of the wings: in these the valley is straight.
    """
    normal, slope, step, factor = np.zeros((5, 5)), np.empty(5), np.empty(5), np.empty((5, 5))
    normal_2, slope_2, trial, chain = np.zeros((5, 5)), np.empty(5), np.empty(5), np.zeros((5, 5))
    local, begun = np.empty(5), np.empty(5)
    to_local(theta, limits, begun, chain)
    cost = _linearise(k, target, up, down, quotes, theta, normal, slope)
    cost += _butterflies(points, theta, normal, slope)
    damping = 1e-3
    fresh = True
    for _ in range(STEPS_MAX):
        if fresh:
            to_local(theta, limits, local, chain)
            _change(normal, slope, chain)
            for p in range(3, 5):
                slope[p] += hold * (local[p] - begun[p]) / (begun[p] * begun[p])
                normal[p, p] += hold / (begun[p] * begun[p])
            _stop_at_limits(normal, slope, limits, local)
        if not _solve(normal, slope, damping, factor, step):
            damping = 10.0 * damping + 1e-8
            fresh = False
            continue
        from_local(local, step, limits, trial)
        new_cost = _linearise(k, target, up, down, quotes, trial, normal_2, slope_2)
        new_cost += _butterflies(points, trial, normal_2, slope_2)
        new_cost += hold * ((trial[2] - trial[1]) / begun[3] - 1.0) ** 2
        new_cost += hold * ((trial[2] + trial[1]) / begun[4] - 1.0) ** 2
        fresh = new_cost < cost
        if fresh:
            gain = cost - new_cost
            cost = new_cost
            theta[:] = trial
            normal, normal_2 = normal_2, normal
            slope, slope_2 = slope_2, slope
            damping *= 0.1
            if gain < _GAIN_MIN * cost + 1e-9:
                return
        else:
            damping = 8.0 * max(damping, 1e-6)
            if damping > 1e3:
                return


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def to_local(theta: np.ndarray, limits: np.ndarray, local: np.ndarray, chain: np.ndarray) -> None:
    """Fill level, slope, log bend at the middle, left and right wing; chain: derivatives of a, c, d, m, log s by them."""
    c, d, m, s = theta[1], theta[2], theta[3], theta[4]
    x = limits[7] - m
    q = math.sqrt(x * x + s * s)
    tau = x / q
    nu = s * s / (q * q)
    bend = d * nu / q
    local[0] = theta[0] + c * x + d * q
    local[1] = c + d * tau
    local[2] = math.log(bend)
    local[3] = d - c
    local[4] = d + c
    chain[0, 0] = 1.0
    for p in range(1, 5):
        by_c = -0.5 if p == 3 else (0.5 if p == 4 else 0.0)
        by_d = 0.5 if p >= 3 else 0.0
        by_tau = ((1.0 if p == 1 else 0.0) - by_c - tau * by_d) / d
        by_nu = -2.0 * tau * by_tau
        by_q = (nu * by_d + d * by_nu) / bend - (q if p == 2 else 0.0)
        by_x = by_tau * q + tau * by_q
        chain[0, p] = -by_c * x - c * by_x - by_d * q - d * by_q
        chain[1, p] = by_c
        chain[2, p] = by_d
        chain[3, p] = -by_x
        chain[4, p] = by_q / q + 0.5 * by_nu / nu


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def from_local(local: np.ndarray, step: np.ndarray, limits: np.ndarray, theta: np.ndarray) -> None:
    """Fill theta a step away, within its limits: the wings' least and most, the slope between them, s, the least variance.

    What a limit changes leaves level and slope at the middle as they are; the bend moves by a factor of at most e, a wing
    falls to no less than a hundredth.
    """
    left = max(local[3] + step[3], 0.01 * local[3])
    right = max(local[4] + step[4], 0.01 * local[4])
    left = max(min(left, limits[5]), limits[3], 1e-9)
    right = max(min(right, limits[6]), limits[4], 1e-9)
    d = 0.5 * (right + left)
    c = min(max(0.5 * (right - left), -_RHO_MAX * d), _RHO_MAX * d)
    tau = min(max((local[1] + step[1] - c) / d, -_TAU_MAX), _TAU_MAX)
    bend = math.exp(local[2] + min(max(step[2], -1.0), 1.0))
    nu = 1.0 - tau * tau
    root = math.sqrt(nu)
    s = min(max(d * nu * root / bend, limits[1]), limits[2])
    q = s / root
    theta[0] = max(local[0] + step[0] - c * tau * q - d * q, limits[0] - math.sqrt(d * d - c * c) * s)
    theta[1], theta[2], theta[3], theta[4] = c, d, limits[7] - tau * q, s


@njit(cache=True, error_model="numpy")
def clip(theta: np.ndarray, limits: np.ndarray) -> None:
    """Hold theta to its limits: the least variance, s from and to, the wings' least and most."""
    left = max(min(theta[2] - theta[1], limits[5]), limits[3])
    right = max(min(theta[2] + theta[1], limits[6]), limits[4])
    d = max(0.5 * (left + right), 1e-9)
    c = min(max(0.5 * (right - left), -_RHO_MAX * d), _RHO_MAX * d)
    theta[4] = min(max(theta[4], limits[1]), limits[2])
    theta[0] = max(theta[0], limits[0] - math.sqrt(d * d - c * c) * theta[4])
    theta[1], theta[2] = c, d


@njit(cache=True, error_model="numpy")
def to_slice(theta: np.ndarray, slice_: np.ndarray) -> None:
    slice_[0], slice_[1], slice_[2] = theta[0], theta[2], theta[1] / theta[2]
    slice_[3], slice_[4] = theta[3], theta[4]


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _change(normal: np.ndarray, slope: np.ndarray, chain: np.ndarray) -> None:
    """Turn the normal equations by a, c, d, m, log s into those by the local parameters."""
    half = np.empty((5, 5))
    for i in range(5):
        for j in range(i):
            normal[j, i] = normal[i, j]
    for i in range(5):
        for q in range(5):
            value = 0.0
            for j in range(5):
                value += normal[i, j] * chain[j, q]
            half[i, q] = value
    old = slope.copy()
    for p in range(5):
        value = 0.0
        for i in range(5):
            value += chain[i, p] * old[i]
        slope[p] = value
        for q in range(p + 1):
            value = 0.0
            for i in range(5):
                value += chain[i, p] * half[i, q]
            normal[p, q] = value


@njit(cache=True, error_model="numpy")
def _stop_at_limits(normal: np.ndarray, slope: np.ndarray, limits: np.ndarray, local: np.ndarray) -> None:
    """Take a wing that pushes against its limit out of the equations."""
    for p in range(3, 5):
        at_least = local[p] <= limits[p] * (1.0 + 1e-12) and slope[p] > 0.0
        at_most = local[p] >= limits[p + 2] * (1.0 - 1e-12) and slope[p] < 0.0
        if at_least or at_most:
            for q in range(5):
                normal[max(p, q), min(p, q)] = 1.0 if p == q else 0.0
            slope[p] = 0.0


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _linearise(
    k: np.ndarray, target: np.ndarray, up: np.ndarray, down: np.ndarray, quotes: int,
    theta: np.ndarray, normal: np.ndarray, slope: np.ndarray,
) -> float:  # fmt: skip
    """Return the cost at theta; fill the normal equations (lower half) and the slope of the cost by theta, s as log s."""
    a, c, d, m, s = theta[0], theta[1], theta[2], theta[3], theta[4]
    s2 = s * s
    cost = 0.0
    n00, n10, n20, n30, n40, n11, n21, n31 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    n41, n22, n32, n42, n33, n43, n44 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    g0, g1, g2, g3, g4 = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(k.shape[0]):
        x = k[i] - m
        q = math.sqrt(x * x + s2)
        error = a + c * x + d * q - target[i]
        half = up[i] if error > 0.0 else down[i]
        r = abs(error) * half
        w = half * half
        if r > 1.0 and i < quotes:
            w /= r
            cost += 2.0 * r - 1.0
        else:
            cost += r * r
        j3 = -c - d * x / q
        j4 = d * s2 / q
        we, wx, wq, w3 = w * error, w * x, w * q, w * j3
        g0, g1, g2, g3, g4 = g0 + we, g1 + we * x, g2 + we * q, g3 + we * j3, g4 + we * j4
        n00, n10, n20, n30, n40 = n00 + w, n10 + wx, n20 + wq, n30 + w3, n40 + w * j4
        n11, n21, n31, n41 = n11 + wx * x, n21 + wx * q, n31 + wx * j3, n41 + wx * j4
        n22, n32, n42 = n22 + wq * q, n32 + wq * j3, n42 + wq * j4
        n33, n43, n44 = n33 + w3 * j3, n43 + w3 * j4, n44 + w * j4 * j4
    normal[0, 0], normal[1, 0], normal[2, 0], normal[3, 0], normal[4, 0] = n00, n10, n20, n30, n40
    normal[1, 1], normal[2, 1], normal[3, 1], normal[4, 1] = n11, n21, n31, n41
    normal[2, 2], normal[3, 2], normal[4, 2] = n22, n32, n42
    normal[3, 3], normal[4, 3], normal[4, 4] = n33, n43, n44
    slope[0], slope[1], slope[2], slope[3], slope[4] = g0, g1, g2, g3, g4
    return cost


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _butterflies(points: np.ndarray, theta: np.ndarray, normal: np.ndarray, slope: np.ndarray) -> float:
    """Add what g below its margin costs, and its share of the normal equations."""
    cost = 0.0
    j = np.empty(5)
    a, c, d, m, s = theta[0], theta[1], theta[2], theta[3], theta[4]
    for k in points:
        x = k - m
        i1 = 1.0 / math.sqrt(x * x + s * s)
        i3 = i1 * i1 * i1
        w = a + c * x + d / i1
        w1 = c + d * x * i1
        w2 = d * s * s * i3
        iw = 1.0 / w
        u = 1.0 - 0.5 * k * w1 * iw
        miss = _G_MARGIN - (u * u - 0.25 * w1 * w1 * (iw + 0.25) + 0.5 * w2)
        if not miss > 0.0:
            continue
        cost += _G_WEIGHT * miss * miss
        by_w = u * k * w1 * iw * iw + 0.25 * w1 * w1 * iw * iw
        by_w1 = -u * k * iw - 0.5 * w1 * (iw + 0.25)
        w3 = -3.0 * x * w2 * i1 * i1
        j[0] = by_w
        j[1] = by_w * x + by_w1
        j[2] = by_w / i1 + by_w1 * x * i1 + 0.5 * s * s * i3
        j[3] = -(by_w * w1 + by_w1 * w2 + 0.5 * w3)
        j[4] = by_w * d * s * s * i1 - by_w1 * w2 * x + 0.5 * w2 * (2.0 - 3.0 * s * s * i1 * i1)
        for p in range(5):
            slope[p] -= _G_WEIGHT * miss * j[p]
            for q in range(p + 1):
                normal[p, q] += _G_WEIGHT * j[p] * j[q]
    return cost


@njit(cache=True, error_model="numpy", fastmath=_FAST)
def _solve(
    normal: np.ndarray, slope: np.ndarray, damping: float, factor: np.ndarray, step: np.ndarray
) -> bool:
    """Solve (normal + damping x its diagonal) step = -slope by Cholesky; False where it is not positive."""
    for i in range(5):
        for j in range(i + 1):
            value = normal[i, j]
            if i == j:
                value = value * (1.0 + damping) + 1e-30
            for p in range(j):
                value -= factor[i, p] * factor[j, p]
            if i != j:
                factor[i, j] = value / factor[j, j]
            elif value > 0.0:
                factor[i, i] = math.sqrt(value)
            else:
                return False
    for i in range(5):
        value = -slope[i]
        for p in range(i):
            value -= factor[i, p] * step[p]
        step[i] = value / factor[i, i]
    for i in range(4, -1, -1):
        value = step[i]
        for p in range(i + 1, 5):
            value -= factor[p, i] * step[p]
        step[i] = value / factor[i, i]
    return True
