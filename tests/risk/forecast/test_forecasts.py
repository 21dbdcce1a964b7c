"""Forecasts of volatility: right on processes that are known, blind to the future, and refused where they cannot be had."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.forecast.base import RATIOS_MIN, YEAR_S, VolatilityForecast, spread
from holdfast.risk.forecast.choose import forecast
from holdfast.risk.forecast.ewma import best_memory, ewma, ewma_variances
from holdfast.risk.forecast.har import har
from holdfast.risk.missing import Missing

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0


def _found(result: VolatilityForecast | Missing) -> VolatilityForecast:
    assert isinstance(result, VolatilityForecast), result
    assert 0.0 <= result.low < result.high
    assert result.volatility > 0.0
    return result


def _steady(size: int, yearly: float, interval_s: float, seed: int = 1) -> np.ndarray:
    return generator(seed).standard_normal(size) * yearly * np.sqrt(interval_s / YEAR_S)


def _waves(size: int, seed: int = 2) -> np.ndarray:
    """Return hourly returns whose log variance is a slow autoregression: what HAR is made for."""
    random = generator(seed)
    logs = np.zeros(size)
    for i in range(1, size):
        logs[i] = 0.995 * logs[i - 1] + 0.08 * random.standard_normal()
    return 1e-3 * np.exp(0.5 * logs) * random.standard_normal(size)


@pytest.mark.parametrize("model", ["ewma", "har", "blend", "garch"])
@pytest.mark.parametrize("horizon_s", [HOUR, 6 * HOUR])
def test_a_steady_market_is_forecast_at_its_own_volatility(model: str, horizon_s: float) -> None:
    pytest.importorskip("arch")
    returns = _steady(30_000, 0.8, 5 * MINUTE)
    found = _found(forecast(returns, 5 * MINUTE, horizon_s, model))  # pyright: ignore[reportArgumentType]
    assert found.volatility == pytest.approx(0.8, rel=0.08)
    assert found.low < 0.8 < found.high
    assert (found.reason, found.model) == ("", model)
    assert found.variance == pytest.approx(found.volatility**2 * horizon_s / YEAR_S)


@given(st.floats(1e-3, 1e3), st.sampled_from(["ewma", "har", "blend"]))
@settings(max_examples=20)
def test_a_forecast_scales_with_the_returns(scale: float, model: str) -> None:
    returns = _waves(3_000)
    one = _found(forecast(returns, HOUR, DAY, model))  # pyright: ignore[reportArgumentType]
    many = _found(forecast(scale * returns, HOUR, DAY, model))  # pyright: ignore[reportArgumentType]
    for name in ("volatility", "low", "high"):
        assert getattr(many, name) == pytest.approx(scale * getattr(one, name), rel=1e-6)


def test_ewma_is_its_recursion() -> None:
    returns = _waves(200)
    variance = float((returns[:20] ** 2).mean())
    expected = [variance] * 20
    for value in returns[20:]:
        expected.append(variance)
        variance += 0.05 * (float(value) ** 2 - variance)
    np.testing.assert_allclose(ewma_variances(returns, 20.0), [*expected, variance], rtol=1e-12)
    np.testing.assert_array_equal(ewma_variances.py_func(returns, 20.0), ewma_variances(returns, 20.0))


def test_the_memory_is_long_in_a_steady_market_and_short_in_a_changing_one() -> None:
    random = generator(5)
    jumping = np.repeat(np.exp(random.standard_normal(400)), 20) * random.standard_normal(8_000)
    assert best_memory(_steady(8_000, 0.5, HOUR), 1) >= 500.0
    assert best_memory(jumping, 1) <= 36.0


def test_har_is_the_regression_that_statsmodels_makes() -> None:
    regression = pytest.importorskip("statsmodels.api")
    returns = _waves(4_000, seed=4)  # all slopes positive
    found = _found(har(returns, HOUR, DAY))
    total = np.concatenate(([0.0], np.cumsum(returns**2)))
    origins = np.arange(4_000 - 24, 22 * 24 - 1, -6)[::-1]
    known = [(total[origins] - total[origins - 24 * k]) / (24 * k) for k in (1, 5, 22)]
    design = regression.add_constant(np.log(np.column_stack(known)))
    fitted = regression.OLS(np.log(total[origins + 24] - total[origins]), design).fit()
    now = [1.0] + [np.log((total[-1] - total[-1 - 24 * k]) / (24 * k)) for k in (1, 5, 22)]
    smeared = float(np.exp(np.dot(fitted.params, now)) * np.exp(fitted.resid).mean())
    assert found.variance == pytest.approx(smeared, rel=1e-9)
    assert found.parameters["logs"] == 1.0


def test_har_does_not_lose_the_mean_that_logs_take_away() -> None:
    """Realised over fitted variance averages one, which without the smearing it does not."""
    random = generator(7)
    returns = 1e-3 * np.exp(0.7 * random.standard_normal(200_000)) * random.standard_t(4, 200_000)
    found = _found(har(returns, MINUTE, 10 * MINUTE))
    yearly = float(np.sqrt((returns**2).mean() * YEAR_S / MINUTE))
    assert found.volatility == pytest.approx(yearly, rel=0.1)


def test_har_takes_levels_where_the_market_stood_still_and_stays_within_the_past() -> None:
    returns = np.where(np.arange(6_000) % 120 < 60, 0.0, _waves(6_000))
    found = _found(har(returns, MINUTE, HOUR))
    assert found.parameters["logs"] == 0.0
    hours = np.sqrt((returns.reshape(-1, 60) ** 2).sum(axis=1) * YEAR_S / HOUR)
    assert found.volatility <= hours.max() * 1.5
    blended = _found(forecast(returns, MINUTE, HOUR))
    assert (blended.model, "stood still" in blended.reason) == ("ewma", True)


def test_a_crash_without_precedent_is_no_regressions_business() -> None:
    """Fitted to a calm market, slopes are chance: one below zero would turn a crash into a calm forecast."""
    calm = _steady(20_000, 0.5, MINUTE)
    crash = calm.copy()
    crash[-30:] *= 20.0
    before = _found(har(calm, MINUTE, HOUR))
    assert min(before.parameters[name] for name in ("short", "middle", "long")) >= 0.0
    refused = har(crash, MINUTE, HOUR)
    assert isinstance(refused, Missing)
    assert refused.code == "har.unprecedented"
    for model in ("har", "blend"):
        found = _found(forecast(crash, MINUTE, HOUR, model))  # pyright: ignore[reportArgumentType]
        assert "har.unprecedented" in found.reason
        assert 1.0 < found.volatility < 10.0


def test_har_never_forecasts_less_for_having_seen_more() -> None:
    returns = _steady(20_000, 0.5, MINUTE)
    forecasts: list[float] = []
    for factor in (0.5, 0.6, 0.7, 0.8):
        moved = returns.copy()
        moved[-60:] *= factor
        forecasts.append(_found(har(moved, MINUTE, HOUR)).volatility)
    assert forecasts == sorted(forecasts)


@pytest.mark.parametrize("model", ["ewma", "har", "blend"])
def test_intervals_hold_what_they_promise_out_of_sample(model: str) -> None:
    returns = _waves(12_000)
    inside = 0
    origins = range(4_000, 12_000 - 24, 96)
    for origin in origins:
        found = _found(forecast(returns[:origin], HOUR, DAY, model))  # pyright: ignore[reportArgumentType]
        realised = float(np.sqrt((returns[origin : origin + 24] ** 2).sum() * YEAR_S / DAY))
        inside += found.low <= realised <= found.high
    assert 0.80 <= inside / len(origins) <= 0.98


def test_an_interval_says_how_it_was_found() -> None:
    returns = _waves(2_000)
    assert _found(ewma(returns, HOUR, DAY)).interval == "residuals"
    assert _found(ewma(returns[:400], HOUR, 7 * DAY)).interval == "shorter"
    low, high, how = spread(np.ones(RATIOS_MIN - 1), returns, 24)
    assert (how, low < 1.0 < high) == ("assumed", True)


def test_what_cannot_be_forecast_is_refused_with_a_reason() -> None:
    returns = _waves(500)
    short, still = ewma(returns[:10], HOUR, DAY), ewma(np.zeros(500), HOUR, DAY)
    assert isinstance(short, Missing)
    assert isinstance(still, Missing)
    assert (short.code, still.code) == ("forecast.too_few_returns", "forecast.no_movement")
    assert isinstance(har(returns, HOUR, DAY), Missing)
    instead = _found(forecast(returns, HOUR, DAY, "har"))
    assert instead.model == "ewma"
    assert "forecast.too_few_returns" in instead.reason


def test_the_callers_mistakes_are_errors() -> None:
    returns = _waves(500)
    with pytest.raises(CallerError, match=r"forecast\.horizon"):
        forecast(returns, HOUR, MINUTE)
    with pytest.raises(CallerError, match=r"forecast\.returns"):
        forecast(np.append(returns, np.nan), HOUR, DAY)
    with pytest.raises(CallerError, match=r"forecast\.model"):
        forecast(returns, HOUR, DAY, "crystal ball")  # pyright: ignore[reportArgumentType]
    with pytest.raises(CallerError, match=r"forecast\.memory"):
        ewma(returns, HOUR, DAY, memory=0.5)


def test_without_the_extra_garch_is_ewma_with_the_reason() -> None:
    code = """
import sys
for name in ("arch", "scipy", "statsmodels", "jax"):
    sys.modules[name] = None
import numpy as np
from holdfast.risk.forecast.choose import forecast
import holdfast.risk.forecast.score, holdfast.risk.var.backtest.table, holdfast.risk.var.backtest.rolling_tail
found = forecast(1e-3 * np.sin(np.arange(2000.0)), 60.0, 3600.0, "garch")
assert found.model == "ewma" and "extra.absent" in found.reason, found
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


FORECASTERS: dict[str, Callable[[np.ndarray, float, float], VolatilityForecast | Missing]] = {
    "ewma": ewma,
    "har": har,
    "blend": forecast,
}


@pytest.mark.parametrize("name", FORECASTERS)
def test_a_forecast_leaves_the_returns_as_they_were(name: str) -> None:
    returns = _waves(3_000)
    before = returns.copy()
    FORECASTERS[name](returns, HOUR, DAY)
    np.testing.assert_array_equal(returns, before)
