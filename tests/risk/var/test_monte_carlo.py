"""The joint model: margins kept, dependence as the copula says, spot with volatility, numpy beside JAX and Sobol."""

import msgspec
import numpy as np
import pytest
from scipy.stats import ks_2samp, spearmanr

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.var.bates import Bates, simulate
from holdfast.risk.var.copula import TailCopula, tail_dependence
from holdfast.risk.var.jumps import Jumps
from holdfast.risk.var.measure import RiskMeasure, measure
from holdfast.risk.var.monte_carlo import JointModel, joint_model, monte_carlo
from holdfast.risk.var.monte_carlo_jax import monte_carlo_jax
from holdfast.risk.var.returns import Panel
from holdfast.risk.var.sobol import sobol_order
from holdfast.risk.var.volatility_walk import VolatilityWalk

DAY = 1.0 / 365.0
COIN = Bates(
    variance=0.5, mean_variance=0.36, reversion=8.0, volatility_of_variance=2.0, correlation=-0.4,
    jumps=Jumps(5.0, -0.05, 0.08),
)  # fmt: skip
MODEL = JointModel(
    assets=("A", "B"),
    margins=(COIN, msgspec.structs.replace(COIN, variance=0.9, correlation=0.2)),
    walks=(None, VolatilityWalk(deviation=0.8, reversion=5.0, jumps=Jumps(4.0, 0.1, 0.1))),
    factors=(("A", "spot"), ("B", "spot"), ("B", "volatility")),
    copula=TailCopula(
        correlation=np.array([[1.0, 0.7, -0.5], [0.7, 1.0, -0.6], [-0.5, -0.6, 1.0]]), freedom=4.0
    ),
)


def test_margins_stay_what_each_asset_was_simulated_with() -> None:
    sample = monte_carlo(MODEL, horizon_years=DAY, paths=40_000, seed=1)
    alone, _ = simulate(COIN, DAY, 40_000, generator(2))
    assert ks_2samp(sample.spot_log[:, 0], alone).pvalue > 1e-3
    assert ks_2samp(sample.spot_log[:, 1], alone).pvalue < 1e-3  # the test can tell: B's variance is higher
    walk = MODEL.walks[1]
    assert walk is not None
    assert ks_2samp(sample.volatility_shift[:, 1], walk.draw(DAY, 40_000, generator(3))).pvalue > 1e-3


def test_dependence_is_the_copulas_in_the_middle_and_in_the_tail() -> None:
    sample = monte_carlo(MODEL, horizon_years=DAY, paths=400_000, seed=1)
    columns = np.column_stack([sample.spot_log, sample.volatility_shift[:, 1]])
    ranks = TailCopula(correlation=MODEL.copula.correlation, freedom=4.0).draw(400_000, generator(9))
    assert spearmanr(columns).statistic == pytest.approx(spearmanr(ranks).statistic, abs=0.01)
    far = sample.spot_log < np.quantile(sample.spot_log, 0.001, axis=0)
    assert far.all(axis=1).mean() / 0.001 == pytest.approx(tail_dependence(0.7, 4.0), abs=0.08)


def test_an_asset_without_a_volatility_history_keeps_the_volatility_of_its_own_path() -> None:
    sample = monte_carlo(MODEL, horizon_years=DAY, paths=40_000, seed=1)
    moves, shift = simulate(COIN, DAY, 40_000, generator(2))
    assert spearmanr(sample.spot_log[:, 0], sample.volatility_shift[:, 0]).statistic == pytest.approx(
        spearmanr(moves, shift).statistic, abs=0.02
    )
    assert sample.moves_volatility == (True, True)


def test_the_same_seed_gives_the_same_sample_and_another_another() -> None:
    first, again, other = (monte_carlo(MODEL, horizon_years=DAY, paths=500, seed=seed) for seed in (1, 1, 2))
    assert (first.spot_log == again.spot_log).all()
    assert (first.volatility_shift == again.volatility_shift).all()
    assert (first.spot_log != other.spot_log).any()


@pytest.mark.parametrize("days", [1.0 / 24.0, 10.0])
def test_jax_agrees_within_monte_carlo_error(days: float) -> None:
    paths = 60_000
    numpy = monte_carlo(MODEL, horizon_years=days * DAY, paths=paths, seed=5)
    jax = monte_carlo_jax(MODEL, horizon_years=days * DAY, paths=paths, seed=5, step_years=days * DAY / 3.0)
    ours, theirs = (np.column_stack([one.spot_log, one.volatility_shift]) for one in (numpy, jax))
    for column in range(4):
        assert ks_2samp(ours[:, column], theirs[:, column]).pvalue > 1e-4
    assert spearmanr(ours).statistic == pytest.approx(spearmanr(theirs).statistic, abs=0.02)
    books = [
        np.expm1(one.spot_log) @ np.array([1.0, 2.0]) - one.volatility_shift[:, 1] for one in (numpy, jax)
    ]
    found = [measure(book, 0.99, model="t", horizon_years=DAY) for book in books]
    assert isinstance(found[0], RiskMeasure)
    assert isinstance(found[1], RiskMeasure)
    assert found[0].es == pytest.approx(found[1].es, abs=4.0 * (found[0].es_error + found[1].es_error))
    assert found[0].var == pytest.approx(found[1].var, abs=4.0 * (found[0].var_error + found[1].var_error))
    again = monte_carlo_jax(MODEL, horizon_years=days * DAY, paths=paths, seed=5, step_years=days * DAY / 3.0)
    assert (again.spot_log == jax.spot_log).all()


@pytest.mark.long  # a compilation
def test_jax_has_assets_without_walks() -> None:
    model = msgspec.structs.replace(
        MODEL,
        walks=(None, None),
        factors=MODEL.factors[:2],
        copula=TailCopula(correlation=MODEL.copula.correlation[:2, :2], freedom=4.0),
    )
    first, other = (monte_carlo_jax(model, horizon_years=DAY, paths=5_000, seed=seed) for seed in (1, 2))
    assert (first.spot_log != other.spot_log).any()
    numpy = monte_carlo(model, horizon_years=DAY, paths=5_000, seed=1)
    for asset in (0, 1):
        assert ks_2samp(first.volatility_shift[:, asset], numpy.volatility_shift[:, asset]).pvalue > 1e-4


def test_sobol_order_has_the_same_law_and_less_noise() -> None:
    deviations = []
    means = []
    for order in (
        lambda seed: MODEL.copula.draw(1_024, generator(seed)),
        lambda seed: sobol_order(MODEL.copula, 1_024, seed),
    ):
        both = [float((np.tanh(rows[:, 0]) * np.tanh(rows[:, 1])).mean()) for rows in map(order, range(40))]
        means.append(np.mean(both))
        deviations.append(np.std(both))
    assert means[0] == pytest.approx(means[1], abs=4.0 * deviations[0] / np.sqrt(40.0))
    assert deviations[1] < 0.5 * deviations[0]
    sample = monte_carlo(
        MODEL, horizon_years=DAY, paths=1_024, seed=1, order=sobol_order(MODEL.copula, 1_024, 1)
    )
    assert sample.spot_log.shape == (1_024, 2)


def test_an_order_of_another_shape_is_the_callers_mistake() -> None:
    with pytest.raises(CallerError, match=r"monte_carlo\.order"):
        monte_carlo(MODEL, horizon_years=DAY, paths=100, seed=1, order=np.zeros((100, 2)))


def test_a_model_calibrated_to_a_panel_gives_back_its_volatility_and_says_what_it_assumed() -> None:
    draws = generator(20)
    rows = draws.multivariate_normal(
        np.zeros(3), np.array([[4.0, 3.0, -2.0], [3.0, 9.0, -3.0], [-2.0, -3.0, 16.0]]), 1_500
    )
    panel = Panel(
        step_ns=86_400 * 10**9,
        ends_ns=np.arange(1_500) * 86_400 * 10**9,
        assets=("A", "B", "B"),
        of=("spot", "spot", "volatility"),
        log_returns=0.01 * rows,
    )
    model = joint_model(panel)
    assert isinstance(model, JointModel)
    sample = monte_carlo(model, horizon_years=DAY, paths=50_000, seed=1)
    assert sample.spot_log.std(axis=0) == pytest.approx([0.02, 0.03], rel=0.2)
    assert sample.volatility_shift[:, 1].std() == pytest.approx(0.04, rel=0.1)
    moves = np.column_stack([sample.spot_log, sample.volatility_shift[:, 1]])
    assert np.corrcoef(moves.T)[np.triu_indices(3, 1)] == pytest.approx([0.5, -0.25, -0.25], abs=0.06)
    assert "volatility of A from its returns alone" in sample.notes


def test_a_panel_with_too_little_of_one_asset_refuses_the_joint_model() -> None:
    panel = Panel(
        step_ns=1,
        ends_ns=np.arange(110),
        assets=("A",),
        of=("spot",),
        log_returns=generator(1).random((110, 1)),
    )
    refused = joint_model(panel)
    assert isinstance(refused, Missing)
    assert refused.code == "history.short"
