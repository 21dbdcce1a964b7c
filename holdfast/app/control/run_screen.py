"""Run screen: one run of a playbook, for who must decide about it now or explain it later.

One sentence with exposure, deadline and what happens if nobody answers; what was done; what comes next; what an approval
would send; what to type.
"""

from typing import Final

from holdfast.app.control.incident import ApprovalPicture, IntentPicture, RunPicture, StepPicture
from holdfast.app.control.phrase import span
from holdfast.app.control.screen import Sight, approval_sentence
from holdfast.clock import format_time_ns

INTENTS_SHOWN_MAX: Final = 40
_BOOKKEEPING: Final = ("begun_ns",)


def run_lines(run: RunPicture, sight: Sight, next_steps: list[str], would_send: list[str]) -> list[str]:
    """Return one run as people read it."""
    now_ns = sight.now_ns
    approvals = [sight.picture.approvals[name] for name in run.approvals if name in sight.picture.approvals]
    waiting = [one for one in approvals if not one.outcome]
    lines = [line for one in waiting for line in (*_approval(one, now_ns), "")]
    lines.append(_headline(run, waiting, now_ns))
    lines += _section(
        "ANSWERED", [line for one in approvals if one.outcome for line in _approval(one, now_ns)]
    )
    lines += _section("DONE", [line for step in run.steps if step.outcome for line in _left(step)])
    lines += _section("SENT", _intents(run, now_ns))
    if run.before and not run.outcome:
        lines += _section("NOW", [f"before {run.before}"])
    lines += _section("NOW", [line for step in run.open_steps for line in _open(step, now_ns)])
    lines += _section("NEXT", next_steps)
    lines += _section("AN APPROVAL WOULD SEND", would_send)
    if run.values:
        seen = ", ".join(f"{name} {_shown(value)}" for name, value in sorted(run.values.items()))
        lines += _section("SEEN WHEN IT BEGAN", [seen])
    if not run.outcome:
        scope = "" if str(run.scope) == "desk" else f" {run.scope}"
        typed = [f"holdfast approve {one.approval} | holdfast deny {one.approval}" for one in waiting]
        lines += _section(
            "TO TYPE", [*typed, f"holdfast stop {run.run} | holdfast halt{scope} | holdfast pause{scope}"]
        )
    return lines


def _headline(run: RunPicture, waiting: list[ApprovalPicture], now_ns: int) -> str:
    name = (
        f"{run.run}: {run.playbook} ({run.version}) of {run.scope} in mode {run.mode}, because {run.trigger}"
    )
    if run.outcome:
        detail = f": {run.detail}" if run.detail else ""
        return f"{name}; {run.outcome} {span(now_ns - run.ended_ns)} ago{detail}"
    if waiting:
        return f"{name}; it waits for a person"
    return f"{name}; it goes on by itself, nobody is asked anything"


def _approval(one: ApprovalPicture, now_ns: int) -> list[str]:
    lines = [approval_sentence(one, now_ns), f"  {one.question}", f"  asked: {', '.join(one.asked)}"]
    for vote in one.votes:
        comment = f": {vote.comment}" if vote.comment else ""
        lines.append(
            f"  {vote.operator} said {'yes' if vote.approves else 'no'} {span(now_ns - vote.time_ns)} ago{comment}"
        )
    return lines


def _left(step: StepPicture) -> list[str]:
    detail = f": {step.detail}" if step.detail else ""
    took = span(step.left_ns - step.entered_ns)
    return [f"{format_time_ns(step.entered_ns)[11:19]}Z {step.step}: {step.outcome} in {took}{detail}"]


def _open(step: StepPicture, now_ns: int) -> list[str]:
    limit = f", {span(step.deadline_ns - now_ns)} left" if step.deadline_ns else ""
    lines = [f"{step.step}, for {span(now_ns - step.entered_ns)}{limit}"]
    lines += [f"  {name}: {value}" for name, value in step.plan.items() if value and name not in _BOOKKEEPING]
    return lines


def _intents(run: RunPicture, now_ns: int) -> list[str]:
    intents = list(run.intents.values())
    lines = [_intent(one, now_ns) for one in intents[-INTENTS_SHOWN_MAX:]]
    hidden = len(intents) - len(lines)
    return [f"({hidden} earlier ones)", *lines] if hidden else lines


def _intent(one: IntentPicture, now_ns: int) -> str:
    fate = one.outcome or f"OPEN for {span(now_ns - one.since_ns)}, {one.attempts} attempts"
    why = ", ".join(part for part in (one.code, one.detail) if part)
    return (
        f"{format_time_ns(one.since_ns)[11:19]}Z {one.what}: {fate}{f' ({why})' if why else ''}; {one.reason}"
    )


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def _shown(value: float | str | bool) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
