"""A small world around the outbox: nodes that crash, stop and are taken over, a wire that loses, repeats and delays, and a
venue that counts what it did. Time moves only when told.

True time is `now_ns`. Each node has a clock of its own, wrong by `skew_ns` against true time, and evenly so: a
clock that was stepped between two nodes. Clients turn a validity into the venue's clock with an
error below the outbox's margin.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from holdfast.action import Action, CancelAll, PlaceOrder, Tell, Transfer
from holdfast.error import OutsideError
from holdfast.event import (
    AccountEvent,
    BalanceReported,
    EffectAnswered,
    Filled,
    OrderAbsent,
    OrderReported,
    OrdersListed,
)
from holdfast.ledger import record
from holdfast.ledger.journal.base import Fenced
from holdfast.ledger.journal.memory import MemoryJournal
from holdfast.receipt import Attempted, Intended, Settled
from holdfast.response.dispatch import Ask, AskBalances, Dispatch, Send
from holdfast.response.outbox import Outbox

SECOND = 1_000_000_000
VENUE, ACCOUNT, VAULT, INSTRUMENT = "deribit", "main", "vault", "BTC-PERPETUAL"


def order(quantity: int = 4, *, rests: bool = False, side: str = "sell") -> PlaceOrder:
    """Return an order."""
    return PlaceOrder(
        venue=VENUE,
        account=ACCOUNT,
        instrument=INSTRUMENT,
        side=side,  # type: ignore[arg-type]
        quantity=Decimal(quantity),
        limit_price=Decimal(50_000),
        rests=rests,
    )


def transfer(amount: int = 1) -> Transfer:
    """Return a transfer from the vault to the account."""
    return Transfer(venue=VENUE, from_account=VAULT, to_account=ACCOUNT, asset="BTC", amount=Decimal(amount))


def cancel_all() -> CancelAll:
    """Return a brake."""
    return CancelAll(VENUE, ACCOUNT)


def tell() -> Tell:
    """Return a word."""
    return Tell("storm", "it has begun")


class Message(msgspec.Struct, kw_only=True):
    """Something on the wire: to the venue from a node, or back to it."""

    node: "Node"
    dispatch: Dispatch | None = None
    sent_ns: int = 0
    answer: Callable[[int], AccountEvent] | None = None


class Venue:
    """What happened, counted: by client id or effect. It enforces validity, as real ones do."""

    def __init__(self) -> None:
        self.executions: dict[str, int] = {}
        self.filled: dict[str, Decimal] = {}
        self.orders: dict[str, OrderReported] = {}
        self.brakes = 0
        self.words = 0
        self.balances = {VAULT: Decimal(10), ACCOUNT: Decimal(10)}

    def count(self, name: str) -> None:
        """Count one execution."""
        self.executions[name] = self.executions.get(name, 0) + 1


class Node:
    """One process around an outbox: it folds, writes, and only then sends."""

    def __init__(self, world: "World", skew_ns: int) -> None:
        self.world = world
        self.skew_ns = skew_ns
        self.alive = True
        self.queue: list[Any] = []
        self.writing: list[Any] = []
        self.outbox: Outbox = world.make_outbox()
        self.outgoing: list[Dispatch] = []
        self.epoch = world.journal.take_over("node", self.now_ns)
        for _, data in world.journal.read():
            self.outbox.fold(record.decode(data))  # type: ignore[arg-type]
        self.wake()

    @property
    def now_ns(self) -> int:
        """Return the time on this node's clock."""
        return self.world.now_ns + self.skew_ns

    def write(self, records: list[Any]) -> None:
        """Fold new records and queue them for the journal."""
        for each in records:
            self.outbox.fold(each)
            self.queue.append(each)
        self.outgoing += self.outbox.take_dispatches()
        if self.queue and not self.writing:
            self.writing, self.queue = self.queue, []
            self.world.journal.begin(self.epoch, [record.encode(each) for each in self.writing])

    def finish_write(self) -> None:
        """The write under way ends: durable, refused for want of room, or fenced off."""
        if not self.writing:
            return
        try:
            self.world.journal.finish(self.epoch)
        except Fenced:
            self.alive = False
            return
        except OutsideError:
            self.queue = self.writing + self.queue
            self.writing = []
            return
        written, self.writing = self.writing, []
        for each in written:
            self.outbox.on_durable(self.now_ns, each)
        self.wake()

    def submit(self, key: str, action: Action) -> None:
        """Want something done."""
        self.write(self.outbox.submit(self.now_ns, key, action, "because"))

    def hear(self, event: AccountEvent) -> None:
        """Take in what the world says."""
        if self.outbox.concerns(event):
            self.write([event])
        self.write(self.outbox.on_event(self.now_ns, event))

    def wake(self) -> None:
        """Do what is due."""
        self.write(self.outbox.on_wake(self.now_ns))

    def send(self) -> None:
        """Put on the wire what the outbox dispatched."""
        for dispatch in self.outgoing:
            self.world.leave(self, dispatch)
        self.outgoing = []


class World:
    """Everything together. `broken` collects what must never be seen."""

    def __init__(self, make_outbox: Callable[[], Outbox] = Outbox) -> None:
        self.make_outbox = make_outbox
        self.now_ns = 1_000_000 * SECOND
        self.journal = MemoryJournal()
        self.venue = Venue()
        self.wire: list[Message] = []
        self.wanted: dict[str, Action] = {}
        self.clock_error_ns = 0
        self.node: Node | None = None
        self.stopped: list[Node] = []
        self.outcomes: Callable[[], str] = lambda: "fill"
        self._decoded: list[Any] = []
        self.start(0)

    # what the machine does

    def start(self, skew_ns: int) -> None:
        """Start a node; the one before, if it lives, is stopped where it stands. Playbooks want what they wanted."""
        if self.node is not None and self.node.alive:
            self.stopped.append(self.node)
        self.node = None
        if not self.journal.trouble:
            self.node = Node(self, skew_ns)
            for account, amount in self.venue.balances.items():
                self.node.hear(_balance(self.node.now_ns, account, amount))
            for key, action in self.wanted.items():
                self.node.submit(key, action)

    def crash(self, *, kept: bool) -> None:
        """Kill the node. Its write under way reached the disk, or not; what it put on the wire goes on."""
        if self.node is not None:
            self.journal.crash(self.node.epoch, int(kept))
            self.node.alive = False
            self.node = None

    def live(self) -> list[Node]:
        """Return the nodes that run."""
        return [node for node in (self.node,) if node is not None and node.alive]

    def want(self, key: str, action: Action) -> None:
        """Have a playbook want something."""
        self.wanted.setdefault(key, action)
        for node in self.live():
            node.submit(key, self.wanted[key])

    def advance(self, elapsed_ns: int) -> None:
        """Let time pass."""
        self.now_ns += elapsed_ns
        for node in self.live():
            node.wake()

    def leave(self, node: Node, dispatch: Dispatch) -> None:
        """Put a dispatch on the wire. A move whose attempt is not durable breaks the rule."""
        if isinstance(dispatch, Send) and isinstance(dispatch.action, PlaceOrder | Transfer):
            assert any(
                isinstance(each, Attempted) and (each.key, each.attempt) == (dispatch.key, dispatch.attempt)
                for each in self.durable()
            ), f"{dispatch.effect} left before it was durable"
        self.wire.append(Message(node=node, dispatch=dispatch, sent_ns=node.now_ns))

    def deliver(self, at: int, *, keep: bool = False) -> None:
        """Deliver a message; `keep` leaves a copy on the wire (of an answer only: requests ride on TCP)."""
        message = self.wire[at]
        if message.answer is not None:
            if not keep:
                self.wire.pop(at)
            if message.node.alive and message.node is self.node:
                message.node.hear(message.answer(message.node.now_ns))
            return
        self.wire.pop(at)
        assert message.dispatch is not None
        self._arrive(message, message.dispatch)

    def time_out(self, at: int) -> None:
        """The client gives up on an effect whose request or answer is still under way: unknown. It may yet arrive."""
        dispatch, node = self.wire[at].dispatch, self.wire[at].node
        if isinstance(dispatch, Send) and node.alive and node is self.node:
            node.hear(self._answer(dispatch, "unknown")(node.now_ns))

    def lose(self, at: int) -> None:
        """Lose a message. The client notices that an effect was not answered."""
        message = self.wire.pop(at)
        if isinstance(message.dispatch, Send) and message.node.alive and message.node is self.node:
            message.node.hear(self._answer(message.dispatch, "unknown")(message.node.now_ns))

    # what the venue does

    def _arrive(self, message: Message, dispatch: Dispatch) -> None:
        if isinstance(dispatch, Ask):
            self._back(message, self._found(message, dispatch))
        elif isinstance(dispatch, AskBalances):
            amount = self.venue.balances[dispatch.account]
            self._back(message, lambda now_ns: _balance(now_ns, dispatch.account, amount))
        elif isinstance(dispatch.action, Tell):
            self.venue.words += 1
            self._back(message, self._answer(dispatch, "accepted"))
        elif not isinstance(dispatch.action, PlaceOrder | Transfer):
            self.venue.brakes += 1
            self._back(message, self._answer(dispatch, "accepted"))
        else:
            self._do(message, dispatch)

    def _do(self, message: Message, send: Send) -> None:
        valid_until_ns = send.valid_until_ns - message.node.skew_ns + self.clock_error_ns
        if self.now_ns > valid_until_ns:
            self._back(message, self._answer(send, "expired"))
            return
        outcome = self.outcomes()
        if outcome == "refuse":
            self._back(message, self._answer(send, "refused"))
            return
        if isinstance(send.action, Transfer):
            self.venue.count(send.key)
            self.venue.balances[VAULT] -= send.action.amount
            self.venue.balances[ACCOUNT] += send.action.amount
            self._back(message, self._answer(send, "accepted"))
            return
        assert isinstance(send.action, PlaceOrder)
        self.venue.count(send.key)
        quantity = send.action.quantity
        filled = {"fill": quantity, "part": quantity / 2, "none": Decimal(0)}[outcome]
        self.venue.filled[send.key] = filled
        state = "filled" if filled == quantity else "open" if send.action.rests else "cancelled"
        report = OrderReported(
            time_ns=0,
            venue=VENUE,
            account=ACCOUNT,
            instrument=INSTRUMENT,
            order_id=send.client_id,
            client_id=send.client_id,
            side=send.action.side,
            quantity=quantity,
            filled=filled,
            state=state,  # type: ignore[arg-type]
        )
        self.venue.orders[send.client_id] = report
        self._back(message, self._answer(send, "accepted"))
        if filled:
            self._back(message, lambda now_ns: _fill(now_ns, report, filled))
        self._back(message, lambda now_ns: msgspec.structs.replace(report, time_ns=now_ns))

    def _found(self, message: Message, ask: Ask) -> Callable[[int], AccountEvent]:
        report = self.venue.orders.get(ask.client_id)
        if report is not None:
            return lambda now_ns: msgspec.structs.replace(report, time_ns=now_ns)
        return lambda now_ns: OrderAbsent(
            time_ns=now_ns,
            venue=VENUE,
            account=ACCOUNT,
            instrument=INSTRUMENT,
            client_id=ask.client_id,
            asked_ns=message.sent_ns,
        )

    def _answer(self, send: Send, outcome: str) -> Callable[[int], AccountEvent]:
        venue = "" if isinstance(send.action, Tell) else send.action.venue
        return lambda now_ns: EffectAnswered(
            time_ns=now_ns,
            venue=venue,
            account=ACCOUNT,
            key=send.effect,
            outcome=outcome,  # type: ignore[arg-type]
        )

    def _back(self, message: Message, answer: Callable[[int], AccountEvent]) -> None:
        self.wire.append(Message(node=message.node, answer=answer))

    # what must hold

    def durable(self) -> list[Any]:
        """Return the journal's records, decoded."""
        self._decoded += [record.decode(data) for data in self.journal.durable[len(self._decoded) :]]
        return self._decoded

    def check(self) -> None:
        """Assert what must hold at any time: nothing done twice, and no fate told that is not so."""
        for name, times in self.venue.executions.items():
            assert times <= 1, f"{name} was done {times} times"
        for each in self.durable():
            if isinstance(each, Settled) and each.outcome in ("refused", "expired"):
                done = self.venue.executions.get(each.key, 0)
                assert not done, f"{each.key} is settled as {each.outcome}, and was done"

    def heal(self, within_s: int) -> None:
        """Let the world be kind, and assert that everything ends within the bound, as it was."""
        self.journal.trouble = ""
        self.clock_error_ns = 0
        if not self.live():
            self.start(0)
        (node,) = self.live()
        give_up_ns = self.now_ns + within_s * SECOND
        self._settle_all(node, give_up_ns)
        node.hear(self._listed(node.now_ns))
        self._settle_all(node, give_up_ns)
        for key, action in self.wanted.items():
            self._check_fate(node, key, action)

    def _listed(self, now_ns: int) -> OrdersListed:
        """Return what the node's reconciliation is told."""
        orders = tuple(each for each in self.venue.orders.values() if each.state == "open")
        return OrdersListed(time_ns=now_ns, venue=VENUE, account=ACCOUNT, asked_ns=now_ns, orders=orders)

    def _settle_all(self, node: Node, give_up_ns: int) -> None:
        node.write([])
        while node.outbox.open_keys() or node.writing or node.queue or node.outgoing or self.wire:
            assert self.now_ns < give_up_ns, f"still open: {node.outbox.open_keys()}"
            node.finish_write()
            node.send()
            while self.wire:
                self.deliver(0)
            assert node.alive
            self.check()
            self.advance(SECOND // 10)

    def _check_fate(self, node: Node, key: str, action: Action) -> None:
        settled = node.outbox.settled(key)
        assert settled is not None, f"{key} was lost"
        times = self.venue.executions.get(key, 0)
        if isinstance(action, PlaceOrder):
            assert settled.outcome in ("done", "refused", "expired")
            assert times == (settled.outcome == "done"), f"{settled}, and it was done {times} times"
            assert node.outbox.filled(key) == self.venue.filled.get(key, 0)
        elif isinstance(action, Transfer):
            assert settled.outcome == "abandoned" or times == (settled.outcome == "done")
        else:
            assert settled.outcome == "done"
            assert self.venue.words if isinstance(action, Tell) else self.venue.brakes
        assert sum(isinstance(each, Intended) and each.key == key for each in self.durable()) == 1


def _balance(now_ns: int, account: str, amount: Decimal) -> BalanceReported:
    return BalanceReported(time_ns=now_ns, venue=VENUE, account=account, asset="BTC", amount=amount)


def _fill(now_ns: int, report: OrderReported, quantity: Decimal) -> Filled:
    return Filled(
        time_ns=now_ns,
        venue=VENUE,
        account=ACCOUNT,
        instrument=INSTRUMENT,
        trade_id=f"t-{report.order_id}",
        order_id=report.order_id,
        client_id=report.client_id,
        side=report.side,
        price=Decimal(50_000),
        quantity=quantity,
    )
