"""Grid: the profit of the desk over spot x volatility x term x skew x rate, as one table of many sides.

Rules:

1. Every combination of the values given is one scenario; unless assets are named, all that contracts are about move
   together, each by its beta.
2. `term` are powers by which the shift of volatility falls off with time to expiry (0: all expiries alike).
"""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk import revalue
from holdfast.risk.legs import CASH, Legs
from holdfast.risk.scenarios.scenario import asset_number
from holdfast.risk.shock import Shocks, no_shocks


class GridAxes(msgspec.Struct, frozen=True, kw_only=True):
    """The values that a grid combines. Units: spot relative moves (-0.2: a fifth lower), the others as in `shock.py`."""

    spot: tuple[float, ...] = (-0.4, -0.3, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
    volatility: tuple[float, ...] = (-0.3, -0.15, 0.0, 0.25, 0.5, 1.0)
    term: tuple[float, ...] = (0.5,)
    skew: tuple[float, ...] = (0.0,)
    rate: tuple[float, ...] = (0.0,)
    horizon_years: float = 0.0
    sticky_moneyness: bool = False


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Profits in base currency. Shape: profits (spot, volatility, term, skew, rate)."""

    axes: GridAxes
    profits: NDArray[np.float64]

    def table(self, term: int = 0, skew: int = 0, rate: int = 0) -> NDArray[np.float64]:
        """Return the sheet of spot by volatility for one value of each other axis."""
        return self.profits[:, :, term, skew, rate]

    def worst(self) -> tuple[float, dict[str, float]]:
        """Return the worst profit and the values at which it is."""
        axes = self.axes
        at = np.unravel_index(int(self.profits.argmin()), self.profits.shape)
        values = (axes.spot, axes.volatility, axes.term, axes.skew, axes.rate)
        names = ("spot", "volatility", "term", "skew", "rate")
        return float(self.profits[at]), {n: v[i] for n, v, i in zip(names, values, at, strict=True)}


def grid(
    legs: Legs,
    axes: GridAxes | None = None,
    *,
    assets: tuple[str, ...] = (),
    betas: Mapping[str, float] | None = None,
) -> Grid:
    """Revalue the desk over a grid.

    `betas` scale the log move of spot by asset, 1 where not named. Raises: CallerError `scenario.asset`.
    """
    axes = axes or GridAxes()
    numbers = [asset_number(legs, asset) for asset in assets] or underlyings(legs)
    beta = np.array([(betas or {}).get(legs.assets[number], 1.0) for number in numbers])
    shape = (len(axes.spot), len(axes.volatility), len(axes.skew), len(axes.rate))
    profits = np.empty((*shape[:2], len(axes.term), *shape[2:]))
    sides = np.meshgrid(np.log1p(axes.spot), axes.volatility, axes.skew, axes.rate, indexing="ij")
    spot, volatility, skew, rate = (side.reshape(-1, 1) for side in sides)
    for number, power in enumerate(axes.term):
        shocks: Shocks = no_shocks(
            len(spot), len(legs.assets), term_power=power, horizon_years=axes.horizon_years,
            sticky_moneyness=axes.sticky_moneyness,
        )  # fmt: skip
        shocks.spot_log[:, numbers] = spot * beta
        shocks.volatility_shift[:, numbers] = volatility
        shocks.skew_shift[:, numbers] = skew
        shocks.rate_shift[:, numbers] = rate
        profits[:, :, number] = revalue.profits(legs, shocks).reshape(shape)
    return Grid(axes=axes, profits=profits)


def underlyings(legs: Legs) -> list[int]:
    """Return the numbers of the assets that contracts are about; for a desk of balances alone, of all its assets."""
    about = sorted(set(legs.legs["asset"][legs.legs["kind"] != CASH].tolist()) - {0})
    return about or list(range(1, len(legs.assets)))
