"""Whose alert it is: an instrument's counts for its venue and the desk, a venue's for the desk, the desk's for itself."""

from typing import Any

import pytest

from holdfast.clock import SECOND_NS
from holdfast.detectors.names import ALERT_NAMES
from holdfast.event import Alert, AlertCleared, Decided, Event, Scope
from holdfast.policy.desk import DESK, Desk
from holdfast.policy.escalation import Escalation
from holdfast.policy.rules import RuleSet

VENUE, OTHER = Scope(venue="deribit"), Scope(venue="okx")
BTC = Scope(venue="deribit", instrument="BTC-PERPETUAL")

RULE = """
title: {title}
id: 00000000-0000-4000-8000-00000000000{number}
logsource: {{product: holdfast, category: own}}
detection: {{condition: 'scope == "{scope}" && alerts.{detector} >= 2'}}
response: {{action: pause, level: watch}}
"""


def desk(*rules: tuple[str, str]) -> Desk:
    texts = {
        f"{number}.yml": RULE.format(
            title=f"{scope} {detector}", number=number, scope=scope, detector=detector
        )
        for number, (scope, detector) in enumerate(rules)
    }
    return Desk(RuleSet.load(texts, ALERT_NAMES), Escalation())


def alert(scope: Scope, detector: str, severity: Any = "high") -> Alert:
    return Alert(
        time_ns=0,
        detector=detector,
        scope=scope,
        severity=severity,
        value=1.0,
        threshold=1.0,
        evidence={},
        message="",
    )


def judged(known: Desk, scope: Scope, second: int = 1) -> list[Event]:
    return known.judge(second * SECOND_NS, scope, 0.0, (0.0,) * 5, lambda: {"trusted": True})


def test_an_alert_on_a_venue_survives_alerts_on_its_instruments() -> None:
    known = desk()
    known.note(alert(VENUE, "line_down", "medium"))
    known.note(alert(BTC, "price_shock"))
    assert known.alerts[VENUE] == {"line_down": 2, "price_shock": 3}
    assert known.alerts[BTC] == {"price_shock": 3}
    known.note(AlertCleared(time_ns=0, detector="price_shock", scope=BTC))
    assert known.alerts[VENUE] == {"line_down": 2}
    assert known.alerts[DESK] == {"line_down": 2}


def test_an_alert_on_the_desk_survives_everything_below_it_and_is_nobody_elses() -> None:
    known = desk()
    known.note(alert(DESK, "loop_lag"))
    known.note(alert(OTHER, "line_down"))
    known.note(alert(BTC, "price_shock"))
    assert known.alerts[DESK] == {"loop_lag": 3, "line_down": 3, "price_shock": 3}
    assert known.alerts[VENUE] == {"price_shock": 3}
    assert known.alerts[OTHER] == {"line_down": 3}
    for scope, detector in ((OTHER, "line_down"), (BTC, "price_shock"), (DESK, "loop_lag")):
        known.note(AlertCleared(time_ns=0, detector=detector, scope=scope))
    assert known.alerts == {DESK: {}, VENUE: {}, OTHER: {}, BTC: {}}


def test_one_detector_on_a_venue_and_on_its_instrument_is_its_worst() -> None:
    known = desk()
    known.note(alert(VENUE, "limit_use", "medium"))
    known.note(alert(BTC, "limit_use", "critical"))
    assert known.alerts[VENUE] == {"limit_use": 4}
    known.note(AlertCleared(time_ns=0, detector="limit_use", scope=BTC))
    assert known.alerts[VENUE] == {"limit_use": 2}


@pytest.mark.parametrize(
    ("raised", "kind", "judging"),
    [
        (BTC, "venue", VENUE),
        (VENUE, "venue", VENUE),
        (BTC, "desk", DESK),
        (VENUE, "desk", DESK),
        (DESK, "desk", DESK),
    ],
)
def test_a_rule_on_a_wider_scope_hears_what_was_raised_within_it(
    raised: Scope, kind: str, judging: Scope
) -> None:
    known = desk((kind, "unauthorised_order"))
    known.note(alert(raised, "unauthorised_order", "critical"))
    assert judging in known.restless(1)
    (decided,) = [one for one in judged(known, judging) if isinstance(one, Decided)]
    assert (decided.action, decided.scope) == ("pause", judging)
    assert known.levels[judging] == "watch"


def test_a_rule_on_an_instrument_does_not_hear_what_was_raised_on_its_venue() -> None:
    known = desk(("instrument", "line_down"))
    known.note(alert(VENUE, "line_down", "critical"))
    assert judged(known, BTC) == []


def test_the_memory_tells_where_an_alert_was_raised() -> None:
    on_venue, on_instrument = desk(), desk()
    on_venue.note(alert(VENUE, "limit_use"))
    on_instrument.note(alert(BTC, "limit_use"))
    assert on_venue.alerts[VENUE] == on_instrument.alerts[VENUE]
    assert on_venue.memory() != on_instrument.memory()
