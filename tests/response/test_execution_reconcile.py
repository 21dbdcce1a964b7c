"""Reconcile and resume: nothing opens again while anything differs."""

import pytest

from holdfast.event import Scope
from holdfast.response.verb import Reconcile, Resume
from tests.response.desk_double import INVERSE, LINEAR, SECOND, START, Desk, Step

DERIBIT = Scope("deribit")
BOTH = [("deribit", "main"), ("binance", "main")]


def agreed(desk: Desk, time_ns: int) -> None:
    desk.view.reconciled = dict.fromkeys(BOTH, time_ns)


def test_a_reconciliation_asks_every_account_and_ends_when_views_agree() -> None:
    desk = Desk(INVERSE, LINEAR)
    step = Step(desk, Reconcile())
    assert step.advance().ask == BOTH
    desk.wait(1)
    agreed(desk, desk.view.now_ns)
    ended = step.advance().ended
    assert ended is not None
    assert (ended.outcome, ended.detail) == ("done", "2 accounts agree")


def test_a_reconciliation_from_before_the_step_does_not_count() -> None:
    desk = Desk(INVERSE, LINEAR)
    agreed(desk, START - 1)
    assert Step(desk, Reconcile()).advance().ask == BOTH


def test_what_differs_is_asked_again_after_a_pause_and_told_in_the_end() -> None:
    desk = Desk(INVERSE, LINEAR)
    agreed(desk, START)
    desk.view.differing = [(DERIBIT, "order hf-1 is of unknown fate")]
    step = Step(desk, Reconcile(patience_s=10), DERIBIT)
    assert step.advance().ask == []
    desk.wait(2)
    assert step.advance().ask == [("deribit", "main")]
    ended = step.run_out(lambda: None).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert ended.detail == "order hf-1 is of unknown fate"


def test_a_venue_that_does_not_answer_is_named() -> None:
    desk = Desk(INVERSE, LINEAR)
    ended = Step(desk, Reconcile(patience_s=5), DERIBIT).run_out(lambda: None).ended
    assert ended is not None
    assert ended.detail == "deribit (main) has not answered"


def test_resume_opens_the_scope_only_after_a_clean_reconciliation() -> None:
    desk = Desk(INVERSE, LINEAR)
    desk.view.permits[DERIBIT] = "paused"
    step = Step(desk, Resume(), DERIBIT)
    waiting = step.advance()
    assert waiting.permits == []
    assert waiting.ask == [("deribit", "main")]
    agreed(desk, START + SECOND)
    opened = step.advance()
    assert [(move.scope, move.permit) for move in opened.permits] == [(DERIBIT, "open")]
    assert opened.ended is not None
    assert opened.ended.outcome == "done"


@pytest.mark.parametrize("around", [Scope(), DERIBIT])
def test_resume_never_lifts_a_halt(around: Scope) -> None:
    desk = Desk(INVERSE, LINEAR)
    agreed(desk, START)
    desk.view.permits[around] = "halted"
    progress = Step(desk, Resume(), DERIBIT).advance()
    assert progress.permits == []
    assert progress.ended is not None
    assert progress.ended.outcome == "failed"
    assert "only a person" in progress.ended.detail


def test_resume_does_not_open_while_an_order_is_unknown() -> None:
    desk = Desk(INVERSE, LINEAR)
    agreed(desk, START)
    desk.view.differing = [(Scope("deribit", "BTC-PERPETUAL"), "an order is of unknown fate")]
    step = Step(desk, Resume(patience_s=5), DERIBIT)
    ended = step.run_out(lambda: agreed(desk, desk.view.now_ns)).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert desk.permits == []
