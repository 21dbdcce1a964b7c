"""Transfers: proven by an answer or by balances, or left to a person."""

from typing import Any

import pytest
from outbox_desk import OVER, Desk, attempts, settled
from outbox_world import ACCOUNT, SECOND, VAULT, VENUE, transfer

from holdfast.event import (
    BalanceReported,
)
from holdfast.receipt import Attempted, Intended, Settled
from holdfast.response.dispatch import AskBalances, Send


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
