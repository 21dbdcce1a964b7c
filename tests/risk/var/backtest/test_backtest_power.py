"""Backtests by simulation: right models are rejected as seldom as promised, wrong ones are found; and refusals."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.acerbi_szekely import rank_test, severity_test, shortfall_test
from holdfast.risk.var.backtest.chance import binomial_below, binomial_from, chi_square_tail
from holdfast.risk.var.backtest.christoffersen import conditional_coverage, independence
from holdfast.risk.var.backtest.dynamic_quantile import dynamic_quantile
from holdfast.risk.var.backtest.kupiec import kupiec
from holdfast.risk.var.backtest.outcome import Outcome, exceedances
from holdfast.risk.var.backtest.traffic_light import traffic_light, worst_light

STEPS = 2_000
TRIALS = 400


def _share_failed(
    test: Callable[[np.ndarray], Outcome | Missing], series: Callable[[np.random.Generator], np.ndarray]
) -> float:
    random = generator(20251010)
    outcomes = [test(series(random)) for _ in range(TRIALS)]
    judged = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    assert len(judged) > TRIALS * 0.9
    return sum(outcome.failed for outcome in judged) / len(judged)


def _independent(tail: float) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda random: random.random(STEPS) < tail


def _clustered(random: np.random.Generator) -> np.ndarray:
    """Return hits of the right share, five times as likely in one tenth of the time."""
    rough = np.repeat(random.random(STEPS // 50) < 0.1, 50)
    return random.random(STEPS) < np.where(rough, 0.25, 0.25 / 9)


VARYING = 1.0 + 0.5 * np.sin(np.arange(STEPS) / 40.0)


def _quantile_test(hits: np.ndarray) -> Outcome | Missing:
    return dynamic_quantile(hits, VARYING, 0.95)


TESTS: dict[str, Callable[[np.ndarray], Outcome | Missing]] = {
    "kupiec": lambda hits: kupiec(hits, 0.95),
    "independence": independence,
    "conditional coverage": lambda hits: conditional_coverage(hits, 0.95),
    "dynamic quantile": _quantile_test,
}


@pytest.mark.parametrize("name", TESTS)
def test_a_right_model_fails_about_one_time_in_twenty(name: str) -> None:
    assert 0.02 <= _share_failed(TESTS[name], _independent(0.05)) <= 0.09


@pytest.mark.parametrize("name", ["kupiec", "conditional coverage", "dynamic quantile"])
def test_half_as_many_exceedances_again_are_found(name: str) -> None:
    assert _share_failed(TESTS[name], _independent(0.075)) > 0.9


def test_clusters_are_found_by_all_but_the_count() -> None:
    for name in ("independence", "conditional coverage", "dynamic quantile"):
        assert _share_failed(TESTS[name], _clustered) > 0.7, name
    assert _share_failed(TESTS["kupiec"], _clustered) < 0.5


def test_a_var_that_moves_with_the_exceedances_is_found_by_the_dynamic_quantile_alone() -> None:
    def series(random: np.random.Generator) -> np.ndarray:
        return random.random(STEPS) < 0.05 * (1.0 + 0.9 * np.sin(np.arange(STEPS) / 40.0))

    assert _share_failed(TESTS["dynamic quantile"], series) > 0.9
    assert _share_failed(TESTS["kupiec"], series) < 0.1


def test_the_dynamic_quantile_is_the_regression_that_statsmodels_makes() -> None:
    regression = pytest.importorskip("statsmodels.api")
    random = generator(3)
    hits, var = random.random(600) < 0.04, 1.0 + random.random(600)
    demeaned = hits - 0.05
    lagged = np.column_stack([demeaned[4 - lag : 600 - lag] for lag in range(1, 5)])
    design = regression.add_constant(np.column_stack([lagged, var[4:]]))
    fitted = regression.OLS(demeaned[4:], design).fit()
    expected = float(fitted.fittedvalues @ fitted.fittedvalues) / (0.05 * 0.95)
    found = dynamic_quantile(hits, var, 0.95)
    assert isinstance(found, Outcome)
    assert (found.statistic, found.degrees) == (pytest.approx(expected, rel=1e-9), 6)


def test_a_constant_var_counts_once_with_the_constant() -> None:
    hits = generator(4).random(600) < 0.05
    found = dynamic_quantile(hits, np.full(600, 0.02), 0.95)
    alone = dynamic_quantile(hits, np.zeros(600), 0.95)
    assert isinstance(found, Outcome)
    assert isinstance(alone, Outcome)
    assert found.degrees == alone.degrees == 5
    assert found.statistic == pytest.approx(alone.statistic, rel=1e-9)


def _shortfall_share(scale: float, degrees: int | None) -> dict[str, float]:
    """Return how often each test rejects a normal model of unit scale for returns of another scale or tail."""
    level, tail, steps = 0.975, 0.025, 500
    points = (np.arange(4_000) + 0.5) / 4_000
    random = generator(11)
    pool = np.sort(random.standard_normal(400_000))
    severity = -pool[(points * tail * pool.size).astype(int)]
    var, es = np.full(steps, severity.min()), np.full(steps, severity.mean())
    failed = {"severity": 0, "shortfall": 0, "rank": 0}
    trials = 150
    for trial in range(trials):
        draws = random.standard_normal(steps)
        if degrees is not None:
            draws = random.standard_t(degrees, steps) / np.sqrt(degrees / (degrees - 2.0))
        returns = scale * draws
        outcomes = {
            "severity": severity_test(returns, var, es, severity, seed=trial, simulations=300),
            "shortfall": shortfall_test(returns, var, es, severity, level, seed=trial, simulations=300),
            "rank": rank_test(returns, pool[::40], level, seed=trial, simulations=100),
        }
        for name, outcome in outcomes.items():
            failed[name] += isinstance(outcome, Outcome) and outcome.failed
    return {name: count / trials for name, count in failed.items()}


def test_a_right_shortfall_fails_about_one_time_in_twenty() -> None:
    assert all(share <= 0.10 for share in _shortfall_share(1.0, None).values())


def test_an_understated_scale_is_found_by_all_three_shortfall_tests() -> None:
    found = _shortfall_share(1.4, None)
    assert found["shortfall"] > 0.95
    assert found["rank"] > 0.95
    assert found["severity"] > 0.5


def test_a_tail_that_is_too_thin_is_found_even_where_the_scale_is_right() -> None:
    found = _shortfall_share(1.0, 3)
    assert found["severity"] > 0.6
    assert found["rank"] > 0.6


def test_the_same_seed_gives_the_same_p_value_and_another_nearly_so() -> None:
    random = generator(12)
    returns, var, es = random.standard_normal(500), np.full(500, 1.645), np.full(500, 2.063)
    severity = np.linspace(1.645, 2.6, 50)
    first, again, other = (shortfall_test(returns, var, es, severity, 0.95, seed=seed) for seed in (1, 1, 2))
    assert isinstance(first, Outcome)
    assert isinstance(other, Outcome)
    assert first == again
    assert first.p_value == pytest.approx(other.p_value, abs=0.05)


def test_rows_of_one_tail_are_one_row() -> None:
    random = generator(13)
    returns, var, es = random.standard_normal(400), np.full(400, 1.645), np.full(400, 2.063)
    tail = np.linspace(1.645, 2.6, 50)
    one = shortfall_test(returns, var, es, tail, 0.95, seed=1, simulations=4_000)
    many = shortfall_test(returns, var, es, np.tile(tail, (400, 1)), 0.95, seed=2, simulations=4_000)
    assert isinstance(one, Outcome)
    assert isinstance(many, Outcome)
    assert one.p_value == pytest.approx(many.p_value, abs=0.04)


def test_what_a_test_is_not_defined_for_is_refused_with_a_reason() -> None:
    none, few = np.zeros(500, dtype=bool), np.arange(50) < 3
    quiet = np.full(500, 0.01)
    for refused in (
        independence(none),
        conditional_coverage(none, 0.99),
        dynamic_quantile(none, quiet, 0.99),
        severity_test(quiet, quiet, quiet, np.ones(3), seed=1),
    ):
        assert isinstance(refused, Missing)
        assert refused.code == "backtest.no_exceedances"
    for refused in (
        kupiec(few, 0.99),
        traffic_light(few, 0.99),
        dynamic_quantile(few, quiet[:50], 0.95),
        worst_light(few, 0.99),
    ):
        assert isinstance(refused, Missing)
        assert refused.code == "backtest.too_few_observations"
    assert isinstance(independence(np.array([False, False, True])), Missing)
    assert isinstance(kupiec(none, 0.99), Outcome), "no exceedance is a count like any other"


def test_the_callers_mistakes_are_errors() -> None:
    good = np.zeros(10)
    with pytest.raises(CallerError, match=r"backtest\.shape"):
        exceedances(good, np.zeros(9))
    with pytest.raises(CallerError, match=r"backtest\.not_finite"):
        exceedances(good, np.full(10, np.nan))
    with pytest.raises(CallerError, match=r"backtest\.level"):
        kupiec(np.zeros(500, dtype=bool), 0.05)
    with pytest.raises(CallerError, match=r"backtest\.severity"):
        shortfall_test(np.zeros(500), np.ones(500), np.ones(500), np.ones((3, 5)), 0.95, seed=1)


def test_the_worst_window_is_found_where_it_is() -> None:
    hits = np.zeros(2_000, dtype=bool)
    hits[1_200:1_212] = True
    found = worst_light(hits, 0.99)
    assert not isinstance(found, Missing)
    light, start = found
    assert (light.zone, light.statistic) == ("red", 12.0)
    assert 1_211 - 249 <= start <= 1_200
    assert traffic_light(hits, 0.99).zone == "green"  # pyright: ignore[reportAttributeAccessIssue]


@given(st.floats(1e-6, 400.0), st.integers(1, 20))
def test_the_chi_square_tail_is_scipys(statistic: float, degrees: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert chi_square_tail(statistic, degrees) == pytest.approx(stats.chi2.sf(statistic, degrees), rel=1e-11)


@given(st.integers(0, 300), st.integers(1, 3_000), st.floats(0.001, 0.2))
def test_binomial_tails_are_scipys(count: int, trials: int, probability: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert binomial_below(count, trials, probability) == pytest.approx(
        stats.binom.cdf(count, trials, probability), rel=1e-9, abs=1e-300
    )
    assert binomial_from(count, trials, probability) == pytest.approx(
        stats.binom.sf(count - 1, trials, probability), rel=1e-9, abs=1e-13
    )
