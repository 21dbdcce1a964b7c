"""Pricing: a million prices with five greeks, and a million implied volatilities, beside QuantLib, JAX and numpy.

Defends: polynomials of our own in numba. Wall time is the best of several rounds on all cores, into arrays that are there
already; CPU time is of one core. QuantLib's are loops of Python over a subset, its calculator's own time scaled up: what a
desk that prices with it waits for. The limit is what the same arrays cost a loop that only adds them up.
"""

import math
import time
from collections.abc import Callable
from typing import Final

import jax
import jax.numpy as jnp
import numba
import numpy as np
import QuantLib as ql
from jax.scipy.special import ndtr as jax_ndtr
from numba import njit, prange
from scipy.special import ndtr

from benchmarks.measure import Bench
from holdfast.risk.draws import generator
from holdfast.risk.pricing.black76 import PRICE, black76_greeks
from holdfast.risk.pricing.implied_volatility import implied_volatilities
from holdfast.risk.pricing.refusal import PRICED

COUNT: Final = 1_000_000
SUBSET: Final = 20_000
ROUNDS: Final = 15
FLOPS_AN_OPTION: Final = (
    190.0  # 13 multiply-adds for the exponential, 20 for two logarithms, 40 for two tails, the rest
)
GFLOPS_A_CORE: Final = 67.0  # of a matrix product on the machine the prototypes ran on
Options = tuple[np.ndarray, ...]


def measure(bench: Bench) -> None:
    """Price the same options by everybody, then take their volatilities back."""
    options = _options()
    _greeks(bench, options)
    _volatilities(bench, options)


def _options() -> Options:
    """Draw options up to four deviations out, calls and puts out of the money."""
    draws = generator(1)
    years, volatility = draws.uniform(0.01, 2.0, COUNT), draws.uniform(0.2, 1.5, COUNT)
    forward = draws.uniform(50.0, 150.0, COUNT)
    strike = forward * np.exp(draws.uniform(-4.0, 4.0, COUNT) * volatility * np.sqrt(years))
    discount = np.exp(-0.03 * years)
    return forward, strike, years, volatility, np.where(strike >= forward, 1.0, -1.0), discount


def _greeks(bench: Bench, options: Options) -> None:
    out = np.empty((6, COUNT))
    wall = _wall(lambda: black76_greeks(*options, out=out))
    numba.set_num_threads(1)
    cpu = _wall(lambda: black76_greeks(*options, out=out))
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    calculator, values = _calculator(options)
    assert np.abs(out[PRICE, :SUBSET] - values).max() < 1e-12 * options[0].max()
    name, target = "1e6 prices + 5 greeks", "<= 15 ms and >= 500 times QuantLib"
    ratio = calculator / wall
    bench.add(
        name, 1e3 * wall, "ms", 1e3 * calculator, f"QuantLib {ql.__version__} BlackCalculator", ratio, target,
        wall <= 0.015 and ratio >= 500.0,
    )  # fmt: skip
    for peer, seconds in (
        ("JAX float64", _wall(_jax(options))),
        ("numpy, scipy", _wall(lambda: _numpy(*options), 3)),
    ):
        bench.add(name, 1e3 * wall, "ms", 1e3 * seconds, peer, seconds / wall)
    bench.add("1e6 prices + 5 greeks, one core", 1e3 * cpu, "ms")
    touched = _wall(lambda: _touch(*options, *out))
    bench.add(
        "limit: those arrays read and written", 1e3 * touched, "ms", 1e3 * wall, "of ours", wall / touched
    )
    arithmetic = COUNT * FLOPS_AN_OPTION / (numba.config.NUMBA_NUM_THREADS * GFLOPS_A_CORE * 1e9)
    bench.add(
        "limit: arithmetic, all cores", 1e3 * arithmetic, "ms", 1e3 * wall, "of ours", wall / arithmetic
    )


def _volatilities(bench: Bench, options: Options) -> None:
    forward, strike, years, volatility, sign, discount = options
    greeks, _ = black76_greeks(*options)
    price = greeks[PRICE].copy()
    terms = (price, forward, strike, years, sign, discount)
    wall = _wall(lambda: implied_volatilities(*terms), 7)
    found, codes = implied_volatilities(*terms)
    assert (codes == PRICED).all()
    error = float(np.abs(found / volatility - 1.0).max())
    target = "<= 0.25 s and >= 10 times QuantLib"
    null = ql.nullDouble()
    for name, function, settings in (
        ("blackFormulaImpliedStdDevLiRS", ql.blackFormulaImpliedStdDevLiRS, (0.0, null, 1.0, 1e-12, 500)),
        ("blackFormulaImpliedStdDev", ql.blackFormulaImpliedStdDev, (0.0, null, 1e-12, 500)),
    ):
        seconds, their_error, failed = _quantlib_volatilities(function, settings, options, price)
        ratio = seconds / wall
        met = wall <= 0.25 and ratio >= 10.0
        peer = f"QuantLib {ql.__version__} {name}"
        bench.add("1e6 implied volatilities", wall, "s", seconds, peer, ratio, target, met)
        bench.add("largest relative error of them", error, "", their_error, f"{peer}; fails {failed:.2%}")


def _wall(body: Callable[[], object], rounds: int = ROUNDS) -> float:
    body()
    best = float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        body()
        best = min(best, time.perf_counter() - begun)
    return best


def _calculator(options: Options) -> tuple[float, np.ndarray]:
    rows = list(zip(*(one[:SUBSET].tolist() for one in options), strict=True))
    values = np.empty(SUBSET)
    begun = time.process_time()
    for i, (forward, strike, years, volatility, sign, discount) in enumerate(rows):
        side = ql.Option.Call if sign > 0.0 else ql.Option.Put
        payoff = ql.PlainVanillaPayoff(side, strike)
        one = ql.BlackCalculator(payoff, forward, volatility * math.sqrt(years), discount)
        values[i] = one.value()
        one.deltaForward(), one.gammaForward(), one.vega(years), one.theta(forward, years), one.rho(years)
    return (time.process_time() - begun) * COUNT / SUBSET, values


def _quantlib_volatilities(
    function: Callable[..., float], settings: tuple[float, ...], options: Options, price: np.ndarray
) -> tuple[float, float, float]:
    forward, strike, years, volatility, sign, discount = (one[:SUBSET].tolist() for one in options)
    worst, failed = 0.0, 0
    found = []
    begun = time.process_time()
    for i, value in enumerate(price[:SUBSET].tolist()):
        side = ql.Option.Call if sign[i] > 0.0 else ql.Option.Put
        try:
            found.append(function(side, strike[i], forward[i], value, discount[i], *settings))
        except RuntimeError:
            found.append(math.nan)
    seconds = (time.process_time() - begun) * COUNT / SUBSET
    for i, deviation in enumerate(found):
        if not math.isnan(deviation):
            worst = max(worst, abs(deviation / (volatility[i] * math.sqrt(years[i])) - 1.0))
        else:
            failed += 1
    return seconds, worst, failed / SUBSET


def _numpy(
    f: np.ndarray, k: np.ndarray, t: np.ndarray, v: np.ndarray, s: np.ndarray, d: np.ndarray
) -> Options:
    root = np.sqrt(t)
    deviation = v * root
    d1 = np.log(f / k) / deviation + 0.5 * deviation
    share = ndtr(s * d1)
    price = d * s * (f * share - k * ndtr(s * (d1 - deviation)))
    density = d * np.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
    vega = f * density * root
    theta = -np.log(d) / t * price - 0.5 * vega * v / t
    return price, d * s * share, density / (f * deviation), vega, theta, -t * price


def _jax(options: Options) -> Callable[[], object]:
    with jax.enable_x64(True):
        arrays = [jnp.asarray(one) for one in options]

        @jax.jit
        def greeks(f, k, t, v, s, d):
            root = jnp.sqrt(t)
            deviation = v * root
            d1 = jnp.log(f / k) / deviation + 0.5 * deviation
            share = jax_ndtr(s * d1)
            price = d * s * (f * share - k * jax_ndtr(s * (d1 - deviation)))
            density = d * jnp.exp(-0.5 * d1 * d1) / math.sqrt(2.0 * math.pi)
            vega = f * density * root
            theta = -jnp.log(d) / t * price - 0.5 * vega * v / t
            return price, d * s * share, density / (f * deviation), vega, theta, -t * price

    def body() -> object:
        with jax.enable_x64(True):
            return jax.block_until_ready(greeks(*arrays))

    return body


@njit(parallel=True, error_model="numpy", cache=True)
def _touch(
    f: np.ndarray, k: np.ndarray, t: np.ndarray, v: np.ndarray, s: np.ndarray, d: np.ndarray,
    a: np.ndarray, b: np.ndarray, c: np.ndarray, x: np.ndarray, y: np.ndarray, z: np.ndarray,
) -> None:  # fmt: skip
    for i in prange(f.shape[0]):
        total = f[i] + k[i] + t[i] + v[i] + s[i] + d[i]
        a[i] = total
        b[i] = total
        c[i] = total
        x[i] = total
        y[i] = total
        z[i] = total
