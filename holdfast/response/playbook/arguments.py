"""A verb as a playbook writes it: `pause`, or `reduce: {fraction: 0.5}`; each wrong argument at its line and column."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, get_args, get_origin

import msgspec
from yaml.nodes import MappingNode, Node, ScalarNode

from holdfast.error import CallerError
from holdfast.policy.document import Document, kind_of
from holdfast.response.verb import VERBS, Verb, verb_of

ARGUMENT: Final = "playbook.argument"
_WITH_UNIT: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*(ms|s|m|h|%|bps|usd)", re.IGNORECASE)
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def read_verb(document: Document, node: Node, what: str) -> Verb | None:
    """Read a verb with its arguments; None when something is wrong with it, which is noted."""
    before = len(document.problems)
    name_node, arguments = node, None
    if isinstance(node, MappingNode):
        if len(node.value) != 1:
            document.wrong(node, ARGUMENT, f"{what} is one verb", "as `pause`, or `reduce: {fraction: 0.5}`")
            return None
        name_node, arguments = node.value[0]
    name = document.one_of(name_node, what, sorted(VERBS))
    if name not in VERBS:
        return None
    fields = {field.name: field for field in msgspec.structs.fields(VERBS[name])}
    nodes: dict[str, Node] = {}
    if arguments is not None and not (isinstance(arguments, ScalarNode) and kind_of(arguments) == "null"):
        nodes = document.keys(arguments, f"`{name}`", sorted(fields), ())
    values = {key: _value(document, key, child, fields[key].type) for key, child in nodes.items()}
    for field in fields.values():
        if field.required and field.name not in nodes and len(document.problems) == before:
            remedy = "known are " + ", ".join(sorted(fields))
            document.wrong(node, ARGUMENT, f"`{name}` needs `{field.name}`", remedy)
    if len(document.problems) > before:
        return None
    try:
        return verb_of(name, values)
    except CallerError as error:
        field = error.where.rpartition(".")[2]
        place = nodes.get(field, node)
        document.wrong(place, ARGUMENT, f"`{error.where or name}`: {error.message}", error.remedy)
        return None


def _value(document: Document, name: str, node: Node, kind: Any) -> Any:
    what = f"`{name}`"
    if get_origin(kind) is tuple:
        return document.texts(node, what)
    choices = get_args(kind)
    if choices:
        return document.one_of(node, what, [str(choice) for choice in choices])
    if kind is str:
        return document.text(node, what)
    return _number(document, name, node, kind)


def _number(document: Document, name: str, node: Node, kind: Any) -> Any:
    text = node.value if isinstance(node, ScalarNode) else ""
    try:
        number = Decimal(text.replace("_", ""))
    except InvalidOperation:
        document.wrong(
            node, ARGUMENT, f"`{name}` is a number, this is `{text or 'no number'}`", _unit(name, text)
        )
        return 0
    return number if kind is Decimal else float(number)


def _unit(name: str, text: str) -> str:
    """Say what a number with a unit is in the unit that the name carries."""
    match = _WITH_UNIT.fullmatch(text.strip())
    if match is None:
        return ""
    number, unit = float(match[1]), match[2].lower()
    if unit == "%" and not name.endswith("_bps_max"):
        return f"it is a fraction: write {number / 100:g}"
    if unit == "%":
        return f"it is in basis points: write {number * 100:g}"
    if unit in _SECONDS and name.endswith("_s"):
        return f"it is in seconds: write {number * _SECONDS[unit]:g}"
    return f"the unit is in the name: write {number:g}"
