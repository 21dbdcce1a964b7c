"""Historical, age-weighted and filtered simulation: known volatilities, joint dates, horizons, refusals."""

import numpy as np
import pytest
from arch.univariate import GARCH, ZeroMean
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.var.filtered import filtered
from holdfast.risk.var.historical import age_weighted, historical
from holdfast.risk.var.measure import RiskMeasure, measure
from holdfast.risk.var.returns import Of, Panel
from holdfast.risk.var.sample import Sample
from holdfast.risk.var.volatility_filter import VolatilityFilter, ewma, handed, recursive

HOUR = 3_600 * 10**9


def panel(log_returns: NDArray[np.float64], of: tuple[Of, ...] = ()) -> Panel:
    rows, columns = log_returns.shape
    return Panel(
        step_ns=HOUR,
        ends_ns=np.arange(1, rows + 1) * HOUR,
        assets=tuple("ABCD"[:columns]) if not of else ("A",) * columns,
        of=of or ("spot",) * columns,
        log_returns=log_returns,
    )


def drawn(found: Sample | Missing) -> Sample:
    assert isinstance(found, Sample), found
    return found


def known(found: VolatilityFilter | Missing) -> VolatilityFilter:
    assert isinstance(found, VolatilityFilter), found
    return found


def flat(of: Panel, volatility: float) -> VolatilityFilter:
    columns = of.log_returns.shape[1]
    return handed(of, np.full_like(of.log_returns, volatility), np.full(columns, volatility), name="flat")


def test_one_step_of_history_is_the_history() -> None:
    returns = generator(1).standard_normal((300, 2)) * 0.01
    sample = drawn(historical(panel(returns)))
    assert (
        sample.spot_log
        == np.cumsum(np.vstack([np.zeros(2), returns]), axis=0)[1:]
        - np.cumsum(np.vstack([np.zeros(2), returns]), axis=0)[:-1]
    ).all()
    assert sample.spot_log == pytest.approx(returns)
    assert sample.horizon_years == pytest.approx(1.0 / 8_760.0)
    assert sample.weights.sum() == pytest.approx(1.0)


def test_several_steps_are_what_followed_without_a_gap_between() -> None:
    returns = generator(1).standard_normal((300, 1)) * 0.01
    whole = panel(returns)
    hole = Panel(
        step_ns=HOUR,
        ends_ns=np.where(np.arange(300) < 150, whole.ends_ns, whole.ends_ns + 7 * HOUR),
        assets=("A",),
        of=("spot",),
        log_returns=returns,
    )
    sample = drawn(historical(hole, steps=4))
    assert len(sample.weights) == 297 - 3
    assert sample.overlap == 4
    assert sample.spot_log[0, 0] == pytest.approx(returns[:4].sum())
    assert sample.spot_log[147, 0] == pytest.approx(returns[150:154].sum())


def test_age_weights_fade_and_add_up() -> None:
    sample = drawn(age_weighted(panel(generator(1).standard_normal((300, 1))), decay=0.97))
    assert sample.weights.sum() == pytest.approx(1.0)
    assert sample.weights[-1] / sample.weights[-2] == pytest.approx(1.0 / 0.97)
    found = measure(-sample.spot_log[:, 0], 0.9, model="t", horizon_years=1.0, weights=sample.weights)
    assert isinstance(found, RiskMeasure)
    assert found.scenarios == pytest.approx(1.97 / 0.03, rel=0.01)


@pytest.mark.parametrize("decay", [0.0, 1.0, 1.5])
def test_a_decay_that_is_none_is_the_callers_mistake(decay: float) -> None:
    with pytest.raises(CallerError, match="decay"):
        age_weighted(panel(np.ones((200, 1))), decay=decay)


def test_a_history_of_stretches_too_short_for_the_horizon_is_refused() -> None:
    refused = historical(panel(generator(1).standard_normal((150, 1))), steps=60)
    assert isinstance(refused, Missing)
    assert refused.code == "history.short"


def test_the_filter_knows_nothing_of_the_return_it_forecasts() -> None:
    returns = generator(2).standard_normal((200, 1)) * 0.01
    later = returns.copy()
    later[120:] *= 50.0
    before, after = (known(ewma(panel(rows))) for rows in (returns, later))
    assert (before.history[17:121] == after.history[17:121]).all()
    assert after.today[0] > 10.0 * before.today[0]


def test_the_filter_is_the_textbooks_recursion() -> None:
    returns = generator(3).standard_normal((150, 1)) * 0.02
    found = known(ewma(panel(returns), decay=0.9))
    variance = (returns[:10, 0] ** 2).mean()
    for row in range(10, 150):
        assert found.history[row, 0] == pytest.approx(np.sqrt(variance), rel=1e-12)
        variance = 0.9 * variance + 0.1 * returns[row, 0] ** 2
    assert found.today[0] == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert np.isnan(found.history[:10]).all()


def test_a_gjr_filter_answers_losses_more_than_gains() -> None:
    returns = generator(3).standard_normal((150, 1)) * 0.02
    terms = [np.array([value]) for value in (1e-5, 0.05, 0.1, 0.85)]
    found = known(
        recursive(panel(returns), name="GJR", omega=terms[0], alpha=terms[1], gamma=terms[2], beta=terms[3])
    )
    variance = (returns[:20, 0] ** 2).mean()
    for move in returns[20:, 0]:
        variance = 1e-5 + (0.05 + 0.1 * (move < 0.0)) * move**2 + 0.85 * variance
    assert found.today[0] == pytest.approx(np.sqrt(variance), rel=1e-12)


def test_paths_of_a_normal_history_at_flat_volatility_have_its_var_at_every_horizon() -> None:
    history = panel(generator(4).standard_normal((5_000, 1)) * 0.01)
    history.log_returns[:] -= history.log_returns.mean()
    deviation = history.log_returns.std()
    for steps in (4, 24):
        sample = drawn(filtered(history, steps=steps, paths=40_000, seed=5, volatility=flat(history, 0.01)))
        found = measure(sample.spot_log[:, 0], 0.99, model="t", horizon_years=sample.horizon_years)
        assert isinstance(found, RiskMeasure)
        assert found.var == pytest.approx(2.3263 * deviation * np.sqrt(steps), abs=5.0 * found.var_error)
        assert sample.horizon_years == pytest.approx(steps / 8_760.0)


def test_a_trend_of_the_history_is_not_carried_on() -> None:
    history = panel(0.02 + 0.01 * generator(4).standard_normal((2_000, 1)))
    for steps in (1, 10):
        sample = drawn(filtered(history, steps=steps, paths=20_000, seed=5, volatility=flat(history, 0.01)))
        assert abs(sample.spot_log.mean()) < 0.001


def test_every_factor_has_its_own_volatility() -> None:
    history = panel(generator(4).standard_normal((2_000, 2)) * np.array([0.01, 0.05]))
    for steps in (1, 4):
        sample = drawn(filtered(history, steps=steps, paths=20_000, seed=5))
        expected = known(ewma(history, steps=steps)).today * np.sqrt(steps)
        assert sample.spot_log.std(axis=0) == pytest.approx(expected, rel=0.1)


def test_scenarios_are_scaled_to_todays_volatility() -> None:
    returns = generator(6).standard_normal((600, 1)) * 0.01
    returns[-60:] *= 4.0
    calm, wild = panel(returns[:-60]), panel(returns)
    ratio = (
        drawn(filtered(wild, steps=1, paths=1, seed=1)).spot_log.std()
        / drawn(filtered(calm, steps=1, paths=1, seed=1)).spot_log.std()
    )
    assert 2.5 < ratio < 5.5
    assert drawn(historical(wild)).spot_log.std() / drawn(historical(calm)).spot_log.std() < 2.0  # it is late


def test_a_forecast_made_elsewhere_scales_the_paths() -> None:
    history = panel(generator(6).standard_normal((600, 2)) * 0.01)
    base = known(ewma(history))
    twice = base.at(2.0 * base.today, name="GARCH")
    one, two = (
        drawn(filtered(history, steps=1, paths=1, seed=1, volatility=volatility))
        for volatility in (base, twice)
    )
    assert two.spot_log == pytest.approx(2.0 * one.spot_log)
    assert two.notes == ("volatility by EWMA 0.94 from GARCH",)


def test_one_step_takes_every_date_once_and_dates_stay_joint() -> None:
    draws = generator(7)
    first = draws.standard_normal(400)
    history = panel(np.column_stack([first, -3.0 * first]) * 0.01)
    sample = drawn(filtered(history, steps=1, paths=17, seed=1, volatility=flat(history, 0.01)))
    assert sample.spot_log.shape == (400, 2)
    assert sample.spot_log[:, 1] == pytest.approx(-3.0 * sample.spot_log[:, 0])
    paths = drawn(filtered(history, steps=10, paths=500, seed=1, volatility=flat(history, 0.01)))
    assert paths.spot_log[:, 1] == pytest.approx(-3.0 * paths.spot_log[:, 0])


def test_a_path_carries_garch_volatility_as_arch_simulates_it() -> None:
    omega, alpha, beta = 2e-6, 0.12, 0.83
    model = ZeroMean(volatility=GARCH(1, 0, 1), rescale=False)
    model.distribution = type(model.distribution)(seed=np.random.RandomState(3))
    simulated = model.simulate([omega, alpha, beta], 6_000)
    history = panel(simulated["data"].to_numpy()[:, None])
    column = [np.array([value]) for value in (omega, alpha, 0.0, beta)]
    garch = known(
        recursive(history, name="GARCH", omega=column[0], alpha=column[1], gamma=column[2], beta=column[3])
    )
    assert garch.history[500:, 0] == pytest.approx(simulated["volatility"].to_numpy()[500:], rel=1e-3)
    today = 4.0 * omega / (1.0 - alpha - beta)  # variance starts at four times its mean and comes down
    sample = drawn(
        filtered(history, steps=24, paths=60_000, seed=8, volatility=garch.at(np.sqrt([today]), name="now"))
    )
    mean = omega / (1.0 - alpha - beta)
    expected = sum(mean + (today - mean) * (alpha + beta) ** step for step in range(24))
    assert sample.spot_log.var() == pytest.approx(expected, rel=0.06)
    flat_forecast = 24.0 * today
    assert sample.spot_log.var() < 0.8 * flat_forecast


def test_losses_that_raise_volatility_make_the_left_tail_longer() -> None:
    history = panel(generator(9).standard_normal((3_000, 1)) * 0.01)
    one = np.ones(1)
    skews = []
    for gamma in (0.0, 0.12):
        found = known(
            recursive(
                history,
                name="GJR",
                omega=7e-6 * one,
                alpha=0.02 * one,
                gamma=gamma * one,
                beta=0.85 * one,
            )
        )
        moves = drawn(filtered(history, steps=48, paths=40_000, seed=1, volatility=found)).spot_log[:, 0]
        skews.append(float((moves**3).mean() / moves.std() ** 3))
    assert skews[1] < skews[0] - 0.1


def test_volatility_that_would_feed_on_its_own_paths_is_held_and_said_to_be() -> None:
    history = panel(generator(10).standard_t(3.0, (2_000, 1)) * 0.01)
    short = known(ewma(history, decay=0.94))
    sample = drawn(filtered(history, steps=240, paths=4_000, seed=1, volatility=short))
    assert any("held at today's" in note for note in sample.notes)
    centred = history.log_returns[17:] / short.history[17:]
    assert sample.spot_log.std() == pytest.approx(short.today[0] * centred.std() * np.sqrt(240.0), rel=0.1)
    long = drawn(filtered(history, steps=240, paths=10, seed=1))  # its own choice remembers longer
    assert not any("held" in note for note in long.notes)


def test_a_price_that_stood_still_when_the_filter_began_is_refused() -> None:
    returns = generator(10).standard_normal((400, 1)) * 0.01
    returns[:20] = 0.0
    refused = filtered(panel(returns), steps=1, paths=10, seed=1)
    assert isinstance(refused, Missing)
    assert refused.code == "history.still"
    returns[5] = 0.01
    returns[40:80] = 0.0  # later on, its volatility has a floor
    sample = drawn(filtered(panel(returns), steps=1, paths=10, seed=1))
    assert np.abs(sample.spot_log).max() < 1.0


def test_a_volatility_that_reverts_is_pulled_back_on_the_path() -> None:
    draws = generator(11)
    level = np.zeros(4_001)
    for row in range(4_000):
        level[row + 1] = 0.9 * level[row] + 0.05 * draws.standard_normal()
    returns = np.column_stack([draws.standard_normal(4_000) * 0.01, np.diff(level)])
    history = panel(returns, ("spot", "volatility"))
    sample = drawn(filtered(history, steps=48, paths=20_000, seed=1, volatility=flat(history, 0.02)))
    moves = np.log1p(sample.volatility_shift[:, 0])
    assert moves.std() == pytest.approx(0.05 / np.sqrt(1.0 - 0.9**2), rel=0.1)  # not 0.05 x sqrt(48)
    assert sample.moves_volatility == (True,)
    assert any("returns by 0.1" in note or "returns by 0.09" in note for note in sample.notes)


def test_the_same_seed_gives_the_same_paths_and_another_others() -> None:
    history = panel(generator(12).standard_normal((300, 2)) * 0.01)
    first, again, other = (
        drawn(filtered(history, steps=5, paths=100, seed=seed)).spot_log for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_forecasts_that_do_not_fit_are_the_callers_mistake() -> None:
    history = panel(generator(13).standard_normal((300, 2)))
    good = np.ones((300, 2))
    with pytest.raises(CallerError, match=r"filter\.shape"):
        handed(history, good[:, :1], np.ones(1), name="x")
    with pytest.raises(CallerError, match=r"filter\.volatility"):
        handed(history, good, np.array([1.0, 0.0]), name="x")
    with pytest.raises(CallerError, match=r"filter\.decay"):
        ewma(history, decay=1.0)


def test_a_history_shorter_than_the_filters_memory_is_refused() -> None:
    refused = filtered(panel(generator(13).standard_normal((150, 1))), steps=60, paths=10, seed=1)
    assert isinstance(refused, Missing)
    assert refused.code == "history.short"
