"""The outbox's rules one by one, each beside its refusal."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from outbox_world import ACCOUNT, INSTRUMENT, SECOND, VAULT, VENUE, cancel_all, order, tell, transfer

from holdfast.action import Action, ArmDeadMan, CancelAll, CancelOrder
from holdfast.error import BrokenInvariant
from holdfast.event import (
    BalanceReported,
    EffectAnswered,
    Filled,
    LineMoved,
    OrderAbsent,
    OrderReported,
    OrdersListed,
)
from holdfast.receipt import Attempted, Intended, NodeStarted, Settled
from holdfast.response.dispatch import Ask, AskBalances, Send
from holdfast.response.outbox import Outbox
from holdfast.response.patience import Patience
from holdfast.response.schedule import NEVER_NS

KEY = "run/step/0"
PATIENCE = Patience()
OVER = 2 * SECOND  # validity and margin


class Desk:
    """An outbox whose journal is a list: `written` is everything, durable unless it is held back."""

    def __init__(self, *, durable: bool = True) -> None:
        self.outbox = Outbox()
        self.now_ns = 1000 * SECOND
        self.durable = durable
        self.written: list[Any] = []
        self.sent: list[Any] = []
        self.write([NodeStarted(self.now_ns, "node", 1)])

    def write(self, records: Sequence[Any]) -> list[Any]:
        """Fold and keep records; tell that they are durable; collect what leaves."""
        for record in records:
            self.outbox.fold(record)
            self.written.append(record)
        if self.durable:
            for record in records:
                self.outbox.on_durable(self.now_ns, record)
        self.sent += self.outbox.take_dispatches()
        return list(records)

    def submit(self, action: Action, key: str = KEY) -> list[Any]:
        """Want something done."""
        return self.write(self.outbox.submit(self.now_ns, key, action, "because"))

    def hear(self, event: Any) -> list[Any]:
        """Take in an event."""
        if self.outbox.concerns(event):
            self.write([event])
        return self.write(self.outbox.on_event(self.now_ns, event))

    def at(self, after_ns: int) -> list[Any]:
        """Let time pass, and do what is due."""
        self.now_ns += after_ns
        return self.write(self.outbox.on_wake(self.now_ns))

    def answer(self, outcome: str, *, key: str = KEY, attempt: int = 0, code: str = "") -> list[Any]:
        """Bring a client's answer to the last attempt, or to the one named."""
        tag = f"{key}#{attempt}" if attempt else key
        return self.hear(
            EffectAnswered(
                time_ns=self.now_ns,
                venue=VENUE,
                account=ACCOUNT,
                key=tag,
                outcome=outcome,  # type: ignore[arg-type]
                code=code,
            )
        )

    def report(self, state: str, filled: int, *, reason: str = "") -> list[Any]:
        """Bring a report of the order of `KEY`."""
        return self.hear(self.reported(state, filled, reason))

    def reported(self, state: str, filled: int, reason: str = "") -> OrderReported:
        """Return a report of the order of `KEY`."""
        return OrderReported(
            time_ns=self.now_ns,
            venue=VENUE,
            account=ACCOUNT,
            instrument=INSTRUMENT,
            order_id="1",
            client_id=self.client_id,
            side="sell",
            quantity=Decimal(4),
            filled=Decimal(filled),
            state=state,  # type: ignore[arg-type]
            reason=reason,
        )

    def absent(self, asked_ns: int = 0) -> list[Any]:
        """Bring the answer that the venue knows no such order."""
        return self.hear(
            OrderAbsent(
                time_ns=self.now_ns,
                venue=VENUE,
                account=ACCOUNT,
                instrument=INSTRUMENT,
                client_id=self.client_id,
                asked_ns=asked_ns,
            )
        )

    def fill(self, quantity: int, trade_id: str = "t1") -> list[Any]:
        """Bring an execution of the order of `KEY`."""
        return self.hear(
            Filled(
                time_ns=self.now_ns,
                venue=VENUE,
                account=ACCOUNT,
                instrument=INSTRUMENT,
                trade_id=trade_id,
                order_id="1",
                client_id=self.client_id,
                side="sell",
                price=Decimal(1),
                quantity=Decimal(quantity),
            )
        )

    def balance(self, account: str, amount: int) -> list[Any]:
        """Bring a balance."""
        return self.hear(
            BalanceReported(
                time_ns=self.now_ns, venue=VENUE, account=account, asset="BTC", amount=Decimal(amount)
            )
        )

    @property
    def client_id(self) -> str:
        """Return the client id of `KEY`."""
        return next(each.client_id for each in self.written if isinstance(each, Intended) and each.key == KEY)

    @property
    def sends(self) -> list[Send]:
        """Return what left."""
        return [each for each in self.sent if isinstance(each, Send)]

    @property
    def asks(self) -> list[Ask]:
        """Return what was asked."""
        return [each for each in self.sent if isinstance(each, Ask)]


def settled(records: Sequence[Any]) -> list[tuple[str, str]]:
    """Return what was settled, and why."""
    return [(each.outcome, each.code) for each in records if isinstance(each, Settled)]


def attempts(records: Sequence[Any]) -> list[int]:
    """Return the attempts among records."""
    return [each.attempt for each in records if isinstance(each, Attempted)]


# once


def test_a_key_is_wanted_once_however_often_it_is_submitted() -> None:
    desk = Desk()
    assert len(desk.submit(order())) == 2
    assert desk.submit(order()) == []
    desk.report("filled", 4)
    assert desk.submit(order()) == []
    assert len(desk.sends) == 1


def test_a_key_is_known_after_a_restart() -> None:
    desk = Desk()
    desk.submit(order())
    desk.report("filled", 4)
    again = Outbox()
    for record in desk.written:
        again.fold(record)
    assert again.submit(desk.now_ns, KEY, order(), "because") == []
    assert again.settled(KEY) == desk.outbox.settled(KEY)
    assert again.filled(KEY) == 4
    assert again.open_keys() == ()


# moves: durable, then sent, within validity


def test_a_move_leaves_when_its_attempt_is_durable_and_not_before() -> None:
    desk = Desk(durable=False)
    intended, attempted = desk.submit(order())
    assert desk.sent == []
    desk.outbox.on_durable(desk.now_ns, intended)
    assert desk.outbox.take_dispatches() == []
    desk.outbox.on_durable(desk.now_ns, attempted)
    (send,) = desk.outbox.take_dispatches()
    assert isinstance(send, Send)
    assert (send.effect, send.client_id) == (f"{KEY}#1", intended.client_id)
    assert send.valid_until_ns == attempted.valid_until_ns == desk.now_ns + SECOND * 3 // 2
    desk.outbox.on_durable(desk.now_ns, attempted)
    assert desk.outbox.take_dispatches() == []


def test_an_attempt_that_became_durable_after_its_validity_never_leaves_and_is_tried_anew() -> None:
    desk = Desk(durable=False)
    _, attempted = desk.submit(order())
    desk.now_ns += 3 * SECOND
    desk.outbox.on_durable(desk.now_ns, attempted)
    desk.durable = True
    (unsent,) = desk.at(0)
    assert (unsent.outcome, unsent.code) == ("unsent", "durable_too_late")
    assert desk.sends == []
    assert attempts(desk.at(SECOND)) == [2]
    assert [send.attempt for send in desk.sends] == [2]


def test_while_the_journal_does_not_answer_a_move_waits_without_being_attempted_again() -> None:
    desk = Desk(durable=False)
    desk.submit(order())
    assert desk.outbox.wake_ns == NEVER_NS
    assert desk.at(1000 * SECOND) == []
    assert desk.sent == []


# moves: outcomes


def test_an_order_is_done_when_it_has_ended_and_says_how_much_was_filled() -> None:
    desk = Desk()
    desk.submit(order())
    assert settled(desk.answer("accepted", attempt=1)) == []
    assert settled(desk.report("open", 1)) == []
    (fate,) = desk.report("cancelled", 3, reason="ioc")
    assert (fate.outcome, fate.code, fate.detail) == ("done", "cancelled", "filled 3 of 4; ioc")
    assert desk.outbox.filled(KEY) == 3


def test_an_order_found_rejected_with_nothing_filled_is_done_with_that_detail() -> None:
    desk = Desk()
    desk.submit(order())
    (fate,) = desk.report("rejected", 0, reason="price too low")
    assert (fate.outcome, fate.code, fate.detail) == ("done", "rejected", "filled 0 of 4; price too low")


def test_an_order_that_is_to_rest_is_done_when_accepted_and_its_fills_count_on() -> None:
    desk = Desk()
    desk.submit(order(rests=True))
    assert settled(desk.answer("accepted")) == [("done", "open")]
    desk.fill(1, "t1")
    desk.fill(1, "t1")
    desk.fill(2, "t2")
    assert desk.outbox.filled(KEY) == 3
    desk.report("cancelled", 3)
    assert desk.outbox.concerns(desk.reported("cancelled", 3)) is False


def test_a_resting_order_that_is_no_longer_listed_is_asked_for() -> None:
    desk = Desk()
    desk.submit(order(rests=True))
    desk.answer("accepted")
    listed = OrdersListed(time_ns=0, venue=VENUE, account=ACCOUNT, asked_ns=desk.now_ns, orders=())
    desk.hear(listed)
    assert desk.asks == []  # the list may be older than the order
    desk.now_ns += SECOND
    desk.hear(OrdersListed(time_ns=0, venue=VENUE, account=ACCOUNT, asked_ns=desk.now_ns, orders=()))
    assert len(desk.asks) == 1


def test_a_refused_order_is_refused_and_not_tried_again() -> None:
    desk = Desk()
    desk.submit(order())
    assert settled(desk.answer("refused", code="insufficient_margin")) == [("refused", "insufficient_margin")]
    assert desk.outbox.wake_ns == NEVER_NS


@pytest.mark.parametrize("outcome", ["expired", "unsent"])
def test_an_order_that_surely_was_not_done_is_attempted_again_under_the_same_name(outcome: str) -> None:
    desk = Desk()
    desk.submit(order())
    assert desk.answer(outcome)[1:] == []
    assert attempts(desk.at(SECOND)) == [2]
    assert {send.client_id for send in desk.sends} == {desk.client_id}
    assert [send.attempt for send in desk.sends] == [1, 2]


def test_executions_and_reports_of_one_order_are_not_added_up() -> None:
    desk = Desk()
    desk.submit(order())
    desk.fill(2, "t1")
    desk.report("open", 2)
    desk.fill(2, "t1")
    assert desk.outbox.filled(KEY) == 2
    assert settled(desk.fill(2, "t2")) == [("done", "filled")]
    assert desk.outbox.filled(KEY) == 4


# moves: unknown


def test_an_order_of_unknown_fate_is_asked_for_and_never_sent_again_meanwhile() -> None:
    desk = Desk()
    desk.submit(order())
    desk.answer("unknown")
    assert desk.asks == [Ask(VENUE, ACCOUNT, INSTRUMENT, desk.client_id)]
    for _ in range(600):
        desk.at(SECOND // 10)
    assert len(desk.sends) == 1
    assert 10 < len(desk.asks) < 30  # with backoff
    assert desk.outbox.open_keys() == (KEY,)


def test_an_absence_counts_only_if_asked_after_validity_and_margin() -> None:
    desk = Desk()
    desk.submit(order())
    sent_ns = desk.now_ns
    desk.answer("unknown")
    desk.now_ns = sent_ns + 10 * SECOND
    assert attempts(desk.absent(asked_ns=sent_ns + OVER - 1)) == []
    assert attempts(desk.absent(asked_ns=sent_ns + OVER)) == [2]


def test_a_question_leaves_as_soon_as_its_answer_can_prove_an_absence() -> None:
    desk = Desk()
    desk.submit(order())
    sent_ns = desk.now_ns
    desk.answer("unknown")
    while desk.outbox.wake_ns < sent_ns + OVER:
        desk.now_ns = desk.outbox.wake_ns
        desk.at(0)
    assert desk.outbox.wake_ns == sent_ns + OVER


def test_an_absence_that_does_not_say_when_it_was_asked_must_be_late_enough_for_any_answer() -> None:
    desk = Desk()
    desk.submit(order())
    sent_ns = desk.now_ns
    desk.answer("unknown")
    desk.now_ns = sent_ns + OVER + 9 * SECOND
    assert attempts(desk.absent()) == []
    desk.now_ns += SECOND
    assert attempts(desk.absent()) == [2]


def test_an_absence_told_after_the_venue_may_have_forgotten_leaves_it_to_a_person() -> None:
    desk = Desk()
    desk.submit(order())
    desk.answer("unknown")
    desk.now_ns += 3600 * SECOND
    assert settled(desk.absent(asked_ns=desk.now_ns)) == [("abandoned", "venue_forgot")]


def test_a_late_answer_to_the_first_attempt_says_nothing_of_the_second() -> None:
    desk = Desk()
    desk.submit(order())
    desk.answer("unknown", attempt=1)
    desk.at(OVER)
    assert attempts(desk.absent(asked_ns=desk.now_ns)) == [2]
    desk.answer("expired", attempt=1)
    assert attempts(desk.at(5 * SECOND)) == []
    assert settled(desk.report("filled", 4)) == [("done", "filled")]


def test_an_answer_that_is_overdue_is_asked_for() -> None:
    desk = Desk()
    desk.submit(order())
    assert desk.outbox.wake_ns == desk.now_ns + OVER
    desk.at(OVER)
    assert len(desk.asks) == 1


def test_an_accepted_order_whose_end_is_not_reported_is_asked_for() -> None:
    desk = Desk()
    desk.submit(order())
    desk.answer("accepted")
    desk.at(SECOND)
    assert len(desk.asks) == 1
    assert settled(desk.report("filled", 4)) == [("done", "filled")]


def test_an_open_order_in_a_list_settles_what_was_unknown() -> None:
    desk = Desk()
    desk.submit(order(rests=True))
    desk.answer("unknown")
    listed = OrdersListed(
        time_ns=0, venue=VENUE, account=ACCOUNT, asked_ns=desk.now_ns, orders=(desk.reported("open", 1),)
    )
    (found,) = desk.hear(listed)
    assert isinstance(found, OrderReported)
    assert settled(desk.at(0)) == [("done", "open")]
    assert desk.hear(listed) == []


def test_when_a_line_is_back_what_waited_is_asked_at_once() -> None:
    desk = Desk()
    desk.submit(order())
    desk.answer("unknown")
    for _ in range(40):
        desk.at(SECOND)
    asked = len(desk.asks)
    up = LineMoved(time_ns=desk.now_ns, venue=VENUE, account=ACCOUNT, line="private", up=True)
    desk.hear(up)
    desk.hear(LineMoved(time_ns=0, venue="elsewhere", account=ACCOUNT, line="private", up=True))
    assert len(desk.asks) == asked + 1


# bounds


def test_a_move_that_never_gets_out_is_settled_as_expired_by_attempts_and_by_time() -> None:
    desk = Desk()
    desk.submit(order())
    written: list[Any] = []
    for _ in range(1000):
        written += desk.answer("unsent", code="no_line")
        written += desk.at(SECOND // 5)
    assert settled(written) == [("expired", "no_line")]
    assert len(desk.sends) <= PATIENCE.move_attempts_max
    assert desk.now_ns - 1000 * SECOND >= 40 * SECOND


def test_a_move_is_given_up_at_its_deadline_only_when_nothing_of_it_is_under_way() -> None:
    desk = Desk()
    desk.submit(order())
    desk.answer("unknown")
    assert settled(desk.at(120 * SECOND)) == []
    assert settled(desk.absent(asked_ns=desk.now_ns)) == [("expired", "deadline")]


def test_a_person_may_take_an_intent_over_and_nobody_what_is_not_open() -> None:
    desk = Desk()
    desk.submit(order())
    desk.answer("unknown")
    written = desk.write(desk.outbox.abandon(desk.now_ns, KEY, "sold by telephone"))
    assert settled(written) == [("abandoned", "by_operator")]
    assert desk.outbox.abandon(desk.now_ns, KEY, "again") == []
    assert desk.outbox.wake_ns == NEVER_NS


# exposure


def test_an_order_not_settled_counts_as_exposure_and_a_settled_one_does_not() -> None:
    desk = Desk()
    desk.submit(order(4, side="sell"))
    desk.submit(order(1, side="buy"), "run/step/1")
    assert desk.outbox.exposure(VENUE, ACCOUNT, INSTRUMENT) == -3
    desk.fill(3)
    assert desk.outbox.exposure(VENUE, ACCOUNT, INSTRUMENT) == 0
    desk.report("cancelled", 3)
    assert desk.outbox.exposures() == {(VENUE, ACCOUNT, INSTRUMENT): Decimal(1)}
    assert desk.outbox.exposure(VENUE, ACCOUNT, "ETH-PERPETUAL") == 0


# take-over


def test_after_a_take_over_an_open_attempt_is_asked_for_and_new_moves_wait_for_its_validity() -> None:
    desk = Desk()
    desk.submit(order())
    desk.now_ns += SECOND
    desk.sent.clear()
    desk.write([NodeStarted(desk.now_ns, "other", 2)])
    assert attempts(desk.submit(order(), "run/step/1")) == []
    assert attempts(desk.submit(cancel_all(), "run/step/2")) == [1]
    desk.at(0)
    assert [send.action for send in desk.sends] == [cancel_all()]
    assert len(desk.asks) == 1
    assert attempts(desk.at(OVER - 1)) == [2]  # the brake
    assert attempts(desk.absent(asked_ns=desk.now_ns)) == []
    assert attempts(desk.at(1)) == [1]
    assert sorted(attempts(desk.absent(asked_ns=desk.now_ns))) == [2]


def test_a_clock_that_was_set_back_between_two_nodes_puts_nothing_off_for_long() -> None:
    desk = Desk()
    desk.submit(order())
    desk.now_ns -= 500 * SECOND
    desk.write([NodeStarted(desk.now_ns, "other", 2)])
    desk.at(OVER)
    assert attempts(desk.absent(asked_ns=desk.now_ns)) == [2]
    assert desk.outbox.intent(KEY) is not None


def test_without_open_attempts_a_new_node_waits_for_nothing() -> None:
    desk = Desk()
    desk.submit(order())
    desk.report("filled", 4)
    desk.write([NodeStarted(desk.now_ns, "other", 2)])
    assert attempts(desk.submit(order(), "run/step/1")) == [1]


def test_an_intent_without_an_attempt_is_attempted_after_a_restart() -> None:
    desk = Desk()
    desk.write([Intended(desk.now_ns, KEY, order(), "because", "hf-x"), NodeStarted(desk.now_ns, "other", 2)])
    assert attempts(desk.at(0)) == [1]


# brakes and words


def test_a_brake_leaves_while_it_is_being_written_and_again_until_it_is_accepted() -> None:
    desk = Desk(durable=False)
    desk.submit(cancel_all())
    assert [send.attempt for send in desk.sends] == [1]
    waits: list[int] = []
    for _ in range(8):
        waits.append(desk.outbox.wake_ns - desk.now_ns)
        desk.at(waits[-1])
    assert [wait / SECOND for wait in waits] == [0.5, 1, 2, 4, 8, 10, 10, 10]
    assert settled(desk.answer("accepted", attempt=9)) == [("done", "")]
    assert desk.outbox.wake_ns == NEVER_NS


@pytest.mark.parametrize("outcome", ["refused", "expired", "unsent", "unknown"])
def test_a_brake_is_repeated_after_any_other_answer(outcome: str) -> None:
    desk = Desk()
    desk.submit(cancel_all())
    assert settled(desk.answer(outcome)) == []
    assert attempts(desk.at(SECOND)) == [2]


@pytest.mark.parametrize(("outcome", "fate"), [("refused", "refused"), ("unsent", "expired")])
def test_a_brake_that_is_never_accepted_ends_after_an_hour(outcome: str, fate: str) -> None:
    desk = Desk()
    desk.submit(cancel_all())
    written: list[Any] = []
    for _ in range(800):
        written += desk.answer(outcome, code="why")
        written += desk.at(5 * SECOND)
    assert settled(written) == [(fate, "why")]


def test_of_two_brakes_with_one_target_the_newer_does_for_both() -> None:
    desk = Desk()
    desk.submit(cancel_all())
    desk.submit(cancel_all(), "run/step/1")
    assert len(desk.sends) == 2
    assert attempts(desk.at(SECOND)) == [2]
    assert desk.sends[-1].key == "run/step/1"
    assert settled(desk.answer("accepted", key="run/step/1")) == [("done", "covered"), ("done", "")]


def test_an_older_brake_accepted_says_nothing_of_a_newer_one() -> None:
    desk = Desk()
    desk.submit(cancel_all())
    desk.submit(cancel_all(), "run/step/1")
    assert settled(desk.answer("accepted")) == [("done", "")]
    assert desk.outbox.open_keys() == ("run/step/1",)
    assert attempts(desk.at(SECOND)) == [2]


@pytest.mark.parametrize(
    "other",
    [
        CancelAll(VENUE, ACCOUNT, INSTRUMENT),
        CancelAll(VENUE, VAULT),
        CancelOrder(VENUE, ACCOUNT, "", "1"),
        ArmDeadMan(VENUE, ACCOUNT, 30.0),
    ],
)
def test_brakes_with_different_targets_do_not_cover_each_other(other: Action) -> None:
    desk = Desk()
    desk.submit(cancel_all())
    desk.submit(other, "run/step/1")
    assert settled(desk.answer("accepted", key="run/step/1")) == [("done", "")]
    assert desk.outbox.open_keys() == (KEY,)


def test_of_two_dead_man_switches_the_older_is_not_armed_again() -> None:
    desk = Desk()
    desk.submit(ArmDeadMan(VENUE, ACCOUNT, 30.0))
    desk.submit(ArmDeadMan(VENUE, ACCOUNT, 0.0), "run/step/1")
    desk.sent.clear()
    desk.at(60 * SECOND)
    assert [send.action.timeout_s for send in desk.sends] == [0.0]  # type: ignore[union-attr]


def test_a_brake_is_sent_again_after_a_restart() -> None:
    desk = Desk()
    desk.submit(cancel_all())
    desk.write([NodeStarted(desk.now_ns, "other", 2)])
    desk.sent.clear()
    desk.at(0)
    assert [send.attempt for send in desk.sends] == [2]


def test_a_word_is_told_until_somebody_took_it() -> None:
    desk = Desk(durable=False)
    desk.submit(tell())
    desk.answer("refused")
    desk.at(SECOND)
    assert [send.attempt for send in desk.sends] == [1, 2]
    assert settled(desk.answer("accepted", attempt=1)) == [("done", "")]


def test_brakes_leave_before_moves() -> None:
    desk = Desk(durable=False)
    records = desk.submit(order())
    desk.outbox.on_durable(desk.now_ns, records[1])
    desk.submit(cancel_all(), "run/step/1")
    assert [send.key for send in desk.sends] == ["run/step/1", KEY]


# transfers


def desk_with_lost_transfer() -> Desk:
    """Return a desk that knew its balances and lost the answer to a transfer of 1 BTC."""
    desk = Desk()
    desk.balance(VAULT, 10)
    desk.balance(ACCOUNT, 3)
    records = desk.submit(transfer())
    assert [type(each) for each in records] == [BalanceReported, BalanceReported, Intended, Attempted]
    desk.now_ns += SECOND
    desk.answer("unknown")
    desk.at(OVER)
    assert [each for each in desk.sent if not isinstance(each, Send)] == [
        AskBalances(VENUE, VAULT),
        AskBalances(VENUE, ACCOUNT),
    ]
    return desk


def test_a_transfer_whose_answer_was_lost_is_done_if_both_balances_moved_by_as_much() -> None:
    desk = desk_with_lost_transfer()
    assert settled(desk.balance(VAULT, 9)) == []
    (fate,) = [each for each in desk.balance(ACCOUNT, 4) if isinstance(each, Settled)]
    assert (fate.outcome, fate.code) == ("done", "balances_agree")
    assert fate.detail == "1 BTC from vault (10, now 9) to main (3, now 4)"


@pytest.mark.parametrize(("vault", "main"), [(10, 3), (9, 3), (10, 4), (8, 5)])
def test_a_transfer_that_balances_do_not_prove_is_left_to_a_person_and_not_sent_again(
    vault: int, main: int
) -> None:
    desk = desk_with_lost_transfer()
    written: list[Any] = []
    for _ in range(40):
        written += desk.balance(VAULT, vault)
        written += desk.balance(ACCOUNT, main)
        written += desk.at(SECOND)
    assert settled(written) == [("abandoned", "transfer_unconfirmed")]
    assert len(desk.sends) == 1


def test_a_transfer_is_not_proven_by_what_another_one_moved() -> None:
    desk = Desk()
    desk.balance(VAULT, 10)
    desk.balance(ACCOUNT, 3)
    desk.submit(transfer())
    desk.submit(transfer(), "run/step/1")
    desk.answer("unknown")
    desk.answer("accepted", key="run/step/1")
    desk.at(OVER)
    written = [*desk.balance(VAULT, 9), *desk.balance(ACCOUNT, 4), *desk.at(31 * SECOND)]
    assert settled(written) == [("abandoned", "transfer_unconfirmed")]


@pytest.mark.parametrize(("outcome", "fate"), [("accepted", "done"), ("refused", "refused")])
def test_a_transfer_that_was_answered_is_settled(outcome: str, fate: str) -> None:
    desk = Desk()
    desk.submit(transfer())
    assert settled(desk.answer(outcome)) == [(fate, "")]


def test_a_transfer_that_surely_was_not_done_is_attempted_again() -> None:
    desk = Desk()
    desk.submit(transfer())
    desk.answer("expired")
    assert attempts(desk.at(SECOND)) == [2]


# what cannot be


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([Intended(1, KEY, cancel_all(), "again")], "is intended twice"),
        ([Attempted(1, "run/step/9", 1)], "is attempted, and is not open"),
        ([Attempted(1, KEY, 3)], "attempt 3 at run/step/0 comes after attempt 1"),
        ([Attempted(1, KEY, 2)], "is attempted while it is in_flight"),
        ([Settled(1, "run/step/9", "done")], "is settled, and is not open"),
        ([Settled(1, KEY, "expired")], "is settled as expired while it is in_flight"),
        ([Settled(1, KEY, "refused")], "is settled as refused while it is in_flight"),
        ([Settled(1, KEY, "abandoned"), Settled(1, KEY, "done")], "is settled, and is not open"),
        ([NodeStarted(1, "node", 1)], "epoch 1 begins after epoch 1"),
    ],
)
def test_a_journal_that_no_node_of_ours_wrote_is_refused_with_the_record(
    records: list[Any], said: str
) -> None:
    desk = Desk()
    desk.submit(order())
    *before, last = records
    for record in before:
        desk.outbox.fold(record)
    with pytest.raises(BrokenInvariant, match=said) as told:
        desk.outbox.fold(last)
    assert told.value.code == "outbox.impossible"
    assert told.value.where == f"record {3 + len(records)}"


def test_what_the_venue_says_of_others_is_passed_over() -> None:
    desk = Desk()
    desk.submit(order())
    event = OrderReported(
        time_ns=1,
        venue=VENUE,
        account=ACCOUNT,
        instrument=INSTRUMENT,
        order_id="7",
        client_id="by-hand",
        side="buy",
        quantity=Decimal(1),
        filled=Decimal(1),
        state="filled",
    )
    assert not desk.outbox.concerns(event)
    assert desk.hear(event) == []


def test_settled_keys_cost_a_wake_nothing() -> None:
    desk = Desk()
    for number in range(300):
        desk.submit(cancel_all(), f"run/step/{number}")
        desk.answer("accepted", key=f"run/step/{number}")
    assert desk.outbox.open_keys() == ()
    assert desk.outbox.wake_ns == NEVER_NS
    assert not desk.outbox._schedule._heap
    assert not desk.outbox._intents.touched
