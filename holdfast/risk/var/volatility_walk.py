"""Volatility walk: the log of a volatility index as a reverting walk with jumps, calibrated from the index's history.

Rules:

1. It is the 30-day volatility that options are revalued at, not the variance of the next minute: the two wander at
   different speeds, and a model of returns alone says little of the first.
2. The walk starts at zero and its mean stays there: no view on whether volatility is high.

Source: Stein, Stein (1991) for the walk; Kendall (1954), Marriott, Pope (1954) for the bias of its reversion.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.draws import Generator
from holdfast.risk.market import YEAR_NS
from holdfast.risk.missing import Missing
from holdfast.risk.var.historical import short
from holdfast.risk.var.jumps import Jumps, jumped, jumps_of
from holdfast.risk.var.returns import Panel

ROWS_MIN: Final = 100
PULL_MAX: Final = 0.5  # share a step
PULL_ROWS_MIN: Final = 250  # below, a pull cannot be told from chance and none is taken


class VolatilityWalk(msgspec.Struct, frozen=True, kw_only=True):
    """Units: deviation of log volatility for one root year; reversion a year."""

    deviation: float
    reversion: float
    jumps: Jumps
    notes: tuple[str, ...] = ()

    def draw(self, years: float, paths: int, draws: Generator) -> NDArray[np.float64]:
        """Return relative shifts of volatility after so many years. Shape: (paths,)."""
        span = (
            years
            if self.reversion == 0.0
            else -math.expm1(-2.0 * self.reversion * years) / (2.0 * self.reversion)
        )
        moves = self.deviation * math.sqrt(span) * draws.standard_normal(paths)
        moves += self.jumps.draw(years, paths, draws) - self.jumps.a_year * self.jumps.mean * years
        return np.expm1(moves)


def walk_of(panel: Panel, asset: str) -> VolatilityWalk | Missing:
    """Calibrate an asset's volatility walk from its volatility column."""
    column = panel.column(asset, "volatility")
    name = f"{asset} volatility"
    if column < 0:
        return Missing(name, "volatility.absent", "no history of it", "give a volatility history")
    refused = short(panel, name, ROWS_MIN)
    if refused is not None:
        return refused
    changes = panel.log_returns[:, column]
    apart = jumped(changes - changes.mean())
    step_years = panel.step_ns / YEAR_NS
    jumps, notes = jumps_of(changes[apart], len(changes) * step_years, name)
    return VolatilityWalk(
        deviation=float(changes[~apart].std()) / math.sqrt(step_years),
        reversion=-math.log1p(-pull(panel, column)) / step_years,
        jumps=jumps,
        notes=notes,
    )


def pull(panel: Panel, column: int) -> float:
    """Return the share of its distance to the mean that a volatility goes back a step: a regression, less its bias.

    An autoregression of n points finds about 4 / n too much pull. Zero for a price, and for fewer than 250 rows.
    Limits: steps left out of the panel are taken as if nothing had moved in them.
    """
    rows = len(panel.log_returns)
    if panel.of[column] != "volatility" or rows < PULL_ROWS_MIN:
        return 0.0
    moves = panel.log_returns[:, column]
    level = np.concatenate(([0.0], np.cumsum(moves)[:-1]))
    level -= level.mean()
    share = -float(level @ moves) / float(level @ level) - 4.0 / rows
    return min(max(share, 0.0), PULL_MAX)
