"""Conditions: what our parser accepts, CEL accepts and means the same; mistakes are found at their place."""

from typing import Any

import cel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_conditions import SCHEMA, atoms, context, trees, values

from holdfast.policy.expression import (
    CHARS_MAX,
    DEPTH_MAX,
    TERMS_MAX,
    Apply,
    Constant,
    Node,
    Read,
    UnreadableError,
    parse,
    text_of,
)
from holdfast.policy.guard import guard_of
from holdfast.policy.truth import value
from holdfast.policy.typecheck import check_types


def cel_value(text: str, found: dict[str, Any]) -> Any:
    try:
        return cel.compile(text).execute(context(found))
    except (RuntimeError, TypeError, ValueError, ArithmeticError, KeyError):
        return None


def bare(tree: Node) -> Any:
    """Return a tree without places, with `&&` and `||` flat."""
    if isinstance(tree, Constant):
        return tree.value
    if isinstance(tree, Read):
        return ("read", tree.name)
    args: list[Any] = []
    for arg in tree.args:
        inner = bare(arg)
        args += (
            inner[1:]
            if tree.op in ("&&", "||") and isinstance(inner, tuple) and inner[0] == tree.op
            else [inner]
        )
    return (tree.op, *args)


@settings(max_examples=400, deadline=None)
@given(trees(atoms), values(unknowns=True))
def test_our_reading_of_a_condition_is_that_of_the_cel_library(tree: Node, found: dict[str, Any]) -> None:
    text = text_of(tree)
    assert not check_types(parse(text), SCHEMA)
    assert value(parse(text), found) == cel_value(text, found)


@settings(max_examples=200, deadline=None)
@given(trees(atoms))
def test_a_condition_written_out_reads_back_as_itself(tree: Node) -> None:
    assert bare(parse(text_of(tree))) == bare(tree)


@settings(max_examples=400, deadline=None)
@given(trees(atoms), values(unknowns=True))
def test_a_guard_never_stops_a_condition_that_is_true_or_unknown(tree: Node, found: dict[str, Any]) -> None:
    guard = guard_of(parse(text_of(tree)))
    if guard is not None and not guard(found):
        assert value(tree, found) is False


def test_a_guard_stops_a_calm_scope() -> None:
    guard = guard_of(parse('scope == "instrument" && (alerts.price_shock >= 3 || score > 80.0)'))
    assert guard is not None
    assert not guard({"scope": "instrument", "score": 3.0})
    assert guard({"scope": "instrument", "score": 81.0})
    assert guard({"scope": "instrument"})


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("score > 80 & trusted", 11, "unexpected `&`"),
        ("score = 80", 6, "unexpected `=`"),
        ("score > 80 and trusted", 11, "`and` is not CEL"),
        ("(score > 80", 11, "expected `)`, found the end"),
        ("score >", 7, "expected a value, found the end"),
        ("abs(score) > 3", 0, "unknown function `abs`"),
        ("venue.matches('a')", 6, "unknown function `matches`"),
        ("score > 3u", 8, "unsigned number"),
        ("score > 1e999", 8, "too large"),
        ("level_rank > 9223372036854775808", 13, "64 bits"),
        ("venue == r'a'", 9, "raw, byte"),
        (r"venue == 'a\q'", 11, "unknown escape"),
        ("venue['a'] == 1", 5, "only `alerts` can be indexed"),
        ("alerts[1] > 2", 7, "takes a detector's name"),
        ("score > 80 trusted", 11, "unexpected `trusted`"),
        ("venue in 'a'", 9, "expected `[`"),
        ("!" * (DEPTH_MAX + 1) + "trusted", DEPTH_MAX - 1, "nested more than"),
        ("(" * (DEPTH_MAX + 1), DEPTH_MAX, "nested more than"),
        ("trusted" + " || trusted" * TERMS_MAX, 8 + 11 * (TERMS_MAX - 1), "more than 60 terms"),
        ("t" * (CHARS_MAX + 1), 0, "more than 4000 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_place(text: str, at: int, message: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        parse(text)
    assert refused.value.at == at
    assert message in refused.value.message


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="score><=!&|()[]'\".,0123 alerts?:in-", max_size=60))
def test_any_text_is_read_or_refused_and_what_is_read_cel_can_read(text: str) -> None:
    try:
        tree = parse(text)
    except UnreadableError:
        return
    if not check_types(tree, SCHEMA):
        cel.compile(text)


@pytest.mark.parametrize(
    ("text", "at", "code", "message", "remedy"),
    [
        ("scor > 3", 0, "rule.field_unknown", "unknown field `scor`", "did you mean `score`?"),
        ("alerts.depegg > 1", 0, "rule.field_unknown", "unknown detector", "did you mean `depeg`?"),
        ("trusted && depeg > 2", 11, "rule.field_unknown", "unknown field `depeg`", "write `alerts.depeg`"),
        ("alerts > 2", 0, "rule.type", "`alerts` is a map", ""),
        ('score > "high"', 8, "rule.type", "compares a number with text", ""),
        ('score > "80"', 8, "rule.type", "compares a number with text", "write 80 without quotes"),
        ('alerts.depeg >= "high"', 16, "rule.type", "a whole number with text", "high is 3"),
        ("trusted > 1", 10, "rule.type", "true or false with a whole number", ""),
        ('level > "watch"', 6, "rule.type", "orders numbers", "compare `level_rank`"),
        ('level == "wach"', 9, "rule.never_fires", "never `wach`", "did you mean `watch`?"),
        ('score > 3 || level in ["halt", "stop"]', 31, "rule.never_fires", "never `stop`", "one of"),
        ("score * 2 > 3", 8, "rule.type", "takes two numbers", "write 2.0"),
        ("score + level_rank > 3", 6, "rule.type", "takes two numbers", "CEL does not mix them"),
        ("score % 2.0 > 1", 6, "rule.type", "`%` takes whole numbers", ""),
        ("score", 0, "rule.type", "not true or false", ""),
        ("score && trusted", 0, "rule.type", "`&&` takes true or false", ""),
        ("!score", 1, "rule.type", "`!` takes true or false", ""),
        ("3 > 2", 2, "rule.type", "reads no field", ""),
        ("venue in [instrument]", 10, "rule.type", "literals only", ""),
        ("venue + 'a' == 'b'", 0, "rule.type", "`+` takes a number", ""),
        ("score.contains('a')", 0, "rule.type", "`contains` takes text", ""),
        ("trusted ? 1 : 2.0", 8, "rule.type", "differ in type", ""),
    ],
)
def test_a_wrong_name_or_type_is_told_with_its_place(
    text: str, at: int, code: str, message: str, remedy: str
) -> None:
    problem = check_types(parse(text), SCHEMA)[0]
    assert (problem.at, problem.code) == (at, code)
    assert message in problem.message
    assert remedy in problem.remedy


def test_every_mistake_of_a_condition_is_told_at_once() -> None:
    problems = check_types(parse('scor > 3 && alerts.depegg > 1 && score > "x"'), SCHEMA)
    assert [problem.at for problem in problems] == [0, 12, 41]


def test_alerts_may_be_indexed_as_in_any_cel_map() -> None:
    assert bare(parse('alerts["depeg"] >= 3')) == bare(parse("alerts.depeg >= 3"))


def test_a_comment_is_skipped() -> None:
    assert bare(parse("score > 80 // hot\n && trusted")) == bare(parse("score > 80 && trusted"))


def test_whole_numbers_that_overflow_are_unknown_as_in_cel() -> None:
    tree = Apply(0, ">", (Apply(0, "+", (Read(0, "alerts_open"), Constant(0, 2**63 - 1))), Constant(0, 0)))
    assert value(tree, {"alerts_open": 1}) is None
    assert cel_value(text_of(tree), {"alerts_open": 1, "alerts.price_shock": 0, "alerts.depeg": 0}) is None
