"""Receipts: what the response side did, as it stands in the journal and in the ledger: a closed union of frozen structs.

Folding the receipts of a journal, in order, gives back every intent, playbook run, approval, permit and armed mode: that is
all that start-up does. Times are UTC nanoseconds of the node's clock.
"""

from typing import Literal

import msgspec

from holdfast.action import Action
from holdfast.event import Scope

Mode = Literal["observe", "advise", "confirm", "act"]
"""What a playbook may do: only be recorded; tell people what it would do; ask them first; do it."""

Permit = Literal["open", "reduce_only", "paused", "halted"]
"""What the desk's own strategies may do in a scope: anything; close; nothing new; nothing, and only a person lifts it."""


class NodeStarted(msgspec.Struct, frozen=True, tag=True):
    """A node took over: its name, and the epoch that fences every node before it."""

    time_ns: int
    node: str
    epoch: int


class NodeStopped(msgspec.Struct, frozen=True, tag=True):
    """A node ended in order."""

    time_ns: int
    node: str
    epoch: int
    reason: str


# the outbox


class Intended(msgspec.Struct, frozen=True, tag=True):
    """Something is to be done, once. `client_id` is the order's name at the venue, empty for what is no order."""

    time_ns: int
    key: str
    action: Action
    reason: str
    client_id: str = ""


class Attempted(msgspec.Struct, frozen=True, tag=True):
    """An attempt is about to leave. The venue refuses it when it arrives after `valid_until_ns` (moves only, else 0)."""

    time_ns: int
    key: str
    attempt: int
    valid_until_ns: int = 0


class Settled(msgspec.Struct, frozen=True, tag=True):
    """The fate of an intent is known and final.

    done: it happened (an order: it was accepted; `detail` says how much was filled). refused: venue or governor said no,
    nothing happened. expired: it was not done in time and will not be. abandoned: a person took it over.
    """

    time_ns: int
    key: str
    outcome: Literal["done", "refused", "expired", "abandoned"]
    code: str = ""
    detail: str = ""


# the governor


class Judged(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The governor spoke of an action before it was intended; what it allowed counts against its limits from here on.

    Units: notional and loss at worst, if it happens as a whole, in US dollars. `code` is empty where it was allowed.
    """

    time_ns: int
    key: str
    playbook: str
    venue: str
    kind: str
    allowed: bool
    notional_usd: float = 0.0
    loss_usd: float = 0.0
    code: str = ""
    reason: str = ""


class LimitsProposed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Other limits were asked for, as JSON: what is tighter holds at once, what is looser after the delay in force."""

    time_ns: int
    limits: str
    operator: str


# permits and modes


class PermitMoved(msgspec.Struct, frozen=True, tag=True):
    """What the desk's own strategies may do in a scope has changed."""

    time_ns: int
    scope: Scope
    permit: Permit
    because: str


class PlaybookArmed(msgspec.Struct, frozen=True, tag=True):
    """A person set what a playbook may do."""

    time_ns: int
    playbook: str
    mode: Mode
    operator: str


# playbooks


class PlaybookStarted(msgspec.Struct, frozen=True, tag=True):
    """A run of a playbook began: what set it off, where it applies, and in which mode it runs to its end."""

    time_ns: int
    run: str
    playbook: str
    version: str
    scope: Scope
    mode: Mode
    trigger: str
    values: dict[str, float | str | bool] = {}


class StepEntered(msgspec.Struct, frozen=True, tag=True):
    """A run came to a step. `plan` fixes what the step aims at (targets, limits), so that a restart aims at the same."""

    time_ns: int
    run: str
    step: str
    plan: dict[str, str] = {}
    deadline_ns: int = 0


class StepLeft(msgspec.Struct, frozen=True, tag=True):
    """A step ended and where the run goes from there (empty: nowhere, the run ends)."""

    time_ns: int
    run: str
    step: str
    outcome: Literal["done", "failed", "timeout", "denied", "skipped", "advised"]
    next_step: str
    detail: str = ""


class PlaybookEnded(msgspec.Struct, frozen=True, tag=True):
    """A run is over."""

    time_ns: int
    run: str
    outcome: Literal["done", "failed", "denied", "stopped", "observed", "advised"]
    detail: str = ""


# approvals


class ApprovalAsked(msgspec.Struct, frozen=True, tag=True):
    """People are asked: what would be done, by when they must answer, and what happens if nobody does."""

    time_ns: int
    approval: str
    run: str
    step: str
    question: str
    exposure_usd: float
    needed: int
    asked: tuple[str, ...]
    expires_ns: int
    otherwise: str


class Voted(msgspec.Struct, frozen=True, tag=True):
    """A person answered."""

    time_ns: int
    approval: str
    operator: str
    approves: bool
    comment: str = ""


class ApprovalEscalated(msgspec.Struct, frozen=True, tag=True):
    """Nobody answered in time: the next people are asked."""

    time_ns: int
    approval: str
    asked: tuple[str, ...]
    expires_ns: int


class ApprovalClosed(msgspec.Struct, frozen=True, tag=True):
    """An approval was decided."""

    time_ns: int
    approval: str
    outcome: Literal["approved", "denied", "expired"]


# operators


class Commanded(msgspec.Struct, frozen=True, tag=True):
    """A person told the desk something, signed with their key; `allowed` is what the policies said of it, and why."""

    time_ns: int
    operator: str
    command: str
    arguments: dict[str, str]
    signature: str
    allowed: bool
    because: str


Receipt = (
    NodeStarted
    | NodeStopped
    | Intended
    | Attempted
    | Settled
    | Judged
    | LimitsProposed
    | PermitMoved
    | PlaybookArmed
    | PlaybookStarted
    | StepEntered
    | StepLeft
    | PlaybookEnded
    | ApprovalAsked
    | Voted
    | ApprovalEscalated
    | ApprovalClosed
    | Commanded
)
