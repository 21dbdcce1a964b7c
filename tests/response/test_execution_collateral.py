"""Collateral and evacuation: one transfer from the richest to the neediest, and a scope left in order."""

from decimal import Decimal

import pytest

from holdfast.action import CancelAll, PlaceOrder, Transfer
from holdfast.event import BalanceReported, Scope
from holdfast.response.verb import Evacuate, MoveCollateral
from tests.response.desk_double import LINEAR, Desk, Step

BINANCE = Scope("binance")


def purse(desk: Desk, account: str, equity: str, margin: str | None, available: str | None = None) -> None:
    if ("binance", account) not in desk.view.known_accounts:
        desk.view.known_accounts.append(("binance", account))
    desk.view.balances[("binance", account, "USDT")] = BalanceReported(
        time_ns=desk.view.now_ns,
        venue="binance",
        account=account,
        asset="USDT",
        amount=Decimal(equity),
        equity=Decimal(equity),
        available=Decimal(available or equity),
        maintenance_margin=None if margin is None else Decimal(margin),
    )


def move(**arguments: object) -> MoveCollateral:
    return MoveCollateral(asset="USDT", amount_max=Decimal(10_000), **arguments)  # type: ignore[arg-type]


def test_the_neediest_is_served_by_the_richest_up_to_its_target() -> None:
    desk = Desk(LINEAR)
    purse(desk, "main", "1000", "900")  # lacks 800 to a ratio of 2
    purse(desk, "small", "500", "400")  # lacks 300
    purse(desk, "rich", "50000", "100")
    purse(desk, "less", "9000", "100")
    step = Step(desk, move())
    step.advance()
    wanted = Transfer(
        venue="binance", from_account="rich", to_account="main", asset="USDT", amount=Decimal(800)
    )
    assert [action for _, action in desk.sent] == [wanted]
    desk.settle("run-1/step/0")
    ended = step.advance().ended
    assert ended is not None
    assert ended.outcome == "done"
    assert len(desk.sent) == 1


@pytest.mark.parametrize(
    ("arguments", "available", "amount"),
    [
        ({}, "20000", "10000"),
        ({"keep_min": Decimal(15_000)}, "20000", "5000"),
        ({}, "700.123456789", "700.12345678"),
    ],
)
def test_no_more_is_moved_than_the_limits_and_what_is_free(
    arguments: dict[str, object], available: str, amount: str
) -> None:
    desk = Desk(LINEAR)
    purse(desk, "main", "1000", "90000")
    purse(desk, "rich", "500000", "100", available)
    Step(desk, move(**arguments)).advance()
    assert desk.sent[0][1].amount == Decimal(amount)  # type: ignore[union-attr]


def test_a_giver_is_not_made_needy() -> None:
    desk = Desk(LINEAR)
    purse(desk, "main", "1000", "900")
    purse(desk, "rich", "5000", "2400")
    Step(desk, move()).advance()
    assert desk.sent[0][1].amount == Decimal(200)  # type: ignore[union-attr]
    poor = Desk(LINEAR)
    purse(poor, "main", "1000", "900")
    purse(poor, "rich", "5000", "2500")
    ended = Step(poor, move()).advance().ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert "none has it to spare" in ended.detail


def test_without_need_nothing_moves_and_an_unknown_margin_is_neither_need_nor_wealth() -> None:
    desk = Desk(LINEAR)
    purse(desk, "main", "1000", "100")
    purse(desk, "rich", "5000", "100")
    ended = Step(desk, move()).advance().ended
    assert ended is not None
    assert (ended.outcome, ended.detail) == ("done", "no account is in need")
    dark = Desk(LINEAR)
    purse(dark, "main", "1000", "900")
    purse(dark, "rich", "5000", None)
    ended = Step(dark, move()).advance().ended
    assert ended is not None
    assert ended.outcome == "failed"


def test_the_amount_of_the_plan_is_kept_over_a_restart() -> None:
    desk = Desk(LINEAR)
    purse(desk, "main", "1000", "900")
    purse(desk, "rich", "50000", "100")
    step = Step(desk, move())
    purse(desk, "main", "100", "900")
    assert step.advance().wanted[0].action.amount == Decimal(800)  # type: ignore[union-attr]


def test_a_transfer_that_was_refused_is_tried_a_few_times_and_one_of_unknown_fate_never() -> None:
    desk = Desk(LINEAR)
    purse(desk, "main", "1000", "900")
    purse(desk, "rich", "50000", "100")
    step = Step(desk, move())

    def refuse() -> None:
        for key in desk.open_keys():
            desk.settle(key, "refused", "frozen")

    ended = step.run_out(refuse).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert len(desk.sent) == 3
    lost = Desk(LINEAR)
    purse(lost, "main", "1000", "900")
    purse(lost, "rich", "50000", "100")
    waiting = Step(lost, move())
    for _ in range(5):
        waiting.advance()
        lost.wait(60)
    assert len(lost.sent) == 1
    lost.settle("run-1/step/0", "abandoned")
    ended = waiting.advance().ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert len(lost.sent) == 1


def evacuation(**arguments: object) -> tuple[Desk, Step]:
    desk = Desk(LINEAR)
    desk.quote(LINEAR, 100_000.0)
    desk.hold(LINEAR, "2")
    purse(desk, "main", "5000", "100")
    verb = Evacuate(to_account="cold", assets=("USDT",), slice_usd_max=1e7, **arguments)  # type: ignore[arg-type]
    return desk, Step(desk, verb, BINANCE)


def test_an_evacuation_stops_cancels_closes_and_then_moves_out() -> None:
    desk, step = evacuation(keep_min=Decimal(10))
    first = step.advance()
    assert [move.permit for move in first.permits] == ["paused"]
    ended = step.run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "done"
    kinds = [type(action) for _, action in desk.sent]
    assert kinds == [CancelAll, PlaceOrder, Transfer]
    assert desk.sent[2][1] == Transfer(
        venue="binance", from_account="main", to_account="cold", asset="USDT", amount=Decimal(4_990)
    )
    assert [permit.permit for permit in desk.permits] == ["paused"]


def test_collateral_stays_where_a_position_could_not_be_closed() -> None:
    desk, step = evacuation(patience_s=10.0)
    step.advance()
    desk.fill_all()
    desk.view.books.clear()
    ended = step.run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert not any(isinstance(action, Transfer) for _, action in desk.sent)


def test_an_order_of_its_own_in_the_book_does_not_send_an_evacuation_back_to_cancelling() -> None:
    desk, step = evacuation()
    step.advance()
    desk.fill_all()
    step.advance()
    desk.view.orders[("binance", "main", "BTCUSDT")] = 1  # the slice, as the venue lists it
    desk.wait(120)
    step.advance()
    assert [type(action) for _, action in desk.sent] == [CancelAll, PlaceOrder]


def test_an_evacuation_without_a_refuge_ends_flat() -> None:
    desk = Desk(LINEAR)
    desk.quote(LINEAR, 100_000.0)
    desk.hold(LINEAR, "2")
    ended = Step(desk, Evacuate(), BINANCE).run_out(desk.fill_all).ended
    assert ended is not None
    assert ended.outcome == "done"
    assert desk.real[("binance", "main", "BTCUSDT")] == 0


def test_with_nothing_free_there_is_nothing_to_move() -> None:
    desk, step = evacuation(keep_min=Decimal(6_000))
    ended = step.run_out(desk.fill_all).ended
    assert ended is not None
    assert (ended.outcome, ended.detail) == ("done", "nothing was left to move")
