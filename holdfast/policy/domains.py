"""Candidate values: for each field that a condition reads, one point of every cell that its literals cut.

Fields that are compared with each other share their literals and get as many points a cell as there are such
fields, so that every order among them can happen.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil, floor
from typing import Final

from holdfast.policy.expression import COMPARISONS, Apply, Constant, Node, Read, walk
from holdfast.policy.fields import INF, Field, Schema
from holdfast.policy.truth import Value

INTEGERS_MAX: Final = 16  # a whole-number field of fewer values is tried in full


def domains_of(trees: Sequence[Node], schema: Schema) -> dict[str, list[Value]]:
    """Return the candidate values of every field that the trees read."""
    nodes = [node for tree in trees for node in walk(tree)]
    literals: dict[str, set[Value]] = {
        node.name: set() for node in nodes if isinstance(node, Read) and node.name in schema.fields
    }
    together: set[str] = set()
    for node in nodes:
        if isinstance(node, Apply) and (node.op in COMPARISONS or node.op == "in"):
            names = {arg.name for arg in node.args if isinstance(arg, Read)} & literals.keys()
            for name in names:
                literals[name] |= {arg.value for arg in node.args if isinstance(arg, Constant)}
            if len(names) > 1:
                together |= names
    shared: set[Value] = set()
    for name in together:
        shared |= literals[name] | _ends(schema.fields[name])
    return {
        name: _candidates(schema.fields[name], found | shared, len(together))
        if name in together
        else _candidates(schema.fields[name], found, 1)
        for name, found in literals.items()
    }


def _candidates(field: Field, literals: Iterable[Value], points: int) -> list[Value]:
    if field.type == "flag":
        return [True, False]
    if field.type == "text":
        texts = sorted(one for one in literals if isinstance(one, str))
        others = [_text_unlike(texts, number) for number in range(points)]
        return [*field.values] if field.values else ["", *others, *(text for text in texts if text)]
    numbers = {one for one in literals if isinstance(one, (int, float)) and field.low <= one <= field.high}
    if field.type == "integer":
        return [*_integers(field, numbers, points)]
    return [*_numbers(field, numbers, points)]


def _integers(field: Field, literals: Iterable[float], points: int) -> list[int]:
    if field.high - field.low < INTEGERS_MAX:
        return list(range(int(field.low), int(field.high) + 1))
    found: set[int] = set()
    for literal in [*literals, *(end for end in (field.low, field.high) if abs(end) < INF)]:
        found |= set(range(floor(literal) - points, ceil(literal) + points + 1))
    return sorted(one for one in found or set(range(points + 1)) if field.low <= one <= field.high)


def _numbers(field: Field, literals: Iterable[float], points: int) -> list[float]:
    cuts = sorted({float(one) for one in literals} | {field.low, field.high})
    found: set[float] = {cut for cut in cuts if abs(cut) < INF}
    for low, high in pairwise(cuts):
        for step in range(1, points + 1):
            found.add(_between(low, high, step / (points + 1)))
    return sorted(found)


def _between(low: float, high: float, share: float) -> float:
    if low == -INF:
        return (0.0 if high == INF else high - abs(high)) - 1.0 / share
    if high == INF:
        return low + abs(low) + 1.0 / (1.0 - share)
    return low + (high - low) * share


def _ends(field: Field) -> set[Value]:
    return {end for end in (field.low, field.high) if abs(end) < INF}


def _text_unlike(texts: Sequence[str], number: int) -> str:
    """Return a text that differs from all given ones."""
    candidate = f"other{number}"
    while candidate in texts:
        candidate += "-"
    return candidate
