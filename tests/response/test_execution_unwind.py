"""Reduce and flatten: how slices are made, when they wait, and how a step ends."""

from decimal import Decimal

from holdfast.action import PlaceOrder
from holdfast.event import Scope
from holdfast.response.verb import Flatten, Reduce
from tests.response.desk_double import ETHER, INVERSE, LINEAR, OPTION, Desk, Step


def orders(desk: Desk) -> list[PlaceOrder]:
    return [action for _, action in desk.sent if isinstance(action, PlaceOrder)]


def desk_with(quantity: str = "10", size: float = 1e9, mid: float = 100_000.0) -> Desk:
    desk = Desk(LINEAR)
    desk.quote(LINEAR, mid, size)
    desk.hold(LINEAR, quantity)
    return desk


def test_a_flatten_ends_flat_and_never_larger_than_its_slices() -> None:
    desk = desk_with("10")
    ended = Step(desk, Flatten(slice_usd_max=300_000)).run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "done"
    assert desk.real[("binance", "main", "BTCUSDT")] == 0
    assert [order.quantity for order in orders(desk)] == [Decimal(3)] * 3 + [Decimal(1)]
    assert all(order.reduce_only and order.side == "sell" and not order.rests for order in orders(desk))


def test_a_short_is_bought_back() -> None:
    desk = desk_with("-2")
    Step(desk, Flatten()).run_out(desk.fill_all)
    assert desk.real[("binance", "main", "BTCUSDT")] == 0
    assert {order.side for order in orders(desk)} == {"buy"}


def test_a_reduce_aims_at_a_fraction_of_what_was_there_when_it_began() -> None:
    desk = desk_with("1")
    step = Step(desk, Reduce(fraction=0.25))
    step.run_out(desk.fill_all)
    assert desk.real[("binance", "main", "BTCUSDT")] == Decimal("0.75")
    # the step is over: advanced again, after a restart, it wants nothing more
    assert step.advance().wanted == []


def test_a_target_that_is_no_whole_lot_is_rounded_towards_zero() -> None:
    desk = desk_with("0.005")
    Step(desk, Reduce(fraction=0.5)).run_out(desk.fill_all)
    assert desk.real[("binance", "main", "BTCUSDT")] == Decimal("0.002")


def test_what_is_less_than_a_lot_is_left_and_told() -> None:
    desk = desk_with("0.0125")
    ended = Step(desk, Flatten()).run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "done"
    assert "0.0005" in ended.detail


def test_the_limit_is_measured_from_the_better_of_mark_and_mid_and_rounded_to_the_strict_side() -> None:
    desk = desk_with("1")
    desk.view.marks[("binance", "BTCUSDT")] = 100_010.03
    Step(desk, Flatten(slippage_bps_max=50)).advance()
    assert orders(desk)[0].limit_price == Decimal("99510.0")  # 99,509.98 rounded up
    short = desk_with("-1")
    short.view.marks[("binance", "BTCUSDT")] = 99_990.03
    Step(short, Flatten(slippage_bps_max=50)).advance()
    assert orders(short)[0].limit_price == Decimal("100489.9")  # 100,489.98 rounded down


def test_the_plan_bounds_how_far_the_market_may_be_followed() -> None:
    desk = desk_with("1")
    step = Step(desk, Flatten(drift_bps_max=100, patience_s=5))
    desk.quote(LINEAR, 99_300.0)
    assert step.advance().wanted[0].action.limit_price == Decimal("99000.0")  # type: ignore[union-attr]
    desk.fill_all("0")
    desk.quote(LINEAR, 98_900.0)
    ended = step.run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert ended.detail.endswith("of binance:BTCUSDT (main) left: no liquidity at 99000.0 or better")


def test_a_thin_book_is_taken_in_shares_and_never_beyond_the_limit() -> None:
    desk = Desk(LINEAR)
    desk.quote(LINEAR, 100_000.0, size=1.0, levels=10, step=100.0)  # 5 levels within 50 bps
    desk.hold(LINEAR, "10")
    Step(desk, Flatten(slice_usd_max=1e7, slice_share_max=0.5)).advance()
    assert orders(desk)[0].quantity == Decimal("2.5")
    assert orders(desk)[0].limit_price == Decimal("99500.0")


def test_where_nothing_rests_within_the_limit_the_step_fails_with_what_is_left_instead_of_dumping() -> None:
    desk = Desk(LINEAR)
    desk.quote(LINEAR, 100_000.0, size=1.0, levels=3, step=1_000.0)
    desk.hold(LINEAR, "10")
    ended = Step(desk, Flatten(patience_s=10)).run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert ended.detail == "10 of binance:BTCUSDT (main) left: no liquidity at 99500.0 or better"
    assert desk.sent == []


def test_without_a_live_book_nothing_is_sent_until_it_is_back() -> None:
    desk = desk_with("1")
    step = Step(desk, Flatten())
    del desk.view.books[("binance", "BTCUSDT")]
    assert step.advance().wanted == []
    desk.quote(LINEAR, 100_000.0)
    assert len(step.advance().wanted) == 1


def test_without_a_live_book_the_mark_serves_where_the_verb_says_so() -> None:
    desk = desk_with("1")
    step = Step(desk, Flatten(without_book="mark", slippage_bps_max=100))
    del desk.view.books[("binance", "BTCUSDT")]
    assert step.advance().wanted[0].action.limit_price == Decimal("99000.0")  # type: ignore[union-attr]
    dark = desk_with("1")
    dark.view.books.clear()
    dark.view.marks.clear()
    assert Step(dark, Flatten(without_book="mark")).advance().wanted == []


def test_slices_of_one_instrument_are_spaced_and_refusals_space_them_further() -> None:
    desk = desk_with("10")
    step = Step(desk, Flatten(spacing_s=1.0))
    step.advance()
    desk.fill_all()
    desk.wait(0.5)
    waiting = step.advance()
    assert waiting.wanted == []
    assert waiting.wake_ns == desk.view.now_ns + 500_000_000
    desk.wait(0.5)
    key = step.advance().wanted[0].key
    desk.settle(key, "refused", "governor.notional")
    desk.wait(1.5)
    assert step.advance().wanted == []
    desk.wait(0.5)
    assert len(step.advance().wanted) == 1


def test_what_was_refused_to_the_end_is_told() -> None:
    desk = desk_with("1")

    def refuse() -> None:
        for key in desk.open_keys():
            desk.settle(key, "refused", "governor.instrument")

    ended = Step(desk, Flatten(patience_s=20)).run_out(refuse).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert "refused governor.instrument" in ended.detail


def test_all_instruments_are_worked_at_once_the_most_valuable_first() -> None:
    desk = Desk(LINEAR, ETHER, INVERSE)
    for one, mid in ((LINEAR, 100_000.0), (ETHER, 4_000.0), (INVERSE, 100_000.0)):
        desk.quote(one, mid)
    desk.hold(LINEAR, "2")
    desk.hold(ETHER, "-40")
    desk.hold(INVERSE, "300000")
    Step(desk, Flatten()).advance()
    assert [order.instrument for order in orders(desk)] == ["BTC-PERPETUAL", "BTCUSDT", "ETHUSDT"]


def test_only_the_scope_is_touched() -> None:
    desk = Desk(LINEAR, INVERSE)
    for one in (LINEAR, INVERSE):
        desk.quote(one, 100_000.0)
        desk.hold(one, "100")
    Step(desk, Flatten(), Scope("deribit")).advance()
    assert [order.venue for order in orders(desk)] == ["deribit"]


def test_an_order_of_unknown_fate_counts_in_full() -> None:
    desk = desk_with("2")
    step = Step(desk, Flatten(slice_usd_max=150_000))
    step.advance()
    desk.wait(10)
    step.advance()
    desk.wait(10)
    assert step.advance().wanted == []
    assert [order.quantity for order in orders(desk)] == [Decimal("1.5"), Decimal("0.5")]
    desk.settle("run-1/step/0", "expired")  # it never was: now it may be sold
    desk.wait(10)
    assert step.advance().wanted[0].action.quantity == Decimal("1.5")  # type: ignore[union-attr]


def test_an_order_that_was_abandoned_counts_in_full_for_good() -> None:
    desk = desk_with("2")
    step = Step(desk, Flatten(patience_s=30))
    step.advance()
    desk.settle("run-1/step/0", "abandoned", "venue_forgot")
    ended = step.run_out(lambda: None).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert len(desk.sent) == 1


def test_somebody_elses_order_in_flight_is_left_room() -> None:
    desk = desk_with("2")
    desk.view.pendings[("binance", "main", "BTCUSDT")] = Decimal("-1.5")
    progress = Step(desk, Flatten())
    desk.view.pendings[("binance", "main", "BTCUSDT")] = Decimal("-1.5")
    assert progress.advance().wanted[0].action.quantity == Decimal("0.5")  # type: ignore[union-attr]


def test_a_position_that_turned_over_is_not_closed_the_other_way() -> None:
    desk = desk_with("2")
    step = Step(desk, Flatten(patience_s=5))
    desk.hold(LINEAR, "-1")
    ended = step.run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert "turned over" in ended.detail
    assert desk.sent == []


def test_a_position_opened_since_the_step_began_is_told() -> None:
    desk = Desk(LINEAR, ETHER)
    desk.quote(LINEAR, 100_000.0)
    desk.quote(ETHER, 4_000.0)
    desk.hold(LINEAR, "1")
    step = Step(desk, Flatten())
    desk.hold(ETHER, "1")
    ended = step.run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert "binance:ETHUSDT" in ended.detail


def test_an_option_is_closed_in_its_own_units() -> None:
    desk = Desk(OPTION)
    desk.quote(OPTION, 0.05, size=20.0)
    desk.view.prices_usd["BTC"] = 100_000.0
    desk.hold(OPTION, "5")
    ended = Step(desk, Flatten(slippage_bps_max=500)).run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "done"
    assert orders(desk)[0].quantity == Decimal("2.5")  # 250,000 USD of the underlying
    assert orders(desk)[0].limit_price == Decimal("0.0475")


def test_one_lot_that_is_worth_too_much_is_not_sent() -> None:
    desk = desk_with("1")
    ended = Step(desk, Flatten(slice_usd_max=50, patience_s=5)).run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert "more than slice_usd_max" in ended.detail


def test_a_position_that_the_venue_does_not_list_is_told() -> None:
    desk = desk_with("1")
    step = Step(desk, Flatten(patience_s=5))
    desk.view.instruments.clear()
    ended = step.run_out(lambda: None).ended
    assert ended is not None
    assert "does not list" in ended.detail


def test_nothing_held_is_flat_at_once() -> None:
    desk = Desk(LINEAR)
    progress = Step(desk, Flatten()).advance()
    assert progress.ended is not None
    assert progress.ended.outcome == "done"
