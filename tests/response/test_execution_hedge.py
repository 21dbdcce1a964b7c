"""The delta hedge: exact in inverse and linear contracts, cheapest first, and never past its target."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.action import PlaceOrder
from holdfast.policy.governor.exposure import coins_of, quantity_of, usd_per_unit
from holdfast.response.verb import HedgeDelta
from tests.response.desk_double import ETHER, INVERSE, LINEAR, OPTION, Desk, Step

BOTH = ("deribit:BTC-PERPETUAL", "binance:BTCUSDT")


def hedge(*instruments: str, **arguments: object) -> HedgeDelta:
    given_ = {"asset": "BTC", "tolerance": 0.01, "slice_usd_max": 1e7, "patience_s": 20.0, **arguments}
    return HedgeDelta(instruments=instruments, **given_)  # type: ignore[arg-type]


def desk_with(delta_btc: str, mid: float = 100_000.0) -> Desk:
    """An account that is long or short an amount of an inverse perpetual, as a delta at the mark."""
    desk = Desk(LINEAR, INVERSE, ETHER)
    for one in (LINEAR, INVERSE):
        desk.quote(one, mid)
    desk.hold(INVERSE, Decimal(delta_btc) * Decimal(repr(mid)) // 10 * 10)
    return desk


def first(desk: Desk) -> PlaceOrder:
    action = desk.sent[0][1]
    assert isinstance(action, PlaceOrder)
    return action


def test_a_long_delta_is_sold_and_a_short_one_bought_exactly() -> None:
    for delta, side in (("2.5", "sell"), ("-2.5", "buy")):
        desk = desk_with(delta)
        ended = Step(desk, hedge("binance:BTCUSDT")).run_out(desk.fill_all).ended
        assert ended is not None
        assert ended.outcome == "done"
        assert (first(desk).side, first(desk).quantity) == (side, Decimal("2.5"))
        assert not first(desk).reduce_only


def test_an_inverse_contract_is_counted_by_its_value() -> None:
    desk = Desk(LINEAR, INVERSE)
    for one in (LINEAR, INVERSE):
        desk.quote(one, 64_000.0)
    desk.hold(LINEAR, "1.5")
    ended = Step(desk, hedge("deribit:BTC-PERPETUAL")).run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "done"
    assert first(desk).quantity == Decimal(96_000)


def test_a_target_other_than_zero_is_reached() -> None:
    desk = desk_with("2")
    Step(desk, hedge("binance:BTCUSDT", target=0.5)).run_out(desk.fill_all)
    assert first(desk).quantity == Decimal("1.5")


def test_within_the_tolerance_nothing_is_done() -> None:
    desk = desk_with("0.005")
    progress = Step(desk, hedge(*BOTH)).advance()
    assert progress.ended is not None
    assert progress.ended.outcome == "done"
    assert desk.sent == []


def test_the_cheapest_allowed_instrument_is_taken() -> None:
    desk = desk_with("2")
    desk.quote(LINEAR, 100_000.0, size=1.0, levels=10, step=20.0)
    Step(desk, hedge(*BOTH)).advance()
    assert first(desk).venue == "deribit"
    other = desk_with("2")
    other.quote(INVERSE, 100_000.0, size=50_000.0, levels=10, step=50.0)
    Step(other, hedge(*BOTH)).advance()
    assert first(other).venue == "binance"
    only = desk_with("2")
    only.quote(INVERSE, 100_000.0, size=50_000.0, levels=10, step=50.0)
    Step(only, hedge("deribit:BTC-PERPETUAL")).advance()
    assert first(only).venue == "deribit"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("deribit:NOPE", "does not list it"),
        ("binance:ETHUSDT", "no perpetual or future of BTC"),
        ("deribit:BTC-26DEC25-100000-C", "no perpetual or future of BTC"),
        ("okx:BTC-USDT-SWAP", "does not list it"),
    ],
)
def test_an_instrument_that_is_no_hedge_is_told(name: str, why: str) -> None:
    desk = desk_with("2")
    desk.view.instruments[(OPTION.venue, OPTION.symbol)] = OPTION
    ended = Step(desk, hedge(name)).run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert why in ended.detail
    assert desk.sent == []


def test_with_one_instrument_dark_the_other_is_taken() -> None:
    desk = desk_with("2")
    del desk.view.books[("deribit", "BTC-PERPETUAL")]
    Step(desk, hedge(*BOTH)).advance()
    assert first(desk).venue == "binance"


def test_an_unknown_delta_is_not_hedged_in_the_dark() -> None:
    desk = desk_with("2")
    desk.view.deltas.clear()
    ended = Step(desk, hedge(*BOTH)).advance().ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert "the delta of deribit:BTC-PERPETUAL is not known" in ended.detail


def test_while_an_order_is_unknown_no_other_is_sent() -> None:
    desk = desk_with("2")
    step = Step(desk, hedge(*BOTH))
    step.advance()
    desk.wait(5)
    assert step.advance().wanted == []
    desk.settle("run-1/step/0", "expired")
    desk.wait(5)
    assert len(step.advance().wanted) == 1


def test_a_fill_that_the_position_does_not_show_yet_is_not_hedged_again() -> None:
    desk = desk_with("2")
    step = Step(desk, hedge(*BOTH))
    key = step.advance().wanted[0].key
    desk.fill(key, first(desk).quantity)
    desk.settle(key)  # the position is not reported
    desk.wait(5)
    assert step.advance().wanted == []
    desk.report()
    ended = step.advance().ended
    assert ended is not None
    assert ended.outcome == "done"


def test_a_delta_that_passed_the_target_meanwhile_is_told() -> None:
    desk = desk_with("2")
    step = Step(desk, hedge(*BOTH))
    desk.hold(INVERSE, "-300000")
    ended = step.run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert "passed the target" in ended.detail
    assert desk.sent == []


def test_what_strangers_have_in_flight_is_not_hedged_twice() -> None:
    desk = desk_with("2")
    step = Step(desk, hedge(*BOTH))
    desk.view.pendings[("binance", "main", "BTCUSDT")] = Decimal("-1.5")
    wanted = step.advance().wanted
    assert [one.action.quantity for one in wanted] in (  # type: ignore[union-attr]
        [Decimal("0.5")],
        [Decimal(50_000)],
        [Decimal(49_990)],
    )


def test_without_an_account_at_the_venue_it_is_told() -> None:
    desk = desk_with("2")
    desk.view.known_accounts = [("deribit", "main")]
    ended = Step(desk, hedge("binance:BTCUSDT")).run_out(desk.fill_all).ended
    assert ended is not None
    assert "no account at the venue" in ended.detail


@given(
    coins=st.decimals("0.001", "1000", places=3),
    price=st.floats(1_000.0, 200_000.0),
    one=st.sampled_from([INVERSE, LINEAR, ETHER]),
)
def test_coins_and_quantities_are_each_others_inverse(coins: Decimal, price: float, one: object) -> None:
    quantity = quantity_of(one, coins, price)  # type: ignore[arg-type]
    assert quantity is not None
    again = coins_of(one, quantity, price)  # type: ignore[arg-type]
    assert again is not None
    assert abs(again - coins) <= coins * Decimal("1e-24")


def test_an_option_has_no_exact_delta_and_a_missing_price_no_value() -> None:
    assert coins_of(OPTION, Decimal(1), 0.05) is None
    assert quantity_of(OPTION, Decimal(1), 0.05) is None
    assert quantity_of(INVERSE, Decimal(1), 0.0) is None
    desk = Desk(OPTION, LINEAR)
    assert usd_per_unit(OPTION, desk.view) is None
    assert usd_per_unit(LINEAR, desk.view) is None
    desk.view.prices_usd["BTC"] = 90_000.0
    assert usd_per_unit(OPTION, desk.view) == 90_000.0
