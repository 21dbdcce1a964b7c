"""The rules of the desk: loaded whole or not at all, and judged at every sweep of tape time.

Rules:

1. A rule decides about a scope when its condition has held for `for`, and again after each `cooldown` while
   it goes on holding. A condition that ends and returns starts `for` anew, and still waits for the cooldown.
2. While a rule holds (after `for`), it holds its scope at `response.level` at least: the scope's floor.
3. A condition that needs an unknown field neither fires nor ends (a broken feed must not loosen anything),
   and is counted in `undecided`. After fifteen minutes of not knowing, it has ended.
4. Order never matters: rules are judged in the order of their ids, whatever file they came from.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from holdfast.clock import DAY_NS, MINUTE_NS, SECOND_NS
from holdfast.error import BrokenInvariant
from holdfast.event import LEVELS, Decided, Level, Scope
from holdfast.policy.checks import check_condition, check_id
from holdfast.policy.compiled import Compiled
from holdfast.policy.document import documents
from holdfast.policy.envelope import read_rule
from holdfast.policy.fields import ALERTS_PREFIX, Schema
from holdfast.policy.problem import Problem, RulesRefused
from holdfast.policy.reach import Reach
from holdfast.policy.rule import Rule

UNKNOWN_HELD_NS_MAX: Final = 15 * MINUTE_NS


class Floor(NamedTuple):
    """The level that the rules hold a scope at, and why."""

    level: Level
    because: str


class RuleSet:
    """The rules, compiled, with what they remember about each scope."""

    def __init__(self, compiled: Iterable[Compiled]) -> None:
        self._compiled = sorted(compiled, key=lambda one: one.rule.id)
        self._by_scope: dict[Scope, dict[str, _Hold]] = {}
        self._floors: dict[Scope, Floor] = {}
        self._time_ns: int | None = None
        self.rules = tuple(one.rule for one in self._compiled)
        self.reads = frozenset(name for rule in self._compiled for name in rule.names)
        self.undecided = {one.rule.id: 0 for one in self._compiled}

    @classmethod
    def load(cls, sources: Mapping[str, str], detectors: Iterable[str]) -> "RuleSet":
        """Read rules from texts by file name, for the detectors that run.

        Raises: RulesRefused (a CallerError) `rules.refused` with every problem of every file.
        Cost: about 5 ms a rule, once.
        """
        problems: list[Problem] = []
        schema = Schema(detectors)
        reach = Reach(schema)
        compiled: list[Compiled] = []
        ids: dict[str, str] = {}
        for file in sorted(sources):
            for document in documents(file, sources[file], problems):
                written = read_rule(document)
                check_id(written, ids)
                tree = check_condition(written, schema, reach)
                if tree is not None and written.rule is not None:
                    compiled.append(Compiled(written.rule, tree, schema))
        if problems:
            raise RulesRefused(problems)
        return cls(compiled)

    def fresh(self) -> "RuleSet":
        """Return the same rules with nothing remembered. Cost: a few us; nothing is compiled again."""
        return RuleSet(self._compiled)

    @property
    def version(self) -> str:
        """Return the digest of all rules together, 64 hexadecimal digits."""
        return sha256("".join(rule.sha256 for rule in self.rules).encode()).hexdigest()

    def evaluate(self, time_ns: int, scope: Scope, values: Mapping[str, Any]) -> list[Decided]:
        """Judge one scope at one moment and return what the rules decide.

        `values` holds the fields by name (see `fields`), absent or NaN where unknown, and `alerts`: the
        worst open severity rank by detector. The scope's own fields, `level_rank` and `time_of_day_s` are
        filled in here.

        Raises: BrokenInvariant `policy.time_backwards`.
        Cost: 3 us for ten rules on a calm scope; 5 us more for each rule that passes its guard.
        """
        if self._time_ns is not None and time_ns < self._time_ns:
            raise BrokenInvariant("policy.time_backwards", f"judged at {self._time_ns}, then at {time_ns}")
        self._time_ns = time_ns
        facts = self._facts(time_ns, scope, values)
        holds = self._by_scope.get(scope)
        decided: list[Decided] = []
        for one in self._compiled:
            hold = holds.get(one.rule.id) if holds else None
            may_hold = one.guard is None or one.guard(facts)
            if hold is None and not may_hold:
                continue
            truth = one.judge(facts) if may_hold else False
            if truth is None:
                self.undecided[one.rule.id] += 1
            if hold is None and truth:
                hold = _Hold(since_ns=time_ns, known_ns=time_ns)
                holds = self._by_scope.setdefault(scope, {})
                holds[one.rule.id] = hold
            if hold is not None and hold.follow(time_ns, truth, one.rule):
                decided.append(one.decide(time_ns, scope, facts))
        if holds:
            self._settle(time_ns, scope, holds)
        return decided

    def floor(self, scope: Scope) -> Floor:
        """Return the level that the rules hold a scope at since its last judgement."""
        return self._floors.get(scope, _NO_FLOOR)

    def memory(self) -> list[tuple[str, str, int | None, int, int | None]]:
        """Return all that is remembered, in order: scope, rule, held since, last known, last decided."""
        rows = [
            (str(scope), rule_id, hold.since_ns, hold.known_ns, hold.decided_ns)
            for scope, holds in self._by_scope.items()
            for rule_id, hold in holds.items()
        ]
        return sorted(rows, key=lambda row: row[:2])

    def _facts(self, time_ns: int, scope: Scope, values: Mapping[str, Any]) -> dict[str, Any]:
        """Flatten the alerts and fill in what follows from the scope and the time."""
        facts = dict(values)
        for detector, rank in facts.pop("alerts", {}).items():
            if rank:
                facts[ALERTS_PREFIX + detector] = rank
        facts["scope"] = "instrument" if scope.instrument else "venue" if scope.venue else "desk"
        facts["venue"] = scope.venue
        facts["instrument"] = scope.instrument
        facts["time_of_day_s"] = time_ns % DAY_NS / SECOND_NS
        if not scope.instrument:
            facts["underlying"] = ""
        if "level" in facts:
            facts["level_rank"] = LEVELS.index(facts["level"])
        return facts

    def _settle(self, time_ns: int, scope: Scope, holds: "dict[str, _Hold]") -> None:
        """Forget what no longer matters and set the scope's floor."""
        floor, rank = _NO_FLOOR, 0
        for one in self._compiled:
            hold = holds.get(one.rule.id)
            if hold is None:
                continue
            response = one.rule.response
            if hold.is_held(time_ns, one.rule):
                if LEVELS.index(response.level) > rank:
                    rank = LEVELS.index(response.level)
                    floor = Floor(response.level, f"rule `{one.rule.title}` holds")
            elif hold.since_ns is None and (
                hold.decided_ns is None or time_ns - hold.decided_ns >= response.cooldown_ns
            ):
                del holds[one.rule.id]
        self._floors[scope] = floor
        if not holds:
            del self._by_scope[scope], self._floors[scope]


class _Hold(msgspec.Struct):
    """What a rule remembers about a scope: held since when, last truly known when, last decided when."""

    since_ns: int | None
    known_ns: int
    decided_ns: int | None = None

    def follow(self, time_ns: int, truth: bool | None, rule: Rule) -> bool:
        """Take in what the condition comes to now; tell whether the rule decides."""
        if truth is None:
            if time_ns - self.known_ns > UNKNOWN_HELD_NS_MAX:
                self.since_ns = None
            return False
        self.known_ns = time_ns
        if not truth:
            self.since_ns = None
            return False
        if self.since_ns is None:
            self.since_ns = time_ns
        rested = self.decided_ns is None or time_ns - self.decided_ns >= rule.response.cooldown_ns
        if rested and self.is_held(time_ns, rule):
            self.decided_ns = time_ns
            return True
        return False

    def is_held(self, time_ns: int, rule: Rule) -> bool:
        """Tell whether the condition has held long enough."""
        return self.since_ns is not None and time_ns - self.since_ns >= rule.response.for_ns


_NO_FLOOR: Final = Floor("normal", "")
