"""Pretending: what the modes observe and advise do with a step, which is to record what it would have done."""

from holdfast.action import Tell, action_key
from holdfast.response.execution.base import Wanted
from holdfast.response.playbook.dry_run import dry_run, planned
from holdfast.response.playbook.playbook import If, Step
from holdfast.response.playbook.turning import Turning


def advised(turning: Turning) -> bool:
    """Have people told what would be done, where the mode says so; tell whether that is on its way."""
    draft = turning.draft
    key = action_key(draft.name, "advice", 0)
    if draft.mode != "advise" or turning.outbox.intended(key) is not None:
        return True
    plan = dry_run(
        turning.playbook, draft.scope, turning.view, turning.library, turning.values_of(draft.scope)
    )
    title = f"{turning.playbook.title} would act on {draft.scope}"
    tell = Tell(title, f"Because of {draft.trigger}.\n{plan.text}", "warning")
    turning.due.wanted.append(Wanted(key, tell, "the playbook is armed to advise"))
    return False


def come_to(turning: Turning, step: Step) -> None:
    """Enter a step, but only once: of a loop, one round shows everything."""
    if step.name in turning.draft.rounds:
        turning.draft.waiting.remove(step.name)
    else:
        turning.enter(step)


def pass_by(turning: Turning, step: Step) -> None:
    """Leave a step on the way it would go if all went well."""
    target, detail = getattr(step, "then", ""), ""
    if isinstance(step, If):
        truth, detail = turning.judge(step.condition, step.name)
        target = step.then if truth else step.otherwise
    else:
        lines = planned(turning.playbook, step, turning.draft.scope, turning.view)
        detail = "; ".join(line.text for line in lines)
    turning.leave(step, "advised" if turning.draft.mode == "advise" else "skipped", target, detail)
