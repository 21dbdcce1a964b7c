"""Cube rows: one leg under a block of scenarios, added to a running sum; loops that the compiler turns into vectors.

Rules:

1. A row is one loop over scenarios with no call that does not inline and no branch that is not a choice between two values:
   so LLVM vectorises it. What is the same for all scenarios of a leg is computed before it.
2. A row adds element by element into `sums`; nothing is summed over scenarios, so the order of additions is the order of
   legs, whatever the number of threads. Flags are those of `pricing/normal.py`, for its reasons.
3. Moves arrive per block: `move` log of the forward, `growth` its exponential, `settle` the price that the value is paid in.
   As the log of forward over strike is known, no logarithm is taken: that is all that sets `_black` apart from
   `black76_price`.

Source: Black (1976).
"""

import numpy as np
from numba import njit

from holdfast.risk.pricing.normal import DENSITY_AT_ZERO, DEVIATIONS_MAX, FLAGS, fast_exp, mills
from holdfast.risk.shock import VOLATILITY_MIN


@njit(cache=True, forceinline=True, fastmath=FLAGS, error_model="numpy")
def _black(x: float, deviation: float, forward: float, strike: float, sign: float) -> float:
    """Return the undiscounted value of an option: x = log(forward / strike), deviation > 0."""
    d1 = x / deviation + 0.5 * deviation
    d2 = d1 - deviation
    weight = forward * DENSITY_AT_ZERO * fast_exp(-0.5 * d1 * d1)  # also the strike times the density at d2
    tail_forward = weight * mills(min(abs(d1), DEVIATIONS_MAX))
    tail_strike = weight * mills(min(abs(d2), DEVIATIONS_MAX))
    part_forward = tail_forward if sign * d1 < 0.0 else forward - tail_forward
    part_strike = tail_strike if sign * d2 < 0.0 else strike - tail_strike
    return sign * (part_forward - part_strike)


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def add_option(
    x: float, forward: float, strike: float, root: float, volatility: float, slope: float, weight: float,
    sign: float, scale: float, move: np.ndarray, growth: np.ndarray, shift: np.ndarray, over: np.ndarray,
    settle: np.ndarray, sums: np.ndarray, count: int,
) -> None:  # fmt: skip
    """Add an option under moves of spot and volatility; `over` divides by the forward's growth where paid in coin."""
    for s in range(count):
        moved = volatility * (1.0 + shift[s] * weight) - slope * move[s]
        moved = moved if not moved < VOLATILITY_MIN else VOLATILITY_MIN
        price = _black(x + move[s], moved * root, forward * growth[s], strike, sign)
        sums[s] += scale * price * over[s] * settle[s]


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def add_digital(
    x: float, root: float, volatility: float, slope: float, weight: float, sign: float, scale: float,
    move: np.ndarray, shift: np.ndarray, settle: np.ndarray, sums: np.ndarray, count: int,
) -> None:  # fmt: skip
    """Add a digital, which pays one quote unit where it ends in the money."""
    for s in range(count):
        moved = volatility * (1.0 + shift[s] * weight) - slope * move[s]
        moved = moved if not moved < VOLATILITY_MIN else VOLATILITY_MIN
        deviation = moved * root
        d2 = sign * ((x + move[s]) / deviation - 0.5 * deviation)
        tail = DENSITY_AT_ZERO * fast_exp(-0.5 * d2 * d2) * mills(min(abs(d2), DEVIATIONS_MAX))
        sums[s] += scale * (tail if d2 < 0.0 else 1.0 - tail) * settle[s]


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def smile_shift(
    x: float, root_now: float, volatility: float, weight: float, total: np.ndarray, shift: np.ndarray,
    skew: np.ndarray, out: np.ndarray, count: int,
) -> None:  # fmt: skip
    """Write the volatility shift, skew included, that the plain rows are to apply with weight 1."""
    for s in range(count):
        out[s] = shift[s] * weight - skew[s] * (x + total[s]) / (root_now * volatility)


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def add_scaled(base: np.ndarray, more: np.ndarray, factor: float, out: np.ndarray, count: int) -> None:
    """Write base + factor x more."""
    for s in range(count):
        out[s] = base[s] + factor * more[s]


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def scaled_exp(logs: np.ndarray, factor: float, scale: float, out: np.ndarray, count: int) -> None:
    """Write scale x exp(factor x logs)."""
    for s in range(count):
        out[s] = scale * fast_exp(factor * logs[s])


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def product(a: np.ndarray, b: np.ndarray, out: np.ndarray, count: int) -> None:
    """Write a x b."""
    for s in range(count):
        out[s] = a[s] * b[s]


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def add_linear(
    forward: float, entry: float, scale: float, growth: np.ndarray, basis: np.ndarray, settle: np.ndarray,
    sums: np.ndarray, count: int,
) -> None:  # fmt: skip
    """Add a perpetual or future whose profit is forward less entry."""
    for s in range(count):
        sums[s] += scale * (forward * growth[s] * basis[s] - entry) * settle[s]


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def add_inverse(
    forward: float, entry: float, scale: float, growth: np.ndarray, basis: np.ndarray, settle: np.ndarray,
    sums: np.ndarray, count: int,
) -> None:  # fmt: skip
    """Add an inverse perpetual or future, paid in the asset itself."""
    for s in range(count):
        sums[s] += scale * (1.0 / entry - 1.0 / (forward * growth[s] * basis[s])) * settle[s]


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def add_cash(scale: float, settle: np.ndarray, sums: np.ndarray, count: int) -> None:
    """Add a balance."""
    for s in range(count):
        sums[s] += scale * settle[s]
