"""Deribit's standard margin: the venue's published examples, and what may never happen."""

import numpy as np
import pytest
from margin_desk import account, future, holding, market_at, option, perpetual

from holdfast.app.risk.margin_models import shipped_model
from holdfast.risk.margin.base import MarginModel
from holdfast.risk.margin.deribit_sm import short_option, sloped
from holdfast.risk.portfolio import Position

NOW = "2026-01-10T08:00:00Z"
EXPIRY = "2026-02-09T08:00:00Z"


@pytest.fixture
def model() -> MarginModel:
    """Return the model with the shipped parameters."""
    return shipped_model("deribit-sm")


@pytest.mark.parametrize(
    ("asset", "price", "size", "im", "mm"),
    [  # support.deribit.com, Linear Perpetual: margin calculation examples, in USDC
        ("BTC", 100_000.0, 25.0, 53_125.0, 28_125.0),
        ("BTC", 100_000.0, 350.0, 1_312_500.0, None),
        ("SOL", 200.0, 25.0, 200.625, 100.625),
        ("SOL", 200.0, 6_000.0, 84_000.0, None),
    ],
)
def test_linear_perpetuals_ask_what_the_venue_s_examples_say(
    model: MarginModel, asset: str, price: float, size: float, im: float, mm: float | None
) -> None:
    perp = perpetual("deribit", asset, "USDC")
    market = market_at(NOW, {asset: price, "USDC": 1.0}, {perp: (price, 0.0)})
    for side in (1.0, -1.0):
        result = model.measure(account("deribit", holding(perp, side * size), USDC=1e6), market)
        assert result.im == pytest.approx(im, rel=1e-12)
        if mm is not None:
            assert result.mm == pytest.approx(mm, rel=1e-12)


def test_an_inverse_perpetual_asks_by_its_size_in_coin(model: MarginModel) -> None:
    perp = perpetual("deribit", "BTC")
    market = market_at(NOW, {"BTC": 50_000.0}, {perp: (50_000.0, 0.0)})
    result = model.measure(account("deribit", holding(perp, 100 * 50_000.0), BTC=10.0), market)
    assert result.parts["BTC.im"] == pytest.approx(100 * 0.025)  # 2 % + 100 x 0.005 %
    assert result.parts["BTC.mm"] == pytest.approx(100 * 0.015)
    assert result.im == pytest.approx(2.5 * 50_000.0)


def test_short_options_follow_the_venue_s_formulas() -> None:
    rate = (0.15, 0.1, 0.075)
    assert short_option(0.02, 0.02, False, rate) == pytest.approx((0.15, 0.095))  # 15 % - 2 % + 2 %
    assert short_option(0.01, 0.3, False, rate) == pytest.approx((0.11, 0.085))  # 10 % at least
    # a deep put: maintenance is 7.5 % of its mark, and initial never below it
    assert short_option(2.0, 0.0, True, rate) == pytest.approx((2.15, 2.15))
    assert short_option(4.0, 0.0, True, rate) == pytest.approx((4.3, 4.3))
    assert short_option(4.0, 0.0, False, rate) == pytest.approx((4.15, 4.075))


def test_a_short_call_in_an_account_is_the_formula_at_its_mark_and_strike(model: MarginModel) -> None:
    call = option("deribit", "BTC", EXPIRY, 110_000.0, "C")
    market = market_at(NOW, {"BTC": 100_000.0}, {call: (float("nan"), 0.6)})
    result = model.measure(account("deribit", holding(call, -2.0), BTC=3.0), market)
    value = result.parts["BTC.options_value"] / -2.0  # a coin-settled mark
    assert 0.0 < value < 0.1
    im, mm = short_option(value, 0.1, False, (0.15, 0.1, 0.075))
    assert result.parts["BTC.im"] == pytest.approx(2.0 * im)
    assert result.parts["BTC.mm"] == pytest.approx(2.0 * mm)


def test_the_margin_balance_leaves_the_value_of_options_out(model: MarginModel) -> None:
    # docs.deribit.com, private/get_account_summaries, a segregated_sm account: margin_balance - equity = -options_value
    # and available_funds = margin_balance - initial_margin
    assert pytest.approx(301.38059622, abs=1e-9) == 302.62729214 - 1.24669592
    call = option("deribit", "BTC", EXPIRY, 110_000.0, "C")
    market = market_at(NOW, {"BTC": 100_000.0}, {call: (float("nan"), 0.6)})
    for quantity in (-2.0, 2.0):
        result = model.measure(account("deribit", holding(call, quantity), BTC=3.0), market)
        assert result.parts["BTC.equity"] == pytest.approx(3.0)


def test_long_options_ask_for_nothing_and_hedges_do_not_net(model: MarginModel) -> None:
    call = option("deribit", "BTC", EXPIRY, 110_000.0, "C")
    other = option("deribit", "BTC", EXPIRY, 111_000.0, "C")
    market = market_at(NOW, {"BTC": 100_000.0}, {one: (float("nan"), 0.6) for one in (call, other)})
    long_call = model.measure(account("deribit", holding(call, 5.0), BTC=1.0), market)
    assert (long_call.im, long_call.mm) == (0.0, 0.0)
    short = model.measure(account("deribit", holding(call, -5.0), BTC=1.0), market)
    spread = model.measure(account("deribit", holding(call, -5.0), holding(other, 5.0), BTC=1.0), market)
    assert spread.im == short.im > 0.0


def test_more_of_the_same_side_never_asks_for_less(model: MarginModel) -> None:
    call = option("deribit", "BTC", EXPIRY, 110_000.0, "C")
    put = option("deribit", "ETH", EXPIRY, 3_000.0, "P")
    dated = future("deribit", "ETH", EXPIRY)
    marks = {call: (float("nan"), 0.6), put: (float("nan"), 0.7), dated: (3_100.0, 0.0)}
    market = market_at(NOW, {"BTC": 100_000.0, "ETH": 3_000.0}, marks)
    for contract in (call, put, dated):
        asked = [
            model.measure(account("deribit", holding(contract, -size)), market) for size in (1.0, 2.0, 50.0)
        ]
        assert asked[0].im < asked[1].im < asked[2].im
        assert asked[0].mm < asked[1].mm < asked[2].mm


def test_pools_do_not_stand_for_each_other(model: MarginModel) -> None:
    call = option("deribit", "BTC", EXPIRY, 110_000.0, "C")
    market = market_at(NOW, {"BTC": 100_000.0, "ETH": 3_000.0}, {call: (float("nan"), 0.6)})
    rich_in_eth = model.measure(account("deribit", holding(call, -1.0), BTC=0.05, ETH=1e6), market)
    assert rich_in_eth.headroom < 0.0  # the coins that the venue would liquidate for are missing
    rich_in_btc = model.measure(account("deribit", holding(call, -1.0), BTC=5.0, ETH=0.0), market)
    assert rich_in_btc.headroom == pytest.approx(
        (rich_in_btc.parts["BTC.equity"] - rich_in_btc.parts["BTC.mm"]) * 1e5
    )


def test_what_the_tables_do_not_have_is_missing_and_the_rest_goes_on(model: MarginModel) -> None:
    known, unknown = perpetual("deribit", "BTC"), perpetual("deribit", "DOGE", "USDC")
    bare = option("deribit", "BTC", EXPIRY, 110_000.0, "C")
    prices = {"BTC": 100_000.0, "DOGE": 0.2, "USDC": 1.0}
    market = market_at(NOW, prices, {known: (1e5, 0.0), unknown: (0.2, 0.0)})
    desk = account("deribit", holding(known, 1e5), holding(unknown, 1e4), holding(bare, -1.0), BTC=1.0)
    result = model.measure(desk, market)
    codes = {gap.where: gap.code for gap in result.missing}
    assert codes == {unknown.name: "parameters.no_asset", bare.name: "volatility.absent"}
    assert result.im == pytest.approx(sloped(1.0, 0.02, 0.00005) * 1e5)


def test_a_time_before_the_first_set_is_refused_with_every_position(model: MarginModel) -> None:
    perp = perpetual("deribit", "BTC")
    market = market_at("2019-01-01T00:00:00Z", {"BTC": 4_000.0}, {perp: (4_000.0, 0.0)})
    result = model.measure(account("deribit", holding(perp, 1.0)), market)
    assert [gap.code for gap in result.missing] == ["parameters.before_first", "margin.unmeasured"]
    assert result.im == result.mm == 0.0


def test_random_accounts_are_numbers(model: MarginModel) -> None:
    random = np.random.default_rng(7)
    contracts = [perpetual("deribit", "BTC"), future("deribit", "BTC", EXPIRY), perpetual("deribit", "ETH")]
    contracts += [
        option("deribit", "BTC", EXPIRY, strike, kind) for strike in (2e4, 1e5, 5e5) for kind in "CP"
    ]
    prices = {"BTC": 1e5, "ETH": 3e3}
    marks = {one: (prices[one.asset], 0.0) for one in contracts[:3]} | {
        one: (float("nan"), 0.8) for one in contracts[3:]
    }
    market = market_at(NOW, prices, marks)
    for _ in range(20):
        positions: list[Position] = [holding(one, float(random.normal() * 1e3)) for one in contracts]
        result = model.measure(account("deribit", *positions, BTC=float(random.normal())), market)
        numbers = [result.im, result.mm, result.equity, *result.parts.values()]
        assert np.isfinite(numbers).all()
        assert result.im >= result.mm >= 0.0


def test_of_two_pools_with_requirements_the_tighter_one_is_the_account_s_headroom(model: MarginModel) -> None:
    btc, eth = perpetual("deribit", "BTC"), perpetual("deribit", "ETH")
    market = market_at(NOW, {"BTC": 1e5, "ETH": 3e3}, {btc: (1e5, 0.0), eth: (3e3, 0.0)})
    for coins in ({"BTC": 0.02, "ETH": 50.0}, {"BTC": 5.0, "ETH": 0.2}):
        result = model.measure(account("deribit", holding(btc, 1e5), holding(eth, 3e4), **coins), market)
        room = [
            (result.parts[f"{one}.equity"] - result.parts[f"{one}.mm"]) * p
            for one, p in (("BTC", 1e5), ("ETH", 3e3))
        ]
        assert result.headroom == pytest.approx(min(room))
        assert result.mm == pytest.approx(result.parts["BTC.mm"] * 1e5 + result.parts["ETH.mm"] * 3e3)
