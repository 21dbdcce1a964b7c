"""Acerbi and Szekely's tests of expected shortfall, with p-values simulated from the model's own tail.

Rules:

1. The model's tail is `severity`: losses beyond VaR over that step's ES, equally likely, one row a step or one row for all
   steps. Each row is scaled to a mean of one, which is what ES means.
2. A statistic is zero on average under the model and negative where the model understates losses. The tests are one-sided.
3. The same seed gives the same p-value.

Source: Acerbi and Szekely 2014, Backtesting expected shortfall, MSCI (Risk, December 2014), tests 1, 2 and 3.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.draws import Generator, generator
from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.outcome import (
    SIGNIFICANCE,
    Outcome,
    exceedances,
    in_words,
    no_exceedance,
    tail_of,
    too_few,
)

SIMULATIONS: Final = 1_000
DRAWS_MAX: Final = 4_000_000  # severities drawn at once; more are drawn in parts


def severity_test(
    returns: NDArray[np.float64],
    var: NDArray[np.float64],
    es: NDArray[np.float64],
    severity: NDArray[np.float64],
    seed: int,
    simulations: int = SIMULATIONS,
) -> Outcome | Missing:
    """Test how large losses beyond VaR are, whatever their number (test 1, Z1).

    Shape: returns, var, es (n,); severity (1 or n, points).
    Cost: simulations x exceedances draws, some 20 ns each.
    Limits: a tail of few points (a historical window of 250 has two beyond 99 %) ends at the worst of them, which a right
    model's future exceeds: then it rejects too often.
    """
    hits = exceedances(returns, var)
    refused = no_exceedance(hits, "acerbi-szekely 1")
    if refused is not None:
        return refused
    rows = _rows(severity, returns.size)
    count = int(hits.sum())
    seen = _severities(returns, es, hits)
    statistic = 1.0 - float(seen.mean())
    random = generator(seed)
    sums = _sums(random, rows, np.full(simulations, count), returns.size)
    return _judged(
        "acerbi-szekely 1", statistic, 1.0 - sums / count, f"losses beyond VaR average {seen.mean():.3f} ES"
    )


def shortfall_test(
    returns: NDArray[np.float64],
    var: NDArray[np.float64],
    es: NDArray[np.float64],
    severity: NDArray[np.float64],
    level: float,
    seed: int,
    simulations: int = SIMULATIONS,
) -> Outcome | Missing:
    """Test number and size of losses beyond VaR together (test 2, Z2): the direct test of ES.

    Shape: as in `severity_test`.
    Cost: simulations x expected exceedances draws, some 20 ns each.
    Limits: rows are drawn with replacement, which matters only where rows differ much and steps are few.
    """
    hits = exceedances(returns, var)
    refused = too_few(hits, level, "acerbi-szekely 2")
    if refused is not None:
        return refused
    rows = _rows(severity, returns.size)
    expected = returns.size * tail_of(level)
    total = float(_severities(returns, es, hits).sum())
    random = generator(seed)
    counts = random.binomial(returns.size, tail_of(level), simulations)
    sums = _sums(random, rows, counts, returns.size)
    found = f"losses beyond VaR sum to {total / expected:.3f} of what ES promises"
    return _judged("acerbi-szekely 2", 1.0 - total / expected, 1.0 - sums / expected, found)


def rank_test(
    residuals: NDArray[np.float64],
    pool: NDArray[np.float64],
    level: float,
    seed: int,
    simulations: int = SIMULATIONS,
) -> Outcome | Missing:
    """Test the mean of the worst standardised returns against samples of the model's own (test 3, Z3).

    For models that are one distribution times a scale: `residuals` are returns over the forecast scale, `pool` is a large
    sample of that distribution. Then test 3's ratio is the same at every step.
    Shape: residuals (n,), pool (points,).
    Cost: simulations x n draws and a partial sort.
    """
    refused = too_few(residuals < 0.0, level, "acerbi-szekely 3")
    if refused is not None:
        return refused
    size = residuals.size
    worst = max(int(size * tail_of(level) + 1e-9), 1)
    random = generator(seed)
    drawn = np.empty(simulations)
    for i in range(simulations):
        sample = pool[random.integers(pool.size, size=size)]
        drawn[i] = -np.partition(sample, worst - 1)[:worst].mean()
    seen = -float(np.partition(residuals, worst - 1)[:worst].mean())
    found = f"the worst {worst} average {seen / drawn.mean():.3f} of the model's own"
    return _judged("acerbi-szekely 3", 1.0 - seen / drawn.mean(), 1.0 - drawn / drawn.mean(), found)


def _rows(severity: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return the tails, each of mean one."""
    rows = np.atleast_2d(severity)
    means = rows.mean(axis=1, keepdims=True)
    if rows.shape[0] not in (1, size) or not (np.isfinite(rows).all() and (means > 0.0).all()):
        raise CallerError(
            "backtest.severity",
            f"severity {rows.shape} is not one row, or one a step, of positive mean",
            remedy="losses beyond VaR over ES",
        )
    return rows / means


def _severities(
    returns: NDArray[np.float64], es: NDArray[np.float64], hits: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return losses beyond VaR over that step's ES."""
    if es.shape != returns.shape or not (es[hits] > 0.0).all():
        raise CallerError(
            "backtest.shortfall", "ES is not a positive loss at every exceedance", remedy="ES >= VaR"
        )
    return -returns[hits] / es[hits]


def _sums(
    random: Generator, rows: NDArray[np.float64], counts: NDArray[np.int64], size: int
) -> NDArray[np.float64]:
    """Return for each simulation the sum of `counts` drawn severities."""
    sums = np.zeros(counts.size)
    first = 0
    while first < counts.size:
        reach = np.cumsum(counts[first:])
        last = first + max(int(np.searchsorted(reach, DRAWS_MAX, side="right")), 1)
        part = counts[first:last]
        total = int(part.sum())
        columns = random.integers(rows.shape[1], size=total)
        steps = random.integers(size, size=total) if rows.shape[0] > 1 else 0
        owner = np.repeat(np.arange(part.size), part)
        sums[first:last] = np.bincount(owner, weights=rows[steps, columns], minlength=part.size)
        first = last
    return sums


def _judged(test: str, statistic: float, drawn: NDArray[np.float64], found: str) -> Outcome:
    p_value = float((1 + (drawn <= statistic).sum()) / (1 + drawn.size))
    failed = p_value < SIGNIFICANCE
    return Outcome(
        test=test,
        statistic=statistic,
        p_value=p_value,
        degrees=0,
        verdict=in_words(failed, f"{'ES understated: ' if failed else ''}{found}", p_value),
    )
