"""A playbook as YAML: what the reader would read back as the same table, whoever made it."""

from typing import Any, Final, assert_never

import msgspec
import yaml

from holdfast.policy.duration import format_duration
from holdfast.response.playbook.playbook import (
    PANEL_DEFAULT,
    Act,
    Approve,
    Call,
    End,
    If,
    Panel,
    Parallel,
    Playbook,
    Step,
    Until,
    Wait,
)
from holdfast.response.playbook.trigger import OnOperator, Trigger
from holdfast.response.verb import Verb, name_of

WIDTH: Final = 120


def yaml_of(playbook: Playbook) -> str:
    """Return a playbook as one YAML document."""
    return yaml_text(plain_head(playbook), {step.name: plain_step(step) for step in playbook.steps})


def yaml_text(head: dict[str, Any], steps: dict[str, Any]) -> str:
    """Return the YAML of a head and its steps."""
    return yaml.safe_dump({**head, "steps": steps}, sort_keys=False, allow_unicode=True, width=WIDTH)


def plain_head(playbook: Playbook) -> dict[str, Any]:
    """Return the head of a playbook as the map that YAML holds of it, without the steps."""
    head: dict[str, Any] = {
        "playbook": playbook.name,
        "title": playbook.title,
        "description": playbook.description,
        "triggers": [_trigger(trigger) for trigger in playbook.triggers],
        "scope": playbook.scope,
        "cooldown": format_duration(playbook.cooldown_ns),
    }
    if playbook.confirm != PANEL_DEFAULT:
        head["confirm"] = _panel(playbook.confirm)
    return head


def plain_step(step: Step) -> dict[str, Any]:
    """Return a step as the map that YAML holds of it, without its name."""
    match step:
        case Act():
            plain: dict[str, Any] = {"act": plain_verb(step.verb), "then": step.then}
            plain |= {"on_failure": step.on_failure} if step.on_failure else {}
            plain |= {"undo": plain_verb(step.undo)} if step.undo is not None else {}
            return plain | {"timeout": format_duration(step.timeout_ns)}
        case Wait():
            return {"wait": format_duration(step.for_ns), "then": step.then}
        case Until():
            lasts = {"timeout": format_duration(step.timeout_ns)}
            return {"until": step.condition, **lasts, "then": step.then, "on_timeout": step.on_timeout}
        case If():
            return {"if": step.condition, "then": step.then, "else": step.otherwise}
        case Approve():
            exits = {"then": step.then, "on_denied": step.on_denied, "otherwise": step.otherwise}
            return {"approve": step.question, **_panel(step.panel), **exits}
        case Parallel():
            failure = {"on_failure": step.on_failure} if step.on_failure else {}
            return {"parallel": list(step.branches), "then": step.then, **failure}
        case Call():
            lasts = {"timeout": format_duration(step.timeout_ns)}
            return {"playbook": step.playbook, "then": step.then, "on_failure": step.on_failure, **lasts}
        case End():
            return {"end": step.outcome} | ({"detail": step.detail} if step.detail else {})
        case _:
            assert_never(step)


def plain_verb(verb: Verb) -> str | dict[str, Any]:
    """Return a verb as YAML holds it: its name, with the arguments that are not as they would be anyway."""
    fields = msgspec.structs.fields(type(verb))
    arguments = {
        field.name: msgspec.to_builtins(value)
        for field in fields
        if (value := getattr(verb, field.name)) != field.default or field.required
    }
    return {name_of(verb): arguments} if arguments else name_of(verb)


def _trigger(trigger: Trigger) -> str | dict[str, Any]:
    if isinstance(trigger, OnOperator):
        return "operator"
    plain = msgspec.to_builtins(trigger)
    del plain["type"]
    return plain


def _panel(panel: Panel) -> dict[str, Any]:
    groups = [
        {"people": list(group.people), "within": format_duration(group.within_ns)} for group in panel.groups
    ]
    return {"needed": panel.needed, "ask": groups}
