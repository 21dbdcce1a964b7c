"""Implied volatility: to machine precision within six deviations, at every edge, and what has none."""

import math

import numpy as np
import pytest
import QuantLib as ql
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erfcx

from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.pricing.black76 import black76_price
from holdfast.risk.pricing.implied_volatility import (
    implied_deviation,
    implied_volatilities,
    implied_volatility,
)
from holdfast.risk.pricing.refusal import (
    ABOVE_MAXIMUM,
    BELOW_INTRINSIC,
    EXPIRED,
    NOT_A_NUMBER,
    NOT_POSITIVE,
    PRICED,
)

ROOT_HALF = math.sqrt(0.5)


# x, beta and the deviation s of that very beta: computed in 60 digits, at 0 to 6 deviations for six sizes of s
EXACT = (
    (-0.0, 3.98942280401416e-07, 1e-06),
    (-1e-08, 3.939622273492118e-07, 1e-06),
    (-6e-07, 1.6867273224174413e-07, 1e-06),
    (-2e-06, 8.490702616828802e-09, 1e-06),
    (-4e-06, 7.1452584324048535e-12, 1e-06),
    (-6e-06, 1.563569795970776e-16, 1e-06),
    (-0.0, 0.0003989422637788383, 0.001),
    (-1e-05, 0.00039396221072910667, 0.001),
    (-0.0006, 0.0001686727208874885, 0.001),
    (-0.002, 8.490701782323178e-06, 0.001),
    (-0.004, 7.1452576196519285e-09, 0.001),
    (-0.006, 1.5635696097078174e-13, 0.001),
    (-0.0, 0.011967819617124462, 0.03),
    (-0.0003, 0.011818418092317767, 0.03),
    (-0.018, 0.005059875413441185, 0.03),
    (-0.06, 0.00025469854786534893, 0.03),
    (-0.12, 2.1433580975131165e-07, 0.03),
    (-0.18, 4.690206504394472e-12, 0.03),
    (-0.0, 0.039877611676744924, 0.1),
    (-0.001, 0.03937960884362347, 0.10000000000000002),
    (-0.06, 0.016855923650949123, 0.1),
    (-0.2, 0.0008482361813871328, 0.1),
    (-0.4, 7.137135548661276e-07, 0.1),
    (-0.6000000000000001, 1.5617082756512756e-11, 0.1),
    (-0.0, 0.27366130235123814, 0.7),
    (-0.006999999999999999, 0.27017610469869346, 0.6999999999999998),
    (-0.42, 0.11425414036094964, 0.7),
    (-1.4, 0.005664300297486852, 0.7),
    (-2.8, 4.730586231710865e-06, 0.7),
    (-4.199999999999999, 1.0324430991294248e-10, 0.7),
    (-0.0, 0.7887004526662895, 2.5),
    (-0.025, 0.7762845764107864, 2.5000000000000004),
    (-1.5, 0.28249278146544643, 2.5),
    (-5.0, 0.011573101813892869, 2.5),
    (-10.0, 8.790724596596527e-06, 2.5),
    (-15.0, 1.85762450945086e-10, 2.5),
)


def _normalised(x: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Return the normalised price b(x, s) from scipy's scaled complementary error function."""
    h, t = x / s, 0.5 * s
    scaled = erfcx(-(h + t) * ROOT_HALF) - erfcx(-(h - t) * ROOT_HALF)
    return 0.5 * np.exp(-0.5 * (h * h + t * t)) * scaled


@pytest.mark.parametrize(("x", "beta", "s"), EXACT)
def test_the_deviation_is_right_to_the_last_digits(x: float, beta: float, s: float) -> None:
    assert implied_deviation(x, beta) == pytest.approx(s, rel=4e-15)


def test_the_deviation_comes_back_to_thirteen_digits_wherever_listed_options_are() -> None:
    draws = generator(11)
    s = np.exp(draws.uniform(math.log(0.02), math.log(3.0), 20_000))
    x = -np.abs(draws.uniform(-6.0, 6.0, s.size)) * s
    found = np.array([implied_deviation(*row) for row in zip(x, _normalised(x, s), strict=True)])
    assert np.abs(found / s - 1.0).max() < 1e-13


def test_volatilities_come_back_from_our_own_prices_and_quantlib_agrees() -> None:
    draws = generator(12)
    count = 3_000
    years = draws.uniform(0.01, 2.0, count)
    volatility = draws.uniform(0.1, 1.5, count)
    deviation = volatility * np.sqrt(years)
    forward = np.full(count, 100.0)
    strike = forward * np.exp(-draws.uniform(-6.0, 6.0, count) * deviation)
    sign = np.where(strike >= forward, 1.0, -1.0)
    discount = np.exp(-0.05 * years)
    price = np.array(
        [black76_price(*row) for row in zip(forward, strike, years, volatility, sign, discount, strict=True)]
    )
    found, codes = implied_volatilities(price, forward, strike, years, sign, discount)
    assert (codes == PRICED).all()
    assert np.abs(found / volatility - 1.0).max() < 1e-13
    for i in range(0, count, 10):
        side = ql.Option.Call if sign[i] > 0 else ql.Option.Put
        theirs = ql.blackFormulaImpliedStdDev(
            side, strike[i], 100.0, price[i], discount[i], 0.0, 0.9 * deviation[i], 1e-12, 200
        )
        if price[i] > 1e-3:  # cheaper ones are beyond the digits of QuantLib's normal tail
            assert found[i] * math.sqrt(years[i]) == pytest.approx(theirs, rel=1e-7)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("moneyness", [-1.5, -0.2, -1e-3, 0.0, 1e-3, 0.2, 1.5])
def test_one_tick_above_intrinsic_still_has_a_volatility_that_gives_it(sign: float, moneyness: float) -> None:
    forward, years = 100.0, 0.25
    strike = forward * math.exp(moneyness)
    intrinsic = max(sign * (forward - strike), 0.0)
    for tick in (1e-300, 1e-30, 1e-12, 5e-4, 0.5):
        price = intrinsic + tick
        if price == intrinsic:
            continue
        found = implied_volatility(price, forward, strike, years, sign)
        assert isinstance(found, float)
        assert found > 0.0
        again = black76_price(forward, strike, years, found, sign, 1.0)
        # a deviation d out, one digit of volatility is d squared digits of price
        assert again - intrinsic == pytest.approx(
            price - intrinsic, rel=1e-10, abs=4e-16 * max(forward, strike)
        )


@given(st.floats(-6.0, 6.0), st.floats(-7.0, 0.5), st.floats(-5.0, 8.0))
def test_any_price_within_six_deviations_gives_its_volatility(z: float, digits: float, scale: float) -> None:
    deviation, forward = 10.0**digits, 10.0**scale
    strike = forward * math.exp(-z * deviation)
    sign = 1.0 if strike >= forward else -1.0
    price = black76_price(forward, strike, 1.0, deviation, sign, 1.0)
    if price <= 0.0:
        return
    found = implied_volatility(price, forward, strike, 1.0, sign)
    # the price loses digits to cancellation as the deviation falls; the inverse adds nothing to that
    assert found == pytest.approx(deviation, rel=1e-13 + 4e-15 / deviation)


@given(st.floats(-400.0, 0.0), st.floats(-300.0, -1e-15))
def test_whatever_the_price_the_search_ends_at_it(x: float, digits: float) -> None:
    most = math.exp(0.5 * x)
    beta = most * 10.0**digits
    if not 1e-300 < beta < most * (1.0 - 1e-12):
        return
    s = implied_deviation(x, beta)
    assert 0.0 < s < 1000.0
    h, t = np.array(x / s), np.array(0.5 * s)
    if t - h < 30.0:
        again = _normalised(np.array(x), np.array(s))
        assert float(again) == pytest.approx(beta, rel=1e-9, abs=1e-13 * most)


def test_a_plain_interpreter_finds_the_same() -> None:
    for x, s in ((-0.3, 0.2), (-0.001, 0.5), (-2.0, 4.0), (0.0, 0.3)):
        beta = float(_normalised(np.array(x), np.array(s)))
        assert implied_deviation.py_func(x, beta) == pytest.approx(implied_deviation(x, beta), rel=1e-13)


@pytest.mark.parametrize(
    ("price", "forward", "strike", "years", "code", "name"),
    [
        (10.0, 110.0, 100.0, 0.5, BELOW_INTRINSIC, "price.below-intrinsic"),
        (9.0, 110.0, 100.0, 0.5, BELOW_INTRINSIC, "price.below-intrinsic"),
        (0.0, 90.0, 100.0, 0.5, BELOW_INTRINSIC, "price.below-intrinsic"),
        (-1.0, 90.0, 100.0, 0.5, BELOW_INTRINSIC, "price.below-intrinsic"),
        (110.0, 110.0, 100.0, 0.5, ABOVE_MAXIMUM, "price.above-maximum"),
        (200.0, 110.0, 100.0, 0.5, ABOVE_MAXIMUM, "price.above-maximum"),
        (5.0, 100.0, 100.0, 0.0, EXPIRED, "contract.expired"),
        (5.0, 100.0, 100.0, -0.1, EXPIRED, "contract.expired"),
        (math.nan, 100.0, 100.0, 0.5, NOT_A_NUMBER, "input.not-a-number"),
        (math.inf, 100.0, 100.0, 0.5, NOT_A_NUMBER, "input.not-a-number"),
        (5.0, math.nan, 100.0, 0.5, NOT_A_NUMBER, "input.not-a-number"),
        (5.0, 100.0, -100.0, 0.5, NOT_POSITIVE, "input.not-positive"),
    ],
)
def test_what_has_no_volatility_says_why_and_the_rest_goes_on(
    price: float, forward: float, strike: float, years: float, code: int, name: str
) -> None:
    rows = np.tile([8.0, 100.0, 100.0, 0.5, 1.0, 1.0], (3, 1)).T.copy()
    rows[:4, 1] = price, forward, strike, years
    volatilities, codes = implied_volatilities(*rows)
    assert codes.tolist() == [PRICED, code, PRICED]
    assert volatilities[1] == 0.0
    assert volatilities[0] == volatilities[2] > 0.0
    refused = implied_volatility(price, forward, strike, years, 1.0)
    assert isinstance(refused, Missing)
    assert refused.code == name
