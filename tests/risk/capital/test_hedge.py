"""Hedges: the programme finds what theory says, keeps within its bounds, and says when it cannot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from holdfast.error import CallerError
from holdfast.risk.capital.hedge import Exposure, HedgeProposal, Instrument, propose_hedge
from holdfast.risk.missing import Missing

VARIANCE = 0.04**2


def held(delta: float, gamma: float = 0.0, vega: float = 0.0) -> Exposure:
    covariance = np.array([[VARIANCE, -0.4 * 0.04 * 0.03], [-0.4 * 0.04 * 0.03, 0.03**2]])
    return Exposure(
        factors=("BTC", "BTC volatility"),
        exposure=np.array([delta, vega]),
        gamma=np.array([gamma]),
        covariance=covariance,
    )


def perpetual(cost: float = 0.0, size_max: float = 1e9, margin: float = 0.0) -> Instrument:
    return Instrument(
        name="BTC-PERPETUAL",
        exposure=np.array([1.0, 0.0]),
        gamma=np.zeros(1),
        cost=cost,
        margin=margin,
        size_max=size_max,
    )


def straddle(cost: float = 0.0) -> Instrument:
    return Instrument(
        name="straddle",
        exposure=np.array([0.1, 0.9]),
        gamma=np.array([6.0]),
        cost=cost,
        margin=0.0,
        size_max=1e7,
    )


def proposed(*arguments: object, margin_max: float = 1e12, risk_aversion: float = 1e-5) -> HedgeProposal:
    answer = propose_hedge(*arguments, margin_max=margin_max, risk_aversion=risk_aversion)  # type: ignore[arg-type]
    assert isinstance(answer, HedgeProposal)
    return answer


def test_without_cost_all_delta_is_sold() -> None:
    proposal = proposed(held(1e6), [perpetual()])
    assert proposal.trades[0].size == pytest.approx(-1e6, rel=1e-5)
    assert proposal.deviation_after == pytest.approx(0.0, abs=1.0)


def test_a_position_is_hedged_until_the_next_unit_costs_more_than_it_saves() -> None:
    cost, aversion = 0.0005, 1e-6
    proposal = proposed(held(1e6), [perpetual(cost)], risk_aversion=aversion)
    left = cost / (aversion * VARIANCE)  # first-order condition: aversion x variance x delta = cost
    assert proposal.exposure_after["BTC"] == pytest.approx(left, rel=1e-4)
    assert proposal.cost == pytest.approx(cost * (1e6 - left), rel=1e-4)


def test_a_small_exposure_is_left_alone() -> None:
    assert proposed(held(1e5), [perpetual(0.0005)], risk_aversion=1e-6).trades == ()


def test_gamma_and_vega_are_bought_back_when_it_pays() -> None:
    proposal = proposed(held(2e5, gamma=-6e6, vega=-9e5), [perpetual(), straddle()], risk_aversion=1e-4)
    assert {trade.instrument for trade in proposal.trades} == {"BTC-PERPETUAL", "straddle"}
    assert proposal.exposure_after["BTC volatility"] == pytest.approx(0.0, abs=2e4)
    assert abs(proposal.gamma_after[0]) < 0.05 * 6e6
    assert proposal.deviation_after < 0.05 * proposal.deviation_before


def test_bounds_and_the_margin_budget_hold() -> None:
    assert abs(proposed(held(1e6), [perpetual(size_max=2e5)]).trades[0].size) <= 2e5 * (1 + 1e-7)
    limited = proposed(held(1e6), [perpetual(margin=0.1)], margin_max=3e4)
    assert limited.margin <= 3e4 * (1 + 1e-6)
    assert limited.trades[0].size == pytest.approx(-3e5, rel=1e-4)


@settings(max_examples=40)
@given(st.floats(-5e6, 5e6), st.floats(-1e6, 1e6), st.floats(0.0, 0.002), st.floats(1e-7, 1e-5))
def test_no_other_pair_of_trades_does_better(delta: float, vega: float, cost: float, aversion: float) -> None:
    exposure = held(delta, vega=vega)
    instruments = [perpetual(cost, size_max=1e7), straddle(2.0 * cost)]
    columns = np.column_stack([one.exposure for one in instruments])
    gammas = np.column_stack([one.gamma for one in instruments])

    def objective(sizes: np.ndarray) -> float:
        left, gamma = exposure.exposure + columns @ sizes, exposure.gamma + gammas @ sizes
        variance = left @ exposure.covariance @ left + 0.5 * VARIANCE**2 * gamma @ gamma
        return float(0.5 * aversion * variance + np.abs(sizes) @ np.array([cost, 2.0 * cost]))

    proposal = proposed(exposure, instruments, risk_aversion=aversion)
    ours = np.array(
        [next((t.size for t in proposal.trades if t.instrument == i.name), 0.0) for i in instruments]
    )
    best = min(
        minimize(objective, start, method="Nelder-Mead", options={"xatol": 1.0, "fatol": 1e-6}).fun
        for start in (np.zeros(2), ours, np.array([-delta, 0.0]))
    )
    assert objective(ours) <= best + 1e-5 * (1.0 + abs(objective(np.zeros(2))))


def test_nothing_to_hedge_with_is_said() -> None:
    answer = propose_hedge(held(1e6), [], margin_max=1.0, risk_aversion=1.0)
    assert isinstance(answer, Missing)
    assert answer.code == "hedge.no_instrument"


@pytest.mark.parametrize(
    ("exposure", "instrument", "aversion", "code"),
    [
        (held(float("nan")), perpetual(), 1.0, "hedge.value"),
        (held(1.0), perpetual(), 0.0, "hedge.value"),
        (held(1.0), perpetual(cost=-1.0), 1.0, "hedge.value"),
        (held(1.0), perpetual(size_max=0.0), 1.0, "hedge.value"),
        (
            held(1.0),
            Instrument(name="x", exposure=np.zeros(3), gamma=np.zeros(1), cost=0.0, margin=0.0, size_max=1.0),
            1.0,
            "hedge.shape",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    exposure: Exposure, instrument: Instrument, aversion: float, code: str
) -> None:
    with pytest.raises(CallerError) as caught:
        propose_hedge(exposure, [instrument], margin_max=1.0, risk_aversion=aversion)
    assert caught.value.code == code
