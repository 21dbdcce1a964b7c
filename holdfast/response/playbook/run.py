"""Run: where one run of a playbook stands, folded from its receipts and from nothing else.

Rules:

1. A step is *waiting* once the run has come to it and *active* from its `StepEntered` to its `StepLeft`.
2. A receipt that does not fit (a step left that is not active, anything after the end) changes nothing.
3. `undo:<step>` is the step that undoes another; it exists only while a run that failed is put back.
"""

from typing import Final

import msgspec

from holdfast.event import Scope
from holdfast.receipt import (
    ApprovalClosed,
    Intended,
    Mode,
    PlaybookEnded,
    PlaybookStarted,
    StepEntered,
    StepLeft,
)
from holdfast.response.playbook.playbook import JOIN, Act, Parallel, Playbook
from holdfast.response.playbook.table import owners

UNDO: Final = "undo:"


class Run(msgspec.Struct, kw_only=True):
    """One run: its identity, and the steps that are waiting, active and to be undone."""

    name: str
    playbook: str
    version: str
    scope: Scope
    mode: Mode
    trigger: str
    started_ns: int
    values: dict[str, float | str | bool] = {}
    waiting: list[str] = []
    active: dict[str, StepEntered] = {}
    rounds: dict[str, int] = {}
    joined: dict[str, list[str]] = {}
    to_undo: list[str] = []
    keys: dict[str, None] = {}
    failures: int = 0
    because: str = ""  # the first failure, in words
    failing: bool = False
    confirmed: bool = False
    last: StepLeft | None = None
    ended: PlaybookEnded | None = None

    @classmethod
    def started(cls, receipt: PlaybookStarted, playbook: Playbook | None) -> "Run":
        """Return the run that a receipt began; it waits at the first step of its playbook."""
        return cls(
            name=receipt.run,
            playbook=receipt.playbook,
            version=receipt.version,
            scope=receipt.scope,
            mode=receipt.mode,
            trigger=receipt.trigger,
            started_ns=receipt.time_ns,
            values=receipt.values,
            waiting=[playbook.steps[0].name] if playbook else [],
        )

    def copy(self) -> "Run":
        """Return a draft that can be moved on without touching this one."""
        draft = msgspec.structs.replace(self)
        draft.waiting, draft.active, draft.rounds = list(self.waiting), dict(self.active), dict(self.rounds)
        draft.joined = {name: list(outcomes) for name, outcomes in self.joined.items()}
        draft.to_undo, draft.keys = list(self.to_undo), dict(self.keys)
        return draft

    def fold(self, receipt: object, playbook: Playbook | None) -> None:
        """Take in a receipt of this run."""
        if self.ended is not None:
            return
        match receipt:
            case StepEntered():
                self._enter(receipt, playbook)
            case StepLeft() if receipt.step in self.active:
                self._leave(receipt, playbook)
            case ApprovalClosed(outcome="approved"):
                self.confirmed = True
            case Intended():
                self.keys[receipt.key] = None
            case PlaybookEnded():
                self.ended = receipt
            case _:
                pass

    def is_over(self) -> bool:
        """Tell whether nothing is left to do but to say so."""
        return not self.waiting and not self.active

    def key_step(self, step: str) -> str:
        """Return the name that a step's actions and approvals go under: its own, and its round from the second on."""
        rounds = self.rounds.get(step, 1)
        return step if rounds <= 1 else f"{step}#{rounds}"

    def _enter(self, receipt: StepEntered, playbook: Playbook | None) -> None:
        name = receipt.step
        if name in self.active:
            return
        if name in self.waiting:
            self.waiting.remove(name)
        self.active[name] = receipt
        self.rounds[name] = self.rounds.get(name, 0) + 1
        step = playbook.step(name) if playbook else None
        if isinstance(step, Parallel) and self.mode not in ("observe", "advise"):
            self.joined[name] = []
            self.waiting += step.branches

    def _leave(self, receipt: StepLeft, playbook: Playbook | None) -> None:
        name = receipt.step
        del self.active[name]
        self.last = receipt
        if receipt.outcome in ("failed", "timeout"):
            self.failures += 1
            self.because = self.because or f"{name}: {receipt.detail or receipt.outcome}"
        step = playbook.step(name) if playbook else None
        can_undo = isinstance(step, Act) and step.undo is not None and receipt.outcome == "done"
        if can_undo and name not in self.to_undo:
            self.to_undo.append(name)
        if name.startswith(UNDO) and (undone := name.removeprefix(UNDO)) in self.to_undo:
            self.to_undo.remove(undone)
        if receipt.next_step == JOIN:
            owner = owners(playbook).get(name, "") if playbook else ""
            self.joined.setdefault(owner, []).append(receipt.outcome)
        elif receipt.next_step:
            self.failing = self.failing or receipt.next_step.startswith(UNDO)
            self.waiting.append(receipt.next_step)
