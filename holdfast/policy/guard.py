"""The guard: a cheap test that a condition must pass before the CEL library is asked.

Most scopes are calm most of the time. A guard is a few comparisons in plain Python; it may say "perhaps" when
the condition is false, and never "no" when it is true or unknown (a comparison with an unknown says
"perhaps").
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from holdfast.policy.expression import Apply, Constant, Node, Read
from holdfast.policy.fields import ALERTS_PREFIX

Facts = Mapping[str, Any]
Guard = Callable[[Facts], bool]

NAN: Final = float("nan")
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def guard_of(node: Node) -> Guard | None:
    """Return a test that the condition implies, None where none is cheap."""
    if isinstance(node, Read):
        return lambda facts: facts.get(node.name) is not False
    if not isinstance(node, Apply):
        return None
    if node.op == "&&":
        guards = [guard for guard in map(guard_of, node.args) if guard is not None]
        return _every(guards) if guards else None
    if node.op == "||":
        guards = [guard_of(child) for child in node.args]
        known = [guard for guard in guards if guard is not None]
        return _some(known) if len(known) == len(guards) else None
    if node.op == "!" and isinstance(node.args[0], Read):
        name = node.args[0].name
        return lambda facts: facts.get(name) is not True
    if node.op in _MIRRORED:
        left, right = node.args
        if isinstance(left, Read) and isinstance(right, Constant):
            return _compare(left.name, node.op, right.value)
        if isinstance(left, Constant) and isinstance(right, Read):
            return _compare(right.name, _MIRRORED[node.op], left.value)
    return None


def _every(guards: list[Guard]) -> Guard:
    if len(guards) == 1:
        return guards[0]
    first, rest = guards[0], _every(guards[1:])
    return lambda facts: first(facts) and rest(facts)


def _some(guards: list[Guard]) -> Guard:
    if len(guards) == 1:
        return guards[0]
    first, rest = guards[0], _some(guards[1:])
    return lambda facts: first(facts) or rest(facts)


def _compare(name: str, op: str, line: Any) -> Guard:
    """Compare by what would rule it out, so that an unknown (NaN compares false) rules nothing out."""
    absent = 0 if name.startswith(ALERTS_PREFIX) else NAN
    if op == "==" and isinstance(line, str):
        return lambda facts: facts.get(name, line) == line
    if op == "==":
        return lambda facts: not (facts.get(name, absent) < line or facts.get(name, absent) > line)
    return _RULED_OUT[op](name, line, absent)


_RULED_OUT: Final[dict[str, Callable[[str, Any, float], Guard]]] = {
    "!=": lambda name, line, absent: lambda facts: facts.get(name, absent) != line,
    "<": lambda name, line, absent: lambda facts: not facts.get(name, absent) >= line,
    "<=": lambda name, line, absent: lambda facts: not facts.get(name, absent) > line,
    ">": lambda name, line, absent: lambda facts: not facts.get(name, absent) <= line,
    ">=": lambda name, line, absent: lambda facts: not facts.get(name, absent) < line,
}
