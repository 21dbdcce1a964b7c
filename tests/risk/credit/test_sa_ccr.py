"""SA-CCR: the worked examples of BCBS 279 annex 4a and 4b, number by number, and what the formula must keep."""

import math

import pytest
from credit_desk import desk, future, option
from hypothesis import given
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.credit.sa_ccr import (
    Margin,
    OptionTerms,
    Trade,
    _correlated,
    _effective,
    maturity_factor,
    sa_ccr,
    supervisory_delta,
)
from holdfast.risk.credit.sa_ccr_portfolio import trades_of
from holdfast.risk.portfolio import Balance

SWAPTION = OptionTerms(option_type="put", price=0.06, strike=0.05, years=1.0)
RATES = (
    Trade(
        asset_class="interest",
        factor="interest",
        hedging_set="USD",
        notional=10_000,
        direction=1,
        market_value=30,
        years=10,
    ),
    Trade(
        asset_class="interest",
        factor="interest",
        hedging_set="USD",
        notional=10_000,
        direction=-1,
        market_value=-20,
        years=4,
    ),
    Trade(
        asset_class="interest",
        factor="interest",
        hedging_set="EUR",
        notional=5_000,
        direction=1,
        market_value=50,
        years=1,
        start_years=1,
        end_years=11,
        option=SWAPTION,
    ),
)
SWAPS = (
    Trade(
        asset_class="credit",
        factor="credit-AA",
        reference="Firm A",
        notional=10_000,
        direction=1,
        market_value=20,
        years=3,
    ),
    Trade(
        asset_class="credit",
        factor="credit-BBB",
        reference="Firm B",
        notional=10_000,
        direction=-1,
        market_value=-40,
        years=6,
    ),
    Trade(
        asset_class="credit",
        factor="credit-index-IG",
        reference="CDX.IG",
        notional=10_000,
        direction=1,
        market_value=0,
        years=5,
    ),
)
GOODS = (
    Trade(
        asset_class="commodity",
        factor="oil-gas",
        hedging_set="energy",
        reference="crude",
        notional=10_000,
        direction=1,
        market_value=-50,
        years=0.75,
    ),
    Trade(
        asset_class="commodity",
        factor="oil-gas",
        hedging_set="energy",
        reference="crude",
        notional=20_000,
        direction=-1,
        market_value=-30,
        years=2,
    ),
    Trade(
        asset_class="commodity",
        factor="metals",
        hedging_set="metals",
        reference="silver",
        notional=10_000,
        direction=1,
        market_value=100,
        years=5,
    ),
)


def test_example_1_interest_rates() -> None:
    assert [round(_effective(trade, None)) for trade in RATES[:2]] == [78_694, -36_254]
    assert supervisory_delta(RATES[2]) == pytest.approx(-0.27, abs=0.005)
    result = sa_ccr(RATES)
    assert (round(result.replacement_cost), result.multiplier, round(result.add_on), round(result.ead)) == (
        60,
        1.0,
        347,
        569,
    )


def test_example_2_credit() -> None:
    assert [round(_correlated([trade], None)) for trade in SWAPS] == [106, 280, 168]
    result = sa_ccr(SWAPS)
    assert (
        result.replacement_cost,
        round(result.multiplier, 3),
        round(result.add_on),
        round(result.ead),
    ) == (0.0, 0.965, 282, 381)


def test_example_3_commodities() -> None:
    assert round(sa_ccr(GOODS[:2]).add_on) == 2_041
    assert round(sa_ccr(GOODS[2:]).add_on) == 1_800
    result = sa_ccr(GOODS)
    assert (result.replacement_cost, result.multiplier, round(result.add_on), round(result.ead)) == (
        20.0,
        1.0,
        3_841,
        5_406,
    )


def test_example_4_rates_and_credit_in_one_netting_set() -> None:
    result = sa_ccr((*RATES, *SWAPS))
    assert {name: round(amount) for name, amount in result.add_ons.items()} == {
        "interest": 347,
        "credit": 282,
    }
    assert (result.replacement_cost, round(result.add_on), round(result.ead)) == (40.0, 629, 936)


def test_example_5_rates_and_commodities_under_margin() -> None:
    margin = Margin(threshold=0, minimum_transfer=5, independent=150, period_days=10 + 5 - 1)
    assert maturity_factor(10.0, margin) == pytest.approx(1.5 * math.sqrt(14 / 250))
    result = sa_ccr((*RATES, *GOODS), collateral=200, margin=margin)
    assert {name: round(amount) for name, amount in result.add_ons.items()} == {
        "interest": 123,
        "commodity": 1_278,
    }
    assert (
        result.replacement_cost,
        round(result.multiplier, 3),
        round(result.add_on),
        round(result.ead),
    ) == (0.0, 0.958, 1_401, 1_879)


@pytest.mark.parametrize(
    ("value", "collateral", "margin", "wanted"),
    [  # annex 4b, millions
        (80, 90, Margin(minimum_transfer=1, independent=10), 0),
        (80, 79.5, Margin(minimum_transfer=1, independent=0), 1),
        (-50, -50, Margin(), 0),
        (-50, -60, Margin(independent=-10), 10),
        (50, 80, Margin(independent=20), 0),
    ],
)
def test_replacement_cost_under_standard_margin_agreements(
    value: float, collateral: float, margin: Margin, wanted: float
) -> None:
    trade = Trade(
        asset_class="equity",
        factor="equity-index",
        reference="X",
        notional=1_000,
        direction=1,
        market_value=value,
        years=1,
    )
    assert sa_ccr([trade], collateral=collateral, margin=margin).replacement_cost == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("option_type", "direction", "sign"), [("call", 1, 1), ("call", -1, -1), ("put", 1, -1), ("put", -1, 1)]
)
def test_an_options_delta_has_the_sign_of_what_it_gains_from(
    option_type: str, direction: int, sign: int
) -> None:
    terms = OptionTerms(option_type=option_type, price=100.0, strike=100.0, years=0.5)
    trade = Trade(
        asset_class="crypto",
        factor="crypto",
        hedging_set="BTC",
        notional=1.0,
        direction=direction,
        market_value=0.0,
        years=0.5,
        option=terms,
    )
    delta = supervisory_delta(trade)
    assert math.copysign(1.0, delta) == sign
    assert 0.0 < abs(delta) < 1.0


@pytest.mark.parametrize(
    ("years", "wanted"), [(0.001, math.sqrt(10 / 250)), (0.25, 0.5), (1.0, 1.0), (math.inf, 1.0)]
)
def test_the_maturity_factor_has_a_floor_of_ten_days_and_ends_at_a_year(years: float, wanted: float) -> None:
    assert maturity_factor(years, None) == pytest.approx(wanted)


@given(st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
def test_more_collateral_never_raises_the_exposure_and_the_add_on_keeps_a_floor(a: float, b: float) -> None:
    low, high = sorted((a, b))
    less, more = sa_ccr(GOODS, collateral=high), sa_ccr(GOODS, collateral=low)
    assert less.ead <= more.ead + 1e-9
    assert less.ead >= 1.4 * 0.05 * less.add_on - 1e-9


@given(st.floats(0.0, 1e5), st.floats(-1e4, 1e4))
def test_a_margin_agreement_never_raises_the_exposure(threshold: float, collateral: float) -> None:
    margin = Margin(threshold=threshold)
    assert sa_ccr(GOODS, collateral=collateral, margin=margin).ead <= sa_ccr(GOODS, collateral=collateral).ead


def test_coins_do_not_offset_each_other_but_one_coin_does() -> None:
    def coin(name: str, direction: int) -> Trade:
        return Trade(
            asset_class="crypto",
            factor="crypto",
            hedging_set=name,
            notional=1_000.0,
            direction=direction,
            market_value=0.0,
            years=math.inf,
        )

    assert sa_ccr([coin("BTC", 1), coin("BTC", -1)]).add_on == 0.0
    assert sa_ccr([coin("BTC", 1), coin("ETH", -1)]).add_on == pytest.approx(640.0)


@pytest.mark.parametrize(
    "changed",
    [
        {"factor": "oil-gas"},
        {"factor": "nothing"},
        {"notional": -1.0},
        {"direction": 0},
        {"years": 0.0},
        {"market_value": math.nan},
        {"option": OptionTerms(option_type="call", price=0.0, strike=1.0, years=1.0)},
    ],
)
def test_a_trade_that_is_none_is_refused(changed: dict[str, object]) -> None:
    terms = {
        "asset_class": "crypto",
        "factor": "crypto",
        "notional": 1.0,
        "direction": 1,
        "market_value": 0.0,
        "years": 1.0,
    }
    with pytest.raises(CallerError, match=r"sa_ccr\.trade"):
        Trade(**(terms | changed))


def test_a_negative_threshold_is_refused() -> None:
    with pytest.raises(CallerError, match=r"sa_ccr\.margin"):
        Margin(threshold=-1.0)


def test_an_account_of_a_desk_becomes_trades() -> None:
    legs = desk(
        future(-2.0, entry=90_000.0),
        option(120_000.0, 0.25, 3.0, inverse=True),
        option(100_000.0, 1.0, 1.0, payoff="american"),
        balances=(Balance(venue="bank", account="main", asset="BTC", amount=1.0),),
    )
    trades, missing = trades_of(legs, ("bank", "main"))
    assert [gap.code for gap in missing] == ["sa_ccr.payoff"]
    perpetual, call = trades
    assert (perpetual.notional, perpetual.direction, perpetual.years) == (200_000.0, -1, math.inf)
    assert perpetual.market_value == pytest.approx(-20_000.0)
    assert (call.notional, call.hedging_set) == (300_000.0, "BTC")
    assert call.option is not None
    assert call.option.strike == 120_000.0
    assert sa_ccr(trades).ead > 0.0
    with pytest.raises(CallerError, match=r"exposure\.account"):
        trades_of(legs, ("bank", "none"))
