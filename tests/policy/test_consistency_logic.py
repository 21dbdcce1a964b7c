"""The formulas that rules are proven with mean what the conditions mean."""

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from random_conditions import SCHEMA, simple_atoms, trees, values

from holdfast.error import CallerError
from holdfast.policy.consistency import logic as logic_module
from holdfast.policy.consistency.logic import Logic, is_exact
from holdfast.policy.expression import Node, parse, text_of
from holdfast.policy.truth import value

LOGIC = Logic(SCHEMA)


def as_formulas(found: dict[str, Any]) -> dict[str, Any]:
    """Return values as Z3 has them; what a scope does not have is anything."""
    z3 = LOGIC.z3
    anything = {
        "number": z3.RealVal(0),
        "integer": z3.IntVal(0),
        "text": z3.StringVal("?"),
        "flag": z3.BoolVal(True),
    }
    made: dict[str, Any] = {}
    for name, field in SCHEMA.fields.items():
        known = found.get(name)
        if known is None:
            made[name] = anything[field.type]
        elif isinstance(known, bool):
            made[name] = z3.BoolVal(known)
        elif isinstance(known, str):
            made[name] = z3.StringVal(known)
        elif field.type == "integer":
            made[name] = z3.IntVal(known)
        else:
            above, below = float(known).as_integer_ratio()
            made[name] = z3.Q(above, below)
    return made


@settings(max_examples=300, deadline=None)
@given(trees(simple_atoms), values())
def test_a_formula_is_true_where_its_condition_is(tree: Node, found: dict[str, Any]) -> None:
    assert LOGIC.holds_in(as_formulas(found), LOGIC.true(tree)) == (value(tree, found) is True), text_of(tree)


@settings(max_examples=100, deadline=None)
@given(trees(simple_atoms), values())
def test_a_formula_at_a_level_is_true_where_its_condition_is_at_that_level(
    tree: Node, found: dict[str, Any]
) -> None:
    there = found | {"level": "reduce", "level_rank": 3}
    assert LOGIC.holds_in(as_formulas(found), LOGIC.true(tree, 3)) == (value(tree, there) is True), text_of(
        tree
    )


@settings(max_examples=60, deadline=None)
@given(trees(simple_atoms, leaves_max=4))
def test_what_is_found_makes_the_condition_true_and_what_is_never_found_is_proven(tree: Node) -> None:
    formula = LOGIC.true(tree)
    found = LOGIC.find(formula)
    assert (found is None) == LOGIC.never(formula), text_of(tree)
    if found is not None:
        assert LOGIC.holds_in(found, formula)


@pytest.mark.parametrize(
    ("condition", "true"),
    [
        ("score * 2.0 + 1.0 > 161.0", True),
        ("-score < -80.0", True),
        ("score - score_trust == 0.0", False),
        ('venue.startsWith("ok") && venue.endsWith("x") && venue.contains("k")', True),
        ('venue.contains("bit")', False),
        ("(trusted ? score : score_trust) > 85.0", True),
        ("trusted ? score > 95.0 : true", False),
        ("(score > 80.0) == trusted", True),
        ("!(score > 80.0) != trusted", True),
    ],
)
def test_sums_texts_and_choices_mean_what_they_say(condition: str, true: bool) -> None:
    found = {"scope": "venue", "venue": "okx", "score": 90.0, "score_trust": 1.0, "trusted": True}
    assert LOGIC.holds_in(as_formulas(found), LOGIC.true(parse(condition))) is true
    assert (value(parse(condition), found) is True) is true


def test_quotients_are_left_free() -> None:
    tree = parse("score / 2.0 > 200.0")
    assert not is_exact(tree)
    assert not LOGIC.never(LOGIC.true(tree))
    assert is_exact(parse("score * 0.5 > 200.0"))
    assert LOGIC.never(LOGIC.true(parse("score * 0.5 > 200.0")))


def test_a_question_that_is_too_hard_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logic_module, "STEPS_MAX", 1)
    formula = LOGIC.true(parse("score * score_trust * move_1m > 3.0 && score_trust * move_1m < spread_bps"))
    assert LOGIC.find(formula) is None
    assert not LOGIC.never(formula)


def test_without_the_extra_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    logic_module.solver_library.cache_clear()
    monkeypatch.setitem(sys.modules, "z3", None)
    with pytest.raises(CallerError, match="extra `live`"):
        Logic(SCHEMA)
    logic_module.solver_library.cache_clear()
