"""The head of a playbook in YAML: its name, what sets it off, where it applies, and who is asked."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from yaml.nodes import Node, ScalarNode, SequenceNode

from holdfast.clock import DAY_NS, SECOND_NS
from holdfast.error import CallerError
from holdfast.event import LEVELS, SEVERITIES
from holdfast.policy.document import Document, kind_of
from holdfast.policy.duration import format_duration, parse_duration_ns
from holdfast.policy.rule import ACTIONS
from holdfast.response.playbook.playbook import COOLDOWN_NS_DEFAULT, PANEL_DEFAULT, Group, Panel
from holdfast.response.playbook.trigger import OUTCOMES, REACHES, OnOperator, Trigger

HEAD: Final = ("playbook", "title", "description", "triggers", "scope", "cooldown", "confirm", "steps")
HEAD_REQUIRED: Final = ("playbook", "title", "description", "triggers", "scope", "steps")
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
TRIGGERS: Final = ("rule", "action", "alert", "level", "operator", "playbook")
DURATION_NS_MAX: Final = 7 * DAY_NS


def read_head(document: Document, nodes: Mapping[str, Node]) -> dict[str, Any]:
    """Return the fields of a playbook's head; what is wrong is noted."""
    head: dict[str, Any] = {"triggers": (), "cooldown_ns": COOLDOWN_NS_DEFAULT, "confirm": PANEL_DEFAULT}
    for name, node in nodes.items():
        if name == "playbook":
            head["name"] = read_name(document, node, "the name of a playbook")
        elif name in ("title", "description"):
            head[name] = " ".join(document.text(node, name).split())
        elif name == "triggers":
            head["triggers"] = _triggers(document, node)
        elif name == "scope":
            head["scope"] = document.one_of(node, "scope", REACHES)
        elif name == "cooldown":
            head["cooldown_ns"] = read_duration(document, node, "cooldown", least_ns=0)
        elif name == "confirm":
            keys = document.keys(node, "confirm", ("needed", "ask"), ("ask",))
            head["confirm"] = read_panel(document, keys)
    return head


def read_name(document: Document, node: Node, what: str) -> str:
    """Read a name: small letters, digits and underscores."""
    text = document.text(node, what)
    if text and not NAME.fullmatch(text):
        document.wrong(
            node, "playbook.name", f"{what} is not `{text}`", "small letters, digits and _, up to 40"
        )
    return text


def read_duration(document: Document, node: Node, name: str, *, least_ns: int = SECOND_NS) -> int:
    """Read a duration, as `30s`."""
    text = str(node.value) if isinstance(node, ScalarNode) else ""
    try:
        duration_ns = parse_duration_ns(text)
    except CallerError as error:
        document.wrong(node, "playbook.duration", f"`{name}` is {error.message}", error.remedy)
        return least_ns
    if not least_ns <= duration_ns <= DURATION_NS_MAX:
        remedy = f"from {format_duration(least_ns)} to {format_duration(DURATION_NS_MAX)}"
        document.wrong(node, "playbook.duration", f"`{name}` cannot be {text}", remedy)
    return duration_ns


def read_panel(document: Document, keys: Mapping[str, Node]) -> Panel:
    """Read who is asked: `needed` (1 when it is left out) and `ask`, one group after another."""
    needed = 1
    if node := keys.get("needed"):
        text = node.value if isinstance(node, ScalarNode) and kind_of(node) == "int" else ""
        if not str(text).isdecimal():
            document.wrong_kind(node, "needed", "a whole number")
        else:
            needed = int(text)
    groups: list[Group] = []
    ask = keys.get("ask")
    if isinstance(ask, SequenceNode):
        for entry in ask.value:
            found = document.keys(entry, "a group of `ask`", ("people", "within"), ("people", "within"))
            if len(found) == 2:
                people = document.texts(found["people"], "people")
                groups.append(Group(people, read_duration(document, found["within"], "within")))
    elif ask is not None:
        document.wrong_kind(ask, "ask", "a list of groups, each with `people` and `within`")
    return Panel(needed, tuple(groups))


def _triggers(document: Document, node: Node) -> tuple[Trigger, ...]:
    if not isinstance(node, SequenceNode):
        document.wrong_kind(node, "triggers", "a list")
        return ()
    found = [_trigger(document, entry) for entry in node.value]
    return tuple(trigger for trigger in found if trigger is not None)


def _trigger(document: Document, node: Node) -> Trigger | None:
    if isinstance(node, ScalarNode):
        document.one_of(node, "a trigger without more words", ("operator",))
        return OnOperator()
    before = len(document.problems)
    keys = document.keys(node, "a trigger", (*TRIGGERS[:-2], "playbook", "severity", "outcome"), ())
    kinds = [name for name in TRIGGERS if name in keys]
    if len(kinds) != 1:
        document.wrong(node, "playbook.trigger", "a trigger is one thing", f"one of {', '.join(TRIGGERS)}")
        return None
    extra = {"alert": "severity", "playbook": "outcome"}.get(kinds[0], "")
    for name in keys:
        if name not in (kinds[0], extra):
            document.wrong(keys[name], "playbook.trigger", f"`{name}` does not go with `{kinds[0]}`")
    value = keys[kinds[0]]
    made: dict[str, Any] = {}
    match kinds[0]:
        case "rule":
            made = {"type": "rule", "rule": document.text(value, "rule")}
        case "action":
            made = {"type": "action", "action": document.one_of(value, "action", ACTIONS)}
        case "level":
            made = {"type": "level", "level": document.one_of(value, "level", LEVELS[1:])}
        case "alert":
            made = {"type": "alert", "alert": document.text(value, "alert")}
            if "severity" in keys:
                made["severity"] = document.one_of(keys["severity"], "severity", SEVERITIES)
        case _:
            made = {"type": "playbook", "playbook": document.text(value, "playbook")}
            if "outcome" in keys:
                made["outcome"] = document.one_of(keys["outcome"], "outcome", OUTCOMES)
    if len(document.problems) > before:
        return None
    return msgspec.convert(made, Trigger)
