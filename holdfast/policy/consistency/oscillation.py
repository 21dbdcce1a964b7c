"""Oscillation: what a rule brings about ends the rule, and its end brings it back; or a response loosens what still holds.

Rules:

1. The market is held still: what then goes on moving is the rules' own doing. A scope goes up as soon as a rule holds a
   higher level, and down one level at a time when nothing holds it there and its score is low.
2. Levels oscillate when there is one state of the market in which a rule lifts a scope from a level, nothing holds it where
   it was lifted to, and it falls back to the level that it was lifted from.
3. A response oscillates when it loosens, without a person, what it tightened while what set it off may still hold, sooner
   than the dwell of the level that is held: it would be set off again at once. Later than that it is a retry.
"""

from collections.abc import Iterator, Sequence

from holdfast.clock import SECOND_NS
from holdfast.event import LEVELS
from holdfast.policy.consistency.finding import Finding
from holdfast.policy.consistency.logic import Formula, Logic, is_exact
from holdfast.policy.consistency.placed import Cause, PlacedRule, causes_of
from holdfast.policy.consistency.response import Response, rank_of
from holdfast.policy.duration import format_duration
from holdfast.policy.expression import parse, reads
from holdfast.settings import EscalationTable

LEVEL_FIELDS = frozenset({"level", "level_rank"})


def oscillations(
    rules: Sequence[PlacedRule], responses: Sequence[Response], table: EscalationTable, logic: Logic
) -> Iterator[Finding]:
    """Yield what never comes to rest. Cost: 50 ms a pair of levels and a response."""
    holding = [one for one in rules if one.level_rank]
    if any(LEVEL_FIELDS & set(reads(one.tree)) for one in holding) and all(
        is_exact(one.tree) for one in holding
    ):
        yield from _of_levels(holding, table, logic)
    for response in responses:
        if rank_of(response.tightens) > rank_of(response.loosens) and response.loosens:
            yield from _of_permits(response, rules, table, logic)


def _of_levels(rules: Sequence[PlacedRule], table: EscalationTable, logic: Logic) -> Iterator[Finding]:
    told: set[tuple[str, ...]] = set()
    for low in range(len(LEVELS) - 1):
        for high in range(low + 1, len(LEVELS)):
            lifts = [one for one in rules if one.level_rank == high]
            formulas = [logic.z3.Or(*(logic.true(one.tree, low) for one in lifts))] if lifts else []
            formulas += [logic.z3.Not(logic.true(one.tree, low)) for one in rules if one.level_rank > high]
            formulas += [_falls(rank, rules, table, logic) for rank in range(high, low, -1) if lifts]
            found = logic.find(*formulas) if lifts else None
            if found is None:
                continue
            lifting = [one for one in lifts if logic.holds_in(found, logic.true(one.tree, low))]
            names = tuple(one.rule.id for one in lifting)
            if names in told:
                continue
            told.add(names)
            others = [one for one in rules if one not in lifting and LEVEL_FIELDS & set(reads(one.tree))]
            beside = f", and neither does {others[0]}" if others else ""
            seen = logic.told(found, *(one.tree for one in lifting), without=LEVEL_FIELDS)
            message = (
                f"{' and '.join(map(str, lifting))} lifts a scope from `{LEVELS[low]}` to `{LEVELS[high]}` and does not hold"
                f" it there{beside}: it falls back and is lifted again (at {seen})"
            )
            remedy = f"let the condition hold at `{LEVELS[high]}` too, or leave the level out of it"
            places = tuple(one.place for one in (*lifting, *others[:1]))
            yield Finding(places, "consistency.oscillates", message, remedy)


def _falls(rank: int, rules: Sequence[PlacedRule], table: EscalationTable, logic: Logic) -> Formula:
    """Return the formula that says that a scope does not stay at a level: nobody and nothing holds it there."""
    step = table.steps[rank - 1]
    if step.needs_person:
        return logic.z3.BoolVal(False)
    free = [logic.z3.Not(logic.true(one.tree, rank)) for one in rules if one.level_rank >= rank]
    return logic.z3.And(logic.variable("score") < step.down, *free)


def _of_permits(
    response: Response, rules: Sequence[PlacedRule], table: EscalationTable, logic: Logic
) -> Iterator[Finding]:
    for cause in causes_of(response, rules):
        dwell_ns = int(table.steps[max(cause.held, 1) - 1].dwell_s * SECOND_NS)
        if response.loosens_after_ns >= dwell_ns or not is_exact(cause.tree):
            continue
        found = _still_holds(response, cause, logic)
        if found is None:
            continue
        message = (
            f"`{response.name}` ({response.place}) loosens to `{response.loosens}` after"
            f" {format_duration(response.loosens_after_ns)} while {cause}, which set it off, may still hold (at {found}):"
            " it is set off again"
        )
        remedy = (
            f"let it wait for {format_duration(dwell_ns)}, the dwell of that level, or for the condition to end, or ask a"
            " person"
        )
        yield Finding((response.place, cause.place), "consistency.oscillates", message, remedy)


def _still_holds(response: Response, cause: Cause, logic: Logic) -> str | None:
    """Return in words when the response loosens although its cause holds."""
    formulas = [logic.true(cause.tree)]
    trees = [cause.tree]
    narrow = logic.z3.Not(logic.variable("scope") == "instrument")
    if response.wider and not logic.never(logic.true(cause.tree), logic.z3.Not(narrow)):
        # set off from within: what the response reads of the wider scope says nothing of the cause's own
        found = logic.find(*formulas)
        return None if found is None else logic.told(found, *trees)
    formulas.append(logic.variable("level_rank") >= cause.held)
    if response.loosens_when:
        when = parse(response.loosens_when)
        formulas.append(logic.true(when))
        trees.append(when)
    found = logic.find(*formulas)
    return None if found is None else logic.told(found, *trees)
