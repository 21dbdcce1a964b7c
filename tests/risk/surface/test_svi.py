"""SVI slices: what is fitted, what is refused, and that nothing fitted gives money away."""

from itertools import pairwise

import numpy as np
import pytest
import QuantLib as ql
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import least_squares

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.surface.arbitrage import arbitrage_flags, butterfly_gap, calendar_gap, durrleman
from holdfast.risk.surface.calendar import fit_chain
from holdfast.risk.surface.svi import FREE_WINGS, fit_slice, fit_svi, pulls, slice_variances

VOGT = np.array([-0.0410, 0.1331, 0.3060, 0.3586, 0.4153])
DENSE = np.concatenate([np.linspace(-60.0, 60.0, 4_001), np.linspace(-3.0, 3.0, 4_001)])


def quotes(
    slice_: NDArray[np.float64], k: NDArray[np.float64], half: float = 0.02
) -> tuple[NDArray[np.float64], ...]:
    """Return bid, mid and ask around a slice."""
    w = slice_variances(k, slice_)
    return (1.0 - half) * w, w, (1.0 + half) * w


slices = st.builds(
    lambda level, b, rho, m, s: np.array([level - b * s * np.sqrt(1 - rho * rho), b, rho, m, s]),
    st.floats(0.001, 0.3), st.floats(0.005, 0.5), st.floats(-0.9, 0.9), st.floats(-0.1, 0.1), st.floats(0.1, 0.6),
)  # fmt: skip


@settings(max_examples=40)
@given(slices)
def test_a_slice_is_found_again_from_its_quotes(slice_: NDArray[np.float64]) -> None:
    if butterfly_gap(slice_) < 0.02:
        return
    k = np.linspace(-0.6, 0.6, 25)
    fit = fit_slice(k, *quotes(slice_, k))
    assert np.nanmax(np.abs(fit.residuals)) < 1.0
    assert butterfly_gap(fit.slice) >= 0.0


@given(slices, st.integers(0, 2**32))
def test_noisy_quotes_never_make_a_slice_with_butterflies(slice_: NDArray[np.float64], seed: int) -> None:
    k = np.sort(generator(seed).uniform(-0.5, 0.4, 12))
    bid, mid, ask = quotes(slice_, k, 0.05)
    bent = np.exp(0.1 * generator(seed).standard_normal(12))
    fit = fit_slice(k, bid * bent, mid * bent, ask * bent)
    assert butterfly_gap(fit.slice) >= 0.0
    g = np.array([durrleman(float(x), fit.slice) for x in DENSE[::4]])
    assert g.min() >= -1e-3  # between the points of the grid


def test_the_free_fit_is_as_good_as_scipys() -> None:
    k = np.linspace(-0.4, 0.5, 30)
    truth = np.array([0.01, 0.15, -0.3, 0.02, 0.12])
    w = slice_variances(k, truth) * np.exp(0.01 * generator(3).standard_normal(30))
    bid, ask = 0.98 * w, 1.02 * w

    def errors(p: NDArray[np.float64]) -> NDArray[np.float64]:
        return (slice_variances(k, p) - w) / (0.02 * w)

    theirs = least_squares(errors, truth, loss="huber", x_scale="jac")
    ours = fit_slice(k, bid, w, ask)
    size = np.abs(ours.residuals)
    assert np.sum(np.where(size <= 1, size**2, 2 * size - 1)) <= 2 * theirs.cost * 1.001
    assert butterfly_gap(ours.slice) > 0


def test_volatilities_agree_with_quantlibs_svi_section() -> None:
    slice_ = np.array([0.01, 0.15, -0.3, 0.02, 0.12])
    section = ql.SviSmileSection(0.5, 100.0, [0.01, 0.15, 0.12, -0.3, 0.02])
    k = np.linspace(-1.0, 1.0, 21)
    ours = np.sqrt(slice_variances(k, slice_) / 0.5)
    assert ours == pytest.approx([section.volatility(100.0 * float(np.exp(x))) for x in k], rel=1e-14)


def test_vogts_slice_sells_butterflies_and_its_fit_does_not() -> None:
    k = np.linspace(-1.5, 1.5, 31)
    assert butterfly_gap(VOGT) < 0.0
    assert arbitrage_flags(VOGT[None], ("2026-03-27",)) == ("butterfly:2026-03-27",)
    fit = fit_slice(k, *quotes(VOGT, k))
    assert butterfly_gap(fit.slice) >= 0.0


def test_g_agrees_with_the_density_of_prices() -> None:
    slice_ = np.array([0.01, 0.15, -0.3, 0.02, 0.12])
    k, h = 0.13, 1e-4
    strikes = 100.0 * np.exp(k) + h * 100.0 * np.array([-1.0, 0.0, 1.0])
    v = np.sqrt(slice_variances(np.log(strikes / 100.0), slice_))
    prices = [
        ql.blackFormula(ql.Option.Call, float(x), 100.0, float(s)) for x, s in zip(strikes, v, strict=True)
    ]
    density = (prices[0] - 2 * prices[1] + prices[2]) / (h * 100.0) ** 2
    d2 = -k / v[1] - v[1] / 2
    implied = durrleman(k, slice_) * np.exp(-d2 * d2 / 2) / np.sqrt(2 * np.pi) / v[1] / strikes[1]
    assert implied == pytest.approx(density, rel=1e-4)


def test_wings_steeper_than_lees_bound_are_found_and_never_fitted() -> None:
    steep = np.array([0.1, 1.6, 0.4, 0.0, 0.1])
    assert butterfly_gap(steep) < 0.0
    k = np.linspace(-0.3, 0.3, 15)
    fitted = fit_slice(k, *quotes(steep, k)).slice
    assert fitted[1] * (1 + abs(fitted[2])) <= 2.0


def test_a_stale_quote_pulls_the_others_by_less_than_their_spread() -> None:
    slice_ = np.array([0.01, 0.15, -0.3, 0.02, 0.12])
    k = np.linspace(-0.5, 0.5, 21)
    bid, mid, ask = (side.copy() for side in quotes(slice_, k))
    for side in (bid, mid, ask):
        side[5] *= 1.5
    residuals = fit_slice(k, bid, mid, ask).residuals
    assert abs(residuals[5]) > 10
    assert np.abs(np.delete(residuals, 5)).max() < 0.5


def test_a_one_sided_quote_pushes_only_off_its_wrong_side() -> None:
    slice_ = np.array([0.01, 0.15, -0.3, 0.02, 0.12])
    k = np.linspace(-0.5, 0.5, 21)
    bid, mid, ask = (side.copy() for side in quotes(slice_, k))
    plain = fit_slice(k[:-1], bid[:-1], mid[:-1], ask[:-1]).slice
    bid[-1] = mid[-1] = np.nan
    ask[-1] = 3.0 * ask[-1]  # far above: says nothing
    assert fit_slice(k, bid, mid, ask).slice == pytest.approx(plain, rel=1e-6)
    ask[-1] = 0.7 * ask[-1] / 3.0  # below the smile: pushes down
    assert (
        slice_variances(k[-1:], fit_slice(k, bid, mid, ask).slice)[0]
        < 0.99 * slice_variances(k[-1:], plain)[0]
    )


def test_too_few_or_crossed_quotes_are_refused() -> None:
    k = np.linspace(-0.2, 0.2, 6)
    bid, mid, ask = (side.copy() for side in quotes(np.array([0.01, 0.15, -0.3, 0.02, 0.12]), k))
    bid[0] = ask[1] = np.nan
    with pytest.raises(CallerError, match=r"smile\.too_few"):
        fit_slice(k, bid, mid, ask)
    with pytest.raises(CallerError, match=r"smile\.crossed"):
        fit_slice(k, *(np.full(6, level) for level in (0.3, 0.2, 0.1)))


def test_the_kernel_and_its_plain_twin_agree() -> None:
    slice_ = np.array([0.01, 0.15, -0.3, 0.02, 0.12])
    k = np.linspace(-0.5, 0.5, 9)
    target, up, down = pulls(*quotes(slice_, k))
    arguments = (k, target, up, down, len(k), FREE_WINGS, np.zeros(5))
    assert fit_svi(*arguments) == pytest.approx(fit_svi.py_func(*arguments), rel=1e-6, abs=1e-9)


def chain_of(parts: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> tuple[NDArray[np.float64], ...]:
    """Return a chain's arguments from (moneyness, variances at mid) of each expiry."""
    first = np.concatenate([[0], np.cumsum([len(k) for k, _ in parts])])
    pulled = [pulls(0.98 * w, w, 1.02 * w) for _, w in parts]
    return (
        first,
        np.concatenate([k for k, _ in parts]),
        *(np.concatenate(x) for x in zip(*pulled, strict=True)),
    )


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_a_chain_is_free_of_both_arbitrages_whatever_the_quotes(seed: int) -> None:
    draw = generator(seed)
    parts = []
    for years in (0.003, 0.02, 0.08, 0.25, 0.7):
        width = draw.uniform(1.0, 4.0) * np.sqrt(years) * 0.5
        k = np.sort(draw.uniform(-width, width, int(draw.integers(5, 20))))
        w = (
            years
            * (0.5 + draw.uniform(-0.1, 0.1) + draw.uniform(-0.3, 0.3) * k + draw.uniform(0, 2) * k * k) ** 2
        )
        parts.append((k, w * np.exp(0.05 * draw.standard_normal(len(k)))))
    slices_ = fit_chain(*chain_of(parts))
    assert arbitrage_flags(slices_, ("1", "2", "3", "4", "5")) == ()
    for earlier, later in pairwise(slices_):
        rise = slice_variances(DENSE, later) / slice_variances(DENSE, earlier) - 1.0
        assert rise.min() > -1e-6


def test_slices_that_do_not_cross_are_fitted_as_if_alone() -> None:
    k = np.linspace(-0.5, 0.5, 15)
    parts = [
        (k, slice_variances(k, np.array([a, b, -0.2, 0.0, 0.15])))
        for a, b in ((0.01, 0.05), (0.03, 0.1), (0.08, 0.2))
    ]
    together = fit_chain(*chain_of(parts))
    for (x, w), slice_ in zip(parts, together, strict=True):
        assert slice_ == pytest.approx(fit_slice(x, 0.98 * w, w, 1.02 * w).slice, abs=1e-12)


def test_quotes_that_contradict_each_other_are_left_outside_and_the_surface_stays_free() -> None:
    k = np.linspace(-0.3, 0.3, 11)
    dear, cheap = np.array([0.05, 0.1, 0.0, 0.0, 0.1]), np.array([0.03, 0.1, 0.0, 0.0, 0.1])
    assert calendar_gap(dear, cheap) < 0.0
    slices_ = fit_chain(*chain_of([(k, slice_variances(k, dear)), (k, slice_variances(k, cheap))]))
    assert arbitrage_flags(slices_, ("near", "far")) == ()
    assert arbitrage_flags(np.stack([dear, cheap]), ("near", "far")) == ("calendar:near:far",)
