"""A playbook as data: a table of steps, what sets it off, and a version made from every word of it.

Rules:

1. A playbook is a table: each step has a name and says which step comes next. Nothing is hidden in code, so it can be
   drawn, checked before it is loaded, and carried to another executor and back.
2. The first step of the table is where a run begins; a run ends at an `End`.
3. `JOIN` is where a branch of a `Parallel` ends. It is not a step.
4. A step that changes what the desk holds says where the run goes when it fails.
"""

from hashlib import sha256
from typing import Final, Literal

import msgspec

from holdfast.clock import MINUTE_NS
from holdfast.response.playbook.trigger import Reach, Trigger
from holdfast.response.verb import Verb

STEPS_MAX: Final = 100
GROUPS_MAX: Final = 5
VERSION_CHARS: Final = 12
JOIN: Final = "join"
ROLE: Final = "role:"
COOLDOWN_NS_DEFAULT: Final = 15 * MINUTE_NS
TIMEOUT_NS_DEFAULT: Final = 5 * MINUTE_NS


class Group(msgspec.Struct, frozen=True):
    """People who are asked together: operators by name, or everyone of a role (`role:risk_officer`)."""

    people: tuple[str, ...]
    within_ns: int


class Panel(msgspec.Struct, frozen=True):
    """How many must agree, and who is asked, group after group. Whoever was asked before may still answer."""

    needed: int
    groups: tuple[Group, ...]


class Act(msgspec.Struct, frozen=True, kw_only=True, tag="act"):
    """Do something: aim at a verb's target until it is reached. `undo` is done when a later step fails the run.

    `on_failure` empty: what was done before is undone, the latest first, and the run fails.
    """

    name: str
    verb: Verb
    then: str
    on_failure: str = ""
    undo: Verb | None = None
    timeout_ns: int = TIMEOUT_NS_DEFAULT


class Wait(msgspec.Struct, frozen=True, kw_only=True, tag="wait"):
    """Let time pass."""

    name: str
    for_ns: int
    then: str


class Until(msgspec.Struct, frozen=True, kw_only=True, tag="until"):
    """Wait for a condition to be known and true, and not for ever."""

    name: str
    condition: str
    timeout_ns: int
    then: str
    on_timeout: str


class If(msgspec.Struct, frozen=True, kw_only=True, tag="if"):
    """Choose. What is not known is not true: `otherwise` is where the careful branch belongs."""

    name: str
    condition: str
    then: str
    otherwise: str


class Approve(msgspec.Struct, frozen=True, kw_only=True, tag="approve"):
    """Ask people. One no is a no (`on_denied`); nobody's answer leads to `otherwise`."""

    name: str
    question: str
    panel: Panel
    then: str
    on_denied: str
    otherwise: str


class Parallel(msgspec.Struct, frozen=True, kw_only=True, tag="parallel"):
    """Go several ways at once: each branch is a step from which every way leads to `JOIN`."""

    name: str
    branches: tuple[str, ...]
    then: str
    on_failure: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True, tag="playbook"):
    """Run another playbook in the same scope, in its own armed mode, and wait for its end."""

    name: str
    playbook: str
    then: str
    on_failure: str
    timeout_ns: int


class End(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """End the run. A run that fails undoes first what can be undone."""

    name: str
    outcome: Literal["done", "failed"] = "done"
    detail: str = ""


Step = Act | Wait | Until | If | Approve | Parallel | Call | End

PANEL_DEFAULT: Final = Panel(
    1, (Group(("role:risk_officer", "role:trader"), 5 * MINUTE_NS), Group(("role:admin",), 5 * MINUTE_NS))
)


class Playbook(msgspec.Struct, frozen=True, kw_only=True):
    """What the desk does when something happens. `confirm` is who is asked in the mode of that name."""

    name: str
    title: str
    description: str
    triggers: tuple[Trigger, ...]
    scope: Reach
    steps: tuple[Step, ...]
    cooldown_ns: int = COOLDOWN_NS_DEFAULT
    confirm: Panel = PANEL_DEFAULT

    @property
    def canonical(self) -> bytes:
        """Return the content as JSON with a fixed order: layout and comments do not count."""
        return msgspec.json.encode(self, order="deterministic")

    @property
    def version(self) -> str:
        """Return the short digest of the content, as runs carry it."""
        return sha256(self.canonical).hexdigest()[:VERSION_CHARS]

    def step(self, name: str) -> Step | None:
        """Return a step by name."""
        return next((step for step in self.steps if step.name == name), None)


def exits(step: Step) -> list[tuple[str, str]]:
    """Return where a step can lead, as (the field that says so, the name of a step or `JOIN`)."""
    fields = ("then", "otherwise", "on_failure", "on_denied", "on_timeout")
    found = [(field, getattr(step, field)) for field in fields if getattr(step, field, "")]
    if isinstance(step, Parallel):
        found = [("parallel", branch) for branch in step.branches] + found
    return found
