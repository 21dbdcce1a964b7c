"""A node's turn: what an alert sets off goes first, a move before whatever can wait, and all of it is done in the end."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from holdfast import tape
from holdfast.action import CancelAll, PlaceOrder
from holdfast.app.node import ROUNDS_MAX, TIMER_DELAY_NS, WAIT_NS, Node
from holdfast.app.rule_files import load_rules
from holdfast.app.warm_up import warm_up
from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.detectors.live_watch import LiveSettings
from holdfast.detectors.own.runaway_orders import RunawaySettings
from holdfast.engine import State
from holdfast.error import BrokenInvariant
from holdfast.event import Alert, AlertCleared, Decided, LevelMoved, OrderReported, Scope
from holdfast.instrument import Instruments, listed
from holdfast.lab.universe.desk import ACCOUNT, new_node
from holdfast.lab.world.listings import DERIBIT
from holdfast.lab.world.world import World
from holdfast.ledger.record import Record
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.receipt import Attempted, Intended, PermitMoved, PlaybookEnded, StepEntered
from holdfast.response.dispatch import Send
from holdfast.response.playbook.turning import Due
from holdfast.tape import RowBuffer, Rows

START_NS = 1_790_000_000 * SECOND_NS
LOCKDOWN = "unauthorised_trading_lockdown"
SHOCKED = """
playbook: shocked
title: Shocked
description: Cancels everything where a price jumps.
triggers: [{alert: price_shock, severity: low}]
scope: venue
cooldown: 0s
steps:
  cancel: {act: cancel_all, on_failure: unclean}
  over: {end: done}
  unclean: {end: failed, detail: it could not be cancelled}
"""
PERPETUAL = listed(
    "0.5", "1", venue=DERIBIT, symbol="BTC-PERPETUAL", kind="perpetual", base="BTC", quote="USD", settle="BTC",
    inverse=True,
)  # fmt: skip
QUICK = LiveSettings(runaway_orders=RunawaySettings(orders_per_s_min=0.01, orders_per_s_max=0.05))
ORDER = OrderReported(
    time_ns=START_NS, venue=DERIBIT, account=ACCOUNT, instrument="BTC-PERPETUAL", order_id="r-1", client_id="",
    side="buy", state="open", quantity=Decimal(10), filled=Decimal(0), price=Decimal(50_000),
)  # fmt: skip
MOVE = PlaceOrder(
    venue=DERIBIT, account=ACCOUNT, instrument="BTC-PERPETUAL", side="sell", quantity=Decimal(10),
    limit_price=Decimal(50_000),
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm_up()


def started(**arm: str) -> Node:
    """Return a node at rest, with everything written that its start wrote."""
    node = new_node(World(1, START_NS, participants=[]), "node", arm, detectors=QUICK)  # type: ignore[arg-type]
    node.start(START_NS)
    settle(node, START_NS)
    node.on_written(START_NS, len(node.unwritten))
    return node


def alarm(node: Node, now_ns: int = START_NS) -> list[Record]:
    """Let an order be reported that is nobody's; return what stands to be written at the end of that turn."""
    node.clients[0].events.append(ORDER)
    node.on_wake(now_ns)
    return list(node.unwritten)


def settle(node: Node, now_ns: int) -> None:
    """Let the node go on until nothing is left that could be done now."""
    for _ in range(ROUNDS_MAX):
        if node.wake_ns > now_ns:
            return
        node.on_wake(now_ns)
    raise AssertionError("it does not come to rest")


def of(kind: type, records: list[Record]) -> Iterator[Record]:
    return (record for record in records if isinstance(record, kind))


def alerts(records: list[Record]) -> set[str]:
    return {one.detector for one in of(Alert, records)}  # type: ignore[union-attr]


def ended(records: list[Record]) -> set[str]:
    return {one.outcome for one in of(PlaybookEnded, records)}  # type: ignore[union-attr]


def move(node: Node, now_ns: int) -> None:
    """Have a move intended and attempted, as a playbook would."""
    node.memory.write_all(node.parts.outbox.submit(now_ns, "test/sell/0", MOVE, "a test"))


def moves(node: Node) -> list[Send]:
    """Return the moves that may leave now."""
    return [
        one for one in node.parts.outbox.take_dispatches() if isinstance(one, Send) and one.action == MOVE
    ]


def test_a_brake_leaves_before_other_detectors_hear_of_the_order_and_before_observers_go_on() -> None:
    node = started(**{LOCKDOWN: "act"})
    departures: list[list[Record]] = []
    node.depart = lambda: departures.append(list(node.unwritten))
    alarm(node)
    (first,) = departures
    brakes = [one.action for one in of(Intended, first)]  # type: ignore[union-attr]
    assert CancelAll(DERIBIT, ACCOUNT) in brakes
    assert list(of(Attempted, first)) != []
    assert (alerts(first), ended(first)) == ({"unauthorised_order"}, set())
    assert {one.run.rpartition("-")[0] for one in of(StepEntered, first)} == {LOCKDOWN}  # type: ignore[union-attr]
    settle(node, START_NS)
    whole = list(node.unwritten)
    assert alerts(whole) >= {"unauthorised_order", "runaway_orders"}
    assert "observed" in ended(whole)
    assert whole[: len(first)] == first


def test_what_waits_goes_on_at_once_when_no_move_is_under_way() -> None:
    node = started()
    alarm(node)
    assert node.wake_ns == START_NS
    settle(node, START_NS)
    assert "observed" in ended(list(node.unwritten))


def test_while_a_move_is_being_written_only_what_is_urgent_is_done_and_the_move_leaves_first() -> None:
    node = started()
    move(node, START_NS)
    known = len(alarm(node))
    assert node.wake_ns == START_NS + WAIT_NS
    node.on_wake(START_NS + MILLISECOND_NS)
    assert ended(list(node.unwritten)) == set()
    sent: list[int] = []
    node.parts.outbox.take_dispatches = _watched(node, sent)  # type: ignore[method-assign]
    node.on_written(START_NS + MILLISECOND_NS, known)
    assert sent[0] == 0, "observers went on before the move left"
    settle(node, START_NS + MILLISECOND_NS)
    assert "observed" in ended(list(node.unwritten))


def _watched(node: Node, sent: list[int]) -> object:
    take = node.parts.outbox.take_dispatches

    def watched() -> object:
        taken = take()
        if any(isinstance(one, Send) and one.action == MOVE for one in taken):
            sent.append(len(ended(list(node.unwritten))))
        return taken

    return watched


def test_a_brake_leaves_before_the_rules_judge_what_the_market_did_and_the_fold_says_the_same(
    tmp_path: Path,
) -> None:
    (tmp_path / "shocked.yml").write_text(SHOCKED)
    world = World(1, START_NS, participants=[])
    node = new_node(world, "node", {"shocked": "act"}, playbooks=tmp_path)
    node.parts.state.instruments.add(PERPETUAL)
    node.start(START_NS)
    departures: list[list[Record]] = []
    node.depart = lambda: departures.append(list(node.unwritten))
    for at_ns, price in falling():
        trade(node.clients[0].feed.rows, at_ns, price)
        node.on_wake(at_ns)
        settle(node, at_ns)
    braked = next(one for one in departures if any(of(Attempted, one)))
    assert alerts(braked) == {"price_shock"}
    whole = market_events(list(node.unwritten))
    (at,) = [n for n, one in enumerate(whole) if isinstance(one, Alert) and one.detector == "price_shock"][:1]
    assert market_events(braked) == whole[: at + 1], "the rules had judged already"
    assert len(whole) > at + 1
    assert whole == plain_fold()


def trade(rows: RowBuffer, at_ns: int, price: float) -> None:
    rows.append(tape.TRADE, 0, at_ns, at_ns, price=round(price * 2), size=1, side=1, flags=tape.LAST)


def falling() -> Iterator[tuple[int, float]]:
    """A price that rests for five seconds and a half, and then lies 5 % lower."""
    for step in range(70):
        yield START_NS + step * 100 * MILLISECOND_NS + MILLISECOND_NS, 60_000.0 if step < 55 else 57_000.0


def market_events(records: list[Any]) -> list[Any]:
    """What the fold said of the market, and policy of that."""
    return [one for one in records if isinstance(one, Alert | AlertCleared | Decided | LevelMoved)]


def plain_fold() -> list[Any]:
    """What the same rows make of a state that nobody drives."""
    instruments = Instruments()
    instruments.add(PERPETUAL)
    state = State(instruments, Desk(load_rules(None).fresh(), Escalation()))
    said: list[Any] = []
    for at_ns, price in falling():
        rows = RowBuffer(4)
        trade(rows, at_ns, price)
        said += state.step(rows.take())
    return market_events(said)


def test_rows_of_several_venues_go_into_the_fold_in_the_order_in_which_they_came_and_the_seconds_end_after_them() -> (
    None
):
    node = started()
    kept: list[Rows] = []
    node.folding.keep = kept.append
    node.parts.state.instruments.add(PERPETUAL)
    end_ns = START_NS + SECOND_NS + TIMER_DELAY_NS
    trade(node.clients[1].feed.rows, START_NS + 1, 60_000.0)
    trade(node.clients[0].feed.rows, START_NS + 2, 60_001.0)
    trade(node.clients[1].feed.rows, START_NS + 3, 60_002.0)
    node.on_wake(end_ns)
    folded = [row for rows in kept for row in rows[["received_ns", "kind"]].tolist()]
    assert folded == [(START_NS + n, tape.TRADE) for n in (1, 2, 3)] + [(end_ns, tape.TIMER)]


def test_a_journal_that_does_not_answer_holds_up_moves_but_nothing_else() -> None:
    node = started(**{LOCKDOWN: "act"})
    move(node, START_NS)
    first = alarm(node)
    assert CancelAll(DERIBIT, ACCOUNT) in [one.action for one in of(Intended, first)]  # type: ignore[union-attr]
    settle(node, START_NS + WAIT_NS)
    assert "observed" in ended(list(node.unwritten))
    assert moves(node) == []


def test_a_node_that_never_comes_to_rest_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    node = started()

    def advance(*_: object, **__: object) -> Due:
        return Due(receipts=[PermitMoved(START_NS, Scope(), "open", "a test")])

    monkeypatch.setattr(node.parts.runner, "advance", advance)
    node.memory.has_moved = True
    with pytest.raises(BrokenInvariant, match=r"node\.restless"):
        wake_often(node)


def wake_often(node: Node) -> None:
    for _ in range(ROUNDS_MAX + 1):
        node.on_wake(START_NS)
