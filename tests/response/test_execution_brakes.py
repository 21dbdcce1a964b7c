"""Cancel, pause, halt, reduce-only, the dead-man switch and words: at once, for every account, and until they worked."""

import pytest

from holdfast.action import ArmDeadMan, CancelAll, Tell
from holdfast.event import Scope
from holdfast.receipt import PermitMoved
from holdfast.response.verb import CancelEverything, DeadMan, Halt, Inform, OnlyReduce, Pause
from tests.response.desk_double import INVERSE, LINEAR, Desk, Step

DERIBIT = Scope("deribit")
PERPETUAL = Scope("deribit", "BTC-PERPETUAL")


def desk() -> Desk:
    return Desk(INVERSE, LINEAR)


def test_cancel_all_reaches_every_account_of_the_desk_at_once() -> None:
    made = desk()
    step = Step(made, CancelEverything())
    step.advance()
    assert [action for _, action in made.sent] == [CancelAll("deribit", "main"), CancelAll("binance", "main")]
    made.fill_all()
    ended = step.advance().ended
    assert ended is not None
    assert ended.outcome == "done"


@pytest.mark.parametrize(
    ("scope", "action"),
    [(DERIBIT, CancelAll("deribit", "main")), (PERPETUAL, CancelAll("deribit", "main", "BTC-PERPETUAL"))],
)
def test_cancel_all_keeps_to_its_scope(scope: Scope, action: CancelAll) -> None:
    made = desk()
    Step(made, CancelEverything(), scope).advance()
    assert [sent for _, sent in made.sent] == [action]


def test_a_venue_that_is_silent_holds_up_no_other_one_and_is_told() -> None:
    made = desk()
    step = Step(made, CancelEverything())
    step.advance()
    made.settle("run-1/step/1")
    ended = step.run_out(lambda: None).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert ended.detail == "deribit (main) has not answered"
    assert len(made.sent) == 2


def test_a_cancel_that_was_refused_is_asked_for_anew_after_a_pause() -> None:
    made = desk()
    step = Step(made, CancelEverything(), DERIBIT)
    step.advance()
    made.settle("run-1/step/0", "refused", "too_many_requests")
    assert step.advance().wanted == []
    made.wait(1)
    assert [one.key for one in step.advance().wanted] == ["run-1/step/1"]
    made.settle("run-1/step/1")
    ended = step.advance().ended
    assert ended is not None
    assert ended.outcome == "done"


@pytest.mark.parametrize(("verb", "permit"), [(Pause(), "paused"), (Halt(), "halted")])
def test_the_permit_moves_before_the_cancel_and_once(verb: Pause | Halt, permit: str) -> None:
    made = desk()
    step = Step(made, verb, DERIBIT)
    progress = step.advance()
    assert progress.permits == [PermitMoved(made.view.now_ns, DERIBIT, permit, "run-1/step")]  # type: ignore[arg-type]
    assert len(progress.wanted) == 1
    assert step.advance().permits == []


def test_a_pause_lasts_until_nothing_is_open_and_asks_the_account() -> None:
    made = desk()
    made.view.orders[("deribit", "main", "BTC-PERPETUAL")] = 3
    step = Step(made, Pause(), DERIBIT)
    step.advance()
    made.settle("run-1/step/0")
    asked = step.advance()
    assert asked.ended is None
    assert asked.ask == [("deribit", "main")]
    made.wait(1)
    again = step.advance()
    assert [one.reason for one in again.wanted] == ["paused: cancel all of deribit: 3 orders are still open"]
    made.settle("run-1/step/1")
    made.view.orders.clear()
    ended = step.advance().ended
    assert ended is not None
    assert ended.outcome == "done"


def test_a_pause_that_cannot_empty_a_venue_fails_and_says_so() -> None:
    made = desk()
    made.view.orders[("deribit", "main", "BTC-PERPETUAL")] = 3
    ended = Step(made, Pause(), DERIBIT).run_out(made.fill_all).ended
    assert ended is not None
    assert ended.outcome == "failed"
    assert "3 orders are still open" in ended.detail
    assert len(made.sent) < 12  # each time after a longer wait


def test_orders_of_another_instrument_do_not_hold_up_an_instruments_pause() -> None:
    made = desk()
    made.view.orders[("deribit", "main", "ETH-PERPETUAL")] = 3
    step = Step(made, Pause(), PERPETUAL)
    step.advance()
    made.fill_all()
    ended = step.advance().ended
    assert ended is not None
    assert ended.outcome == "done"


def test_a_brake_never_loosens() -> None:
    made = desk()
    made.view.permits[Scope()] = "halted"
    assert Step(made, Pause(), DERIBIT).advance().permits == []
    progress = Step(made, OnlyReduce(), DERIBIT).advance()
    assert progress.permits == []
    assert progress.ended is not None
    assert progress.ended.outcome == "done"


def test_reduce_only_is_a_permit_and_no_message() -> None:
    made = desk()
    progress = Step(made, OnlyReduce(), DERIBIT).advance()
    assert [move.permit for move in progress.permits] == ["reduce_only"]
    assert progress.ended is not None
    assert made.sent == []


def test_a_dead_man_switch_is_armed_for_every_account_and_disarmed_with_zero() -> None:
    made = desk()
    step = Step(made, DeadMan(timeout_s=30))
    step.advance()
    assert [action for _, action in made.sent] == [
        ArmDeadMan("deribit", "main", 30),
        ArmDeadMan("binance", "main", 30),
    ]
    made.fill_all()
    assert step.advance().ended is not None
    off = desk()
    assert Step(off, DeadMan(timeout_s=0), DERIBIT).advance().wanted[0].reason == "dead-man switch off"


def test_a_word_is_told_once_and_its_failure_too() -> None:
    made = desk()
    step = Step(made, Inform(title="look", text="at this", urgency="critical"))
    step.advance()
    assert made.sent == [("run-1/step/0", Tell("look", "at this", "critical"))]
    assert step.advance().ended is None
    made.settle("run-1/step/0")
    ended = step.advance().ended
    assert ended is not None
    assert ended.outcome == "done"
    mute = desk()
    silent = Step(mute, Inform(title="look"))
    silent.advance()
    mute.settle("run-1/step/0", "expired", "tell.nobody")
    ended = silent.advance().ended
    assert ended is not None
    assert (ended.outcome, ended.detail) == ("failed", "expired tell.nobody")
