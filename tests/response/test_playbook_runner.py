"""A playbook does what its table says, in the mode it is armed for, once, and puts back what it did when it fails."""

import pytest
from playbook_desk import START_NS, VENUE, Desk, library_of

from holdfast.action import CancelAll, PlaceOrder, Tell
from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.event import Alert, Decided, LevelMoved, Scope
from holdfast.receipt import (
    ApprovalAsked,
    ApprovalEscalated,
    Intended,
    PermitMoved,
    PlaybookEnded,
    PlaybookStarted,
    StepEntered,
)
from holdfast.response.playbook.runner import NotStarted, Runner
from holdfast.response.view import Moment

HALVE = """
playbook: halve
title: Halve
description: Pauses and halves.
triggers: [operator, {action: reduce}, {alert: price_shock, severity: high}, {level: reduce}, {rule: r-1}]
scope: venue
cooldown: 1m
steps:
  pause: {act: pause}
  half:
    act: {reduce: {fraction: 0.5, patience_s: 30}}
    on_failure: trouble
  over: {end: done}
  trouble: {end: failed, detail: not halved}
"""


def halving(mode: str) -> Desk:
    desk = Desk(library_of(HALVE))
    desk.arm("halve", mode)
    return desk


def outcomes(desk: Desk) -> list[str]:
    return [one.outcome for one in desk.receipts(PlaybookEnded)]


def decided(action: str, rule: str = "r-2", scope: Scope = VENUE) -> Decided:
    return Decided(START_NS, scope, rule, "v", "A rule", action, "normal", {"score": 90.0})


def test_a_playbook_that_is_armed_to_act_acts_in_the_order_of_its_table() -> None:
    desk = halving("act")
    run = desk.start("halve")
    assert desk.path(run) == ["pause done", "half done", "over done"]
    assert desk.view.position("deribit", "main", "BTC-PERPETUAL") == 30_000
    assert desk.view.permit(VENUE) == "paused"
    assert outcomes(desk) == ["done"]


def test_a_playbook_that_nobody_armed_only_observes() -> None:
    desk = Desk(library_of(HALVE))
    run = desk.start("halve")
    assert desk.path(run) == ["pause skipped", "half skipped", "over skipped"]
    assert outcomes(desk) == ["observed"]
    assert not desk.effects
    assert not desk.receipts(PermitMoved)


def test_observers_wait_for_those_that_act_and_then_go_one_a_call() -> None:
    desk = Desk(library_of(HALVE, HALVE.replace("halve", "watch"), HALVE.replace("halve", "look")))
    desk.arm("halve", "act")
    for name in ("watch", "look", "halve"):
        started = desk.runner.start(desk.now_ns, name, VENUE, "a test")
        assert isinstance(started, PlaybookStarted)
        desk.write(started)
    first = desk.advance()
    assert {one.run for one in first.receipts if isinstance(one, StepEntered)} == {"halve-1"}
    assert first.wake_ns == desk.now_ns
    desk.settle()
    order = [one.run for one in desk.receipts(StepEntered)]
    assert order.index("watch-1") > order.index("halve-1")
    assert order == sorted(order, key=order.index)  # each run's steps stand together: one run a call
    assert outcomes(desk).count("observed") == 2


def test_in_a_hurry_no_observer_goes_on() -> None:
    desk = Desk(library_of(HALVE))
    started = desk.runner.start(desk.now_ns, "halve", VENUE, "a test")
    assert isinstance(started, PlaybookStarted)
    desk.write(started)
    hurried = desk.runner.advance(desk.now_ns, desk.view, desk.outbox, lambda _scope: {}, hurries=True)
    assert (hurried.receipts, hurried.wake_ns) == ([], desk.now_ns)
    assert desk.advance().receipts


def test_what_an_observer_records_says_what_would_be_done() -> None:
    desk = Desk(library_of(HALVE))
    desk.start("halve")
    said = [getattr(one, "detail", "") for one in desk.journal]
    assert any(
        "sell 30000 BTC-PERPETUAL at 59700.0 or better, reduce-only on deribit:main" in one for one in said
    )


def test_a_playbook_that_advises_tells_people_and_touches_nothing() -> None:
    desk = halving("advise")
    desk.start("halve")
    told = [one.action for one in desk.receipts(Intended)]
    assert [type(action) for action in told] == [Tell]
    assert "deribit becomes paused" in told[0].text
    assert outcomes(desk) == ["advised"]
    assert desk.view.position("deribit", "main", "BTC-PERPETUAL") == 60_000


def test_a_playbook_that_confirms_brakes_at_once_and_asks_before_it_moves() -> None:
    desk = halving("confirm")
    run = desk.start("halve")
    assert desk.view.permit(VENUE) == "paused"
    assert [type(one.action) for one in desk.receipts(Intended)] == [CancelAll, Tell]
    (asked,) = desk.receipts(ApprovalAsked)
    assert "60,000 USD of exposure" in asked.question
    assert "brakes stay on and the run ends if nobody answers" in asked.question
    desk.vote(f"{run}/confirm", "bob", True, "risk_officer")
    desk.settle()
    assert desk.view.position("deribit", "main", "BTC-PERPETUAL") == 30_000
    assert outcomes(desk) == ["done"]


def test_a_no_leaves_the_brakes_on_and_ends_the_run() -> None:
    desk = halving("confirm")
    run = desk.start("halve")
    desk.vote(f"{run}/confirm", "bob", False, "risk_officer")
    desk.settle()
    assert outcomes(desk) == ["denied"]
    assert desk.view.permit(VENUE) == "paused"
    assert not [one for one in desk.receipts(Intended) if isinstance(one.action, PlaceOrder)]


def test_when_nobody_answers_the_next_people_are_asked_and_then_the_run_ends() -> None:
    desk = halving("confirm")
    run = desk.start("halve")
    desk.later(301)
    (escalated,) = desk.receipts(ApprovalEscalated)
    assert escalated.asked == ("role:admin",)
    told = [one.action.text for one in desk.receipts(Intended) if isinstance(one.action, Tell)]
    assert len(told) == 2
    assert "role:admin" in told[1]
    desk.later(300)
    assert outcomes(desk) == ["denied"]
    assert desk.vote(f"{run}/confirm", "eve", True, "admin").code == "approval.unknown"


def test_a_mode_below_the_armed_one_may_be_asked_for_and_never_one_above() -> None:
    desk = halving("advise")
    lower = desk.runner.start(START_NS, "halve", VENUE, "x", mode="observe")
    higher = desk.runner.start(START_NS, "halve", VENUE, "x", mode="act")
    assert (lower.mode, higher.mode) == ("observe", "advise")


@pytest.mark.parametrize(
    "event",
    [
        decided("reduce"),
        decided("notify", rule="r-1"),
        Alert(
            START_NS, "price_shock", Scope("deribit", "BTC-PERPETUAL"), "critical", 1.0, 1.0, {}, "a shock"
        ),
        LevelMoved(START_NS, VENUE, "watch", "halt", "x"),
    ],
)
def test_what_a_trigger_names_sets_it_off_on_the_whole_venue(event: object) -> None:
    desk = halving("act")
    (started,) = desk.event(event)
    assert isinstance(started, PlaybookStarted)
    assert started.scope == VENUE


@pytest.mark.parametrize(
    "event",
    [
        decided("pause"),
        Alert(START_NS, "price_shock", VENUE, "medium", 1.0, 1.0, {}, "a shock"),
        Alert(START_NS, "depeg", VENUE, "critical", 1.0, 1.0, {}, "a depeg"),
        LevelMoved(START_NS, VENUE, "reduce", "halt", "it was there already"),
        LevelMoved(START_NS, VENUE, "halt", "reduce", "on the way down"),
    ],
)
def test_what_no_trigger_names_sets_nothing_off(event: object) -> None:
    assert halving("act").event(event) == []


def test_a_trigger_during_the_run_is_noted_and_not_doubled() -> None:
    desk = halving("confirm")
    desk.start("halve")
    (noted,) = desk.event(decided("reduce", scope=Scope("deribit", "BTC-PERPETUAL")))
    assert isinstance(noted, NotStarted)
    assert noted.code == "playbook.running"
    elsewhere = desk.event(decided("reduce", scope=Scope("binance-usdm")))
    assert isinstance(elsewhere[0], PlaybookStarted)


def test_after_a_run_the_playbook_rests_for_its_cooldown_and_a_person_need_not_wait() -> None:
    desk = halving("act")
    desk.start("halve")
    (noted,) = desk.event(decided("reduce"))
    assert noted.code == "playbook.cooldown"
    by_hand = desk.runner.start_by_operator(desk.now_ns, "halve", VENUE, "ann")
    assert isinstance(by_hand, PlaybookStarted)
    desk.now_ns += MINUTE_NS
    assert isinstance(desk.event(decided("reduce"))[0], PlaybookStarted)


def test_a_playbook_that_names_no_operator_is_not_started_by_hand() -> None:
    text = HALVE.replace("operator, ", "")
    desk = Desk(library_of(text))
    refused = desk.runner.start_by_operator(START_NS, "halve", VENUE, "ann")
    assert refused.code == "playbook.not_by_hand"
    assert desk.runner.start(START_NS, "halv", VENUE, "x").code == "playbook.unknown"


def test_a_move_that_fails_leads_where_the_table_says() -> None:
    desk = halving("act")
    desk.refuses = {PlaceOrder}
    run = desk.start("halve")
    desk.later(200)
    assert desk.path(run) == ["pause done", "half failed", "trouble failed"]
    (ended,) = desk.receipts(PlaybookEnded)
    assert ended.outcome == "failed"
    assert ended.detail.startswith("half: ")


UNDONE = """
playbook: undone
title: Undone
description: Does two things that can be undone, then fails.
triggers: [operator]
scope: venue
steps:
  one:
    act: {notify: {title: one}}
    undo: {notify: {title: not one}}
  two:
    act: {notify: {title: two}}
    undo: {notify: {title: not two}}
  three:
    act: {notify: {title: three}}
    undo: {notify: {title: not three}}
    then: cancel
  cancel: {act: cancel_all}
  over: {end: done}
"""


def test_what_was_done_is_undone_in_reverse_order_when_a_step_fails() -> None:
    desk = Desk(library_of(UNDONE))
    desk.arm("undone", "act")
    desk.refuses = {CancelAll}
    run = desk.start("undone")
    desk.later(400)
    undone = [one.split()[0] for one in desk.path(run) if one.startswith("undo:")]
    assert undone == ["undo:three", "undo:two", "undo:one"]
    titles = [one.action.title for one in desk.receipts(Intended) if isinstance(one.action, Tell)]
    assert titles == ["one", "two", "three", "not three", "not two", "not one"]
    assert outcomes(desk) == ["failed"]


def test_nothing_is_undone_when_all_went_well() -> None:
    desk = Desk(library_of(UNDONE))
    desk.arm("undone", "act")
    run = desk.start("undone")
    desk.later(400)
    assert not [one for one in desk.path(run) if one.startswith("undo:")]
    assert outcomes(desk) == ["done"]


LOOP = """
playbook: loop
title: Loop
description: Tells three times.
triggers: [operator]
scope: venue
steps:
  tell: {act: {notify: {title: again}}}
  rest: {wait: 1m}
  more: {if: rounds < 3, then: tell, else: over}
  over: {end: done}
"""


def test_a_loop_does_its_steps_anew_each_round_and_ends_at_its_bound() -> None:
    desk = Desk(library_of(LOOP))
    desk.arm("loop", "act")
    desk.start("loop")
    desk.later(300)
    assert sorted(desk.effects) == ["loop-1/tell#2/0", "loop-1/tell#3/0", "loop-1/tell/0"]
    assert outcomes(desk) == ["done"]


def test_an_observer_of_a_loop_sees_it_once() -> None:
    desk = Desk(library_of(LOOP))
    run = desk.start("loop")
    assert desk.path(run) == ["tell skipped", "rest skipped", "more skipped"]
    assert outcomes(desk) == ["observed"]


WAITING = """
playbook: waiting
title: Waiting
description: Waits for calm.
triggers: [operator]
scope: venue
steps:
  calm: {until: "trusted && score < 50.0", timeout: 10m, on_timeout: late}
  choose: {if: volatility_1m < 1.0, then: good, else: careful}
  good: {end: done, detail: good}
  careful: {end: done, detail: careful}
  late: {end: failed, detail: late}
"""


def waiting(**values: object) -> Desk:
    desk = Desk(library_of(WAITING))
    desk.arm("waiting", "act")
    desk.values = values
    desk.start("waiting")
    return desk


def test_a_wait_ends_when_its_condition_is_known_and_true() -> None:
    desk = waiting(trusted=True, score=80.0)
    desk.later(60)
    assert outcomes(desk) == []
    desk.values = {"trusted": True, "score": 20.0, "volatility_1m": 0.5}
    desk.later(2)
    assert [one.detail for one in desk.receipts(PlaybookEnded)] == ["good"]


@pytest.mark.parametrize(
    "values", [{}, {"trusted": True, "score": float("nan")}, {"trusted": False, "score": 1.0}]
)
def test_what_is_unknown_or_false_does_not_end_a_wait_and_time_does(values: dict[str, object]) -> None:
    desk = waiting(**values)
    desk.later(599)
    assert outcomes(desk) == []
    desk.later(2)
    assert outcomes(desk) == ["failed"]


def test_what_is_unknown_takes_the_careful_branch() -> None:
    desk = waiting(trusted=True, score=20.0)
    desk.later(1)
    assert [one.detail for one in desk.receipts(PlaybookEnded)] == ["careful"]


BOTH = """
playbook: both
title: Both
description: Two ways at once.
triggers: [operator]
scope: venue
steps:
  ways: {parallel: [left, right], then: over, on_failure: bad}
  left: {act: cancel_all, then: left_wait}
  left_wait: {wait: 10s, then: join}
  right: {act: {notify: {title: hello}}, then: join}
  over: {end: done}
  bad: {end: failed}
"""


def test_branches_go_at_once_and_the_run_goes_on_when_the_last_has_joined() -> None:
    desk = Desk(library_of(BOTH))
    desk.arm("both", "act")
    run = desk.start("both")
    assert desk.path(run) == ["left done", "right done"]
    desk.later(11)
    assert desk.path(run)[2:] == ["left_wait done", "ways done", "over done"]


def test_a_branch_that_fails_fails_the_step_that_opened_it() -> None:
    desk = Desk(library_of(BOTH))
    desk.arm("both", "act")
    desk.refuses = {CancelAll}
    run = desk.start("both")
    desk.later(400)
    assert "ways failed" in desk.path(run)
    assert outcomes(desk) == ["failed"]


PARENT = """
playbook: parent
title: Parent
description: Runs another.
triggers: [operator]
scope: venue
steps:
  first: {playbook: child, then: over, on_failure: bad, timeout: 10m}
  over: {end: done}
  bad: {end: failed}
---
playbook: child
title: Child
description: Is run by another.
triggers: [operator]
scope: venue
steps:
  tell: {act: {notify: {title: hello}}}
  over: {end: done}
---
playbook: after
title: After
description: Follows the parent.
triggers: [{playbook: parent, outcome: done}]
scope: desk
steps:
  tell: {act: {notify: {title: after}}}
  over: {end: done}
"""


def test_a_playbook_runs_another_and_a_third_follows_its_end() -> None:
    desk = Desk(library_of(PARENT))
    for name in ("parent", "child", "after"):
        desk.arm(name, "act")
    desk.start("parent")
    started = {one.run: (one.trigger, str(one.scope)) for one in desk.receipts(PlaybookStarted)}
    assert started == {
        "parent-1": ("a test", "deribit"),
        "child-1.parent.first": ("playbook parent-1", "deribit"),
        "after-1": ("run parent-1 done", "desk"),
    }
    assert outcomes(desk) == ["done", "done", "done"]


def test_a_playbook_that_only_observes_does_not_help_the_one_that_runs_it() -> None:
    desk = Desk(library_of(PARENT))
    desk.arm("parent", "act")
    run = desk.start("parent")
    assert desk.path(run) == ["first failed", "bad failed"]


OTHER = HALVE.replace("halve", "shrink").replace("cooldown: 1m", "cooldown: 0s")


def test_two_runs_never_move_one_position_at_the_same_time() -> None:
    desk = Desk(library_of(HALVE, OTHER))
    desk.arm("halve", "act")
    desk.arm("shrink", "act")
    desk.refuses = {PlaceOrder}
    first = desk.start("halve")
    second = desk.start("shrink", Scope())
    assert desk.path(second) == ["pause done"]
    assert f"{second} waits with half until {first} has moved" in desk.notices
    desk.refuses = set()
    desk.later(60)
    entered = [(one.run, one.time_ns) for one in desk.receipts(StepEntered) if one.step == "half"]
    left = [
        one for one in desk.journal if getattr(one, "run", "") == first and getattr(one, "step", "") == "half"
    ]
    assert entered[1][0] == second
    assert entered[1][1] >= left[-1].time_ns
    assert desk.view.position("deribit", "main", "BTC-PERPETUAL") == 15_000


def test_a_run_of_a_version_that_is_not_loaded_any_more_is_stopped_and_people_are_told() -> None:
    desk = halving("confirm")
    run = desk.start("halve")
    desk.library = library_of(HALVE.replace("0.5", "0.25"))
    desk.crash()
    desk.settle()
    (ended,) = desk.receipts(PlaybookEnded)
    assert (ended.run, ended.outcome) == (run, "stopped")
    assert any(getattr(one.action, "title", "") == f"{run} is stopped" for one in desk.receipts(Intended))


def test_a_person_stops_a_run_where_it_stands() -> None:
    desk = halving("confirm")
    run = desk.start("halve")
    stopped = desk.runner.stop(desk.now_ns, run, "ann")
    assert stopped is not None
    desk.write(stopped)
    desk.later(900)
    assert outcomes(desk) == ["stopped"]
    assert desk.runner.stop(desk.now_ns, run, "ann") is None


def test_advancing_changes_nothing_by_itself() -> None:
    desk = halving("act")
    started = desk.runner.start(desk.now_ns, "halve", VENUE, "x")
    desk.write(started)
    assert desk.advance() == desk.advance()


def test_an_empty_runner_wants_nothing() -> None:
    desk = Desk(library_of(HALVE))
    runner = Runner(desk.library)
    due = runner.advance(START_NS, Moment(), desk.outbox, lambda _scope: {})
    assert (due.receipts, due.wanted, due.wake_ns) == ([], [], 0)


def test_a_run_that_waits_says_when_it_wants_to_be_woken() -> None:
    desk = Desk(library_of(LOOP))
    desk.arm("loop", "act")
    desk.start("loop")
    assert desk.advance().wake_ns == START_NS + 60 * SECOND_NS
