"""Endless: an escalation from which no way leads down, or none without a person where there is nobody.

Rules:

1. Rules that hold a scope at a level because it is at that level hold it for ever: whatever the market does, they stay true.
   Where the level needs a person, the person cannot lift it either.
2. What only a person ends needs a person who exists: a level that needs one, a halt, a response that asks people.
3. Responses that set each other off in a circle never end.
"""

from collections.abc import Iterator, Sequence

from holdfast.event import LEVELS
from holdfast.policy.consistency.finding import Finding, Place
from holdfast.policy.consistency.logic import Formula, Logic, is_exact
from holdfast.policy.consistency.placed import PlacedRule
from holdfast.policy.consistency.response import OnEndOf, Response
from holdfast.policy.expression import reads
from holdfast.settings import EscalationTable

IDENTITY = frozenset({"scope", "venue", "instrument", "underlying"})


def endless_levels(rules: Sequence[PlacedRule], table: EscalationTable, logic: Logic) -> Iterator[Finding]:
    """Yield the rules that, once at a level, hold it for ever. Cost: 50 ms a level."""
    for rank in range(1, len(LEVELS)):
        holding = [
            one
            for one in rules
            if one.level_rank >= rank
            and {"level", "level_rank"} & set(reads(one.tree))
            and is_exact(one.tree)
        ]
        if not holding or logic.find(_for_ever(holding, rank, logic)) is None:
            continue
        for one in list(holding):
            rest = [other for other in holding if other is not one]
            if rest and logic.find(_for_ever(rest, rank, logic)) is not None:
                holding = rest
        step = table.steps[rank - 1]
        verb = "hold" if len(holding) > 1 else "holds"
        message = (
            f"once a scope is at `{LEVELS[rank]}`, {' and '.join(map(str, holding))} {verb} it there for ever"
        )
        if step.needs_person:
            message += ", and no person can lift it"
        remedy = "a condition that holds a level must be able to end at that level"
        yield Finding(tuple(one.place for one in holding), "consistency.endless", message, remedy)


def endless_for_want_of_people(
    rules: Sequence[PlacedRule],
    responses: Sequence[Response],
    table: EscalationTable,
    people: frozenset[str],
) -> Iterator[Finding]:
    """Yield what only a person can end, where the people that it needs do not exist."""
    needing = [rank for rank, step in enumerate(table.steps, start=1) if step.needs_person]
    for rule in rules:
        if rule.level_rank in needing and not people:
            level = rule.rule.response.level
            message = f"{rule} holds at `{level}`, which only a person ends, and nobody is configured"
            yield _nobody(message, rule.place)
    for response in responses:
        if response.tightens == "halted" and not people:
            message = f"`{response.name}` ({response.place}) halts, which only a person lifts, and nobody is configured"
            yield _nobody(message, response.place)
        elif response.people and not people.intersection(response.people):
            asked = ", ".join(response.people)
            message = f"`{response.name}` ({response.place}) asks {asked}, and none of them exists"
            yield _nobody(message, response.place)


def circles(responses: Sequence[Response]) -> Iterator[Finding]:
    """Yield the circles in which responses set each other off, each once."""
    known = {one.name: one for one in responses}
    onward: dict[str, set[str]] = {one.name: set(one.calls) & known.keys() for one in responses}
    for one in responses:
        for trigger in one.triggers:
            if isinstance(trigger, OnEndOf) and trigger.response in onward:
                onward[trigger.response].add(one.name)
    told: set[frozenset[str]] = set()
    for name in sorted(onward):
        way = _way_back(name, onward)
        if way and frozenset(way) not in told:
            told.add(frozenset(way))
            named = " -> ".join(f"`{one}` ({known[one].place})" for one in [*way, name])
            places = tuple(known[one].place for one in way)
            yield Finding(
                places, "consistency.circle", f"responses set each other off: {named}", "one must stop"
            )


def _for_ever(rules: Sequence[PlacedRule], rank: int, logic: Logic) -> Formula:
    """Return the formula that says that for some scope one of the rules is true at a level whatever else is seen."""
    names = sorted({name for one in rules for name in reads(one.tree)} - IDENTITY)
    return logic.whatever([one.tree for one in rules], rank, names)


def _way_back(name: str, onward: dict[str, set[str]]) -> list[str]:
    ways = [[name]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for other in sorted(onward[way[-1]]):
            if other == name:
                return way
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []


def _nobody(message: str, place: Place) -> Finding:
    return Finding(
        (place,), "consistency.nobody", message, "name an operator who may, or drop what needs one"
    )
