"""CVA and DVA: closed forms, who fails first, and default tied to the market."""

import math

import numpy as np
import pytest
from credit_desk import correlation, desk, future, option, volatilities
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.credit.curve import HazardCurve, flat
from holdfast.risk.credit.cva import cva
from holdfast.risk.credit.exposure import Exposure, expose
from holdfast.risk.credit.paths import Paths, simulate
from holdfast.risk.credit.wrong_way import copula, hazard_link
from holdfast.risk.draws import generator
from holdfast.risk.pricing.black76 import black76_price

KEY = ("bank", "main")
TIMES = np.linspace(0.05, 1.0, 20)


def call(quantity: float = 1.0, paths: int = 20_000) -> tuple[Exposure, Paths, int]:
    legs = desk(option(100_000.0, 1.0, quantity))
    walk = simulate(
        times=TIMES, volatilities=volatilities(legs), correlation=correlation(legs), paths=paths, seed=5
    )
    return expose(legs, walk, KEY), walk, legs.assets.index("BTC")


def test_cva_of_a_bought_option_is_its_price_times_the_chance_of_default_unrecovered() -> None:
    exposure, _, _ = call()
    curve = HazardCurve((0.5, 1.0), (0.05, 0.10), 0.4)
    result = cva(exposure, curve)
    wanted = 0.6 * (1.0 - math.exp(-0.075)) * black76_price(100_000.0, 100_000.0, 1.0, 0.6, 1.0, 1.0)
    assert abs(result.cva - wanted) < 4.0 * result.cva_error
    assert 0.0 < result.cva_error < 0.02 * wanted
    assert (result.dva, result.dva_error) == (0.0, 0.0)


def test_discounting_enters_date_by_date() -> None:
    loss = np.full((3, 4), 10.0)
    exposure = Exposure(key=KEY, times=np.array([0.0, 1.0, 2.0]), loss=loss, debt=loss)
    curve = flat(0.1, 0.0)
    s, d = (lambda t: math.exp(-0.1 * t)), (lambda t: math.exp(-0.05 * t))
    wanted = 10.0 * ((s(0) - s(1)) * (d(0) + d(1)) / 2 + (s(1) - s(2)) * (d(1) + d(2)) / 2)
    assert cva(exposure, curve, rate=0.05).cva == pytest.approx(wanted, rel=1e-14)


def test_each_side_counts_only_while_the_other_lives() -> None:
    loss = np.full((2, 4), 10.0)
    exposure = Exposure(key=KEY, times=np.array([0.0, 1.0]), loss=loss, debt=2.0 * loss)
    result = cva(exposure, flat(0.2, 0.4), own=flat(0.1, 0.5))
    assert result.cva == pytest.approx(
        0.6 * 10.0 * (1 - math.exp(-0.2)) * (1 + math.exp(-0.1)) / 2, rel=1e-14
    )
    assert result.dva == pytest.approx(
        0.5 * 20.0 * (1 - math.exp(-0.1)) * (1 + math.exp(-0.2)) / 2, rel=1e-14
    )
    assert result.adjustment == result.dva - result.cva


def test_the_other_sides_cva_is_ours_dva() -> None:
    curve, own = flat(0.08, 0.3), flat(0.03, 0.5)
    ours, theirs = (cva(call(q, 2_000)[0], a, own=b) for q, a, b in ((1.0, curve, own), (-1.0, own, curve)))
    assert ours.cva == pytest.approx(theirs.dva, rel=1e-12)
    assert ours.dva == pytest.approx(theirs.cva, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.0, 2.0), st.floats(0.0, 2.0), st.floats(0.0, 0.9))
def test_a_likelier_default_never_costs_less(a: float, b: float, recovery: float) -> None:
    low, high = sorted((a, b))
    loss = np.abs(generator(1).normal(0.0, 1.0, (5, 50)))
    exposure = Exposure(key=KEY, times=np.linspace(0.0, 1.0, 5), loss=np.sort(loss, axis=0), debt=loss)
    assert cva(exposure, flat(low, recovery)).cva <= cva(exposure, flat(high, recovery)).cva + 1e-12


def test_the_standard_error_is_that_of_repeated_runs() -> None:
    legs = desk(future(1.0))
    results = []
    for seed in range(60):
        walk = simulate(
            times=TIMES, volatilities=volatilities(legs), correlation=correlation(legs), paths=500, seed=seed
        )
        results.append(cva(expose(legs, walk, KEY), flat(0.1)))
    spread = np.std([result.cva for result in results], ddof=1)
    assert spread == pytest.approx(np.mean([result.cva_error for result in results]), rel=0.3)


def test_without_dependence_both_models_give_the_plain_cva() -> None:
    exposure, walk, btc = call(paths=4_000)
    curve = flat(0.2)
    plain = cva(exposure, curve).cva
    tied = copula(curve, exposure.times, exposure.loss.mean(axis=0), 0.0)
    linked = hazard_link(curve, exposure.times, np.log(walk.moves[:, btc]), 0.0)
    assert cva(exposure, curve, path_probabilities=tied).cva == pytest.approx(plain, rel=1e-9)
    assert cva(exposure, curve, path_probabilities=linked).cva == pytest.approx(plain, rel=1e-9)


def test_wrong_way_costs_more_than_independence_and_right_way_less() -> None:
    exposure, walk, btc = call(paths=4_000)
    curve = flat(0.2)
    driver = exposure.loss.mean(axis=0)
    by_copula = [
        cva(exposure, curve, path_probabilities=copula(curve, exposure.times, driver, rho)).cva
        for rho in (-0.9, -0.5, 0.0, 0.5, 0.9)
    ]
    by_link = [
        cva(
            exposure,
            curve,
            path_probabilities=hazard_link(curve, exposure.times, np.log(walk.moves[:, btc]), b),
        ).cva
        for b in (-2.0, 0.0, 2.0)
    ]
    assert by_copula == sorted(by_copula)
    assert by_link == sorted(by_link)
    assert by_copula[-1] > 2.0 * by_copula[2] > 4.0 * by_copula[0]


def test_a_desk_short_a_coin_with_a_venue_that_fails_in_crashes_faces_wrong_way_risk() -> None:
    legs = desk(future(-1.0))
    walk = simulate(
        times=TIMES, volatilities=volatilities(legs), correlation=correlation(legs), paths=4_000, seed=2
    )
    exposure, curve = expose(legs, walk, KEY), flat(0.05, 0.0)
    crash = -np.log(walk.moves[:, legs.assets.index("BTC")])
    tied = hazard_link(curve, exposure.times, crash, 2.0)
    assert cva(exposure, curve, path_probabilities=tied).cva > 1.5 * cva(exposure, curve).cva


@settings(max_examples=25)
@given(rho=st.floats(-0.95, 0.95), hazard=st.floats(0.001, 3.0), seed=st.integers(0, 100))
def test_the_copula_keeps_the_curve(rho: float, hazard: float, seed: int) -> None:
    curve, times = flat(hazard), np.linspace(0.0, 2.0, 9)
    tied = copula(curve, times, generator(seed).normal(size=500), rho)
    assert (tied >= 0.0).all()
    assert np.allclose(tied.mean(axis=1), curve.default_probabilities(times), rtol=1e-12)


@settings(max_examples=25)
@given(strength=st.floats(-3.0, 3.0), hazard=st.floats(0.001, 3.0), seed=st.integers(0, 100))
def test_the_hazard_link_keeps_the_curve(strength: float, hazard: float, seed: int) -> None:
    curve, times = flat(hazard), np.linspace(0.0, 2.0, 9)
    driver = np.cumsum(generator(seed).normal(0.0, 0.3, (9, 300)), axis=0)
    linked = hazard_link(curve, times, driver, strength)
    assert (linked >= 0.0).all()
    assert (linked.sum(axis=0) <= 1.0 + 1e-12).all()
    assert np.allclose(linked.mean(axis=1), curve.default_probabilities(times), rtol=1e-9, atol=1e-13)


def test_dependence_that_is_none_is_refused() -> None:
    exposure, walk, _ = call(paths=100)
    curve = flat(0.1)
    with pytest.raises(CallerError, match=r"wrong_way\.correlation"):
        copula(curve, exposure.times, np.log(walk.moves[-1, 1]), 1.0)
    with pytest.raises(CallerError, match=r"wrong_way\.driver"):
        hazard_link(curve, exposure.times, np.full((len(exposure.times), 100), np.nan), 1.0)
    for wrong in (np.zeros((3, 100)), np.full((len(TIMES), 100), 0.2), np.full((len(TIMES), 100), -0.01)):
        with pytest.raises(CallerError, match=r"cva\.probabilities"):
            cva(exposure, curve, path_probabilities=wrong)
