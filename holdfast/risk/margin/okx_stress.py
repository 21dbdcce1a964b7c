"""OKX's stresses of one risk unit by full revaluation: price by volatility, decay, vega, interest, a far move.

Rules:

1. Profits are in base currency; stresses return losses, never below zero.
2. MR1 moves volatility up and down, in points and in shares, by days to expiry: the worst counts.
3. MR3 is a share of what volatility moves of opposite sign in different expiries hide from MR1: the sum of the expiries'
   sizes less the size of their sum.
4. MR5 moves the forwards of options by two components of the curve.
"""

import numpy as np
from numpy.typing import NDArray

from holdfast.risk.legs import Legs
from holdfast.risk.margin.leg_shifts import (
    base_profits,
    days_left,
    is_option,
    moved,
    with_rates,
    with_volatility,
)
from holdfast.risk.margin.okx_parameters import OkxValues
from holdfast.risk.shock import no_shocks

HOURS_YEAR = 365.0 * 24.0


class Stress:
    """One risk unit under OKX's scenarios. Cost: a revaluation a scenario."""

    def __init__(self, legs: Legs, asset: str, values: OkxValues) -> None:
        self._legs = legs
        self._names = frozenset({asset})
        self._values = values
        self._options = is_option(legs)
        move = values.volatility_moves
        days = days_left(legs)
        points = np.interp(days, move.days, move.points)
        shares = np.interp(days, move.days, move.shares)
        volatility = legs.legs["volatility"]
        self._volatilities = {
            "same": volatility,
            "up points": volatility + points,
            "down points": volatility - points,
            "up share": volatility * (1.0 + shares),
            "down share": volatility * (1.0 - shares),
        }

    def price_by_volatility(self, sizes: tuple[float, ...]) -> list[tuple[str, float]]:
        """Return MR1's scenarios by name with their profits."""
        moves = np.array(sorted({side * size for size in sizes for side in (1.0, -1.0)} | {0.0}))
        shocks = moved(self._legs, self._names, moves)
        found: list[tuple[str, float]] = []
        for name, volatility in self._volatilities.items():
            if name != "same" and not self._options.any():
                continue
            profit = base_profits(self._legs, with_volatility(self._legs, volatility), shocks).sum(axis=1)
            found += [(f"{move:+.0%} volatility {name}", float(p)) for move, p in zip(moves, profit, strict=True)]
        return found

    def decay(self) -> float:
        """Return MR2: what the options lose as a day passes."""
        still = no_shocks(
            1, len(self._legs.assets), horizon_years=self._values.decay_hours / HOURS_YEAR
        )
        return max(0.0, -self._optional(base_profits(self._legs, self._legs, still)[0]))

    def vega_across_expiries(self) -> float:
        """Return MR3: a share of the volatility risk that expiries hide from each other."""
        still = no_shocks(1, len(self._legs.assets))
        after = with_volatility(self._legs, self._volatilities["up share"])
        profit = base_profits(self._legs, after, still)[0]
        years = self._legs.legs["years"]
        by_expiry = [
            float(profit[self._options & (years == one)].sum()) for one in np.unique(years[self._options])
        ]
        hidden = sum(abs(one) for one in by_expiry) - abs(sum(by_expiry))
        return self._values.vega_matched_share * max(hidden, 0.0)

    def rates(self) -> float:
        """Return MR5: the worst loss of the options as the curve moves by its two components."""
        if not self._options.any():
            return 0.0
        moves = self._values.rate_moves
        days = days_left(self._legs)
        parallel = np.interp(days, moves.days, moves.parallel)
        slope = np.interp(days, moves.days, moves.slope)
        still = no_shocks(1, len(self._legs.assets))
        worst = 0.0
        for one in (0.0, *moves.parallel_moves):
            for other in (0.0, *moves.slope_moves):
                rates = one * parallel + other * slope
                after = with_rates(self._legs, rates)
                worst = min(worst, self._optional(base_profits(self._legs, after, still)[0]))
        return -worst

    def extreme(self, size: float) -> float:
        """Return the larger loss of a far move up and down, volatility as it is."""
        moves = np.array([-size, size])
        profit = base_profits(self._legs, self._legs, moved(self._legs, self._names, moves)).sum(axis=1)
        return max(0.0, -float(profit.min()))

    def _optional(self, profit: NDArray[np.float64]) -> float:
        return float(profit[self._options].sum())
