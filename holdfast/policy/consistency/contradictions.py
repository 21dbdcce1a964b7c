"""Contradictions: a rule that can never fire, rules that want opposite things at once, a response that undoes another's.

Rules:

1. Two rules contradict each other when the condition of one implies that of the other and one wants to open positions
   (`hedge`) where the other closes them (`reduce`) or stops everything (`halt`). That both may hold at times is not enough:
   most conditions may.
2. A response that only loosens must never meet one that tightens: if what sets them off can hold at once, in one scope, they
   contradict each other.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import Final

from holdfast.policy.consistency.finding import Finding
from holdfast.policy.consistency.logic import Logic, is_exact
from holdfast.policy.consistency.placed import Cause, PlacedRule, causes_of
from holdfast.policy.consistency.response import Response, rank_of

OPPOSITE: Final = frozenset({frozenset({"hedge", "reduce"}), frozenset({"hedge", "halt"})})


def contradictions(
    rules: Sequence[PlacedRule], responses: Sequence[Response], logic: Logic
) -> Iterator[Finding]:
    """Yield what contradicts itself or something else. Cost: 50 ms a pair that could."""
    for rule in rules:
        if logic.never(logic.true(rule.tree)):
            message = f"{rule} can never fire: its condition contradicts itself"
            yield Finding((rule.place,), "consistency.never_fires", message)
    for one, other in combinations(rules, 2):
        wanted = (one.rule.response.action, other.rule.response.action)
        if frozenset(wanted) in OPPOSITE:
            yield from _opposite(one, other, logic)
    for loosening, tightening in permutations(responses, 2):
        if loosening.loosens and loosening.tightens == "open":
            yield from _undoing(loosening, tightening, rules, logic)


def _opposite(one: PlacedRule, other: PlacedRule, logic: Logic) -> Iterator[Finding]:
    if not (is_exact(one.tree) and is_exact(other.tree)):
        return
    for narrow, wide in ((one, other), (other, one)):
        if logic.never(logic.true(narrow.tree), logic.z3.Not(logic.true(wide.tree))):
            wants, against = narrow.rule.response.action, wide.rule.response.action
            message = f"whenever {narrow} wants `{wants}`, {wide} wants `{against}`: one undoes the other"
            remedy = "let one of the conditions exclude the other"
            yield Finding((narrow.place, wide.place), "consistency.opposite", message, remedy)
            return


def _undoing(
    loosening: Response, tightening: Response, rules: Sequence[PlacedRule], logic: Logic
) -> Iterator[Finding]:
    if rank_of(tightening.tightens) <= rank_of(loosening.loosens):
        return
    for free in causes_of(loosening, rules):
        for brake in causes_of(tightening, rules):
            found = _both(free, brake, logic)
            if found is not None:
                message = (
                    f"{free} sets off `{loosening.name}`, which loosens to `{loosening.loosens}`, while {brake} sets off"
                    f" `{tightening.name}`, which tightens to `{tightening.tightens}`: both hold at {found}"
                )
                remedy = "let the one that loosens exclude the other's condition, or ask a person first"
                places = (free.place, brake.place)
                yield Finding(places, "consistency.undone", message, remedy)
                return


def _both(one: Cause, other: Cause, logic: Logic) -> str | None:
    """Return in words when both causes hold, each having raised its scope to the level that it holds."""
    if not (is_exact(one.tree) and is_exact(other.tree)):
        return None
    held = logic.variable("level_rank") >= max(one.held, other.held)
    found = logic.find(logic.true(one.tree), logic.true(other.tree), held)
    return None if found is None else logic.told(found, one.tree, other.tree)
