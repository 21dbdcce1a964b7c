"""Aged: legs revalued on one later date along all paths, in blocks, in loops that the compiler turns into vectors.

Rules:

1. A loop is over the paths of one leg on one date: its kind, its time left and its discount are the same on all of them.
2. A forward moves with its asset less its quote currency; a value is paid in the settlement asset at its price then. Where a
   quote currency does not move, its row of ones is not read.
3. Dates are independent, and inside one the legs are added in their order: the result does not depend on the threads.
4. Flags are those of `pricing/normal.py`, for its reasons.
"""

from typing import Any, Final

import numpy as np
from numba import njit, prange

from holdfast.risk.legs import DIGITAL, INVERSE, LINEAR, OPTION_INVERSE
from holdfast.risk.pricing.black76 import black76_price
from holdfast.risk.pricing.digital import cash_or_nothing
from holdfast.risk.pricing.normal import FLAGS

BLOCK: Final = 1024
EXPIRED_YEARS: Final = -1e-12  # a date this far past the expiry is past it


@njit(cache=True, parallel=True, error_model="numpy")
def fill(
    legs: np.ndarray,
    prices: np.ndarray,
    times: np.ndarray,
    moves: np.ndarray,
    flat: np.ndarray,
    out: np.ndarray,
) -> None:
    """Add the value of all legs, in base currency, into `out`.

    Shape: moves (dates, assets, paths), flat (assets,) true where the asset never moves, out (dates, paths).
    """
    for date in prange(times.shape[0]):
        growth, paid = np.empty(BLOCK), np.empty(BLOCK)
        for begin in range(0, out.shape[1], BLOCK):
            end = min(begin + BLOCK, out.shape[1])
            sums = out[date, begin:end]
            for j in range(legs.shape[0]):
                leg = legs[j]
                years = leg.years - times[date]
                if leg.years > 0.0 and years < EXPIRED_YEARS:
                    continue
                _add_leg(leg, max(years, 0.0), prices, moves[date], begin, end, flat, growth, paid, sums)


@njit(cache=True, error_model="numpy")
def _add_leg(
    leg: Any, years: float, prices: np.ndarray, moves: np.ndarray, begin: int, end: int, flat: np.ndarray,
    growth: np.ndarray, paid: np.ndarray, sums: np.ndarray,
) -> None:  # fmt: skip
    count = end - begin
    start = leg.ratio * prices[leg.asset] / prices[leg.quote]
    scale = leg.quantity * prices[leg.settle]
    # slices of one contiguous row: anything else the compiler reads number by number
    growth_row, settle_row = moves[leg.asset][begin:end], moves[leg.settle][begin:end]
    if not flat[leg.quote]:
        quote_row = moves[leg.quote][begin:end]
        for path in range(count):
            growth[path] = growth_row[path] / quote_row[path]
        growth_row = growth[:count]
    if leg.kind == LINEAR:
        _add_linear(start, leg.entry, scale, growth_row, settle_row, sums)
    elif leg.kind == INVERSE:
        _add_inverse(start, leg.entry, scale, growth_row, settle_row, sums)
    else:
        if leg.kind == OPTION_INVERSE:  # paid in coins, counted at the forward
            scale /= start
            for path in range(count):
                paid[path] = settle_row[path] / growth_row[path]
            settle_row = paid[:count]
        discount = leg.discount ** (years / leg.years)
        scale *= discount
        if leg.kind == DIGITAL:
            _add_digital(
                start, leg.strike, years, leg.volatility, leg.sign, scale, growth_row, settle_row, sums
            )
        else:
            _add_option(
                start, leg.strike, years, leg.volatility, leg.sign, scale, growth_row, settle_row, sums
            )


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def _add_option(
    start: float, strike: float, years: float, volatility: float, sign: float, scale: float, growth: np.ndarray,
    paid: np.ndarray, sums: np.ndarray,
) -> None:  # fmt: skip
    for path in range(sums.shape[0]):
        price = black76_price(start * growth[path], strike, years, volatility, sign, 1.0)
        sums[path] += scale * price * paid[path]


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def _add_digital(
    start: float, strike: float, years: float, volatility: float, sign: float, scale: float, growth: np.ndarray,
    paid: np.ndarray, sums: np.ndarray,
) -> None:  # fmt: skip
    for path in range(sums.shape[0]):
        price = cash_or_nothing(start * growth[path], strike, years, volatility, sign, 1.0)
        sums[path] += scale * price * paid[path]


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def _add_linear(
    start: float, entry: float, scale: float, growth: np.ndarray, paid: np.ndarray, sums: np.ndarray
) -> None:
    for path in range(sums.shape[0]):
        sums[path] += scale * (start * growth[path] - entry) * paid[path]


@njit(cache=True, fastmath=FLAGS, error_model="numpy")
def _add_inverse(
    start: float, entry: float, scale: float, growth: np.ndarray, paid: np.ndarray, sums: np.ndarray
) -> None:
    for path in range(sums.shape[0]):
        sums[path] += scale * (1.0 / entry - 1.0 / (start * growth[path])) * paid[path]
