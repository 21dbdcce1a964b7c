"""Responses: what answers to rules and alerts, described by its effects alone, whoever carries it out.

Policy does not know playbooks. Whoever loads them says of each what sets it off, what it tightens and loosens, and when.
"""

from typing import Final, Literal

import msgspec

from holdfast.event import Level
from holdfast.policy.consistency.finding import Place
from holdfast.policy.rule import Action
from holdfast.receipt import Permit

PERMITS: Final[tuple[Permit, ...]] = ("open", "reduce_only", "paused", "halted")
"""From the loosest to the tightest."""


class OnRule(msgspec.Struct, frozen=True):
    """A rule decided: by its id."""

    rule_id: str


class OnAction(msgspec.Struct, frozen=True):
    """Some rule wants this action."""

    action: Action


class OnAlert(msgspec.Struct, frozen=True):
    """A detector's alert, of this severity or worse: 1 low to 4 critical."""

    detector: str
    rank: int = 1


class OnLevel(msgspec.Struct, frozen=True):
    """A scope rose to this level or past it."""

    level: Level


class OnEndOf(msgspec.Struct, frozen=True):
    """Another response ended, in whatever way."""

    response: str


Trigger = OnRule | OnAction | OnAlert | OnLevel | OnEndOf


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One response. Only what may happen without a person is an effect, but for `people`.

    `tightens` is the tightest permit that it sets; `loosens` the loosest that it sets back without asking a person, empty
    for none, which happens `loosens_after_ns` after its start at the earliest and only while `loosens_when` (a condition
    over rules' fields, empty for always) holds. `calls` are the responses that it starts. `people` are those who are asked
    before it goes on, and without whose answer it cannot end what it began; empty where nobody is needed. `wider`: it
    applies to the whole venue or desk when something within sets it off.
    """

    name: str
    place: Place
    triggers: tuple[Trigger, ...]
    tightens: Permit = "open"
    loosens: Permit | Literal[""] = ""
    loosens_after_ns: int = 0
    loosens_when: str = ""
    calls: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    armed: bool = False
    wider: bool = False


def rank_of(permit: Permit | Literal[""]) -> int:
    """Return how tight a permit is, 0 for open."""
    return PERMITS.index(permit) if permit else 0
