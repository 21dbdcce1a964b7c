"""Thinning keeps every peak, and stairs never show a value before its time."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.app.report.thin import COLUMNS, HEIGHT, WIDTH, across, columns, down, stairs, thin
from holdfast.app.report.words import TICKS_MAX, duration, figure, time_ticks, value_ticks

VALUES = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=400)


@given(VALUES)
def test_what_is_kept_has_every_columns_lowest_highest_and_last(values: list[float]) -> None:
    array = np.array(values)
    column = columns(np.arange(len(values), dtype=np.int64), (0, len(values)), 7)
    kept = thin(array, column)
    assert np.all(np.diff(kept) > 0)
    for one in np.unique(column):
        inside, left = array[column == one], array[kept[column[kept] == one]]
        assert np.array_equal(inside[-1:], left[-1:], equal_nan=True)
        if np.isfinite(inside).any():
            assert np.nanmin(left) == np.nanmin(inside)
            assert np.nanmax(left) == np.nanmax(inside)


def test_a_day_of_seconds_becomes_about_two_thousand_points_and_keeps_a_single_spike() -> None:
    time_ns = np.arange(86_400, dtype=np.int64) * 10**9
    values = np.random.default_rng(1).normal(0.0, 1.0, len(time_ns))
    values[54_321] = 99.0
    kept = thin(values, columns(time_ns, (0, int(time_ns[-1]))))
    assert len(kept) <= 3 * COLUMNS + 2
    assert 54_321 in kept


def test_a_silence_breaks_the_curve() -> None:
    values = np.array([1.0, 2.0, np.nan, np.nan, 3.0])
    path = stairs(np.array([0, 10, 20, 30, 40]), down(values, 0.0, 4.0), 50, is_area=False)
    assert path == "M0 750h10v-250h10M40 250H50"


def test_a_value_holds_until_the_next_one() -> None:
    path = stairs(np.array([0, 5_000]), np.array([900, 100]), 10_000, is_area=True)
    assert path == f"M0 {HEIGHT}V900h5000v-800H10000V{HEIGHT}z"


@given(VALUES)
def test_a_path_ends_where_its_values_end(values: list[float]) -> None:
    x = across(np.arange(len(values), dtype=np.int64), (0, max(len(values) - 1, 1)))
    path = stairs(x, down(np.array(values), -1e6, 1e6), WIDTH, is_area=False)
    at = 0
    for letter, number in re.findall(r"([MhH])(\d+)", path):
        at = at + int(number) if letter == "h" else int(number)
        assert 0 <= at <= WIDTH
    assert path.endswith(f"H{WIDTH}") == np.isfinite(values[-1])


@pytest.mark.parametrize("seconds", [0.5, 3, 61, 5_000, 90_000, 3_000_000, 90_000_000])
def test_time_ticks_are_round_few_and_inside(seconds: float) -> None:
    span = (1_760_130_123_456_789_012, 1_760_130_123_456_789_012 + int(seconds * 1e9))
    ticks = time_ticks(span)
    assert len(ticks) <= TICKS_MAX + 1 or seconds > 10_000_000
    assert all(span[0] <= at <= span[1] for at, _ in ticks)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_value_ticks_are_few_and_inside(low: float, width: float) -> None:
    ticks = value_ticks(low, low + width)
    assert len(ticks) <= 6
    assert all(low - width * 1e-6 <= value <= low + width * 1.000001 for value in ticks)


def test_figures_and_durations_read_well() -> None:
    assert [figure(v) for v in (0, 0.0, -1234.5678, 3e20, True, float("inf"))] == [
        "0",
        "0",
        "-1,234.57",
        "3e+20",
        "True",
        "inf",
    ]
    assert [duration(s * 1e9) for s in (0.001, 59.9, 60, 86_400, 90_061)] == [
        "0.001 s",
        "59.9 s",
        "1 min",
        "1 d",
        "1 d 1 h",
    ]
