"""A level that a run before this one left behind stands, whatever the clock has done since."""

from holdfast.clock import SECOND_NS
from holdfast.event import LevelMoved, Scope
from holdfast.policy.escalation import Escalation

DESK = Scope()


def restored(at_s: int) -> Escalation:
    """Return an escalation that was left at `reduce` at a time."""
    made = Escalation()
    made.restore(LevelMoved(at_s * SECOND_NS, DESK, "watch", "reduce", "because"))
    return made


def test_a_clock_that_was_set_back_since_a_level_was_left_stops_nothing() -> None:
    escalation = restored(100)
    assert escalation.update(70 * SECOND_NS, DESK, 10.0) == []
    assert escalation.level(DESK) == "reduce"
    assert escalation.update(71 * SECOND_NS, DESK, 95.0)[0].to_level == "halt"


def test_what_was_restored_is_left_after_its_dwell_and_not_before() -> None:
    escalation = restored(100)
    assert escalation.update(200 * SECOND_NS, DESK, 10.0) == []
    assert escalation.update(1_099 * SECOND_NS, DESK, 10.0) == []
    assert escalation.update(1_101 * SECOND_NS, DESK, 10.0)[0].to_level == "restrict"
