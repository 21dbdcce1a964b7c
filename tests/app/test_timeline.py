"""The timeline: bounded, and a peak is never lost."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.app.timeline import POINT, POINTS_MAX, STRIDE_NS, record
from holdfast.policy.score import SCORE


def recorded(scores: list[float]) -> np.ndarray:
    points, used, stride = (
        np.zeros((1, POINTS_MAX), dtype=POINT),
        np.zeros(1, dtype=np.int64),
        np.full(1, STRIDE_NS),
    )
    one, place, price = np.zeros(1, dtype=SCORE), np.zeros(1, dtype=np.int64), np.ones(1)
    one["counted"] = True
    for second, score in enumerate(scores):
        one["score"] = score
        record((second + 1) * STRIDE_NS, 1, place, price, one, points, used, stride)
    return points[0, : used[0]]


@given(st.integers(1, 5 * POINTS_MAX), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_it_stays_bounded_in_order_and_keeps_the_peak(seconds: int, seed: int) -> None:
    scores = np.random.default_rng(seed).random(seconds) * 100.0
    points = recorded(scores.tolist())
    assert len(points) <= POINTS_MAX
    assert (np.diff(points["time_ns"]) > 0).all()
    assert points["score"].max() == scores.max()


def test_a_short_run_keeps_every_second() -> None:
    assert recorded([1.0, 2.0, 3.0])["score"].tolist() == [1.0, 2.0, 3.0]
