"""Margins and dependence: Bates beside QuantLib, calibration beside the truth, the copula beside its formulas."""

import numpy as np
import pytest
import QuantLib
from numpy.typing import NDArray
from scipy.stats import kendalltau, multivariate_t
from scipy.stats import t as student

from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.var import bates, copula
from holdfast.risk.var.bates import Bates, calibrated, simulate
from holdfast.risk.var.copula import TailCopula, kendall, tail_dependence
from holdfast.risk.var.jumps import Jumps, jumped, jumps_of
from holdfast.risk.var.returns import Panel
from holdfast.risk.var.volatility_walk import VolatilityWalk, pull, walk_of

DAY = 1.0 / 365.0
DAY_NS = 86_400 * 10**9
COINS = Bates(
    variance=0.5,
    mean_variance=0.36,
    reversion=8.0,
    volatility_of_variance=2.0,
    correlation=-0.4,
    jumps=Jumps(5.0, -0.05, 0.08),
)
NEVER_NEAR_ZERO = Bates(
    variance=0.2,
    mean_variance=0.25,
    reversion=6.0,
    volatility_of_variance=0.8,
    correlation=0.3,
    jumps=Jumps(2.0, 0.02, 0.05),
)


@pytest.mark.parametrize("model", [COINS, NEVER_NEAR_ZERO])
@pytest.mark.parametrize("days", [1, 10])
def test_simulated_options_cost_what_quantlibs_bates_engine_says(model: Bates, days: int) -> None:
    moves, _ = simulate(model, days * DAY, 200_000, generator(3))
    spot = 100.0 * np.exp(moves)
    today = QuantLib.Date(1, 1, 2025)
    QuantLib.Settings.instance().evaluationDate = today
    rate = QuantLib.YieldTermStructureHandle(
        QuantLib.FlatForward(0, QuantLib.NullCalendar(), 0.0, QuantLib.Actual365Fixed())
    )
    process = QuantLib.BatesProcess(
        rate, rate, QuantLib.QuoteHandle(QuantLib.SimpleQuote(100.0)), model.variance, model.reversion, model.mean_variance,
        model.volatility_of_variance, model.correlation, model.jumps.a_year, model.jumps.mean, model.jumps.deviation,
    )  # fmt: skip
    engine = QuantLib.BatesEngine(QuantLib.BatesModel(process), 160)
    assert spot.mean() == pytest.approx(100.0, abs=4.0 * spot.std() / np.sqrt(200_000))
    for strike in (85.0, 95.0, 100.0, 105.0, 120.0):
        option = QuantLib.VanillaOption(
            QuantLib.PlainVanillaPayoff(QuantLib.Option.Put, strike),
            QuantLib.EuropeanExercise(today + QuantLib.Period(days, QuantLib.Days)),
        )
        option.setPricingEngine(engine)
        paid = np.maximum(strike - spot, 0.0)
        assert paid.mean() == pytest.approx(option.NPV(), abs=4.5 * paid.std() / np.sqrt(200_000) + 1e-4)


def test_one_long_step_is_nearly_many_short_ones() -> None:
    one, many = (
        simulate(COINS, 10 * DAY, 100_000, generator(4), step_years=step) for step in (DAY, DAY / 8.0)
    )
    for which in (0, 1):
        assert one[which].std() == pytest.approx(many[which].std(), rel=0.015)
        assert np.quantile(one[which], 0.01) == pytest.approx(np.quantile(many[which], 0.01), rel=0.03)


def test_variance_stays_at_or_above_zero_where_it_often_gets_there() -> None:
    wild = Bates(
        variance=0.04,
        mean_variance=0.04,
        reversion=0.5,
        volatility_of_variance=1.0,
        correlation=-0.9,
        jumps=Jumps(),
    )
    moves, shift = simulate(wild, 0.5, 50_000, generator(5))
    assert np.isfinite(moves).all()
    assert (shift >= -1.0).all()
    assert np.exp(moves).mean() == pytest.approx(1.0, abs=0.01)


def test_volatility_moves_against_the_price_as_the_correlation_says() -> None:
    for correlation in (-0.7, 0.0, 0.7):
        model = Bates(
            variance=0.36,
            mean_variance=0.36,
            reversion=4.0,
            volatility_of_variance=1.0,
            correlation=correlation,
        )
        moves, shift = simulate(model, DAY, 50_000, generator(6))
        assert np.corrcoef(moves, shift)[0, 1] == pytest.approx(correlation, abs=0.02)


def path(
    model: Bates, steps: int, step_years: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Simulate one history: log returns, and log changes of the 30-day volatility."""
    draws = generator(seed)
    move, variance = np.zeros(1), np.array([model.variance])
    returns, changes = np.empty(steps), np.empty(steps)
    for step in range(steps):
        price, volatility = move[0], np.log1p(model.shift(variance))[0]
        bates._step(
            move, variance, draws.standard_normal((2, 1)), draws.random(1), step_years, model.mean_variance,
            model.reversion, model.volatility_of_variance, model.correlation,
        )  # fmt: skip
        returns[step] = move[0] - price + model.jumps.draw(step_years, 1, draws)[0]
        changes[step] = np.log1p(model.shift(variance))[0] - volatility
    return returns, changes


def panel(*columns: NDArray[np.float64], step_ns: int = DAY_NS) -> Panel:
    rows = len(columns[0])
    return Panel(
        step_ns=step_ns,
        ends_ns=np.arange(1, rows + 1) * step_ns,
        assets=("BTC",) * len(columns),
        of=("spot", "volatility")[: len(columns)],
        log_returns=np.column_stack(columns),
    )


def margin(of: Panel) -> Bates:
    found = calibrated(of, "BTC")
    assert isinstance(found, Bates), found
    return found


def test_calibration_finds_the_parameters_it_was_simulated_with() -> None:
    true = Bates(
        variance=0.36, mean_variance=0.36, reversion=60.0, volatility_of_variance=5.0, correlation=-0.6,
        jumps=Jumps(40.0, -0.05, 0.06),
    )  # fmt: skip
    histories = [path(true, 6_000, 1.0 / 8_760.0, seed) for seed in (1, 2, 3, 4)]
    found = [margin(panel(*history, step_ns=DAY_NS // 24)) for history in histories]
    assert np.mean([one.mean_variance for one in found]) == pytest.approx(0.36, rel=0.15)
    assert np.mean([one.jumps.a_year for one in found]) == pytest.approx(40.0, rel=0.4)
    assert np.mean([one.jumps.mean for one in found]) == pytest.approx(-0.05, abs=0.03)
    assert np.mean([one.jumps.deviation for one in found]) == pytest.approx(0.06, abs=0.03)
    assert 25.0 < np.exp(np.mean([np.log(one.reversion) for one in found])) < 180.0
    assert np.mean([one.volatility_of_variance for one in found]) == pytest.approx(5.0, rel=0.5)
    assert np.mean([one.correlation for one in found]) == pytest.approx(-0.6, abs=0.1)


def test_a_normal_history_has_no_jumps_and_a_variance_that_hardly_wanders() -> None:
    found = margin(panel(0.02 * generator(7).standard_normal(2_000)))
    assert found.jumps == Jumps()
    assert any("no jump" in note for note in found.notes)
    assert found.mean_variance == pytest.approx(0.02**2 * 365.0, rel=0.1)
    moves, _ = simulate(found, DAY, 100_000, generator(8))
    assert (moves**4).mean() / (moves**2).mean() ** 2 < 3.6
    assert found.correlation == 0.0  # chance would do as well


def test_an_asset_without_history_and_a_history_too_short_are_refused() -> None:
    returns = 0.02 * generator(7).standard_normal(200)
    absent = calibrated(panel(returns), "ETH")
    short = calibrated(panel(returns[:119]), "BTC")
    assert isinstance(absent, Missing)
    assert isinstance(short, Missing)
    assert (absent.code, short.code) == ("returns.absent", "history.short")


def test_jumps_stand_out_from_the_returns_before_them_not_from_calmer_times() -> None:
    returns = generator(9).standard_normal(3_000) * np.where(np.arange(3_000) < 1_500, 0.01, 0.04)
    assert not jumped(returns)[1_560:].any()  # volatility that rose is no jump once it has been seen
    returns[700] = -0.12
    returns[2_500] = -0.12  # three of its deviations: usual by then
    found = np.flatnonzero(jumped(returns))
    assert 700 in found
    assert 2_500 not in found


def test_a_normal_history_has_a_false_jump_in_about_one_of_a_hundred() -> None:
    draws = generator(10)
    false = sum(bool(jumped(draws.standard_normal(1_000)).any()) for _ in range(300))
    assert false <= 15  # a local deviation of 60 returns is itself uncertain: a few more than 3


def test_the_law_of_few_jumps_has_no_side() -> None:
    law, notes = jumps_of(np.array([-0.1, -0.2]), 2.0, "BTC")
    assert (law.a_year, law.mean) == (1.0, 0.0)
    assert law.deviation == pytest.approx(np.sqrt(0.025))
    assert "only 2" in notes[0]
    sums = Jumps(20.0, -0.05, 0.1).draw(1.0, 100_000, generator(11))
    assert sums.mean() == pytest.approx(-1.0, abs=0.01)
    assert sums.var() == pytest.approx(20.0 * (0.05**2 + 0.1**2), rel=0.02)


def test_a_volatility_walk_is_calibrated_from_its_index_and_reverts() -> None:
    draws = generator(12)
    level = np.zeros(3_001)
    for row in range(3_000):
        level[row + 1] = 0.95 * level[row] + 0.05 * draws.standard_normal()
    walk = walk_of(panel(draws.standard_normal(3_000), np.diff(level)), "BTC")
    assert isinstance(walk, VolatilityWalk)
    assert walk.deviation / np.sqrt(365.0) == pytest.approx(0.05, rel=0.05)
    assert walk.reversion / 365.0 == pytest.approx(-np.log(0.95), rel=0.3)
    shift = walk.draw(60 * DAY, 100_000, draws)
    assert np.log1p(shift).std() == pytest.approx(0.05 / np.sqrt(1.0 - 0.95**2), rel=0.15)
    refused = walk_of(panel(draws.standard_normal(3_000)), "BTC")
    assert isinstance(refused, Missing)
    assert refused.code == "volatility.absent"


def test_a_volatility_that_wanders_freely_is_hardly_pulled() -> None:
    draws = generator(19)
    pulls = [
        pull(panel(draws.standard_normal(400), 0.05 * draws.standard_normal(400)), 1) for _ in range(200)
    ]
    assert np.median(pulls) < 0.003  # a plain regression would find about 4 / 400
    assert pull(panel(draws.standard_normal(249), draws.standard_normal(249)), 1) == 0.0
    assert pull(panel(draws.standard_normal(400), draws.standard_normal(400)), 0) == 0.0


def test_tau_is_scipys_with_ties_too() -> None:
    draws = generator(13)
    rows = draws.multivariate_normal([0.0, 0.0], [[1.0, 0.6], [0.6, 1.0]], 500)
    rows[:, 1] = np.round(rows[:, 1] * 2.0)
    assert kendall(rows)[0, 1] == pytest.approx(kendalltau(rows[:, 0], rows[:, 1]).statistic, abs=1e-12)
    assert kendall.py_func(rows[:60])[1, 0] == pytest.approx(kendall(rows[:60])[0, 1], abs=1e-12)


@pytest.mark.parametrize("freedom", [3.0, 6.0, 15.0])
def test_a_fitted_copula_is_the_one_drawn_from_whatever_the_margins(freedom: float) -> None:
    true = TailCopula(
        correlation=np.array([[1.0, 0.7, -0.3], [0.7, 1.0, 0.1], [-0.3, 0.1, 1.0]]), freedom=freedom
    )
    rows = true.draw(2_000, generator(14))
    rows = np.column_stack([np.exp(np.clip(rows[:, 0], -20, 20)), rows[:, 1] ** 3, rows[:, 2]])
    found = copula.fit(rows)
    assert np.abs(found.correlation - true.correlation).max() < 0.07
    assert 0.6 < found.freedom / freedom < 1.7


def test_a_normal_dependence_has_no_tail() -> None:
    rows = generator(15).multivariate_normal([0.0, 0.0], [[1.0, 0.6], [0.6, 1.0]], 2_000)
    assert copula.fit(rows).freedom > 25.0


def test_the_likelihood_is_scipys() -> None:
    correlation = np.array([[1.0, 0.5], [0.5, 1.0]])
    ranks = generator(16).random((50, 2))
    quantiles = student.ppf(ranks, 4.0)
    expected = (
        multivariate_t.logpdf(quantiles, shape=correlation, df=4.0).sum()
        - student.logpdf(quantiles, 4.0).sum()
    )
    assert copula._likelihood(ranks, correlation, 4.0) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("correlation", "freedom"), [(0.5, 4.0), (0.9, 3.0), (-0.5, 5.0), (0.0, 10.0)])
def test_tail_dependence_is_the_published_formula(correlation: float, freedom: float) -> None:
    away = -np.sqrt((freedom + 1.0) * (1.0 - correlation) / (1.0 + correlation))
    assert tail_dependence(correlation, freedom) == pytest.approx(
        2.0 * student.cdf(away, freedom + 1.0), abs=2e-6
    )
    assert tail_dependence(-1.0, freedom) == 0.0


def test_draws_are_extreme_together_as_often_as_the_formula_says() -> None:
    rows = TailCopula(correlation=np.array([[1.0, 0.5], [0.5, 1.0]]), freedom=3.0).draw(
        4_000_000, generator(17)
    )
    far = rows < np.quantile(rows, 0.0005, axis=0)
    both = far.all(axis=1).mean() / 0.0005
    assert both == pytest.approx(tail_dependence(0.5, 3.0), abs=0.04)
    normal = generator(17).multivariate_normal([0.0, 0.0], [[1.0, 0.5], [0.5, 1.0]], 1_000_000)
    far = normal < np.quantile(normal, 0.0005, axis=0)
    assert far.all(axis=1).mean() / 0.0005 < 0.15


def test_taus_that_do_not_fit_together_still_make_a_correlation() -> None:
    draws = generator(18)
    rows = draws.standard_normal((40, 45))  # more factors than rows
    found = copula.fit(rows)
    assert np.linalg.eigvalsh(found.correlation)[0] > 0.0
    assert np.diag(found.correlation) == pytest.approx(np.ones(45))
