"""The reserve adds up what does not diversify, and says when a part is missing."""

import pytest

from holdfast.error import CallerError
from holdfast.risk.capital.reserve import measure_reserve
from holdfast.risk.missing import Missing

KNOWN = {
    "equity": 100.0,
    "gross": 1_000.0,
    "expected_shortfall": 20.0,
    "worst_scenario_loss": 50.0,
    "unwind_cost": 5.0,
    "credit_loss": 1.0,
}


def test_parts_add_up_and_the_stress_counts_only_beyond_the_market_part() -> None:
    reserve = measure_reserve(**KNOWN)  # type: ignore[arg-type]
    assert (reserve.market, reserve.stress, reserve.operational) == (20.0, 30.0, 2.0)
    assert reserve.total == pytest.approx(58.0)
    assert reserve.surplus == pytest.approx(42.0)
    assert not reserve.is_lower_bound


def test_a_milder_worst_scenario_adds_nothing() -> None:
    assert measure_reserve(**{**KNOWN, "worst_scenario_loss": 10.0}).stress == 0.0  # type: ignore[arg-type]


def test_a_missing_part_makes_it_a_lower_bound() -> None:
    gap = Missing("desk", "depth.absent", "no depth")
    reserve = measure_reserve(**{**KNOWN, "unwind_cost": gap})  # type: ignore[arg-type]
    assert reserve.is_lower_bound
    assert reserve.missing == (gap,)
    assert reserve.total == pytest.approx(53.0)


def test_a_gross_exposure_below_zero_is_refused() -> None:
    with pytest.raises(CallerError):
        measure_reserve(**{**KNOWN, "gross": -1.0})  # type: ignore[arg-type]
