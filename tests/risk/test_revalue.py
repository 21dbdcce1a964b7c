"""The revaluation cube beside plain formulas, one leg and one scenario at a time."""

import math

import numba
import numpy as np
import pytest
import QuantLib
from numpy.typing import NDArray
from scipy.special import ndtr

from holdfast.error import CallerError
from holdfast.risk import revalue
from holdfast.risk.draws import generator
from holdfast.risk.legs import (
    AMERICAN,
    BARRIER,
    CASH,
    DIGITAL,
    INVERSE,
    LEG,
    LINEAR,
    OPTION,
    OPTION_INVERSE,
    Legs,
)
from holdfast.risk.pricing.payoff import payoff_price
from holdfast.risk.shock import REFERENCE_YEARS, VOLATILITY_MIN, WEIGHT_MAX, Shocks, no_shocks

PRICES = (1.0, 60_000.0, 3_000.0, 0.999)  # USD, BTC, ETH, USDT


def legs_of(rows: NDArray[np.void], prices: tuple[float, ...] = PRICES) -> Legs:
    names = ("USD", "BTC", "ETH", "USDT")[: len(prices)]
    return Legs(
        legs=rows,
        assets=names,
        prices=np.array(prices),
        accounts=(("deribit", "main"), ("binance", "main")),
        names=tuple(str(number) for number in range(len(rows))),
        missing=(),
    )


ALL_BUT_EXOTIC = (CASH, LINEAR, INVERSE, OPTION, OPTION_INVERSE, DIGITAL)


def random_legs(count: int, seed: int, kinds: tuple[int, ...] = ALL_BUT_EXOTIC) -> Legs:
    draw = generator(seed)
    prices = np.array(PRICES)
    rows = np.zeros(count, dtype=LEG)
    rows["kind"] = draw.choice(kinds, count)
    rows["asset"] = draw.integers(1, 3, count)
    rows["account"] = draw.integers(0, 2, count)
    coin = np.isin(rows["kind"], (INVERSE, OPTION_INVERSE))
    rows["quote"] = np.where(coin, 0, draw.choice([0, 3], count))
    rows["settle"] = np.where(coin | (rows["kind"] == CASH), rows["asset"], rows["quote"])
    price = prices[rows["asset"]] / prices[rows["quote"]]
    rows["quantity"] = draw.normal(0.0, 1.0, count) * np.where(rows["kind"] == INVERSE, 1e5, 1e5 / price)
    rows["years"] = draw.uniform(0.003, 1.5, count)
    rows["ratio"] = np.where(rows["kind"] == CASH, 1.0, np.exp(0.06 * rows["years"]))
    rows["entry"] = price * np.exp(draw.normal(0.0, 0.1, count))
    rows["strike"] = price * np.exp(draw.normal(0.0, 0.25, count))
    rows["volatility"] = draw.uniform(0.3, 1.4, count)
    rows["slope"] = draw.normal(-0.1, 0.1, count)
    rows["sign"] = draw.choice([-1.0, 1.0], count)
    rows["discount"] = np.exp(-0.04 * rows["years"])
    return legs_of(rows)


def random_shocks(count: int, seed: int, *, bent: bool = False, **named: float | bool) -> Shocks:
    draw = generator(seed)
    shocks = no_shocks(count, len(PRICES), **named)
    shocks.spot_log[:, 1:3] = draw.normal(0.0, 0.15, (count, 2))
    shocks.spot_log[:, 3] = draw.normal(0.0, 0.02, count)
    shocks.volatility_shift[:, 1:3] = draw.normal(0.0, 0.3, (count, 2))
    shocks.basis_log[:, 1:3] = draw.normal(0.0, 0.01, (count, 2))
    if bent:
        shocks.skew_shift[:, 1:3] = draw.normal(0.0, 0.03, (count, 2))
        shocks.rate_shift[:, 1:3] = draw.normal(0.0, 0.02, (count, 2))
    return shocks


def plain_value(leg: np.void, prices: NDArray[np.float64], shocks: Shocks, s: int) -> float:
    """Value one leg in one scenario as the rules of `shock.py` and `legs.py` say it, in plain Python."""
    asset, quote = leg["asset"], leg["quote"]
    settle = prices[leg["settle"]] * math.exp(shocks.spot_log[s, leg["settle"]])
    if leg["kind"] == CASH:
        return leg["quantity"] * settle
    move = shocks.spot_log[s, asset] - shocks.spot_log[s, quote]
    forward = leg["ratio"] * prices[asset] / prices[quote] * math.exp(move)
    mark = forward * math.exp(shocks.basis_log[s, asset])
    if leg["kind"] == LINEAR:
        return leg["quantity"] * (mark - leg["entry"]) * settle
    if leg["kind"] == INVERSE:
        return leg["quantity"] * (1.0 / leg["entry"] - 1.0 / mark) * settle
    left = max(leg["years"] - shocks.horizon_years, 0.0)
    rate = shocks.rate_shift[s, asset]
    forward *= math.exp(rate * left)
    weight = min((REFERENCE_YEARS / leg["years"]) ** shocks.term_power, WEIGHT_MAX)
    volatility = leg["volatility"] * (1.0 + shocks.volatility_shift[s, asset] * weight)
    volatility += shocks.skew_shift[s, asset] * math.log(leg["strike"] / forward) / math.sqrt(leg["years"])
    if shocks.sticky_moneyness:
        volatility -= leg["slope"] * (move + rate * left)
    volatility = max(volatility, VOLATILITY_MIN)
    discount = leg["discount"] ** (left / leg["years"])
    if leg["kind"] != OPTION_INVERSE:
        discount *= math.exp(-rate * left)
    deviation = volatility * math.sqrt(left)
    d1 = math.log(forward / leg["strike"]) / deviation + 0.5 * deviation if deviation > 0.0 else math.nan
    sign = leg["sign"]
    if leg["kind"] in (AMERICAN, BARRIER):
        spot = prices[asset] / prices[quote] * math.exp(move) * leg["ratio"] ** (1.0 - left / leg["years"])
        return leg["quantity"] * settle * payoff_price(
            leg["kind"], forward, leg["strike"], left, volatility, sign, discount, leg["barrier"],
            leg["barrier_type"], leg["rebate"], spot,
        )  # fmt: skip
    if leg["kind"] == DIGITAL:
        likely = (
            ndtr(sign * (d1 - deviation))
            if deviation > 0.0
            else float(sign * (forward - leg["strike"]) > 0.0)
        )
        return leg["quantity"] * discount * likely * settle
    if deviation > 0.0:
        price = sign * (forward * ndtr(sign * d1) - leg["strike"] * ndtr(sign * (d1 - deviation)))
    else:
        price = max(sign * (forward - leg["strike"]), 0.0)
    if leg["kind"] == OPTION_INVERSE:
        price /= forward
    return leg["quantity"] * discount * price * settle


def plain_values(legs: Legs, shocks: Shocks) -> NDArray[np.float64]:
    return np.array(
        [[plain_value(leg, legs.prices, shocks, s) for leg in legs.legs] for s in range(shocks.count)]
    )


@pytest.mark.parametrize("bent", [False, True])
@pytest.mark.parametrize(
    "named",
    [{}, {"sticky_moneyness": True, "term_power": 0.3}, {"horizon_years": 0.1}],
    ids=["plain", "sticky moneyness", "horizon"],
)
def test_every_kind_under_every_shock_is_what_the_plain_formulas_say(
    bent: bool, named: dict[str, float]
) -> None:
    legs, shocks = random_legs(80, 3), random_shocks(40, 4, bent=bent, **named)
    ours, plain = revalue.leg_values(legs, shocks), plain_values(legs, shocks)
    notional = np.abs(legs.legs["quantity"]) * np.where(legs.legs["kind"] == INVERSE, 1.0, 7e4)
    assert (np.abs(ours - plain) <= 1e-14 * notional + 1e-12 * np.abs(plain)).all()


@pytest.mark.parametrize("bent", [False, True])
def test_american_and_barrier_legs_are_what_pricing_says(bent: bool) -> None:
    legs = random_legs(12, 5, (AMERICAN, BARRIER))
    legs.legs["quantity"] = np.sign(legs.legs["quantity"])
    legs.legs["barrier"] = legs.legs["strike"] * 0.8
    legs.legs["barrier_type"] = 1
    shocks = random_shocks(10, 6, bent=bent, horizon_years=0.001)
    assert revalue.leg_values(legs, shocks) == pytest.approx(plain_values(legs, shocks), rel=1e-9, abs=1e-9)


def test_an_option_is_worth_what_quantlib_says() -> None:
    legs = random_legs(200, 7, (OPTION,))
    legs.legs["quote"] = legs.legs["settle"] = 0
    ours = revalue.values(legs)
    for leg, value in zip(legs.legs, ours, strict=True):
        forward = leg["ratio"] * PRICES[leg["asset"]]
        side = QuantLib.Option.Call if leg["sign"] > 0 else QuantLib.Option.Put
        deviation = leg["volatility"] * math.sqrt(leg["years"])
        theirs = leg["quantity"] * QuantLib.blackFormula(
            side, leg["strike"], forward, deviation, leg["discount"]
        )
        assert abs(value - theirs) <= 2e-15 * forward * abs(leg["quantity"]) * 10


def test_the_total_is_the_sum_of_the_legs_and_of_any_groups() -> None:
    legs, shocks = random_legs(60, 8), random_shocks(1_100, 9)  # more than two blocks
    cells = revalue.leg_values(legs, shocks)
    scale = np.abs(cells).sum(axis=1)
    assert (np.abs(revalue.totals(legs, shocks) - cells.sum(axis=1)) <= 1e-14 * scale).all()
    groups = revalue.profits_by(legs, shocks, legs.legs["account"], 2)
    assert groups.shape == (2, 1_100)
    assert (np.abs(groups.sum(axis=0) - revalue.profits(legs, shocks)) <= 1e-13 * scale).all()
    mine = legs.legs["account"] == 1
    alone = cells[:, mine].sum(axis=1) - revalue.values(legs)[mine].sum()
    assert (np.abs(groups[1] - alone) <= 1e-13 * scale).all()


def test_groups_that_do_not_fit_the_legs_are_refused() -> None:
    legs = random_legs(5, 10)
    for groups in (np.zeros(4, dtype=np.int64), np.full(5, 2), np.full(5, -1)):
        with pytest.raises(CallerError, match=r"legs\.groups"):
            revalue.profits_by(legs, no_shocks(1, 4), groups, 2)


def test_shocks_of_a_wrong_shape_or_that_are_no_numbers_are_refused() -> None:
    legs = random_legs(5, 11)
    with pytest.raises(CallerError, match=r"shocks\.shape"):
        revalue.profits(legs, no_shocks(3, 2))
    for wrong in (math.nan, math.inf, 800.0):
        shocks = no_shocks(3, 4)
        shocks.spot_log[1, 1] = wrong
        with pytest.raises(CallerError, match=r"shocks\.unfinite"):
            revalue.profits(legs, shocks)


def test_no_legs_are_worth_nothing() -> None:
    legs = legs_of(np.zeros(0, dtype=LEG))
    assert revalue.values(legs).shape == (0,)
    assert revalue.profits(legs, random_shocks(3, 1)).tolist() == [0.0, 0.0, 0.0]


def test_profits_scale_with_quantities_and_add_over_legs_in_any_order() -> None:
    legs, shocks = random_legs(50, 12), random_shocks(300, 13)
    whole = revalue.profits(legs, shocks)
    scale = np.abs(revalue.leg_values(legs, shocks)).sum(axis=1)
    doubled = legs.legs.copy()
    doubled["quantity"] *= 2.0
    assert (np.abs(revalue.profits(legs_of(doubled), shocks) - 2.0 * whole) <= 1e-14 * scale).all()
    parts = sum(revalue.profits(legs_of(legs.legs[half]), shocks) for half in (slice(0, 20), slice(20, 50)))
    assert (np.abs(parts - whole) <= 1e-13 * scale).all()
    assert (np.abs(revalue.profits(legs_of(legs.legs[::-1].copy()), shocks) - whole) <= 1e-13 * scale).all()


def test_prices_and_strikes_in_another_unit_change_nothing_relative() -> None:
    legs, shocks = random_legs(40, 14, (OPTION, LINEAR, DIGITAL, OPTION_INVERSE)), random_shocks(50, 15)
    rows = legs.legs.copy()
    for name in ("strike", "entry"):
        rows[name] *= 8.0  # a power of two: the same digits
    rows["quantity"] /= np.where(rows["kind"] == DIGITAL, 1.0, 8.0)
    rows["quantity"] *= np.where(rows["kind"] == OPTION_INVERSE, 1.0, 1.0)
    scaled = legs_of(rows, (1.0, 8.0 * 60_000.0, 8.0 * 3_000.0, 0.999))
    assert revalue.leg_values(scaled, shocks) == pytest.approx(revalue.leg_values(legs, shocks), rel=1e-12)


def test_the_same_bits_come_back_whatever_the_thread_count() -> None:
    legs, shocks = random_legs(30, 16), random_shocks(3_000, 17, bent=True)
    many = revalue.profits(legs, shocks)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert revalue.profits(legs, shocks).tobytes() == many.tobytes()
    finally:
        numba.set_num_threads(before)


def test_moves_of_zero_cost_the_same_as_none() -> None:
    legs = random_legs(40, 18)
    bent = no_shocks(2, 4)
    bent.skew_shift[0, 1] = 0.1  # the second scenario has no move, but goes through the bent rows
    assert revalue.leg_values(legs, bent)[1] == pytest.approx(revalue.values(legs), rel=1e-13)


def test_a_put_and_a_call_differ_by_the_forward_in_every_scenario() -> None:
    calls = random_legs(30, 19, (OPTION,))
    puts, forwards = calls.legs.copy(), calls.legs.copy()
    calls.legs["sign"], puts["sign"] = 1.0, -1.0
    forwards["kind"], forwards["entry"] = LINEAR, calls.legs["strike"]
    forwards["quantity"] *= calls.legs["discount"]
    shocks = random_shocks(50, 20)
    shocks.basis_log[:] = 0.0
    call, put, forward = (revalue.leg_values(legs_of(rows), shocks) for rows in (calls.legs, puts, forwards))
    assert (np.abs(call - put - forward) <= 1e-9).all()


def test_a_depegged_quote_currency_raises_its_prices_and_lowers_what_they_pay() -> None:
    rows = np.zeros(1, dtype=LEG)
    rows["kind"], rows["asset"], rows["quote"], rows["settle"] = LINEAR, 1, 3, 3
    rows["quantity"], rows["ratio"], rows["entry"] = 1.0, 1.0, 60_000.0 / 0.999
    shocks = no_shocks(1, 4)
    shocks.spot_log[0, 3] = math.log(0.9)
    assert revalue.profits(legs_of(rows), shocks)[0] == pytest.approx(60_000.0 * (1.0 - 0.9))
