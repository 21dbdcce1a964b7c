"""Proofs about conditions: what never or always fires is found, and nothing else is ever claimed."""

from typing import Any

import pytest
from hypothesis import assume, given, settings
from random_conditions import SCHEMA, atoms, simple_atoms, trees, values

from holdfast.policy.expression import Apply, Node, parse, reads, text_of
from holdfast.policy.fields import Schema
from holdfast.policy.reach import Reach
from holdfast.policy.truth import value

REACH = Reach(SCHEMA)

NEVER = {
    "score > 80 && score < 20": ["score > 80", "score < 20"],
    "trusted && score > 80 && venue != 'x' && score < 20": ["score > 80", "score < 20"],
    "score > 100": ["score > 100"],
    "level_rank == 7": ["level_rank == 7"],
    "move_1m < -10.0": ["move_1m < -10.0"],
    "alerts.depeg > 4": ["alerts.depeg > 4"],
    "level_rank > 2 && level_rank < 3": ["level_rank > 2", "level_rank < 3"],
    "alerts_open > 2 && alerts_open < 3": ["alerts_open > 2", "alerts_open < 3"],
    'scope == "venue" && instrument == "X"': ['scope == "venue"', 'instrument == "X"'],
    'scope == "desk" && venue == "okx"': ['scope == "desk"', 'venue == "okx"'],
    'scope == "desk" && spread_bps > 5.0': ['scope == "desk"', "spread_bps > 5.0"],
    'scope == "venue" && imbalance * 2.0 > 1.0': ['scope == "venue"', "imbalance * 2.0 > 1.0"],
    'level == "halt" && level_rank < 4': ['level == "halt"', "level_rank < 4"],
    "score < 10 && score_trust > 20": ["score < 10", "score_trust > 20"],
    "alerts.depeg >= 3 && alerts_open == 0": ["alerts.depeg >= 3", "alerts_open == 0"],
    'venue == "okx" && venue == "bybit"': ['venue == "okx"', 'venue == "bybit"'],
    "trusted == false && trusted": ["trusted == false", "trusted"],
    "score_volatility + score_trust > 200.0": ["score_volatility + score_trust > 200.0"],
    "move_1m > move_5m && move_5m > move_15m && move_15m > move_1m": [
        "move_1m > move_5m",
        "move_5m > move_15m",
        "move_15m > move_1m",
    ],
}
ALWAYS = (
    "score >= 0",
    "score <= 100",
    "score > 80 || score <= 80",
    "trusted || !trusted",
    "imbalance >= -1.0",
    "level_rank >= 0 && spread_bps > -30000",
    'scope in ["instrument", "venue", "desk"]',
    'scope != "desk" || venue == ""',
    "score * 2.0 >= 0.0",
    "move_1m > move_5m || move_5m >= move_1m",
)
MAY = (
    "score > 80",
    "score >= 100",
    "spread_bps > 2 && spread_bps < 3",
    'scope == "desk" || spread_bps > 5.0',
    'scope == "venue" && venue == "okx" && score > 50',
    "move_1m > move_5m && move_5m > move_15m",
    "move_1m < move_5m && move_1m > -0.01 && move_5m < -0.001",
    "score_volatility + score_trust > 120.0",
    "price * depth_bid_10bps > 1e12",
    'venue.startsWith("bin") && venue != "binance"',
    "alerts.depeg == 4 && alerts_open == 1",
    "time_of_day_s >= 86000 || time_of_day_s < 60",
)


@pytest.mark.parametrize("text", NEVER)
def test_a_rule_that_can_never_fire_is_found_with_the_parts_that_exclude_each_other(text: str) -> None:
    assert [text_of(part) for part in REACH.never_fires(parse(text))] == NEVER[text]
    assert not REACH.always_fires(parse(text))


@pytest.mark.parametrize("text", ALWAYS)
def test_a_rule_that_always_fires_is_found(text: str) -> None:
    assert REACH.always_fires(parse(text))
    assert not REACH.never_fires(parse(text))


@pytest.mark.parametrize("text", MAY)
def test_a_rule_that_may_fire_or_not_is_let_through(text: str) -> None:
    assert not REACH.never_fires(parse(text))
    assert not REACH.always_fires(parse(text))


@settings(max_examples=600, deadline=None)
@given(trees(atoms), values())
def test_what_is_proven_about_a_condition_holds_for_any_values(tree: Node, found: dict[str, Any]) -> None:
    verdict = value(tree, found)
    if REACH.never_fires(tree):
        assert verdict is not True
    if REACH.always_fires(tree):
        assume("/" not in text_of(tree))  # a division may be unknown
        assume(all(name in found for name in reads(tree)))
        assert verdict is True


@settings(max_examples=400, deadline=None)
@given(trees(simple_atoms))
def test_a_condition_of_plain_comparisons_is_always_decided_and_its_witness_is_true(tree: Node) -> None:
    witness = REACH.witness(tree, "true")
    if witness is None:
        assert REACH.never_fires(tree)
    else:
        assert value(tree, witness) is True
        assert not REACH.never_fires(tree)


def test_a_contradiction_among_many_fields_is_found_in_few_steps() -> None:
    others = " && ".join(f"{name} > 0.25" for name in SCHEMA.fields if SCHEMA.fields[name].type == "number")
    tree = parse(f"{others} && (score > 80.0 || score > 90.0) && score < 20.0")
    assert {"score"} == set(reads(Apply(0, "&&", REACH.never_fires(tree))))


def test_a_search_that_reaches_its_limit_claims_nothing() -> None:
    chain = "trusted"
    for number in range(14):
        chain = f"({chain} == (alerts.d{number} > 2))"
    reach = Reach(Schema([f"d{number}" for number in range(14)]))
    tree = parse(f"{chain} && !{chain}")  # never true, but no part of it is decided before all of it is
    assert reach.never_fires(tree) == ()
    assert not reach.always_fires(tree)


def test_the_same_contradiction_within_the_limit_is_found() -> None:
    tree = parse("(trusted == (score > 50)) && !(trusted == (score > 50))")
    assert len(REACH.never_fires(tree)) == 2
