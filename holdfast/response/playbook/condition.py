"""A condition of a step, compiled once: CEL over the facts of `facts`, and unknown where it hangs on what is unknown."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import cel

from holdfast.policy.expression import parse, reads
from holdfast.policy.fields import ALERTS_PREFIX, FieldType, Schema

_COERCE: Final[Mapping[FieldType, Callable[[Any], float | str | bool]]] = {
    "number": float, "integer": int, "flag": bool, "text": str,
}  # fmt: skip


class Condition:
    """A checked condition, ready to be asked. Raises: KeyError for a field that the schema lacks."""

    def __init__(self, text: str, schema: Schema) -> None:
        self.text = text
        self.names = reads(parse(text))
        self._program = cel.compile(text)
        self._types: dict[str, FieldType] = {name: schema.fields[name].type for name in self.names}

    def judge(self, facts: Mapping[str, Any]) -> bool | None:
        """Ask CEL; None where the answer hangs on something unknown. Cost: about 25 us."""
        known: dict[str, Any] = {}
        alerts: dict[str, int] = {}
        for name, kind in self._types.items():
            if name.startswith(ALERTS_PREFIX):
                alerts[name.removeprefix(ALERTS_PREFIX)] = int(facts.get(name, 0))
                continue
            fact = facts.get(name)
            if fact is not None and fact == fact:  # noqa: PLR0124 (NaN alone differs from itself)
                known[name] = _COERCE[kind](fact)
        if alerts:
            known["alerts"] = alerts
        try:
            return bool(self._program.execute(known))
        except (RuntimeError, TypeError, ValueError, ArithmeticError, KeyError):
            return None  # types were checked: what is left is an unknown field, or a division by zero
