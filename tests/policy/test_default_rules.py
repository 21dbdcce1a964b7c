"""The default rules: each fires on what it is for, none moves a calm market, each says when it is wrong."""

from typing import Any

import pytest
from test_policy_docs import DEFAULT, DETECTORS

from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.detectors.live_watch import LIVE_DETECTOR_NAMES
from holdfast.detectors.watch import DETECTOR_NAMES
from holdfast.event import LEVELS, Scope
from holdfast.policy.expression import parse, reads
from holdfast.policy.fields import ALERTS_PREFIX, PORTFOLIO_FIELDS, Schema
from holdfast.policy.reach import Reach
from holdfast.policy.rules import RuleSet

BTC = Scope(venue="okx", instrument="BTC-USDT-SWAP")
CALM: dict[str, Any] = {"score": 12.0, "level": "normal", "trusted": True, "alerts": {}, "alerts_open": 0}
SCHEMA = Schema(DETECTORS)


def load() -> RuleSet:
    return RuleSet.load({path.name: path.read_text() for path in DEFAULT.glob("*.yml")}, DETECTORS)


RULES = load()


def fired(scope: Scope = BTC, **values: Any) -> set[str]:
    """Hold values for two minutes and return the titles that decided; what is measured of a portfolio is a venue's."""
    rules = load()
    if values.keys() & set(PORTFOLIO_FIELDS):
        scope = Scope(venue=scope.venue)
    found: set[str] = set()
    for second in range(0, 120, 5):
        found |= {one.rule_title for one in rules.evaluate(second * SECOND_NS, scope, {**CALM, **values})}
    return found


CASES = {
    "Feed of an instrument may not be trusted": ({"trusted": False}, {"trusted": True}),
    "Price shock into a thin book": (
        {"alerts": {"price_shock": 4, "liquidity_evaporation": 2}},
        {"alerts": {"price_shock": 4}},
    ),
    "Liquidation cascade under way": (
        {"score": 65.0, "alerts": {"liquidation_cascade": 4, "price_shock": 3}},
        {"score": 55.0, "alerts": {"liquidation_cascade": 4, "price_shock": 3}},
    ),
    "Stablecoin off its peg here": ({"alerts": {"depeg": 3}}, {"alerts": {"depeg": 1}}),
    "Stablecoin off its peg everywhere": (
        {"alerts": {"depeg": 4}},
        {"alerts": {"depeg": 4}, "trusted": False},
    ),
    "Venue trades apart from the others": (
        {"alerts": {"dislocation": 3, "price_shock": 2}},
        {"alerts": {"dislocation": 3}},
    ),
    "Put-call parity broken": ({"alerts": {"parity_break": 3}}, {"alerts": {"parity_break": 2}}),
    "Option surface jumped": ({"alerts": {"surface_shock": 2}}, {"alerts": {"surface_shock": 1}}),
    "Option quotes withdrawn": ({"alerts": {"quotes_withdrawn": 3}}, {"alerts": {"quotes_withdrawn": 2}}),
    "Margin call is likely within the hour": ({"call_probability_1h": 0.25}, {"call_probability_1h": 0.15}),
    "Margin grows thin": ({"margin_ratio": 0.7}, {"margin_ratio": 0.5, "call_probability_24h": 0.05}),
    "Detector has gone silent": ({"alerts": {"silent_detector": 2}}, {"alerts": {"silent_detector": 1}}),
}


VENUE, WHOLE_DESK = Scope(venue="okx"), Scope()
LIVE_CASES = {  # where, and the severity at which it fires, one less being too little
    "Unauthorised trading on the venue": (VENUE, "unauthorised_order", 4),
    "Fill that nobody claims": (VENUE, "unauthorised_order", 2),
    "The venue trades the desk's position away": (VENUE, "forced_order", 4),
    "Orders run away": (VENUE, "runaway_orders", 2),
    "The desk trades with itself": (VENUE, "self_trade", 2),
    "Too many orders for what is traded": (VENUE, "fill_ratio", 2),
    "Position that nobody traded": (VENUE, "position_drift", 2),
    "Order far out of size or price": (VENUE, "fat_finger", 3),
    "Order out of size or price": (VENUE, "fat_finger", 2),
    "Limit of the desk reached": (VENUE, "limit_use", 3),
    "Venue out of reach": (VENUE, "line_down", 2),
    "Clock off the venue's": (VENUE, "clock", 3),
    "Disk of the journal fills up": (WHOLE_DESK, "disk", 3),
    "Guard comes too late": (WHOLE_DESK, "loop_lag", 3),
    "Guard is not well": (WHOLE_DESK, "heartbeat_lost", 2),
}


def test_every_default_rule_has_a_case() -> None:
    assert {rule.title for rule in RULES.rules} == {*CASES, *LIVE_CASES}


@pytest.mark.parametrize("title", CASES)
def test_a_default_rule_fires_on_what_it_is_for_and_on_nothing_less(title: str) -> None:
    enough, too_little = CASES[title]
    assert title in fired(**enough)
    assert title not in fired(**too_little)


@pytest.mark.parametrize("title", LIVE_CASES)
def test_a_default_rule_on_the_desks_own_flow_fires_where_it_is_for_and_on_nothing_less(title: str) -> None:
    scope, detector, severity = LIVE_CASES[title]
    assert title in fired(scope, alerts={detector: severity})
    assert title not in fired(scope, alerts={detector: severity - 1})
    assert title not in fired(BTC, alerts={detector: severity})


def test_every_live_detector_has_a_default_rule() -> None:
    read = {name for rule in RULES.rules for name in reads(parse(rule.condition))}
    assert {f"{ALERTS_PREFIX}{name}" for name in LIVE_DETECTOR_NAMES} <= read


def test_a_calm_market_and_a_calm_desk_are_left_alone() -> None:
    for scope in (BTC, VENUE, WHOLE_DESK):
        assert fired(scope) == set()
        assert (
            fired(scope, score=24.0, alerts=dict.fromkeys(DETECTORS, 1), alerts_open=len(DETECTORS)) == set()
        )


def test_no_default_rule_on_the_market_can_hold_more_than_watch_without_an_alert_of_medium_severity() -> None:
    reach = Reach(SCHEMA)
    for rule in RULES.rules:
        if set(reads(parse(rule.condition))) & set(PORTFOLIO_FIELDS):
            continue
        if LEVELS.index(rule.response.level) <= LEVELS.index("watch"):
            continue
        alerts = [name for name in reads(parse(rule.condition)) if name.startswith(ALERTS_PREFIX)]
        calm = " && ".join(f"{name} <= 1" for name in alerts)
        assert alerts
        assert reach.never_fires(parse(f"({rule.condition}) && {calm}")), rule.title


def test_default_rules_judge_one_kind_of_scope_so_nothing_is_told_three_times() -> None:
    squeezed = {"margin_ratio": 1.5, "call_probability_1h": 1.0, "call_probability_24h": 1.0}
    assert load().evaluate(0, Scope(), {**CALM, **squeezed}) == []
    assert len(fired(**squeezed)) == 2
    stormy = {"score": 99.0, "trusted": False, "alerts": dict.fromkeys(DETECTOR_NAMES, 4), "alerts_open": 20}
    assert fired(Scope(), **stormy) == set()
    assert fired(Scope(venue="okx"), **stormy) == set()
    assert len(fired(**stormy | {"trusted": True})) > 5
    unwell = {"alerts": dict.fromkeys(LIVE_DETECTOR_NAMES, 4), "alerts_open": 15}
    assert fired(BTC, **unwell) == set()
    assert len(fired(VENUE, **unwell)) > 5
    assert not fired(VENUE, **unwell) & fired(WHOLE_DESK, **unwell)


def test_default_rules_brake_and_never_move_and_halt_only_on_trading_that_is_not_ours() -> None:
    assert all(rule.response.action != "hedge" for rule in RULES.rules)
    halting = [
        rule for rule in RULES.rules if rule.response.action == "halt" or rule.response.level == "halt"
    ]
    assert [rule.title for rule in halting] == ["Unauthorised trading on the venue"]
    assert all(rule.response.for_ns <= MINUTE_NS for rule in RULES.rules)


def test_every_default_rule_says_why_it_is_and_when_it_is_wrong() -> None:
    assert all(rule.description and rule.falsepositives and rule.date and rule.author for rule in RULES.rules)
