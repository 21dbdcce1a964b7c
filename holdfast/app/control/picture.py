"""Picture: everything the person on call may ask of the desk, folded from receipts and events; pure.

Rules:

1. The live node folds what it writes and answers with its picture; when it is dead, the same fold over the journal gives the
   same picture up to the last durable record. Nobody has a second opinion.
2. Open runs, open approvals and open intents are kept however many; of what is over, the last ones only.
3. A record of a kind that is not known here changes nothing and is counted.
"""

from typing import Final

import msgspec

from holdfast.action import Tell
from holdfast.app.control.incident import (
    ApprovalPicture,
    IntentPicture,
    RunPicture,
    StepPicture,
    VotePicture,
)
from holdfast.event import ClockMeasured, Level, LevelMoved, LineMoved, Scope
from holdfast.receipt import (
    ApprovalAsked,
    ApprovalClosed,
    ApprovalEscalated,
    Attempted,
    Commanded,
    Intended,
    Mode,
    NodeStarted,
    NodeStopped,
    Permit,
    PermitMoved,
    PlaybookArmed,
    PlaybookEnded,
    PlaybookStarted,
    Settled,
    StepEntered,
    StepLeft,
    Voted,
)
from holdfast.response.playbook.words import said

ENDED_RUNS_MAX: Final = 200
RUN_INTENTS_MAX: Final = 500
COMMANDS_MAX: Final = 50

_SHOWN: Final = frozenset(
    (
        *(NodeStarted, NodeStopped, Intended, Attempted, Settled),
        *(PlaybookStarted, StepEntered, StepLeft, PlaybookEnded, PlaybookArmed),
        *(ApprovalAsked, Voted, ApprovalEscalated, ApprovalClosed),
        *(PermitMoved, LevelMoved, LineMoved, ClockMeasured, Commanded),
    )
)


class LinePicture(msgspec.Struct, frozen=True):
    """One connection: `venue/account/line`, up or down since when, and why."""

    name: str
    up: bool
    since_ns: int
    reason: str = ""


class ClockPicture(msgspec.Struct, frozen=True):
    """A venue's clock against ours."""

    offset_ns: int
    round_trip_ns: int
    time_ns: int


class PermitPicture(msgspec.Struct, frozen=True):
    """What the strategies may do in a scope, since when and why."""

    scope: Scope
    permit: Permit
    because: str
    since_ns: int


class LevelPicture(msgspec.Struct, frozen=True):
    """The level of a scope, since when and why."""

    scope: Scope
    level: Level
    because: str
    since_ns: int


class CommandPicture(msgspec.Struct, frozen=True):
    """What a person told the desk, and what came of it."""

    time_ns: int
    operator: str
    command: str
    arguments: dict[str, str]
    allowed: bool
    because: str


class Picture(msgspec.Struct, kw_only=True):
    """The whole state as people see it; `fold` takes in one record. Scopes are written `desk`, `venue`, `venue:symbol`."""

    as_of_ns: int = 0
    node: str = ""
    epoch: int = 0
    started_ns: int = 0
    stopped_ns: int = 0
    stop_reason: str = ""
    lines: dict[str, LinePicture] = {}
    clocks: dict[str, ClockPicture] = {}
    levels: dict[str, LevelPicture] = {}
    permits: dict[str, PermitPicture] = {}
    modes: dict[str, Mode] = {}
    runs: dict[str, RunPicture] = {}
    approvals: dict[str, ApprovalPicture] = {}
    intents: dict[str, IntentPicture] = {}
    commands: list[CommandPicture] = []
    effects: int = 0
    unknown: int = 0

    def fold(self, record: object) -> None:
        """Take in one record of the journal, in order."""
        self.as_of_ns = max(self.as_of_ns, getattr(record, "time_ns", 0))
        if type(record) not in _SHOWN:
            return
        match record:
            case NodeStarted() | NodeStopped():
                self._fold_node(record)
            case Intended() | Attempted() | Settled():
                self._fold_intent(record)
            case PlaybookStarted() | StepEntered() | StepLeft() | PlaybookEnded():
                self._fold_run(record)
            case ApprovalAsked() | Voted() | ApprovalEscalated() | ApprovalClosed():
                self._fold_approval(record)
            case PlaybookArmed():
                self.modes[record.playbook] = record.mode
            case PermitMoved(time_ns, scope, permit, because):
                if permit == "open":
                    self.permits.pop(str(scope), None)
                else:
                    self.permits[str(scope)] = PermitPicture(scope, permit, because, time_ns)
            case LevelMoved():
                self.levels[str(record.scope)] = LevelPicture(
                    record.scope, record.to_level, record.because, record.time_ns
                )
                if record.to_level == "normal":
                    del self.levels[str(record.scope)]
            case LineMoved():
                name = "/".join(part for part in (record.venue, record.account, record.line) if part)
                self.lines[name] = LinePicture(name, record.up, record.time_ns, record.reason)
            case ClockMeasured():
                self.clocks[record.venue] = ClockPicture(
                    record.offset_ns, record.round_trip_ns, record.time_ns
                )
            case Commanded(time_ns, operator, command, arguments, _, allowed, because):
                told = CommandPicture(time_ns, operator, command, arguments, allowed, because)
                self.commands = [*self.commands[-(COMMANDS_MAX - 1) :], told]
            case _:
                pass

    @property
    def open_runs(self) -> list[RunPicture]:
        """Return the runs that go on, the oldest first."""
        return [run for run in self.runs.values() if not run.outcome]

    @property
    def open_approvals(self) -> list[ApprovalPicture]:
        """Return the questions that wait for people, the most urgent first."""
        waiting = [one for one in self.approvals.values() if not one.outcome]
        return sorted(waiting, key=lambda one: (one.expires_ns, one.approval))

    def _fold_node(self, record: NodeStarted | NodeStopped) -> None:
        if isinstance(record, NodeStarted):
            self.node, self.epoch, self.started_ns = record.node, record.epoch, record.time_ns
            self.stopped_ns, self.stop_reason = 0, ""
            self.lines.clear()
        elif record.epoch == self.epoch:
            self.stopped_ns, self.stop_reason = record.time_ns, record.reason

    def _fold_intent(self, record: Intended | Attempted | Settled) -> None:
        if isinstance(record, Intended):
            made = IntentPicture(
                key=record.key,
                what=said(record.action),
                reason=record.reason,
                since_ns=record.time_ns,
                is_word=isinstance(record.action, Tell),
            )
            self.intents[record.key] = made
            run = self.runs.get(record.key.rsplit("/", 2)[0])
            if run is not None and len(run.intents) < RUN_INTENTS_MAX:
                run.intents[record.key] = made
            return
        intent = self.intents.get(record.key)
        if intent is None:
            return
        if isinstance(record, Attempted):
            intent.attempts = record.attempt
            return
        intent.outcome, intent.code, intent.detail = record.outcome, record.code, record.detail
        self.effects += record.outcome == "done" and not intent.is_word
        del self.intents[record.key]

    def _fold_run(self, record: PlaybookStarted | StepEntered | StepLeft | PlaybookEnded) -> None:
        if isinstance(record, PlaybookStarted):
            self.runs[record.run] = RunPicture(
                run=record.run,
                playbook=record.playbook,
                version=record.version,
                scope=record.scope,
                mode=record.mode,
                trigger=record.trigger,
                started_ns=record.time_ns,
                values=record.values,
            )
            return
        run = self.runs.get(record.run)
        if run is None:
            return
        if isinstance(record, StepEntered):
            step = StepPicture(
                step=record.step, entered_ns=record.time_ns, plan=record.plan, deadline_ns=record.deadline_ns
            )
            run.steps.append(step)
        elif isinstance(record, StepLeft):
            for step in reversed(run.steps):
                if step.step == record.step and not step.outcome:
                    step.left_ns, step.outcome, step.detail = record.time_ns, record.outcome, record.detail
                    step.next_step = record.next_step
                    break
        else:
            run.ended_ns, run.outcome, run.detail = record.time_ns, record.outcome, record.detail
            self._forget_old_runs()

    def _fold_approval(self, record: ApprovalAsked | Voted | ApprovalEscalated | ApprovalClosed) -> None:
        if isinstance(record, ApprovalAsked):
            self.approvals[record.approval] = ApprovalPicture(
                approval=record.approval,
                run=record.run,
                step=record.step,
                question=record.question,
                exposure_usd=record.exposure_usd,
                needed=record.needed,
                asked=record.asked,
                asked_ns=record.time_ns,
                expires_ns=record.expires_ns,
                otherwise=record.otherwise,
            )
            run = self.runs.get(record.run)
            if run is not None:
                run.approvals.append(record.approval)
            return
        approval = self.approvals.get(record.approval)
        if approval is None:
            return
        if isinstance(record, Voted):
            vote = VotePicture(record.operator, record.approves, record.comment, record.time_ns)
            approval.votes.append(vote)
        elif isinstance(record, ApprovalEscalated):
            approval.asked = tuple(dict.fromkeys((*approval.asked, *record.asked)))
            approval.expires_ns = record.expires_ns
            approval.escalated += 1
        else:
            approval.outcome = record.outcome

    def _forget_old_runs(self) -> None:
        ended = [run for run in self.runs.values() if run.outcome]
        for run in sorted(ended, key=lambda one: one.ended_ns)[:-ENDED_RUNS_MAX]:
            del self.runs[run.run]
            for name in run.approvals:
                self.approvals.pop(name, None)


def fold_all(records: "list[object]") -> Picture:
    """Return the picture of some records."""
    picture = Picture()
    for record in records:
        picture.fold(record)
    return picture
