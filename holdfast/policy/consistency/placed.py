"""Rules with their places and trees, read again from their texts; and what sets responses off, as conditions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from holdfast.event import LEVELS, SEVERITIES
from holdfast.policy.consistency.finding import Place
from holdfast.policy.consistency.response import OnAction, OnAlert, OnLevel, OnRule, Response
from holdfast.policy.document import documents
from holdfast.policy.envelope import read_rule
from holdfast.policy.expression import Node, parse
from holdfast.policy.fields import ALERTS_PREFIX
from holdfast.policy.problem import Problem
from holdfast.policy.rule import Rule


class PlacedRule(msgspec.Struct, frozen=True):
    """A rule, its condition's tree, and where it stands."""

    rule: Rule
    tree: Node
    place: Place

    @property
    def level_rank(self) -> int:
        """Return the rank of the level that the rule holds its scope at."""
        return LEVELS.index(self.rule.response.level)

    def __str__(self) -> str:
        return f"rule `{self.rule.title}` ({self.place})"


class Cause(msgspec.Struct, frozen=True):
    """What sets a response off: a rule, an alert or a level, as a condition. `held` is the level that it brings along."""

    name: str
    place: Place
    tree: Node
    rule: PlacedRule | None = None
    held: int = 0

    def __str__(self) -> str:
        return str(self.rule) if self.rule else f"{self.name} ({self.place})"


def read_placed(sources: Mapping[str, str]) -> list[PlacedRule]:
    """Read the rules of texts by file name. Give it texts that `RuleSet.load` accepts: what is wrong is left out."""
    problems: list[Problem] = []
    placed: list[PlacedRule] = []
    for file in sorted(sources):
        for document in documents(file, sources[file], problems):
            written = read_rule(document)
            if written.rule is not None:
                place = Place(file, document.root.start_mark.line + 1)
                placed.append(PlacedRule(written.rule, parse(written.rule.condition), place))
    return sorted(placed, key=lambda one: one.rule.id)


def causes_of(response: Response, rules: Sequence[PlacedRule]) -> Iterator[Cause]:
    """Yield everything that sets a response off, each rule that a trigger means as a cause of its own."""
    for trigger in response.triggers:
        if isinstance(trigger, OnRule):
            yield from _caused(one for one in rules if one.rule.id == trigger.rule_id)
        elif isinstance(trigger, OnAction):
            yield from _caused(one for one in rules if one.rule.response.action == trigger.action)
        elif isinstance(trigger, OnAlert):
            name = f"alert {trigger.detector} {SEVERITIES[trigger.rank - 1]}"
            tree = parse(f"{ALERTS_PREFIX}{trigger.detector} >= {trigger.rank}")
            yield Cause(name, response.place, tree)
        elif isinstance(trigger, OnLevel):
            rank = LEVELS.index(trigger.level)
            yield Cause(f"level {trigger.level}", response.place, parse(f"level_rank >= {rank}"), None, rank)


def _caused(rules: Iterable[PlacedRule]) -> Iterator[Cause]:
    for one in rules:
        yield Cause(one.rule.title, one.place, one.tree, one, one.level_rank)
