"""Asking: an approval from the first question to its end, as part of a run's turn."""

from holdfast.action import Tell, action_key
from holdfast.clock import format_time_ns
from holdfast.receipt import ApprovalAsked, ApprovalClosed, ApprovalEscalated
from holdfast.response.approval import asked
from holdfast.response.execution.base import Wanted
from holdfast.response.playbook.dry_run import exposure_usd
from holdfast.response.playbook.playbook import Approve, Panel
from holdfast.response.playbook.turning import Turning


def ask(turning: Turning, name: str, step: str, panel: Panel, what: str, otherwise: str) -> str:
    """Ask people, or follow what they said; return approved, denied or expired, and empty while it is open."""
    for receipt in turning.due.receipts:
        if isinstance(receipt, ApprovalClosed) and receipt.approval == name:
            return receipt.outcome
        if isinstance(receipt, ApprovalAsked | ApprovalEscalated) and receipt.approval == name:
            return ""  # said in this turn: the next one sees what came of it
    approval = turning.runs.approval(name)
    if approval is None:
        usd = exposure_usd(turning.draft.scope, turning.view)
        question = asked(
            turning.now_ns, name, run=turning.draft.name, step=step, panel=panel, what=what,
            exposure_usd=usd, otherwise=otherwise,
        )  # fmt: skip
        turning.emit(question)
        turning.due.wake(question.expires_ns)
        return ""
    if approval.outcome is not None:
        return approval.outcome
    text = approval.asked.question
    if approval.groups > 1:
        text += f" Now {', '.join(approval.people)} are asked, until {format_time_ns(approval.expires_ns)}."
    tell = Tell(f"Your answer is wanted: {name}", text, "critical")
    key = action_key(turning.draft.name, f"ask:{name.rpartition('/')[2]}", approval.groups - 1)
    turning.due.wanted.append(Wanted(key, tell, f"{', '.join(approval.people)} are asked"))
    moved = approval.verdict(turning.now_ns, panel)
    if moved is None:
        turning.due.wake(approval.expires_ns)
        return ""
    turning.emit(moved)
    return moved.outcome if isinstance(moved, ApprovalClosed) else ""


def approve(turning: Turning, step: Approve) -> None:
    """Go on from a step that asks people, once it is decided."""
    draft = turning.draft
    name = f"{draft.name}/{draft.key_step(step.name)}"
    what = f"{turning.playbook.title} on {draft.scope}: {step.question}"
    closed = ask(turning, name, step.name, step.panel, what, f"it goes on with `{step.otherwise}`")
    if closed == "approved":
        turning.leave(step, "done", step.then, _voices(turning, name))
    elif closed == "denied":
        turning.leave(step, "denied", step.on_denied, _voices(turning, name))
    elif closed == "expired":
        turning.leave(step, "timeout", step.otherwise, "nobody answered in time")


def confirmed(turning: Turning, step: str, what: str) -> bool:
    """Tell whether people agreed that a run which asks first may move the desk; their no ends it."""
    if turning.draft.mode != "confirm" or turning.draft.confirmed:
        return True
    name = f"{turning.draft.name}/confirm"
    question = f"{turning.playbook.title} on {turning.draft.scope}: {what}, and what follows"
    panel = turning.playbook.confirm
    closed = ask(turning, name, step, panel, question, "brakes stay on and the run ends")
    if closed == "denied":
        turning.end("denied", _voices(turning, name))
    elif closed == "expired":
        turning.end("denied", "nobody answered in time")
    return closed == "approved"


def _voices(turning: Turning, name: str) -> str:
    approval = turning.runs.approval(name)
    votes = approval.votes.values() if approval else ()
    return ", ".join(f"{vote.operator} {'approves' if vote.approves else 'denies'}" for vote in votes)
