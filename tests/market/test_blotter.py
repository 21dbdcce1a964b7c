"""The blotter: what is known of the desk's own orders and positions, whatever comes twice, late, or not at all."""

from decimal import Decimal
from typing import Any

import pytest

from holdfast.clock import SECOND_NS
from holdfast.error import CallerError
from holdfast.event import (
    AccountEvent,
    BalanceReported,
    EffectAnswered,
    Filled,
    LineMoved,
    OrderAbsent,
    OrderReported,
    OrdersListed,
    PositionReported,
    PositionsListed,
    Scope,
)
from holdfast.market import account as account_module
from holdfast.market.blotter import Blotter
from holdfast.market.difference import Difference, GhostOrder, MissingOrder, PositionDiffers
from holdfast.market.owner import Owners
from holdfast.order import NewOrder

VENUE, ACCOUNT, BTC = "deribit", "main", "BTC-PERPETUAL"
AT = {"venue": VENUE, "account": ACCOUNT}
S = SECOND_NS


def made() -> Blotter:
    return Blotter(Owners("hf-", {"maker": "mm-", "taker": ("tk-", "tx-")}))


def order(second: float, order_id: str = "1", **terms: Any) -> OrderReported:
    known = {
        "client_id": "mm-1", "instrument": BTC, "side": "buy", "quantity": Decimal(10), "filled": Decimal(0),
        "state": "open", "price": Decimal(100),
    } | AT | terms  # fmt: skip
    return OrderReported(time_ns=int(second * S), order_id=order_id, **known)


def fill(second: float, quantity: int, trade_id: str = "t1", order_id: str = "1", **terms: Any) -> Filled:
    known = {"client_id": "mm-1", "instrument": BTC, "side": "buy", "price": Decimal(100)} | AT | terms
    return Filled(
        time_ns=int(second * S), trade_id=trade_id, order_id=order_id, quantity=Decimal(quantity), **known
    )


def position(second: float, quantity: int) -> PositionReported:
    return PositionReported(time_ns=int(second * S), instrument=BTC, quantity=Decimal(quantity), **AT)


def positions(asked: float, answered: float, *quantities: int) -> PositionsListed:
    told = tuple(position(answered, quantity) for quantity in quantities)
    return PositionsListed(time_ns=int(answered * S), asked_ns=int(asked * S), positions=told, **AT)


def orders(asked: float, answered: float, *listed: OrderReported) -> OrdersListed:
    return OrdersListed(time_ns=int(answered * S), asked_ns=int(asked * S), orders=listed, **AT)


def folded(blotter: Blotter, *events: AccountEvent) -> list[Difference]:
    return [difference for event in events for difference in blotter.fold(event)]


def known(blotter: Blotter) -> tuple[Decimal, tuple[Decimal, Decimal]]:
    return blotter.position(VENUE, ACCOUNT, BTC), blotter.exposure(VENUE, ACCOUNT, BTC)


def expect(blotter: Blotter, second: float = 1, quantity: int = 10, **terms: Any) -> None:
    new = NewOrder(
        instrument=BTC, side="buy", quantity=Decimal(quantity), client_id="hf-1", price=Decimal(100), **terms
    )
    blotter.expect(
        int(second * S), VENUE, ACCOUNT, new, key="run/step/0", valid_until_ns=int((second + 3) * S)
    )


def test_an_order_counts_before_it_is_sent_and_after_the_venue_told_of_it_only_once() -> None:
    blotter = made()
    expect(blotter)
    assert known(blotter) == (Decimal(0), (Decimal(0), Decimal(10)))
    assert blotter.pending(VENUE, ACCOUNT, BTC) == Decimal(10)
    folded(blotter, order(2, client_id="hf-1"))
    assert known(blotter) == (Decimal(0), (Decimal(0), Decimal(10)))
    assert blotter.pending(VENUE, ACCOUNT, BTC) == Decimal(0)
    expect(blotter)  # the same key again, from a journal that is read twice
    assert known(blotter) == (Decimal(0), (Decimal(0), Decimal(10)))


@pytest.mark.parametrize("outcome", ["refused", "expired", "unsent"])
def test_an_order_that_was_surely_not_done_counts_no_more(outcome: Any) -> None:
    blotter = made()
    expect(blotter)
    folded(blotter, EffectAnswered(time_ns=2 * S, key="run/step/0", outcome=outcome, **AT))
    assert known(blotter) == (Decimal(0), (Decimal(0), Decimal(0)))


@pytest.mark.parametrize("outcome", ["unknown", "accepted"])
def test_an_order_of_which_only_that_is_known_goes_on_counting(outcome: Any) -> None:
    blotter = made()
    expect(blotter)
    folded(blotter, EffectAnswered(time_ns=2 * S, key="run/step/0", outcome=outcome, **AT))
    assert known(blotter) == (Decimal(0), (Decimal(0), Decimal(10)))


def test_an_absent_order_counts_until_it_can_arrive_no_more() -> None:
    blotter = made()
    expect(blotter, second=1)
    folded(blotter, OrderAbsent(time_ns=3 * S, instrument=BTC, client_id="hf-1", **AT))
    assert known(blotter)[1] == (Decimal(0), Decimal(10))
    folded(blotter, OrderAbsent(time_ns=5 * S, instrument=BTC, client_id="hf-1", **AT))
    assert known(blotter)[1] == (Decimal(0), Decimal(0))


def test_an_order_never_goes_back_from_final() -> None:
    blotter = made()
    folded(blotter, order(1), order(3, state="cancelled"), order(2), order(4), order(1))
    assert blotter.open_orders() == []
    assert known(blotter)[1] == (Decimal(0), Decimal(0))


def test_what_is_told_of_an_order_after_its_end_changes_how_much_was_filled_and_nothing_else() -> None:
    blotter = made()
    folded(blotter, order(1), order(3, state="cancelled", filled=Decimal(2)))
    folded(blotter, order(4, quantity=Decimal(99)), order(5, state="rejected"), order(2, filled=Decimal(1)))
    ended = blotter.order(VENUE, ACCOUNT, "1")
    assert ended is not None
    assert (ended.standing, ended.quantity, ended.filled) == ("cancelled", Decimal(10), Decimal(2))
    folded(blotter, order(6, state="cancelled", filled=Decimal(3)))
    assert (ended.filled, known(blotter)[1]) == (Decimal(3), (Decimal(0), Decimal(3)))


def test_a_fill_counts_once_and_both_sides_of_a_trade_with_ourselves_count() -> None:
    blotter = made()
    folded(blotter, order(1), order(1, "2", side="sell", client_id="tk-1"))
    folded(blotter, fill(2, 4), fill(2, 4), fill(3, 4))
    assert known(blotter) == (Decimal(4), (Decimal(4 - 10), Decimal(10)))
    folded(blotter, fill(4, 3, "t1", "2", side="sell"))
    assert known(blotter)[0] == Decimal(1)


def test_a_fill_before_the_report_of_its_order_is_the_order_that_was_expected() -> None:
    blotter = made()
    expect(blotter)
    folded(blotter, fill(2, 10, client_id="hf-1"), order(3, client_id="hf-1", filled=Decimal(4)))
    assert known(blotter) == (Decimal(10), (Decimal(10), Decimal(10)))
    assert blotter.open_orders() == []


def test_a_fill_that_is_told_by_the_order_alone_is_exposure_until_the_position_is_stated() -> None:
    blotter = made()
    folded(blotter, positions(1, 1), order(2, state="cancelled", filled=Decimal(4)))
    assert known(blotter) == (Decimal(0), (Decimal(0), Decimal(4)))
    folded(blotter, positions(10, 11, 4))
    assert known(blotter) == (Decimal(4), (Decimal(4), Decimal(4)))
    folded(blotter, fill(60, 4))  # late, and surely in the statement: the order had ended before it
    assert known(blotter) == (Decimal(4), (Decimal(4), Decimal(4)))


def test_a_statement_wins_over_fills_but_does_not_undo_what_came_after_it_was_asked() -> None:
    blotter = made()
    folded(blotter, positions(1, 1, 5), order(2), fill(20, 4))
    assert known(blotter)[0] == Decimal(9)
    assert folded(blotter, positions(19, 21, 5)) == []  # made before the fill
    assert known(blotter)[0] == Decimal(9)
    assert folded(blotter, positions(19.5, 22, 9)) == []  # made after it
    assert known(blotter)[0] == Decimal(9)
    (told,) = folded(blotter, positions(40, 41, 2))
    assert isinstance(told, PositionDiffers)
    assert (told.stated, told.differs_by) == (Decimal(2), Decimal(-7))
    assert "-7" in str(told)
    assert known(blotter)[0] == Decimal(2)


def test_where_two_readings_are_possible_both_lie_within_the_exposure() -> None:
    for side, sign in (("buy", 1), ("sell", -1)):
        blotter = made()
        done = {"side": side, "quantity": Decimal(4), "client_id": "mm-1"}
        folded(blotter, positions(1, 1, 50), order(2, **done), fill(20, 4, side=side))
        folded(blotter, positions(19, 21, 50))  # with the fill, or without it
        both = sorted((50 + sign * 4, 50))
        assert known(blotter) == (Decimal(50 + sign * 4), (Decimal(both[0]), Decimal(both[1])))
        folded(blotter, positions(30, 31, 50 + sign * 4))
        assert known(blotter)[1] == (Decimal(50 + sign * 4), Decimal(50 + sign * 4))


def test_what_was_pushed_may_be_older_than_an_answer_that_overtook_it() -> None:
    blotter = made()
    folded(blotter, positions(1, 1, 5), positions(20, 21, 9), position(22, 5))
    assert known(blotter)[0] == Decimal(9)
    folded(blotter, position(40, 7))
    assert known(blotter)[0] == Decimal(7)


def test_what_was_pushed_may_be_older_than_the_end_of_an_order_that_a_list_told() -> None:
    blotter = made()
    folded(blotter, positions(1, 1), orders(1, 1), order(2), orders(20, 21))
    folded(blotter, position(22, 0))  # on its way since before the order was filled
    assert known(blotter)[1] == (Decimal(0), Decimal(10))
    folded(blotter, fill(23, 10))
    assert known(blotter)[0] == Decimal(10)
    folded(blotter, position(40, 10))
    assert known(blotter) == (Decimal(10), (Decimal(10), Decimal(10)))


def test_an_older_statement_that_comes_later_changes_nothing() -> None:
    blotter = made()
    folded(blotter, positions(10, 11, 5), positions(3, 12, 1), position(9, 7))
    assert known(blotter)[0] == Decimal(5)


def test_a_fill_that_comes_just_after_a_statement_that_holds_it_does_not_count_twice() -> None:
    blotter = made()
    folded(blotter, position(1, 0), order(10), position(20, 4), fill(20.01, 4))
    assert known(blotter)[0] == Decimal(4)
    folded(blotter, position(20.5, 4))
    assert blotter.holding(VENUE, ACCOUNT, BTC).doubt_high == Decimal(0)
    assert blotter.drift(VENUE, ACCOUNT, BTC) == Decimal(0)


def test_a_position_that_is_not_listed_is_flat() -> None:
    blotter = made()
    folded(blotter, positions(1, 1, 5))
    (told,) = folded(blotter, positions(20, 21))
    assert (known(blotter)[0], told.differs_by) == (Decimal(0), Decimal(-5))


def test_what_no_fill_explains_is_drift_until_somebody_has_looked() -> None:
    blotter = made()
    folded(blotter, positions(1, 1, 5), order(2), fill(20, 4), positions(40, 41, 20))
    assert blotter.drift(VENUE, ACCOUNT, BTC) == Decimal(11)
    blotter.adopt(VENUE, ACCOUNT)
    assert blotter.drift(VENUE, ACCOUNT, BTC) == Decimal(0)


def test_the_first_list_tells_what_there_is_and_later_ones_what_differs() -> None:
    blotter = made()
    assert folded(blotter, orders(1, 2, order(2, "1"))) == []
    ghost, missing = sorted(
        folded(blotter, orders(10, 11, order(11, "9"))), key=lambda one: type(one).__name__
    )
    assert isinstance(ghost, GhostOrder)
    assert isinstance(missing, MissingOrder)
    assert (ghost.order_id, missing.order_id, missing.outstanding) == ("9", "1", Decimal(10))
    assert "9" in str(ghost)
    assert "up to 10" in str(missing)
    assert known(blotter)[1] == (Decimal(0), Decimal(20))  # the missing one may have been filled
    folded(blotter, positions(12, 13))
    assert known(blotter)[1] == (Decimal(0), Decimal(10))


def test_an_order_that_was_told_or_sent_after_the_list_was_asked_for_is_not_missing() -> None:
    blotter = made()
    folded(blotter, orders(1, 1))
    expect(blotter, second=11)
    assert folded(blotter, order(10.5), orders(10, 12)) == []
    assert known(blotter)[1] == (Decimal(0), Decimal(20))


def test_a_list_that_was_asked_for_after_the_end_of_an_order_and_holds_it_makes_it_count_again() -> None:
    blotter = made()
    folded(blotter, orders(1, 1), order(2), orders(10, 11), positions(12, 13))
    assert known(blotter)[1] == (Decimal(0), Decimal(0))
    (ghost,) = folded(blotter, orders(20, 21, order(21)))
    assert isinstance(ghost, GhostOrder)
    assert known(blotter)[1] == (Decimal(0), Decimal(10))


def test_orders_that_only_reduce_take_the_position_to_zero_at_most() -> None:
    blotter = made()
    folded(blotter, positions(1, 1, 5))
    folded(
        blotter, order(2, "1", side="sell", reduce_only=True), order(2, "2", side="sell", quantity=Decimal(3))
    )
    assert known(blotter)[1] == (Decimal(-3), Decimal(5))
    folded(blotter, positions(20, 21))
    assert known(blotter)[1] == (Decimal(-3), Decimal(0))


def test_a_rejected_order_without_an_id_ends_the_expected_one() -> None:
    blotter = made()
    expect(blotter)
    folded(blotter, order(2, "", client_id="hf-1", state="rejected"))
    assert known(blotter)[1] == (Decimal(0), Decimal(0))


def test_orders_beyond_the_cap_count_until_lists_have_cleared_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "ORDERS_OPEN_MAX", 3)
    blotter = made()
    folded(blotter, positions(1, 1), *(order(2, str(number)) for number in range(5)))
    assert len(blotter.open_orders()) == 3
    assert known(blotter)[1] == (Decimal(0), Decimal(50))
    folded(blotter, orders(10, 11), positions(12, 13))
    assert known(blotter)[1] == (Decimal(0), Decimal(0))


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_module, "ORDERS_ENDED_MAX", 8)
    monkeypatch.setattr(account_module, "TRADES_MAX", 8)
    monkeypatch.setattr(account_module, "INSTRUMENTS_MAX", 8)
    blotter = made()
    for number in range(50):
        name = f"I{number}"
        folded(
            blotter,
            order(number, str(number), instrument=name),
            fill(number, 10, str(number), str(number), instrument=name),
            positions(number + 0.5, number + 0.6),
        )
    account = blotter.accounts[VENUE, ACCOUNT]
    assert len(account.ended) == 8
    assert len(account._trades) == 8
    assert len(account.holdings) == 8
    assert not account.live


def test_balances_lines_and_scopes_are_kept() -> None:
    blotter = made()
    folded(
        blotter,
        BalanceReported(time_ns=2, asset="BTC", amount=Decimal(3), **AT),
        BalanceReported(time_ns=1, asset="BTC", amount=Decimal(9), **AT),
        LineMoved(time_ns=1, line="private", up=True, **AT),
        positions(1, 1, 5),
        order(2),
    )
    balance = blotter.balance(VENUE, ACCOUNT, "BTC")
    assert balance is not None
    assert balance.amount == Decimal(3)
    assert blotter.is_up(VENUE, ACCOUNT)
    assert not blotter.is_up(VENUE, "other")
    assert blotter.held(Scope(VENUE)) == [(VENUE, ACCOUNT, BTC)]
    assert blotter.held(Scope("okx")) == []
    assert blotter.accounts_of() == [(VENUE, ACCOUNT)]
    assert [one.order_id for one in blotter.open_orders(Scope(VENUE, BTC))] == ["1"]
    assert blotter.open_orders(Scope(VENUE, "ETH-PERPETUAL")) == []


def test_whose_order_it_is_is_told_by_the_prefix() -> None:
    owners = made().owners
    assert [owners.owner_of(name) for name in ("hf-a", "mm-7", "tx-1", "zz", "")] == [
        *("guard", "maker", "taker", "", "")
    ]
    for strategies in ({"a": ""}, {"a": "hf-x"}, {"a": "m", "b": "mm"}):
        with pytest.raises(CallerError, match="prefix"):
            Owners("hf-", strategies)
