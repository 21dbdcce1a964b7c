"""Aged: legs revalued on one later date along all paths, in blocks, in loops that the compiler turns into vectors.

Rules:

1. On one date an option's time left and deviation are the same on every path; only its forward differs. What is the same is
   worked out before the loop.
2. A forward moves with its asset less its quote currency; a value is paid in the settlement asset at its price then. Where a
   currency does not move, its row of ones is not read.
3. Dates are independent, and inside one the legs are added in their order: the result does not depend on the threads.
4. The flags and the reason for them are those of `cube_rows.py`, whose exponential and normal tail this uses.
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit, prange

from holdfast.risk.cube_rows import DEVIATION_MIN, EXPONENT_MIN, FAST_MATH, exp_of, tail_over_exp
from holdfast.risk.legs import DIGITAL, INVERSE, LINEAR, OPTION_INVERSE

BLOCK: Final = 1024
EXPIRED_YEARS: Final = -1e-12  # a date this far past the expiry is past it


@njit(cache=True, parallel=True, error_model="numpy")
def fill(
    legs: np.ndarray, prices: np.ndarray, times: np.ndarray, logs: np.ndarray, moves: np.ndarray, flat: np.ndarray,
    out: np.ndarray,
) -> None:  # fmt: skip
    """Add the value of all legs, in base currency, into `out`.

    Shape: logs, moves (dates, assets, paths), flat (assets,) true where the asset never moves, out (dates, paths).
    """
    for date in prange(times.shape[0]):
        x, growth, paid = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
        for begin in range(0, out.shape[1], BLOCK):
            end = min(begin + BLOCK, out.shape[1])
            sums = out[date, begin:end]
            for j in range(legs.shape[0]):
                leg = legs[j]
                years = leg.years - times[date]
                if leg.years > 0.0 and years < EXPIRED_YEARS:
                    continue
                _add_leg(
                    leg,
                    max(years, 0.0),
                    prices,
                    logs[date],
                    moves[date],
                    begin,
                    end,
                    flat,
                    x,
                    growth,
                    paid,
                    sums,
                )


@njit(cache=True, error_model="numpy")
def _add_leg(
    leg: Any, years: float, prices: np.ndarray, logs: np.ndarray, moves: np.ndarray, begin: int, end: int,
    flat: np.ndarray, x: np.ndarray, growth: np.ndarray, paid: np.ndarray, sums: np.ndarray,
) -> None:  # fmt: skip
    count = sums.shape[0]
    start = leg.ratio * prices[leg.asset] / prices[leg.quote]
    scale = leg.quantity * prices[leg.settle]
    # slices of one contiguous row: anything else the compiler reads number by number
    x_row, growth_row, settle_row = (
        logs[leg.asset][begin:end], moves[leg.asset][begin:end], moves[leg.settle][begin:end]
    )  # fmt: skip
    if not flat[leg.quote]:
        x_quote, growth_quote = logs[leg.quote][begin:end], moves[leg.quote][begin:end]
        for path in range(count):
            x[path] = x_row[path] - x_quote[path]
            growth[path] = growth_row[path] / growth_quote[path]
        x_row, growth_row = x[:count], growth[:count]
    in_coin = leg.kind == OPTION_INVERSE
    paid_row = paid[:count]
    if in_coin:
        scale /= start
    if in_coin and leg.settle == leg.asset and flat[leg.quote]:
        paid_row[:] = 1.0  # so many coins are worth what they were over the price they were counted at
    elif in_coin:
        for path in range(count):
            paid[path] = settle_row[path] / growth_row[path]
    else:
        paid_row = settle_row
    if leg.kind == LINEAR:
        for path in range(count):
            sums[path] += scale * (start * growth_row[path] - leg.entry) * paid_row[path]
        return
    if leg.kind == INVERSE:
        for path in range(count):
            sums[path] += scale * (1.0 / leg.entry - 1.0 / (start * growth_row[path])) * paid_row[path]
        return
    if leg.years > 0.0:
        scale *= leg.discount ** (years / leg.years)
    deviation = leg.volatility * math.sqrt(years)
    x_start = math.log(start / leg.strike)
    if deviation < DEVIATION_MIN:
        _add_payoff(leg.kind == DIGITAL, start, leg.strike, leg.sign, scale, growth_row, paid_row, sums)
    elif leg.kind == DIGITAL:
        _add_digital(x_start, deviation, leg.sign, scale, x_row, paid_row, sums)
    else:
        _add_option(x_start, start, leg.strike, deviation, leg.sign, scale, x_row, growth_row, paid_row, sums)


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy")
def _add_option(
    x_start: float, start: float, strike: float, deviation: float, sign: float, scale: float, x: np.ndarray,
    growth: np.ndarray, paid: np.ndarray, sums: np.ndarray,
) -> None:  # fmt: skip
    """Add a European option; one exponential serves both normals, as forward x density(d1) = strike x density(d2)."""
    over, half = 1.0 / deviation, 0.5 * deviation
    for path in range(sums.shape[0]):
        forward = start * growth[path]
        d1 = (x_start + x[path]) * over + half
        z = -0.5 * d1 * d1
        z = z if z > EXPONENT_MIN else EXPONENT_MIN
        weight = forward * exp_of(z)
        a = sign * d1
        b = a - sign * deviation
        tail_a = weight * tail_over_exp(abs(a))
        tail_b = weight * tail_over_exp(abs(b))
        with_forward = tail_a if a < 0.0 else forward - tail_a
        with_strike = tail_b if b < 0.0 else strike - tail_b
        sums[path] += scale * sign * (with_forward - with_strike) * paid[path]


@njit(cache=True, fastmath=FAST_MATH, error_model="numpy")
def _add_digital(
    x_start: float,
    deviation: float,
    sign: float,
    scale: float,
    x: np.ndarray,
    paid: np.ndarray,
    sums: np.ndarray,
) -> None:
    for path in range(sums.shape[0]):
        b = sign * ((x_start + x[path]) / deviation - 0.5 * deviation)
        z = -0.5 * b * b
        z = z if z > EXPONENT_MIN else EXPONENT_MIN
        tail = exp_of(z) * tail_over_exp(abs(b))
        sums[path] += scale * (tail if b < 0.0 else 1.0 - tail) * paid[path]


@njit(cache=True, error_model="numpy")
def _add_payoff(
    digital: bool, start: float, strike: float, sign: float, scale: float, growth: np.ndarray, paid: np.ndarray,
    sums: np.ndarray,
) -> None:  # fmt: skip
    for path in range(sums.shape[0]):
        inside = sign * (start * growth[path] - strike)
        if inside > 0.0:
            sums[path] += scale * (1.0 if digital else inside) * paid[path]
