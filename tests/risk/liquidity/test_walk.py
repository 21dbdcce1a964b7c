"""Walking a book: by hand, against a plain loop, and books that are none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.liquidity.walk import Walk, mid, walk
from holdfast.risk.market import Depth
from holdfast.risk.missing import Missing

BOOK = Depth(0, np.array([[99.0, 1.0], [98.0, 2.0], [95.0, 3.0]]), np.array([[101.0, 2.0], [103.0, 4.0]]))
EMPTY = np.empty((0, 2))
SIDES = st.lists(
    st.tuples(st.integers(1, 500), st.floats(0.001, 50.0)),
    min_size=1,
    max_size=20,
    unique_by=lambda level: level[0],
)


def book(bids: list[tuple[int, float]], asks: list[tuple[int, float]]) -> Depth:
    return Depth(
        0,
        np.array([[1000.0 - p, s] for p, s in sorted(bids)]),
        np.array([[1000.0 + p, s] for p, s in sorted(asks)]),
    )


def test_a_sale_takes_the_bids_from_the_best_down() -> None:
    result = walk(BOOK, -4.0)
    assert isinstance(result, Walk)
    assert (result.side, result.filled, result.unfilled, result.levels, result.worst) == (
        "sell",
        4.0,
        0.0,
        3,
        95.0,
    )
    assert result.vwap == pytest.approx((99.0 + 2 * 98.0 + 95.0) / 4.0)
    assert result.cost == pytest.approx(4.0 * 100.0 - (99.0 + 2 * 98.0 + 95.0))
    assert result.slippage == pytest.approx(1.0 - result.vwap / 100.0)


def test_a_purchase_takes_the_asks_and_says_what_does_not_fit() -> None:
    result = walk(BOOK, 10.0)
    assert isinstance(result, Walk)
    assert (result.side, result.asked, result.filled, result.unfilled) == ("buy", 10.0, 6.0, 4.0)
    assert result.cost == pytest.approx(2 * 1.0 + 4 * 3.0)


@pytest.mark.parametrize(
    ("depth", "code"),
    [
        (Depth(0, EMPTY, EMPTY), "depth.empty"),
        (Depth(0, BOOK.bids, EMPTY), "depth.empty"),
        (Depth(0, EMPTY, BOOK.asks), "depth.empty"),
        (Depth(0, np.array([[102.0, 1.0]]), np.array([[101.0, 1.0]])), "depth.crossed"),
    ],
)
def test_a_book_without_a_mid_is_refused_with_a_reason(depth: Depth, code: str) -> None:
    for quantity in (-1.0, 1.0):
        result = walk(depth, quantity, where="v:s")
        assert isinstance(result, Missing)
        assert (result.code, result.where) == (code, "v:s")


@pytest.mark.parametrize("quantity", [0.0, float("nan"), float("inf")])
def test_a_quantity_that_is_none_is_refused(quantity: float) -> None:
    with pytest.raises(CallerError, match=r"walk\.quantity"):
        walk(BOOK, quantity)


@pytest.mark.parametrize(
    "bids",
    [
        np.array([[98.0, 1.0], [99.0, 1.0]]),
        np.array([[99.0, -1.0]]),
        np.array([[99.0, np.nan]]),
        np.array([[99.0, 0.0]]),
        np.array([99.0, 1.0]),
    ],
)
def test_levels_that_are_none_are_refused(bids: np.ndarray) -> None:
    with pytest.raises(CallerError, match=r"walk\.depth"):
        mid(Depth(0, bids, BOOK.asks))


@given(SIDES, SIDES, st.floats(0.01, 500.0), st.booleans())
def test_a_walk_equals_a_plain_loop(
    bids: list[tuple[int, float]], asks: list[tuple[int, float]], size: float, buy: bool
) -> None:
    depth = book(bids, asks)
    result = walk(depth, size if buy else -size)
    assert isinstance(result, Walk)
    left, paid = size, 0.0
    for price, rests in depth.asks if buy else depth.bids:
        take = min(left, rests)
        paid += take * price
        left -= take
    assert result.unfilled == pytest.approx(left, abs=1e-9)
    assert result.vwap == pytest.approx(paid / (size - left), rel=1e-9)
    assert result.cost >= 0.0


@given(SIDES, SIDES, st.floats(0.01, 500.0), st.floats(0.01, 500.0))
def test_more_never_costs_less(
    bids: list[tuple[int, float]], asks: list[tuple[int, float]], a: float, b: float
) -> None:
    depth = book(bids, asks)
    small, large = (walk(depth, -size) for size in sorted((a, b)))
    assert isinstance(small, Walk)
    assert isinstance(large, Walk)
    assert small.cost <= large.cost + 1e-9
    assert small.slippage <= large.slippage + 1e-12
