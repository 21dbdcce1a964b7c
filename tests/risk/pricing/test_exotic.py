"""Digital, barrier and American options: against QuantLib and Haug's tables, and at their edges."""

import math

import numpy as np
import pytest
import QuantLib as ql

from holdfast.risk.draws import generator
from holdfast.risk.legs import AMERICAN, BARRIER, DIGITAL, LINEAR, OPTION, OPTION_INVERSE
from holdfast.risk.pricing.american import american_lattice, american_price
from holdfast.risk.pricing.barrier import (
    DOWN_IN,
    DOWN_OUT,
    UP_IN,
    UP_OUT,
    barrier_price,
    discrete_barrier,
)
from holdfast.risk.pricing.black76 import black76_price
from holdfast.risk.pricing.digital import asset_or_nothing, cash_or_nothing
from holdfast.risk.pricing.payoff import payoff_price

DAYS = ql.Actual365Fixed()
TODAY = ql.Date(1, 1, 2025)
BARRIERS = {
    DOWN_OUT: ql.Barrier.DownOut,
    DOWN_IN: ql.Barrier.DownIn,
    UP_OUT: ql.Barrier.UpOut,
    UP_IN: ql.Barrier.UpIn,
}


def _process(spot: float, rate: float, yield_: float, volatility: float) -> ql.BlackScholesMertonProcess:
    ql.Settings.instance().evaluationDate = TODAY
    return ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(spot)),
        ql.YieldTermStructureHandle(ql.FlatForward(TODAY, yield_, DAYS)),
        ql.YieldTermStructureHandle(ql.FlatForward(TODAY, rate, DAYS)),
        ql.BlackVolTermStructureHandle(ql.BlackConstantVol(TODAY, ql.NullCalendar(), volatility, DAYS)),
    )


def _side(sign: float) -> int:
    return ql.Option.Call if sign > 0 else ql.Option.Put


def test_digitals_are_those_of_quantlib_and_make_up_the_plain_option() -> None:
    draws = generator(21)
    for _ in range(300):
        strike, days, volatility = (
            draws.uniform(60, 150),
            int(draws.integers(2, 700)),
            draws.uniform(0.05, 1.5),
        )
        rate, sign, years = draws.uniform(0.0, 0.1), draws.choice([-1.0, 1.0]), days / 365.0
        forward, discount = 100.0, math.exp(-rate * years)
        process = _process(forward, rate, rate, volatility)
        for payoff, ours in (
            (ql.CashOrNothingPayoff(_side(sign), strike, 1.0), cash_or_nothing),
            (ql.AssetOrNothingPayoff(_side(sign), strike), asset_or_nothing),
        ):
            option = ql.VanillaOption(payoff, ql.EuropeanExercise(TODAY + days))
            option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
            price = ours(forward, strike, years, volatility, sign, discount)
            assert price == pytest.approx(option.NPV(), rel=1e-10, abs=1e-13 * forward)
        terms = (forward, strike, years, volatility, sign, discount)
        both = sign * (asset_or_nothing(*terms) - strike * cash_or_nothing(*terms))
        assert both == pytest.approx(black76_price(*terms), abs=1e-13 * max(forward, strike))


def test_a_digital_at_expiry_pays_beyond_the_strike_and_nothing_at_it() -> None:
    assert cash_or_nothing(101.0, 100.0, 0.0, 0.5, 1.0, 1.0) == 1.0
    assert cash_or_nothing(100.0, 100.0, 0.0, 0.5, 1.0, 1.0) == 0.0
    assert cash_or_nothing(101.0, 100.0, 0.0, 0.5, -1.0, 1.0) == 0.0
    assert asset_or_nothing(90.0, 100.0, 0.0, 0.5, -1.0, 1.0) == 90.0


def test_all_eight_barriers_with_rebate_are_those_of_quantlib() -> None:
    draws = generator(22)
    seen = set()
    for _ in range(1_500):
        strike, days, volatility = (
            draws.uniform(60, 150),
            int(draws.integers(5, 700)),
            draws.uniform(0.1, 1.0),
        )
        rate, yield_, rebate = draws.uniform(0.0, 0.1), draws.uniform(-0.05, 0.1), draws.choice([0.0, 3.0])
        kind, sign = int(draws.integers(1, 5)), draws.choice([-1.0, 1.0])
        level = draws.uniform(60, 99) if kind in (DOWN_OUT, DOWN_IN) else draws.uniform(101, 150)
        option = ql.BarrierOption(
            BARRIERS[kind],
            level,
            rebate,
            ql.PlainVanillaPayoff(_side(sign), strike),
            ql.EuropeanExercise(TODAY + days),
        )
        option.setPricingEngine(ql.AnalyticBarrierEngine(_process(100.0, rate, yield_, volatility)))
        price = barrier_price(
            100.0, strike, days / 365.0, volatility, sign, rate, rate - yield_, level, kind, rebate
        )
        assert price == pytest.approx(option.NPV(), abs=1e-10)
        seen.add((kind, sign, strike > level, rebate > 0.0))
    assert len(seen) == 32


@pytest.mark.parametrize(
    ("kind", "sign", "strike", "level", "prices"),
    [  # Haug (1998), The complete guide to option pricing formulas, page 72: volatility 25 % and 30 %
        (DOWN_OUT, 1.0, 90.0, 95.0, (9.0246, 8.8334)),
        (DOWN_OUT, 1.0, 100.0, 95.0, (6.7924, 7.0285)),
        (DOWN_OUT, 1.0, 110.0, 95.0, (4.8759, 5.4137)),
        (UP_OUT, 1.0, 90.0, 105.0, (2.6789, 2.6341)),
        (UP_OUT, 1.0, 100.0, 105.0, (2.3580, 2.4389)),
        (UP_OUT, 1.0, 110.0, 105.0, (2.3453, 2.4315)),
        (DOWN_IN, 1.0, 90.0, 95.0, (7.7627, 9.0093)),
        (DOWN_IN, 1.0, 100.0, 95.0, (4.0109, 5.1370)),
        (DOWN_IN, 1.0, 110.0, 95.0, (2.0576, 2.8517)),
        (UP_IN, 1.0, 90.0, 105.0, (14.1112, 15.2098)),
        (UP_IN, 1.0, 100.0, 105.0, (8.4482, 9.7278)),
        (UP_IN, 1.0, 110.0, 105.0, (4.5910, 5.8350)),
        (DOWN_OUT, -1.0, 90.0, 95.0, (2.2798, 2.4170)),
        (DOWN_OUT, -1.0, 100.0, 95.0, (2.2947, 2.4258)),
        (DOWN_OUT, -1.0, 110.0, 95.0, (2.6252, 2.6246)),
        (UP_OUT, -1.0, 90.0, 105.0, (3.7760, 4.2293)),
        (UP_OUT, -1.0, 100.0, 105.0, (5.4932, 5.8032)),
        (UP_OUT, -1.0, 110.0, 105.0, (7.5187, 7.5649)),
        (DOWN_IN, -1.0, 90.0, 95.0, (2.9586, 3.8769)),
        (DOWN_IN, -1.0, 100.0, 95.0, (6.5677, 7.7989)),
        (DOWN_IN, -1.0, 110.0, 95.0, (11.9752, 13.3078)),
        (UP_IN, -1.0, 90.0, 105.0, (1.4653, 2.0658)),
        (UP_IN, -1.0, 100.0, 105.0, (3.3721, 4.4226)),
        (UP_IN, -1.0, 110.0, 105.0, (7.0846, 8.3686)),
    ],
)
def test_barriers_are_those_of_haugs_table(
    kind: int, sign: float, strike: float, level: float, prices: tuple[float, float]
) -> None:
    for volatility, price in zip((0.25, 0.30), prices, strict=True):
        ours = barrier_price(100.0, strike, 0.5, volatility, sign, 0.08, 0.04, level, kind, 3.0)
        assert ours == pytest.approx(price, abs=1e-4)


def test_a_touched_barrier_is_the_rebate_or_the_plain_option() -> None:
    plain = black76_price(90.0, 100.0, 0.5, 0.5, -1.0, math.exp(-0.025))
    for spot_beyond in (90.0, 95.0):
        assert barrier_price(spot_beyond, 100.0, 0.5, 0.5, 1.0, 0.05, 0.0, 95.0, DOWN_OUT, 2.0) == 2.0
    knocked_in = barrier_price(90.0, 100.0, 0.5, 0.5, -1.0, 0.05, 0.0, 95.0, DOWN_IN, 2.0)
    assert knocked_in == pytest.approx(plain, rel=1e-12)
    assert barrier_price(100.0, 90.0, 0.0, 0.5, 1.0, 0.05, 0.0, 95.0, DOWN_IN, 2.0) == 2.0
    assert barrier_price(100.0, 90.0, 0.0, 0.5, 1.0, 0.05, 0.0, 95.0, DOWN_OUT, 2.0) == 10.0


def test_in_and_out_make_up_the_plain_option_also_under_negative_rates() -> None:
    for rate in (-0.05, 0.0, 0.07):
        for kind, level in ((DOWN_OUT, 80.0), (UP_OUT, 130.0)):
            terms = (100.0, 105.0, 0.7, 0.45, 1.0, rate, 0.01, level)
            out, knocked_in = barrier_price(*terms, kind, 0.0), barrier_price(*terms, kind + 1, 0.0)
            plain = black76_price(100.0 * math.exp(0.007), 105.0, 0.7, 0.45, 1.0, math.exp(-rate * 0.7))
            assert out + knocked_in == pytest.approx(plain, rel=1e-12)


def test_a_rebate_under_a_rate_without_closed_form_joins_on_to_the_closed_form() -> None:
    """At a drift of half a variance the form ends at a rate of minus variance / 8; both sides of it meet there."""
    edge = -0.09 / 8.0
    for kind, level in ((DOWN_OUT, 90.0), (UP_OUT, 112.0)):
        below, above = (
            barrier_price(100.0, 100.0, 1.0, 0.3, 1.0, edge + step, 0.0, level, kind, 5.0)
            - barrier_price(100.0, 100.0, 1.0, 0.3, 1.0, edge + step, 0.0, level, kind, 0.0)
            for step in (-1e-7, 1e-7)
        )
        assert below == pytest.approx(above, rel=1e-6)
        assert below > above


def _looked_at(
    spot: float, strike: float, volatility: float, level: float, interval: float, looks: int
) -> float:
    """Return a down-and-out call looked at so many times, without rates, by integrating from look to look."""
    deviation = volatility * math.sqrt(interval)
    nodes = np.linspace(math.log(level), math.log(level) + 24.0 * deviation * math.sqrt(looks), 3_000)
    step = nodes[1] - nodes[0]
    weights = np.full(nodes.size, step)
    weights[[0, -1]] = 0.5 * step
    value = np.maximum(np.exp(nodes) - strike, 0.0)

    def before(start: np.ndarray, value: np.ndarray) -> np.ndarray:
        z = (nodes[None, :] - start[:, None] + 0.5 * deviation**2) / deviation
        return np.exp(-0.5 * z * z) / (deviation * math.sqrt(2.0 * math.pi)) @ (weights * value)

    z = (nodes[None, :] - nodes[:, None] + 0.5 * deviation**2) / deviation
    kernel = np.exp(-0.5 * z * z) / (deviation * math.sqrt(2.0 * math.pi)) * weights
    for _ in range(looks - 1):
        value = kernel @ value
    return float(before(np.array([math.log(spot)]), value)[0])


@pytest.mark.parametrize("level", [80.0, 90.0, 95.0])
def test_a_barrier_looked_at_now_and_then_is_priced_by_moving_it(level: float) -> None:
    exact = _looked_at(100.0, 100.0, 0.6, level, 1.0 / 365.0, 25)
    terms = (100.0, 100.0, 25.0 / 365.0, 0.6, 1.0, 0.0, 0.0)
    moved = barrier_price(*terms, discrete_barrier(level, DOWN_OUT, 0.6, 1.0 / 365.0), DOWN_OUT, 0.0)
    watched = barrier_price(*terms, level, DOWN_OUT, 0.0)
    assert moved == pytest.approx(exact, rel=4e-3)
    assert abs(watched - exact) > 4.0 * abs(moved - exact)
    assert discrete_barrier(130.0, UP_OUT, 0.3, 0.01) > 130.0


def test_american_options_are_near_the_exact_ones_of_quantlib_and_never_above() -> None:
    draws = generator(23)
    form, lattice = [], []
    for _ in range(250):
        strike, days, volatility = (
            draws.uniform(60, 150),
            int(draws.integers(5, 400)),
            draws.uniform(0.1, 1.0),
        )
        rate, yield_, sign = draws.uniform(0.0, 0.1), draws.uniform(0.0, 0.1), draws.choice([-1.0, 1.0])
        option = ql.VanillaOption(
            ql.PlainVanillaPayoff(_side(sign), strike), ql.AmericanExercise(TODAY, TODAY + days)
        )
        scheme = ql.QdFpAmericanEngine.accurateScheme()
        option.setPricingEngine(ql.QdFpAmericanEngine(_process(100.0, rate, yield_, volatility), scheme))
        exact = option.NPV()
        terms = (100.0, strike, days / 365.0, volatility, sign, rate, rate - yield_)
        closed, fine = american_price(*terms), american_lattice(*terms)
        assert closed <= exact + 1e-5
        assert closed >= max(sign * (100.0 - strike), 0.0)
        form.append(exact - closed)
        lattice.append(abs(fine - exact))
    assert np.median(form) < 0.02
    assert max(form) < 1.0
    assert np.mean(lattice) < 1e-4
    assert max(lattice) < 3e-3


@pytest.mark.parametrize(
    ("years", "volatility", "prices"),
    [  # Haug (2007), table 3-2: calls on futures at 90, 100, 110 by Bjerksund and Stensland (2002); strike 100, rate 10 %
        (0.1, 0.15, (0.0205, 1.8757, 10.0000)),
        (0.1, 0.25, (0.3151, 3.1256, 10.3725)),
        (0.1, 0.35, (0.9479, 4.3746, 11.1578)),
    ],
)
def test_american_options_are_those_of_haugs_table(
    years: float, volatility: float, prices: tuple[float, ...]
) -> None:
    for forward, price in zip((90.0, 100.0, 110.0), prices, strict=True):
        assert american_price(forward, 100.0, years, volatility, 1.0, 0.1, 0.0) == pytest.approx(
            price, abs=2e-3
        )


def test_an_american_option_without_reason_to_exercise_is_the_european_one() -> None:
    for sign, rate, carry in ((1.0, 0.05, 0.05), (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (1.0, -0.02, 0.0)):
        european = black76_price(100.0 * math.exp(carry), 110.0, 1.0, 0.4, sign, math.exp(-rate))
        assert american_price(100.0, 110.0, 1.0, 0.4, sign, rate, carry) == pytest.approx(european, rel=1e-12)
        assert american_lattice(100.0, 110.0, 1.0, 0.4, sign, rate, carry) == pytest.approx(
            european, rel=1e-9
        )


def test_an_american_option_at_expiry_is_its_payoff_and_deep_in_the_money_its_exercise() -> None:
    assert american_price(120.0, 100.0, 0.0, 0.4, 1.0, 0.1, 0.0) == 20.0
    assert american_lattice(120.0, 100.0, 0.0, 0.4, 1.0, 0.1, 0.0) == 20.0
    assert american_price(40.0, 100.0, 0.5, 0.2, -1.0, 0.1, 0.1) == 60.0
    assert american_price(1000.0, 100.0, 0.5, 0.2, 1.0, 0.1, 0.0) == 900.0


def test_one_function_prices_every_kind_of_leg() -> None:
    forward, strike, years, volatility, discount = 50_000.0, 52_000.0, 0.3, 0.7, math.exp(-0.015)
    terms = (forward, strike, years, volatility, 1.0, discount)
    plain = black76_price(*terms)
    assert payoff_price(OPTION, *terms, 0.0, 0, 0.0) == plain
    assert payoff_price(OPTION_INVERSE, *terms, 0.0, 0, 0.0) == plain / forward
    assert payoff_price(DIGITAL, *terms, 0.0, 0, 0.0) == cash_or_nothing(*terms)
    spot = 49_500.0
    rate, carry = 0.05, math.log(forward / spot) / years
    barrier = barrier_price(spot, strike, years, volatility, 1.0, rate, carry, 40_000.0, DOWN_OUT, 10.0)
    assert payoff_price(BARRIER, *terms, 40_000.0, DOWN_OUT, 10.0, spot) == pytest.approx(barrier, rel=1e-12)
    american = american_price(forward, strike, years, volatility, 1.0, rate, 0.0)
    assert payoff_price(AMERICAN, *terms, 0.0, 0, 0.0) == pytest.approx(american, rel=1e-12)
    assert math.isnan(payoff_price(LINEAR, *terms, 0.0, 0, 0.0))
