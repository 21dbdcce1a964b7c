"""Scores out of sample: no forecast knows its future, losses rank as they should, Diebold-Mariano is of the right size."""

from collections.abc import Callable

import numpy as np
import pytest

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.forecast.base import VolatilityForecast
from holdfast.risk.forecast.choose import forecast
from holdfast.risk.forecast.ewma import ewma
from holdfast.risk.forecast.har import har
from holdfast.risk.forecast.score import Comparison, Evaluation, diebold_mariano, evaluate, qlike_losses
from holdfast.risk.missing import Missing

HOUR, DAY = 3_600.0, 86_400.0
Forecaster = Callable[[np.ndarray, float, float], VolatilityForecast | Missing]


def cascade(known: np.ndarray, interval_s: float, horizon_s: float) -> VolatilityForecast | Missing:
    """Return HAR, or EWMA at a span without precedent."""
    return forecast(known, interval_s, horizon_s, "har")


def _waves(size: int, seed: int = 2) -> np.ndarray:
    random = generator(seed)
    logs = np.zeros(size)
    for i in range(1, size):
        logs[i] = 0.995 * logs[i - 1] + 0.08 * random.standard_normal()
    return 1e-3 * np.exp(0.5 * logs) * random.standard_normal(size)


def _evaluated(result: Evaluation | Missing) -> Evaluation:
    assert isinstance(result, Evaluation), result
    return result


@pytest.mark.parametrize("window", [0, 1_500])
@pytest.mark.parametrize("forecaster", [ewma, cascade, forecast])
def test_a_changed_future_leaves_every_forecast_before_it_as_it_was(
    forecaster: Forecaster, window: int
) -> None:
    returns = _waves(4_000)
    turned = returns.copy()
    turned[3_000:] = 50.0 * generator(9).standard_normal(1_000)
    one = _evaluated(evaluate(returns, HOUR, DAY, forecaster, first=1_500, window=window))
    two = _evaluated(evaluate(turned, HOUR, DAY, forecaster, first=1_500, window=window))
    before = one.origins <= 3_000
    assert before.sum() > 50
    for name in ("volatility", "low", "high"):
        np.testing.assert_array_equal(getattr(one, name)[before], getattr(two, name)[before])
    assert not np.array_equal(one.volatility[~before], two.volatility[~before])


def test_a_forecaster_that_would_look_ahead_finds_nothing_to_look_at() -> None:
    returns = _waves(2_000)
    seen: list[int] = []

    def greedy(known: np.ndarray, interval_s: float, horizon_s: float) -> VolatilityForecast | Missing:
        seen.append(known.size)
        assert known.base is None, "a view would lead to the future"
        known[:] = 1.0  # nor can it spoil what others see
        return ewma(returns[: known.size], interval_s, horizon_s)

    found = _evaluated(evaluate(returns, HOUR, DAY, greedy, first=1_000))
    assert seen == found.origins.tolist() == list(range(1_000, 1_977, 24))
    assert returns.max() < 1.0


def test_the_realised_measure_is_that_of_the_horizon_and_coverage_counts_it() -> None:
    returns = _waves(2_000)
    found = _evaluated(evaluate(returns, HOUR, DAY, ewma, first=1_000))
    first = np.sqrt((returns[1_000:1_024] ** 2).sum() * 365.0)
    assert found.realised[0] == pytest.approx(first)
    assert 0.7 < found.covered <= 1.0


def test_the_better_forecast_scores_better_and_the_comparison_sees_it() -> None:
    returns = _waves(12_000)

    def flat(known: np.ndarray, interval_s: float, horizon_s: float) -> VolatilityForecast | Missing:
        return ewma(known, interval_s, horizon_s, memory=known.size / 2)

    good, poor = (_evaluated(evaluate(returns, HOUR, DAY, f, first=2_000)) for f in (cascade, flat))
    assert good.qlike < 0.8 * poor.qlike
    assert good.mse < poor.mse
    losses = [qlike_losses(e.volatility**2, e.realised**2) for e in (good, poor)]
    found = diebold_mariano(losses[0], losses[1])
    assert isinstance(found, Comparison)
    assert found.statistic < -3.0
    assert found.p_value < 0.003
    assert found.difference == pytest.approx(good.qlike - poor.qlike)


def test_qlike_is_least_at_the_truth_under_a_noisy_measure() -> None:
    random = generator(3)
    realised = random.chisquare(3, 200_000) / 3.0
    scores = {f: qlike_losses(np.full(200_000, f), realised).mean() for f in (0.8, 0.95, 1.0, 1.05, 1.25)}
    assert min(scores, key=scores.__getitem__) == 1.0
    assert qlike_losses(np.ones(3), np.array([0.0, 1.0, 2.0])).min() >= 0.0
    with pytest.raises(CallerError, match=r"score\.forecast"):
        qlike_losses(np.zeros(3), np.ones(3))


def _share_rejected(difference: float, moving: int, lags: int) -> float:
    random = generator(17)
    rejected = 0
    for _ in range(400):
        noise = (
            np.convolve(random.standard_normal(300 + moving), np.ones(moving + 1), "valid")
            / (moving + 1) ** 0.5
        )
        found = diebold_mariano(1.0 + difference + noise, np.ones(300), lags)
        assert isinstance(found, Comparison)
        rejected += found.p_value < 0.05
    return rejected / 400


def test_diebold_mariano_is_of_the_right_size_even_where_losses_hang_together() -> None:
    assert 0.02 <= _share_rejected(0.0, 0, -1) <= 0.09
    assert 0.02 <= _share_rejected(0.0, 3, -1) <= 0.11
    assert _share_rejected(0.0, 3, 0) > 0.15, "without its lags it is not"
    assert _share_rejected(0.3, 0, -1) > 0.9


def test_diebold_mariano_is_newey_wests() -> None:
    regression = pytest.importorskip("statsmodels.api")
    random = generator(18)
    gaps = np.convolve(random.standard_normal(204), np.ones(5), "valid") + 0.3
    found = diebold_mariano(gaps, np.zeros(200), 4)
    assert isinstance(found, Comparison)
    fitted = regression.OLS(gaps, np.ones(200)).fit(cov_type="HAC", cov_kwds={"maxlags": 4})
    small = np.sqrt((200 + 1 - 10 + 5 * 4 / 200) / 200)
    assert found.statistic == pytest.approx(float(fitted.tvalues[0]) * small, rel=1e-9)


def test_what_cannot_be_scored_is_refused_with_a_reason() -> None:
    returns = _waves(300)
    nothing = evaluate(returns, HOUR, DAY, har, first=200)
    assert isinstance(nothing, Missing)
    assert nothing.code == "score.nothing"
    few, same = diebold_mariano(np.ones(10), np.zeros(10)), diebold_mariano(np.ones(50), np.ones(50))
    assert isinstance(few, Missing)
    assert isinstance(same, Missing)
    assert (few.code, same.code) == ("score.too_few", "score.same")
    with pytest.raises(CallerError, match=r"score\.shape"):
        diebold_mariano(np.ones(50), np.ones(40))
