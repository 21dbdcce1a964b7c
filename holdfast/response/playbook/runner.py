"""The runner: which playbooks run where, folded from the journal; what sets them off, and what they want next.

Rules:

1. State changes only by folding receipts. `start`, `on_event`, `advance` and `stop` return receipts; once they are
   journaled they are folded, then `advance` is called again, until it returns none.
2. Nothing acts unless a person armed it by name: a playbook that nobody armed only observes.
3. One run of a playbook in a scope, and in whatever lies within it. What would set it off again is noted, not doubled.
4. A run goes on by the version it began with. If that version is not loaded any more the run is stopped: brakes stay on.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.action import Tell, action_key
from holdfast.clock import MINUTE_NS
from holdfast.event import Scope
from holdfast.receipt import (
    ApprovalClosed,
    Intended,
    Mode,
    PlaybookArmed,
    PlaybookEnded,
    PlaybookStarted,
    StepEntered,
    StepLeft,
)
from holdfast.response.approval import OPERATOR, Approval, Approvals
from holdfast.response.execution.base import Wanted
from holdfast.response.playbook.advance import take
from holdfast.response.playbook.checks import needs_consent
from holdfast.response.playbook.library import Library
from holdfast.response.playbook.playbook import Act, Playbook
from holdfast.response.playbook.run import Run
from holdfast.response.playbook.trigger import OnOperator, OnPlaybook, answers, contains, overlap, widened
from holdfast.response.playbook.turning import Due, Turning, ValuesOf
from holdfast.response.view import DeskView, OutboxView

MODES: Final[tuple[Mode, ...]] = ("observe", "advise", "confirm", "act")
_PRETENDING: Final[tuple[Mode, ...]] = ("observe", "advise")
OWED_NS_MAX: Final = MINUTE_NS  # how late the end of a run may still set off another
OUTCOMES_MAX: Final = 10_000


class NotStarted(msgspec.Struct, frozen=True):
    """A playbook that was set off and does not start, and why. Nothing is recorded."""

    playbook: str
    scope: Scope
    code: str
    reason: str


class Runner:
    """Every run of every playbook, and the approvals they wait for."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.approvals = Approvals()
        self.runs: dict[str, Run] = {}
        self._armed: dict[str, Mode] = {}
        self._numbers: dict[str, int] = {}
        self.outcomes: dict[str, str] = {}
        self._ended_ns: dict[tuple[str, Scope], int] = {}
        self._owed: list[tuple[str, Run, PlaybookEnded]] = []

    # folding

    def fold(self, receipt: object) -> None:
        """Take in a record of the journal; what is none of ours is let pass."""
        if not isinstance(receipt, PlaybookEnded):  # with its run an approval ends, but not before it
            self.approvals.fold(receipt)
        match receipt:
            case PlaybookArmed():
                self._armed[receipt.playbook] = receipt.mode
            case PlaybookStarted() if receipt.run not in self.outcomes:
                playbook = self.library.get(receipt.playbook, receipt.version)
                self.runs[receipt.run] = Run.started(receipt, playbook)
                self.outcomes[receipt.run] = ""
                self._numbers[receipt.playbook] = self._numbers.get(receipt.playbook, 0) + 1
                self._owed = [one for one in self._owed if not _pays(receipt, one)]
            case StepEntered() | StepLeft():
                self._of(receipt.run, receipt)
            case ApprovalClosed():
                approval = self.approvals.get(receipt.approval)
                self._of(approval.asked.run if approval else "", receipt)
            case Intended():
                self._of(receipt.key.partition("/")[0], receipt)
            case PlaybookEnded():
                self._of(receipt.run, receipt)
                self._end(receipt)
                self.approvals.fold(receipt)
            case _:
                pass

    def _of(self, name: str, receipt: object) -> None:
        run = self.runs.get(name)
        if run is not None:
            run.fold(receipt, self.library.get(run.playbook, run.version))

    def _end(self, receipt: PlaybookEnded) -> None:
        run = self.runs.pop(receipt.run, None)
        if run is None:
            return
        self.outcomes[receipt.run] = receipt.outcome
        while len(self.outcomes) > OUTCOMES_MAX:
            oldest = next(name for name in self.outcomes if name not in self.runs)
            del self.outcomes[oldest]
        self._ended_ns[run.playbook, run.scope] = receipt.time_ns
        if run.mode in ("observe", "advise"):
            return
        for playbook in self.library.playbooks.values():
            if any(isinstance(one, OnPlaybook) and answers(one, receipt) for one in playbook.triggers):
                self._owed.append((playbook.name, run, receipt))

    # what is known

    def mode(self, playbook: str) -> Mode:
        """Return what a playbook may do: as a person last armed it, else observe."""
        return self._armed.get(playbook, "observe")

    def running(self, playbook: str, scope: Scope) -> Run | None:
        """Return the run of a playbook whose scope holds this one, None when there is none."""
        return next(
            (run for run in self.runs.values() if run.playbook == playbook and contains(run.scope, scope)),
            None,
        )

    # setting off

    def start(
        self,
        now_ns: int,
        playbook: str,
        scope: Scope,
        trigger: str,
        values: Mapping[str, float | str | bool] | None = None,
        mode: Mode | None = None,
    ) -> PlaybookStarted | NotStarted:
        """Return the receipt that starts a playbook in its armed mode, or a lesser one, or why it does not start."""
        found = self.library.get(playbook)
        if found is None:
            return NotStarted(playbook, scope, "playbook.unknown", "no playbook of that name is loaded")
        if going := self.running(playbook, scope):
            return NotStarted(playbook, scope, "playbook.running", f"{going.name} is on it already")
        rested_ns = self._rested_ns(found, scope)
        if now_ns < rested_ns and not trigger.startswith(OPERATOR):
            return NotStarted(playbook, scope, "playbook.cooldown", "it ended a short while ago")
        name = f"{playbook}-{self._numbers.get(playbook, 0) + 1}"
        armed = self.mode(playbook)
        lesser: Mode = min((armed, mode or armed), key=MODES.index)
        return PlaybookStarted(
            now_ns, name, playbook, self.library.version(playbook), scope, lesser, trigger, dict(values or {})
        )

    def start_by_operator(
        self, now_ns: int, playbook: str, scope: Scope, operator: str, mode: Mode | None = None
    ) -> PlaybookStarted | NotStarted:
        """Return the receipt that starts a playbook because a person wants it, where its triggers allow that."""
        found = self.library.get(playbook)
        if found is not None and not any(isinstance(one, OnOperator) for one in found.triggers):
            return NotStarted(playbook, scope, "playbook.not_by_hand", "its triggers name no operator")
        return self.start(now_ns, playbook, scope, f"{OPERATOR}{operator}", mode=mode)

    def on_event(self, now_ns: int, event: object) -> list[PlaybookStarted | NotStarted]:
        """Return what an event sets off. Fold what starts before the next event is asked about."""
        scope = getattr(event, "scope", None)
        if not isinstance(scope, Scope):
            return []
        values: dict[str, float | str | bool] = dict(getattr(event, "evidence", {}))
        found: list[PlaybookStarted | NotStarted] = []
        for playbook, triggers in self.library.set_off_by(type(event)):
            why = next((why for one in triggers if (why := answers(one, event))), "")
            if why:
                where = widened(scope, playbook.scope)
                found.append(self.start(now_ns, playbook.name, where, why, values))
        return found

    def stop(self, now_ns: int, run: str, operator: str) -> PlaybookEnded | None:
        """Return the receipt that ends a run where it stands; None when it is not running. Brakes stay on."""
        return PlaybookEnded(now_ns, run, "stopped", f"by {operator}") if run in self.runs else None

    def _rested_ns(self, playbook: Playbook, scope: Scope) -> int:
        ends = [
            ended_ns for (name, where), ended_ns in self._ended_ns.items()
            if name == playbook.name and contains(where, scope)
        ]  # fmt: skip
        return max(ends) + playbook.cooldown_ns if ends else 0

    # going on

    def advance(
        self,
        now_ns: int,
        view: DeskView,
        outbox: OutboxView,
        values_of: ValuesOf,
        *,
        hurries: bool = False,
    ) -> Due:
        """Return everything that all runs can do now, in the order in which they began, those that act first.

        What only observes waits for the next call as long as those that act go on, or all `hurries`, and one of them moves a
        call: a brake does not wait for what others would have done.

        `values_of` gives a scope's fields, in the shape of `RuleSet.evaluate`. Call it after every event, after every
        folded receipt and at `wake_ns`. It changes nothing: called twice, it returns the same.
        """
        due = Due()
        drafts = _Drafts(self)
        for run in sorted(self.runs.values(), key=lambda run: run.mode in _PRETENDING):
            if run.mode in _PRETENDING and (due.receipts or hurries):
                due.wake(now_ns)
                return due
            draft = drafts.draft(run)
            playbook = self.library.get(draft.playbook, draft.version)
            if playbook is None:
                due.add(_orphaned(now_ns, draft, outbox))
            else:
                due.add(take(Turning(now_ns, draft, playbook, self.library, drafts, view, outbox, values_of)))
        self._pay(now_ns, due)
        return due

    def _pay(self, now_ns: int, due: Due) -> None:
        """Start what the end of another run sets off, one run a playbook and turn, so that each has its own number."""
        begun: set[str] = set()
        for name, ended, receipt in self._owed:
            if name in begun or now_ns - receipt.time_ns > OWED_NS_MAX:
                continue
            scope = widened(ended.scope, self.library.playbooks[name].scope)
            started = self.start(now_ns, name, scope, _owed_words(receipt))
            if isinstance(started, PlaybookStarted):
                begun.add(name)
                due.receipts.append(started)
            else:
                due.notices.append(f"{name} was set off by {receipt.run}: {started.reason}")


class _Drafts:
    """The runs as one turn of all of them sees and moves them: each is copied when its turn comes."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._runs = dict(runner.runs)

    def draft(self, run: Run) -> Run:
        draft = self._runs[run.name] = run.copy()
        return draft

    def outcome_of(self, run: str) -> str | None:
        return self._runner.outcomes.get(run)

    def running(self, playbook: str, scope: Scope) -> Run | None:
        return self._runner.running(playbook, scope)

    def approval(self, name: str) -> Approval | None:
        return self._runner.approvals.get(name)

    def begin(self, now_ns: int, run: str, playbook: Playbook, scope: Scope, trigger: str) -> PlaybookStarted:
        mode = self._runner.mode(playbook.name)
        version = self._runner.library.version(playbook.name)
        return PlaybookStarted(now_ns, run, playbook.name, version, scope, mode, trigger)

    def moving(self, run: Run) -> str:
        for other in self._runs.values():
            if other.name == run.name or other.ended or not overlap(other.scope, run.scope):
                continue
            playbook = self._runner.library.get(other.playbook, other.version)
            steps = [playbook.step(name.removeprefix("undo:")) for name in other.active] if playbook else []
            if other.mode in ("confirm", "act") and any(
                isinstance(step, Act) and needs_consent(step.verb) for step in steps
            ):
                return other.name
        return ""


def _orphaned(now_ns: int, run: Run, outbox: OutboxView) -> Due:
    """Stop a run whose playbook is not loaded any more, after people are told."""
    key = action_key(run.name, "orphaned", 0)
    why = f"{run.playbook} of version {run.version} is not loaded any more"
    if outbox.intended(key) is None:
        tell = Tell(
            f"{run.name} is stopped", f"{why}. Brakes stay on; its open steps were {list(run.active)}."
        )
        return Due(wanted=[Wanted(key, tell, why)])
    return Due(receipts=[PlaybookEnded(now_ns, run.name, "stopped", why)])


def _owed_words(receipt: PlaybookEnded) -> str:
    return f"run {receipt.run} {receipt.outcome}"


def _pays(started: PlaybookStarted, owed: tuple[str, Run, PlaybookEnded]) -> bool:
    return started.playbook == owed[0] and started.trigger == _owed_words(owed[2])
