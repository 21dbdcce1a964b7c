"""VaR on real series: which model fails where, as docs/var-backtests.md tells it."""

import functools
from pathlib import Path

import pytest

pytest.importorskip("arch")

from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.outcome import Outcome
from holdfast.risk.var.backtest.table import TESTS, Row
from tests.evidence.var_series import Series, load
from tests.evidence.var_table import rows_of

Rows = dict[tuple[str, float], Row]
CASCADE = (
    "AAVE 2025-10-10, 1 min",
    "ATOM 2025-10-10, 1 min",
    "TRX 2025-10-10, 1 min",
    "BTC perp 2025-10-09/10, 1 min",
)


@functools.cache
def _series(data: Path) -> dict[str, Series]:
    return {series.name: series for series in load(data)}


@functools.cache
def _table(data: Path, name: str) -> tuple[Rows, list[str]]:
    rows, notes = rows_of(_series(data)[name])
    return {(row.model, row.level): row for row in rows}, notes


def _failed(row: Row, test: str) -> bool:
    outcome = row.tests[TESTS.index(test)]
    assert isinstance(outcome, Outcome), outcome
    return outcome.failed


def _zone(row: Row) -> str:
    assert not isinstance(row.light, Missing)
    return row.light.zone


@pytest.mark.parametrize("name", CASCADE)
def test_in_the_cascade_only_filtered_models_keep_near_their_level(shared_data: Path, name: str) -> None:
    rows, _ = _table(shared_data, name)
    for model in ("historical", "EWMA normal"):
        assert _zone(rows[model, 0.99]) == "red", model
        assert rows[model, 0.99].seen > 2 * rows[model, 0.99].expected
        assert _failed(rows[model, 0.99], "shortfall")
    kept = rows["EWMA filtered", 0.95]
    assert not _failed(kept, "count")
    assert rows["EWMA filtered", 0.99].seen < 2 * rows["EWMA filtered", 0.99].expected
    assert kept.worst < rows["historical", 0.95].worst
    assert _failed(kept, "size"), "no model foretold how large the losses of that day would be"


def test_in_the_cascade_exceedances_gather_in_the_hours_of_the_fall(shared_data: Path) -> None:
    rows, _ = _table(shared_data, "AAVE 2025-10-10, 1 min")
    assert rows["historical", 0.99].worst_from.startswith("2025-10-10T17")
    assert rows["historical", 0.99].worst == 15


def test_on_hours_of_bitcoin_filtering_by_realised_variance_passes_and_the_normal_tail_fails(
    shared_data: Path,
) -> None:
    rows, _ = _table(shared_data, "BTC 2022-01, 1 h")
    assert rows["HAR filtered", 0.95].verdict == "passes"
    for test in ("count", "independence", "coverage", "quantile", "shortfall"):
        assert not _failed(rows["HAR filtered", 0.99], test), test
    assert _failed(rows["historical", 0.95], "quantile")
    for test in ("count", "coverage", "shortfall"):
        assert _failed(rows["EWMA normal", 0.99], test), test


def test_on_days_of_implied_volatility_all_but_the_normal_tail_keep_their_shortfall(
    shared_data: Path,
) -> None:
    rows, _ = _table(shared_data, "DVOL 2022-2025, 1 d, short")
    for (model, level), row in rows.items():
        assert not _failed(row, "count"), (model, level)
        assert not _failed(row, "quantile"), (model, level)
        assert _failed(row, "size") == (model == "EWMA normal" or (model, level) == ("EWMA filtered", 0.99))


@pytest.mark.long
def test_on_minutes_of_bitcoin_no_model_passes_and_each_fails_in_its_own_way(shared_data: Path) -> None:
    rows, _ = _table(shared_data, "BTC 2022-01, 1 min")
    assert all(row.verdict != "passes" for row in rows.values())
    assert rows["EWMA normal", 0.95].seen < rows["EWMA normal", 0.95].expected
    assert rows["EWMA normal", 0.99].seen > 1.3 * rows["EWMA normal", 0.99].expected
    assert not _failed(rows["EWMA filtered", 0.95], "count")
    assert rows["EWMA filtered", 0.99].worst < rows["historical", 0.99].worst


@pytest.mark.long
@pytest.mark.parametrize("name", ["USDC 2023-03, 1 min", "USDe 2025-10, 1 min"])
def test_a_price_of_few_ticks_has_no_garch_and_breaks_every_model(shared_data: Path, name: str) -> None:
    rows, notes = _table(shared_data, name)
    assert not any(model == "GJR-GARCH-t" for model, _ in rows)
    assert any("left out" in note and "not zero" in note for note in notes)
    assert all("clusters" in row.verdict for row in rows.values())
    assert rows["historical", 0.95].seen < 0.7 * rows["historical", 0.95].expected
