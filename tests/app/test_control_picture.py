"""The picture: the fold that the live node and the files share, and the screens made of it."""

import msgspec
from control_desk import DESK, NOW_NS, People, incident
from hypothesis import given
from hypothesis import strategies as st

from holdfast.action import CancelAll, Tell
from holdfast.app.control.phrase import span
from holdfast.app.control.picture import ENDED_RUNS_MAX, Picture
from holdfast.app.control.run_screen import run_lines
from holdfast.app.control.screen import Sight, incident_lines, status_lines
from holdfast.clock import SECOND_NS
from holdfast.event import Alert, ClockMeasured, LevelMoved, LineMoved, Scope
from holdfast.receipt import (
    ApprovalClosed,
    ApprovalEscalated,
    Attempted,
    Commanded,
    Intended,
    NodeStarted,
    NodeStopped,
    PermitMoved,
    PlaybookEnded,
    PlaybookStarted,
    Receipt,
    Settled,
    StepEntered,
    StepLeft,
    Voted,
)

DERIBIT = Scope("deribit")


def folded(*records: object) -> Picture:
    picture = Picture()
    for record in records:
        picture.fold(record)
    return picture


def sight(picture: Picture, **given: object) -> Sight:
    fields = {"desk": DESK, "picture": picture, "now_ns": NOW_NS, "source": "node", "alive": True, **given}
    return Sight(**fields)  # type: ignore[arg-type]


def text(lines: list[str]) -> str:
    return "\n".join(lines)


def test_an_incident_waits_for_a_person_with_its_stake_deadline_and_default() -> None:
    screen = text(status_lines(sight(folded(NodeStarted(NOW_NS, "node-1", 3), *incident()))))
    assert "node-1 is alive, epoch 3" in screen
    assert (
        "1,200,000 USD of exposure, 3m 20s left (until 21:21:20Z), 0 of 2 said yes; if nobody answers: pause"
        in screen
    )
    assert "holdfast approve deleverage-17/ask" in screen
    assert screen.index("WAITING FOR A PERSON") < screen.index("INCIDENTS") < screen.index("PLAYBOOKS")


def test_a_deadline_that_has_passed_is_called_overdue() -> None:
    screen = text(status_lines(sight(folded(*incident()), now_ns=NOW_NS + 230 * SECOND_NS)))
    assert "OVERDUE by 30s" in screen


def test_a_run_shows_what_was_done_what_it_does_and_what_would_be_sent() -> None:
    picture = folded(*incident(), Voted(NOW_NS, "deleverage-17/ask", "tom", True, "agreed"))
    lines = run_lines(
        picture.runs["deleverage-17"], sight(picture), ["sell: reduce by 0.4"], ["sell 2 BTC-PERPETUAL"]
    )
    screen = text(lines)
    assert lines[0].startswith("deleverage-17/ask: 1,200,000 USD of exposure")
    assert "tom said yes 0.0s ago: agreed" in screen
    assert "cancel every order of deribit:main: done (12 cancelled); deleverage: cancel" in screen
    assert "ask, for 59s, 3m 20s left\n    fraction: 0.4" in screen
    assert "NEXT\n  sell: reduce by 0.4" in screen
    assert "AN APPROVAL WOULD SEND\n  sell 2 BTC-PERPETUAL" in screen
    assert "holdfast halt deribit" in screen


def test_an_ended_run_says_how_it_ended_and_offers_nothing_to_type() -> None:
    closed = ApprovalClosed(NOW_NS, "deleverage-17/ask", "denied")
    picture = folded(*incident(), closed, PlaybookEnded(NOW_NS, "deleverage-17", "denied", "tom said no"))
    screen = text(run_lines(picture.runs["deleverage-17"], sight(picture), [], []))
    assert "denied 0.0s ago: tom said no" in screen
    assert "TO TYPE" not in screen
    assert picture.open_runs == []
    assert "deleverage of deribit, confirm, denied" in text(incident_lines(sight(picture)))


def test_an_escalated_question_has_its_new_deadline_and_all_who_were_asked() -> None:
    picture = folded(
        *incident(),
        ApprovalEscalated(NOW_NS, "deleverage-17/ask", ("role:admin", "rita"), NOW_NS + 900 * SECOND_NS),
    )
    (approval,) = picture.open_approvals
    assert (approval.asked, approval.escalated) == (("role:trader", "rita", "role:admin"), 1)
    assert "15m left" in text(status_lines(sight(picture)))


def test_an_intent_is_open_until_it_is_settled_and_a_word_is_no_effect() -> None:
    intended = Intended(NOW_NS - SECOND_NS, "r/s/0", CancelAll("deribit", "main"), "halt")
    told = Intended(NOW_NS, "r/s/1", Tell("halted", "all of it"), "halt")
    picture = folded(intended, Attempted(NOW_NS, "r/s/0", 2), told, Settled(NOW_NS, "r/s/1", "done"))
    assert "cancel every order of deribit:main: 1.0s, 2 attempts (r/s/0)" in text(
        status_lines(sight(picture))
    )
    assert picture.effects == 0
    picture.fold(Settled(NOW_NS, "r/s/0", "done"))
    assert (picture.intents, picture.effects) == ({}, 1)


def test_a_permit_holds_until_it_is_open_and_a_level_until_it_is_normal() -> None:
    halted = PermitMoved(NOW_NS, DERIBIT, "halted", "tom: odd fills")
    up = LevelMoved(NOW_NS, DERIBIT, "normal", "reduce", "score 71")
    screen = text(status_lines(sight(folded(halted, up))))
    assert "deribit is HALTED for 0.0s: tom: odd fills" in screen
    assert "deribit is at reduce for 0.0s: score 71" in screen
    picture = folded(
        halted,
        up,
        PermitMoved(NOW_NS, DERIBIT, "open", ""),
        LevelMoved(NOW_NS, DERIBIT, "reduce", "normal", ""),
    )
    assert (picture.permits, picture.levels) == ({}, {})


def test_lines_and_clocks_are_shown_and_a_new_node_begins_without_lines() -> None:
    down = LineMoved(
        time_ns=NOW_NS, venue="deribit", account="main", line="private", up=False, reason="reset"
    )
    clock = ClockMeasured(time_ns=NOW_NS, venue="deribit", offset_ns=-2_500_000, round_trip_ns=3_000_000)
    screen = text(status_lines(sight(folded(down, clock))))
    assert "deribit/main/private is DOWN for 0.0s: reset" in screen
    assert "deribit's clock is -2.5 ms from ours (to 1.5 ms)" in screen
    assert folded(down, NodeStarted(NOW_NS, "node-2", 2)).lines == {}


def test_the_first_line_says_whether_the_node_lives() -> None:
    begun = NodeStarted(NOW_NS - 100 * SECOND_NS, "node-1", 1)
    stopped = NodeStopped(NOW_NS - 50 * SECOND_NS, "node-1", 1, "asked to")
    assert "no node has ever run here" in status_lines(sight(Picture(), source="files", alive=False))[0]
    assert (
        "is DEAD, last sign of life 1m 40s ago"
        in status_lines(sight(folded(begun), source="files", alive=False))[0]
    )
    ended = status_lines(sight(folded(begun, stopped), source="files", alive=False))[0]
    assert "was STOPPED 50s ago: asked to" in ended
    assert "is alive" in status_lines(sight(folded(begun), source="files"))[0]


def test_a_stop_of_an_older_epoch_does_not_stop_the_newer_node() -> None:
    late = NodeStopped(NOW_NS, "node-1", 1, "fenced")
    picture = folded(NodeStarted(NOW_NS, "node-1", 1), NodeStarted(NOW_NS, "node-2", 2), late)
    assert (picture.node, picture.stopped_ns) == ("node-2", 0)


def test_commands_are_shown_with_who_gave_them_and_what_was_refused() -> None:
    given_ = Commanded(NOW_NS, "tom", "halt", {"scope": "deribit", "comment": "x"}, "", True, "")
    refused = Commanded(
        NOW_NS, "vic", "arm", {"playbook": "p", "mode": "act"}, "", False, "command.not_allowed: no"
    )
    screen = text(status_lines(sight(folded(given_, refused), waiting=[People.command("rita", "resume")])))
    assert "tom gave halt deribit 0.0s ago" in screen
    assert "vic gave arm p --mode act 0.0s ago, REFUSED: command.not_allowed: no" in screen
    assert "rita left resume 0.0s ago, not read by a node yet" in screen


def test_old_runs_are_forgotten_and_open_ones_are_not() -> None:
    picture = Picture()
    for number in range(ENDED_RUNS_MAX + 5):
        run = f"p-{number}"
        picture.fold(PlaybookStarted(number, run, "p", "v", DERIBIT, "act", "x"))
        if number:
            picture.fold(PlaybookEnded(number, run, "done"))
    assert len(picture.runs) == ENDED_RUNS_MAX + 1
    assert "p-0" in picture.runs
    assert "p-1" not in picture.runs


def test_what_is_of_no_interest_or_speaks_of_nothing_known_changes_nothing() -> None:
    picture = folded(
        Alert(NOW_NS, "depeg", DERIBIT, "low", 1.0, 2.0, {}, "x"),
        StepEntered(NOW_NS, "nobody-1", "s"),
        StepLeft(NOW_NS, "nobody-1", "s", "done", ""),
        PlaybookEnded(NOW_NS, "nobody-1", "done"),
        Voted(NOW_NS, "nobody-1/s", "tom", True),
        Settled(NOW_NS, "a/b/0", "done"),
    )
    assert msgspec.structs.replace(picture, as_of_ns=0) == Picture()


@given(st.permutations(incident()), st.integers(0, 8))
def test_any_order_and_any_beginning_gives_a_picture_that_can_be_sent(
    records: list[Receipt], count: int
) -> None:
    picture = folded(*records[:count])
    assert msgspec.json.decode(msgspec.json.encode(picture), type=Picture) == picture
    assert status_lines(sight(picture))


def test_a_span_is_short() -> None:
    spans = [span(seconds * SECOND_NS) for seconds in (0, 9, 10, 60, 3600, 3661, 90_000, -70)]
    assert spans == ["0.0s", "9.0s", "10s", "1m", "1h", "1h 1m", "1d 1h", "-1m 10s"]
