"""The square-root law: by hand, found again in what it made, and on the recorded trades of a crash day."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquidity_recordings import coin_trades

from holdfast.clock import SECOND_NS
from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.liquidity.impact import Impact, ImpactFit, fit_impact
from holdfast.risk.missing import Missing


def test_a_hundredth_of_the_volume_moves_the_price_by_a_tenth_of_its_daily_volatility() -> None:
    assert Impact().peak(100.0, 10_000.0, 0.05) == pytest.approx(0.005)
    assert Impact(coefficient=0.7).peak(-100.0, 10_000.0, 0.05) == pytest.approx(0.0035)
    assert Impact().average(100.0, 10_000.0, 0.05) == pytest.approx(0.005 / 1.5)


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6), st.floats(0.1, 2.0))
def test_impact_rises_with_size_and_splitting_never_saves_when_the_law_is_concave(
    a: float, b: float, exponent: float
) -> None:
    law = Impact(exponent=exponent)
    small, large = sorted((a, b))
    assert law.peak(small, 1e5, 0.05) <= law.peak(large, 1e5, 0.05)
    if exponent <= 1.0:
        assert law.peak(a + b, 1e5, 0.05) <= law.peak(a, 1e5, 0.05) + law.peak(b, 1e5, 0.05) + 1e-12


def made(
    coefficient: float, exponent: float, noise: float, windows: int = 2_000
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = generator(4)
    flow = rng.normal(0.0, 100.0, windows)
    moves = np.sign(flow) * coefficient * (
        np.abs(flow) / np.abs(flow).sum()
    ) ** exponent + noise * rng.normal(size=windows)
    times = (np.arange(windows) * 60 + 30) * SECOND_NS
    return times, 100.0 * np.exp(np.cumsum(moves)), flow


@pytest.mark.parametrize("exponent", [0.5, 0.8])
def test_the_law_is_found_in_trades_that_it_made(exponent: float) -> None:
    times, prices, flow = made(0.02, exponent, 1e-5)
    fit = fit_impact(times, prices, flow)
    assert isinstance(fit, ImpactFit)
    assert fit.free.exponent == pytest.approx(exponent, abs=0.02)
    days = (times[-1] - times[0]) / (86_400 * SECOND_NS)
    volume = np.abs(flow).sum() / days
    at = 0.01 * volume
    made_move = 0.02 * (at / np.abs(flow).sum()) ** exponent
    assert fit.free.peak(at, fit.daily_volume, fit.daily_volatility) == pytest.approx(made_move, rel=0.1)
    if exponent == 0.5:
        assert fit.r_squared > 0.95
        assert fit.coefficient_error < 0.05 * fit.law.coefficient


def test_trades_without_a_law_in_them_are_refused_or_explain_nothing() -> None:
    times, prices, flow = made(0.02, 0.5, 1e-5)
    against = fit_impact(times, prices, -flow)
    assert isinstance(against, Missing)
    assert against.code == "impact.sign"
    few = fit_impact(times[:20], prices[:20], flow[:20])
    assert isinstance(few, Missing)
    assert few.code == "impact.trades"
    still = fit_impact(times, np.full(len(times), 5.0), flow)
    assert isinstance(still, Missing)


def test_arrays_that_are_no_trades_are_refused() -> None:
    times, prices, flow = made(0.02, 0.5, 1e-5)
    for wrong in ((times[::-1], prices, flow), (times, -prices, flow), (times[:-1], prices, flow)):
        with pytest.raises(CallerError, match=r"impact\.trades"):
            fit_impact(*wrong)


@pytest.mark.parametrize(
    "terms", [{"coefficient": 0.0}, {"coefficient": -1.0}, {"exponent": 0.0}, {"exponent": 3.0}]
)
def test_a_law_that_is_none_is_refused(terms: dict[str, float]) -> None:
    with pytest.raises(CallerError, match=r"impact\.law"):
        Impact(**terms)


@pytest.mark.parametrize(
    ("quantity", "volume", "volatility"), [(1.0, 0.0, 0.1), (1.0, 1.0, -0.1), (float("nan"), 1.0, 0.1)]
)
def test_a_market_that_is_none_is_refused(quantity: float, volume: float, volatility: float) -> None:
    with pytest.raises(CallerError, match=r"impact\.market"):
        Impact().peak(quantity, volume, volatility)


@pytest.mark.parametrize("coin", ["AAVE", "ATOM", "TRX"])
def test_calm_hours_of_a_recorded_day_follow_the_literature(shared_data: Path, coin: str) -> None:
    times, prices, sizes = coin_trades(shared_data, coin)
    calm = times < times[0] + 20.8 * 3600 * SECOND_NS
    fit = fit_impact(times[calm], prices[calm], sizes[calm])
    assert isinstance(fit, ImpactFit)
    assert 0.4 < fit.law.coefficient < 1.0
    assert fit.coefficient_error < 0.15 * fit.law.coefficient
    assert 0.2 < fit.free.exponent < 0.8
    assert fit.r_squared > 0.15
