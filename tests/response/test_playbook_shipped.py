"""The playbooks that come with Holdfast: loaded, careful, and able to run to their end."""

import re

import pytest
from playbook_desk import VENUE, Desk

from holdfast.app.playbook_files import load_playbooks
from holdfast.policy.rule import ACTIONS
from holdfast.receipt import ApprovalAsked, PlaybookEnded
from holdfast.response.playbook.checks import needs_consent
from holdfast.response.playbook.dry_run import dry_run
from holdfast.response.playbook.playbook import Act, Approve
from holdfast.response.playbook.trigger import OnAction
from holdfast.response.verb import kind_of

LIBRARY = load_playbooks(None)
NAMES = sorted(LIBRARY.playbooks)
CALM = {"trusted": True, "level": "normal", "score": 5.0, "margin_ratio": 0.2}
STORM = {"trusted": False, "level": "halt", "score": 95.0, "margin_ratio": 0.9}


def test_every_playbook_that_is_promised_is_there() -> None:
    promised = {
        *("circuit_breaker", "cancel_and_pause", "deleverage", "collateral_top_up", "venue_evacuation"),
        *(
            "feed_failover",
            "unauthorised_trading_lockdown",
            "reconcile_and_resume",
            "dynamic_delta_hedge_btc",
        ),
    }
    assert promised <= set(NAMES)


def test_every_action_that_a_rule_can_want_sets_something_off() -> None:
    answered = {
        trigger.action
        for one in LIBRARY.playbooks.values()
        for trigger in one.triggers
        if isinstance(trigger, OnAction)
    }
    assert answered == set(ACTIONS)


@pytest.mark.parametrize("name", NAMES)
def test_a_playbook_says_what_it_does_in_plain_words(name: str) -> None:
    playbook = LIBRARY.playbooks[name]
    assert len(playbook.description.split()) >= 12
    assert re.search(r"[.]$", playbook.description)


@pytest.mark.parametrize("name", NAMES)
def test_no_move_comes_before_a_brake_or_an_approval(name: str) -> None:
    if name.startswith("dynamic_delta_hedge"):
        return  # it holds a target: nothing is in flight that a brake would stop
    for step in LIBRARY.playbooks[name].steps:
        if isinstance(step, Approve) or (isinstance(step, Act) and kind_of(step.verb) == "brake"):
            return
        assert not (isinstance(step, Act) and needs_consent(step.verb))


@pytest.mark.parametrize("values", [CALM, STORM, {}], ids=["calm", "storm", "unknown"])
@pytest.mark.parametrize("name", NAMES)
def test_a_playbook_comes_to_its_end_whatever_is_seen(name: str, values: dict[str, object]) -> None:
    desk = Desk(LIBRARY)
    for other in NAMES:
        desk.arm(other, "act")
    desk.values = dict(values)
    desk.view.deltas = {("deribit", "main", "BTC-PERPETUAL"): 1.0}
    run = desk.start(name)
    desk.later(4 * 3600 + 1800)
    for _ in range(40):
        if run not in desk.runner.runs:
            break
        desk.later(3600)
    assert run in {one.run for one in desk.receipts(PlaybookEnded)}
    assert set(desk.effects.values()) <= {1}


@pytest.mark.parametrize("name", ["venue_evacuation", "collateral_top_up"])
def test_what_nobody_agreed_to_is_not_done(name: str) -> None:
    desk = Desk(LIBRARY)
    desk.arm(name, "act")
    desk.values = dict(STORM)
    desk.start(name)
    desk.later(4_000)
    assert desk.receipts(ApprovalAsked)
    assert desk.view.position("deribit", "main", "BTC-PERPETUAL") == 60_000


def test_an_evacuation_that_two_people_agreed_to_closes_everything() -> None:
    desk = Desk(LIBRARY)
    desk.arm("venue_evacuation", "act")
    run = desk.start("venue_evacuation")
    for operator in ("ann", "bob"):
        desk.vote(f"{run}/ask", operator, True, "risk_officer")
    desk.later(600)
    assert desk.view.position("deribit", "main", "BTC-PERPETUAL") == 0
    assert desk.path(run)[-1] == "over done"


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_says_step_by_step_what_would_be_sent_and_sends_nothing(name: str) -> None:
    desk = Desk(LIBRARY)
    plan = dry_run(LIBRARY.playbooks[name], VENUE, desk.view, LIBRARY, STORM)
    assert plan.lines
    assert plan.text.splitlines()[0].startswith(f"{name} ")
    assert all(line.text for line in plan.lines)
    assert not desk.journal


def test_a_dry_run_shows_the_orders_and_the_permits() -> None:
    desk = Desk(LIBRARY)
    plan = dry_run(LIBRARY.playbooks["deleverage"], VENUE, desk.view, LIBRARY, CALM)
    by_step = {line.step: line for line in plan.lines}
    assert by_step["restrict"].permits[0].permit == "reduce_only"
    assert by_step["quarter"].wanted[0].action.quantity == 15_000
    assert "sell 15000 BTC-PERPETUAL" in plan.text
