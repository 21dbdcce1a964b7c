"""What a condition comes to, in three values: true, false, or unknown because something it needs is unknown.

This is CEL's own logic: `false && unknown` is false and `true || unknown` is true, whatever the order;
whatever else touches an unknown is unknown. At run time the CEL library decides; this twin serves the proofs
at load.
"""

from collections.abc import Callable, Mapping
from math import copysign, isnan
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from holdfast.policy.expression import Apply, Constant, Node, Read, Scalar
from holdfast.policy.fields import INF

Value = Scalar | None

ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne,
}  # fmt: skip


def value(node: Node, values: Mapping[str, Value]) -> Value:
    """Evaluate a type-checked tree; a name that `values` lacks or holds as None is unknown.

    >>> from holdfast.policy.expression import parse
    >>> value(parse("score > 80.0 || level_rank > 2"), {"level_rank": 3})
    True
    """
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Read):
        return values.get(node.name)
    if node.op in ("&&", "||"):
        return _logic(node, values, node.op == "||")
    first = value(node.args[0], values)
    if first is None:
        return None
    if node.op == "?:":
        return value(node.args[1 if first else 2], values)
    if node.op == "!":
        return not first
    if node.op == "neg":
        return -first  # pyright: ignore[reportOperatorIssue]
    if node.op == "in":
        return any(first == value(choice, values) for choice in node.args[1:])
    second = value(node.args[1], values)
    return None if second is None else _apply(node, first, second)


def _logic(node: Apply, values: Mapping[str, Value], decisive: bool) -> Value:
    unknown = False
    for child in node.args:
        found = value(child, values)
        if found is None:
            unknown = True
        elif found is decisive:
            return decisive
    return None if unknown else not decisive


def _apply(node: Apply, first: Any, second: Any) -> Value:
    op = node.op
    if op in ORDER:
        unordered = op not in ("==", "!=") and (_is_nan(first) or _is_nan(second))
        return None if unordered else ORDER[op](first, second)
    if op in ("startsWith", "endsWith"):
        return first.startswith(second) if op == "startsWith" else first.endswith(second)
    if op == "contains":
        return second in first
    if op in ("/", "%"):
        return _divide(op, first, second)
    return _in_64_bits(first + second if op == "+" else first - second if op == "-" else first * second)


def _divide(op: str, first: Any, second: Any) -> Value:
    """Divide as CEL does: whole numbers towards zero, and by zero is an error; numbers by IEEE 754."""
    if isinstance(first, int):
        if second == 0:
            return None
        quotient = abs(first) // abs(second) * (1 if (first < 0) == (second < 0) else -1)
        return _in_64_bits(quotient) if op == "/" else first - quotient * second
    if second == 0.0:
        nan = float("nan")
        return nan if first == 0.0 or _is_nan(first) else first * copysign(INF, second)
    return first / second


def _is_nan(number: Any) -> bool:
    return isinstance(number, float) and isnan(number)


def _in_64_bits(result: Any) -> Value:
    return None if isinstance(result, int) and not -(2**63) <= result < 2**63 else result
