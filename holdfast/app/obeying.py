"""Obeying: what an allowed command wants beyond the receipts that stand behind it."""

from holdfast.action import CancelAll, action_key
from holdfast.app.control.command import Refusal
from holdfast.app.control.gate import Verdict
from holdfast.app.desk_view import LiveView
from holdfast.app.memory import Memory
from holdfast.app.node_parts import NodeParts
from holdfast.event import Event
from holdfast.policy.escalation import ReleaseRefused
from holdfast.receipt import PlaybookStarted


def obey(
    now_ns: int, verdict: Verdict, parts: NodeParts, memory: Memory, view: LiveView
) -> Refusal | list[Event]:
    """Do it. Returns what the fold says of it, to be taken in, or why it cannot be done."""
    command = verdict.command
    assert command is not None
    if command.command in ("halt", "pause"):
        reason = f"{command.operator} gave {command.command}"
        for number, (venue, account) in enumerate(view.accounts(verdict.scope)):
            key = action_key(f"command-{command.nonce}", "cancel_all", number)
            memory.submit(now_ns, key, CancelAll(venue, account, verdict.scope.instrument), reason, view)
    elif command.command == "release":
        moved = parts.state.desk.release(now_ns, verdict.scope, command.operator)
        if isinstance(moved, ReleaseRefused):
            return Refusal(moved.code, moved.reason, "see `holdfast status`")
        return [moved]
    elif command.command == "start":
        started = parts.runner.start_by_operator(now_ns, verdict.target, verdict.scope, command.operator)
        if not isinstance(started, PlaybookStarted):
            return Refusal(started.code, started.reason)
        memory.write(started)
    return []
