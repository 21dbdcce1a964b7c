"""Revalue: the full value of every leg under every shock. What scenarios, VaR, margin and capital share.

Rules:

1. `values` and `leg_values` keep every leg apart; `totals`, `profits` and `profits_by` sum as they go and need memory for
   their result alone.
2. The same legs and shocks give the same bits on any number of threads (see `cube.py`).
3. Shocks of a wrong shape, or that are no numbers, are the caller's mistake: no sum of theirs leaves here.
"""

from typing import Final

import numpy as np
from numba import get_num_threads, set_num_threads
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk import cube
from holdfast.risk.legs import Legs
from holdfast.risk.shock import Shocks, no_shocks

MOVE_MAX: Final = 100.0  # of a logarithm: nothing moves by e^100


def values(legs: Legs) -> NDArray[np.float64]:
    """Return the value of each leg in base currency as the market stands. Shape: (legs,)."""
    return leg_values(legs, no_shocks(1, len(legs.assets)))[0]


def leg_values(legs: Legs, shocks: Shocks) -> NDArray[np.float64]:
    """Return values in base currency, leg by leg. Shape: (scenarios, legs). Cost: 8 bytes a cell."""
    return np.ascontiguousarray(totals_by(legs, shocks, np.arange(len(legs.legs)), len(legs.legs)).T)


def totals(legs: Legs, shocks: Shocks) -> NDArray[np.float64]:
    """Return the value of the whole in base currency under each shock. Shape: (scenarios,).

    Cost: 3 ns an option and scenario and core, 2 us an American option's.
    """
    return totals_by(legs, shocks, np.zeros(len(legs.legs), dtype=np.int64), 1)[0]


def totals_by(legs: Legs, shocks: Shocks, groups: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return the value of each group of legs in base currency under each shock.

    Shape: groups (legs,) of numbers below `count`, the result (count, scenarios).
    Raises: CallerError `shocks.shape`, `shocks.unfinite`, `legs.groups`.
    """
    _check(legs, shocks)
    if groups.shape != legs.legs.shape or (groups.size and not 0 <= groups.min() <= groups.max() < count):
        raise CallerError("legs.groups", f"groups must give each of {len(legs.legs)} legs one below {count}")
    out = np.zeros((count, shocks.count))
    assets = len(legs.assets)
    keys, pair_of = np.unique(legs.legs["asset"] * assets + legs.legs["quote"], return_inverse=True)
    pairs = np.stack((keys // assets, keys % assets), axis=1)
    plans = cube.plan(
        legs.legs, legs.prices, shocks.term_power, shocks.horizon_years, shocks.sticky_moneyness
    )
    bent = bool(shocks.skew_shift.any() or shocks.rate_shift.any())
    threads = get_num_threads()
    if shocks.count <= cube.BLOCK:
        set_num_threads(1)  # a single block: waking other threads costs more than all of it (50 us)
    try:
        cube.fill(
            legs.legs, plans, legs.prices, pairs, pair_of, shocks.spot_log, shocks.volatility_shift,
            shocks.basis_log, shocks.skew_shift, shocks.rate_shift, bent, groups, out,
        )  # fmt: skip
    finally:
        set_num_threads(threads)
    return out


def profits(legs: Legs, shocks: Shocks) -> NDArray[np.float64]:
    """Return the profit of the whole in base currency under each shock. Shape: (scenarios,)."""
    return totals(legs, shocks) - totals(legs, no_shocks(1, len(legs.assets)))


def profits_by(legs: Legs, shocks: Shocks, groups: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Return the profit of each group of legs in base currency under each shock. Shape: (count, scenarios).

    Groups are any number for each leg: `legs.legs["account"]`, `["asset"]`, `["position"]`.
    """
    return totals_by(legs, shocks, groups, count) - totals_by(
        legs, no_shocks(1, len(legs.assets)), groups, count
    )


def _check(legs: Legs, shocks: Shocks) -> None:
    shape = (shocks.count, len(legs.assets))
    for name in ("spot_log", "volatility_shift", "basis_log", "skew_shift", "rate_shift"):
        array = getattr(shocks, name)
        if array.shape != shape:
            raise CallerError(
                "shocks.shape", f"{name} has shape {array.shape}, the legs need {shape}",
                remedy="one column an asset, in the order of Legs.assets",
            )  # fmt: skip
        if array.size and not np.abs(array).max() <= MOVE_MAX:
            raise CallerError(
                "shocks.unfinite", f"{name} holds moves that are no numbers or beyond {MOVE_MAX:g}",
                remedy="leave such scenarios out",
            )  # fmt: skip
