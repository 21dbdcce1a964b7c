"""Types of a condition: every field known, every operator on what CEL can take, the whole a truth value.

Rules:

1. CEL compares whole numbers with numbers, but does not mix them in a sum: `score * 2` is refused, `score *
   2.0` right.
2. Text has no order here: `level > "watch"` is refused, `level_rank > 1` is right.
3. A closed text field (scope, level) is compared with its own values only.
"""

from typing import Final

import msgspec

from holdfast.policy.expression import COMPARISONS, TEXT_FUNCTIONS, Apply, Constant, Node, Read, walk
from holdfast.policy.fields import ALERTS_PREFIX, SEVERITY_RANKS, FieldType, Schema
from holdfast.policy.nearest import nearest

_NUMERIC: Final = ("number", "integer")
_ORDER: Final = ("<", "<=", ">", ">=")
_ARTICLES: Final[dict[FieldType, str]] = {
    "number": "a number",
    "integer": "a whole number",
    "text": "text",
    "flag": "true or false",
}


class TypeProblem(msgspec.Struct, frozen=True):
    """What is wrong at an offset of the condition, and what to do."""

    at: int
    code: str
    message: str
    remedy: str = ""


def check_types(tree: Node, schema: Schema) -> list[TypeProblem]:
    """Return everything that is wrong with a condition's fields and types, in the order of the text."""
    checker = _Checker(schema)
    found = checker.type_of(tree)
    if found is not None and found != "flag":
        checker.wrong(
            tree, f"the condition is {_ARTICLES[found]}, not true or false", "compare it with something"
        )
    if not checker.problems and not any(isinstance(node, Read) for node in walk(tree)):
        checker.wrong(tree, "the condition reads no field", "a rule must depend on what is seen")
    return sorted(checker.problems, key=lambda problem: problem.at)


class _Checker:
    """Types from the leaves up; None stands for a type that is already known to be wrong."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.problems: list[TypeProblem] = []

    def wrong(self, node: Node, message: str, remedy: str = "", code: str = "rule.type") -> None:
        self.problems.append(TypeProblem(node.at, code, message, remedy))

    def type_of(self, node: Node) -> FieldType | None:
        if isinstance(node, Constant):
            return _constant_type(node)
        if isinstance(node, Read):
            return self._field_type(node)
        types: list[FieldType | None] = [self.type_of(child) for child in node.args]
        if node.op in ("&&", "||", "!"):
            for child, found in zip(node.args, types, strict=True):
                self._expect(child, found, "flag", f"`{node.op}`")
            return "flag"
        if node.op == "?:":
            return self._choose(node, types)
        if node.op in COMPARISONS:
            return self._compare(node, node.args[0], node.args[1], types[0], types[1])
        if node.op == "in":
            for choice, found in zip(node.args[1:], types[1:], strict=True):
                if not isinstance(choice, Constant):
                    self.wrong(choice, "a list after `in` holds literals only", "compare with `==` and `||`")
                self._compare(node, node.args[0], choice, types[0], found)
            return "flag"
        if node.op in TEXT_FUNCTIONS:
            for child, found in zip(node.args, types, strict=True):
                self._expect(child, found, "text", f"`{node.op}`")
            return "flag"
        return self._calculate(node, types)

    def _field_type(self, node: Read) -> FieldType | None:
        field = self._schema.fields.get(node.name)
        if field is not None:
            return field.type
        if node.name == "alerts":
            self.wrong(node, "`alerts` is a map of detectors", "write `alerts.<detector> >= 3`")
        elif node.name.startswith(ALERTS_PREFIX):
            name = node.name.removeprefix(ALERTS_PREFIX)
            remedy = nearest(name, self._schema.detectors) or "no detector of that name runs"
            self.wrong(node, f"unknown detector `{name}`", remedy, "rule.field_unknown")
        else:
            known = [name for name in self._schema.fields if not name.startswith(ALERTS_PREFIX)]
            remedy = nearest(node.name, known)
            if node.name in self._schema.detectors:
                remedy = f"write `alerts.{node.name}`"
            self.wrong(node, f"unknown field `{node.name}`", remedy, "rule.field_unknown")
        return None

    def _expect(self, node: Node, found: FieldType | None, wanted: FieldType, what: str) -> None:
        if found not in (None, wanted):
            self.wrong(node, f"{what} takes {_ARTICLES[wanted]}, this is {_ARTICLES[found]}")

    def _compare(
        self, node: Apply, left: Node, right: Node, left_type: FieldType | None, right_type: FieldType | None
    ) -> FieldType:
        if left_type is None or right_type is None:
            return "flag"
        if left_type != right_type and not (left_type in _NUMERIC and right_type in _NUMERIC):
            remedy = self._remedy(left, right)
            message = f"`{node.op}` compares {_ARTICLES[left_type]} with {_ARTICLES[right_type]}"
            self.wrong(right if isinstance(right, Constant) else node, message, remedy)
        elif node.op in _ORDER and left_type not in _NUMERIC:
            remedy = (
                "compare `level_rank` with 0 to 4" if self._reads(left, right, "level") else "use == or !="
            )
            self.wrong(node, f"`{node.op}` orders numbers, this is {_ARTICLES[left_type]}", remedy)
        else:
            self._check_value(left, right)
            self._check_value(right, left)
        return "flag"

    def _check_value(self, side: Node, other: Node) -> None:
        """Refuse a value that a closed text field never has."""
        field = self._schema.fields.get(side.name) if isinstance(side, Read) else None
        if field and field.values and isinstance(other, Constant) and other.value not in field.values:
            remedy = nearest(str(other.value), field.values) or f"one of {', '.join(field.values)}"
            self.wrong(other, f"`{field.name}` is never `{other.value}`", remedy, "rule.never_fires")

    def _remedy(self, left: Node, right: Node) -> str:
        for side, other in ((left, right), (right, left)):
            if isinstance(side, Read) and isinstance(other, Constant):
                if side.name.startswith(ALERTS_PREFIX) and other.value in SEVERITY_RANKS:
                    return f"severities are numbers here: {other.value} is {SEVERITY_RANKS[str(other.value)]}"
                if isinstance(other.value, str) and _is_number(other.value):
                    return f"write {other.value} without quotes"
        return ""

    def _reads(self, left: Node, right: Node, name: str) -> bool:
        return any(isinstance(side, Read) and side.name == name for side in (left, right))

    def _choose(self, node: Apply, types: list[FieldType | None]) -> FieldType | None:
        self._expect(node.args[0], types[0], "flag", "`?:`")
        if None in types[1:]:
            return None
        if types[1] != types[2]:
            self.wrong(node, "the two sides of `?:` differ in type")
            return None
        return types[1]

    def _calculate(self, node: Apply, types: list[FieldType | None]) -> FieldType | None:
        op = "-" if node.op == "neg" else node.op
        for child, found in zip(node.args, types, strict=True):
            if found not in (None, *_NUMERIC):
                self.wrong(child, f"`{op}` takes a number, this is {_ARTICLES[found]}")
                return None
        if None in types:
            return None
        if len(set(types)) > 1:
            literal = next(
                (arg for arg in node.args if isinstance(arg, Constant) and type(arg.value) is int), None
            )
            remedy = f"write {literal.value}.0" if literal else "CEL does not mix them"
            self.wrong(literal or node, f"`{op}` takes two numbers or two whole numbers", remedy)
            return None
        if op == "%" and types[0] == "number":
            self.wrong(node, "`%` takes whole numbers")
        return types[0]


def _constant_type(node: Constant) -> FieldType:
    if isinstance(node.value, bool):
        return "flag"
    if isinstance(node.value, int):
        return "integer"
    return "number" if isinstance(node.value, float) else "text"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
