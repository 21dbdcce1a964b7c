"""The rules and playbooks that come with the package agree, and what a desk adds to them is held against them."""

import pytest

from holdfast.app.agreement import MADE_IN_CODE, agree, responses_of
from holdfast.app.playbook_files import load_playbooks, playbook_texts
from holdfast.app.rule_files import rule_texts
from holdfast.clock import MINUTE_NS
from holdfast.detectors.names import ALERT_NAMES
from holdfast.policy.consistency.finding import Inconsistent
from holdfast.policy.consistency.response import OnAction, OnAlert, OnEndOf
from holdfast.response.playbook.checks import Vocabulary
from holdfast.response.playbook.reader import read_playbooks
from holdfast.settings import EscalationTable

PEOPLE = ("ann", "role:admin", "role:risk_officer", "role:trader")

OPENS = """
playbook: opens_again
title: Opens again
description: Pauses on a runaway strategy and opens again after ten seconds, whatever the strategy does.
triggers:
  - {alert: runaway_orders, severity: medium}
scope: venue
steps:
  stop: {act: pause, on_failure: over}
  a_while: {wait: 10s}
  open: {act: {resume: {patience_s: 30}}, on_failure: over}
  over: {end: done}
"""


def read(text: str) -> tuple:
    vocabulary = Vocabulary(rules=None, detectors=ALERT_NAMES)
    return tuple(read_playbooks({"own.yml": text}, vocabulary, ()).playbooks.values())


def test_what_comes_with_the_package_agrees() -> None:
    library = load_playbooks(None)
    told = agree(
        rule_texts(None),
        library.playbooks.values(),
        playbook_texts(None),
        table=EscalationTable(),
        arm={},
        people=PEOPLE,
    )
    assert told == ()


def test_a_desk_without_people_is_refused_with_every_halt_and_question() -> None:
    library = load_playbooks(None)
    with pytest.raises(Inconsistent) as refused:
        agree(
            rule_texts(None),
            library.playbooks.values(),
            playbook_texts(None),
            table=EscalationTable(),
            arm={},
            people=(),
        )
    assert {one.code for one in refused.value.findings} == {"consistency.nobody"}
    assert "unauthorised_order.yml:1" in str(refused.value)
    assert "circuit_breaker.yml:1" in str(refused.value)


def test_a_playbook_of_the_desk_that_opens_what_still_holds_is_refused_with_its_line() -> None:
    with pytest.raises(Inconsistent, match=r"own\.yml:2.*runaway_orders") as refused:
        agree({}, read(OPENS), {"own.yml": OPENS}, table=EscalationTable(), arm={}, people=PEOPLE)
    assert "consistency.oscillates" in {one.code for one in refused.value.findings}


def test_what_a_playbook_does_without_a_person_is_read_from_its_table() -> None:
    (opens,) = responses_of(read(OPENS), {"own.yml": OPENS}, {"opens_again": "act"})
    assert (opens.tightens, opens.loosens, opens.loosens_when, opens.armed) == ("paused", "open", "", True)
    assert opens.loosens_after_ns == MINUTE_NS // 6
    assert opens.triggers == (OnAlert("runaway_orders", 2),)
    assert str(opens.place) == "own.yml:2"
    known = {
        one.name: one
        for one in responses_of(tuple(load_playbooks(None).playbooks.values()), playbook_texts(None), {})
    }
    assert known["close_only"].loosens_when == '(trusted) && (level == "normal")'
    assert known["close_only"].loosens_after_ns == 10 * MINUTE_NS
    assert known["cancel_and_pause"].loosens == ""  # somebody is asked in what it calls
    assert known["cancel_and_pause"].calls == ("reconcile_and_resume",)
    assert OnAction("halt") in known["circuit_breaker"].triggers
    assert known["circuit_breaker"].tightens == "halted"
    assert any(isinstance(one, OnEndOf) for one in known["venue_evacuation"].triggers)
    assert str(known["dynamic_delta_hedge_btc"].place) == MADE_IN_CODE
    assert not any(one.armed for one in known.values())
