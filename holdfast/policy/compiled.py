"""A rule ready to be judged: its condition compiled by the CEL library, its guard, what it reads."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import cel

from holdfast.event import Decided, Scope
from holdfast.policy.expression import Node, reads
from holdfast.policy.fields import ALERTS_PREFIX, FieldType, Schema
from holdfast.policy.guard import Facts, guard_of
from holdfast.policy.rule import Rule

_COERCE: Final[Mapping[FieldType, Callable[[Any], float | str | bool]]] = {
    "number": float, "integer": int, "flag": bool, "text": str,
}  # fmt: skip


class Compiled:
    """A rule with its compiled condition; `guard` is None where no cheap test exists.

    Facts are the fields by name, absent or NaN where unknown; an absent `alerts.<detector>` is 0.
    """

    def __init__(self, rule: Rule, tree: Node, schema: Schema) -> None:
        self.rule = rule
        self.names = reads(tree)
        self.guard = guard_of(tree)
        self._version = rule.version
        self._program = cel.compile(rule.condition)
        self._reads: list[tuple[str, Callable[[Any], float | str | bool]]] = []
        self._alerts: list[tuple[str, str]] = []
        for name in self.names:
            if name.startswith(ALERTS_PREFIX):
                self._alerts.append((name, name.removeprefix(ALERTS_PREFIX)))
            else:
                self._reads.append((name, _COERCE[schema.fields[name].type]))

    def judge(self, facts: Facts) -> bool | None:
        """Ask CEL; None where the answer hangs on something unknown."""
        known: dict[str, Any] = self._known(facts)
        if self._alerts:
            known["alerts"] = {detector: int(facts.get(name, 0)) for name, detector in self._alerts}
        try:
            return bool(self._program.execute(known))
        except (RuntimeError, TypeError, ValueError, ArithmeticError, KeyError):
            return None  # types were checked: what is left is an unknown field, or a division by zero

    def decide(self, time_ns: int, scope: Scope, facts: Facts) -> Decided:
        """Return the decision, with exactly what the condition reads as evidence."""
        evidence: dict[str, float | str | bool] = {name: "unknown" for name, _ in self._reads}
        evidence |= self._known(facts)
        evidence |= {name: int(facts.get(name, 0)) for name, _ in self._alerts}
        response = self.rule.response
        return Decided(
            time_ns=time_ns,
            scope=scope,
            rule_id=self.rule.id,
            rule_version=self._version,
            rule_title=self.rule.title,
            action=response.action,
            level=response.level,
            evidence=evidence,
        )

    def _known(self, facts: Facts) -> dict[str, float | str | bool]:
        known: dict[str, float | str | bool] = {}
        for name, coerce in self._reads:
            fact = facts.get(name)
            if fact is not None and fact == fact:  # noqa: PLR0124 (NaN alone differs from itself)
                known[name] = coerce(fact)
        return known
