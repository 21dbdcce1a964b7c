"""Black-76 and its greeks: against QuantLib, Haug's tables and JAX's derivatives, and what is refused."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql
from jax.scipy.special import ndtr
from numpy.typing import NDArray

from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.pricing.black76 import DELTA, GAMMA, PRICE, RHO, THETA, VEGA, black76_greeks, black76_price
from holdfast.risk.pricing.greeks import ULTIMA, Greeks, greeks, greeks_of_many
from holdfast.risk.pricing.refusal import EXPIRED, NOT_A_NUMBER, NOT_POSITIVE, PRICED

Options = tuple[NDArray[np.float64], ...]


def _options(count: int, seed: int, z_max: float = 6.0) -> Options:
    """Draw forward, strike, years, volatility, sign and discount with log-moneyness up to so many deviations."""
    draws = generator(seed)
    years = np.exp(draws.uniform(math.log(1.0 / 8760.0), math.log(3.0), count))
    volatility = draws.uniform(0.05, 2.5, count)
    z = draws.uniform(-z_max, z_max, count)
    forward = np.exp(draws.uniform(-3.0, 12.0, count))
    strike = forward * np.exp(-z * volatility * np.sqrt(years))
    sign = draws.choice([-1.0, 1.0], count)
    return forward, strike, years, volatility, sign, np.exp(-draws.uniform(-0.02, 0.1, count) * years)


def _calculator(row: tuple[float, ...]) -> ql.BlackCalculator:
    forward, strike, years, volatility, sign, discount = row
    side = ql.Option.Call if sign > 0 else ql.Option.Put
    return ql.BlackCalculator(
        ql.PlainVanillaPayoff(side, strike), forward, volatility * math.sqrt(years), discount
    )


def test_prices_and_greeks_are_those_of_quantlib() -> None:
    options = _options(4_000, 1)
    out, codes = black76_greeks(*options)
    assert (codes == PRICED).all()
    every, _ = greeks_of_many(*options)
    np.testing.assert_allclose(every[:6], out, rtol=1e-11, atol=0.0)
    for i, row in enumerate(zip(*(one.tolist() for one in options), strict=True)):
        forward, _, years, _, _, discount = row
        oracle = _calculator(row)
        value = oracle.value()
        unit = max(forward, row[1])  # a put is worth up to its strike
        assert abs(out[PRICE, i] - value) <= 1e-14 * unit
        assert black76_price(*row) == pytest.approx(out[PRICE, i], rel=1e-11, abs=1e-15 * unit)
        # QuantLib's normal tail has absolute digits only: the far tail has a test of its own
        assert out[PRICE, i] == pytest.approx(value, rel=1e-10, abs=4e-15 * unit)
        assert out[DELTA, i] == pytest.approx(oracle.deltaForward(), abs=1e-9)
        scale = abs(oracle.gammaForward())
        assert out[GAMMA, i] == pytest.approx(oracle.gammaForward(), abs=1e-9 * max(scale, 1.0 / forward))
        assert out[VEGA, i] == pytest.approx(oracle.vega(years), rel=1e-9, abs=1e-12 * unit)
        rate = -math.log(discount) / years
        decay = rate * value - 0.5 * oracle.vega(years) * row[3] / years
        assert out[THETA, i] == pytest.approx(decay, rel=1e-9, abs=1e-12 * unit)
        assert out[RHO, i] == pytest.approx(-years * value, rel=1e-9, abs=1e-14 * unit)


def test_out_of_the_money_prices_keep_ten_digits_to_the_far_tail() -> None:
    """The oracle is an integral of the density over the payoff, whose terms are all positive."""
    nodes, weights = np.polynomial.legendre.leggauss(120)
    for deviation in (0.002, 0.05, 0.4, 1.5):
        for z in (0.5, 3.0, 6.0, 12.0, 30.0):
            d2 = -z - 0.5 * deviation
            u = -d2 + 0.5 * 12.0 / (1.0 + z * 0.5) * (1.0 + nodes)
            strike = math.exp(z * deviation)
            gain = strike * np.expm1(deviation * (u + d2))
            density = np.exp(-0.5 * u * u) / math.sqrt(2.0 * math.pi)
            exact = float(weights @ (gain * density)) * 0.5 * 12.0 / (1.0 + z * 0.5)
            price = black76_price(1.0, strike, 1.0, deviation, 1.0, 1.0)
            assert price == pytest.approx(exact, rel=1e-10), (deviation, z)


@pytest.mark.parametrize(
    ("sign", "strike", "spot", "yield_", "rate", "years", "volatility", "price"),
    [  # Haug (1998), The complete guide to option pricing formulas, pages 2 to 8
        (1.0, 65.0, 60.0, 0.00, 0.08, 0.25, 0.30, 2.1334),
        (-1.0, 95.0, 100.0, 0.05, 0.10, 0.50, 0.20, 2.4648),
        (-1.0, 19.0, 19.0, 0.10, 0.10, 0.75, 0.28, 1.7011),
        (1.0, 19.0, 19.0, 0.10, 0.10, 0.75, 0.28, 1.7011),
        (1.0, 1.60, 1.56, 0.08, 0.06, 0.50, 0.12, 0.0291),
        (-1.0, 70.0, 75.0, 0.05, 0.10, 0.50, 0.35, 4.0870),
    ],
)
def test_prices_are_those_of_haugs_examples(
    sign: float, strike: float, spot: float, yield_: float, rate: float, years: float, volatility: float, price: float
) -> None:  # fmt: skip
    forward = spot * math.exp((rate - yield_) * years)
    ours = black76_price(forward, strike, years, volatility, sign, math.exp(-rate * years))
    assert ours == pytest.approx(price, abs=5.1e-5)


@pytest.mark.parametrize(
    ("sign", "prices"),
    [
        (1.0, "0.0205 1.8734 9.9413 0.3150 3.1217 10.3556 0.9474 4.3693 11.1381 "
              "0.8069 4.0232 10.5769 2.7026 6.6997 12.7857 4.9329 9.3679 15.3086"),
        (-1.0, "9.9210 1.8734 0.0408 10.2155 3.1217 0.4551 10.8479 4.3693 1.2376 "
              "10.3192 4.0232 1.0646 12.2149 6.6997 3.2734 14.4452 9.3679 5.7963"),
    ],
)  # fmt: skip
def test_prices_are_those_of_haugs_table_of_options_on_futures(sign: float, prices: str) -> None:
    """Haug (1998), page 24: strike 100, rate 10 %; years, volatilities and forwards vary, the last fastest."""
    table = iter(float(price) for price in prices.split())
    for years in (0.1, 0.5):
        for volatility in (0.15, 0.25, 0.35):
            for forward in (90.0, 100.0, 110.0):
                ours = black76_price(forward, 100.0, years, volatility, sign, math.exp(-0.1 * years))
                assert ours == pytest.approx(next(table), abs=1e-4)


def test_puts_less_calls_are_the_strike_less_the_forward() -> None:
    forward, strike, years, volatility, _, discount = _options(2_000, 2)
    one = np.ones_like(forward)
    call, _ = black76_greeks(forward, strike, years, volatility, one, discount)
    put, _ = black76_greeks(forward, strike, years, volatility, -one, discount)
    gap = call[PRICE] - put[PRICE] - discount * (forward - strike)
    assert (np.abs(gap) <= 4e-16 * np.maximum(forward, strike)).all()
    assert np.abs(call[DELTA] - put[DELTA] - discount).max() < 1e-15


def _jax_price(f: float, k: float, t: float, v: float, s: float, r: float) -> jax.Array:
    deviation = v * jnp.sqrt(t)
    d1 = jnp.log(f / k) / deviation + deviation / 2
    return jnp.exp(-r * t) * s * (f * ndtr(s * d1) - k * ndtr(s * (d1 - deviation)))


def test_all_fourteen_are_the_derivatives_that_jax_takes() -> None:
    with jax.enable_x64(True):
        f, k, t, v, s, _ = _options(300, 3, z_max=2.5)
        keep = (t > 0.02) & (v > 0.15)
        f, k, t, v, s = (one[keep] for one in (f, k, t, v, s))
        r = np.linspace(-0.02, 0.1, f.size)
        out, _ = greeks_of_many(f, k, t, v, s, np.exp(-r * t))

        def by(
            function: Callable[..., jax.Array], argument: int, sign: float = 1.0
        ) -> Callable[..., jax.Array]:
            derivative = jax.grad(function, argument)
            return lambda *a: sign * derivative(*a)

        price, forward, years, volatility, rate = _jax_price, 0, 2, 3, 5
        delta, vega = by(price, forward), by(price, volatility)
        gamma, volga = by(delta, forward), by(vega, volatility)
        expected = [
            price, delta, gamma, vega, by(price, years, -1.0), by(price, rate), by(delta, volatility), volga,
            by(delta, years, -1.0), by(vega, years, -1.0), by(gamma, forward), by(gamma, volatility),
            by(gamma, years, -1.0), by(volga, volatility),
        ]  # fmt: skip
        every = jax.jit(jax.vmap(lambda *a: jnp.stack([function(*a) for function in expected])))
        for row, exact in enumerate(np.asarray(every(f, k, t, v, s, r)).T):
            # near a zero of a greek its terms cancel in both: measure against the size of the terms
            scale = np.abs(out[row]) + np.median(np.abs(exact)) * 1e-3
            assert (np.abs(out[row] - exact) / scale).max() < 1e-9, row


def test_without_time_the_price_is_the_payoff_and_without_volatility_its_present_value() -> None:
    assert black76_price(110.0, 100.0, 0.0, 0.5, 1.0, 1.0) == 10.0
    assert black76_price(110.0, 100.0, 0.0, 0.5, -1.0, 1.0) == 0.0
    assert black76_price(90.0, 100.0, 1.0, 0.0, -1.0, 0.9) == pytest.approx(9.0)
    expired = greeks(110.0, 100.0, 0.0, 0.5, 1.0)
    assert isinstance(expired, Greeks)
    assert (expired.price, expired.delta, expired.gamma, expired.vega, expired.theta) == (
        10.0,
        1.0,
        0.0,
        0.0,
        0.0,
    )
    still = greeks(110.0, 100.0, 1.0, 0.0, 1.0, 0.9)
    assert isinstance(still, Greeks)
    assert still.theta == pytest.approx(-math.log(0.9) * 9.0)


@pytest.mark.parametrize(
    ("place", "value", "code", "name"),
    [
        (0, math.nan, NOT_A_NUMBER, "input.not-a-number"),
        (1, math.inf, NOT_A_NUMBER, "input.not-a-number"),
        (5, math.nan, NOT_A_NUMBER, "input.not-a-number"),
        (1, -100.0, NOT_POSITIVE, "input.not-positive"),
        (0, 0.0, NOT_POSITIVE, "input.not-positive"),
        (3, -0.1, NOT_POSITIVE, "input.not-positive"),
        (2, -0.01, EXPIRED, "contract.expired"),
    ],
)
def test_what_cannot_be_priced_is_zero_with_its_reason_and_the_rest_goes_on(
    place: int, value: float, code: int, name: str
) -> None:
    rows = np.tile([100.0, 100.0, 0.5, 0.6, 1.0, 1.0], (3, 1)).T.copy()
    rows[place, 1] = value
    out, codes = black76_greeks(*rows)
    every, same = greeks_of_many(*rows)
    assert codes.tolist() == same.tolist() == [PRICED, code, PRICED]
    assert (out[:, 1] == 0.0).all()
    assert (every[:, 1] == 0.0).all()
    assert (out[PRICE, [0, 2]] > 0.0).all()
    assert np.isfinite(every).all()
    refused = greeks(*rows[:, 1].tolist())
    assert isinstance(refused, Missing)
    assert refused.code == name
    assert refused.remedy


def test_rows_are_written_where_the_caller_says() -> None:
    options = _options(10, 4)
    out = np.empty((6, 10))
    same, _ = black76_greeks(*options, out=out)
    assert same is out
    assert ULTIMA == 13
