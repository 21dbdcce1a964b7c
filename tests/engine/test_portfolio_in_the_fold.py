"""The portfolio in the fold: what was measured is in the score, the rules and the level at once, and nowhere else."""

import re
from collections.abc import Sequence
from importlib.resources import files

import numpy as np
import pytest

from holdfast import tape
from holdfast.app.rule_files import load_rules
from holdfast.clock import SECOND_NS
from holdfast.detectors.watch import DETECTOR_NAMES
from holdfast.engine import RiskSource, State
from holdfast.event import Decided, Event, LevelMoved, RiskMeasured, Scope
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.policy.rules import RuleSet
from holdfast.policy.score import PARTS, PORTFOLIO, SCORE, add_portfolio, portfolio_points
from tests.engine.test_step import story
from tests.market.rows import instruments

CALM = story(1)[: 4 * 2 * 500]  # before anything falls
DESK = Scope()


def squeezed_at(seconds: Sequence[int], venue: str, **values: float) -> RiskSource:
    """Return a source that tells of a thin account at some sweeps, and of a sound one before."""

    def source(now_ns: int, state: State) -> list[RiskMeasured]:
        del state
        second = now_ns // SECOND_NS % 100_000
        return [RiskMeasured(now_ns, now_ns, Scope(venue=venue), values)] if second in seconds else []

    return source


def run(
    source: RiskSource | None, parts: list[tape.Rows], rules: RuleSet | None = None
) -> tuple[list[Event], State]:
    state = State(instruments(2), Desk(rules or load_rules(None), Escalation()), risk=source)
    events = [event for part in parts for event in state.step(part)] + state.finish()
    return events, state


def first_second() -> int:
    return int(CALM["received_ns"][0] // SECOND_NS % 100_000)


def venue() -> str:
    return instruments(2)[0].venue


def test_a_likely_call_moves_its_venue_to_reduce_at_the_sweep_that_took_it_in() -> None:
    at = first_second() + 200
    events, _ = run(squeezed_at([at], venue(), call_probability_1h=0.5, call_probability_24h=0.9), [CALM])
    moved = [one for one in events if isinstance(one, LevelMoved) and one.scope == Scope(venue=venue())]
    assert [one.to_level for one in moved][:1] == ["reduce"]
    assert moved[0].time_ns // SECOND_NS % 100_000 == at
    assert "portfolio" in moved[0].because
    decided = {
        one.rule_title for one in events if isinstance(one, Decided) and one.scope == Scope(venue=venue())
    }
    assert decided == {"Margin call is likely within the hour", "Margin grows thin"}


def test_a_rule_on_what_is_held_decides_at_once_though_the_score_did_not_move() -> None:
    thin = files("holdfast.policy") / "rules_default" / "margin_thin.yml"
    text = re.sub(r"condition: .*", 'condition: scope == "desk" && profit < -1000000.0', thin.read_text())
    rules = RuleSet.load({"loss.yml": text}, DETECTOR_NAMES)
    at = first_second() + 201  # no multiple of the seconds at which every restless scope is judged
    events, _ = run(squeezed_at([at], "", profit=-2_000_000.0), [CALM], rules)
    decided = [one for one in events if isinstance(one, Decided)]
    assert [one.time_ns // SECOND_NS % 100_000 for one in decided][:1] == [at]


def test_a_sound_portfolio_changes_no_level_and_decides_nothing() -> None:
    sound = {"call_probability_1h": 0.0001, "call_probability_24h": 0.004, "margin_ratio": 0.3}
    events, _ = run(squeezed_at([first_second() + 200], venue(), **sound), [CALM])
    bare, _ = run(None, [CALM])
    assert [one for one in events if not isinstance(one, RiskMeasured)] == bare


def test_a_venue_that_was_never_seen_is_judged_by_what_is_held_there() -> None:
    events, _ = run(squeezed_at([first_second() + 200], "elsewhere", margin_ratio=1.1), [CALM])
    assert any(isinstance(one, LevelMoved) and one.scope == Scope(venue="elsewhere") for one in events)


def test_what_was_measured_is_part_of_the_digest_and_splitting_rows_changes_nothing() -> None:
    source = squeezed_at([first_second() + 200, first_second() + 260], venue(), margin_ratio=0.9)
    whole, state = run(source, [CALM])
    split, again = run(source, np.split(CALM, [100, 1_700, 1_701, 3_000]))
    assert (whole, state.digest()) == (split, again.digest())
    assert (
        state.digest()
        != run(squeezed_at([first_second() + 200], venue(), margin_ratio=0.9), [CALM])[1].digest()
    )


@pytest.mark.parametrize(
    ("measured", "low", "high"),
    [
        ({"call_probability_1h": 0.001}, 0.0, 0.0),
        ({"call_probability_1h": 0.3}, 70.0, 70.0),
        ({"call_probability_24h": 0.99}, 50.0, 60.0),
        ({"margin_ratio": 1.0}, 90.0, 90.0),
        ({"margin_ratio": 1_000.0}, 100.0, 100.0),
        ({}, 0.0, 0.0),
    ],
)
def test_points_follow_the_worst_of_what_is_known(
    measured: dict[str, float], low: float, high: float
) -> None:
    assert low <= portfolio_points(measured) <= high


def test_what_is_held_mixes_into_a_score_whose_parts_still_sum_to_it() -> None:
    group = np.zeros(1, dtype=SCORE)
    group["score"], group["parts"][0, 0] = 40.0, 40.0
    add_portfolio(70.0, group)
    assert group["parts"][0].sum() == pytest.approx(float(group["score"][0]))
    assert 70.0 < float(group["score"][0]) < 80.0
    assert PARTS[int(group["parts"][0].argmax())] == PARTS[PORTFOLIO] == "portfolio"
    add_portfolio(0.0, group)
    assert 70.0 < float(group["score"][0]) < 80.0


def test_a_source_is_asked_once_a_sweep() -> None:
    asked: list[int] = []

    def source(now_ns: int, state: State) -> list[RiskMeasured]:
        del state
        asked.append(now_ns)
        return []

    run(source, [CALM])
    assert len(asked) == len(set(asked)) == len(np.unique(CALM["received_ns"] // SECOND_NS))
