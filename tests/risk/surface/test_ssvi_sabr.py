"""SSVI and SABR: found again from their quotes, beside QuantLib, and where each of them ends."""

import numpy as np
import pytest
import QuantLib as ql
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.surface.arbitrage import arbitrage_flags, butterfly_gap
from holdfast.risk.surface.sabr import Sabr, fit_sabr
from holdfast.risk.surface.ssvi import Ssvi, fit_ssvi, power_law, ssvi_slice
from holdfast.risk.surface.svi import pulls, slice_variances

SURFACE = Ssvi(rho=-0.3, eta=1.1, gamma=0.4, thetas=np.array([0.002, 0.01, 0.05, 0.2]))


def test_a_surface_is_found_again_and_is_free() -> None:
    k = np.linspace(-0.4, 0.4, 9)
    w = [slice_variances(k, slice_) for slice_ in SURFACE.slices()]
    target, up, down = (
        np.concatenate(x) for x in zip(*(pulls(0.98 * v, v, 1.02 * v) for v in w), strict=True)
    )
    found = fit_ssvi(np.arange(0, 37, 9), np.tile(k, 4), target, up, down)
    assert found.thetas == pytest.approx(SURFACE.thetas, rel=1e-3)
    assert (found.rho, found.eta, found.gamma) == pytest.approx((-0.3, 1.1, 0.4), rel=1e-2)
    assert arbitrage_flags(found.slices(), ("1", "2", "3", "4")) == ()


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_no_quotes_can_make_an_ssvi_surface_with_arbitrage(seed: int) -> None:
    draw = generator(seed)
    target = np.repeat([0.004, 0.02, 0.1], 6) * np.exp(0.5 * draw.standard_normal(18))
    found = fit_ssvi(np.array([0, 6, 12, 18]), draw.uniform(-0.4, 0.4, 18), target, 20 / target, 20 / target)
    assert arbitrage_flags(found.slices(), ("1", "2", "3")) == ()


def test_an_expiry_without_quotes_is_refused() -> None:
    with pytest.raises(CallerError, match=r"ssvi\.empty_expiry"):
        fit_ssvi(np.array([0, 0, 2]), *(np.array([0.1, 0.2]) for _ in range(4)))


def test_an_ssvi_slice_is_the_formula_of_the_paper() -> None:
    theta, rho, phi = 0.05, -0.4, 3.0
    k = np.linspace(-1.0, 1.0, 9)
    formula = theta / 2 * (1 + rho * phi * k + np.sqrt((phi * k + rho) ** 2 + 1 - rho**2))
    assert slice_variances(k, ssvi_slice(theta, rho, phi)) == pytest.approx(formula, rel=1e-14)
    assert butterfly_gap(ssvi_slice(theta, rho, power_law(theta, 2.0 / 1.4, 0.5))) >= 0.0
    assert butterfly_gap(ssvi_slice(theta, rho, 4.0 * 4.0 / theta)) < 0.0  # beyond the bound


STRIKES = np.exp(np.linspace(-0.5, 0.5, 21)) * 100.0


@settings(max_examples=40)
@given(st.floats(0.1, 1.5), st.floats(-0.9, 0.9), st.floats(0.05, 2.0), st.floats(0.01, 1.0))
def test_lognormal_sabr_is_quantlibs(alpha: float, rho: float, nu: float, years: float) -> None:
    ours = Sabr(alpha=alpha, beta=1.0, rho=rho, nu=nu, forward=100.0, years=years).volatilities(STRIKES)
    theirs = [ql.sabrVolatility(float(k), 100.0, years, alpha, 1.0, nu, rho) for k in STRIKES]
    assert ours == pytest.approx(theirs, rel=1e-8)


def test_oblojs_correction_agrees_with_hagan_near_the_forward_and_parts_far_from_it() -> None:
    smile = Sabr(alpha=2.0, beta=0.5, rho=-0.3, nu=0.6, forward=100.0, years=0.5)
    hagan = np.array([ql.sabrVolatility(float(k), 100.0, 0.5, 2.0, 0.5, 0.6, -0.3) for k in STRIKES])
    apart = np.abs(smile.volatilities(STRIKES) / hagan - 1.0)
    assert apart[10] < 1e-9
    assert apart[5:16].max() < 1e-3
    assert 1e-5 < apart[0] < 2e-2


def test_a_smile_is_found_again_and_one_bad_quote_does_not_bend_it() -> None:
    truth = Sabr(alpha=0.6, beta=1.0, rho=-0.3, nu=1.5, forward=100.0, years=0.1)
    mid = truth.volatilities(STRIKES)
    mid[3] *= 1.5
    found = fit_sabr(STRIKES, 0.99 * mid, mid, 1.01 * mid, forward=100.0, years=0.1)
    clean = np.delete(np.arange(21), 3)
    assert found.volatilities(STRIKES)[clean] == pytest.approx(mid[clean], rel=5e-3)


def test_where_sabr_sells_butterflies_is_said() -> None:
    long = Sabr(alpha=0.2 * 100.0**0.5, beta=0.5, rho=-0.6, nu=0.6, forward=100.0, years=10.0)
    low, high = long.free_range()
    assert 0.0 < low < 100.0 < high
    assert low > 5.0
    short = Sabr(alpha=0.6, beta=1.0, rho=-0.2, nu=1.0, forward=100.0, years=0.05)
    deviation = 0.6 * 0.05**0.5
    assert short.free_range()[0] == pytest.approx(100.0 * np.exp(-10 * deviation), rel=0.05)


def test_few_crossed_or_impossible_inputs_are_refused() -> None:
    three = np.array([90.0, 100.0, 110.0])
    v = np.array([0.6, 0.5, 0.55])
    with pytest.raises(CallerError, match=r"smile\.too_few"):
        fit_sabr(three[:2], v[:2], v[:2], v[:2], forward=100.0, years=0.1)
    with pytest.raises(CallerError, match=r"smile\.crossed"):
        fit_sabr(three, v, v, v, forward=100.0, years=0.1)
    with pytest.raises(CallerError, match=r"sabr\.beta"):
        fit_sabr(three, 0.9 * v, v, 1.1 * v, forward=100.0, years=0.1, beta=1.5)
