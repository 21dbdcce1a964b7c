"""A move is planned from what the venues said since this process began, and from what can be read in one way only."""

from playbook_desk import PERPETUAL, Desk, library_of

from holdfast.clock import SECOND_NS
from holdfast.receipt import PlaybookEnded, StepEntered
from holdfast.response.playbook.advance import DOUBT_NS_MAX

ACCOUNT = ("deribit", "main")
HELD = ("deribit", "main", PERPETUAL)
HALVE = """
playbook: halve
title: Halve
description: Brakes, and then halves.
triggers: [operator]
scope: venue
cooldown: 0s
steps:
  brake: {act: cancel_all}
  half: {act: {reduce: {fraction: 0.5, slice_usd_max: 100000, patience_s: 60}}, on_failure: bad}
  over: {end: done}
  bad: {end: failed}
"""


def begun() -> Desk:
    desk = Desk(library_of(HALVE))
    desk.arm("halve", "act")
    return desk


def entered(desk: Desk) -> list[str]:
    return [one.step for one in desk.journal if isinstance(one, StepEntered)]


def wait(desk: Desk, wait_ns: int) -> None:
    desk.now_ns += wait_ns
    desk.view.now_ns = desk.now_ns
    desk.settle()


def test_nothing_held_is_no_reason_to_be_done_before_the_venue_has_said_what_is_held() -> None:
    desk = begun()
    desk.view.unheard.add(ACCOUNT)
    desk.start("halve")
    assert entered(desk) == ["brake"]  # brakes do not wait
    wait(desk, 10 * SECOND_NS)
    assert entered(desk) == ["brake"]
    desk.view.unheard.clear()
    wait(desk, SECOND_NS)
    assert entered(desk)[:2] == ["brake", "half"]


def test_a_move_under_way_is_not_done_while_a_new_process_has_heard_nothing() -> None:
    desk = begun()
    desk.view.doubtful.add(HELD)  # so that the step is entered and not done
    desk.start("halve")
    wait(desk, DOUBT_NS_MAX)
    desk.view.doubtful.clear()
    desk.view.unheard.add(ACCOUNT)
    wait(desk, 5 * SECOND_NS)
    assert not [one for one in desk.journal if isinstance(one, PlaybookEnded)]
    desk.view.unheard.clear()
    wait(desk, SECOND_NS)
    assert [one.outcome for one in desk.journal if isinstance(one, PlaybookEnded)] == ["done"]


def test_a_position_in_doubt_is_asked_for_and_waited_for_but_not_for_ever() -> None:
    desk = begun()
    desk.view.doubtful.add(HELD)
    desk.start("halve")
    assert entered(desk) == ["brake"]
    assert ACCOUNT in desk.view.reconciled
    wait(desk, DOUBT_NS_MAX - 1)
    assert entered(desk) == ["brake"]
    wait(desk, 1)
    assert entered(desk)[:2] == ["brake", "half"]
