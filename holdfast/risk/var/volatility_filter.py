"""Volatility filter: what volatility each past return was due to, what it is now, and how it answers the next return.

Rules:

1. The volatility of a row is forecast from the rows before it alone.
2. One recursion for all: variance' = omega + (alpha + gamma [return < 0]) return^2 + beta variance. EWMA is omega 0,
   alpha 1 - decay, beta decay; a forecast handed in is alpha 0, beta 1: today's volatility for the whole horizon.
3. A filter's memory is as long as its horizon at least, so that one bootstrapped path cannot feed on itself.
"""

from typing import Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.missing import Missing
from holdfast.risk.var.historical import short
from holdfast.risk.var.returns import Panel

DECAY: Final = 0.94  # RiskMetrics (1996), for one step
FLOOR: Final = (
    0.05  # of a factor's own standard deviation: a market that stood still has not lost its volatility
)


class VolatilityFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Volatilities of a panel's factors, for one step. Shape: history (n, k) by row, NaN where unknown; the rest (k,).

    `today` is the forecast for the next step; omega, alpha, gamma, beta carry it along a path.
    """

    name: str
    history: NDArray[np.float64]
    today: NDArray[np.float64]
    omega: NDArray[np.float64]
    alpha: NDArray[np.float64]
    gamma: NDArray[np.float64]
    beta: NDArray[np.float64]

    def at(self, today: NDArray[np.float64], *, name: str) -> "VolatilityFilter":
        """Return the same filter from a forecast made elsewhere (`forecast/`), for one step of the panel. Shape: (k,)."""
        return msgspec.structs.replace(self, today=today, name=f"{self.name} from {name}")


def ewma(panel: Panel, *, steps: int = 1, decay: float = 0.0) -> VolatilityFilter | Missing:
    """Return exponentially weighted volatilities; `decay` 0 takes 0.94, or the slower one whose memory is the horizon.

    The first rows, one memory long, start it and have no volatility.
    Source: RiskMetrics (1996), technical document; Zumbach (2007), The RiskMetrics 2006 methodology (longer memory for
    longer horizons).
    """
    if decay == 0.0:
        decay = max(DECAY, 1.0 - 1.0 / max(steps, 1))
    if not 0.0 < decay < 1.0:
        raise CallerError("filter.decay", f"{decay!r} is no decay", remedy="0.94 is usual for days")
    factors = panel.log_returns.shape[1]
    none = np.zeros(factors)
    return recursive(
        panel,
        name=f"EWMA {decay:.4g}",
        omega=none,
        alpha=none + (1.0 - decay),
        gamma=none,
        beta=none + decay,
        start_rows=round(1.0 / (1.0 - decay)),
    )


def recursive(
    panel: Panel,
    *,
    name: str,
    omega: NDArray[np.float64],
    alpha: NDArray[np.float64],
    gamma: NDArray[np.float64],
    beta: NDArray[np.float64],
    start_rows: int = 20,
) -> VolatilityFilter | Missing:
    """Return the volatilities of a fitted recursion (GARCH, GJR); variances of one step of the panel, returns as logs.

    Shape: omega, alpha, gamma, beta (k,). `start_rows` give the first variance and are used for nothing else.
    """
    refused = short(panel, name, start_rows + 2)
    if refused is not None:
        return refused
    returns = np.ascontiguousarray(panel.log_returns)
    history, today = _filter(returns, start_rows, omega, alpha, gamma, beta)
    still = np.flatnonzero((history[start_rows:] == 0.0).any(axis=0))
    if len(still):
        where = panel.assets[int(still[0])]
        reason = "its price did not move when the filter began"
        return Missing(where, "history.still", reason, "begin the history later")
    return VolatilityFilter(
        name=name, history=history, today=today, omega=omega, alpha=alpha, gamma=gamma, beta=beta
    )


def handed(
    panel: Panel, history: NDArray[np.float64], today: NDArray[np.float64], *, name: str
) -> VolatilityFilter:
    """Return forecasts made elsewhere: of each row, made before it, and of the step ahead.

    Shape: history (n, k), NaN where none was made; today (k,), positive.
    Raises: CallerError `filter.shape`, `filter.volatility`.
    """
    if history.shape != panel.log_returns.shape or today.shape != history.shape[1:]:
        raise CallerError(
            "filter.shape",
            f"forecasts {history.shape} and {today.shape} of returns {panel.log_returns.shape}",
        )
    if not bool((today > 0.0).all()) or not bool(np.isfinite(today).all()) or bool((history <= 0.0).any()):
        raise CallerError(
            "filter.volatility", "a forecast is not positive", remedy="give NaN where there is none"
        )
    flat = np.zeros(len(today))
    return VolatilityFilter(
        name=name, history=history, today=today, omega=flat, alpha=flat, gamma=flat, beta=flat + 1.0
    )


@njit(cache=True)
def _filter(
    returns: np.ndarray, start_rows: int, omega: np.ndarray, alpha: np.ndarray, gamma: np.ndarray, beta: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    rows, factors = returns.shape
    history = np.full((rows, factors), np.nan)
    today = np.empty(factors)
    for k in range(factors):
        squares = 0.0
        for row in range(start_rows):
            squares += returns[row, k] ** 2
        variance = squares / start_rows
        for row in range(start_rows, rows):
            history[row, k] = np.sqrt(variance)
            move = returns[row, k]
            squares += move * move
            up = alpha[k] + (gamma[k] if move < 0.0 else 0.0)
            floor = FLOOR * FLOOR * squares / (row + 1.0)
            variance = max(omega[k] + up * move * move + beta[k] * variance, floor)
        today[k] = np.sqrt(variance)
    return history, today
