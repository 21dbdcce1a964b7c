"""What can happen, as the control plane sees it: a closed union of frozen structs.

Rows in bulk are in `tape`; here is everything that people, policy and playbooks read. Times are UTC nanoseconds.
"""

from typing import Literal

import msgspec

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")

Level = Literal["normal", "watch", "restrict", "reduce", "halt"]
LEVELS: tuple[Level, ...] = ("normal", "watch", "restrict", "reduce", "halt")


class Scope(msgspec.Struct, frozen=True):
    """Where something holds: an instrument of a venue, a whole venue, or (both empty) the desk."""

    venue: str = ""
    instrument: str = ""

    def __str__(self) -> str:
        return ":".join(part for part in (self.venue, self.instrument) if part) or "desk"


class Alert(msgspec.Struct, frozen=True, tag=True):
    """A detector spoke: what it saw, against what it compares, and why. Units of value: see the detector's docstring."""

    time_ns: int
    detector: str
    scope: Scope
    severity: Severity
    value: float
    threshold: float
    evidence: dict[str, float | str]
    message: str


class AlertCleared(msgspec.Struct, frozen=True, tag=True):
    """The condition behind an alert has ended."""

    time_ns: int
    detector: str
    scope: Scope


class ScoreMoved(msgspec.Struct, frozen=True, tag=True):
    """The risk score of a scope changed enough to matter; parts sum to the score."""

    time_ns: int
    scope: Scope
    score: float
    parts: dict[str, float]


class LevelMoved(msgspec.Struct, frozen=True, tag=True):
    """A scope went to another level of the escalation table."""

    time_ns: int
    scope: Scope
    from_level: Level = msgspec.field(name="from")
    to_level: Level = msgspec.field(name="to")
    because: str


class ResyncRequested(msgspec.Struct, frozen=True, tag=True):
    """A codec lost the thread of a book and needs a fresh snapshot before the book may be served again."""

    time_ns: int
    venue: str
    instrument: str
    reason: str


class Quarantined(msgspec.Struct, frozen=True, tag=True):
    """A piece of input that could not be used: where it was, why, and how it began."""

    file: str
    line: int
    code: str
    reason: str
    sample: str


class Decided(msgspec.Struct, frozen=True, tag=True):
    """A rule fired: what it wants done, by which version of which rule, on what evidence. Rehearsed, never sent."""

    time_ns: int
    scope: Scope
    rule_id: str
    rule_version: str
    rule_title: str
    action: str
    level: Level
    evidence: dict[str, float | str | bool]


class RiskMeasured(msgspec.Struct, frozen=True, tag=True):
    """What a desk's portfolio is worth and could lose, as a worker computed it outside the fold; a replay uses it as it is.

    `time_ns` is when the fold took it in, `as_of_ns` the market that it was computed from. `values` are named and in units
    as in `policy/fields.py`; what could not be computed is absent, and `missing` says why.
    """

    time_ns: int
    as_of_ns: int
    scope: Scope
    values: dict[str, float]
    missing: tuple[str, ...] = ()


Event = (
    Alert | AlertCleared | ScoreMoved | LevelMoved | ResyncRequested | Quarantined | Decided | RiskMeasured
)
