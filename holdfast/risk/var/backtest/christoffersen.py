"""Christoffersen's interval tests: is an exceedance more likely right after another, and are both counts right?"""

import math

import numpy as np
from numpy.typing import NDArray

from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.chance import chi_square_tail
from holdfast.risk.var.backtest.kupiec import coverage_ratio
from holdfast.risk.var.backtest.outcome import (
    SIGNIFICANCE,
    Outcome,
    in_words,
    no_exceedance,
    tail_of,
    too_few,
)


def independence(hits: NDArray[np.bool_]) -> Outcome | Missing:
    """Test exceedances against a first-order Markov chain; one degree of freedom.

    Source: Christoffersen 1998, Evaluating interval forecasts, International Economic Review 39(4).
    Limits: sees clustering from one step to the next only; `dynamic_quantile` looks farther back.

    >>> pairs = np.tile([True, True] + [False] * 38, 25)
    >>> independence(pairs).failed, independence(np.tile([True] + [False] * 19, 50)).failed
    (True, True)
    """
    refused = no_exceedance(hits, "christoffersen independence")
    if refused is not None:
        return refused
    before, after = hits[:-1], hits[1:]
    n00 = int((~before & ~after).sum())
    n01 = int((~before & after).sum())
    n10 = int((before & ~after).sum())
    n11 = int((before & after).sum())
    if n10 + n11 == 0 or n00 + n01 == 0:
        return Missing(
            where="christoffersen independence",
            code="backtest.no_successor",
            reason="no step follows an exceedance, or none follows a step without one",
            remedy="more observations",
        )
    statistic = markov_ratio(n00, n01, n10, n11)
    p_value = chi_square_tail(statistic, 1)
    failed = p_value < SIGNIFICANCE
    found = f"{n11 / (n10 + n11):.2%} after an exceedance, {n01 / (n00 + n01):.2%} after none"
    if failed:
        found = f"exceedances {'cluster' if n11 * (n00 + n01) > n01 * (n10 + n11) else 'avoid each other'}: {found}"
    return Outcome(
        test="christoffersen independence",
        statistic=statistic,
        p_value=p_value,
        degrees=1,
        verdict=in_words(failed, found, p_value),
    )


def conditional_coverage(hits: NDArray[np.bool_], level: float) -> Outcome | Missing:
    """Test the count and the independence together; two degrees of freedom, the sum of both ratios.

    Source: Christoffersen 1998, as `independence`.
    """
    refused = too_few(hits, level, "christoffersen conditional coverage")
    if refused is not None:
        return refused
    apart = independence(hits)
    if isinstance(apart, Missing):
        return Missing(
            where="christoffersen conditional coverage",
            code=apart.code,
            reason=apart.reason,
            remedy=apart.remedy,
        )
    coverage = coverage_ratio(int(hits.sum()), hits.size, tail_of(level))
    statistic = coverage + apart.statistic
    p_value = chi_square_tail(statistic, 2)
    failed = p_value < SIGNIFICANCE
    found = f"count {coverage:.4g} and clustering {apart.statistic:.4g} of {statistic:.4g}"
    return Outcome(
        test="christoffersen conditional coverage",
        statistic=statistic,
        p_value=p_value,
        degrees=2,
        verdict=in_words(failed, found, p_value),
    )


def markov_ratio(n00: int, n01: int, n10: int, n11: int) -> float:
    """Return twice the log-likelihood of two transition probabilities over that of one; n01: hits after no hit.

    >>> round(markov_ratio(932, 53, 53, 4), 5)  # MathWorks, varbacktest/cci: 0.25866
    0.25866
    """
    after_none, after_hit = n01 / (n00 + n01), n11 / (n10 + n11)
    both = (n01 + n11) / (n00 + n01 + n10 + n11)
    chain = _log_likelihood(n00, n01, after_none) + _log_likelihood(n10, n11, after_hit)
    return max(2.0 * (chain - _log_likelihood(n00 + n10, n01 + n11, both)), 0.0)


def _log_likelihood(misses: int, hits: int, probability: float) -> float:
    likelihood = misses * math.log1p(-probability) if misses else 0.0
    return likelihood + (hits * math.log(probability) if hits else 0.0)
