"""Leg shifts: legs as a venue's scenario has them: each with its own volatility or rate, revalued by the one kernel.

Rules:

1. A venue's volatility shocks differ from leg to leg (by days left, with floors), so they are written into a copy of the
   legs; moves of assets are shocks as everywhere. Repricing itself happens in `revalue.py` alone.
2. Profit in units of settlement is what a coin-settled account gains in coin: its own coin's move is not in it.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.legs import INVERSE, LINEAR, OPTION_INVERSE, Legs
from holdfast.risk.revalue import leg_values, values
from holdfast.risk.shock import VOLATILITY_MIN, Shocks, no_shocks

DAYS_YEAR = 365.0
BUMP = 1e-4  # relative, for deltas


def is_option(legs: Legs) -> NDArray[np.bool_]:
    """Tell which legs are options. Shape: (legs,)."""
    return legs.legs["volatility"] > 0.0


def days_left(legs: Legs) -> NDArray[np.float64]:
    """Return the days to each leg's expiry, 0 for none. Shape: (legs,)."""
    return legs.legs["years"] * DAYS_YEAR


def subset(legs: Legs, mask: NDArray[np.bool_]) -> Legs:
    """Return some of the legs, against the same assets. Shape: mask (legs,)."""
    names = tuple(name for name, kept in zip(legs.names, mask, strict=True) if kept)
    return msgspec.structs.replace(legs, legs=legs.legs[mask], names=names)


def with_volatility(legs: Legs, volatilities: NDArray[np.float64]) -> Legs:
    """Return the legs with other volatilities, never below VOLATILITY_MIN; legs without one are kept. Shape: (legs,)."""
    rows = legs.legs.copy()
    rows["volatility"] = np.where(
        is_option(legs), np.maximum(volatilities, VOLATILITY_MIN), rows["volatility"]
    )
    return msgspec.structs.replace(legs, legs=rows)


def with_rates(legs: Legs, rates: NDArray[np.float64]) -> Legs:
    """Return the legs with the forwards of options moved by rates of their own, a year. Shape: (legs,)."""
    rows = legs.legs.copy()
    rows["ratio"] = np.where(is_option(legs), rows["ratio"] * np.exp(rates * rows["years"]), rows["ratio"])
    return msgspec.structs.replace(legs, legs=rows)


def moved(legs: Legs, names: frozenset[str], moves: NDArray[np.float64], **named: float) -> Shocks:
    """Return shocks in which assets move by fractions of their price. Shape: moves (scenarios,)."""
    shocks = no_shocks(len(moves), len(legs.assets), **named)
    for column, name in enumerate(legs.assets):
        if name in names:
            shocks.spot_log[:, column] = np.log1p(moves)
    return shocks


def profits(
    before: Legs, after: Sequence[Legs], shocks: Shocks, unit: Literal["settlement", "base"]
) -> NDArray[np.float64]:
    """Return each leg's profit from the legs before to each version of them under shocks.

    Shape: (versions, scenarios, legs). Units: what each leg settles in, or base currency.
    Cost: two revaluations, whatever the number of versions.
    """
    count = len(before.legs)
    joined = msgspec.structs.replace(before, legs=np.concatenate([one.legs for one in after]), names=())
    values_after = leg_values(joined, shocks).reshape(shocks.count, len(after), count).swapaxes(0, 1)
    if unit == "base":
        return values_after - values(before)
    settle = before.legs["settle"]
    prices = before.prices[settle] * np.exp(shocks.spot_log[:, settle])
    return values_after / prices - values(before) / before.prices[settle]


def deltas(legs: Legs) -> NDArray[np.float64]:
    """Return each leg's delta in units of its asset: a future's size, an option's size times its Black-76 delta.

    Shape: (legs,). Cost: two revaluations. Cash has its amount.
    """
    asset = legs.legs["asset"]
    ratio = legs.legs["ratio"]
    forward = ratio * legs.prices[asset] / legs.prices[legs.legs["quote"]]
    shocks = no_shocks(2, len(legs.assets))
    for column in np.unique(asset):
        shocks.spot_log[:, column] = np.log([1.0 + BUMP, 1.0 - BUMP])
    shocks.spot_log[:, legs.legs["quote"][legs.legs["quote"] != asset]] = 0.0
    up, down = leg_values(legs, shocks)
    kind = legs.legs["kind"]
    # a coin-settled option is paid at the spot price, so its forward's carry cancels
    carry = np.where(kind == OPTION_INVERSE, 1.0, ratio)
    sensitivity = (up - down) / (2.0 * BUMP * legs.prices[asset] * carry)
    size = np.where(kind == INVERSE, legs.legs["quantity"] / forward, legs.legs["quantity"])
    return np.where((kind == INVERSE) | (kind == LINEAR), size, sensitivity)
