"""The envelope: a rule as a YAML document in Sigma's shape, read strictly.

The keys are Sigma's, with two differences: `detection` holds one CEL condition instead of Sigma's matching
language, and `response` says what the rule wants. A key that is not listed here is a mistake.

A duration is unsafe, and refused, when it defeats the rule: a brake that waits longer than five minutes is
none, and a move that may be repeated within a minute trades the desk into the ground.
"""

import re
import uuid
from datetime import date
from typing import Any, Final

import msgspec
from yaml.nodes import Node, ScalarNode

from holdfast.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from holdfast.error import CallerError
from holdfast.event import LEVELS
from holdfast.policy.document import Document
from holdfast.policy.duration import format_duration, parse_duration_ns
from holdfast.policy.rule import ACTIONS, MOVES, Rule

KEYS: Final = (
    "title", "id", "status", "description", "author", "date", "modified", "references", "tags", "level",
    "logsource", "falsepositives", "detection", "response",
)  # fmt: skip
KEYS_REQUIRED: Final = ("title", "id", "logsource", "detection", "response")
RESPONSE_KEYS: Final = ("action", "level", "for", "cooldown")
SERIOUSNESS: Final = ("informational", "low", "medium", "high", "critical")
STATUSES: Final = ("stable", "test", "experimental")

TITLE_CHARS_MAX: Final = 256
FOR_NS_MAX: Final = HOUR_NS
BRAKE_FOR_NS_MAX: Final = 5 * MINUTE_NS
COOLDOWN_NS_MIN: Final = SECOND_NS
COOLDOWN_NS_MAX: Final = DAY_NS
MOVE_COOLDOWN_NS_MIN: Final = MINUTE_NS


class Written(msgspec.Struct, frozen=True):
    """What a document holds: its nodes where there are any, and the rule where nothing was wrong with it."""

    document: Document
    rule: Rule | None
    id_node: Node | None
    condition_node: ScalarNode | None


def read_rule(document: Document) -> Written:
    """Read one document as a rule; all that is wrong with it is noted in the document."""
    before = len(document.problems)
    keys = document.keys(document.root, "a rule", KEYS, KEYS_REQUIRED)
    values: dict[str, Any] = {name: _value(document, name, keys[name]) for name in KEYS if name in keys}
    values |= values.pop("logsource", {})
    condition_node: ScalarNode | None = values.pop("detection", None)
    rule = None
    if condition_node is not None and len(document.problems) == before:
        rule = msgspec.convert(values | {"condition": condition_node.value.strip()}, Rule)
    return Written(document, rule, keys.get("id"), condition_node)


def _value(document: Document, name: str, node: Node) -> object:
    if name in ("references", "tags", "falsepositives"):
        return document.texts(node, name)
    if name in ("date", "modified"):
        return _date(document, name, node)
    if name == "status":
        return document.one_of(node, name, STATUSES)
    if name == "level":
        return _seriousness(document, node)
    if name == "id":
        return _id(document, node)
    if name == "logsource":
        return _logsource(document, node)
    if name == "detection":
        keys = document.keys(node, name, ("condition",), ("condition",))
        return (
            keys["condition"]
            if "condition" in keys and document.text(keys["condition"], "condition")
            else None
        )
    if name == "response":
        return _response(document, node)
    text = document.text(node, name)
    if name == "title" and len(text) > TITLE_CHARS_MAX:
        document.wrong(node, "rule.type", f"the title has more than {TITLE_CHARS_MAX} characters")
    return text


def _id(document: Document, node: Node) -> str:
    text = document.text(node, "id")
    try:
        right = str(uuid.UUID(text)) == text
    except ValueError:
        right = False
    if text and not right:
        remedy = "make one with `uuidgen -r`"
        document.wrong(node, "rule.type", f"the id is not a UUID in lower case: `{text}`", remedy)
    return text


def _date(document: Document, name: str, node: Node) -> str:
    text = str(node.value) if isinstance(node, ScalarNode) else ""
    try:
        date.fromisoformat(text)
    except ValueError:
        document.wrong(node, "rule.type", f"{name} is not a date: `{text}`", "write it as 2025-10-31")
    return text


def _seriousness(document: Document, node: Node) -> str:
    if isinstance(node, ScalarNode) and node.value in LEVELS:
        remedy = (
            "how serious the rule is stands here; the level to raise the scope to stands under `response`"
        )
        document.wrong(node, "rule.value_unknown", f"level cannot be `{node.value}`", remedy)
        return ""
    return document.one_of(node, "level", SERIOUSNESS)


def _logsource(document: Document, node: Node) -> dict[str, str]:
    keys = document.keys(node, "logsource", ("product", "category"), ("product", "category"))
    if "product" in keys:
        document.one_of(keys["product"], "product", ("holdfast",))
    category = document.text(keys["category"], "category") if "category" in keys else ""
    if category and not re.fullmatch(r"[a-z][a-z0-9_]*", category):
        document.wrong(
            keys["category"], "rule.type", "a category is one word in lower case", "such as market, feed"
        )
    return {"category": category}


def _response(document: Document, node: Node) -> dict[str, object]:
    keys = document.keys(node, "response", RESPONSE_KEYS, ("action",))
    response: dict[str, object] = {}
    action = ""
    if "action" in keys:
        response["action"] = action = document.one_of(keys["action"], "action", ACTIONS)
    if "level" in keys:
        response["level"] = document.one_of(keys["level"], "level", LEVELS)
    for_max = FOR_NS_MAX if action in (*MOVES, "notify") else BRAKE_FOR_NS_MAX
    cooldown_min = MOVE_COOLDOWN_NS_MIN if action in MOVES else COOLDOWN_NS_MIN
    if "for" in keys:
        response["for_ns"] = _duration(document, keys["for"], "for", (0, for_max))
    if "cooldown" in keys:
        limits = (cooldown_min, COOLDOWN_NS_MAX)
        response["cooldown_ns"] = _duration(document, keys["cooldown"], "cooldown", limits)
    return response


def _duration(document: Document, node: Node, name: str, limits: tuple[int, int]) -> int:
    text = str(node.value) if isinstance(node, ScalarNode) else ""
    try:
        duration = parse_duration_ns(text)
    except CallerError as error:
        document.wrong(node, "rule.duration_unsafe", f"`{name}` is {error.message}", error.remedy)
        return 0
    if not limits[0] <= duration <= limits[1]:
        low, high = (format_duration(limit) for limit in limits)
        remedy = f"from {low} to {high} for this action"
        document.wrong(node, "rule.duration_unsafe", f"`{name}: {text}` is unsafe", remedy)
    return duration
