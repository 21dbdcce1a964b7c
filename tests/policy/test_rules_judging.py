"""Rules judged over tape time: `for`, `cooldown`, unknown fields, floors and evidence."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rules_loading import DETECTORS, IDS, rule_text

from holdfast.clock import HOUR_NS, MINUTE_NS, SECOND_NS, parse_time_ns
from holdfast.error import BrokenInvariant
from holdfast.event import Decided, Scope
from holdfast.policy.rules import UNKNOWN_HELD_NS_MAX, RuleSet

BTC = Scope(venue="okx", instrument="BTC-USDT")
ETH = Scope(venue="okx", instrument="ETH-USDT")
OKX = Scope(venue="okx")
DESK = Scope()
NAN = float("nan")


def rules(*texts: str) -> RuleSet:
    return RuleSet.load({f"{number}.yml": text for number, text in enumerate(texts)}, DETECTORS)


def run(loaded: RuleSet, steps: list[tuple[int, dict[str, Any]]], scope: Scope = BTC) -> list[int]:
    """Judge at each (second, values) and return the seconds at which something was decided."""
    return [second for second, values in steps if loaded.evaluate(second * SECOND_NS, scope, values)]


HOT: dict[str, Any] = {"score": 90.0}
COLD: dict[str, Any] = {"score": 10.0}
BLIND: dict[str, Any] = {"score": NAN}


def test_a_rule_decides_as_soon_as_its_condition_holds() -> None:
    assert run(rules(rule_text()), [(0, COLD), (1, HOT)]) == [1]


def test_a_rule_with_for_waits_until_the_condition_has_held() -> None:
    text = rule_text(response="{action: notify, for: 10s}")
    assert run(rules(text), [(0, HOT), (5, HOT), (9, HOT), (10, HOT)]) == [10]


def test_a_condition_that_ends_starts_for_anew() -> None:
    text = rule_text(response="{action: notify, for: 10s}")
    assert run(rules(text), [(0, HOT), (9, COLD), (10, HOT), (19, HOT), (20, HOT)]) == [20]


def test_a_rule_that_goes_on_holding_decides_again_after_each_cooldown() -> None:
    text = rule_text(response="{action: notify, cooldown: 1m}")
    assert run(rules(text), [(second, HOT) for second in range(150)]) == [0, 60, 120]


def test_a_condition_that_returns_still_waits_for_the_cooldown() -> None:
    text = rule_text(response="{action: notify, cooldown: 1m}")
    steps = [(0, HOT), (1, COLD), (2, HOT), (3, COLD), (59, HOT), (60, HOT), (61, COLD), (500, HOT)]
    assert run(rules(text), steps) == [0, 60, 500]


def test_scopes_do_not_disturb_each_other() -> None:
    loaded = rules(rule_text(response="{action: notify, for: 10s}"))
    assert run(loaded, [(0, HOT)], BTC) == []
    assert run(loaded, [(10, HOT)], ETH) == []
    assert run(loaded, [(10, HOT)], BTC) == [10]


def test_a_rule_holds_its_level_as_long_as_it_holds_whatever_the_cooldown() -> None:
    loaded = rules(rule_text(response="{action: restrict, level: restrict, for: 5s, cooldown: 1h}"))
    levels = []
    for second, values in [(0, HOT), (4, HOT), (5, HOT), (900, HOT), (901, COLD)]:
        loaded.evaluate(second * SECOND_NS, BTC, values)
        levels.append(loaded.floor(BTC).level)
    assert levels == ["normal", "normal", "restrict", "restrict", "normal"]
    assert loaded.floor(ETH).level == "normal"


def test_the_highest_level_of_the_rules_that_hold_is_the_floor_and_says_which_rule() -> None:
    low = rule_text("score > 20.0", 0, "{action: notify, level: watch}")
    high = rule_text("score > 80.0", 1, "{action: reduce, level: reduce}").replace("A rule", "A high one")
    loaded = rules(low, high)
    loaded.evaluate(0, BTC, HOT)
    assert loaded.floor(BTC) == ("reduce", "rule `A high one` holds")
    loaded.evaluate(SECOND_NS, BTC, {"score": 50.0})
    assert loaded.floor(BTC) == ("watch", "rule `A rule` holds")


@pytest.mark.parametrize("blind", [BLIND, {}], ids=["nan", "absent"])
def test_an_unknown_field_fires_nothing_is_no_error_and_is_counted(blind: dict[str, Any]) -> None:
    loaded = rules(rule_text())
    assert run(loaded, [(0, blind), (1, blind)]) == []
    assert loaded.undecided == {IDS[0]: 2}
    assert run(loaded, [(2, HOT)]) == [2]


@pytest.mark.parametrize("condition", ["score != 90.0", "'!(score == 90.0)'", "'!(score in [90.0])'"])
def test_not_a_number_is_unknown_and_not_unequal(condition: str) -> None:
    loaded = rules(rule_text(condition))
    assert run(loaded, [(0, BLIND), (1, HOT), (2, COLD)]) == [2]
    assert loaded.undecided == {IDS[0]: 1}
    either = rules(rule_text("trusted || score > 80.0"))
    assert either.evaluate(0, BTC, {"trusted": True, "score": NAN})[0].evidence["score"] == "unknown"


def test_an_unknown_field_that_cannot_matter_does_not_count() -> None:
    loaded = rules(rule_text("trusted && score > 80.0"), rule_text("'!trusted || score > 80.0'", 1))
    decided = loaded.evaluate(0, BTC, {"trusted": False})
    assert [one.rule_id for one in decided] == [IDS[1]]
    assert decided[0].evidence == {"score": "unknown", "trusted": False}
    assert loaded.undecided == {IDS[0]: 0, IDS[1]: 0}


def test_not_knowing_does_not_loosen_and_does_not_tighten() -> None:
    loaded = rules(rule_text(response="{action: restrict, level: restrict, for: 10s}"))
    assert run(loaded, [(0, HOT), (5, BLIND), (11, BLIND)]) == []
    assert loaded.floor(BTC).level == "restrict"  # held since second 0, as far as anybody knows
    assert run(loaded, [(12, HOT)]) == [12]
    assert run(loaded, [(13, BLIND)]) == []
    assert loaded.floor(BTC).level == "restrict"


def test_a_hold_ends_when_nothing_was_known_for_long() -> None:
    loaded = rules(rule_text(response="{action: restrict, level: restrict}"))
    loaded.evaluate(0, BTC, HOT)
    loaded.evaluate(UNKNOWN_HELD_NS_MAX, BTC, BLIND)
    assert loaded.floor(BTC).level == "restrict"
    loaded.evaluate(UNKNOWN_HELD_NS_MAX + 1, BTC, BLIND)
    assert loaded.floor(BTC).level == "normal"


def test_a_decision_says_which_version_of_which_rule_and_what_it_read() -> None:
    condition = 'scope == "instrument" && alerts.price_shock >= 3 && (score > 80.0 || move_1m < -0.05)'
    loaded = rules(rule_text(condition, response="{action: pause, level: restrict}"))
    values = {"score": 85.5, "alerts": {"price_shock": 4, "depeg": 2}, "spread_bps": 3.0, "level": "watch"}
    (rule,) = loaded.rules
    assert loaded.evaluate(7, BTC, values) == [
        Decided(
            time_ns=7,
            scope=BTC,
            rule_id=IDS[0],
            rule_version=rule.version,
            rule_title="A rule",
            action="pause",
            level="restrict",
            evidence={"alerts.price_shock": 4, "move_1m": "unknown", "scope": "instrument", "score": 85.5},
        )
    ]


def test_a_rule_that_asks_for_no_level_decides_with_normal() -> None:
    assert rules(rule_text()).evaluate(0, BTC, HOT)[0].level == "normal"


@pytest.mark.parametrize(
    ("condition", "scope"),
    [
        ('scope == "instrument" && venue == "okx" && instrument == "BTC-USDT"', BTC),
        ('scope == "venue" && venue == "okx" && instrument == ""', OKX),
        ('scope == "desk" && venue == ""', DESK),
        ('underlying == "BTC"', BTC),
        ('level == "reduce" && level_rank == 3', OKX),
        ("time_of_day_s >= 75600.0 && time_of_day_s < 75601.0", DESK),
        ('alerts["depeg"] == 2', BTC),
        ("alerts.depeg == 2 && alerts.price_shock == 0", DESK),
    ],
)
def test_a_condition_sees_the_scope_the_level_the_alerts_and_the_time(condition: str, scope: Scope) -> None:
    loaded = rules(rule_text(condition))
    values = {"underlying": "BTC", "level": "reduce", "alerts": {"depeg": 2}, "alerts_open": 1}
    moment = parse_time_ns("2025-10-10T21:00:00Z")
    assert loaded.evaluate(moment, scope, values)
    others = {BTC, OKX, DESK, Scope(venue="kraken"), Scope(venue="okx", instrument="ETH-USDT")} - {scope}
    unlike = {"underlying": "ETH", "level": "watch", "alerts": {"price_shock": 2}, "alerts_open": 1}
    assert not any(loaded.evaluate(moment + HOUR_NS, other, unlike) for other in others)


def test_several_rules_decide_in_the_order_of_their_ids() -> None:
    loaded = rules(rule_text(number=2), rule_text("score > 70", number=0), rule_text("score > 60", number=1))
    assert [one.rule_id for one in loaded.evaluate(0, BTC, HOT)] == IDS[:3]


def test_time_that_runs_backwards_is_a_broken_invariant() -> None:
    loaded = rules(rule_text())
    loaded.evaluate(5, BTC, COLD)
    with pytest.raises(BrokenInvariant, match=r"policy\.time_backwards"):
        loaded.evaluate(4, ETH, COLD)


def test_what_is_remembered_is_forgotten_once_it_cannot_matter() -> None:
    loaded = rules(rule_text(response="{action: notify, cooldown: 1m}"))
    run(loaded, [(0, HOT), (1, COLD)])
    assert loaded.memory() == [("okx:BTC-USDT", IDS[0], None, SECOND_NS, 0)]
    run(loaded, [(60, COLD)])
    assert loaded.memory() == []


def test_the_fields_that_rules_read_are_known() -> None:
    loaded = rules(rule_text("score > 80.0 && alerts.depeg > 1"), rule_text("spread_bps > 50.0", number=1))
    assert loaded.reads == {"score", "alerts.depeg", "spread_bps"}


_steps = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from((BTC, ETH)), st.sampled_from((0.0, 50.0, 90.0, NAN))),
    max_size=60,
)


def _slow(steps: list[tuple[int, Scope, float]], for_s: int, cooldown_s: int) -> list[tuple[int, Scope]]:
    """Return the decisions of `score > 40`, from the whole history each time."""
    decided: list[tuple[int, Scope]] = []
    seen: dict[Scope, list[tuple[int, float]]] = {}
    for second, scope, score in steps:
        history = seen.setdefault(scope, [])
        history.append((second, score))
        if not score > 40.0:
            continue
        known = [(at, one > 40.0) for at, one in history if one == one]  # noqa: PLR0124
        begun = second
        for at, hot in reversed(known):
            if not hot:
                break
            begun = at
        last = max((at for at, other in decided if other == scope), default=None)
        if second - begun >= for_s and (last is None or second - last >= cooldown_s):
            decided.append((second, scope))
    return decided


@settings(max_examples=200, deadline=None)
@given(_steps, st.integers(0, 60), st.integers(1, 90))
def test_for_and_cooldown_agree_with_a_slow_reading_of_the_whole_history(
    gaps: list[tuple[int, Scope, float]], for_s: int, cooldown_s: int
) -> None:
    loaded = rules(
        rule_text("score > 40.0", response=f"{{action: notify, for: {for_s}s, cooldown: {cooldown_s}s}}")
    )
    second, steps = 0, []
    for gap, scope, score in gaps:
        second += min(gap, 14 * MINUTE_NS // SECOND_NS)
        steps.append((second, scope, score))
    found = [
        (at, scope) for at, scope, score in steps if loaded.evaluate(at * SECOND_NS, scope, {"score": score})
    ]
    assert found == _slow(steps, for_s, cooldown_s)
