"""Filtered: filtered historical simulation: what surprised the market before, at today's volatility, path by path.

Rules:

1. Every return is divided by the volatility forecast for it; a path draws whole dates of these residuals, so that what
   moved together still does, and multiplies them by the volatility that the path itself has reached.
2. Residuals are centred: a path has no trend that the history happened to have.
3. A volatility factor's shift is pulled back by the share a step that its own history shows; prices are not.
4. Volatility that would feed on its own paths (after a crash a filter without a mean does) is held at today's along
   them, and the sample says so: see `GROWTH_MAX`.

Source: Barone-Adesi, Giannopoulos, Vosper (1999), VaR without correlations for portfolios of derivative securities;
Pritsker (2006), The hidden dangers of historical simulation, for what it still misses.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.var.historical import HISTORY_MIN, sample_of, short
from holdfast.risk.var.returns import Panel
from holdfast.risk.var.sample import Sample
from holdfast.risk.var.volatility_filter import VolatilityFilter, ewma, handed
from holdfast.risk.var.volatility_walk import pull

BLOCK: Final = 2_048  # paths
GROWTH_MAX: Final = (
    4.0  # of the variance's second moment over one path: beyond, a few exploding paths are the tail
)


def filtered(
    panel: Panel, *, steps: int, paths: int, seed: int, volatility: VolatilityFilter | None = None
) -> Sample | Missing:
    """Draw paths of `steps` steps by filtered historical simulation; one step takes every date once and draws nothing.

    `volatility` None takes EWMA with a memory as long as the horizon (see `ewma`).
    Cost: about 3 ns a path, step and factor.
    Limits: no move is larger than the largest residual seen times the volatility reached: beyond the history's own tail
    see `tail.py`. Dependence over assets is that of history, whatever the volatility. Paths of a short history repeat
    its few large residuals.
    """
    model = "filtered"
    refused = short(panel, model)
    if refused is not None:
        return refused
    found = ewma(panel, steps=steps) if volatility is None else volatility
    if isinstance(found, Missing):
        return found
    known = ~np.isnan(found.history).any(axis=1)
    if int(known.sum()) < HISTORY_MIN:
        reason = f"{int(known.sum()):,} returns have a forecast of their volatility, fewer than {HISTORY_MIN}"
        return Missing(model, "history.short", reason, "give a longer history, or a filter of shorter memory")
    residuals = panel.log_returns[known] / found.history[known]
    residuals -= residuals.mean(axis=0)
    notes = [f"volatility by {found.name}"]
    growth = _growth(residuals, found, steps)
    if growth > GROWTH_MAX:
        found = handed(panel, found.history, found.today, name=found.name)
        notes.append(
            f"volatility held at today's along the paths: it would feed on itself, {growth:,.1f}-fold"
        )
    pulls = np.array([pull(panel, k) for k in range(len(panel.of))])
    moves = residuals * found.today if steps == 1 else _draw(residuals, found, pulls, steps, paths, seed)
    notes += [
        f"volatility of {asset} returns by {share:.3g} of its shift a step"
        for asset, share in zip(panel.assets, pulls, strict=True)
        if share > 0.0 and steps > 1
    ]
    return sample_of(panel, moves, steps, model, tuple(notes))


def _growth(residuals: NDArray[np.float64], found: VolatilityFilter, steps: int) -> float:
    """Return by how much one path multiplies the second moment of variance, at most, over the factors that do not revert.

    A variance that forgets its start within the horizon has a tail of its own that is heavy but there (Nelson 1990); one
    that does not has only what the path did to it.
    """
    factor = (found.alpha + found.gamma * (residuals < 0.0)) * residuals**2 + found.beta
    persistent = factor.mean(axis=0) > 1.0 - 1.0 / steps
    second = np.log(np.maximum((factor**2).mean(axis=0), 1.0)) * (steps - 1)
    return float(np.exp(np.minimum(np.where(persistent, second, 0.0).max(), 700.0)))


def _draw(
    residuals: NDArray[np.float64],
    found: VolatilityFilter,
    pulls: NDArray[np.float64],
    steps: int,
    paths: int,
    seed: int,
) -> NDArray[np.float64]:
    """Return moves, drawn a block of paths at a time: a block's state stays in the cache for all its steps."""
    draws = generator(seed)
    by_factor = np.ascontiguousarray(residuals.T)
    moves = np.empty((len(by_factor), paths))
    for first in range(0, paths, BLOCK):
        block = moves[:, first : first + BLOCK]
        dates = draws.integers(0, len(residuals), size=(steps, block.shape[1]))
        _walk(
            dates, by_factor, found.today**2, pulls, found.omega, found.alpha, found.gamma, found.beta, block
        )
    return np.ascontiguousarray(moves.T)


@njit(cache=True, fastmath={"contract"})
def _walk(
    dates: np.ndarray, residuals: np.ndarray, today: np.ndarray, pulls: np.ndarray, omega: np.ndarray, alpha: np.ndarray,
    gamma: np.ndarray, beta: np.ndarray, moves: np.ndarray,
) -> None:  # fmt: skip
    paths = moves.shape[1]
    variance = np.empty(paths)
    total = np.empty(paths)
    for k in range(moves.shape[0]):
        variance[:] = today[k]
        total[:] = 0.0
        kept = 1.0 - pulls[k]
        own = residuals[k]
        for step in range(dates.shape[0]):
            drawn = dates[step]
            for path in range(paths):
                move = own[drawn[path]] * math.sqrt(variance[path])
                up = alpha[k] + gamma[k] * (move < 0.0)
                variance[path] = omega[k] + up * move * move + beta[k] * variance[path]
                total[path] = kept * total[path] + move
        moves[k] = total
