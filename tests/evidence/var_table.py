"""The table of VaR backtests on real series: `python -m tests.evidence.var_table [FOLDER]` prints it as Markdown.

Every forecast of a step is made from the returns before it. EWMA's memory is chosen by QLIKE on the returns before the first
forecast and kept; GARCH and the Pareto tail are fitted again every `refit` steps.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from holdfast.risk.forecast.choose import forecast
from holdfast.risk.forecast.ewma import best_memory, ewma_variances
from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.rolling import Rolling, filtered, historical, normal
from holdfast.risk.var.backtest.rolling_garch import garch_path, garch_student
from holdfast.risk.var.backtest.rolling_tail import pareto
from holdfast.risk.var.backtest.table import Row, judge, markdown
from tests.evidence.var_series import Series, load

LEVELS = (0.95, 0.99)


class Plan(NamedTuple):
    """How a series is forecast: steps looked at, first step forecast, steps between fits of GARCH."""

    window: int
    first: int
    refit: int


def plan_of(series: Series) -> Plan:
    """Return the plan: a short day leaves less to learn from than a month."""
    if series.returns.size > 10_000:
        return Plan(1_000, 5_000, 1_440)
    if series.interval_s == 60.0:
        return Plan(500, 720, 240) if series.returns.size > 2_000 else Plan(250, 300, 60)
    return Plan(240, 300, 168) if series.minutes is not None else Plan(250, 350, 50)


def rows_of(series: Series, seed: int = 1) -> tuple[list[Row], list[str]]:
    """Return a row for each model and level, and what there is to say about the fits."""
    returns, plan = series.returns, plan_of(series)
    window, first = plan.window, plan.first
    memory = best_memory(returns[:first], 1)
    fading = ewma_variances(returns, memory)
    path = garch_path(returns, first, plan.refit)
    cascade = _har_variances(series, first - window)
    notes = [
        f"{series.name}: first forecast after {first:,} steps, window {window:,}, EWMA memory {memory:g}"
    ]
    fitted = 2 * path.failures <= path.fits
    if path.failures:
        share = f"{path.failures} of {path.fits} fits not to be trusted ({path.reason})"
        notes.append(f"{series.name}: GJR-GARCH-t {'' if fitted else 'left out, '}{share}")
    rows: list[Row] = []
    for level in LEVELS:
        models: list[Rolling] = [
            historical(returns, level, first, window),
            normal(returns, fading, level, first, "EWMA normal"),
            filtered(returns, fading, level, first, window, "EWMA filtered"),
            pareto(returns, fading, level, first, window, plan.refit // 4, "EWMA + Pareto tail"),
        ]
        if fitted:
            models.append(garch_student(path, level, first))
        if cascade is not None:
            models.append(filtered(returns, cascade, level, first, window, "HAR filtered"))
        rows += [judge(series.name, returns, model, ends_ns=series.ends_ns, seed=seed) for model in models]
        notes += [
            f"{series.name}, {level:.0%}: {model.model} {model.note}"
            for model in models[:-1]
            if "shape" in model.note
        ]
    return rows, notes


def _har_variances(series: Series, begin: int) -> np.ndarray | None:
    """Return HAR's variance of each step from the minutes before it, fitted anew at every step; EWMA's where HAR refuses."""
    if series.minutes is None:
        return None
    inside = round(series.interval_s / 60.0)
    variances = np.ones(series.returns.size)
    for i in range(begin, variances.size):
        found = forecast(series.minutes[: i * inside], 60.0, series.interval_s, "har")
        if isinstance(found, Missing):
            return None
        variances[i] = found.variance
    return variances


def main() -> None:
    """Print the table and the notes."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[3] / "shared" / "data"
    rows: list[Row] = []
    notes: list[str] = []
    for series in load(data):
        found, said = rows_of(series)
        rows += found
        notes += said
    print(markdown(rows))
    print()
    print("\n".join(f"- {note}" for note in notes))


if __name__ == "__main__":
    main()
