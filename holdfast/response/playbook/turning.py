"""A turn: what one run can do now, as receipts to be journaled and actions that are wanted.

Rules:

1. A turn moves a draft of the run and nothing else. What it returns is pure output: thrown away before it was journaled,
   the next turn returns the same.
2. A step is left only after the outbox knows every action it asked for, so no record boundary can lose one.
3. A move waits while another run moves something in an overlapping scope: two hands never trade one position.
4. In the modes observe and advise steps are entered and left in the order of the table, and nothing is asked for.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, Protocol

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.error import BrokenInvariant
from holdfast.event import Scope
from holdfast.receipt import (
    ApprovalAsked,
    ApprovalClosed,
    ApprovalEscalated,
    PermitMoved,
    PlaybookEnded,
    PlaybookStarted,
    StepEntered,
    StepLeft,
)
from holdfast.response.approval import Approval
from holdfast.response.execution.base import Wanted
from holdfast.response.playbook.facts import facts_of
from holdfast.response.playbook.library import Library
from holdfast.response.playbook.playbook import JOIN, Act, Playbook, Step
from holdfast.response.playbook.run import UNDO, Run
from holdfast.response.playbook.table import owners
from holdfast.response.view import Account, DeskView, OutboxView

Made = (
    PlaybookStarted
    | StepEntered
    | StepLeft
    | PlaybookEnded
    | ApprovalAsked
    | ApprovalEscalated
    | ApprovalClosed
    | PermitMoved
)
ValuesOf = Callable[[Scope], Mapping[str, Any]]
Outcome = Literal["done", "failed", "timeout", "denied", "skipped", "advised"]

LOOK_NS: Final = SECOND_NS  # how often a condition is asked again when nothing else wakes the run


class Due(msgspec.Struct, kw_only=True):
    """What is to be done now. `wake_ns` 0: only an event moves anything on. `ask`: accounts to be reconciled."""

    receipts: list[Made] = []
    wanted: list[Wanted] = []
    ask: list[Account] = []
    notices: list[str] = []
    wake_ns: int = 0

    def wake(self, time_ns: int) -> None:
        """Be called again at a time at the latest."""
        if time_ns:
            self.wake_ns = min(self.wake_ns, time_ns) if self.wake_ns else time_ns

    def add(self, other: "Due") -> None:
        """Put what another run wants behind what is here."""
        self.receipts += other.receipts
        self.wanted += other.wanted
        self.ask += [account for account in other.ask if account not in self.ask]
        self.notices += other.notices
        self.wake(other.wake_ns)


class Runs(Protocol):
    """What a turn must know of the other runs."""

    def outcome_of(self, run: str) -> str | None:
        """Return how a run ended: empty while it goes on, None for one that never began."""
        ...

    def running(self, playbook: str, scope: Scope) -> Run | None:
        """Return the run of a playbook whose scope holds this one."""
        ...

    def moving(self, run: Run) -> str:
        """Return another run that moves something in an overlapping scope now, empty for none."""
        ...

    def begin(self, now_ns: int, run: str, playbook: Playbook, scope: Scope, trigger: str) -> PlaybookStarted:
        """Return the receipt that begins a run in its armed mode."""
        ...

    def approval(self, name: str) -> Approval | None:
        """Return an approval."""
        ...


class Turning:
    """One turn of one run while it is made: the draft, all that it may look at, and what has come of it so far."""

    def __init__(
        self,
        now_ns: int,
        draft: Run,
        playbook: Playbook,
        library: Library,
        runs: Runs,
        view: DeskView,
        outbox: OutboxView,
        values_of: ValuesOf,
    ) -> None:
        self.now_ns, self.draft, self.playbook = now_ns, draft, playbook
        self.library, self.runs, self.view, self.outbox, self.values_of = (
            library,
            runs,
            view,
            outbox,
            values_of,
        )
        self.due = Due()
        self.moves = 0  # how often the draft was moved on

    def emit(self, receipt: Made) -> None:
        """Add a receipt and take it into the draft."""
        self.moves += 1
        self.due.receipts.append(receipt)
        self.draft.fold(receipt, self.playbook)

    def enter(self, step: Step, plan: dict[str, str] | None = None, lasts_ns: int = 0) -> None:
        """Enter a step that may last so long at most; 0: no deadline."""
        deadline_ns = self.now_ns + lasts_ns if lasts_ns else 0
        self.emit(StepEntered(self.now_ns, self.draft.name, step.name, plan or {}, deadline_ns))

    def leave(self, step: Step, outcome: Outcome, target: str, detail: str = "") -> None:
        """Leave a step. The way back of a run that is undone leads from one undo to the next."""
        if step.name.startswith(UNDO):
            target = self._next_undo(step.name)
        self.emit(StepLeft(self.now_ns, self.draft.name, step.name, outcome, target, detail))

    def fail(self, step: Step, outcome: Outcome, target: str, detail: str) -> None:
        """Leave a step that failed: where the table says, else to the end of its branch, else by undoing what was done."""
        if not target and not step.name.startswith(UNDO):
            target = JOIN if step.name in owners(self.playbook) else self._next_undo(step.name)
        self.leave(step, outcome, target, detail)

    def finish(self) -> None:
        """End a run that has come to its end."""
        draft, last = self.draft, self.draft.last
        if draft.mode == "observe":
            self.end("observed")
        elif draft.mode == "advise":
            self.end("advised")
        elif draft.failing or (last is not None and last.outcome in ("failed", "timeout")):
            self.end("failed", draft.because)
        elif last is not None and last.outcome == "denied":
            self.end("denied", last.detail)
        else:
            self.end("done", last.detail if last else "")

    def end(
        self, outcome: Literal["done", "failed", "denied", "stopped", "observed", "advised"], detail: str = ""
    ) -> None:
        """End the run."""
        self.emit(PlaybookEnded(self.now_ns, self.draft.name, outcome, detail))

    def before_deadline(self, step: Step) -> bool:
        """Tell whether a step's deadline is still to come, and wake then."""
        deadline_ns = self.draft.active[step.name].deadline_ns
        if self.now_ns < deadline_ns:
            self.due.wake(deadline_ns)
        return self.now_ns < deadline_ns

    def judge(self, condition: str, step: str) -> tuple[bool | None, str]:
        """Ask a condition; return what it comes to, and that in words."""
        values = self.values_of(self.draft.scope)
        asked = self.library.condition(condition)
        facts = facts_of(asked.names, self.now_ns, self.draft, step, values, self.view, self.outbox)
        truth = asked.judge(facts)
        return truth, f"{'unknown' if truth is None else str(truth).lower()}: {condition}"

    def step(self, name: str) -> Step:
        """Return a step by name, one that undoes another included."""
        step = self.playbook.step(name.removeprefix(UNDO))
        if step is None:
            raise BrokenInvariant(
                "playbook.step", f"the run {self.draft.name} is at `{name}`, which is no step"
            )
        if name.startswith(UNDO) and isinstance(step, Act) and step.undo is not None:
            return Act(name=name, verb=step.undo, then="", timeout_ns=step.timeout_ns)
        return step

    def _next_undo(self, name: str) -> str:
        rest = [done for done in self.draft.to_undo if UNDO + done != name]
        return UNDO + rest[-1] if rest else ""
