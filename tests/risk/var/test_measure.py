"""VaR and ES of known distributions, their errors, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom, norm
from scipy.stats import t as student

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.var.measure import RiskMeasure, measure, measures

DAY = 1.0 / 365.0


def measured(
    profits: NDArray[np.float64], level: float, weights: NDArray[np.float64] | None = None, overlap: int = 1
) -> RiskMeasure:
    found = measure(profits, level, model="test", horizon_years=DAY, weights=weights, overlap=overlap)
    assert isinstance(found, RiskMeasure), found
    return found


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99, 0.999])
def test_a_normal_book_has_var_of_its_quantile_and_es_in_closed_form(level: float) -> None:
    profits = 100.0 * generator(7).standard_normal(400_000)
    found = measured(profits, level)
    z = norm.ppf(level)
    assert found.var == pytest.approx(100.0 * z, abs=4.0 * found.var_error)
    assert found.es == pytest.approx(100.0 * norm.pdf(z) / (1.0 - level), abs=4.0 * found.es_error)


@pytest.mark.parametrize("freedom", [3.0, 5.0])
def test_a_students_t_book_has_its_var_and_es(freedom: float) -> None:
    found = measured(generator(8).standard_t(freedom, 400_000), 0.99)
    z = student.ppf(0.99, freedom)
    shortfall = student.pdf(z, freedom) / 0.01 * (freedom + z * z) / (freedom - 1.0)
    assert found.var == pytest.approx(z, abs=4.0 * found.var_error)
    assert found.es == pytest.approx(shortfall, abs=4.0 * found.es_error)


def test_var_and_es_are_those_of_the_definition_on_numbers_anyone_can_sort() -> None:
    profits = np.array([-float(loss) for loss in range(1, 101)])  # losses 1 to 100
    assert measured(profits, 0.95).var == 95.0
    assert measured(profits, 0.95).es == pytest.approx(np.mean([96, 97, 98, 99, 100]))
    # 5.5 scenarios lie beyond 0.945: half of the one at VaR fills the tail up
    assert measured(profits, 0.945).var == 95.0
    assert measured(profits, 0.945).es == pytest.approx((96 + 97 + 98 + 99 + 100 + 0.5 * 95) / 5.5)


def test_a_book_that_cannot_lose_has_a_negative_var() -> None:
    assert measured(np.full(1_000, 5.0), 0.99).var == -5.0


def test_weights_count_as_repetitions_do() -> None:
    profits = generator(9).standard_normal(500)
    twice = np.concatenate([profits, profits[:100]])
    weights = np.where(np.arange(500) < 100, 2.0, 1.0) / 600.0
    assert measured(profits, 0.95, weights).var == measured(twice, 0.95).var
    assert measured(profits, 0.95, weights).es == pytest.approx(measured(twice, 0.95).es)
    assert measured(profits, 0.95, weights).scenarios < 500


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=60, max_size=90),
    st.lists(st.floats(-1e6, 1e6), min_size=90, max_size=90),
    st.floats(0.0, 1e6),
)
def test_es_is_coherent(left: list[float], right: list[float], cash: float) -> None:
    a, b = np.array(left), np.array(right[: len(left)])
    es = [measured(book, 0.9).es for book in (a, b, a + b, a + cash, 3.0 * a)]
    scale = 1e-9 * (1.0 + np.abs(a).max() + np.abs(b).max() + cash)
    assert es[2] <= es[0] + es[1] + scale
    assert es[3] == pytest.approx(es[0] - cash, abs=scale)
    assert es[4] == pytest.approx(3.0 * es[0], abs=3.0 * scale)
    assert es[0] >= measured(a, 0.9).var - scale


@pytest.mark.parametrize(("count", "level"), [(400, 0.95), (4_000, 0.99), (60_000, 0.99), (300, 0.1)])
def test_the_interval_covers_the_true_var_as_often_as_it_says(count: int, level: float) -> None:
    draws = generator(10)
    trials = 400 if count < 10_000 else 120
    found = [measured(draws.standard_normal(count), level) for _ in range(trials)]
    covered = sum(one.var_low <= norm.ppf(level) <= one.var_high for one in found)
    assert binom.cdf(covered, trials, 0.95) > 1e-3  # not fewer than 95 % cover
    assert covered < trials  # nor is it so wide that it always does
    spread = np.std([one.var for one in found])
    assert np.mean([one.var_error for one in found]) == pytest.approx(spread, rel=0.25)


def test_the_standard_error_of_es_is_that_of_repeated_draws() -> None:
    draws = generator(11)
    found = [measured(draws.standard_normal(4_000), 0.99) for _ in range(300)]
    assert np.mean([one.es_error for one in found]) == pytest.approx(
        np.std([one.es for one in found]), rel=0.15
    )


def test_overlapping_scenarios_make_wider_errors_and_the_same_numbers() -> None:
    profits = generator(12).standard_normal(20_000)
    alone, overlapping = measured(profits, 0.99), measured(profits, 0.99, overlap=16)
    assert (overlapping.var, overlapping.es) == (alone.var, alone.es)
    assert overlapping.es_error == pytest.approx(4.0 * alone.es_error)
    assert overlapping.var_error > 3.0 * alone.var_error
    assert overlapping.scenarios == 20_000 / 16


def test_too_few_scenarios_are_refused_with_the_reason() -> None:
    refused = measure(generator(1).standard_normal(499), 0.99, model="few", horizon_years=DAY)
    assert isinstance(refused, Missing)
    assert refused.code == "scenarios.few"
    assert "499 scenarios" in refused.reason
    assert isinstance(
        measure(generator(1).standard_normal(500), 0.99, model="few", horizon_years=DAY), RiskMeasure
    )


def test_old_scenarios_that_hardly_weigh_do_not_help() -> None:
    weights = 0.5 ** np.arange(1_000.0)
    weights /= weights.sum()
    refused = measure(
        generator(1).standard_normal(1_000), 0.95, model="aged", horizon_years=DAY, weights=weights
    )
    assert isinstance(refused, Missing)
    assert refused.code == "scenarios.few"


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_profit_that_is_no_number_is_refused(bad: float) -> None:
    profits = generator(1).standard_normal(1_000)
    profits[17] = bad
    refused = measure(profits, 0.99, model="test", horizon_years=DAY)
    assert isinstance(refused, Missing)
    assert refused.code == "profits.unusable"


@pytest.mark.parametrize("level", [0.0, 1.0, 99.0, math.nan])
def test_a_level_that_is_none_is_the_callers_mistake(level: float) -> None:
    with pytest.raises(CallerError, match=r"measure\.level"):
        measure(np.zeros(1_000), level, model="test", horizon_years=DAY)


def test_weights_of_another_length_are_the_callers_mistake() -> None:
    with pytest.raises(CallerError, match=r"measure\.shape"):
        measure(np.zeros(10), 0.5, model="test", horizon_years=DAY, weights=np.full(9, 1.0 / 9.0))


def test_several_levels_keep_their_order_and_refuse_one_by_one() -> None:
    found = measures(generator(2).standard_normal(600), [0.5, 0.9, 0.999], model="test", horizon_years=DAY)
    assert [type(one) for one in found] == [RiskMeasure, RiskMeasure, Missing]
    assert isinstance(found[0], RiskMeasure)
    assert isinstance(found[1], RiskMeasure)
    assert found[0].var < found[1].var
