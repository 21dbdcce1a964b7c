"""Parts of VaR and ES: they add up, they are Euler's derivatives, and a hedge is negative."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.var.contribution import Contributions, contributions, marginal
from holdfast.risk.var.measure import RiskMeasure, measure

DAY = 1.0 / 365.0
NAMES = ("long", "other", "hedge")
COVARIANCE = np.array([[4.0, 1.0, -1.5], [1.0, 1.0, -0.2], [-1.5, -0.2, 1.0]])


def normal_profits(count: int, seed: int) -> NDArray[np.float64]:
    return np.ascontiguousarray(generator(seed).multivariate_normal(np.zeros(3), COVARIANCE, count).T)


def split(
    profits: NDArray[np.float64], level: float = 0.99, weights: NDArray[np.float64] | None = None
) -> Contributions:
    found = contributions(
        profits, NAMES[: len(profits)], level, model="test", horizon_years=DAY, weights=weights
    )
    assert isinstance(found, Contributions), found
    return found


@pytest.mark.parametrize("level", [0.9, 0.99, 0.999])
@pytest.mark.parametrize("count", [6_000, 50_000])
def test_components_add_up_to_the_whole(count: int, level: float) -> None:
    found = split(normal_profits(count, 3), level)
    assert sum(part.component_var for part in found.parts) == pytest.approx(found.var, rel=1e-12)
    assert sum(part.component_es for part in found.parts) == pytest.approx(found.es, rel=1e-12)


def test_components_add_up_where_scenarios_have_ages() -> None:
    weights = 0.999 ** np.arange(6_000.0)
    found = split(normal_profits(6_000, 3), 0.95, weights / weights.sum())
    assert sum(part.component_var for part in found.parts) == pytest.approx(found.var, rel=1e-12)
    assert sum(part.component_es for part in found.parts) == pytest.approx(found.es, rel=1e-12)


def test_components_add_up_on_a_book_of_steps() -> None:
    draws = generator(4)
    profits = np.stack(
        [np.round(draws.standard_normal(20_000)), np.where(draws.random(20_000) < 0.03, -50.0, 1.0)]
    )
    found = split(profits)
    assert sum(part.component_var for part in found.parts) == pytest.approx(found.var, rel=1e-12)


def test_a_normal_books_components_are_betas() -> None:
    found = split(normal_profits(400_000, 5))
    deviation = np.sqrt(COVARIANCE.sum())
    z = norm.ppf(0.99)
    for part, beta in zip(found.parts, COVARIANCE.sum(axis=1) / deviation, strict=True):
        assert part.component_var == pytest.approx(z * beta, abs=4.0 * part.component_var_error)
        assert part.component_es == pytest.approx(
            norm.pdf(z) / 0.01 * beta, abs=4.0 * part.component_es_error
        )
        assert part.component_var_error < 0.06
    assert found.parts[2].component_es < 0.0  # the hedge


def test_components_are_the_derivative_by_size() -> None:
    profits = normal_profits(200_000, 6)
    found = split(profits)
    step = 0.05
    for number, part in enumerate(found.parts):
        sized = np.ones(3)
        es: list[float] = []
        for change in (step, -step):
            sized[number] = 1.0 + change
            one = measure(sized @ profits, 0.99, model="test", horizon_years=DAY)
            assert isinstance(one, RiskMeasure)
            es.append(one.es)
        assert part.component_es == pytest.approx((es[0] - es[1]) / (2.0 * step), abs=0.02)


def test_incremental_is_with_less_without() -> None:
    profits = normal_profits(20_000, 7)
    found = split(profits)
    without = measure(profits[0] + profits[1], 0.99, model="test", horizon_years=DAY)
    assert isinstance(without, RiskMeasure)
    assert found.parts[2].incremental_var == found.var - without.var
    assert found.parts[2].incremental_es == found.es - without.es
    assert found.parts[2].incremental_es < 0.0


def test_one_position_alone_is_the_whole() -> None:
    found = split(normal_profits(20_000, 8)[:1])
    assert found.parts[0].component_var == pytest.approx(found.var)
    assert found.parts[0].incremental_es == pytest.approx(found.es)


def test_marginal_is_the_component_of_one_unit() -> None:
    found = split(normal_profits(20_000, 8))
    by_unit = marginal(found, [2.0, -4.0, 0.0])
    assert by_unit[1] == (found.parts[1].component_var / -4.0, found.parts[1].component_es / -4.0)
    assert by_unit[2] == (0.0, 0.0)


def test_too_few_scenarios_are_refused() -> None:
    refused = contributions(normal_profits(100, 1), NAMES, 0.99, model="test", horizon_years=DAY)
    assert isinstance(refused, Missing)
    assert refused.code == "scenarios.few"


def test_names_that_do_not_fit_are_the_callers_mistake() -> None:
    with pytest.raises(CallerError, match=r"contribution\.shape"):
        contributions(normal_profits(1_000, 1), NAMES[:2], 0.99, model="test", horizon_years=DAY)
