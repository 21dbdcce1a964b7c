"""Export: a playbook as CACAO 2.0, valid by the OASIS schemas, that another executor can show and a person can follow.

Each step becomes the CACAO step that is nearest to it; what it does is a `manual` command in plain words, so that nothing
but Holdfast acts on it. The exact step stands in `step_extensions`, from which an import makes the same table again.

Limits: a condition is CEL, where CACAO speaks of STIX patterns; and a table may jump where CACAO's branches return. An
executor that is not ours can show such a playbook, not run it by itself.
"""

from typing import Any, Final

import msgspec

from holdfast.app.cacao.identity import EXTENSION, SPEC, identifier
from holdfast.clock import MILLISECOND_NS, format_time_ns
from holdfast.policy.duration import format_duration
from holdfast.response.playbook.playbook import (
    JOIN,
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
from holdfast.response.playbook.table import owners
from holdfast.response.playbook.words import words_of
from holdfast.response.playbook.writer import plain_head, plain_step
from holdfast.response.verb import name_of

_KINDS: Final[dict[type, str]] = {
    If: "if-condition",
    Parallel: "parallel",
    Call: "playbook-action",
    End: "end",
}
_ACTIVITIES: Final = {"notify": "deliver-content", "reconcile": "analyze-collected-data"}
AUTHOR: Final = "holdfast"


def to_cacao(playbook: Playbook, created_ns: int) -> dict[str, Any]:
    """Return a playbook as a CACAO playbook. `created_ns` is when this version of it was made."""
    time = format_time_ns(created_ns)
    start, failed = identifier("start", playbook.name), identifier("end", playbook.name, "exception")
    workflow: dict[str, Any] = {
        start: {"type": "start", "name": "Start", "on_completion": _id(playbook, playbook.steps[0].name)}
    }
    for step in playbook.steps:
        workflow[_id(playbook, step.name)] = _step(playbook, step)
        if isinstance(step, Parallel):
            workflow[_join(playbook, step.name)] = {
                "type": "end",
                "name": f"The branches of {step.name} join",
            }
    undo = "Undo what was done, the latest first, and fail"
    workflow[failed] = {"type": "end", "name": "Failed", "description": undo}
    activities = sorted(
        {one["playbook_activity"] for step in workflow.values() for one in step.get("commands", ())}
    )
    return {
        "type": "playbook",
        "spec_version": SPEC,
        "id": identifier("playbook", playbook.name),
        "name": playbook.title,
        "description": playbook.description,
        "playbook_types": ["mitigation"],
        **({"playbook_activities": activities} if activities else {}),
        "created_by": identifier("identity", AUTHOR),
        "created": time,
        "modified": time,
        "labels": [AUTHOR, f"version-{playbook.version}"],
        "workflow_start": start,
        "workflow_exception": failed,
        "workflow": workflow,
        "agent_definitions": _agents(playbook),
        "playbook_extensions": {EXTENSION: plain_head(playbook)},
        "extension_definitions": {
            EXTENSION: {
                "type": "extension-definition",
                "name": "Holdfast playbook",
                "description": "The head and the steps of a playbook as Holdfast's own YAML holds them.",
                "created_by": identifier("identity", AUTHOR),
                "schema": "holdfast/response/playbook/reader.py",
                "version": "1",
            }
        },
    }


def _step(playbook: Playbook, step: Step) -> dict[str, Any]:
    made: dict[str, Any] = {"type": _KINDS.get(type(step), "action"), "name": step.name}
    match step:
        case Act():
            activity = _ACTIVITIES.get(name_of(step.verb), "eliminate-risk")
            made |= _manual(words_of(step.verb), activity, _desk())
            made |= _timeout(step.timeout_ns) | _onward(playbook, step, step.then, step.on_failure)
        case Wait():
            made |= {"delay": step.for_ns // MILLISECOND_NS}
            made |= _manual(f"go on after {format_duration(step.for_ns)}", "step-sequence", _desk())
            made |= _onward(playbook, step, step.then, "")
        case Until():
            made |= _manual(f"wait until {step.condition}", "step-sequence", _desk())
            made |= _timeout(step.timeout_ns) | _onward(playbook, step, step.then, step.on_timeout)
        case Approve():
            made |= _manual(step.question, "step-sequence", _people(step.panel, 0))
            within_ns = sum(group.within_ns for group in step.panel.groups)
            made |= _timeout(within_ns) | _onward(playbook, step, step.then, step.on_denied)
        case If():
            made |= {"condition": step.condition, "on_true": _target(playbook, step, step.then)}
            made |= {"on_false": _target(playbook, step, step.otherwise)}
        case Parallel():
            made |= {"next_steps": [_id(playbook, branch) for branch in step.branches]}
            made |= _onward(playbook, step, step.then, step.on_failure)
        case Call():
            made |= {"playbook_id": identifier("playbook", step.playbook)}
            made |= _timeout(step.timeout_ns) | _onward(playbook, step, step.then, step.on_failure)
        case End():
            made |= {"description": step.detail} if step.detail else {}
    return made | {"step_extensions": {EXTENSION: plain_step(step)}}


def _manual(text: str, activity: str, agent: str) -> dict[str, Any]:
    command = {"type": "manual", "command": text, "playbook_activity": activity}
    return {"commands": [command], "agent": agent}


def _timeout(duration_ns: int) -> dict[str, int]:
    return {"timeout": duration_ns // MILLISECOND_NS}


def _onward(playbook: Playbook, step: Step, then: str, on_failure: str) -> dict[str, str]:
    if not on_failure:
        return {"on_completion": _target(playbook, step, then)}
    targets = {"on_success": then, "on_failure": on_failure}
    return {name: _target(playbook, step, target) for name, target in targets.items()}


def _target(playbook: Playbook, step: Step, target: str) -> str:
    return _join(playbook, owners(playbook)[step.name]) if target == JOIN else _id(playbook, target)


def _id(playbook: Playbook, name: str) -> str:
    return identifier(_KINDS.get(type(playbook.step(name)), "action"), playbook.name, name)


def _join(playbook: Playbook, parallel: str) -> str:
    return identifier("end", playbook.name, parallel, JOIN)


def _desk() -> str:
    return identifier("organization", AUTHOR)


def _people(panel: Panel, number: int) -> str:
    group = panel.groups[number]
    return identifier("group", *group.people)


def _agents(playbook: Playbook) -> dict[str, Any]:
    agents: dict[str, Any] = {
        _desk(): {
            "type": "organization",
            "name": "The desk",
            "description": "Holdfast, or who stands in for it",
        }
    }
    for step in playbook.steps:
        if isinstance(step, Approve):
            people = step.panel.groups[0].people
            agents[_people(step.panel, 0)] = {"type": "group", "name": " or ".join(people)}
    return agents


def cacao_text(playbook: Playbook, created_ns: int) -> str:
    """Return a playbook as the text of a CACAO file."""
    return msgspec.json.format(msgspec.json.encode(to_cacao(playbook, created_ns)), indent=2).decode()
