"""The polynomials that everything in pricing stands on: against scipy and the plain library, in both tails."""

import math

import numpy as np
import pytest
from numba import njit
from scipy import special

from holdfast.risk.draws import generator
from holdfast.risk.pricing.black76 import black76_price
from holdfast.risk.pricing.normal import fast_exp, log_ratio, mills, mills_slope, normal_cdf, normal_pdf


@njit(error_model="numpy")
def _each(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.shape[0]):
        out[0, i] = fast_exp(x[i])
        out[1, i] = log_ratio(y[i], abs(x[i]) + 0.5)
        out[2, i] = mills(abs(x[i]))
        out[3, i] = mills_slope(abs(x[i]))
        out[4, i] = normal_cdf(x[i])


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw arguments and what the functions give in a loop."""
    draws = generator(7)
    x = np.concatenate([draws.uniform(-37.0, 37.0, 20_000), draws.normal(0.0, 1.0, 20_000)])
    y = np.exp(draws.uniform(-200.0, 200.0, x.size))
    out = np.empty((5, x.size))
    _each(x, y, out)
    return x, y, out


def test_the_exponential_is_right_to_two_units_in_the_last_place(drawn: tuple[np.ndarray, ...]) -> None:
    x, _, out = drawn
    assert np.abs(out[0] / np.exp(x) - 1.0).max() < 5e-16


def test_the_logarithm_of_a_ratio_is_right_to_two_units(drawn: tuple[np.ndarray, ...]) -> None:
    x, y, out = drawn
    exact = np.log(y / (np.abs(x) + 0.5))
    assert (
        np.abs(out[1] - exact) / np.maximum(np.abs(exact), 0.1)
    ).max() < 2e-15  # the oracle rounds its ratio first


def test_the_logarithm_of_nearly_one_keeps_its_digits() -> None:
    for step in (1e-15, 3e-10, 1e-5):
        above = 1.0 + step
        assert log_ratio(above, 1.0) == pytest.approx(math.log1p(above - 1.0), rel=3e-16)
        assert log_ratio(1.0, above) == pytest.approx(-math.log1p(above - 1.0), rel=3e-16)


def test_the_mills_ratio_and_its_slope_keep_relative_precision(drawn: tuple[np.ndarray, ...]) -> None:
    x, _, out = drawn
    a = np.abs(x)
    exact = math.sqrt(math.pi / 2.0) * special.erfcx(a / math.sqrt(2.0))
    assert np.abs(out[2] / exact - 1.0).max() < 2e-15
    near = a < 3.0  # beyond, 1 - x mills cancels in the oracle
    assert np.abs(out[3] / (1.0 - a * exact) - 1.0)[near].max() < 3e-14
    far = a > 25.0  # asymptotic series of the same, six terms
    i2 = 1.0 / (a * a)
    series = i2 * (1 - 3 * i2 * (1 - 5 * i2 * (1 - 7 * i2 * (1 - 9 * i2 * (1 - 11 * i2)))))
    assert np.abs(out[3] / series - 1.0)[far].max() < 1e-11


def test_the_slope_of_the_mills_ratio_sums_up_to_it_everywhere() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(20)
    for start in np.arange(0.0, 36.0, 0.5):
        slopes = np.array([mills_slope(start + 0.25 + 0.25 * node) for node in nodes])
        assert 0.25 * weights @ slopes == pytest.approx(mills(start) - mills(start + 0.5), rel=2e-13)


def test_the_normal_tail_keeps_relative_precision(drawn: tuple[np.ndarray, ...]) -> None:
    x, _, out = drawn
    assert (np.abs(out[4] / special.ndtr(x) - 1.0) / np.maximum(1.0, x * x)).max() < 2e-15


@pytest.mark.parametrize(
    ("x", "exponential", "probability"),
    [(-math.inf, 0.0, 0.0), (math.inf, math.inf, 1.0), (-800.0, 0.0, 0.0), (800.0, math.inf, 1.0), (0.0, 1.0, 0.5)],
)  # fmt: skip
def test_the_ends_of_the_line_are_exact(x: float, exponential: float, probability: float) -> None:
    assert fast_exp(x) == exponential
    assert normal_cdf(x) == probability


def test_what_is_no_number_stays_none() -> None:
    assert math.isnan(fast_exp(math.nan))
    assert math.isnan(normal_cdf(math.nan))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_plain_twins_agree_with_the_compiled_ones() -> None:
    for x in (-30.0, -1.5, 0.0, 0.3, 12.0):
        assert fast_exp.py_func(x) == pytest.approx(math.exp(x), rel=1e-15)
        assert normal_cdf.py_func(x) == pytest.approx(normal_cdf(x), rel=1e-14)
        assert normal_pdf.py_func(x) == pytest.approx(normal_pdf(x), rel=1e-14)
        assert log_ratio.py_func(3.0, x * x + 1.0) == pytest.approx(math.log(3.0 / (x * x + 1.0)), rel=1e-15)


def test_a_loop_over_the_price_is_vector_code() -> None:
    """What the speed of every revaluation stands on: the loop divides packed doubles."""

    @njit(error_model="numpy")
    def loop(forwards: np.ndarray, out: np.ndarray) -> None:
        for i in range(forwards.shape[0]):
            out[i] = black76_price(forwards[i], 100.0, 0.5, 0.6, 1.0, 1.0)

    loop(np.ones(8), np.empty(8))
    assembly = loop.inspect_asm(loop.signatures[0])
    assert "divpd" in assembly or "fdiv\tv" in assembly
