"""Logic: conditions as formulas of Z3, with what is known of the fields, so that what holds for every market can be proven.

Rules:

1. A condition is true only when it is known to be: a comparison of a field that a scope does not have is neither true nor
   false there. So each condition has two formulas, for true and for false, and both may be false.
2. Only what is proven is claimed. Remainders and quotients, whose rounding CEL has in its own way, are left free: what is
   impossible with them is impossible, what is possible is not claimed (`is_exact`). Sums and products are those of real
   numbers, which the last digit of a float may miss.
3. The solver is given a budget of steps, not of time, so that every machine comes to the same answer; a question that needs
   more is not answered.

Needs the extra `live`. Cost: about 30 ms a question.
"""

import operator
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from holdfast.error import CallerError
from holdfast.event import LEVELS
from holdfast.policy.expression import Apply, Constant, Node, Read, parse, reads, text_of, walk
from holdfast.policy.fields import INF, SCOPE_KINDS, Field, Schema

STEPS_MAX: Final = 5_000_000
INEXACT: Final = ("/", "%")

Formula = Any


@cache
def solver_library() -> Any:
    """Return Z3. Raises: CallerError `extra.absent` where it is not installed."""
    try:
        import z3  # noqa: PLC0415 - the extra is optional
    except ImportError as error:
        raise CallerError(
            "extra.absent", "checking rules against each other needs the extra `live`",
            remedy="pip install 'holdfast[live]'",
        ) from error  # fmt: skip
    return z3


def is_exact(tree: Node) -> bool:
    """Tell whether a condition's formula means exactly what the condition does (rule 2)."""
    return not any(isinstance(node, Apply) and node.op in INEXACT for node in walk(tree))


class Logic:
    """Formulas of one schema's conditions. Give `at` to ask of a condition at one level of the scope."""

    def __init__(self, schema: Schema) -> None:
        self.z3 = solver_library()
        self.schema = schema
        self._known = {name: self._variable(field) for name, field in schema.fields.items()}
        self._always = [
            limit for name, field in schema.fields.items() for limit in self._limits(self._known[name], field)
        ]
        # what always holds is never false; in a scope without its fields it is not true either
        self._always += [self.z3.Not(self._truth(parse(text), self._known)[1]) for text in schema.invariants]

    def variable(self, name: str) -> Formula:
        """Return a field's variable."""
        return self._known[name]

    def true(self, tree: Node, at: int | None = None) -> Formula:
        """Return the formula that says that a condition is known and true."""
        return self._truth(tree, self._values(at))[0]

    def find(self, *formulas: Formula) -> Mapping[str, Any] | None:
        """Return values under which all formulas hold, None where there are none or the solver cannot tell."""
        solver = self._asked(formulas)
        if solver.check() != self.z3.sat:
            return None
        model = solver.model()
        return {name: model.eval(one, model_completion=True) for name, one in self._known.items()}

    def whatever(self, trees: Sequence[Node], at: int, names: Sequence[str]) -> Formula:
        """Return the formula that says that some condition is true at a level whatever the named fields are."""
        values = self._values(at)
        bound = [name for name in names if name not in ("level", "level_rank")]
        limits = [one for name in bound for one in self._limits(self._known[name], self.schema.fields[name])]
        for text in self.schema.invariants:
            if set(reads(parse(text))) <= {*names, "level", "level_rank"}:
                limits.append(self.z3.Not(self._truth(parse(text), values)[1]))
        holds = self.z3.Or(*(self._truth(tree, values)[0] for tree in trees))
        if not bound:
            return holds
        variables = [self._known[name] for name in bound]
        return self.z3.ForAll(variables, self.z3.Implies(self.z3.And(*limits), holds))

    def never(self, *formulas: Formula) -> bool:
        """Tell whether it is proven that the formulas never hold together."""
        return self._asked(formulas).check() == self.z3.unsat

    def holds_in(self, values: Mapping[str, Any], formula: Formula) -> bool:
        """Tell whether a formula holds under values that were found."""
        pairs = [(self._known[name], one) for name, one in values.items()]
        return self.z3.is_true(self.z3.simplify(self.z3.substitute(formula, *pairs)))

    def told(self, values: Mapping[str, Any], *trees: Node, without: frozenset[str] = frozenset()) -> str:
        """Say in words what the fields that conditions read are under values that were found."""
        names = sorted({name for tree in trees for name in reads(tree)} - without)
        return ", ".join(f"{name} = {self._text(values[name])}" for name in names if name in values)

    def _asked(self, formulas: tuple[Formula, ...]) -> Any:
        solver = self.z3.SolverFor("ALL")
        solver.set("rlimit", STEPS_MAX)
        solver.set("random_seed", 0)
        solver.add(*self._always, *formulas)
        return solver

    def _values(self, at: int | None) -> Mapping[str, Formula]:
        if at is None:
            return self._known
        fixed = {"level": self.z3.StringVal(LEVELS[at]), "level_rank": self.z3.IntVal(at)}
        return {**self._known, **fixed}

    def _variable(self, field: Field) -> Formula:
        kinds = {
            "number": self.z3.Real,
            "integer": self.z3.Int,
            "text": self.z3.String,
            "flag": self.z3.Bool,
        }
        return kinds[field.type](field.name)

    def _limits(self, known: Formula, field: Field) -> list[Formula]:
        if field.type == "text":
            return [self.z3.Or(*(known == one for one in field.values))] if field.values else []
        if field.type == "flag":
            return []
        limits = [known >= self._number(field.low)] if field.low > -INF else []
        return [*limits, known <= self._number(field.high)] if field.high < INF else limits

    def _number(self, value: float) -> Formula:
        """Return a number as the exact fraction that the float is."""
        if isinstance(value, int):
            return self.z3.IntVal(value)
        above, below = value.as_integer_ratio()
        return self.z3.RealVal(above) / self.z3.RealVal(below)

    def _truth(self, node: Node, values: Mapping[str, Formula]) -> tuple[Formula, Formula]:
        """Return the formulas for true and for false."""
        z3 = self.z3
        if not isinstance(node, Apply):
            known, formula = self._is_known(node), self._term(node, values)
            return z3.And(known, formula), z3.And(known, z3.Not(formula))
        if node.op in ("&&", "||"):
            parts = [self._truth(arg, values) for arg in node.args]
            trues, falses = [one[0] for one in parts], [one[1] for one in parts]
            if node.op == "&&":
                return z3.And(*trues), z3.Or(*falses)
            return z3.Or(*trues), z3.And(*falses)
        if node.op == "!":
            true, false = self._truth(node.args[0], values)
            return false, true
        if node.op == "?:":
            (when, unless), then, otherwise = (self._truth(arg, values) for arg in node.args)
            return (
                z3.Or(z3.And(when, then[0]), z3.And(unless, otherwise[0])),
                z3.Or(z3.And(when, then[1]), z3.And(unless, otherwise[1])),
            )
        known, formula = self._is_known(node), self._term(node, values)
        return z3.And(known, formula), z3.And(known, z3.Not(formula))

    def _is_known(self, node: Node) -> Formula:
        """Return the formula that says that the scope has every field that a node reads."""
        scope = self._known["scope"]
        parts: list[Formula] = [
            self.z3.Or(*(scope == kind for kind in self.schema.fields[name].known_for))
            for name in reads(node)
            if self.schema.fields[name].known_for != SCOPE_KINDS
        ]
        return self.z3.And(*parts) if parts else self.z3.BoolVal(True)

    def _term(self, node: Node, values: Mapping[str, Formula]) -> Formula:
        z3 = self.z3
        if isinstance(node, Constant):
            if isinstance(node.value, bool):
                return z3.BoolVal(node.value)
            if isinstance(node.value, str):
                return z3.StringVal(node.value)
            return self._number(node.value)
        if isinstance(node, Read):
            return values[node.name]
        if node.op in ("&&", "||", "!") or (node.op == "?:" and self._is_truth(node.args[1])):
            return self._truth(node, values)[0]
        args = [self._term(arg, values) for arg in node.args]
        if node.op in INEXACT:
            return z3.Real(f"free {text_of(node)}")
        if node.op == "in":
            return z3.Or(*(args[0] == choice for choice in args[1:]))
        if node.op == "?:":
            return z3.If(self._truth(node.args[0], values)[0], args[1], args[2])
        if node.op == "neg":
            return -args[0]
        if node.op == "startsWith":
            return z3.PrefixOf(args[1], args[0])
        if node.op == "endsWith":
            return z3.SuffixOf(args[1], args[0])
        if node.op == "contains":
            return z3.Contains(args[0], args[1])
        return _OPERATORS[node.op](args[0], args[1])

    def _is_truth(self, node: Node) -> bool:
        if isinstance(node, Read):
            return self.schema.fields[node.name].type == "flag"
        if isinstance(node, Constant):
            return isinstance(node.value, bool)
        if node.op == "?:":
            return self._is_truth(node.args[1])
        return node.op not in ("+", "-", "*", "/", "%", "neg")

    def _text(self, value: Any) -> str:
        if self.z3.is_string_value(value):
            return f'"{value.as_string()}"'
        if self.z3.is_rational_value(value):
            return f"{float(value.as_fraction()):g}"
        return str(value).lower()


_OPERATORS: Final[Mapping[str, Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
