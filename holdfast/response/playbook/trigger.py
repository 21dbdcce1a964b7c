"""Triggers: what sets a playbook off, and where it then applies.

Rules:

1. A trigger reads events and receipts; it never looks at a market. Rules and detectors look, playbooks answer.
2. A playbook may apply more widely than the event that set it off: at the event's own scope, on its whole venue,
   or to the desk.
"""

from typing import Final, Literal

import msgspec

from holdfast.event import LEVELS, SEVERITIES, Alert, Decided, Level, LevelMoved, Scope, Severity
from holdfast.policy.rule import Action as Wish
from holdfast.receipt import PlaybookEnded

Reach = Literal["event", "venue", "desk"]
REACHES: Final[tuple[Reach, ...]] = ("event", "venue", "desk")

Outcome = Literal["done", "failed", "denied", "stopped"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("done", "failed", "denied", "stopped")


class OnRule(msgspec.Struct, frozen=True, tag="rule"):
    """A rule decided: `rule` is its id."""

    rule: str


class OnAction(msgspec.Struct, frozen=True, tag="action"):
    """Some rule decided and wants this action."""

    action: Wish


class OnAlert(msgspec.Struct, frozen=True, tag="alert"):
    """A detector raised an alert of this severity or a worse one."""

    alert: str
    severity: Severity = "low"


class OnLevel(msgspec.Struct, frozen=True, tag="level"):
    """A scope rose to this level, or past it."""

    level: Level


class OnOperator(msgspec.Struct, frozen=True, tag="operator"):
    """A person starts it."""


class OnPlaybook(msgspec.Struct, frozen=True, tag="playbook"):
    """A run of another playbook, in a mode that acts, ended with this outcome."""

    playbook: str
    outcome: Outcome = "done"


Trigger = OnRule | OnAction | OnAlert | OnLevel | OnOperator | OnPlaybook

ANSWERED_BY: Final[dict[type, tuple[type, ...]]] = {
    Decided: (OnRule, OnAction),
    Alert: (OnAlert,),
    LevelMoved: (OnLevel,),
    PlaybookEnded: (OnPlaybook,),
}
"""Which triggers a kind of event can set off."""


def answers(trigger: Trigger, event: object) -> str:
    """Say in a few words why an event sets a trigger off; empty when it does not.

    A `PlaybookEnded` names its run only; whose run it was is in front of the last `-` of that name.
    """
    match trigger, event:
        case OnRule(rule), Decided(rule_id=rule_id, rule_title=title) if rule == rule_id:
            return f"rule {title}"
        case OnAction(action), Decided(action=wish, rule_title=title) if action == wish:
            return f"rule {title} wants {wish}"
        case OnAlert(name, least), Alert(detector=detector, severity=severity) if name == detector:
            worse = SEVERITIES.index(severity) >= SEVERITIES.index(least)
            return f"alert {detector} {severity}" if worse else ""
        case OnLevel(level), LevelMoved(from_level=below, to_level=above):
            risen = LEVELS.index(below) < LEVELS.index(level) <= LEVELS.index(above)
            return f"level {above}" if risen else ""
        case OnPlaybook(name, wanted), PlaybookEnded(run=run, outcome=outcome) if wanted == outcome:
            return f"run {run} {outcome}" if name == playbook_of(run) else ""
        case _:
            return ""


def playbook_of(run: str) -> str:
    """Return the playbook that a run is of.

    >>> playbook_of("venue_evacuation-12")
    'venue_evacuation'
    """
    return run.rpartition("-")[0]


def widened(scope: Scope, reach: Reach) -> Scope:
    """Return where a playbook applies, given the scope of what set it off."""
    if reach == "desk":
        return Scope()
    return Scope(scope.venue) if reach == "venue" else scope


def contains(wide: Scope, narrow: Scope) -> bool:
    """Tell whether everything of `narrow` lies in `wide`.

    >>> contains(Scope("deribit"), Scope("deribit", "BTC-PERPETUAL")), contains(Scope("deribit"), Scope())
    (True, False)
    """
    return wide.venue in ("", narrow.venue) and wide.instrument in ("", narrow.instrument)


def overlap(one: Scope, other: Scope) -> bool:
    """Tell whether two scopes share anything."""
    return contains(one, other) or contains(other, one)
