"""Incidents: one run of a playbook as people see it, with its steps, its intents, and the questions it asked."""

import msgspec

from holdfast.event import Scope
from holdfast.receipt import Mode
from holdfast.response.approval import OPERATOR


class IntentPicture(msgspec.Struct, kw_only=True):
    """One intent: what is or was to be done, and its fate (empty while open)."""

    key: str
    what: str
    reason: str
    since_ns: int
    attempts: int = 0
    outcome: str = ""
    code: str = ""
    detail: str = ""
    is_word: bool = False


class VotePicture(msgspec.Struct, frozen=True):
    """One answer to a question."""

    operator: str
    approves: bool
    comment: str
    time_ns: int


class ApprovalPicture(msgspec.Struct, kw_only=True):
    """One question to people, and where it stands (outcome empty while open)."""

    approval: str
    run: str
    step: str
    question: str
    exposure_usd: float
    needed: int
    asked: tuple[str, ...]
    asked_ns: int
    expires_ns: int
    otherwise: str
    votes: list[VotePicture] = []
    escalated: int = 0
    outcome: str = ""


class StepPicture(msgspec.Struct, kw_only=True):
    """One step of a run (outcome empty while the run is in it)."""

    step: str
    entered_ns: int
    plan: dict[str, str]
    deadline_ns: int = 0
    left_ns: int = 0
    outcome: str = ""
    detail: str = ""
    next_step: str = ""


class RunPicture(msgspec.Struct, kw_only=True):
    """One run of a playbook, what people call an incident (outcome empty while it runs)."""

    run: str
    playbook: str
    version: str
    scope: Scope
    mode: Mode
    trigger: str
    started_ns: int
    values: dict[str, float | str | bool] = {}
    steps: list[StepPicture] = []
    intents: dict[str, IntentPicture] = {}
    approvals: list[str] = []
    ended_ns: int = 0
    outcome: str = ""
    detail: str = ""

    @property
    def asked_by(self) -> str:
        """Return the operator who set the run off, empty when nobody did."""
        return self.trigger.removeprefix(OPERATOR) if self.trigger.startswith(OPERATOR) else ""

    @property
    def open_steps(self) -> list[StepPicture]:
        """Return the steps that the run is in."""
        return [step for step in self.steps if not step.outcome]

    @property
    def before(self) -> str:
        """Return the step that the run stands before: the last one was left, and this one waits for people."""
        return self.steps[-1].next_step if self.steps and not self.open_steps else ""
