"""Cube: every leg under every scenario, in blocks of scenarios, summed by group of legs and never kept cell by cell.

Rules:

1. Blocks are of a fixed size and independent; inside one, legs are added in their order: the result is the same bit for bit
   on any number of threads.
2. What a leg needs for all scenarios is worked out once (`plan`); what an asset needs for all legs, once a block.
3. A forward moves with the pair (asset, quote): by the asset's move less the quote's. Columns of shocks that are zero
   everywhere cost nothing.
4. As the horizon passes, forwards stay and what is left of a discount factor shrinks with the time that is left.
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit, prange

from holdfast.risk.cube_rows import (
    add_cash,
    add_digital,
    add_inverse,
    add_linear,
    add_option,
    add_scaled,
    product,
    scaled_exp,
    smile_shift,
)
from holdfast.risk.legs import AMERICAN, BARRIER, CASH, DIGITAL, INVERSE, LINEAR, OPTION, OPTION_INVERSE
from holdfast.risk.pricing.payoff import payoff_price
from holdfast.risk.shock import REFERENCE_YEARS, VOLATILITY_MIN, WEIGHT_MAX

BLOCK: Final = 512
ROOT_MIN: Final = 1e-9  # of years: with less left an option is worth its payoff

# columns of a plan
LOG_MONEYNESS, FORWARD, ROOT, WEIGHT, LEFT, DISCOUNT, RATIO_LEFT, SLOPE = range(8)


@njit(cache=True)
def plan(
    legs: np.ndarray, prices: np.ndarray, term_power: float, horizon: float, sticky_moneyness: bool
) -> np.ndarray:
    """Work out what each leg needs that no scenario changes. Shape: (legs, 8)."""
    out = np.zeros((legs.shape[0], 8))
    for j in range(legs.shape[0]):
        leg = legs[j]
        if leg.kind == CASH:
            continue
        forward = leg.ratio * prices[leg.asset] / prices[leg.quote]
        out[j, FORWARD] = forward
        if leg.kind == LINEAR or leg.kind == INVERSE:
            continue
        left = max(leg.years - horizon, 0.0)
        share = left / leg.years
        out[j, LOG_MONEYNESS] = math.log(forward / leg.strike)
        out[j, ROOT] = max(math.sqrt(left), ROOT_MIN)
        out[j, WEIGHT] = min((REFERENCE_YEARS / leg.years) ** term_power, WEIGHT_MAX)
        out[j, LEFT] = left
        out[j, DISCOUNT] = leg.discount**share
        out[j, RATIO_LEFT] = leg.ratio**share
        out[j, SLOPE] = leg.slope if sticky_moneyness else 0.0
    return out


@njit(cache=True, parallel=True, error_model="numpy")
def fill(
    legs: np.ndarray, plans: np.ndarray, prices: np.ndarray, pairs: np.ndarray, pair_of: np.ndarray,
    spot_log: np.ndarray, volatility_shift: np.ndarray, basis_log: np.ndarray, skew_shift: np.ndarray,
    rate_shift: np.ndarray, bent: bool, groups: np.ndarray, out: np.ndarray,
) -> None:  # fmt: skip
    """Add the value of every leg to its group. Shape: out (groups, scenarios), zeros at first.

    `pairs` (pairs, 2) are the (asset, quote) of legs and `pair_of` (legs,) points there; `bent`: skew or rates move.
    """
    scenarios = spot_log.shape[0]
    assets = prices.shape[0]
    for block in prange((scenarios + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        count = min(BLOCK, scenarios - first)
        column = np.empty(BLOCK)
        settle = np.empty((assets, BLOCK))
        shift = np.empty((assets, BLOCK))
        basis = np.empty((assets, BLOCK))
        skew = np.empty((assets, BLOCK))
        rate = np.empty((assets, BLOCK))
        for a in range(assets):
            for s in range(count):
                column[s] = spot_log[first + s, a]
                shift[a, s] = volatility_shift[first + s, a]
            scaled_exp(column, 1.0, prices[a], settle[a], count)
            for s in range(count):
                column[s] = basis_log[first + s, a]
            scaled_exp(column, 1.0, 1.0, basis[a], count)
            if bent:
                for s in range(count):
                    skew[a, s] = skew_shift[first + s, a]
                    rate[a, s] = rate_shift[first + s, a]
        move = np.empty((pairs.shape[0], BLOCK))
        growth = np.empty((pairs.shape[0], BLOCK))
        shrink = np.empty((pairs.shape[0], BLOCK))
        for p in range(pairs.shape[0]):
            asset, quote = pairs[p, 0], pairs[p, 1]
            for s in range(count):
                move[p, s] = spot_log[first + s, asset] - spot_log[first + s, quote]
            scaled_exp(move[p], 1.0, 1.0, growth[p], count)
            scaled_exp(move[p], -1.0, 1.0, shrink[p], count)
        ones = np.ones(BLOCK)
        scratch = np.empty((5, BLOCK))
        for j in range(legs.shape[0]):
            leg = legs[j]
            sums = out[groups[j], first : first + count]
            p = pair_of[j]
            if bent and leg.kind != CASH and leg.kind != LINEAR and leg.kind != INVERSE:
                _add_bent(
                    leg, plans[j], move[p], shift[leg.asset], skew[leg.asset], rate[leg.asset],
                    settle[leg.settle], ones, scratch, sums, count,
                )  # fmt: skip
            else:
                _add(
                    leg, plans[j], move[p], growth[p], shrink[p], shift[leg.asset], basis[leg.asset],
                    settle[leg.settle], ones, sums, count,
                )  # fmt: skip


@njit(cache=True, error_model="numpy")
def _add(
    leg: Any, plan: np.ndarray, move: np.ndarray, growth: np.ndarray, shrink: np.ndarray, shift: np.ndarray,
    basis: np.ndarray, settle: np.ndarray, ones: np.ndarray, sums: np.ndarray, count: int,
) -> None:  # fmt: skip
    forward = plan[FORWARD]
    if leg.kind == CASH:
        add_cash(leg.quantity, settle, sums, count)
    elif leg.kind == LINEAR:
        add_linear(forward, leg.entry, leg.quantity, growth, basis, settle, sums, count)
    elif leg.kind == INVERSE:
        add_inverse(forward, leg.entry, leg.quantity, growth, basis, settle, sums, count)
    elif leg.kind == OPTION or leg.kind == OPTION_INVERSE:
        scale = leg.quantity * plan[DISCOUNT]
        over = ones
        if leg.kind == OPTION_INVERSE:
            scale /= forward
            over = shrink
        add_option(
            plan[LOG_MONEYNESS], forward, leg.strike, plan[ROOT], leg.volatility, plan[SLOPE], plan[WEIGHT],
            leg.sign, scale, move, growth, shift, over, settle, sums, count,
        )  # fmt: skip
    elif leg.kind == DIGITAL:
        add_digital(
            plan[LOG_MONEYNESS], plan[ROOT], leg.volatility, plan[SLOPE], plan[WEIGHT], leg.sign,
            leg.quantity * plan[DISCOUNT], move, shift, settle, sums, count,
        )  # fmt: skip
    else:
        _add_exotic(leg, plan, move, growth, growth, shift, plan[WEIGHT], ones, settle, sums, count)


@njit(cache=True, error_model="numpy")
def _add_bent(
    leg: Any, plan: np.ndarray, move: np.ndarray, shift: np.ndarray, skew: np.ndarray, rate: np.ndarray,
    settle: np.ndarray, ones: np.ndarray, scratch: np.ndarray, sums: np.ndarray, count: int,
) -> None:  # fmt: skip
    """Add an option where skew or rates move: they become a further move of the forward and a shift of volatility."""
    total, growth, shrink, paid, moved = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    add_scaled(move, rate, plan[LEFT], total, count)
    smile_shift(
        plan[LOG_MONEYNESS],
        math.sqrt(leg.years),
        leg.volatility,
        plan[WEIGHT],
        total,
        shift,
        skew,
        moved,
        count,
    )
    scaled_exp(total, 1.0, 1.0, growth, count)
    x, forward, scale = plan[LOG_MONEYNESS], plan[FORWARD], leg.quantity * plan[DISCOUNT]
    if leg.kind == OPTION_INVERSE:
        scaled_exp(total, -1.0, 1.0, shrink, count)
        add_option(
            x, forward, leg.strike, plan[ROOT], leg.volatility, plan[SLOPE], 1.0, leg.sign, scale / forward,
            total, growth, moved, shrink, settle, sums, count,
        )  # fmt: skip
        return
    scaled_exp(rate, -plan[LEFT], 1.0, shrink, count)
    product(settle, shrink, paid, count)
    if leg.kind == OPTION:
        add_option(
            x, forward, leg.strike, plan[ROOT], leg.volatility, plan[SLOPE], 1.0, leg.sign, scale, total, growth,
            moved, ones, paid, sums, count,
        )  # fmt: skip
    elif leg.kind == DIGITAL:
        add_digital(
            x, plan[ROOT], leg.volatility, plan[SLOPE], 1.0, leg.sign, scale, total, moved, paid, sums, count
        )
    else:
        scaled_exp(move, 1.0, 1.0, paid, count)
        _add_exotic(leg, plan, total, growth, paid, moved, 1.0, shrink, settle, sums, count)


@njit(cache=True, error_model="numpy")
def _add_exotic(
    leg: Any, plan: np.ndarray, move: np.ndarray, growth: np.ndarray, spot_growth: np.ndarray,
    shift: np.ndarray, weight: float, discount: np.ndarray, settle: np.ndarray, sums: np.ndarray, count: int,
) -> None:  # fmt: skip
    """Add an American or a barrier option: on the asset itself, its carry and rate as the leg has them."""
    assert leg.kind == AMERICAN or leg.kind == BARRIER
    for s in range(count):
        moved = leg.volatility * (1.0 + shift[s] * weight) - plan[SLOPE] * move[s]
        moved = moved if not moved < VOLATILITY_MIN else VOLATILITY_MIN
        price = payoff_price(
            leg.kind, plan[FORWARD] * growth[s], leg.strike, plan[LEFT], moved, leg.sign,
            plan[DISCOUNT] * discount[s], leg.barrier, leg.barrier_type, leg.rebate,
            plan[FORWARD] / plan[RATIO_LEFT] * spot_growth[s],
        )  # fmt: skip
        sums[s] += leg.quantity * price * settle[s]
