"""Gate: judges signed commands against the keys, the policies and the state of the desk, and says what follows; no I/O.

Rules:

1. Every judged command that changes something is a `Commanded` receipt, allowed or not. What follows from it (a permit, a
   vote, an armed mode) stands behind it in the same list, to be written in one append: a crash leaves both or neither.
2. A nonce counts once, over restarts too, because receipts are folded; so the same command by file and by socket is one,
   and the second is answered like the first. Only a command that its operator did sign uses its nonce up: a forged copy
   cannot spoil the real one.
3. Reading leaves no receipt.
4. A `halt` or `pause` by file in a scope that nobody knows holds for the desk: nobody is there to be asked what was meant.
5. `release`, `start` and `drill` only pass the gate: what follows is for the node.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from holdfast.app.control.authority import (
    ApprovalTarget,
    Authority,
    DeskTarget,
    PlaybookTarget,
    ScopeTarget,
    Target,
)
from holdfast.app.control.command import (
    BRAKE_AGE_NS_MAX,
    BRAKES,
    READS,
    REPLAYED,
    STALE,
    Command,
    Refusal,
    SignedCommand,
    command_of,
    is_signed_by,
    read_command,
    signature_text,
    verify_command,
)
from holdfast.app.control.operator import OperatorSettings, operators_by_name
from holdfast.app.control.picture import Picture
from holdfast.app.control.targets import approval_named, mode_named, run_named, scope_named, wrong_arguments
from holdfast.event import Scope
from holdfast.policy.nearest import nearest
from holdfast.receipt import Commanded, Permit, PermitMoved, PlaybookArmed, PlaybookEnded, Receipt
from holdfast.response.approval import Approvals, VoteRefused

NONCES_MAX: Final = 10_000  # past it, those of commands that are stale anyway are forgotten

_STRICTNESS: Final[tuple[Permit, ...]] = ("open", "reduce_only", "paused", "halted")


_REPLAYED: Final = Refusal(REPLAYED, "this very command was done before", "give a new one")


class _Judged(NamedTuple):
    time_ns: int
    brake: bool
    refusal: Refusal | None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a command. `receipts` are to be written in one append; without a refusal it is to be done.

    `scope` is where it holds, `target` what it names (an approval, a playbook).
    """

    command: Command | None
    receipts: tuple[Receipt, ...] = ()
    refusal: Refusal | None = None
    because: str = ""
    scope: Scope = Scope()
    target: str = ""


class Gate:
    """Judge commands. `fold` every record of the journal first, and every record that is written.

    `venues` are the known symbols by venue, `playbooks` the known names.
    """

    def __init__(
        self,
        desk: str,
        operators: Iterable[OperatorSettings],
        authority: Authority,
        *,
        venues: Mapping[str, Collection[str]],
        playbooks: Collection[str],
    ) -> None:
        self.desk = desk
        self.picture = Picture()
        self.approvals = Approvals()
        self._operators = operators_by_name(operators)
        self._authority = authority
        self._venues = venues
        self._playbooks = playbooks
        self._judged: dict[str, _Judged] = {}

    def fold(self, record: object) -> None:
        """Take in one record of the journal, in order."""
        self.picture.fold(record)
        self.approvals.fold(record)
        if isinstance(record, Commanded) and (rebuilt := command_of(record, self.desk)) is not None:
            command, signed = rebuilt
            operator = self._operators.get(command.operator)
            if operator is not None and is_signed_by(signed, operator):
                self._remember(command, record)

    def judge(self, now_ns: int, signed: SignedCommand, *, from_file: bool = False) -> Verdict:
        """Say what becomes of a command. Nothing changes here until its receipts are folded.

        Cost: about half a millisecond, of which half is Cedar's and a quarter the signature's.
        """
        command = verify_command(signed, self.desk, self._operators, now_ns, from_file=from_file)
        if isinstance(command, Refusal):
            return self._refused(now_ns, signed, command)
        if (earlier := self._judged.get(command.nonce)) is not None:
            return Verdict(command=command, refusal=earlier.refusal or _REPLAYED)
        found = self._find(command, from_file=from_file)
        if isinstance(found, Refusal):
            return self._refused(now_ns, signed, found)
        target, scope, name = found
        operator = self._operators[command.operator]
        ruling = self._authority.rule(operator, command.command, target)
        if not ruling.allowed:
            refusal = Refusal(
                "command.not_allowed",
                f"{operator.name} may not {command.command}: {ruling.because}",
                "ask somebody whose role may; the page on control has the table",
            )
            return self._refused(now_ns, signed, refusal)
        if command.command in READS:
            return Verdict(command=command, because=ruling.because)
        effects = self._effects(now_ns, command, operator, scope, name)
        if isinstance(effects, Refusal):
            return self._refused(now_ns, signed, effects)
        receipt = _commanded(now_ns, signed, command, allowed=True, because=ruling.because)
        return Verdict(
            command=command,
            receipts=(receipt, *effects),
            because=ruling.because,
            scope=scope,
            target=name,
        )

    def _find(self, command: Command, *, from_file: bool) -> tuple[Target, Scope, str] | Refusal:
        """Return what a command is about: for the policies, as a scope, by name."""
        arguments = command.arguments
        if refusal := wrong_arguments(command):
            return refusal
        scope = scope_named(arguments.get("scope", ""), self._venues)
        if isinstance(scope, Refusal):
            if not (from_file and command.command in BRAKES):
                return scope
            scope = Scope()
        match command.command:
            case "halt" | "pause" | "resume" | "release":
                return ScopeTarget(scope), scope, ""
            case "arm" | "disarm" | "start":
                playbook = arguments["playbook"]
                if playbook not in self._playbooks:
                    remedy = nearest(playbook, self._playbooks) or f"there are {', '.join(self._playbooks)}"
                    return Refusal("command.unknown_playbook", f"no playbook {playbook!r}", remedy)
                mode = mode_named(arguments.get("mode", "observe"))
                if isinstance(mode, Refusal):
                    return mode
                was = self.picture.modes.get(playbook, "observe")
                return PlaybookTarget(playbook, was, mode), scope, playbook
            case "stop":
                run = run_named(arguments["id"], self.picture)
                if isinstance(run, Refusal):
                    return run
                if run.outcome:
                    return Refusal("command.run_ended", f"{run.run} is {run.outcome} already")
                return PlaybookTarget(run.playbook, run.mode, "observe"), run.scope, run.run
            case "approve" | "deny":
                approval = approval_named(arguments["id"], self.picture)
                if isinstance(approval, Refusal):
                    return approval
                run = self.picture.runs.get(approval.run)
                asked_by = (run.asked_by,) if run is not None and run.asked_by else ()
                target = ApprovalTarget(approval.approval, approval.asked, asked_by, approval.needed)
                return target, run.scope if run is not None else Scope(), approval.approval
            case _:
                return DeskTarget(self.desk), scope, ""

    def _effects(
        self, now_ns: int, command: Command, operator: OperatorSettings, scope: Scope, name: str
    ) -> tuple[Receipt, ...] | Refusal:
        said = command.arguments.get("comment", "")
        because = f"{operator.name}: {said}" if said else f"{operator.name} gave {command.command}"
        match command.command:
            case "halt":
                return self._brake(PermitMoved(now_ns, scope, "halted", because))
            case "pause":
                return self._brake(PermitMoved(now_ns, scope, "paused", because))
            case "resume":
                if str(scope) in self.picture.permits:
                    return (PermitMoved(now_ns, scope, "open", because),)
                held = ", ".join(sorted(self.picture.permits)) or "nothing"
                return Refusal("command.nothing_held", f"{scope} is open as it is", f"held: {held}")
            case "arm":
                mode = mode_named(command.arguments["mode"])
                if isinstance(mode, Refusal):
                    return mode
                return (PlaybookArmed(now_ns, name, mode, operator.name),)
            case "disarm":
                return (PlaybookArmed(now_ns, name, "observe", operator.name),)
            case "stop":
                return (PlaybookEnded(now_ns, name, "stopped", f"by {because}"),)
            case "approve" | "deny":
                approves = command.command == "approve"
                vote = self.approvals.vote(now_ns, name, operator.name, operator.roles, approves, said)
                if isinstance(vote, VoteRefused):
                    return Refusal(vote.code, vote.reason, f"holdfast show {name}")
                return (vote,)
            case _:
                return ()

    def _brake(self, moved: PermitMoved) -> tuple[Receipt, ...]:
        """Return the permit's move unless the scope is held as tightly already: a brake never loosens."""
        held = self.picture.permits.get(str(moved.scope))
        tighter = held is None or _STRICTNESS.index(moved.permit) > _STRICTNESS.index(held.permit)
        return (moved,) if tighter else ()

    def _refused(self, now_ns: int, signed: SignedCommand, refusal: Refusal) -> Verdict:
        """Return the verdict of a refusal; it is recorded when there is a command to speak of that wanted a change."""
        command = read_command(signed)
        if isinstance(command, Refusal):
            return Verdict(command=None, refusal=refusal)
        receipts: tuple[Receipt, ...] = ()
        if command.command not in READS and command.nonce not in self._judged:
            because = f"{refusal.code}: {refusal.reason}"
            receipts = (_commanded(now_ns, signed, command, allowed=False, because=because),)
        return Verdict(command=command, receipts=receipts, refusal=refusal, because=refusal.reason)

    def _remember(self, command: Command, receipt: Commanded) -> None:
        code, _, reason = receipt.because.partition(": ")
        refusal = None if receipt.allowed else Refusal(code, reason)
        if code == STALE and command.command in BRAKES:
            return  # its file still counts
        self._judged.setdefault(command.nonce, _Judged(command.time_ns, command.command in BRAKES, refusal))
        if len(self._judged) > NONCES_MAX:
            oldest_ns = command.time_ns - BRAKE_AGE_NS_MAX
            self._judged = {
                nonce: one for nonce, one in self._judged.items() if one.brake or one.time_ns > oldest_ns
            }


def _commanded(
    now_ns: int, signed: SignedCommand, command: Command, *, allowed: bool, because: str
) -> Commanded:
    return Commanded(
        time_ns=now_ns,
        operator=command.operator,
        command=command.command,
        arguments=command.arguments,
        signature=signature_text(signed, command),
        allowed=allowed,
        because=because,
    )
