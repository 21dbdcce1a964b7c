"""The outlook: what a real playbook's run has before it, in the picture that its own receipts give."""

import pytest

from holdfast.app.control.incident import RunPicture
from holdfast.app.control.outlook import Outlook, outlook
from holdfast.app.control.picture import Picture
from holdfast.app.playbook_files import load_playbooks
from holdfast.app.rule_files import load_rules
from holdfast.response.playbook.library import Library
from tests.response.playbook_desk import VENUE, Desk


@pytest.fixture(scope="module")
def library() -> Library:
    return load_playbooks(None, load_rules(None))


def run_of(desk: Desk, name: str) -> RunPicture:
    picture = Picture()
    for record in desk.journal:
        picture.fold(record)
    return picture.runs[name]


def asked(library: Library, mode: str = "confirm") -> tuple[Desk, RunPicture]:
    """Return a desk whose deleveraging waits for people before it sells anything."""
    desk = Desk(library)
    desk.arm("deleverage", mode)
    run = desk.start("deleverage", VENUE, "level reduce")
    return desk, run_of(desk, run)


def test_a_run_that_asks_shows_the_orders_that_a_yes_would_send(library: Library) -> None:
    desk, run = asked(library)
    assert run.approvals, "it asks before it moves the desk"
    ahead = outlook(run, library.playbooks["deleverage"], desk.view)
    assert any(text.startswith("sell ") and "reduce-only" in text for text in ahead.would_send), ahead
    assert any("reduce every position" in text for text in ahead.next_steps), ahead
    before = list(desk.journal)
    outlook(run, library.playbooks["deleverage"], desk.view)
    assert desk.journal == before


def test_a_run_that_is_over_has_nothing_before_it(library: Library) -> None:
    desk, run = asked(library)
    run.outcome = "stopped"
    assert outlook(run, library.playbooks["deleverage"], desk.view) == Outlook()


def test_a_playbook_that_was_changed_or_taken_away_since_promises_nothing(library: Library) -> None:
    desk, run = asked(library)
    assert outlook(run, None, desk.view) == Outlook()
    run.version = "000000000000"
    assert outlook(run, library.playbooks["deleverage"], desk.view) == Outlook()
