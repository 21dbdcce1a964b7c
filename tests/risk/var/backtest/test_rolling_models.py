"""Rolling VaR models: right where their assumption holds, wrong where it does not, and blind to the future."""

import math

import numpy as np
import pytest

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.forecast.ewma import ewma_variances
from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.outcome import Outcome
from holdfast.risk.var.backtest.rolling import Rolling, _order_tails, filtered, historical, normal
from holdfast.risk.var.backtest.rolling_tail import pareto
from holdfast.risk.var.backtest.table import HEAD, Row, judge, markdown

FIRST, WINDOW, STEPS = 1_000, 500, 6_000


def _independent(seed: int = 1) -> np.ndarray:
    return 0.01 * generator(seed).standard_normal(STEPS)


def _clustered(seed: int = 2) -> np.ndarray:
    """Return a GARCH(1,1) with Student t of 5: calm and storm."""
    draws = generator(seed).standard_t(5, STEPS) * math.sqrt(0.6)
    returns = np.empty(STEPS)
    variance = 1e-4
    for i in range(STEPS):
        returns[i] = math.sqrt(variance) * draws[i]
        variance = 1e-6 + 0.1 * returns[i] ** 2 + 0.89 * variance
    return returns


def _outcomes(row: Row) -> dict[str, Outcome]:
    names = ("count", "independence", "coverage", "quantile", "size", "shortfall")
    return {n: t for n, t in zip(names, row.tests, strict=True) if isinstance(t, Outcome)}


def _models(returns: np.ndarray, level: float) -> dict[str, Rolling]:
    fading = ewma_variances(returns, 20.0)
    return {
        "historical": historical(returns, level, FIRST, WINDOW),
        "normal": normal(returns, fading, level, FIRST, "EWMA normal"),
        "filtered": filtered(returns, fading, level, FIRST, WINDOW, "EWMA filtered"),
        "pareto": pareto(returns, fading, level, FIRST, WINDOW, 100, "EWMA + Pareto tail"),
    }


def test_the_historical_var_lies_between_the_order_statistics_that_make_it_exact() -> None:
    returns = _independent()
    found = historical(returns, 0.95, FIRST, WINDOW)
    for step in (0, 17, 4_999):
        window = np.sort(returns[FIRST + step - WINDOW : FIRST + step])
        place = 0.05 * (WINDOW + 1) - 25
        assert found.var[step] == pytest.approx(-(window[24] + place * (window[25] - window[24])))
        assert found.es[step] == pytest.approx(-window[:25].mean())
        np.testing.assert_allclose(found.severity[step] * found.es[step], -window[:25])


def test_the_kernel_is_its_plain_twin_even_where_values_tie() -> None:
    values = np.round(generator(3).standard_normal(800), 1)
    arguments = (values, 300, 200, 10.05, 10)
    for ours, plain in zip(_order_tails(*arguments), _order_tails.py_func(*arguments), strict=True):
        np.testing.assert_array_equal(ours, plain)
    window = np.sort(values[799 - 200 : 799])
    np.testing.assert_array_equal(_order_tails(*arguments)[1][-1], -window[:10])


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_every_model_keeps_its_level_in_a_market_without_memory(level: float) -> None:
    returns = _independent()
    constant = np.full(STEPS + 1, 1e-4)
    models = {
        "historical": historical(returns, level, FIRST, WINDOW),
        "normal": normal(returns, constant, level, FIRST, "normal"),
        "pareto": pareto(returns, constant, level, FIRST, WINDOW, 100, "Pareto tail"),
    }
    for name, model in models.items():
        row = judge("independent", returns, model)
        assert not _outcomes(row)["count"].failed, (name, row.verdict)
        assert not _outcomes(row)["shortfall"].failed, (name, row.verdict)
        # a VaR from a short window is noise, and noise that is low foretells an exceedance: rightly found
        if name != "pareto":
            assert _outcomes(row)["quantile"].failed == (name == "historical"), (name, row.verdict)


def test_storms_break_the_unfiltered_model_and_thick_tails_the_normal_one() -> None:
    returns = _clustered()
    rows = {name: judge("clustered", returns, model) for name, model in _models(returns, 0.99).items()}
    assert _outcomes(rows["historical"])["quantile"].failed
    assert "too many" in rows["normal"].verdict
    assert "ES too small" in rows["normal"].verdict
    for name in ("filtered", "pareto"):
        assert not _outcomes(rows[name])["count"].failed, rows[name].verdict
        assert not _outcomes(rows[name])["independence"].failed, rows[name].verdict


def test_garch_keeps_its_level_where_the_market_is_one() -> None:
    pytest.importorskip("arch")
    garch = pytest.importorskip("holdfast.risk.var.backtest.rolling_garch")
    returns = _clustered()
    path = garch.garch_path(returns, FIRST, 1_000)
    for level in (0.95, 0.99):
        found = garch.garch_student(path, level, FIRST)
        row = judge("clustered", returns, found)
        assert all(outcome.p_value > 0.01 for outcome in _outcomes(row).values()), row.verdict
        assert (found.es > found.var).all()
    still = garch.garch_path(np.where(generator(4).random(STEPS) < 0.9, 0.0, returns), FIRST, 1_000)
    assert (still.failures, still.fits) == (5, 5)
    assert "not zero" in still.reason
    assert np.isfinite(still.variances[FIRST:]).all()


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_a_changed_future_leaves_every_var_before_it_as_it_was(level: float) -> None:
    garch = pytest.importorskip("holdfast.risk.var.backtest.rolling_garch")
    returns = _clustered()
    turned = returns.copy()
    turned[4_000:] *= -30.0
    one, two = _models(returns, level), _models(turned, level)
    one["garch"], two["garch"] = (
        garch.garch_student(garch.garch_path(r, FIRST, 2_500), level, FIRST) for r in (returns, turned)
    )
    for name, model in one.items():
        known = 4_000 - FIRST + 1  # the VaR of return 4,000 was known before it
        np.testing.assert_array_equal(model.var[:known], two[name].var[:known], err_msg=name)
        np.testing.assert_array_equal(model.es[:known], two[name].es[:known], err_msg=name)
        assert not np.array_equal(model.var[known:], two[name].var[known:]), name


def test_the_normal_es_is_the_mean_of_its_tail() -> None:
    returns = _independent()
    found = normal(returns, np.full(STEPS + 1, 1.0), 0.975, FIRST, "normal")
    assert found.var[0] == pytest.approx(1.959964, abs=1e-6)
    assert found.es[0] == pytest.approx(2.337803, abs=1e-6)
    assert found.severity.mean() == pytest.approx(1.0)


def test_a_pareto_tail_that_is_one_is_found_with_its_var_and_es() -> None:
    random = generator(8)
    shape, scale, threshold = 0.3, 1.0, 2.0
    beyond = random.random(12_000) < 0.1
    excess = scale / shape * (random.random(12_000) ** -shape - 1.0)
    returns = -np.where(beyond, threshold + excess, threshold * random.random(12_000))
    found = pareto(returns, np.ones(12_001), 0.99, 2_000, 2_000, 1_000, "tail")
    var = threshold + scale / shape * (0.1**-shape - 1.0)
    es = (var + scale - shape * threshold) / (1.0 - shape)
    assert found.var.mean() == pytest.approx(var, rel=0.05)
    assert found.es.mean() == pytest.approx(es, rel=0.08)
    # a tenth of the tail beyond VaR is one in a thousand of all
    assert np.quantile(found.severity[0] * found.es[0], 0.9) == pytest.approx(
        threshold + scale / shape * (0.01**-shape - 1.0), rel=0.25
    )


def test_a_table_has_a_row_a_model_and_says_what_failed_and_when() -> None:
    returns = _clustered()
    ends = np.datetime64("2025-10-10T00:00", "ns").astype(np.int64) + np.arange(STEPS) * 60_000_000_000
    row = judge("clustered", returns, historical(returns, 0.99, FIRST, WINDOW), ends_ns=ends)
    assert row.worst_from == str(np.datetime64("2025-10-10T00:00") + np.timedelta64(row.worst_at, "m"))
    hits = -returns[FIRST:] > historical(returns, 0.99, FIRST, WINDOW).var
    assert hits[row.worst_at - FIRST : row.worst_at - FIRST + 250].sum() == row.worst
    text = markdown([row])
    assert text.startswith(HEAD)
    assert "**" in text.splitlines()[-1]
    high = np.full(STEPS - FIRST, 1.0)
    huge = Rolling(model="huge", level=0.99, first=FIRST, var=high, es=high, severity=np.ones((1, 2)))
    none = judge("clustered", returns, huge)
    assert isinstance(none.tests[1], Missing)
    assert none.verdict == "too few"
    assert " — " in markdown([none])


def test_windows_that_cannot_tell_the_level_are_errors() -> None:
    returns = _independent()
    ones = np.ones(STEPS + 1)
    for window, level, first in ((50, 0.99, 1_000), (2_000, 0.99, 1_000)):
        with pytest.raises(CallerError, match=r"backtest\.window"):
            historical(returns, level, first, window)
    for window, level in ((100, 0.99), (500, 0.85)):
        with pytest.raises(CallerError, match=r"backtest\.window"):
            pareto(returns, ones, level, FIRST, window, 100, "tail")
    with pytest.raises(CallerError, match=r"backtest\.shape"):
        judge("other", returns[:-1], historical(returns, 0.95, FIRST, WINDOW))
