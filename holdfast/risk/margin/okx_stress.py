"""OKX's stresses of one risk unit by full revaluation: price by volatility, decay, vega, interest, a far move.

Rules:

1. Profits are in base currency; stresses return losses, never below zero.
2. MR1 moves volatility up and down, in points and in shares, by days to expiry: the worst counts.
3. MR3 is a share of what volatility moves of opposite sign in different expiries hide from MR1: the sum of the expiries'
   sizes less the size of their sum.
4. MR5 moves the forwards of options by two components of the curve.
"""

import numpy as np

from holdfast.risk.legs import Legs
from holdfast.risk.margin.leg_shifts import (
    days_left,
    is_option,
    moved,
    profits,
    with_rates,
    with_volatility,
)
from holdfast.risk.margin.okx_parameters import OkxValues
from holdfast.risk.shock import no_shocks

HOURS_YEAR = 365.0 * 24.0
VOLATILITIES = ("same", "up points", "down points", "up share", "down share")


class Stress:
    """One risk unit under OKX's scenarios. Units: sizes fractions of the price. Cost: six revaluations."""

    def __init__(
        self, legs: Legs, asset: str, values: OkxValues, sizes: tuple[float, ...], extreme: float
    ) -> None:
        self._legs = legs
        self._values = values
        self._options = is_option(legs)
        near = {side * size for size in sizes for side in (1.0, -1.0)} | {0.0}
        self._moves = np.array([*sorted(near), -extreme, extreme])
        shocks = moved(legs, frozenset({asset}), self._moves)
        # profit by volatility, move and leg; the last two moves are the far ones
        self._profit = profits(legs, self._versions(), shocks, "base")

    def price_by_volatility(self) -> list[tuple[str, float]]:
        """Return MR1's scenarios by name with their profits."""
        count = len(VOLATILITIES) if self._options.any() else 1
        total = self._profit[:count, :-2].sum(axis=2)
        return [
            (f"{move:+.0%} volatility {name}", float(total[row, column]))
            for row, name in enumerate(VOLATILITIES[:count])
            for column, move in enumerate(self._moves[:-2])
        ]

    def decay(self) -> float:
        """Return MR2: what the options lose as a day passes."""
        if not self._options.any():
            return 0.0
        still = no_shocks(1, len(self._legs.assets), horizon_years=self._values.decay_hours / HOURS_YEAR)
        return max(0.0, -float(profits(self._legs, [self._legs], still, "base")[0, 0, self._options].sum()))

    def vega_across_expiries(self) -> float:
        """Return MR3: a share of the volatility risk that expiries hide from each other."""
        still = int(np.flatnonzero(self._moves == 0.0)[0])
        profit = self._profit[VOLATILITIES.index("up share"), still]
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
        versions = [
            with_rates(self._legs, one * parallel + other * slope)
            for one in (0.0, *moves.parallel_moves)
            for other in (0.0, *moves.slope_moves)
        ]
        profit = profits(self._legs, versions, no_shocks(1, len(self._legs.assets)), "base")[:, 0]
        return max(0.0, -float(profit[:, self._options].sum(axis=1).min()))

    def extreme(self) -> float:
        """Return the larger loss of the far move up and down, volatility as it is."""
        return max(0.0, -float(self._profit[0, -2:].sum(axis=1).min()))

    def _versions(self) -> list[Legs]:
        move = self._values.volatility_moves
        days = days_left(self._legs)
        points = np.interp(days, move.days, move.points)
        shares = np.interp(days, move.days, move.shares)
        volatility = self._legs.legs["volatility"]
        shocked = (
            volatility,
            volatility + points,
            volatility - points,
            volatility * (1.0 + shares),
            volatility * (1.0 - shares),
        )
        return [with_volatility(self._legs, one) for one in shocked]
