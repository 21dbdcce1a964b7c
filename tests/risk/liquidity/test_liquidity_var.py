"""Liquidity-adjusted VaR: its parts by hand, against simulation, and monotone in what makes a market worse."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.liquidity.liquidity_var import LiquidityVar, Spread, held_days, liquidity_var, spread_of
from holdfast.risk.missing import Missing


def one(**changed: object) -> LiquidityVar:
    terms: dict[str, object] = {
        "value": 1e6,
        "daily_volatility": 0.04,
        "confidence": 0.99,
        "spread": Spread(mean=0.001, deviation=0.0005),
        "quantity": 100.0,
        "daily_volume": 10_000.0,
        "participation": 0.1,
    }
    return liquidity_var(**(terms | changed))


def test_the_parts_by_hand() -> None:
    result = one()
    assert result.var == pytest.approx(1e6 * 0.04 * 2.3263478740408408)
    assert result.price == result.var
    assert result.exogenous == pytest.approx(0.5 * 1e6 * (0.001 + 3.0 * 0.0005))
    assert result.endogenous == pytest.approx(1e6 * 0.04 * math.sqrt(0.01) / 1.5)
    assert result.total == result.price + result.exogenous + result.endogenous
    assert result.days == pytest.approx(0.1)


def test_selling_over_days_has_the_deviation_of_a_simulated_sale() -> None:
    result = one(quantity=5_000.0)
    assert result.days == pytest.approx(5.0)
    shocks = generator(1).normal(0.0, 0.04, (200_000, 5))
    loss = 1e6 * shocks @ (1.0 - np.arange(5) / 5.0)
    assert result.price / 2.3263478740408408 == pytest.approx(loss.std(), rel=0.01)


@given(st.floats(0.01, 50.0), st.floats(0.01, 50.0))
def test_a_longer_sale_holds_more(a: float, b: float) -> None:
    short, long = sorted((a, b))
    assert 1.0 <= held_days(short) <= held_days(long) + 1e-12
    assert held_days(long) <= long / 3.0 + 1.0


def test_a_last_day_that_is_not_whole_counts_for_its_part() -> None:
    assert held_days(2.5) == pytest.approx(1.0 + 0.6**2 + 0.5 * 0.2**2)


def test_a_quantile_of_ones_own_replaces_the_normal_one() -> None:
    assert one(quantile=4.0).var == pytest.approx(1e6 * 0.04 * 4.0)


@given(st.floats(1.0, 1e5), st.floats(1.0, 1e5))
def test_a_larger_position_in_the_same_market_is_never_cheaper(a: float, b: float) -> None:
    small, large = sorted((a, b))
    less, more = (one(value=100.0 * quantity, quantity=quantity) for quantity in (small, large))
    assert less.total <= more.total * (1.0 + 1e-12)


def test_spreads_come_from_quotes_and_crossed_ones_are_left_out() -> None:
    bids = np.full(50, 99.0)
    asks = np.full(50, 101.0)
    asks[0], bids[1] = 98.0, 0.0
    spread = spread_of(bids, asks)
    assert isinstance(spread, Spread)
    assert (spread.mean, spread.deviation) == (pytest.approx(0.02), pytest.approx(0.0, abs=1e-15))
    assert spread.worst == pytest.approx(0.02)
    few = spread_of(bids[:10], asks[:10])
    assert isinstance(few, Missing)
    assert few.code == "spread.samples"


@pytest.mark.parametrize(
    "changed",
    [
        {"value": math.nan},
        {"daily_volatility": -0.1},
        {"confidence": 0.4},
        {"confidence": 1.0},
        {"daily_volume": 0.0},
        {"participation": 0.0},
        {"participation": 1.1},
    ],
)
def test_terms_out_of_range_are_refused(changed: dict[str, float]) -> None:
    with pytest.raises(CallerError, match=r"liquidity_var\.terms"):
        one(**changed)


def test_a_negative_spread_is_refused() -> None:
    with pytest.raises(CallerError, match=r"spread\.terms"):
        Spread(mean=-0.01, deviation=0.0)
