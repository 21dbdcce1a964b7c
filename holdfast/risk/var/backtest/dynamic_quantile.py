"""Engle and Manganelli's dynamic quantile test: could past exceedances or the VaR itself foretell the next one?"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.chance import chi_square_tail
from holdfast.risk.var.backtest.outcome import (
    SIGNIFICANCE,
    Outcome,
    in_words,
    no_exceedance,
    tail_of,
    too_few,
)

LAGS: Final = 4
STEPS_MIN: Final = 10  # observations for each regressor


def dynamic_quantile(
    hits: NDArray[np.bool_], var: NDArray[np.float64], level: float, lags: int = LAGS
) -> Outcome | Missing:
    """Regress the demeaned exceedances on a constant, their own `lags` and the step's VaR; none of it may explain them.

    The statistic is the regression's explained sum of squares over tail x (1 - tail); its degrees of freedom are the
    rank of the regressors, so a constant VaR counts once, with the constant.
    Source: Engle and Manganelli 2004, CAViaR, Journal of Business and Economic Statistics 22(4), out-of-sample form.
    Limits: with few exceedances (99 % and some hundred steps) it rejects good models too often: one pair of
    neighbours decides. Clusters wider than `lags` steps escape. A VaR estimated from a short window is itself noise that
    foretells exceedances (low by chance, soon exceeded), and is rejected even where returns have no memory.
    """
    if hits.shape != var.shape:
        raise CallerError(
            "backtest.shape", f"{hits.size} exceedances and {var.size} VaR forecasts", remedy="one a step"
        )
    refused = too_few(hits, level, "dynamic quantile") or no_exceedance(hits, "dynamic quantile")
    if refused is not None:
        return refused
    size = hits.size - lags
    if size < STEPS_MIN * (lags + 2):
        return Missing(
            where="dynamic quantile",
            code="backtest.too_few_observations",
            reason=f"{hits.size} observations for {lags + 2} regressors",
            remedy=f"at least {STEPS_MIN * (lags + 2) + lags}",
        )
    tail = tail_of(level)
    demeaned = hits - tail
    columns = [np.ones(size), *(demeaned[lags - lag : hits.size - lag] for lag in range(1, lags + 1))]
    scale = float(np.abs(var).max())
    columns.append(var[lags:] / scale if scale > 0.0 else np.zeros(size))
    regressors = np.column_stack(columns)
    left, singular, _ = np.linalg.svd(regressors, full_matrices=False)
    rank = int((singular > singular[0] * 1e-9).sum())
    explained = left[:, :rank].T @ demeaned[lags:]
    statistic = float(explained @ explained) / (tail * (1.0 - tail))
    p_value = chi_square_tail(statistic, rank)
    failed = p_value < SIGNIFICANCE
    found = "exceedances can be foretold" if failed else "nothing foretells exceedances"
    return Outcome(
        test="dynamic quantile",
        statistic=statistic,
        p_value=p_value,
        degrees=rank,
        verdict=in_words(failed, f"{found} from {lags} lags and VaR", p_value),
    )
