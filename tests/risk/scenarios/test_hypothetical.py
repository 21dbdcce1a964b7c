"""Hypothetical and historical scenarios do what they say, to numbers reckoned by hand."""

import datetime
import math

import numpy as np
import pytest

from holdfast.error import CallerError
from holdfast.risk import revalue
from holdfast.risk.scenarios import hypothetical as h
from holdfast.risk.scenarios.historical import Event, Move, historical
from holdfast.risk.scenarios.scenario import Outcome, outcome, survivors
from tests.risk.scenarios.small_desk import (
    AAVE,
    BINANCE,
    BTC,
    DERIBIT,
    USD,
    USDT,
    cash,
    coin_option,
    desk,
    inverse_perpetual,
    option,
    perpetual,
)


def parts_add_up(result: Outcome) -> bool:
    return result.profit == pytest.approx(result.by_account.sum()) and result.profit == pytest.approx(
        sum(result.by_asset.values()) + result.lost + result.paid
    )


def test_a_depeg_takes_from_what_is_held_in_the_coin() -> None:
    legs = desk(cash(USDT, 1e6, BINANCE), cash(USDT, 5e5, DERIBIT), cash(USD, 1e6, DERIBIT))
    result = outcome(h.depeg(legs, "USDT", 0.9))
    assert result.profit == pytest.approx(-0.1 * 1.5e6)
    assert result.by_asset == pytest.approx({"USDT": -1.5e5})
    assert parts_add_up(result)


def test_a_depeg_on_one_venue_leaves_the_others() -> None:
    legs = desk(cash(USDT, 1e6, BINANCE), cash(USDT, 5e5, DERIBIT))
    result = outcome(h.depeg(legs, "USDT", 0.9, venue="binance"))
    assert result.by_account == pytest.approx([0.0, -1e5])


def test_what_is_quoted_in_a_depegged_coin_keeps_its_worth_less_the_debt_it_owes() -> None:
    legs = desk(perpetual(BTC, 2.0, BINANCE, entry=100_000.0))
    # long 2 coins against a debt of 200,000 USDT, which is worth a tenth less
    assert outcome(h.depeg(legs, "USDT", 0.9)).profit == pytest.approx(20_000.0)


def test_a_scenario_on_what_the_desk_does_not_have_is_refused_with_the_nearest_name() -> None:
    legs = desk(cash(USDT, 1.0, BINANCE))
    with pytest.raises(CallerError, match="did you mean AAVE"):
        h.depeg(legs, "AVE", 0.9)
    with pytest.raises(CallerError, match="did you mean binance"):
        h.venue_default(legs, "binanse")


def test_a_venue_that_fails_takes_its_positive_equity_and_no_debt() -> None:
    rich = desk(
        cash(USDT, 1e6, BINANCE), perpetual(BTC, 1.0, BINANCE, entry=150_000.0), cash(USD, 7.0, DERIBIT)
    )
    result = outcome(h.venue_default(rich, "binance"))
    assert result.lost == result.profit == pytest.approx(-950_000.0)  # profits lost too: -50,000 nets
    assert parts_add_up(result)
    assert outcome(h.venue_default(rich, "binance", recovery=0.4)).profit == pytest.approx(-0.6 * 950_000.0)
    poor = desk(cash(USDT, 1e4, BINANCE), perpetual(BTC, 1.0, BINANCE, entry=150_000.0))
    assert outcome(h.venue_default(poor, "binance")).profit == 0.0


def test_a_venue_fails_in_the_market_it_fails_in_and_leaves_the_other_side_of_the_hedge() -> None:
    legs = desk(
        perpetual(BTC, -1.0, BINANCE, entry=100_000.0), cash(USDT, 50_000.0, BINANCE), cash(BTC, 1.0, DERIBIT)
    )
    scenario = h.venue_default(legs, "binance", market_log=math.log(0.8))
    result = outcome(scenario)
    assert result.lost == pytest.approx(-70_000.0)  # balance and the profit of the short
    assert result.profit == pytest.approx(-70_000.0)  # the hedge paid 20,000, the coin lost 20,000
    assert survivors(scenario).names == ("leg 2",)
    assert revalue.values(survivors(scenario)).sum() == pytest.approx(100_000.0)


def test_the_worst_venue_is_the_one_where_most_is_at_stake() -> None:
    legs = desk(cash(USDT, 1e6, BINANCE), cash(USD, 2e6, DERIBIT))
    worst = h.worst_venue_default(legs)
    assert worst is not None
    assert worst.name == "deribit fails"


def test_a_manipulated_mark_moves_contracts_of_one_venue_and_no_coin() -> None:
    legs = desk(
        perpetual(AAVE, -100.0, BINANCE, entry=200.0),
        perpetual(AAVE, 100.0, DERIBIT, entry=200.0),
        cash(AAVE, 1e4, BINANCE),
        perpetual(BTC, 1.0, BINANCE, entry=100_000.0),
    )
    result = outcome(h.oracle_manipulation(legs, "AAVE", "binance", math.log(3.0)))
    assert result.profit == pytest.approx(-100.0 * 400.0)
    assert result.by_account == pytest.approx([0.0, -40_000.0])


def test_funding_is_paid_by_longs_on_the_moved_mark_and_received_by_shorts() -> None:
    long, short = (
        desk(perpetual(BTC, quantity, BINANCE, entry=100_000.0), cash(BTC, 1.0, DERIBIT)) for quantity in (1.0, -1.0)
    )  # fmt: skip
    results = [
        outcome(h.funding_blow_out(legs, rate=0.005, hours=24.0, basis_log=0.02)) for legs in (long, short)
    ]
    mark = 100_000.0 * math.exp(0.02)
    assert results[0].paid == pytest.approx(-3 * 0.005 * mark)
    assert results[1].paid == pytest.approx(3 * 0.005 * mark)
    assert results[0].profit == pytest.approx(results[0].paid + mark - 100_000.0)
    coin = desk(inverse_perpetual(BTC, 50_000.0, DERIBIT, entry=100_000.0))
    assert outcome(h.funding_blow_out(coin, rate=0.005, hours=8.0)).paid == pytest.approx(-250.0)


def test_a_dated_future_pays_no_funding() -> None:
    legs = desk(perpetual(BTC, 1.0, BINANCE, entry=100_000.0, years=0.2))
    assert outcome(h.funding_blow_out(legs, basis_log=0.0)).profit == 0.0


def test_a_weekend_gap_moves_coins_by_their_betas_and_no_stablecoin() -> None:
    legs = desk(cash(BTC, 1.0, DERIBIT), cash(AAVE, 100.0, DERIBIT), cash(USDT, 1e6, BINANCE))
    result = outcome(h.weekend_gap(legs, math.log(0.8), betas={"AAVE": 2.0}))
    assert result.by_asset == pytest.approx({"BTC": -20_000.0, "AAVE": 20_000.0 * (0.64 - 1.0)})


def test_over_a_weekend_options_age_and_volatility_rises() -> None:
    legs = desk(option(BTC, 1.0, DERIBIT, strike=100_000.0, years=2.0 / 365.0))
    calm = outcome(h.weekend_gap(legs, 0.0, volatility_shift=0.0))
    assert calm.profit == pytest.approx(-revalue.values(legs)[0])  # expired, at the money
    longer = desk(option(BTC, 1.0, DERIBIT, strike=100_000.0, years=30.0 / 365.0))
    assert outcome(h.weekend_gap(longer, 0.0, volatility_shift=0.6)).profit > 0.0


def event(**moves: Move) -> Event:
    return Event(name="then", date=datetime.date(2025, 10, 10), moves=moves)


def test_an_event_moves_what_it_names_and_tells_what_it_does_not() -> None:
    legs = desk(cash(BTC, 1.0, DERIBIT), cash(AAVE, 100.0, DERIBIT), cash(USDT, 1e6, BINANCE))
    result = outcome(historical(legs, event(BTC=Move(spot_log=math.log(0.5))), pegged=("USDT",)))
    assert result.profit == pytest.approx(-50_000.0)
    assert [(note.where, note.code) for note in result.notes] == [("AAVE", "event.asset_absent")]


def test_an_event_can_say_what_others_are_like() -> None:
    legs = desk(cash(BTC, 1.0, DERIBIT), cash(AAVE, 100.0, DERIBIT))
    then = Event(
        name="then", date=datetime.date(2025, 10, 10), others_like="BTC", moves={"BTC": Move(spot_log=math.log(0.5))}
    )  # fmt: skip
    result = outcome(historical(legs, then, pegged=("USDT",)))
    assert result.profit == pytest.approx(-60_000.0)
    assert [(note.where, note.code) for note in result.notes] == [("AAVE", "event.asset_like")]
    with pytest.raises(CallerError, match=r"event\.others_like"):
        historical(legs, Event(name="then", date=then.date, others_like="ETH", moves={}))


def test_a_move_of_one_venue_stays_there() -> None:
    legs = desk(cash(USDT, 1e6, BINANCE), cash(USDT, 1e6, DERIBIT))
    result = outcome(historical(legs, event(USDT=Move(spot_log=math.log(0.7), venue="binance"))))
    assert result.by_account == pytest.approx([0.0, -3e5])
    assert outcome(historical(legs, event(USDT=Move(spot_log=-1.0, venue="okx")))).profit == 0.0


def test_an_event_moves_volatility_by_tenor_skew_and_basis() -> None:
    near, far = (
        desk(option(BTC, 1.0, DERIBIT, strike=100_000.0, years=years)) for years in (30 / 365, 120 / 365)
    )
    then = event(BTC=Move(volatility_shift=0.5))
    for legs, moved in ((near, 0.9), (far, 0.6 * (1.0 + 0.5 * 0.5))):
        rows = legs.legs.copy()
        rows["volatility"] = moved
        at = desk(rows)
        assert outcome(historical(legs, then)).profit == pytest.approx(
            revalue.values(at)[0] - revalue.values(legs)[0]
        )
    perp = desk(perpetual(BTC, 1.0, BINANCE, entry=100_000.0))
    assert outcome(historical(perp, event(BTC=Move(basis_log=-0.1)))).profit == pytest.approx(
        100_000.0 * math.expm1(-0.1)
    )


def test_coin_settled_options_lose_with_the_coin_they_are_paid_in() -> None:
    legs = desk(coin_option(BTC, 1.0, DERIBIT, strike=50_000.0, years=0.1))
    dollars = desk(option(BTC, 1.0, DERIBIT, strike=50_000.0, years=0.1))
    then = event(BTC=Move(spot_log=-0.2, volatility_shift=0.3))
    assert outcome(historical(legs, then)).profit == pytest.approx(outcome(historical(dollars, then)).profit)


def test_a_desk_of_nothing_survives_everything() -> None:
    legs = desk()
    assert outcome(h.weekend_gap(legs)).profit == 0.0
    assert outcome(h.venue_default(legs, "binance")).profit == 0.0
    assert np.array_equal(outcome(h.funding_blow_out(legs)).by_account, np.zeros(2))
