"""Table: one row a model and level, with every test's p-value, the traffic light, when it was worst, and a verdict."""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.acerbi_szekely import severity_test, shortfall_test
from holdfast.risk.var.backtest.christoffersen import conditional_coverage, independence
from holdfast.risk.var.backtest.dynamic_quantile import dynamic_quantile
from holdfast.risk.var.backtest.kupiec import kupiec
from holdfast.risk.var.backtest.outcome import SIGNIFICANCE, Outcome, exceedances, tail_of
from holdfast.risk.var.backtest.rolling import Rolling
from holdfast.risk.var.backtest.traffic_light import Light, traffic_light, worst_light

TESTS: Final = ("count", "independence", "coverage", "quantile", "size", "shortfall")
HEAD: Final = (
    "| series | model | level | steps | expected | seen | count | indep. | cond. cov. | DQ | ES size (Z1) | ES (Z2) "
    "| light | worst 250 from | verdict |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One model on one series. `tests` in the order of `TESTS`; `worst` is the most exceedances within 250 steps.

    `worst_at` is the return at which those steps begin (-1: fewer than 250), `worst_from` its time where times were given.
    """

    series: str
    model: str
    level: float
    steps: int
    expected: float
    seen: int
    tests: tuple[Outcome | Missing, ...]
    light: Light | Missing
    worst: int
    worst_at: int
    worst_from: str
    verdict: str
    note: str = ""


def judge(
    series: str,
    returns: NDArray[np.float64],
    found: Rolling,
    *,
    ends_ns: NDArray[np.int64] | None = None,
    seed: int = 1,
) -> Row:
    """Run every test on a model's forecasts.

    Shape: returns and ends_ns (n,): when each return ended, to say when the model was worst.
    Raises: CallerError where the forecasts are not one a return from `found.first` on.
    """
    future = returns[found.first :]
    if future.size != found.var.size:
        raise CallerError(
            "backtest.shape",
            f"{found.var.size} forecasts of {future.size} returns",
            remedy="the same history",
        )
    hits = exceedances(future, found.var)
    level = found.level
    tests: tuple[Outcome | Missing, ...] = (
        kupiec(hits, level),
        independence(hits),
        conditional_coverage(hits, level),
        dynamic_quantile(hits, found.var, level),
        severity_test(future, found.var, found.es, found.severity, seed),
        shortfall_test(future, found.var, found.es, found.severity, level, seed),
    )
    worst = worst_light(hits, level)
    count, start = (
        (0, -1) if isinstance(worst, Missing) else (int(worst[0].statistic), found.first + worst[1])
    )
    return Row(
        series=series,
        model=found.model,
        level=level,
        steps=future.size,
        expected=future.size * tail_of(level),
        seen=int(hits.sum()),
        tests=tests,
        light=traffic_light(hits, level),
        worst=count,
        worst_at=start,
        worst_from=""
        if ends_ns is None or start < 0
        else str(np.datetime64(int(ends_ns[start]), "ns").astype("datetime64[m]")),
        verdict=_verdict(tests),
        note=found.note,
    )


def markdown(rows: list[Row]) -> str:
    """Return the rows as a table; p-values below `SIGNIFICANCE` are bold, what could not be tested is a dash."""
    lines = [HEAD]
    for row in rows:
        cells = [
            row.series,
            row.model,
            f"{row.level:.0%}",
            f"{row.steps:,}",
            f"{row.expected:.1f}",
            str(row.seen),
            *(_cell(test) for test in row.tests),
            "—" if isinstance(row.light, Missing) else row.light.zone,
            f"{row.worst} {row.worst_from.replace('T', ' ')}".strip() if row.worst_at >= 0 else "—",
            row.verdict,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(test: Outcome | Missing) -> str:
    if isinstance(test, Missing):
        return "—"
    shown = f"{test.p_value:.3f}" if test.p_value >= 0.0005 else "<0.001"
    return f"**{shown}**" if test.p_value < SIGNIFICANCE else shown


def _verdict(tests: tuple[Outcome | Missing, ...]) -> str:
    """Say what failed: too many or too few, clusters, or losses larger than ES."""
    failed = {
        name
        for name, test in zip(TESTS, tests, strict=True)
        if isinstance(test, Outcome) and test.p_value < SIGNIFICANCE
    }
    words: list[str] = []
    count = tests[0]
    if "count" in failed and isinstance(count, Outcome):
        words.append("too many" if "too many" in count.verdict else "too few")
    if failed & {"independence", "quantile"}:
        words.append("clusters")
    if failed & {"size", "shortfall"}:
        words.append("ES too small")
    return ", ".join(words) or ("joint count" if "coverage" in failed else "passes")
