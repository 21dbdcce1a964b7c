"""Brakes and words leave at once and again until they are accepted."""

from typing import Any

import pytest
from outbox_desk import KEY, Desk, attempts, settled
from outbox_world import ACCOUNT, INSTRUMENT, SECOND, VAULT, VENUE, cancel_all, order, tell

from holdfast.action import Action, ArmDeadMan, CancelAll, CancelOrder
from holdfast.receipt import NodeStarted
from holdfast.response.schedule import NEVER_NS


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
