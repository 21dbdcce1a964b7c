"""Hazard curves: QuantLib's bootstrap, the credit triangle, and quotes that no issuer has."""

import math

import numpy as np
import pytest
import QuantLib
from hypothesis import given
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.credit.curve import HazardCurve, flat, from_spreads
from holdfast.risk.missing import Missing


@pytest.mark.parametrize("rate", [0.0, 0.03, 0.10])
@pytest.mark.parametrize("recovery", [0.0, 0.4, 0.7])
def test_survival_equals_quantlibs_bootstrap_from_the_same_swaps(rate: float, recovery: float) -> None:
    tenors, spreads = (1.0, 2.0, 3.0, 5.0, 7.0), (0.010, 0.014, 0.017, 0.021, 0.023)
    ours = from_spreads(tenors, spreads, recovery=recovery, rate=rate)
    assert isinstance(ours, HazardCurve)
    today = QuantLib.Date(1, 1, 2025)
    QuantLib.Settings.instance().evaluationDate = today
    # a year of four quarters of exactly equal length: 30/360 dates on a calendar without holidays
    count = QuantLib.Thirty360(QuantLib.Thirty360.BondBasis)
    discount = QuantLib.YieldTermStructureHandle(
        QuantLib.FlatForward(today, rate, count, QuantLib.Continuous)
    )
    helpers = [
        QuantLib.SpreadCdsHelper(
            QuantLib.QuoteHandle(QuantLib.SimpleQuote(spread)),
            QuantLib.Period(round(tenor), QuantLib.Years),
            0,
            QuantLib.NullCalendar(),
            QuantLib.Quarterly,
            QuantLib.Unadjusted,
            QuantLib.DateGeneration.Forward,
            count,
            recovery,
            discount,
            True,
            True,
            QuantLib.Date(),
            count,
            False,
        )
        for tenor, spread in zip(tenors, spreads, strict=True)
    ]
    theirs = QuantLib.PiecewiseFlatHazardRate(today, helpers, count)
    theirs.enableExtrapolation()
    for years in (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0):
        date = today + QuantLib.Period(round(12 * years), QuantLib.Months)
        # QuantLib takes defaults at the middle of each period: equal but for that
        assert float(ours.survival(years)) == pytest.approx(theirs.survivalProbability(date), abs=3e-5)


def test_one_flat_spread_is_near_the_credit_triangle() -> None:
    curve = from_spreads((1.0, 3.0, 5.0), (0.02,) * 3, recovery=0.4)
    assert isinstance(curve, HazardCurve)
    assert max(curve.hazards) - min(curve.hazards) < 1e-12
    assert curve.hazards[0] == pytest.approx(0.02 / 0.6, rel=0.002)


@given(st.lists(st.floats(0.0005, 0.3), min_size=1, max_size=5))
def test_whatever_the_quotes_survival_falls_or_the_quotes_are_refused(spreads: list[float]) -> None:
    result = from_spreads([float(n + 1) for n in range(len(spreads))], spreads)
    if isinstance(result, Missing):
        assert result.code == "hazard.arbitrage"
        return
    survival = result.survival(np.linspace(0.0, 8.0, 33))
    assert survival[0] == 1.0
    assert (np.diff(survival) <= 0.0).all()


def test_a_curve_that_must_fall_below_zero_hazard_is_refused_by_name() -> None:
    result = from_spreads((1.0, 2.0), (0.20, 0.05))
    assert isinstance(result, Missing)
    assert result.where == "tenor 2 years"


def test_hazards_hold_between_tenors_and_the_last_goes_on() -> None:
    curve = HazardCurve((1.0, 3.0), (0.1, 0.2))
    for years, total in ((0.5, 0.05), (1.0, 0.1), (2.0, 0.3), (3.0, 0.5), (10.0, 1.9)):
        assert float(curve.survival(years)) == pytest.approx(math.exp(-total), rel=1e-15)
    assert curve.default_probabilities(np.array([0.0, 1.0, 2.0])).sum() == pytest.approx(1 - math.exp(-0.3))


@pytest.mark.parametrize(
    ("tenors", "hazards", "recovery"),
    [
        ((), (), 0.4),
        ((1.0,), (0.1, 0.2), 0.4),
        ((0.0,), (0.1,), 0.4),
        ((2.0, 1.0), (0.1, 0.1), 0.4),
        ((1.0,), (-0.1,), 0.4),
        ((1.0,), (0.1,), 1.0),
    ],
)
def test_a_curve_that_is_none_is_refused(
    tenors: tuple[float, ...], hazards: tuple[float, ...], recovery: float
) -> None:
    with pytest.raises(CallerError, match=r"hazard\.curve"):
        HazardCurve(tenors, hazards, recovery)


@pytest.mark.parametrize(
    ("tenors", "spreads"),
    [((), ()), ((1.0,), (-0.01,)), ((1.0, 1.0), (0.01, 0.01)), ((0.3,), (0.01,)), ((1.0,), (0.01, 0.02))],
)
def test_spreads_that_are_none_are_refused(tenors: tuple[float, ...], spreads: tuple[float, ...]) -> None:
    with pytest.raises(CallerError, match=r"hazard\.spreads"):
        from_spreads(tenors, spreads)


def test_an_assumed_hazard_is_flat() -> None:
    assert float(flat(0.3).survival(2.0)) == pytest.approx(math.exp(-0.6))
