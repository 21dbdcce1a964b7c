"""A flatten through the real outbox and governor: answers get lost, the process dies anywhere, and nothing is sold twice."""

import random
from collections.abc import Callable
from decimal import Decimal

import pytest

from holdfast.action import PlaceOrder
from holdfast.event import AccountEvent, EffectAnswered, OrderAbsent, OrderReported, PositionReported, Scope
from holdfast.order import sign_of
from holdfast.policy.governor.governor import Governor, judged
from holdfast.policy.governor.limits import DeskLimits, GovernorSettings
from holdfast.policy.governor.verdict import Refused
from holdfast.receipt import Attempted, Intended, NodeStarted, Receipt, Settled
from holdfast.response.dispatch import Ask, Send
from holdfast.response.execution.base import Progress
from holdfast.response.execution.registry import advance, plan
from holdfast.response.outbox import Outbox
from holdfast.response.recollection import Recollection
from holdfast.response.verb import Reduce
from tests.response.desk_double import LINEAR, START, Desk

AT = ("binance", "main", "BTCUSDT")
LOT = Decimal("0.001")
STEP_NS = 250_000_000
LIMITS = GovernorSettings(messages_per_s_max=3)


class Guard:
    """A node in thirty lines: journal, outbox, governor and one step; the venue keeps what really happened."""

    def __init__(
        self,
        chance: Callable[[int], int],
        held: Decimal,
        verb: Reduce,
        limits: GovernorSettings = LIMITS,
    ) -> None:
        self.chance, self.verb = chance, verb
        self.desk = Desk(LINEAR)
        self.desk.quote(LINEAR, 100_000.0)
        self.desk.hold(LINEAR, held)
        self.journal: list[Receipt | AccountEvent] = []
        self.at_venue: dict[str, OrderReported] = {}  # by client id: immediate or cancel, so final at once
        self.now_ns = START
        self.epoch = 0
        self.plan = plan(verb, Scope(), self.desk.view)
        self.start()
        for record in self.governor.propose(START, limits, "config"):
            self.write(record)

    def start(self) -> None:
        """Be a fresh process: fold the journal, take over."""
        self.outbox = Outbox()
        self.recollection, self.governor = Recollection(self.outbox), Governor()
        for record in self.journal:
            self.fold(record)
        self.epoch += 1
        self.write(NodeStarted(self.now_ns, "node", self.epoch))

    def fold(self, record: Receipt | AccountEvent) -> None:
        self.outbox.fold(record)
        self.recollection.fold(record)
        self.governor.fold(record)

    def write(self, *records: Receipt | AccountEvent) -> None:
        for record in records:
            self.journal.append(record)
            self.fold(record)
        for record in records:
            if isinstance(record, Attempted):
                self.outbox.on_durable(self.now_ns, record)

    def hear(self, event: AccountEvent) -> None:
        if isinstance(event, PositionReported):
            self.desk.view.positions[AT] = event.quantity
        if self.outbox.concerns(event):
            self.write(event)
        self.write(*self.outbox.on_event(self.now_ns, event))

    def turn(self) -> Progress:
        """Let some time pass and do what is due; now and then die in the middle."""
        self.now_ns += STEP_NS
        self.desk.view.now_ns = self.now_ns
        self.write(*self.outbox.on_wake(self.now_ns))
        self.look()
        progress = advance(
            self.now_ns, "run", "step", self.verb, self.plan, self.desk.view, self.recollection
        )
        for key, action, reason in progress.wanted:
            if self.chance(12) == 0:
                self.start()
                break
            verdict = self.governor.judge(self.now_ns, action, "p", self.desk.view, run="run")
            self.write(judged(self.now_ns, key, action, "p", verdict))
            if isinstance(verdict, Refused):
                self.write(Intended(self.now_ns, key, action, reason))
                self.write(Settled(self.now_ns, key, "refused", verdict.code, verdict.reason))
            else:
                self.write(*self.outbox.submit(self.now_ns, key, action, reason))
            self.look()
        if self.chance(12) == 0:
            self.start()
        for dispatch in self.outbox.take_dispatches():
            if isinstance(dispatch, Send):
                self.carry_out(dispatch)
            elif isinstance(dispatch, Ask):
                self.answer(dispatch)
        if self.chance(3) == 0:
            self.hear(self.position())
        return progress

    def look(self) -> None:
        self.desk.view.pendings = {AT: self.outbox.exposure(*AT)}

    def carry_out(self, send: Send) -> None:
        """The venue does it, or it never arrives; and its answer may be lost."""
        order = send.action
        assert isinstance(order, PlaceOrder)
        assert send.client_id not in self.at_venue, "an order is sent twice"
        fate = self.chance(6)
        answered = EffectAnswered(
            time_ns=self.now_ns, venue=AT[0], account=AT[1], key=send.effect, outcome="accepted"
        )
        if fate == 0:
            self.hear(_with(answered, "unknown"))  # lost on the way there
            return
        if fate == 1:
            self.hear(_with(answered, "refused"))
            return
        filled = order.quantity * self.chance(5) / 4 // LOT * LOT
        self.desk.real[AT] += sign_of(order.side) * filled
        report = OrderReported(
            time_ns=self.now_ns,
            venue=AT[0],
            account=AT[1],
            instrument=AT[2],
            order_id=str(len(self.at_venue)),
            client_id=send.client_id,
            side=order.side,
            quantity=order.quantity,
            filled=filled,
            state="filled" if filled == order.quantity else "cancelled",
        )
        self.at_venue[send.client_id] = report
        if fate == 2:
            self.hear(_with(answered, "unknown"))  # lost on the way back
        elif fate == 3:
            self.hear(answered)  # accepted, and the report never comes by itself
        else:
            self.hear(report)

    def answer(self, ask: Ask) -> None:
        report = self.at_venue.get(ask.client_id)
        if self.chance(4) == 0:
            return
        self.hear(
            report
            or OrderAbsent(
                time_ns=self.now_ns,
                venue=AT[0],
                account=AT[1],
                instrument=AT[2],
                client_id=ask.client_id,
                asked_ns=self.now_ns,
            )
        )

    def position(self) -> PositionReported:
        return PositionReported(
            time_ns=self.now_ns, venue=AT[0], account=AT[1], instrument=AT[2], quantity=self.desk.real[AT]
        )


def _with(answered: EffectAnswered, outcome: str) -> EffectAnswered:
    return EffectAnswered(
        time_ns=answered.time_ns,
        venue=answered.venue,
        account=answered.account,
        key=answered.key,
        outcome=outcome,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_reduction_ends_at_its_target_and_never_beyond_it(seed: int) -> None:
    chance = random.Random(seed)
    start, fraction = chance.randint(-12_000, 12_000) * LOT, chance.choice([0.5, 1.0])
    verb = Reduce(fraction=fraction, slice_usd_max=240_000.0, patience_s=600.0)
    guard = Guard(chance.randrange, start, verb)
    target = abs(start) * (1 - Decimal(repr(fraction))) // LOT * LOT
    for _ in range(3_000):
        ended = guard.turn().ended
        assert target <= abs(guard.desk.real[AT]) <= abs(start)
        assert guard.desk.real[AT] * start >= 0
        if ended is not None:
            break
    assert ended is not None
    assert ended.outcome == "done"
    assert abs(guard.desk.real[AT]) == target
    assert sum(one.filled for one in guard.at_venue.values()) == abs(start) - target


def test_a_governor_that_says_no_is_told_as_the_reason() -> None:
    chance = random.Random(1)
    limits = GovernorSettings(desk=DeskLimits(count_max=2))
    guard = Guard(chance.randrange, Decimal(12), Reduce(fraction=1.0, patience_s=60.0), limits)
    ended = None
    for _ in range(400):
        ended = guard.turn().ended
        if ended is not None:
            break
    assert ended is not None
    assert ended.outcome == "failed"
    assert "governor.count" in ended.detail
    assert len(guard.at_venue) <= 2
