"""Unanswered: a threat that something sees and nothing answers.

Rules:

1. A rule that wants more than to notify needs a response that it sets off: by its id, by its action, or by the level at
   which it holds its scope.
2. A detector that is listed as a threat needs a rule that reads its alert, or a response that it sets off.
3. Where the desk is armed at all, a rule whose responses are all unarmed is a warning: it may be meant so.
"""

from collections.abc import Iterator, Sequence

from holdfast.event import LEVELS
from holdfast.policy.consistency.finding import Finding, Place
from holdfast.policy.consistency.placed import PlacedRule
from holdfast.policy.consistency.response import OnAction, OnAlert, OnLevel, OnRule, Response, Trigger
from holdfast.policy.expression import reads
from holdfast.policy.fields import ALERTS_PREFIX


def unanswered(
    rules: Sequence[PlacedRule], responses: Sequence[Response], detectors: Sequence[str], where: Place
) -> Iterator[Finding]:
    """Yield the rules and detectors that nothing answers; `where` is told for a detector, which stands in no file."""
    armed = any(one.armed for one in responses)
    for rule in rules:
        action = rule.rule.response.action
        if action == "notify":
            continue
        answering = [one for one in responses if any(_answers(trigger, rule) for trigger in one.triggers)]
        if not answering:
            message = f"{rule} wants `{action}`, and no playbook answers to it"
            remedy = f"give a playbook the trigger `action: {action}`, or let the rule notify"
            yield Finding((rule.place,), "consistency.unanswered", message, remedy)
        elif armed and not any(one.armed for one in answering):
            names = " and ".join(f"`{one.name}` ({one.place})" for one in answering)
            message = f"{rule} wants `{action}`, and {names} that would answer may not act"
            places = (rule.place, *(one.place for one in answering))
            yield Finding(places, "consistency.unarmed", message, "arm it", "warning")
    read = {name for rule in rules for name in reads(rule.tree)}
    called = {
        trigger.detector for one in responses for trigger in one.triggers if isinstance(trigger, OnAlert)
    }
    for detector in detectors:
        if f"{ALERTS_PREFIX}{detector}" not in read and detector not in called:
            message = f"the alert of the detector `{detector}` is read by no rule and sets off no playbook"
            yield Finding(
                (where,), "consistency.unanswered", message, "write a rule for it, if only to notify"
            )


def _answers(trigger: Trigger, rule: PlacedRule) -> bool:
    if isinstance(trigger, OnRule):
        return trigger.rule_id == rule.rule.id
    if isinstance(trigger, OnAction):
        return trigger.action == rule.rule.response.action
    return isinstance(trigger, OnLevel) and 0 < LEVELS.index(trigger.level) <= rule.level_rank
