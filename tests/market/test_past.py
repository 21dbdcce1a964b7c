"""Own past: quantiles of a decaying histogram, right to the width of a bin."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.market.past import LAG_MAX, add_to_past, counted, new_past, quantile_of_past, tail_of_past


def filled(samples: np.ndarray, lag: int = 1) -> np.ndarray:
    past = new_past()
    for sample in samples:
        add_to_past(past, float(sample), lag)
    return past


@pytest.mark.parametrize("share", [0.02, 0.5, 0.75, 0.95])
def test_a_quantile_is_right_to_a_bin(share: float) -> None:
    samples = np.random.default_rng(1).lognormal(-5.0, 1.5, 2_000)
    assert quantile_of_past(filled(samples), share) == pytest.approx(np.quantile(samples, share), rel=0.07)


def test_no_past_has_no_quantile() -> None:
    assert math.isnan(quantile_of_past(new_past(), 0.5))
    assert math.isnan(tail_of_past(new_past(), 0.95, 0.001))


def test_a_sample_counts_only_after_the_lag() -> None:
    past = filled(np.ones(10), lag=10)
    assert counted(past, 10) == 0.0
    assert math.isnan(quantile_of_past(past, 0.5))
    add_to_past(past, 1.0, 10)
    assert counted(past, 10) == 1.0
    assert quantile_of_past(past, 0.5) == pytest.approx(1.0, rel=0.1)


def test_what_is_unknown_or_nothing_leaves_the_past_alone() -> None:
    past = filled(np.ones(100))
    before = past.copy()
    for nothing in (math.nan, 0.0, -1.0):
        add_to_past(past, nothing, 1)
    np.testing.assert_array_equal(past, before)


def test_recent_samples_weigh_more_than_old_ones() -> None:
    past = filled(np.concatenate([np.full(6_000, 1.0), np.full(6_000, 2.0)]))
    assert quantile_of_past(past, 0.5) > 1.5


def test_the_tail_of_an_exponential_past_is_found() -> None:
    """The level exceeded once in 1,000 samples of an exponential is log(1000)."""
    samples = np.random.default_rng(2).exponential(1.0, 20_000)
    assert tail_of_past(filled(samples), 0.9, 1e-3) == pytest.approx(math.log(1_000), rel=0.25)


def test_a_heavier_past_has_a_farther_tail() -> None:
    rng = np.random.default_rng(3)
    light, heavy = rng.exponential(1.0, 5_000), rng.pareto(2.5, 5_000) + 1.0
    ratio = [tail_of_past(filled(x), 0.95, 1e-5) / quantile_of_past(filled(x), 0.75) for x in (light, heavy)]
    assert ratio[1] > 1.5 * ratio[0]


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=200), st.integers(1, LAG_MAX))
def test_the_kernel_and_its_python_twin_agree(samples: list[float], lag: int) -> None:
    compiled, interpreted = new_past(), new_past()
    for sample in samples:
        add_to_past(compiled, sample, lag)
        add_to_past.py_func(interpreted, sample, lag)
    np.testing.assert_array_equal(compiled, interpreted)


def test_weights_never_overflow() -> None:
    past = new_past()
    past[1] = 1e12
    for _ in range(3):
        add_to_past(past, 1.0, 1)
    assert past[1] <= 1.01
    assert quantile_of_past(past, 0.5) == pytest.approx(1.0, rel=0.1)
