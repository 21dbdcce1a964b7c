"""Refusals: each with its code, beside what is accepted; a refused request leaves no trace."""

from decimal import Decimal
from typing import Any

import pytest
from exchange_desk import EXPIRY, START, Desk, opened

from holdfast.error import CallerError
from holdfast.lab.world.exchange import Order, Refused, Transfer


@pytest.mark.parametrize(
    ("code", "terms"),
    [
        ("unknown_instrument", {"instrument": "NONE"}),
        ("bad_quantity", {"quantity": "0.0005"}),
        ("bad_quantity", {"quantity": 0}),
        ("bad_quantity", {"quantity": -1}),
        ("bad_quantity", {"quantity": "NaN"}),
        ("bad_price", {"price": "49000.05"}),
        ("bad_price", {"price": -1}),
        ("bad_price", {"price": 0}),
        ("expired", {"valid_until_ns": START - 1}),
        ("reduce_only", {"reduce_only": True}),
        ("insufficient_margin", {"quantity": 1_000}),
    ],
)
def test_a_bad_order_is_refused_by_its_first_fault_and_leaves_no_trace(
    desk: Desk, code: str, terms: dict[str, Any]
) -> None:
    good: dict[str, Any] = {"quantity": 1, "price": 49_000, "instrument": "FREE"}
    desk.order("ann", "buy", **good)
    desk.exchange.take_news()
    assert desk.refusal("ann", "buy", **good | terms) == code
    assert desk.exchange.take_news() == []
    assert len(desk.exchange.open_orders("ann")) == 1


def test_a_limit_order_without_a_price_is_refused(desk: Desk) -> None:
    assert desk.refusal("ann", "buy", 1, None) == "no_liquidity"
    placed = desk.exchange.place_lots("ann", "FREE", "buy", 0, 1)
    assert isinstance(placed, Refused)
    assert placed.code == "bad_quantity"


def test_an_unknown_account_is_refused_an_order_and_is_an_error_elsewhere(desk: Desk) -> None:
    assert desk.refusal("eve", "buy", 1, 49_000) == "unknown_account"
    with pytest.raises(CallerError, match=r"account\.unknown"):
        desk.exchange.balances("eve")
    with pytest.raises(CallerError, match=r"account\.known"):
        desk.exchange.open_account("ann")


def test_an_order_is_taken_until_the_last_moment_of_its_validity(desk: Desk) -> None:
    assert desk.order("ann", "buy", 1, 49_000, valid_until_ns=START).state == "open"
    desk.wait(0.001)
    assert desk.refusal("ann", "buy", 1, 49_000, valid_until_ns=START) == "expired"
    mine = desk.order("ann", "buy", 1, 49_000)
    late = desk.exchange.edit("ann", mine.order_id, quantity=Decimal(2), valid_until_ns=START)
    assert isinstance(late, Refused)
    assert late.code == "expired"


def test_a_client_id_of_an_open_order_is_refused_only_where_the_venue_says_so(desk: Desk) -> None:
    desk.order("ann", "buy", 1, 49_000, client_id="x")
    second = desk.order("ann", "buy", 2, 49_000, client_id="x")  # labels may repeat
    latest = desk.exchange.order_by_client_id("ann", "FREE", "x")
    assert latest is not None
    assert latest.order_id == second.order_id
    strict = opened(unique_client_ids=True)
    first = strict.order("ann", "buy", 1, 49_000, client_id="x")
    assert strict.refusal("ann", "buy", 1, 49_000, client_id="x") == "duplicate_client_id"
    assert strict.order("bob", "buy", 1, 49_000, client_id="x").state == "open"
    assert strict.order("ann", "buy", 1, 49_000, instrument="LIN", client_id="x").state == "open"
    strict.exchange.cancel("ann", first.order_id)
    assert strict.order("ann", "buy", 1, 49_000, client_id="x").state == "open"


def test_reduce_only_is_cut_to_the_position_and_never_turns_it(desk: Desk) -> None:
    desk.order("bob", "sell", 2, 50_000)
    desk.order("ann", "buy", 2, 50_000)
    assert desk.refusal("ann", "buy", 1, 49_000, reduce_only=True) == "reduce_only"
    exit_order = desk.order("ann", "sell", 5, 51_000, reduce_only=True)
    assert exit_order.quantity == 2
    desk.order("bob", "buy", 9, 51_000)
    assert desk.quantity("ann") == 0


def test_a_resting_reduce_only_order_shrinks_with_the_position_and_ends_with_it(desk: Desk) -> None:
    desk.order("bob", "sell", 3, 50_000)
    desk.order("ann", "buy", 3, 50_000)
    exit_order = desk.order("ann", "sell", 3, 51_000, reduce_only=True)
    desk.order("bob", "buy", 2, 50_500)
    desk.order("ann", "sell", 2, 50_500)
    left = desk.exchange.order("ann", exit_order.order_id)
    assert left is not None
    assert (left.remaining, left.state) == (1, "open")
    desk.order("bob", "buy", 1, 50_400)
    desk.order("ann", "sell", 1, 50_400)
    ended = desk.exchange.order("ann", exit_order.order_id)
    assert ended is not None
    assert (ended.state, ended.reason) == ("cancelled", "reduce_only")


def test_a_resting_reduce_only_order_shrinks_when_another_resting_order_is_taken(desk: Desk) -> None:
    desk.order("bob", "sell", 3, 50_000)
    desk.order("ann", "buy", 3, 50_000)
    exit_order = desk.order("ann", "sell", 3, 51_000, reduce_only=True)
    desk.order("ann", "sell", 2, 50_500)
    desk.order("bob", "buy", 5, 51_000)  # takes the 2, then only the 1 that is left to reduce
    assert desk.quantity("ann") == 0
    assert desk.exchange.order("ann", exit_order.order_id).filled == 1  # type: ignore[union-attr]


def test_an_order_that_has_ended_can_be_neither_edited_nor_cancelled(desk: Desk) -> None:
    mine = desk.order("ann", "buy", 1, 49_000)
    for act in (desk.exchange.cancel, desk.exchange.edit):
        other = act("bob", mine.order_id)
        assert isinstance(other, Refused)
        assert other.code == "unknown_order"
    assert isinstance(desk.exchange.cancel("ann", mine.order_id), Order)
    for act in (desk.exchange.cancel, desk.exchange.edit):
        again = act("ann", mine.order_id)
        assert isinstance(again, Refused)
        assert again.code == "order_closed"


def test_nothing_trades_before_an_index_or_after_expiry(desk: Desk) -> None:
    assert desk.order("ann", "buy", 1, 49_000, "FUT").state == "open"
    desk.exchange.advance(EXPIRY)
    assert desk.refusal("ann", "buy", 1, 49_000, "FUT") == "instrument_closed"
    dark = opened()
    del dark.exchange._state.prices["BTC"]
    dark.exchange._state.contracts["FREE"].mark = 0.0
    assert dark.refusal("ann", "buy", 1, 49_000) == "no_mark"


def test_initial_margin_is_what_positions_orders_and_leverage_ask_for() -> None:
    desk = opened(usdt=10_000)
    assert desk.refusal("ann", "buy", "2.001", 50_000) == "insufficient_margin"
    desk.order("ann", "buy", 1, 50_000)  # 5 000 of 10 000
    assert desk.refusal("ann", "buy", "1.001", 50_000) == "insufficient_margin"
    desk.order("ann", "sell", 1, 51_000)  # the other side asks for nothing more
    desk.order("ann", "buy", 1, 49_000)  # exactly the rest
    assert desk.refusal("ann", "buy", "0.001", 49_000) == "insufficient_margin"
    assert desk.exchange.balance("ann", "USDT").available == 0
    desk.exchange.cancel_all("ann")
    assert desk.exchange.set_leverage("ann", "FREE", Decimal(5)) == 5
    assert desk.refusal("ann", "buy", "1.001", 50_000) == "insufficient_margin"
    assert desk.order("ann", "buy", 1, 50_000).state == "open"


def test_an_order_is_judged_by_what_the_account_has_now_not_before_the_marks_moved() -> None:
    desk = opened(usdt=10_000)
    desk.order("bob", "sell", 1, 50_000)
    desk.order("ann", "buy", 1, 50_000)
    desk.order("ann", "buy", "0.001", 50_000)  # the account is measured: 4 995 are left
    desk.exchange.cancel_all("ann")
    desk.index(48_000)  # 2 000 lost, 200 less asked for the position: 3 200 are left
    assert desk.refusal("ann", "buy", "0.667", 48_000) == "insufficient_margin"
    assert desk.order("ann", "buy", "0.666", 48_000).state == "open"


def test_a_price_worse_than_the_mark_asks_for_the_loss_too() -> None:
    desk = opened(usdt=10_000)
    assert desk.refusal("ann", "buy", 2, 50_000.1) == "insufficient_margin"
    assert desk.order("ann", "buy", 2, 50_000).state == "open"


def test_a_leverage_outside_the_venues_is_refused(desk: Desk) -> None:
    for leverage in ("0.5", "11"):
        refused = desk.exchange.set_leverage("ann", "FREE", Decimal(leverage))
        assert isinstance(refused, Refused)
        assert refused.code == "bad_leverage"
    assert desk.exchange.set_leverage("ann", "FREE", Decimal(3)) == 3
    assert desk.exchange.leverage("ann", "FREE") == 3


def test_money_leaves_only_as_far_as_it_is_free_and_a_nonce_moves_it_once() -> None:
    desk = opened(usdt=10_000)
    desk.order("ann", "buy", 1, 50_000)
    refused = desk.exchange.transfer("ann", "bob", "USDT", Decimal("5000.01"))
    assert isinstance(refused, Refused)
    assert refused.code == "insufficient_funds"
    for _ in range(2):
        moved = desk.exchange.transfer("ann", "bob", "USDT", Decimal(1_000), nonce="n")
        assert isinstance(moved, Transfer)
        assert moved.transfer_id == 1
    assert (desk.money("ann"), desk.money("bob")) == (9_000, 11_000)
    assert isinstance(desk.exchange.withdraw("ann", "USDT", Decimal(4_001)), Refused)
    assert desk.exchange.withdraw("ann", "USDT", Decimal(4_000)) == 5_000
    for amount in ("0", "-5", "NaN"):
        bad = desk.exchange.transfer("bob", "ann", "USDT", Decimal(amount))
        assert isinstance(bad, Refused)
        assert bad.code == "bad_amount"
    assert isinstance(desk.exchange.transfer("ann", "ann", "USDT", Decimal(1)), Refused)
    desk.sane()


def test_a_short_option_asks_for_margin_even_beside_a_buy_of_the_same() -> None:
    desk = opened(btc="0.4")
    desk.order("ann", "buy", 9, "0.0100", "CALL")
    assert desk.refusal("ann", "sell", 7, "0.2", "CALL") == "insufficient_margin"
    assert desk.order("ann", "sell", 1, "0.2", "CALL").state == "open"


def test_time_does_not_go_backwards(desk: Desk) -> None:
    desk.exchange.advance(START)
    with pytest.raises(CallerError, match=r"time\.backwards"):
        desk.exchange.advance(START - 1)
    with pytest.raises(CallerError, match=r"index\.price"):
        desk.exchange.set_index("BTC", float("nan"))
