"""The book: sorted arrays against a plain dictionary."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.market.book import LEVELS_MAX, depth_within, find_level, set_level

CHANGES = st.lists(st.tuples(st.integers(-60, 60), st.integers(0, 5)), max_size=300)


def empty() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(LEVELS_MAX, dtype=np.int64), np.zeros(LEVELS_MAX, dtype=np.int64)


@given(CHANGES)
def test_a_side_equals_a_dictionary_after_any_changes(changes: list[tuple[int, int]]) -> None:
    keys, sizes = empty()
    count, plain = 0, {}
    for key, size in changes:
        count = set_level(keys, sizes, count, key, size)
        if size:
            plain[key] = size
        else:
            plain.pop(key, None)
        assert dict(zip(keys[:count].tolist(), sizes[:count].tolist(), strict=True)) == plain
        assert (np.diff(keys[:count]) > 0).all()


@given(CHANGES)
@settings(max_examples=20)
def test_the_kernel_and_its_python_twin_agree(changes: list[tuple[int, int]]) -> None:
    compiled, interpreted = empty(), empty()
    counts = [0, 0]
    for key, size in changes:
        counts[0] = set_level(*compiled, counts[0], key, size)
        counts[1] = set_level.py_func(*interpreted, counts[1], key, size)
    assert counts[0] == counts[1]
    np.testing.assert_array_equal(compiled[0], interpreted[0])


@given(st.sets(st.integers(-1000, 1000), max_size=100), st.integers(-1001, 1001))
def test_find_level_finds_the_first_key_not_below(keys: set[int], key: int) -> None:
    row = np.array(sorted(keys), dtype=np.int64)
    assert find_level(row, len(row), key) == int(np.searchsorted(row, key))


def test_a_full_side_drops_its_farthest_level() -> None:
    keys, sizes = empty()
    count = 0
    for key in range(LEVELS_MAX):
        count = set_level(keys, sizes, count, key, 1)
    dropped = set_level(keys, sizes, count, LEVELS_MAX, 7)
    assert dropped == -1 - LEVELS_MAX
    assert keys[0] == 1
    assert keys[LEVELS_MAX - 1] == LEVELS_MAX
    assert sizes[LEVELS_MAX - 1] == 7


def test_a_level_beyond_a_full_side_is_the_one_that_drops() -> None:
    keys, sizes = empty()
    count = 0
    for key in range(LEVELS_MAX):
        count = set_level(keys, sizes, count, key, 1)
    assert set_level(keys, sizes, count, -5, 7) == -1 - LEVELS_MAX
    assert keys[0] == 0


def test_depth_beyond_the_horizon_is_unknown_not_zero() -> None:
    keys, sizes = empty()
    count = 0
    for price, size in ((100, 2), (99, 3), (95, 10)):
        count = set_level(keys, sizes, count, price, size)
    depths = np.zeros(3)
    depth_within(keys, sizes, count, 95, np.array([100, 95, 90]), depths)
    assert depths[0] == 200.0
    assert depths[1] == 200.0 + 297.0 + 950.0
    assert np.isnan(depths[2])
