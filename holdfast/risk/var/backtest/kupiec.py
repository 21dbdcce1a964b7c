"""Kupiec's proportion of failures: is the number of exceedances what the level promises?"""

import math

import numpy as np
from numpy.typing import NDArray

from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.chance import chi_square_tail
from holdfast.risk.var.backtest.outcome import SIGNIFICANCE, Outcome, in_words, tail_of, too_few


def kupiec(hits: NDArray[np.bool_], level: float) -> Outcome | Missing:
    """Test the share of exceedances against the tail by a likelihood ratio of one degree of freedom.

    Both too many and too few are failures: a VaR nobody ever exceeds is wrong as well.
    Source: Kupiec 1995, Techniques for verifying the accuracy of risk measurement models, Journal of Derivatives 3(2).
    Limits: blind to when exceedances come. At 99 % and 250 steps it finds a doubled rate only in every third case.

    >>> hits = np.arange(1043) < 57
    >>> round(kupiec(hits, 0.95).statistic, 5)  # MathWorks, varbacktest/pof: 0.46147
    0.46147
    """
    refused = too_few(hits, level, "kupiec")
    if refused is not None:
        return refused
    tail = tail_of(level)
    count, size = int(hits.sum()), hits.size
    statistic = coverage_ratio(count, size, tail)
    p_value = chi_square_tail(statistic, 1)
    failed = p_value < SIGNIFICANCE
    found = f"{count} exceedances, {size * tail:.4g} expected"
    if failed:
        found = f"too {'many' if count > size * tail else 'few'}: {found}"
    return Outcome(
        test="kupiec",
        statistic=statistic,
        p_value=p_value,
        degrees=1,
        verdict=in_words(failed, found, p_value),
    )


def coverage_ratio(count: int, size: int, tail: float) -> float:
    """Return twice the log-likelihood of the observed share over that of the promised one."""
    return 2.0 * (
        _times_log(count, count / (size * tail))
        + _times_log(size - count, (size - count) / (size * (1.0 - tail)))
    )


def _times_log(weight: int, ratio: float) -> float:
    return weight * math.log(ratio) if weight else 0.0
