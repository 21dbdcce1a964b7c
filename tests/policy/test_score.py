"""The score: parts sum to it, the loudest leads, and a broken feed never sells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.market.chain_rows import LOOK, new_rows
from holdfast.market.feature_rows import new_features
from holdfast.policy.score import (
    CORRELATION,
    LIQUIDITY,
    SCORE,
    TRUST,
    VOLATILITY,
    measure_trust,
    mix,
    points_of,
    score_chains,
    score_groups,
    score_instruments,
)

POINTS = st.lists(st.floats(0.0, 100.0), min_size=5, max_size=5)


@given(POINTS)
def test_parts_sum_to_the_score_and_the_loudest_leads(points: list[float]) -> None:
    parts = np.zeros(5)
    score = mix(np.array(points), parts)
    assert 0.0 <= score <= 100.0
    assert parts.sum() == pytest.approx(score)
    assert score >= min(max(points), 100.0) - 1e-9
    assert int(parts.argmax()) in np.flatnonzero(np.array(points) == max(points)) or score == 0.0


def test_three_small_worries_are_no_crash() -> None:
    assert mix(np.array([30.0, 30.0, 30.0, 0.0, 0.0]), np.zeros(5)) < 50.0


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_points_never_fall_when_the_value_rises(a: float, b: float) -> None:
    table = np.array([(3.0, 0.0), (6.0, 25.0), (30.0, 90.0)])
    low, high = sorted((a, b))
    assert points_of(low, table) <= points_of(high, table)
    assert np.isnan(points_of(float("nan"), table)) == False  # noqa: E712 - unknown is no points, not NaN


def scored(**fields: float) -> np.void:
    features, scores = new_features(1), np.zeros(1, dtype=SCORE)
    features["time_ns"] = 1
    trusted = bool(fields.pop("trusted", True))
    trust = fields.pop("trust", 0.0)
    together = fields.pop("together", 0.0)
    for name, value in fields.items():
        features[name] = value
    score_instruments(
        1, features, np.array([trusted]), np.array([trust]), np.array([np.nan]), together, scores
    )
    return scores[0]


@pytest.mark.parametrize(
    ("shock", "score"), [(3.0, 0.0), (6.0, 25.0), (10.5, 50.0), (15.0, 70.0), (30.0, 90.0), (80.0, 100.0)]
)
def test_a_shock_reaches_each_level_where_the_table_says(shock: float, score: float) -> None:
    assert scored(shock=shock)["score"] == pytest.approx(score)


def test_what_is_unknown_adds_nothing() -> None:
    assert scored()["score"] == 0.0


def test_an_untrusted_instrument_is_not_believed_and_never_reduces() -> None:
    one = scored(shock=100.0, trusted=False, trust=60.0)
    assert one["score"] == pytest.approx(60.0)
    assert one["points"][VOLATILITY] == 0.0
    assert one["points"][TRUST] == 60.0


def test_thin_depth_counts_as_liquidity() -> None:
    one = scored(depth_near_bid=1.0, depth_usual_bid=40.0, depth_near_ask=40.0, depth_usual_ask=40.0)
    assert one["points"][LIQUIDITY] > 50.0


def test_a_spread_that_a_minutes_move_dwarfs_is_no_illiquidity() -> None:
    """A book one tick wide may open to a few ticks: 500 times usual, and still nothing."""
    one_tick = {"spread_usual_bps": 0.0016, "move_scale": 0.0015}
    assert scored(spread_bps=0.8, **one_tick)["points"][LIQUIDITY] == 0.0
    assert scored(spread_bps=60.0, **one_tick)["points"][LIQUIDITY] > 40.0


def test_moving_together_adds_only_to_a_shock() -> None:
    assert scored(together=1.0)["score"] == 0.0
    assert scored(shock=15.0, together=1.0)["points"][CORRELATION] == pytest.approx(28.0)


def test_trust_points_come_from_the_worst_alert_and_weigh_more_when_it_takes_trust_away() -> None:
    ranks = np.array([[0, 2], [1, 0]], dtype=np.int8)
    assert measure_trust(2, 2, ranks, np.array([False, True])).tolist() == [26.0, 20.0]


def test_one_thin_coin_does_not_stop_a_venue_but_all_together_do() -> None:
    scores, none, out = np.zeros(100, dtype=SCORE), np.zeros(1, dtype=SCORE), np.zeros(1, dtype=SCORE)
    scores["counted"] = True
    scores["score"][0] = 100.0
    zeros = np.zeros(100, dtype=np.int64)
    score_groups(100, scores, zeros, 0, none, zeros, out)
    assert out["score"][0] == pytest.approx(10.0)
    scores["score"] = 95.0
    score_groups(100, scores, zeros, 0, none, zeros, out)
    assert out["score"][0] == pytest.approx(95.0)


def test_a_chain_of_which_no_row_came_says_nothing_of_its_venue_and_a_calm_one_does() -> None:
    scores, chain_scores = np.zeros(1, dtype=SCORE), np.zeros(2, dtype=SCORE)
    scores["counted"], scores["score"] = True, 60.0
    out, calm = np.zeros(1, dtype=SCORE), np.zeros((4, 2), dtype=np.int8)
    zeros = np.zeros(2, dtype=np.int64)
    looks = new_rows(LOOK, 2)
    score_chains(looks, calm, chain_scores)
    score_groups(1, scores, zeros, 2, chain_scores, zeros, out)
    assert out["score"][0] == pytest.approx(60.0)
    looks["time_ns"][0] = 1
    score_chains(looks, calm, chain_scores)
    score_groups(1, scores, zeros, 2, chain_scores, zeros, out)
    assert out["score"][0] == pytest.approx(60.0 / 2**0.5)
