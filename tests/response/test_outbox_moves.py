"""Orders go out once, durable first, and are asked for when nobody knows; each rule beside its refusal."""

from decimal import Decimal
from typing import Any

import pytest
from outbox_desk import KEY, OVER, PATIENCE, Desk, attempts, settled
from outbox_world import ACCOUNT, INSTRUMENT, SECOND, VENUE, cancel_all, order

from holdfast.event import (
    LineMoved,
    OrderReported,
    OrdersListed,
)
from holdfast.receipt import Intended, NodeStarted
from holdfast.response.dispatch import Ask, Send
from holdfast.response.outbox import Outbox
from holdfast.response.schedule import NEVER_NS

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
