"""A node's turn: what an alert sets off goes first, a move before whatever can wait, and all of it is done in the end."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from holdfast.action import CancelAll, PlaceOrder
from holdfast.app.node import ROUNDS_MAX, WAIT_NS, Node
from holdfast.app.warm_up import warm_up
from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.detectors.live_watch import LiveSettings
from holdfast.detectors.own.runaway_orders import RunawaySettings
from holdfast.error import BrokenInvariant
from holdfast.event import Alert, OrderReported, Scope
from holdfast.lab.universe.desk import ACCOUNT, new_node
from holdfast.lab.world.listings import DERIBIT
from holdfast.lab.world.world import World
from holdfast.ledger.record import Record
from holdfast.receipt import Attempted, Intended, PermitMoved, PlaybookEnded, StepEntered
from holdfast.response.dispatch import Send
from holdfast.response.playbook.turning import Due

START_NS = 1_790_000_000 * SECOND_NS
LOCKDOWN = "unauthorised_trading_lockdown"
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
