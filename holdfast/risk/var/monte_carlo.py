"""Monte Carlo: every asset's own Bates model, tied together by a t copula over prices and volatilities.

Rules:

1. Margins and dependence are apart: each asset's moves are simulated alone, then the copula's order says which of them
   happen together. Every simulated move is used exactly once.
2. Where an asset has a volatility history, its volatility is a walk of its own and a factor of the copula; where it has
   none, it goes with the price as the Bates model drew its variance. Either way it is drawn jointly with spot.
3. The copula is fitted to one step's returns over their filtered volatility, and stands for the horizon: dependence of
   extremes really fades over many steps, so that ten days are a little too dependent.

Source: Glasserman (2003), Monte Carlo methods in financial engineering, chapters 3 and 9; see `bates.py`, `copula.py`.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.var import copula
from holdfast.risk.var.bates import Bates, calibrated, simulate
from holdfast.risk.var.copula import TailCopula
from holdfast.risk.var.historical import assets_of, short
from holdfast.risk.var.returns import Of, Panel
from holdfast.risk.var.sample import Sample
from holdfast.risk.var.volatility_filter import ewma
from holdfast.risk.var.volatility_walk import VolatilityWalk, walk_of

MODEL = "monte carlo"


class JointModel(msgspec.Struct, frozen=True, kw_only=True):
    """Margins by asset, walks of the volatilities that have a history, and the copula over `factors`, spots and those."""

    assets: tuple[str, ...]
    margins: tuple[Bates, ...]
    walks: tuple[VolatilityWalk | None, ...]
    factors: tuple[tuple[str, Of], ...]
    copula: TailCopula
    notes: tuple[str, ...] = ()


def joint_model(panel: Panel) -> JointModel | Missing:
    """Calibrate every asset of a panel, and the copula to its filtered returns."""
    refused = short(panel, MODEL)
    if refused is not None:
        return refused
    margins: list[Bates] = []
    walks: list[VolatilityWalk | None] = []
    notes = list(panel.notes)
    for asset in assets_of(panel):
        margin = calibrated(panel, asset)
        if isinstance(margin, Missing):
            return margin
        walk = walk_of(panel, asset) if panel.column(asset, "volatility") >= 0 else None
        if isinstance(walk, Missing):
            return walk
        margins.append(margin)
        walks.append(walk)
        notes += [
            *margin.notes,
            *(walk.notes if walk else (f"volatility of {asset} from its returns alone",)),
        ]
    volatility = ewma(panel)
    if isinstance(volatility, Missing):
        return volatility
    known = ~np.isnan(volatility.history).any(axis=1)
    residuals = panel.log_returns[known] / volatility.history[known]
    return JointModel(
        assets=assets_of(panel),
        margins=tuple(margins),
        walks=tuple(walks),
        factors=tuple(zip(panel.assets, panel.of, strict=True)),
        copula=copula.fit(residuals),
        notes=tuple(notes),
    )


def monte_carlo(
    model: JointModel,
    *,
    horizon_years: float,
    paths: int,
    seed: int,
    order: NDArray[np.float64] | None = None,
) -> Sample:
    """Draw joint moves at the horizon.

    Shape: order (paths, factors), copula draws made elsewhere (`sobol.py`); None draws them here.
    Raises: CallerError `monte_carlo.order` for draws of another shape.
    Cost: about 60 ns a path, asset and day, and two sorts a factor.
    """
    draws = generator(seed)
    if order is None:
        order = model.copula.draw(paths, draws)
    elif order.shape != (paths, len(model.factors)):
        raise CallerError(
            "monte_carlo.order", f"draws {order.shape} for {paths:,} paths of {len(model.factors)} factors"
        )
    spot = np.empty((paths, len(model.assets)))
    shift = np.empty_like(spot)
    for number, (asset, margin, walk) in enumerate(
        zip(model.assets, model.margins, model.walks, strict=True)
    ):
        moves, shifts = simulate(margin, horizon_years, paths, draws)
        place = np.argsort(order[:, model.factors.index((asset, "spot"))])
        by_size = np.argsort(moves)
        spot[place, number] = moves[by_size]
        if walk is not None:
            shifts = walk.draw(horizon_years, paths, draws)
            place = np.argsort(order[:, model.factors.index((asset, "volatility"))])
            by_size = np.argsort(shifts)
        shift[place, number] = shifts[by_size]
    return Sample(
        model=MODEL,
        horizon_years=horizon_years,
        assets=model.assets,
        spot_log=spot,
        volatility_shift=shift,
        weights=np.full(paths, 1.0 / paths),
        moves_volatility=(True,) * len(model.assets),
        notes=model.notes,
    )
