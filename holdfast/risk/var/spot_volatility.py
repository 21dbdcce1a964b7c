"""Spot and volatility: how volatility moves with the price, regressed where both are known, lent where one is not.

Rules:

1. Falls and rallies have slopes of their own: in coins volatility rises in both (a single slope would hide both).
2. What the regression leaves is not dropped: lending draws its residuals too, or every short-volatility book would look
   safer than it is.
3. A volatility made so is named in the panel's notes with its slopes and how much they explain.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.var.historical import short
from holdfast.risk.var.returns import Panel

ROWS_MIN: Final = 60


class SpotVolatility(msgspec.Struct, frozen=True, kw_only=True):
    """Change of log volatility = base + down x min(r, 0) + up x max(r, 0) + a residual, r the log return over one step.

    `down_error` and `up_error` are standard errors that allow for unequal variance (White); explained is R squared.
    """

    source: str
    step_ns: int
    base: float
    down: float
    up: float
    down_error: float
    up_error: float
    explained: float
    residuals: NDArray[np.float64]

    def __str__(self) -> str:
        return (
            f"regressed as {self.source}'s: {self.down:+.2f} (+-{self.down_error:.2f}) x falls, "
            f"{self.up:+.2f} (+-{self.up_error:.2f}) x rises, R2 {self.explained:.2f}"
        )


def spot_volatility(panel: Panel, asset: str) -> SpotVolatility | Missing:
    """Regress an asset's volatility on its price, from a panel that has both.

    Limits: slopes belong to the panel's step: 6-hour slopes are not daily ones.
    """
    spot, volatility = panel.column(asset), panel.column(asset, "volatility")
    if min(spot, volatility) < 0:
        return Missing(
            asset, "volatility.absent", "no joint history of its price and volatility", "give both series"
        )
    refused = short(panel, f"{asset} volatility", ROWS_MIN)
    if refused is not None:
        return refused
    moves = panel.log_returns[:, spot]
    falls, rises = np.minimum(moves, 0.0), np.maximum(moves, 0.0)
    changes = panel.log_returns[:, volatility]
    design = np.column_stack([np.ones(len(moves)), falls, rises])
    if float(np.linalg.cond(design / np.abs(design).max(axis=0, initial=1e-300))) > 1e6:
        return Missing(asset, "history.still", "its price moved one way only", "give a longer history")
    inverse = np.linalg.inv(design.T @ design)
    slopes = inverse @ (design.T @ changes)
    residuals = changes - design @ slopes
    spread = inverse @ (design.T * residuals**2) @ design @ inverse
    return SpotVolatility(
        source=asset,
        step_ns=panel.step_ns,
        base=float(slopes[0]),
        down=float(slopes[1]),
        up=float(slopes[2]),
        down_error=float(np.sqrt(spread[1, 1])),
        up_error=float(np.sqrt(spread[2, 2])),
        explained=1.0 - float(residuals @ residuals) / float(((changes - changes.mean()) ** 2).sum()),
        residuals=residuals,
    )


def with_volatility(panel: Panel, asset: str, known: SpotVolatility, *, seed: int) -> Panel | Missing:
    """Return the panel with a volatility history of an asset made by a regression and draws of its residuals.

    Limits: residuals are drawn apart from other assets': volatilities made so are tied by their prices alone.
    """
    spot = panel.column(asset)
    if spot < 0:
        return Missing(asset, "returns.absent", "no history of its price", "give its prices")
    if panel.step_ns != known.step_ns:
        reason = f"slopes of {known.step_ns / 3.6e12:g} h, returns of {panel.step_ns / 3.6e12:g} h"
        return Missing(asset, "volatility.step", reason, "regress on returns of the same step")
    if panel.column(asset, "volatility") >= 0:
        return panel
    moves = panel.log_returns[:, spot]
    drawn = generator(seed).choice(known.residuals, size=len(moves))
    changes = known.base + known.down * np.minimum(moves, 0.0) + known.up * np.maximum(moves, 0.0) + drawn
    return msgspec.structs.replace(
        panel,
        assets=(*panel.assets, asset),
        of=(*panel.of, "volatility"),
        log_returns=np.column_stack([panel.log_returns, changes]),
        notes=(*panel.notes, f"volatility of {asset} {known}"),
    )
