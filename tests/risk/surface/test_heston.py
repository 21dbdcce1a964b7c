"""Heston and Bates: Alan Lewis' reference prices, QuantLib as oracle, and fits that find what made the quotes."""

import numpy as np
import pytest
import QuantLib as ql
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.pricing.black76 import black76_price
from holdfast.risk.surface.heston import (
    StochasticVolatility,
    StochasticVolatilityFit,
    fit_stochastic_volatility,
    option_prices,
)

# Alan Lewis, as in QuantLib's test-suite/hestonmodel.cpp: spot 100, rate 0.01, dividend 0.02, one year; strike: (put, call)
LEWIS = {
    80.0: (
        7.958878113256768285213263077598987193482161301733,
        26.774758743998854221382195325726949201687074848341,
    ),
    90.0: (
        12.017966707346304987709573290236471654992071308187,
        20.933349000596710388139445766564068085476194042256,
    ),
    100.0: (
        17.055270961270109413522653999411000974895436309183,
        16.070154917028834278213466703938231827658768230714,
    ),
    110.0: (
        23.017825898442800538908781834822560777763225722188,
        12.132211516709844867860534767549426052805766831181,
    ),
    120.0: (
        29.811026202682471843340682293165857439167301370697,
        9.024913483457835636553375454092357136489051667150,
    ),
}
LEWIS_MODEL = StochasticVolatility(
    variance=0.04, reversion=4.0, long_variance=0.25, vol_of_variance=1.0, correlation=-0.5
)
HESTON = StochasticVolatility(
    variance=0.3, reversion=2.5, long_variance=0.4, vol_of_variance=1.3, correlation=-0.35
)
BATES = StochasticVolatility(
    variance=0.2, reversion=3.0, long_variance=0.35, vol_of_variance=1.1, correlation=-0.2,
    jump_rate=4.0, jump_mean=-0.06, jump_deviation=0.12,
)  # fmt: skip


def chain(model: StochasticVolatility) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return years, log-moneyness and implied volatility of ten expiries with ten strikes each."""
    years = np.repeat(np.array([7, 14, 30, 60, 90, 120, 180, 270, 365, 540]) / 365.0, 10)
    moneyness = np.tile(np.linspace(-1.2, 1.2, 10), 10) * np.sqrt(years) * 0.6
    sign = np.where(moneyness < 0.0, -1.0, 1.0)
    one = np.ones(len(years))
    prices = option_prices(model, one, np.exp(moneyness), years, sign, one)

    def implied(price: float, k: float, t: float, s: float) -> float:
        return brentq(
            lambda v: black76_price(1.0, float(np.exp(k)), t, v, s, 1.0) - price, 1e-3, 9.0, xtol=1e-14
        )

    quotes = zip(prices, moneyness, years, sign, strict=True)
    return years, moneyness, np.array([implied(*map(float, quote)) for quote in quotes])


def quantlib_price(
    model: StochasticVolatility, forward: float, strike: float, years: float, sign: float
) -> float:
    today = ql.Date(1, 1, 2025)
    ql.Settings.instance().evaluationDate = today
    counter = ql.Actual365Fixed()
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, counter))
    spot = ql.QuoteHandle(ql.SimpleQuote(forward))
    first = (
        flat,
        flat,
        spot,
        model.variance,
        model.reversion,
        model.long_variance,
        model.vol_of_variance,
        model.correlation,
    )
    engine: object
    if model.jump_rate > 0.0:
        jumps = (model.jump_rate, model.jump_mean, model.jump_deviation)
        engine = ql.BatesEngine(ql.BatesModel(ql.BatesProcess(*first, *jumps)), 1e-12, 100_000)
    else:
        engine = ql.AnalyticHestonEngine(ql.HestonModel(ql.HestonProcess(*first)), 1e-12, 100_000)
    kind = ql.Option.Call if sign > 0 else ql.Option.Put
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(kind, strike), ql.EuropeanExercise(today + round(years * 365))
    )
    option.setPricingEngine(engine)
    return option.NPV()


@pytest.mark.parametrize("strike", LEWIS)
def test_lewis_reference_prices_are_met_to_twelve_digits(strike: float) -> None:
    one = np.ones(2)
    forward, discount = 100.0 * np.exp(-0.01), np.exp(-0.01)
    ours = option_prices(LEWIS_MODEL, forward * one, strike * one, one, np.array([-1.0, 1.0]), discount * one)
    assert ours == pytest.approx(np.array(LEWIS[strike]), abs=1e-11)


@settings(max_examples=30)
@given(
    st.floats(0.05, 1.5), st.floats(0.5, 8.0), st.floats(0.05, 1.5), st.floats(0.2, 2.5), st.floats(-0.9, 0.9),
    st.sampled_from([0.0, 2.0]), st.integers(7, 700), st.floats(-1.5, 1.5),
)  # fmt: skip
def test_prices_are_those_of_quantlib(
    variance: float,
    reversion: float,
    long_variance: float,
    vol: float,
    correlation: float,
    jumps: float,
    days: int,
    z: float,
) -> None:
    model = StochasticVolatility(
        variance=variance, reversion=reversion, long_variance=long_variance, vol_of_variance=vol, correlation=correlation,
        jump_rate=jumps, jump_mean=-0.05, jump_deviation=0.1,
    )  # fmt: skip
    years = days / 365.0
    strike = float(np.exp(z * np.sqrt(years * long_variance)))
    sign = -1.0 if z < 0.0 else 1.0
    ours = option_prices(model, *(np.array([x]) for x in (1.0, strike, years, sign, 1.0)))[0]
    assert ours == pytest.approx(quantlib_price(model, 1.0, strike, years, sign), abs=2e-9)


def test_a_fit_finds_the_parameters_that_made_the_quotes() -> None:
    years, moneyness, volatility = chain(HESTON)
    fit = fit_stochastic_volatility("heston", years, moneyness, volatility, np.ones(len(years)))
    assert isinstance(fit, StochasticVolatilityFit)
    assert fit.parameters.vector()[:5] == pytest.approx(HESTON.vector()[:5], rel=1e-7)
    assert fit.error_vols < 1e-9


def test_bates_explains_jumps_that_heston_cannot() -> None:
    years, moneyness, volatility = chain(BATES)
    weight = np.ones(len(years))
    heston, bates = (
        fit_stochastic_volatility(m, years, moneyness, volatility, weight) for m in ("heston", "bates")
    )
    assert isinstance(heston, StochasticVolatilityFit)
    assert isinstance(bates, StochasticVolatilityFit)
    assert bates.error_vols < 1e-4 < heston.error_vols
    assert bates.parameters.jump_rate > 1.0


def test_noise_in_quotes_moves_the_fit_little_and_the_order_of_quotes_not_at_all() -> None:
    years, moneyness, volatility = chain(HESTON)
    draws = generator(5)
    noisy = volatility + 0.002 * draws.standard_normal(len(volatility))
    order = draws.permutation(len(years))
    one = np.ones(len(years))
    fit = fit_stochastic_volatility("heston", years, moneyness, noisy, one)
    shuffled = fit_stochastic_volatility("heston", years[order], moneyness[order], noisy[order], one)
    assert isinstance(fit, StochasticVolatilityFit)
    assert isinstance(shuffled, StochasticVolatilityFit)
    assert fit.error_vols == pytest.approx(0.002, rel=0.25)
    assert fit.parameters.correlation == pytest.approx(HESTON.correlation, abs=0.03)
    assert shuffled.parameters.vector() == pytest.approx(fit.parameters.vector(), rel=1e-5)
    assert shuffled.residual_vols == pytest.approx(fit.residual_vols[order], abs=1e-6)


def test_quotes_that_cannot_tell_the_parameters_are_refused_with_a_reason() -> None:
    four = np.full(4, 0.5)
    refused = fit_stochastic_volatility("heston", four, four, four, four)
    assert isinstance(refused, Missing)
    assert refused.code == "heston.few_quotes"


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_quote_that_is_no_number_is_an_error_not_a_fit(bad: float) -> None:
    years, moneyness, volatility = chain(HESTON)
    volatility[3] = bad
    with pytest.raises(CallerError):
        fit_stochastic_volatility("heston", years, moneyness, volatility, np.ones(len(years)))


@pytest.mark.parametrize(
    "change", [{"variance": 0.0}, {"correlation": 1.0}, {"jump_rate": -1.0}, {"reversion": float("nan")}]
)
def test_parameters_outside_the_model_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(CallerError):
        StochasticVolatility(
            **{
                "variance": 0.1,
                "reversion": 1.0,
                "long_variance": 0.1,
                "vol_of_variance": 1.0,
                "correlation": 0.0,
                **change,
            }
        )


def test_the_feller_condition_is_told() -> None:
    assert LEWIS_MODEL.is_feller
    assert not StochasticVolatility(
        variance=0.3, reversion=1.0, long_variance=0.3, vol_of_variance=1.3, correlation=0.0
    ).is_feller
