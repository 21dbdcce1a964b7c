"""Allocations: collateral goes where a call is likely, never more than may move, and a call grows no likelier."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.capital.allocation import Allocation, allocate
from holdfast.risk.draws import generator

ONE = np.ones(3)


def headrooms(
    means: list[float], deviations: list[float], seed: int = 1, scenarios: int = 2_000
) -> np.ndarray:
    draws = generator(seed).standard_normal((scenarios, len(means)))
    return np.array(means) + draws * np.array(deviations)


def allocated(headroom: np.ndarray, movable: np.ndarray, **named: object) -> Allocation:
    keywords = {"worth": np.ones(headroom.shape[1]), "cost_share": 0.0, **named}
    answer = allocate(headroom, movable, **keywords)  # type: ignore[arg-type]
    assert isinstance(answer, Allocation)
    return answer


def test_collateral_goes_to_the_account_that_would_be_called() -> None:
    found = allocated(headrooms([10.0, 300.0], [40.0, 40.0]), np.array([0.0, 200.0]))
    assert found.moved[0] > 60.0
    assert found.moved.sum() == pytest.approx(0.0, abs=1e-6)
    assert found.probability_before > 0.3
    assert found.probability_after < 0.01


def test_two_equal_accounts_share_evenly() -> None:
    found = allocated(headrooms([0.0, 0.0, 400.0], [50.0, 50.0, 1.0]), np.array([0.0, 0.0, 300.0]))
    assert found.moved[0] == pytest.approx(found.moved[1], rel=0.15)


def test_it_comes_near_the_best_of_every_split_on_a_grid() -> None:
    headroom = headrooms([5.0, 20.0, 120.0], [20.0, 60.0, 30.0], seed=4)
    found = allocated(headroom, np.array([0.0, 0.0, 110.0]))
    splits = [(a, b, -a - b) for a in np.linspace(0.0, 110.0, 45) for b in np.linspace(0.0, 110.0 - a, 45)]
    best = min(float(((headroom + np.array(split)).min(axis=1) < 0.0).mean()) for split in splits)
    assert found.probability_after <= best + 0.004


def test_a_haircut_where_it_arrives_counts() -> None:
    headroom = headrooms([0.0, 500.0], [10.0, 1.0])
    whole, half = (
        allocated(headroom, np.array([0.0, 100.0]), worth=np.array([w, 1.0])).moved[0] for w in (1.0, 0.5)
    )
    assert half > 1.3 * whole


@settings(max_examples=25)
@given(
    st.lists(st.floats(-50.0, 200.0), min_size=3, max_size=3),
    st.lists(st.floats(0.0, 80.0), min_size=3, max_size=3),
)
def test_no_move_exceeds_what_may_move_and_no_call_grows_likelier(
    means: list[float], movable: list[float]
) -> None:
    found = allocated(headrooms(means, [30.0, 20.0, 10.0], scenarios=300), np.array(movable))
    assert (found.moved >= -np.array(movable) - 1e-9).all()
    assert found.moved.sum() == pytest.approx(0.0, abs=1e-6)
    assert found.probability_after <= found.probability_before


@pytest.mark.parametrize(
    ("headroom", "movable", "worth", "code"),
    [
        (np.zeros(3), ONE, ONE, "allocation.shape"),
        (np.zeros((0, 3)), ONE, ONE, "allocation.shape"),
        (np.full((5, 3), np.nan), ONE, ONE, "allocation.value"),
        (np.zeros((5, 3)), -ONE, ONE, "allocation.value"),
        (np.zeros((5, 3)), ONE, 0.0 * ONE, "allocation.value"),
    ],
)
def test_what_makes_no_sense_is_refused(
    headroom: np.ndarray, movable: np.ndarray, worth: np.ndarray, code: str
) -> None:
    with pytest.raises(CallerError) as caught:
        allocate(headroom, movable, worth=worth, cost_share=0.0)
    assert caught.value.code == code
