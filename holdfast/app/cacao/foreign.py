"""Foreign playbooks: a CACAO workflow that is not ours, as a table of questions to people.

Rules:

1. A command is shown, with what is known of its variables, and a person says when it is done. It is never carried out.
2. A condition is a STIX pattern or anything else that we cannot judge: a person says whether it is so.
3. Where CACAO returns from a branch, the table leads on to what follows the branch. A step that several ways lead to is
   one step where they go on alike, and several where they do not.
4. A failure, a no, or nobody's answer leads to `on_failure`, else to the playbook's exception, else to a failed end.
"""

import base64
import binascii
import re
from typing import Any, Final, cast

from holdfast.app.cacao.checking import Json, pointer
from holdfast.clock import DAY_NS, MILLISECOND_NS, MINUTE_NS, SECOND_NS
from holdfast.response.playbook.playbook import (
    JOIN,
    STEPS_MAX,
    Approve,
    End,
    Group,
    Panel,
    Parallel,
    Playbook,
    Step,
    Wait,
)
from holdfast.response.playbook.trigger import OnOperator

QUESTION_CHARS_MAX: Final = 600
PEOPLE: Final = ("role:trader", "role:risk_officer")
NEXT: Final = ("role:admin",)
WITHIN_NS: Final = 15 * MINUTE_NS
NAME_CHARS_MAX: Final = 34
_VARIABLE: Final = re.compile(r"(__[a-zA-Z_][a-zA-Z0-9_-]*?__):value")
_LEFT_OUT: Final = (
    "authentication_info_definitions",
    "signatures",
    "data_marking_definitions",
    "playbook_extensions",
)


def translated(content: Json) -> tuple[Playbook, tuple[str, ...], dict[str, str]]:
    """Return a playbook of questions, what was left out, and the JSON pointer that each of its steps comes from."""
    walk = _Walk(content)
    walk.begin()
    notes = [f"`{name}` is left out" for name in _LEFT_OUT if name in content]
    playbook = Playbook(
        name=_slug(content["name"], "imported"),
        title=content["name"],
        description=f"{content.get('description') or 'A CACAO playbook.'} (imported from {content['id']})",
        triggers=(OnOperator(),),
        scope="desk",
        cooldown_ns=0,
        steps=tuple(walk.steps.values()),
    )
    return playbook, (*notes, *walk.notes), walk.places


class _Walk:
    """The way through one workflow."""

    def __init__(self, content: Json) -> None:
        self._content = content
        self._workflow: dict[str, Json] = content["workflow"]
        self._made: dict[tuple[str, str, str, str], str] = {}
        self.steps: dict[str, Step] = {}
        self.places: dict[str, str] = {}
        self.notes: list[str] = []

    def begin(self) -> None:
        """Make the steps, in the order in which they are come to."""
        first = self._workflow[self._content["workflow_start"]]["on_completion"]
        self._step(first, "", "", "")

    def _step(self, step_id: str, onward: str, failed: str, branch: str) -> str:
        """Return the name of what a step becomes; `onward` is where its branch goes on, empty for the end of the run."""
        step = self._workflow[step_id]
        if step["type"] == "end" and onward:
            return onward
        key = (step_id, onward, failed, branch)
        if key in self._made:
            return self._made[key]
        name = self._name(step, step_id)
        self._made[key] = name
        if len(self.steps) >= STEPS_MAX:
            return name  # the checks refuse so large a table
        self.steps[name] = End(name=name)  # holds the place in the order; what it becomes follows
        match step["type"]:
            case "action":
                self.steps[name] = self._action(name, step, onward, failed, branch)
            case "end":
                self.steps[name] = End(name=name, detail=str(step.get("name", "")))
            case "parallel":
                self.steps[name] = self._parallel(name, step, onward, failed, branch)
            case "if-condition" | "while-condition":
                self.steps[name] = self._condition(name, step, onward, failed, branch)
            case "switch-condition":
                self.steps[name] = self._switch(name, step, onward, failed, branch)
            case _:
                words = f"run the playbook {step.get('playbook_id', '')} by hand"
                self.steps[name] = self._question(name, step, words, onward, failed, branch)
        return self._delayed(name, step)

    def _delayed(self, name: str, step: Json) -> str:
        """Put a wait before a step that has a delay; its name takes the step's place."""
        if "delay" not in step:
            return name
        wait = f"{name}_delay"
        lasts_ns = min(max(step["delay"] * MILLISECOND_NS, SECOND_NS), 7 * DAY_NS)
        self.steps[wait] = Wait(name=wait, for_ns=lasts_ns, then=name)
        self.places[wait] = self.places[name] + "/delay"
        self._made = {key: wait if made == name else made for key, made in self._made.items()}
        order = [*self.steps]
        order.remove(wait)
        order.insert(order.index(name), wait)
        self.steps = {one: self.steps[one] for one in order}
        return wait

    def _action(self, name: str, step: Json, onward: str, failed: str, branch: str) -> Step:
        commands = [self._command(command, step) for command in cast("list[Json]", step["commands"])]
        kinds = sorted({str(command["type"]) for command in step["commands"]} - {"manual"})
        if kinds:
            self.notes.append(f"{name}: {', '.join(kinds)} is done by a person, and confirmed")
        return self._question(
            name, step, f"do by hand and confirm: {'; '.join(commands)}", onward, failed, branch
        )

    def _question(self, name: str, step: Json, words: str, onward: str, failed: str, branch: str) -> Step:
        then = self._after(step, onward, failed, branch)
        no = self._no(step, onward, failed, branch)
        return self._asked(name, words, then, no, no, self._within_ns(step))

    def _condition(self, name: str, step: Json, onward: str, failed: str, branch: str) -> Step:
        after = self._after(step, onward, failed, branch)
        loops = step["type"] == "while-condition"
        yes = self._step(step["on_true"], name if loops else after, failed, branch)
        no = self._step(step["on_false"], after, failed, branch) if "on_false" in step else after
        words = f"is this {'still ' if loops else ''}so? {step['condition']}"
        return self._asked(
            name, words, yes, no, self._no(step, onward, failed, branch), self._within_ns(step)
        )

    def _switch(self, name: str, step: Json, onward: str, failed: str, branch: str) -> Step:
        after = self._after(step, onward, failed, branch)
        cases: Json = dict(step["cases"])
        default = cases.pop("default", None)
        no = self._step(default, after, failed, branch) if default else after
        nobody = self._no(step, onward, failed, branch)
        made: Step | None = None
        for number, (value, target) in reversed(list(enumerate(cases.items()))):
            own = name if number == 0 else f"{name}_{number + 1}"
            yes = self._step(target, after, failed, branch)
            made = self._asked(own, f"is {step['switch']} {value}?", yes, no, nobody, self._within_ns(step))
            self.steps[own], self.places[own], no = made, self.places[name], own
        return made or End(name=name)

    def _parallel(self, name: str, step: Json, onward: str, failed: str, branch: str) -> Step:
        if branch:
            self.notes.append(f"{name}: a parallel step within a branch cannot be imported")
        ways = [self._step(one, JOIN, JOIN, f"{name}.{n}") for n, one in enumerate(step["next_steps"])]
        then = self._after(step, onward, failed, branch)
        no = self._no(step, onward, failed, branch)
        return Parallel(name=name, branches=tuple(ways), then=then, on_failure=no)

    def _after(self, step: Json, onward: str, failed: str, branch: str) -> str:
        target = step.get("on_completion") or step.get("on_success")
        return self._step(target, onward, failed, branch) if target else onward or self._end("done")

    def _no(self, step: Json, onward: str, failed: str, branch: str) -> str:
        if "on_failure" in step:
            return self._step(step["on_failure"], onward, failed, branch)
        exception = self._content.get("workflow_exception")
        if failed or exception is None or self._workflow[exception]["type"] == "end":
            return failed or self._end("failed")
        return self._step(exception, "", self._end("failed"), "")

    def _end(self, outcome: str) -> str:
        name = f"ended_{outcome}"
        if outcome == "failed":
            self.steps.setdefault(
                name, End(name=name, outcome="failed", detail="not done, or nobody answered")
            )
        else:
            self.steps.setdefault(name, End(name=name))
        return name

    def _asked(self, name: str, words: str, yes: str, no: str, nobody: str, within_ns: int) -> Step:
        panel = Panel(1, (Group(PEOPLE, within_ns), Group(NEXT, within_ns)))
        words = words if len(words) <= QUESTION_CHARS_MAX else words[: QUESTION_CHARS_MAX - 1] + "…"
        return Approve(name=name, question=words, panel=panel, then=yes, on_denied=no, otherwise=nobody)

    def _within_ns(self, step: Json) -> int:
        timeout_ns = int(step.get("timeout", 0)) * MILLISECOND_NS
        return min(max(timeout_ns, SECOND_NS), DAY_NS) if timeout_ns else WITHIN_NS

    def _command(self, command: Json, step: Json) -> str:
        text = command.get("command") or _decoded(command.get("command_b64", ""))
        content = command.get("content") or _decoded(command.get("content_b64", ""))
        known = {**(self._content.get("playbook_variables") or {}), **(step.get("step_variables") or {})}

        def value(match: re.Match[str]) -> str:
            found = known.get(match[1], {}).get("value")
            return match[0] if found is None else str(found)

        words = " ".join(_VARIABLE.sub(value, f"{text} {content}").split())
        kind = str(command["type"])
        return (
            words
            if kind == "manual" and words
            else f"{kind}: {words or command.get('description', '')}".strip()
        )

    def _name(self, step: Json, step_id: str) -> str:
        base = _slug(step.get("name") or step["type"], "step")
        name, number = base, 2
        while (
            name in self.steps or name in self._made.values() or name in (JOIN, "ended_done", "ended_failed")
        ):
            name, number = f"{base}_{number}", number + 1
        self.places[name] = pointer("workflow", step_id)
        return name


def _slug(text: Any, otherwise: str) -> str:
    made = re.sub(r"[^a-z0-9]+", "_", str(text).lower()).strip("_")[:NAME_CHARS_MAX].strip("_")
    return made if made[:1].isalpha() else f"{otherwise}_{made}".strip("_")[:NAME_CHARS_MAX]


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "(content that is not text)"
