"""The generalised Pareto tail beside scipy, beside the truth, and its refusals."""

import math

import numpy as np
import pytest
from scipy.stats import binom, genpareto
from scipy.stats import t as student

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.var import tail as tail_module
from holdfast.risk.var.measure import RiskMeasure
from holdfast.risk.var.tail import Tail, by_likelihood, by_moments, tail_of

DAY = 1.0 / 365.0


def fitted(losses: np.ndarray, exceedances: int = 0) -> Tail:
    found = tail_of(-losses, model="test", exceedances=exceedances)
    assert isinstance(found, Tail), found
    return found


@pytest.mark.parametrize("shape", [-0.3, -0.1, 1e-6, 0.2, 0.45, 0.9])
def test_likelihood_is_as_high_as_scipys(shape: float) -> None:
    beyond = genpareto.rvs(shape, scale=2.0, size=1_000, random_state=generator(3))
    ours = by_likelihood(beyond)
    peer = genpareto.fit(beyond, floc=0.0)
    best = genpareto.logpdf(beyond, peer[0], 0.0, peer[2]).sum()
    assert genpareto.logpdf(beyond, ours[0], 0.0, ours[1]).sum() >= best - 1e-4
    assert ours[0] == pytest.approx(peer[0], abs=2e-3)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.3])
def test_both_estimators_recover_the_parameters_within_their_error(shape: float) -> None:
    draws = generator(4)
    fits = [
        (by_likelihood(sample), by_moments(sample))
        for sample in (genpareto.rvs(shape, scale=2.0, size=500, random_state=draws) for _ in range(60))
    ]
    error = (1.0 + shape) / math.sqrt(500.0)
    by_each = np.array(fits)  # (sample, estimator, parameter)
    assert np.abs(by_each[:, :, 0].mean(axis=0) - shape).max() < 0.025
    assert np.abs(by_each[:, :, 1].mean(axis=0) - 2.0).max() < 0.06
    assert by_each[:, 0, 0].std() == pytest.approx(error, rel=0.25)


def test_a_tail_beyond_what_was_drawn_is_that_of_students_t() -> None:
    tail = fitted(generator(5).standard_t(4.0, 20_000))
    assert tail.shape == pytest.approx(0.25, abs=3.0 * tail.shape_error)
    for level in (0.99, 0.999, 0.9999):
        found = tail.measure(level, model="test", horizon_years=DAY)
        assert isinstance(found, RiskMeasure)
        z = student.ppf(level, 4.0)
        shortfall = student.pdf(z, 4.0) / (1.0 - level) * (4.0 + z * z) / 3.0
        assert found.var == pytest.approx(z, abs=3.0 * found.var_error)
        assert found.es == pytest.approx(shortfall, abs=3.0 * found.es_error)
        assert found.var_low < z < found.var_high


def test_the_profile_interval_covers_as_often_as_it_says() -> None:
    draws = generator(6)
    covered = 0
    errors: list[tuple[float, float]] = []
    for _ in range(100):
        beyond = genpareto.rvs(0.25, scale=1.0, size=200, random_state=draws)
        found = fitted(
            np.concatenate([10.0 + beyond, np.full(1, 10.0), np.linspace(0.0, 9.0, 1_799)]), 200
        ).measure(0.999, model="test", horizon_years=DAY)
        assert isinstance(found, RiskMeasure)
        true = 10.0 + genpareto.ppf(0.99, 0.25)
        covered += found.var_low <= true <= found.var_high
        errors.append((found.var, found.var_error))
    assert binom.cdf(covered, 100, 0.95) > 1e-3
    seen = np.array(errors)
    # the delta method also counts how many lie beyond the threshold, which is fixed here
    assert 0.7 < seen[:, 1].mean() / seen[:, 0].std() < 1.5


def test_standard_errors_are_those_of_repeated_samples() -> None:
    draws = generator(16)
    found = [fitted(genpareto.rvs(0.2, size=5_000, random_state=draws), 500) for _ in range(300)]
    for ratio in (2.0, 100.0):  # 500 of 5,000 beyond: levels 0.95 and 0.999
        values = np.array(
            [tail_module._measures(one.threshold, one.shape, one.scale, ratio) for one in found]
        )
        errors = np.array([one._errors(ratio) for one in found])
        assert errors.mean(axis=0) == pytest.approx(values.std(axis=0), rel=0.1)


def test_the_numbers_agree_with_scipys_law() -> None:
    tail = fitted(generator(7).standard_t(5.0, 5_000), 400)
    found = tail.measure(0.995, model="test", horizon_years=DAY)
    assert isinstance(found, RiskMeasure)
    beyond = found.var - tail.threshold
    assert genpareto.sf(beyond, tail.shape, scale=tail.scale) * 400 / 5_000 == pytest.approx(0.005)
    deeper = np.linspace(0.0, 0.005, 200_001)[1:]  # ES is the mean VaR of all deeper levels
    values = tail.threshold + genpareto.isf(deeper * 5_000 / 400, tail.shape, scale=tail.scale)
    assert found.es == pytest.approx(float(values.mean()), rel=1e-3)


def test_too_few_losses_are_refused() -> None:
    refused = tail_of(generator(8).standard_normal(300), model="test")
    assert isinstance(refused, Missing)
    assert refused.code == "tail.short"
    assert "300 scenarios have 45" in refused.reason
    assert isinstance(tail_of(generator(8).standard_normal(334), model="test"), Tail)


def test_losses_that_are_all_alike_are_refused() -> None:
    capped = np.maximum(generator(9).standard_normal(5_000), -1.0)  # a stop-loss
    refused = tail_of(capped, model="test")
    assert isinstance(refused, Missing)
    assert refused.code == "tail.ties"


def test_a_level_inside_the_body_is_refused() -> None:
    refused = fitted(generator(8).standard_normal(5_000), 100).measure(0.95, model="test", horizon_years=DAY)
    assert isinstance(refused, Missing)
    assert refused.code == "tail.level"


def test_a_tail_without_a_mean_is_refused() -> None:
    losses = genpareto.rvs(1.6, size=4_000, random_state=generator(10))
    refused = fitted(losses, 400).measure(0.999, model="test", horizon_years=DAY)
    assert isinstance(refused, Missing)
    assert refused.code == "tail.infinite"


def test_a_loss_that_is_no_number_is_refused() -> None:
    profits = generator(8).standard_normal(1_000)
    profits[3] = math.nan
    refused = tail_of(profits, model="test")
    assert isinstance(refused, Missing)
    assert refused.code == "profits.unusable"


@pytest.mark.parametrize("exceedances", [49, 501])
def test_exceedances_outside_the_limits_are_the_callers_mistake(exceedances: int) -> None:
    with pytest.raises(CallerError, match=r"tail\.exceedances"):
        tail_of(generator(8).standard_normal(1_000), model="test", exceedances=exceedances)
