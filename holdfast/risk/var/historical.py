"""Historical: what happened before happens again: the plain and the age-weighted simulation, as simple comparators.

Rules:

1. A scenario of several steps is what truly followed: returns of consecutive times added up, no gap between them. They
   overlap, so a history counts for about its length over the horizon, whatever the number of scenarios.
2. Nothing is scaled to today's volatility: that is what `filtered.py` adds, and why these two are late.

Source: Boudoukh, Richardson, Whitelaw (1998), The best of both worlds.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.clock import SECOND_NS
from holdfast.error import CallerError
from holdfast.risk.market import YEAR_NS
from holdfast.risk.missing import Missing
from holdfast.risk.var.returns import Panel
from holdfast.risk.var.sample import Sample

HISTORY_MIN: Final = 100  # rows, below which no model of this folder speaks


def historical(panel: Panel, *, steps: int = 1) -> Sample | Missing:
    """Return every stretch of `steps` consecutive returns of the history, all alike."""
    return _of(panel, steps, 1.0, "historical")


def age_weighted(panel: Panel, *, steps: int = 1, decay: float = 0.98) -> Sample | Missing:
    """Return the same stretches, each older one weighing `decay` of the one after it.

    Raises: CallerError `historical.decay` for a decay outside (0, 1).
    Limits: the sample counts for about (1 + decay) / (1 - decay) scenarios: 99 at 0.98, too few for a level of 0.99.
    """
    if not 0.0 < decay < 1.0:
        raise CallerError("historical.decay", f"{decay!r} is no decay", remedy="0.98 to 0.995 is usual")
    return _of(panel, steps, decay, "age-weighted")


def short(panel: Panel, model: str, rows_min: int = HISTORY_MIN) -> Missing | None:
    """Return why a panel is no history for a model: too few rows, a value that is no number, a factor that never moved."""
    rows = len(panel.log_returns)
    if rows < rows_min:
        reason = f"{rows:,} joint returns of {panel.step_ns / SECOND_NS:,.0f} s, fewer than {rows_min:,}"
        return Missing(model, "history.short", reason, "give a longer history, or a shorter step")
    if not bool(np.isfinite(panel.log_returns).all()):
        return Missing(model, "history.unusable", "a return is no number", "build the panel by panel_of")
    still = np.flatnonzero(panel.log_returns.std(axis=0) == 0.0)
    if len(still):
        name = panel.assets[int(still[0])]
        return Missing(name, "history.still", "its price never moved", "leave it out and name it constant")
    return None


def assets_of(panel: Panel) -> tuple[str, ...]:
    """Return the assets that have a spot history."""
    return tuple(asset for asset, of in zip(panel.assets, panel.of, strict=True) if of == "spot")


def sample_of(
    panel: Panel, moves: NDArray[np.float64], steps: int, model: str, notes: tuple[str, ...] = ()
) -> Sample:
    """Return log moves of the panel's factors, over `steps` of its step, as a sample of equal weights."""
    assets = assets_of(panel)
    shift = np.zeros((len(moves), len(assets)))
    volatile = [panel.column(asset, "volatility") for asset in assets]
    for number, column in enumerate(volatile):
        if column >= 0:
            shift[:, number] = np.expm1(moves[:, column])
    return Sample(
        model=model,
        horizon_years=steps * panel.step_ns / YEAR_NS,
        assets=assets,
        spot_log=np.ascontiguousarray(moves[:, [panel.column(asset) for asset in assets]]),
        volatility_shift=shift,
        weights=np.full(len(moves), 1.0 / len(moves)),
        moves_volatility=tuple(column >= 0 for column in volatile),
        notes=(*panel.notes, *notes),
    )


def _of(panel: Panel, steps: int, decay: float, model: str) -> Sample | Missing:
    refused = short(panel, model, HISTORY_MIN + steps - 1)
    if refused is not None:
        return refused
    total = np.vstack([np.zeros(panel.log_returns.shape[1]), np.cumsum(panel.log_returns, axis=0)])
    together = panel.ends_ns[steps - 1 :] - panel.ends_ns[: len(panel.ends_ns) - steps + 1]
    moves = (total[steps:] - total[:-steps])[together == (steps - 1) * panel.step_ns]
    if len(moves) < HISTORY_MIN:
        reason = f"{len(moves):,} stretches of {steps} steps without a gap, fewer than {HISTORY_MIN}"
        return Missing(model, "history.short", reason, "give a longer history, or a shorter horizon")
    sample = msgspec.structs.replace(sample_of(panel, moves, steps, model), overlap=steps)
    if decay == 1.0:
        return sample
    age = np.arange(len(moves))[::-1]
    weights = decay**age
    return msgspec.structs.replace(sample, weights=weights / weights.sum())
