"""Cube rows: one leg under a block of scenarios, added to a running sum; loops that the compiler turns into vectors.

Rules:

1. A row is one loop over scenarios with no call that does not inline and no branch that is not a choice between two values:
   so LLVM vectorises it. What is the same for all scenarios of a leg is computed before it.
2. A row adds element by element into `sums`; nothing is summed over scenarios, so the order of additions is the order of
   legs, whatever the number of threads. Hence these `FAST_MATH` flags and never `reassoc`: it would delete the rounding in
   `exp_of`.
3. Moves arrive per block: `move` log of the forward, `growth` its exponential, `settle` the price that the value is paid in.

Source: Black (1976). The normal tail is Hart's rational function 5666 (Hart 1968; as in West 2005, Better approximations to
cumulative normal functions): one exponential serves both normals, as forward x density(d1) = strike x density(d2).
"""

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from holdfast.risk.shock import VOLATILITY_MIN

FAST_MATH: Final = {"contract", "nsz", "arcp"}
DEVIATION_MIN: Final = 1e-9  # of the root of years: below it an option is worth its payoff
EXPONENT_MIN: Final = -700.0  # exp of it is nothing beside any price

_ROUND = 6755399441055744.0  # 1.5 x 2^52: adding it leaves the nearest integer in the low bits
_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10


def _bits(_context: Any, _number: Any) -> Any:
    """Return the 64 bits of a float as an integer."""

    def bitcast(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), bitcast


def _float(_context: Any, _bits: Any) -> Any:
    """Return the float of 64 bits."""

    def bitcast(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), bitcast


bits_of_float: Any = intrinsic(_bits)
float_of_bits: Any = intrinsic(_float)


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy", inline="always")
def exp_of(z: float) -> float:
    """Return exp(z), |z| <= 700, to about one unit in the last place."""
    rounded = z * _LOG2_E + _ROUND
    whole = rounded - _ROUND
    r = (z - whole * _LN2_HIGH) - whole * _LN2_LOW
    p = 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * float_of_bits((bits_of_float(rounded) + 1023) << 52)


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy", inline="always")
def tail_over_exp(y: float) -> float:
    """Return the probability beyond y >= 0 of a standard normal, over exp(-y^2 / 2)."""
    p = 3.52624965998911e-02
    p = p * y + 7.00383064443688e-01
    p = p * y + 6.37396220353165
    p = p * y + 3.3912866078383e01
    p = p * y + 1.12079291497871e02
    p = p * y + 2.21213596169931e02
    p = p * y + 2.20206867912376e02
    q = 8.83883476483184e-02
    q = q * y + 1.75566716318264
    q = q * y + 1.6064177579207e01
    q = q * y + 8.67807322029461e01
    q = q * y + 2.96564248779674e02
    q = q * y + 6.37333633378831e02
    q = q * y + 7.93826512519948e02
    q = q * y + 4.40413735824752e02
    return p / q


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy", inline="always")
def _black(x: float, deviation: float, forward: float, strike: float, sign: float) -> float:
    """Return the undiscounted value of an option: x = log(forward / strike), deviation > 0."""
    d1 = x / deviation + 0.5 * deviation
    z = -0.5 * d1 * d1
    z = z if z > EXPONENT_MIN else EXPONENT_MIN
    weight = forward * exp_of(z)
    a = sign * d1
    b = a - sign * deviation
    tail_a = weight * tail_over_exp(abs(a))
    tail_b = weight * tail_over_exp(abs(b))
    with_forward = tail_a if a < 0.0 else forward - tail_a
    with_strike = tail_b if b < 0.0 else strike - tail_b
    return sign * (with_forward - with_strike)


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy")
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


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy")
def add_digital(
    x: float, root: float, volatility: float, slope: float, weight: float, sign: float, scale: float,
    move: np.ndarray, shift: np.ndarray, settle: np.ndarray, sums: np.ndarray, count: int,
) -> None:  # fmt: skip
    """Add a digital, which pays one quote unit where it ends in the money."""
    for s in range(count):
        moved = volatility * (1.0 + shift[s] * weight) - slope * move[s]
        moved = moved if not moved < VOLATILITY_MIN else VOLATILITY_MIN
        deviation = moved * root
        b = sign * ((x + move[s]) / deviation - 0.5 * deviation)
        z = -0.5 * b * b
        z = z if z > EXPONENT_MIN else EXPONENT_MIN
        tail = exp_of(z) * tail_over_exp(abs(b))
        sums[s] += scale * (tail if b < 0.0 else 1.0 - tail) * settle[s]


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy")
def smile_shift(
    x: float, root_now: float, volatility: float, weight: float, total: np.ndarray, shift: np.ndarray,
    skew: np.ndarray, out: np.ndarray, count: int,
) -> None:  # fmt: skip
    """Write the volatility shift, skew included, that the plain rows are to apply with weight 1."""
    for s in range(count):
        out[s] = shift[s] * weight - skew[s] * (x + total[s]) / (root_now * volatility)


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy")
def add_scaled(base: np.ndarray, more: np.ndarray, factor: float, out: np.ndarray, count: int) -> None:
    """Write base + factor x more."""
    for s in range(count):
        out[s] = base[s] + factor * more[s]


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy")
def scaled_exp(logs: np.ndarray, factor: float, scale: float, out: np.ndarray, count: int) -> None:
    """Write scale x exp(factor x logs)."""
    for s in range(count):
        out[s] = scale * exp_of(factor * logs[s])


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy")
def product(a: np.ndarray, b: np.ndarray, out: np.ndarray, count: int) -> None:
    """Write a x b."""
    for s in range(count):
        out[s] = a[s] * b[s]


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy")
def add_linear(
    forward: float, entry: float, scale: float, growth: np.ndarray, basis: np.ndarray, settle: np.ndarray,
    sums: np.ndarray, count: int,
) -> None:  # fmt: skip
    """Add a perpetual or future whose profit is forward less entry."""
    for s in range(count):
        sums[s] += scale * (forward * growth[s] * basis[s] - entry) * settle[s]


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy")
def add_inverse(
    forward: float, entry: float, scale: float, growth: np.ndarray, basis: np.ndarray, settle: np.ndarray,
    sums: np.ndarray, count: int,
) -> None:  # fmt: skip
    """Add an inverse perpetual or future, paid in the asset itself."""
    for s in range(count):
        sums[s] += scale * (1.0 / entry - 1.0 / (forward * growth[s] * basis[s])) * settle[s]


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy")
def add_cash(scale: float, settle: np.ndarray, sums: np.ndarray, count: int) -> None:
    """Add a balance."""
    for s in range(count):
        sums[s] += scale * settle[s]
