"""Almgren-Chriss: the paper's example, published tables of it, and a solver that knows no closed form."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.liquidity.almgren_chriss import Execution, frontier, schedule

# the paper's table 1: 1,000,000 shares at 50, 5 days, 30 % a year, spread 1/8, daily volume 5 million
PAPER = Execution(volatility=0.95, fixed_cost=0.0625, permanent=2.5e-7, temporary=2.5e-6)
SHARES, DAYS, STEPS = 1e6, 5.0, 5


@pytest.mark.parametrize(
    ("aversion", "mean", "variance", "penalty", "half_life"),
    [  # millions; DROP's AlmgrenChriss run of the paper's example
        (1e-9, 0.6625, 1.0812, 0.6636, 51.30),
        (2e-9, 0.6625, 1.0794, 0.6647, 36.27),
        (5e-9, 0.6625, 1.0740, 0.6679, 22.94),
        (9e-9, 0.6626, 1.0669, 0.6722, 17.10),
    ],
)
def test_the_papers_example_costs_what_others_computed(
    aversion: float, mean: float, variance: float, penalty: float, half_life: float
) -> None:
    result = schedule(PAPER, SHARES, DAYS, STEPS, aversion)
    assert result.cost / 1e6 == pytest.approx(mean, abs=5.1e-5)
    assert result.deviation**2 / 1e12 == pytest.approx(variance, abs=5.1e-5)
    assert (result.cost + aversion * result.deviation**2) / 1e6 == pytest.approx(penalty, abs=5.1e-5)
    assert result.half_life_days == pytest.approx(half_life, abs=0.05)


def test_the_papers_kappa_is_0_61_a_day() -> None:
    squared = 1e-6 * 0.95**2 / (2.5e-6 - 0.5 * 2.5e-7)
    assert math.sqrt(squared) == pytest.approx(0.61, abs=0.01)
    assert schedule(PAPER, SHARES, DAYS, 5_000, 1e-6).half_life_days == pytest.approx(
        1.0 / math.sqrt(1e-6 * 0.95**2 / 2.5e-6), rel=1e-3
    )


def test_selling_evenly_and_all_at_once_are_the_ends_of_the_frontier() -> None:
    even = schedule(PAPER, SHARES, DAYS, STEPS, 0.0)
    assert np.allclose(even.sales, SHARES / STEPS)
    assert even.cost == pytest.approx(0.5 * 2.5e-7 * 1e12 + 0.0625 * 1e6 + (2.5e-6 - 1.25e-7) * 1e12 / 5)
    assert even.half_life_days == math.inf
    at_once = schedule(PAPER, SHARES, DAYS, STEPS, 1e6)
    assert at_once.sales[0] == pytest.approx(SHARES)
    assert at_once.deviation == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize("aversion", [1e-8, 1e-6, 2e-6, 1e-4])
@pytest.mark.parametrize("steps", [3, 20])
def test_no_other_schedule_is_better(aversion: float, steps: int) -> None:
    result = schedule(PAPER, SHARES, DAYS, steps, aversion)
    # minimise the quadratic in the holdings between the ends directly
    step = DAYS / steps
    eta = PAPER.temporary - 0.5 * PAPER.permanent * step
    difference = np.zeros((steps, steps - 1))
    for row in range(steps):
        if row < steps - 1:
            difference[row, row] = 1.0
        if row:
            difference[row, row - 1] = -1.0
    fixed = np.zeros(steps)
    fixed[0] = -SHARES
    hessian = eta / step * difference.T @ difference + aversion * PAPER.volatility**2 * step * np.eye(
        steps - 1
    )
    held = np.linalg.solve(hessian, -eta / step * difference.T @ fixed)
    assert np.allclose(result.holdings[1:-1], held, rtol=1e-9, atol=1e-3)


@given(st.floats(0.0, 1e-3), st.floats(0.0, 1e-3))
@example(0.0, 5e-10)  # numpy and math round expm1 differently here
def test_the_frontier_trades_cost_for_risk(a: float, b: float) -> None:
    patient, hasty = frontier(PAPER, SHARES, DAYS, 10, (a, b))
    assert patient.cost <= hasty.cost * (1.0 + 1e-12)
    assert patient.deviation >= hasty.deviation * (1.0 - 1e-9) - 1e-9
    assert (np.diff(hasty.holdings) <= 1e-9).all()
    assert (hasty.holdings[0], hasty.holdings[-1]) == (SHARES, 0.0)


def test_a_short_is_bought_back_at_the_same_cost() -> None:
    sold, bought = (schedule(PAPER, quantity, DAYS, STEPS, 1e-6) for quantity in (SHARES, -SHARES))
    assert sold.cost == pytest.approx(bought.cost, rel=1e-12)
    assert np.allclose(sold.holdings, -bought.holdings)


def test_the_shortfall_is_the_cost_and_so_many_deviations() -> None:
    result = schedule(PAPER, SHARES, DAYS, STEPS, 1e-6)
    assert result.shortfall(0.95) == pytest.approx(
        result.cost + NormalDist().inv_cdf(0.95) * result.deviation
    )


@pytest.mark.parametrize(
    ("quantity", "days", "steps", "aversion"),
    [(math.nan, 1.0, 1, 0.0), (1.0, 0.0, 1, 0.0), (1.0, 1.0, 0, 0.0), (1.0, 1.0, 1, -1.0)],
)
def test_an_order_that_is_none_is_refused(quantity: float, days: float, steps: int, aversion: float) -> None:
    with pytest.raises(CallerError, match=r"execution\.order"):
        schedule(PAPER, quantity, days, steps, aversion)


def test_steps_too_long_and_markets_that_are_none_are_refused() -> None:
    with pytest.raises(CallerError, match=r"execution\.step"):
        schedule(Execution(volatility=1.0, fixed_cost=0.0, permanent=1e-5, temporary=1e-6), 1.0, 5.0, 1, 0.0)
    for wrong in ({"volatility": -1.0}, {"temporary": 0.0}, {"permanent": -1e-7}, {"fixed_cost": math.nan}):
        terms = {"volatility": 1.0, "fixed_cost": 0.0, "permanent": 0.0, "temporary": 1e-6} | wrong
        with pytest.raises(CallerError, match=r"execution\.market"):
            Execution(**terms)
