"""What ranges alone decide, and what must be left free: calculated comparisons made simple for the proofs."""

from typing import Final

import msgspec

from holdfast.policy.expression import COMPARISONS, Apply, Constant, Node, Read, reads
from holdfast.policy.fields import INF, Schema

Range = tuple[float, float]

_ANY: Final[Range] = (-INF, INF)


class Free(msgspec.Struct, frozen=True):
    """A comparison that stands for itself in a proof: the fields that it needs, and what it may come to."""

    fields: frozenset[str]
    choices: tuple[bool, ...]


def abstract(tree: Node, schema: Schema) -> tuple[Node, dict[str, Free]]:
    """Replace calculated comparisons and text functions by named truth values, free unless ranges decide."""
    free: dict[str, Free] = {}

    def visit(node: Node) -> Node:
        if not isinstance(node, Apply) or _is_plain(node):
            return node
        of_truths = node.op in ("==", "!=", "?:") and all(_is_truth(arg, schema) for arg in node.args)
        if node.op in ("&&", "||", "!") or of_truths:
            return Apply(node.at, node.op, tuple(visit(arg) for arg in node.args))
        decided = _decide(node, schema) if node.op in COMPARISONS else None
        name = f"?{len(free)}"
        free[name] = Free(frozenset(reads(node)), (True, False) if decided is None else (decided,))
        return Read(node.at, name)

    return visit(tree), free


def _is_plain(node: Apply) -> bool:
    if node.op not in COMPARISONS and node.op != "in":
        return False
    return all(isinstance(arg, (Read, Constant)) for arg in node.args) and any(
        isinstance(arg, Read) for arg in node.args
    )


def _is_truth(node: Node, schema: Schema) -> bool:
    if isinstance(node, Constant):
        return isinstance(node.value, bool)
    if isinstance(node, Read):
        return schema.fields[node.name].type == "flag"
    if node.op == "?:":
        return all(_is_truth(arg, schema) for arg in node.args)
    return node.op not in ("+", "-", "*", "/", "%", "neg")


def _decide(node: Apply, schema: Schema) -> bool | None:
    """Return what a comparison always is over its operands' ranges, None if that depends."""
    (low, high), (other_low, other_high) = (_range(arg, schema) for arg in node.args)
    apart = high < other_low or other_high < low
    if node.op in ("==", "!="):
        return node.op == "!=" if apart else None
    if node.op in (">", ">="):
        (low, high), (other_low, other_high) = (other_low, other_high), (low, high)
    strict = node.op in ("<", ">")
    if high < other_low or (high == other_low and not strict):
        return True
    return False if low > other_high or (low == other_high and strict) else None


def _range(node: Node, schema: Schema) -> Range:
    if isinstance(node, Constant):
        return (node.value, node.value) if isinstance(node.value, (int, float)) else _ANY
    if isinstance(node, Read):
        field = schema.fields[node.name]
        return field.low, field.high
    ranges = [_range(arg, schema) for arg in node.args]
    low, high = ranges[0]
    if node.op == "neg":
        return -high, -low
    if node.op not in ("+", "-", "*"):
        return _ANY
    other_low, other_high = ranges[1]
    if node.op == "+":
        return low + other_low, high + other_high
    if node.op == "-":
        return low - other_high, high - other_low
    corners = [_times(one, other) for one in (low, high) for other in (other_low, other_high)]
    return min(corners), max(corners)


def _times(one: float, other: float) -> float:
    """Multiply range ends: nothing times an end that is never reached is nothing."""
    return 0.0 if one == 0.0 or other == 0.0 else one * other
