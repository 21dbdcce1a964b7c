"""A run goes on after a crash at any record as if there had been none, and does nothing twice."""

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from playbook_desk import START_NS, VENUE, Crashed, Desk, library_of

from holdfast.clock import SECOND_NS
from holdfast.event import Scope
from holdfast.receipt import (
    ApprovalAsked,
    ApprovalClosed,
    PlaybookEnded,
    PlaybookStarted,
    StepEntered,
    StepLeft,
    Voted,
)
from holdfast.response.playbook.runner import NotStarted

RICH = """
playbook: rich
title: Rich
description: Everything that a playbook can do.
triggers: [operator, {action: reduce}]
scope: venue
cooldown: 1m
steps:
  pause: {act: pause, undo: {notify: {title: not paused}}}
  ways: {parallel: [tell, dead_man], then: half, on_failure: half}
  tell: {act: {notify: {title: hello}}, then: join}
  dead_man: {act: {dead_man: {timeout_s: 30}}, then: settle}
  settle: {wait: 5s, then: join}
  half:
    act: {reduce: {fraction: 0.5, slice_usd_max: 10000, patience_s: 60}}
    on_failure: bad
  ask:
    approve: halve again
    needed: 2
    ask: [{people: [bob, eve, "role:trader"], within: 1m}, {people: ["role:admin"], within: 1m}]
    then: again
    on_denied: child
    otherwise: child
  again:
    act: {reduce: {fraction: 0.5, patience_s: 60}}
    on_failure: bad
  more: {if: rounds < 2, then: again, else: child}
  child: {playbook: small, then: over, on_failure: bad, timeout: 10m}
  over: {end: done}
  bad: {end: failed}
---
playbook: small
title: Small
description: Tells somebody.
triggers: [operator, {playbook: rich, outcome: failed}]
scope: venue
cooldown: 0s
steps:
  tell: {act: {notify: {title: small}}}
  over: {end: done}
"""
LIBRARY = library_of(RICH)
POSITION = ("deribit", "main", "BTC-PERPETUAL")


def armed(mode: str) -> Desk:
    desk = Desk(LIBRARY)
    desk.arm("rich", mode)
    desk.arm("small", "act")
    return desk


def whole_run(desk: Desk, fuse: int) -> int:
    """Run everything with a crash at one record; return how many records were written."""
    desk.fuse = fuse
    script = [lambda: begin(desk), lambda: until(desk, 40), lambda: votes(desk), lambda: until(desk, 700)]
    for act in script:
        while True:
            try:
                act()
                break
            except Crashed:
                desk.crash()
    return len(desk.journal)


def begin(desk: Desk) -> None:
    if not desk.runner.runs:
        desk.start("rich")


def until(desk: Desk, seconds: float) -> None:
    desk.later(seconds - (desk.now_ns - START_NS) / SECOND_NS)


def votes(desk: Desk) -> None:
    for operator in ("bob", "eve"):
        desk.vote("rich-1/ask", operator, True)


def effects(desk: Desk) -> dict[str, int]:
    return dict(desk.effects)


RECORDS = whole_run(armed("act"), 0)


def test_the_run_without_a_crash_does_everything() -> None:
    desk = armed("act")
    whole_run(desk, 0)
    assert desk.path("rich-1")[-1] == "over done"
    assert desk.view.position(*POSITION) == 7_500
    assert len(desk.effects) == 10


@pytest.mark.parametrize("fuse", range(1, RECORDS + 1))
def test_a_crash_at_any_record_changes_nothing_of_what_is_done(fuse: int) -> None:
    smooth, crashed = armed("act"), armed("act")
    whole_run(smooth, 0)
    whole_run(crashed, fuse)
    assert set(crashed.effects.values()) == {1}
    assert set(effects(crashed)) == set(effects(smooth))
    assert crashed.view.position(*POSITION) == smooth.view.position(*POSITION)
    assert crashed.path("rich-1") == smooth.path("rich-1")


@pytest.mark.parametrize("mode", ["observe", "advise", "confirm"])
@pytest.mark.parametrize("fuse", range(1, 26))
def test_a_crash_at_any_record_of_a_run_that_does_not_act_by_itself_loses_no_word(
    mode: str, fuse: int
) -> None:
    smooth, crashed = armed(mode), armed(mode)
    for desk, lit in ((smooth, 0), (crashed, fuse)):
        desk.fuse = lit
        for act in (lambda desk=desk: begin_once(desk), lambda desk=desk: until(desk, 700)):
            try:
                act()
            except Crashed:
                desk.crash()
                act()
    assert effects(crashed) == effects(smooth)
    assert crashed.path("rich-1") == smooth.path("rich-1")
    assert len(crashed.receipts(PlaybookEnded)) == len(smooth.receipts(PlaybookEnded)) > 0


def begin_once(desk: Desk) -> None:
    if not desk.receipts(PlaybookStarted):
        desk.start("rich")


def test_a_run_that_is_over_hears_nothing_more() -> None:
    desk = armed("act")
    whole_run(desk, 0)
    before = desk.advance()
    for receipt in desk.journal:
        desk.runner.fold(receipt)
    assert desk.advance() == before
    assert not desk.runner.runs


class Crashes(RuleBasedStateMachine):
    """Triggers, votes, time and crashes in any order, in every mode."""

    @initialize(mode=st.sampled_from(["observe", "advise", "confirm", "act"]))
    def begin(self, mode: str) -> None:
        self.desk, self.mode = armed(mode), mode
        self.largest = self.desk.view.position(*POSITION)

    def guarded(self, act: object) -> None:
        try:
            act()
        except Crashed:
            self.desk.crash()

    @rule(scope=st.sampled_from([VENUE, Scope("deribit", "BTC-PERPETUAL"), Scope()]), twice=st.booleans())
    def set_off(self, scope: Scope, twice: bool) -> None:
        def act() -> None:
            for _ in range(1 + twice):
                started = self.desk.runner.start(self.desk.now_ns, "rich", scope, "a test")
                if not isinstance(started, NotStarted):
                    self.desk.write(started)
            self.desk.settle()

        self.guarded(act)

    @rule(seconds=st.sampled_from([0.5, 3.0, 20.0, 70.0]))
    def wait(self, seconds: float) -> None:
        self.guarded(lambda: self.desk.later(seconds))

    @rule(operator=st.sampled_from(["bob", "eve", "mallory"]), approves=st.sampled_from([True, True, False]))
    def vote(self, operator: str, approves: bool) -> None:
        def act() -> None:
            for approval in self.desk.runner.approvals.waiting():
                role = "trader" if operator != "mallory" else "visitor"
                said = self.desk.vote(approval.asked.approval, operator, approves, role)
                again = self.desk.vote(approval.asked.approval, operator, approves, role)
                assert not isinstance(again, Voted)
                assert operator != "mallory" or not isinstance(said, Voted)
            self.desk.settle()

        self.guarded(act)

    @rule(number=st.integers(1, 12))
    def light_fuse(self, number: int) -> None:
        self.desk.fuse = number

    @rule()
    def crash(self) -> None:
        self.desk.crash()

    @precondition(lambda self: self.desk.journal)
    @rule(data=st.data())
    def hear_late(self, data: st.DataObject) -> None:
        """A record that is folded again, whenever, changes nothing that is done."""
        kinds = (StepEntered, StepLeft, PlaybookStarted, PlaybookEnded, Voted, ApprovalClosed)
        old = [one for one in self.desk.journal if isinstance(one, kinds)]
        ended = {one.run for one in self.desk.receipts(PlaybookEnded)}
        over = [one for one in old if getattr(one, "run", "") in ended]
        if over:
            self.desk.runner.fold(data.draw(st.sampled_from(over)))

    @invariant()
    def nothing_is_done_twice(self) -> None:
        if hasattr(self, "desk"):
            assert set(self.desk.effects.values()) <= {1}

    @invariant()
    def one_run_of_a_playbook_in_a_scope(self) -> None:
        if hasattr(self, "desk"):
            begun = {one.run: one for one in self.desk.receipts(PlaybookStarted)}
            for ended in self.desk.receipts(PlaybookEnded):
                begun.pop(ended.run, None)
            going = [(one.playbook, one.scope) for one in begun.values()]
            assert len(going) == len(set(going))

    @invariant()
    def positions_only_shrink(self) -> None:
        if hasattr(self, "desk"):
            held = self.desk.view.position(*POSITION)
            assert 0 <= held <= self.largest
            self.largest = held

    @invariant()
    def nothing_moves_unless_it_may(self) -> None:
        if hasattr(self, "desk") and self.mode in ("observe", "advise"):
            assert self.desk.view.position(*POSITION) == 60_000

    @invariant()
    def a_question_is_asked_once(self) -> None:
        if hasattr(self, "desk"):
            asked = [one.approval for one in self.desk.receipts(ApprovalAsked)]
            assert len(asked) == len(set(asked))

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.desk.crash()
            self.desk.later(3_000)
            assert not self.desk.runner.runs  # whatever happened, it comes to an end


Crashes.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestAnyOrderOfCrashes = Crashes.TestCase
