"""GJR-GARCH with Student t: found again where it was simulated, and EWMA with a reason where it cannot be fitted."""

import math

import numpy as np
import pytest

from holdfast.risk.draws import generator
from holdfast.risk.forecast.base import YEAR_S, VolatilityForecast
from holdfast.risk.missing import Missing

arch = pytest.importorskip("arch")
garch = pytest.importorskip("holdfast.risk.forecast.garch")

TRUE = garch.GarchFit(omega=2e-7, alpha=0.04, gamma=0.08, beta=0.90, degrees=6.0)


def _simulated(size: int, seed: int = 3) -> np.ndarray:
    draws = generator(seed).standard_t(TRUE.degrees, size) * math.sqrt((TRUE.degrees - 2.0) / TRUE.degrees)
    returns = np.empty(size)
    variance = TRUE.omega / (1.0 - TRUE.persistence)
    for i in range(size):
        returns[i] = math.sqrt(variance) * draws[i]
        up = TRUE.alpha + (TRUE.gamma if returns[i] < 0.0 else 0.0)
        variance = TRUE.omega + up * returns[i] ** 2 + TRUE.beta * variance
    return returns


def test_the_parameters_of_a_simulated_market_are_found_again() -> None:
    fit = garch.fit_garch(_simulated(5_000))
    assert isinstance(fit, garch.GarchFit)
    assert fit.beta == pytest.approx(TRUE.beta, abs=0.04)
    assert fit.gamma == pytest.approx(TRUE.gamma, abs=0.04)
    assert fit.degrees == pytest.approx(TRUE.degrees, abs=1.5)
    assert fit.persistence == pytest.approx(TRUE.persistence, abs=0.02)


@pytest.mark.parametrize("scale", [1e-6, 1e3])
def test_the_fit_does_not_depend_on_the_unit_of_the_returns(scale: float) -> None:
    returns = _simulated(2_000)
    one, other = garch.fit_garch(returns), garch.fit_garch(scale * returns)
    assert other.omega == pytest.approx(one.omega * scale**2, rel=1e-3)
    assert (other.alpha, other.gamma, other.beta) == pytest.approx((one.alpha, one.gamma, one.beta), abs=1e-4)


def test_several_steps_are_those_of_arch() -> None:
    returns = _simulated(3_000)
    fit = garch.fit_garch(returns)
    scale = float(np.sqrt((returns**2).mean()))
    model = arch.arch_model(returns / scale, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False)
    values = [fit.omega / scale**2, fit.alpha, fit.gamma, fit.beta, fit.degrees]
    fixed = model.fix(values)
    expected = fixed.forecast(horizon=50).variance.to_numpy()[-1] * scale**2
    following = garch.garch_variances(returns, fit)[-1]
    assert following == pytest.approx(expected[0], rel=1e-6)
    for steps in (1, 2, 10, 50):
        assert garch.horizon_variance(fit, following, steps) == pytest.approx(
            expected[:steps].sum(), rel=1e-6
        )


def test_the_filter_is_its_plain_twin_and_an_integrated_variance_grows_in_a_line() -> None:
    returns = _simulated(300)
    arguments = (returns, 1e-5, TRUE.omega, TRUE.alpha, TRUE.gamma, TRUE.beta)
    np.testing.assert_allclose(garch._filter(*arguments), garch._filter.py_func(*arguments), rtol=1e-13)
    integrated = garch.GarchFit(omega=1e-7, alpha=0.1, gamma=0.0, beta=0.9, degrees=5.0)
    assert garch.horizon_variance(integrated, 1e-5, 3) == pytest.approx(3e-5 + 3e-7)


def test_the_interval_is_that_of_paths_and_the_same_each_time() -> None:
    returns = _simulated(3_000)
    found = garch.garch(returns, 3_600.0, 86_400.0)
    assert found == garch.garch(returns, 3_600.0, 86_400.0)
    assert (found.model, found.interval, found.reason) == ("garch", "simulated", "")
    inside = 0
    for seed in range(20, 60):
        path = _simulated(3_000, seed)
        forecast = garch.garch(path[:2_976], 3_600.0, 86_400.0)
        realised = math.sqrt((path[2_976:] ** 2).sum() * YEAR_S / 86_400.0)
        inside += forecast.low <= realised <= forecast.high
    assert 31 <= inside <= 40


def test_a_price_that_stands_still_is_ewma_with_the_reason() -> None:
    returns = np.where(generator(4).random(2_000) < 0.8, 0.0, _simulated(2_000))
    found = garch.garch(returns, 60.0, 3_600.0)
    assert isinstance(found, VolatilityForecast)
    assert found.model == "ewma"
    assert "garch.still" in found.reason


def test_a_likelihood_without_maximum_is_refused() -> None:
    returns = generator(5).standard_t(1, 1_000) * 1e-3  # a Cauchy law has no variance
    fit = garch.fit_garch(returns)
    assert isinstance(fit, Missing)
    assert fit.code in {"garch.tail", "garch.not_converged", "garch.explosive"}
    assert isinstance(garch.fit_garch(returns[:100]), Missing)
