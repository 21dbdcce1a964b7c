"""Checking: what the OASIS schemas and the specification demand of a CACAO playbook in every place that we read.

It needs no schema folder and no network. Places are JSON pointers (RFC 6901).
Limits: what we do not read (signatures, markings, contact details, addresses) is not checked here.
Source: CACAO Security Playbooks 2.0, OASIS; oasis-open/cacao-json-schemas (draft-07, as their `$schema` says).
"""

import json
from typing import Any, Final, cast

import msgspec

from holdfast.app.cacao.identity import SPEC, TIMESTAMP, VARIABLE, is_identifier
from holdfast.error import CallerError
from holdfast.policy.nearest import nearest
from holdfast.response.playbook.playbook import STEPS_MAX

FILE_CHARS_MAX: Final = 1_000_000
STEP_TYPES: Final[dict[str, tuple[str, ...]]] = {
    "start": (),
    "end": (),
    "action": ("commands", "agent"),
    "playbook-action": ("playbook_id",),
    "parallel": ("next_steps",),
    "if-condition": ("condition", "on_true"),
    "while-condition": ("condition", "on_true"),
    "switch-condition": ("switch", "cases"),
}
"""The kinds of a workflow step, and what each must have."""

REQUIRED: Final = (
    *(
        "type",
        "spec_version",
        "id",
        "name",
        "created_by",
        "created",
        "modified",
        "workflow_start",
        "workflow",
    ),
)
EXITS: Final = ("on_completion", "on_success", "on_failure", "on_true", "on_false")

Json = dict[str, Any]


class CacaoProblem(msgspec.Struct, frozen=True):
    """One thing that is wrong: where (a JSON pointer), what, and what to do."""

    pointer: str
    code: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{self.pointer or '/'}: {self.message}{remedy} [{self.code}]"


class CacaoRefused(CallerError):
    """A CACAO playbook that cannot be imported; `problems` holds every reason."""

    def __init__(self, file: str, problems: list[CacaoProblem]) -> None:
        self.problems = tuple(problems)
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        listed = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(
            "cacao.refused",
            f"the CACAO playbook has {count}:{listed}\n",
            where=file,
            remedy="nothing was imported; correct it",
        )


def read_cacao(file: str, text: str) -> Json:
    """Return a checked CACAO playbook. Raises: CacaoRefused with every problem and its JSON pointer."""
    problems: list[CacaoProblem] = []
    if len(text) > FILE_CHARS_MAX:
        problems = [CacaoProblem("", "cacao.json", f"more than {FILE_CHARS_MAX} characters")]
        raise CacaoRefused(file, problems)
    try:
        content = json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise CacaoRefused(file, [CacaoProblem("", "cacao.json", "nested too deeply")]) from None
    except ValueError as error:
        raise CacaoRefused(file, [CacaoProblem("", "cacao.json", f"not JSON: {error}")]) from error
    if not isinstance(content, dict):
        raise CacaoRefused(file, [CacaoProblem("", "cacao.type", "a playbook is an object")])
    playbook = cast("Json", content)
    check = _Check(playbook, problems)
    check.head()
    if isinstance(playbook.get("workflow"), dict):
        check.workflow()
    if problems:
        raise CacaoRefused(file, problems)
    return playbook


def pointer(*parts: str | int) -> str:
    """Return a JSON pointer.

    >>> pointer("workflow", "a/b", 0)
    '/workflow/a~1b/0'
    """
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found: Json = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is here twice")
        found[key] = value
    return found


class _Check:
    """The walk through one playbook; every mistake is noted, none stops it."""

    def __init__(self, playbook: Json, problems: list[CacaoProblem]) -> None:
        self._playbook, self._problems = playbook, problems

    def wrong(self, place: str, code: str, message: str, remedy: str = "") -> None:
        self._problems.append(CacaoProblem(place, f"cacao.{code}", message, remedy))

    def head(self) -> None:
        playbook = self._playbook
        for name in REQUIRED:
            if name not in playbook:
                self.wrong("", "missing", f"the playbook has no `{name}`")
        self._is(playbook, "type", "playbook")
        self._is(playbook, "spec_version", SPEC)
        for name in ("name", "description"):
            self._text(playbook, name, pointer(name))
        for name in ("id", "created_by", "workflow_start", "workflow_exception"):
            self._id(playbook, name, pointer(name))
        for name in ("derived_from", "related_to", "markings"):
            self._ids(playbook, name, pointer(name), least=1)
        for name in ("created", "modified", "valid_from", "valid_until"):
            value = playbook.get(name)
            if value is not None and not (isinstance(value, str) and TIMESTAMP.search(value)):
                self.wrong(
                    pointer(name), "time", f"`{name}` is not a time: {value!r}", "as 2025-10-10T21:18:00.000Z"
                )
        for name in ("priority", "severity", "impact"):
            self._whole(playbook, name, pointer(name), 0, 100)
        revoked = playbook.get("revoked", False)
        if not isinstance(revoked, bool):
            self.wrong(pointer("revoked"), "type", "`revoked` is true or false")
        elif revoked:
            self.wrong(
                pointer("revoked"), "revoked", "its author has revoked the playbook", "ask for the new one"
            )
        self._variables(playbook, "playbook_variables", pointer("playbook_variables"))
        for group in ("agent_definitions", "target_definitions"):
            self._definitions(group)
        if "workflow" in playbook and not isinstance(playbook["workflow"], dict):
            self.wrong(pointer("workflow"), "type", "the workflow is an object of steps")

    def workflow(self) -> None:
        workflow: Json = self._playbook["workflow"]
        if len(workflow) > STEPS_MAX:
            self.wrong(pointer("workflow"), "size", f"more than {STEPS_MAX} steps")
        for name in ("workflow_start", "workflow_exception"):
            if name in self._playbook:
                self._known(self._playbook[name], pointer(name))
        start = workflow.get(str(self._playbook.get("workflow_start")))
        if isinstance(start, dict) and start.get("type") != "start":
            self.wrong(pointer("workflow_start"), "step", "the workflow does not begin with a start step")
        for step_id, step in workflow.items():
            if isinstance(step, dict):
                self._step(step_id, cast("Json", step))
            else:
                self.wrong(pointer("workflow", step_id), "type", "a step is an object")

    def _step(self, step_id: str, step: Json) -> None:
        at = pointer("workflow", step_id)
        kind = step.get("type")
        if kind not in STEP_TYPES:
            known = nearest(str(kind), STEP_TYPES) or f"one of {', '.join(STEP_TYPES)}"
            self.wrong(f"{at}/type", "step", f"there is no step of type {kind!r}", known)
            return
        if not is_identifier(step_id) or not step_id.startswith(f"{kind}--"):
            self.wrong(at, "id", f"the id of the step is not `{kind}--` and a UUID: {step_id!r}")
        for name in STEP_TYPES[kind]:
            if name not in step:
                self.wrong(at, "missing", f"a step of type {kind} has no `{name}`")
        for name in ("name", "description", "condition", "switch"):
            self._text(step, name, f"{at}/{name}")
        self._whole(step, "delay", f"{at}/delay", 1, None)
        self._whole(step, "timeout", f"{at}/timeout", 0, None)
        self._variables(step, "step_variables", f"{at}/step_variables")
        self._exits(step, kind, at)
        self._ids(step, "next_steps", f"{at}/next_steps", least=2, known=True)
        cases = step.get("cases")
        if cases is not None:
            if not isinstance(cases, dict):
                self.wrong(f"{at}/cases", "type", "`cases` is an object of steps")
            else:
                for name in cast("Json", cases):
                    self._id(cast("Json", cases), name, at + pointer("cases", name), known=True)
        for name in ("agent", "owner", "playbook_id"):
            self._id(step, name, f"{at}/{name}")
        self._ids(step, "targets", f"{at}/targets", least=1)
        if kind == "action":
            self._action(step, at)

    def _action(self, step: Json, at: str) -> None:
        agent, agents = step.get("agent"), self._playbook.get("agent_definitions", {})
        if is_identifier(agent) and agent not in agents:
            self.wrong(f"{at}/agent", "reference", f"the agent {agent!r} is not defined")
        for number, target in enumerate(step.get("targets") or ()):
            if is_identifier(target) and target not in self._playbook.get("target_definitions", {}) | agents:
                self.wrong(f"{at}/targets/{number}", "reference", f"the target {target!r} is not defined")
        commands = step.get("commands")
        if not isinstance(commands, list) or not commands:
            if commands is not None:
                self.wrong(f"{at}/commands", "type", "`commands` is a list of one command or more")
            return
        for number, command in enumerate(cast("list[object]", commands)):
            place = f"{at}/commands/{number}"
            if not isinstance(command, dict) or not isinstance(cast("Json", command).get("type"), str):
                self.wrong(place, "type", "a command is an object with a `type`")
                continue
            for name in ("command", "command_b64", "content", "content_b64", "description"):
                self._text(cast("Json", command), name, f"{place}/{name}")

    def _exits(self, step: Json, kind: str, at: str) -> None:
        present = [name for name in EXITS if name in step]
        for name in present:
            self._id(step, name, f"{at}/{name}", known=True)
        plain = {"on_completion", "on_success", "on_failure"} & set(present)
        if kind == "end" and plain:
            self.wrong(at, "exit", "an end step leads nowhere")
        if kind == "start" and (plain - {"on_completion"} or not plain):
            self.wrong(at, "exit", "a start step leads on by `on_completion` only")
        if "on_completion" in plain and len(plain) > 1:
            self.wrong(at, "exit", "`on_completion` excludes `on_success` and `on_failure`")

    def _definitions(self, group: str) -> None:
        definitions = self._playbook.get(group)
        if definitions is None:
            return
        if not isinstance(definitions, dict) or not definitions:
            self.wrong(pointer(group), "type", f"`{group}` is an object with one entry or more")
            return
        for key, entry in cast("Json", definitions).items():
            place = pointer(group, key)
            if not is_identifier(key):
                self.wrong(place, "id", f"not an id: {key!r}", "a type, `--` and a UUID")
            for name in ("type", "name"):
                if not isinstance(entry, dict) or not isinstance(cast("Json", entry).get(name), str):
                    self.wrong(place, "missing", f"it has no `{name}`")

    def _variables(self, owner: Json, name: str, at: str) -> None:
        variables = owner.get(name)
        if variables is None:
            return
        if not isinstance(variables, dict):
            self.wrong(at, "type", f"`{name}` is an object")
            return
        for key, variable in cast("Json", variables).items():
            place = at + pointer(key)
            if not VARIABLE.search(key):
                self.wrong(place, "id", f"not the name of a variable: {key!r}", "as `__name__`")
            if not isinstance(variable, dict) or not isinstance(cast("Json", variable).get("type"), str):
                self.wrong(place, "missing", "a variable has a `type`")
            elif not isinstance(cast("Json", variable).get("value", ""), str | None):
                self.wrong(f"{place}/value", "type", "the value of a variable is text")

    def _is(self, owner: Json, name: str, value: str) -> None:
        if name in owner and owner[name] != value:
            self.wrong(pointer(name), "type", f"`{name}` is {value!r}, this is {owner[name]!r}")

    def _text(self, owner: Json, name: str, at: str) -> None:
        if name in owner and not isinstance(owner[name], str):
            self.wrong(at, "type", f"`{name}` is text")

    def _whole(self, owner: Json, name: str, at: str, least: int, most: int | None) -> None:
        value = owner.get(name, least)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or value < least or (most is not None and value > most):
            words = f"from {least} to {most}" if most is not None else f"{least} or more"
            self.wrong(at, "range", f"`{name}` is a whole number, {words}: {value!r}")

    def _id(self, owner: Json, name: str, at: str, *, known: bool = False) -> None:
        if name not in owner:
            return
        if not is_identifier(owner[name]):
            self.wrong(at, "id", f"`{name}` is not an id: {owner[name]!r}", "a type, `--` and a UUID")
        elif known:
            self._known(owner[name], at)

    def _ids(self, owner: Json, name: str, at: str, *, least: int, known: bool = False) -> None:
        if name not in owner:
            return
        values = owner[name]
        if not isinstance(values, list) or len(cast("list[object]", values)) < least:
            self.wrong(at, "type", f"`{name}` is a list of {least} ids or more")
            return
        for number, value in enumerate(cast("list[object]", values)):
            self._id({name: value}, name, f"{at}/{number}", known=known)

    def _known(self, step_id: object, at: str) -> None:
        if is_identifier(step_id) and step_id not in self._playbook.get("workflow", {}):
            near = nearest(str(step_id), self._playbook.get("workflow", {}))
            self.wrong(at, "reference", f"there is no step {step_id!r} in the workflow", near)
