"""An approval is decided by the people who were asked, in time, and one no is a no."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from holdfast.clock import SECOND_NS
from holdfast.error import BrokenInvariant
from holdfast.event import Scope
from holdfast.receipt import ApprovalClosed, ApprovalEscalated, PlaybookEnded, PlaybookStarted, Voted
from holdfast.response.approval import Approvals, VoteRefused, asked
from holdfast.response.playbook.playbook import Group, Panel

NOW_NS = 1_760_131_080 * SECOND_NS
MINUTE_NS = 60 * SECOND_NS


def panel(needed: int, *groups: tuple[str, ...]) -> Panel:
    return Panel(needed, tuple(Group(group, MINUTE_NS) for group in groups))


def opened(of: Panel, asker: str = "") -> Approvals:
    approvals = Approvals()
    trigger = f"operator {asker}" if asker else "a rule"
    approvals.fold(PlaybookStarted(NOW_NS, "r-1", "r", "v", Scope(), "act", trigger))
    approvals.fold(
        asked(NOW_NS, "r-1/ask", run="r-1", step="ask", panel=of, what="Sell half", exposure_usd=1_234_567.0,
              otherwise="nothing is sold")
    )  # fmt: skip
    return approvals


def vote(
    approvals: Approvals, operator: str, approves: bool = True, *roles: str, at_s: float = 1.0
) -> object:
    said = approvals.vote(NOW_NS + round(at_s * SECOND_NS), "r-1/ask", operator, roles, approves)
    approvals.fold(said)
    return said


def verdict(approvals: Approvals, of: Panel, at_s: float = 1.0) -> object:
    one = approvals.get("r-1/ask")
    assert one is not None
    moved = one.verdict(NOW_NS + round(at_s * SECOND_NS), of)
    approvals.fold(moved)
    return moved


def test_the_question_says_exposure_deadline_and_what_silence_means_in_one_sentence() -> None:
    (one,) = opened(panel(1, ("ann", "role:trader"))).waiting()
    assert one.asked.question == (
        "Sell half? 1,234,567 USD of exposure; answer by 2025-10-10T21:19:00Z (1 of ann, role:trader); "
        "nothing is sold if nobody answers."
    )


def test_as_many_as_are_needed_approve() -> None:
    of = panel(2, ("ann", "bob", "eve"))
    approvals = opened(of)
    vote(approvals, "ann")
    assert verdict(approvals, of) is None
    vote(approvals, "eve")
    assert verdict(approvals, of).outcome == "approved"
    assert approvals.waiting() == []


def test_one_no_is_a_no_however_many_said_yes() -> None:
    of = panel(2, ("ann", "bob", "eve"))
    approvals = opened(of)
    vote(approvals, "ann")
    vote(approvals, "bob", False)
    vote(approvals, "eve")
    assert verdict(approvals, of).outcome == "denied"


def test_nobody_votes_twice_and_nobody_changes_their_word() -> None:
    of = panel(2, ("ann", "bob"))
    approvals = opened(of)
    assert isinstance(vote(approvals, "ann"), Voted)
    refused = vote(approvals, "ann", False)
    assert isinstance(refused, VoteRefused)
    assert refused.code == "approval.twice"
    approvals.fold(Voted(NOW_NS, "r-1/ask", "ann", True))
    assert verdict(approvals, of) is None


def test_only_who_was_asked_votes_by_name_or_by_role() -> None:
    approvals = opened(panel(1, ("ann", "role:risk_officer")))
    assert vote(approvals, "mallory", True, "trader").code == "approval.not_asked"
    assert isinstance(vote(approvals, "bob", True, "trader", "risk_officer"), Voted)


def test_who_started_the_run_does_not_approve_it_alone() -> None:
    of = panel(1, ("role:risk_officer",))
    approvals = opened(of, asker="ann")
    vote(approvals, "ann", True, "risk_officer")
    assert verdict(approvals, of) is None
    vote(approvals, "bob", True, "risk_officer")
    assert verdict(approvals, of).outcome == "approved"


def test_who_started_the_run_approves_it_alone_where_nobody_else_was_asked() -> None:
    of = panel(1, ("ann",))
    approvals = opened(of, asker="ann")
    vote(approvals, "ann")
    assert verdict(approvals, of).outcome == "approved"


@pytest.mark.parametrize("trigger", ["playbook p-1", "run p-1 failed"])
def test_who_started_the_run_that_set_this_one_off_does_not_approve_it_alone_either(trigger: str) -> None:
    of = panel(1, ("role:risk_officer",))
    approvals = Approvals()
    approvals.fold(PlaybookStarted(NOW_NS, "p-1", "p", "v", Scope(), "act", "operator ann"))
    approvals.fold(PlaybookEnded(NOW_NS, "p-1", "failed"))
    approvals.fold(PlaybookStarted(NOW_NS, "r-1", "r", "v", Scope(), "act", trigger))
    approvals.fold(
        asked(NOW_NS, "r-1/ask", run="r-1", step="ask", panel=of, what="x", exposure_usd=0.0, otherwise="y")
    )
    vote(approvals, "ann", True, "risk_officer")
    assert verdict(approvals, of) is None


def test_silence_brings_the_next_people_and_the_first_may_still_answer() -> None:
    of = panel(1, ("ann",), ("bob",))
    approvals = opened(of)
    assert verdict(approvals, of, at_s=59) is None
    escalated = verdict(approvals, of, at_s=60)
    assert isinstance(escalated, ApprovalEscalated)
    assert escalated.asked == ("bob",)
    vote(approvals, "ann", at_s=61)
    assert verdict(approvals, of, at_s=61).outcome == "approved"


def test_silence_of_the_last_people_ends_it() -> None:
    of = panel(1, ("ann",), ("bob",))
    approvals = opened(of)
    verdict(approvals, of, at_s=60)
    closed = verdict(approvals, of, at_s=120)
    assert isinstance(closed, ApprovalClosed)
    assert closed.outcome == "expired"


def test_an_answer_after_its_time_does_not_count() -> None:
    approvals = opened(panel(1, ("ann",)))
    assert vote(approvals, "ann", at_s=60).code == "approval.late"


def test_an_answer_to_what_is_decided_or_was_never_asked_does_not_count() -> None:
    of = panel(1, ("ann", "bob"))
    approvals = opened(of)
    assert approvals.vote(NOW_NS, "r-2/ask", "ann", (), True).code == "approval.unknown"
    vote(approvals, "ann")
    verdict(approvals, of)
    assert vote(approvals, "bob").code == "approval.closed"
    approvals.fold(PlaybookEnded(NOW_NS, "r-1", "done"))
    assert vote(approvals, "bob").code == "approval.unknown"


def test_a_panel_without_people_is_our_mistake() -> None:
    with pytest.raises(BrokenInvariant):
        opened(Panel(1, ()))


def test_the_most_urgent_question_comes_first() -> None:
    approvals = opened(panel(1, ("ann",)))
    late = Panel(1, (Group(("ann",), 5 * MINUTE_NS),))
    soon = Panel(1, (Group(("ann",), SECOND_NS),))
    for name, of in (("r-1/late", late), ("r-1/soon", soon)):
        approvals.fold(
            asked(NOW_NS, name, run="r-1", step="ask", panel=of, what="x", exposure_usd=0.0, otherwise="y")
        )
    assert [one.asked.approval for one in approvals.waiting()] == ["r-1/soon", "r-1/ask", "r-1/late"]


PEOPLE = st.sampled_from(["ann", "bob", "eve", "mallory"])


@given(
    needed=st.integers(1, 3),
    votes=st.lists(st.tuples(PEOPLE, st.booleans(), st.floats(0, 130)), max_size=8),
    asker=st.sampled_from(["", "ann"]),
)
def test_whatever_is_said_an_approval_means_enough_people_and_no_no(
    needed: int, votes: list[tuple[str, bool, float]], asker: str
) -> None:
    of = panel(needed, ("ann", "bob"), ("eve",))
    approvals = opened(of, asker)
    counted: dict[str, bool] = {}
    outcome = ""
    for operator, approves, at_s in sorted(votes, key=lambda one: one[2]):
        while not outcome and (moved := verdict(approvals, of, at_s)):
            outcome = getattr(moved, "outcome", "")
        if isinstance(vote(approvals, operator, approves, at_s=at_s), Voted):
            assert not outcome
            counted[operator] = approves
    for at_s in (200.0, 300.0):  # the next people, and then the end
        outcome = outcome or getattr(verdict(approvals, of, at_s), "outcome", "")
    yes = [name for name, approves in counted.items() if approves]
    assert "mallory" not in counted
    if outcome == "approved":
        assert len(yes) >= needed
        assert all(counted.values())
        assert yes != [asker]
    elif outcome == "denied":
        assert not all(counted.values())
    else:
        assert len(yes) < needed or yes == [asker]
