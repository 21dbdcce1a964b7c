"""Chains: quotes judged, surfaces free of arbitrage, errors told, and what cannot be fitted said."""

import msgspec
import numpy as np
import pytest

from holdfast.clock import DAY_NS
from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.market import YEAR_NS
from holdfast.risk.pricing.black76 import black76_price
from holdfast.risk.surface.chain import fit_surface
from holdfast.risk.surface.quotes import (
    CROSSED,
    EMPTY,
    EXPIRED,
    FEW,
    IN_THE_MONEY,
    ONE_SIDED,
    UNPRICED,
    USED,
    Chain,
)
from holdfast.risk.surface.smile import delta_moneyness, smile_measures
from holdfast.risk.surface.svi import slice_variances

NOW_NS = 1_770_000_000 * 10**9
TRUTHS = (
    (7, 101.0, np.array([0.001, 0.04, -0.2, 0.01, 0.08])),
    (30, 102.0, np.array([0.004, 0.09, -0.3, 0.02, 0.15])),
    (180, 105.0, np.array([0.02, 0.2, -0.3, 0.02, 0.3])),
)


def made(*, inverse: bool = True, forwards: bool = True) -> Chain:
    """Return a chain quoted 2 % around three slices."""
    rows: list[tuple[int, float, bool, float, float, float]] = []
    for days, forward, slice_ in TRUTHS:
        years = days / 365.0
        for k in np.linspace(-0.3, 0.3, 13):
            volatility = float(np.sqrt(slice_variances(np.array([k]), slice_)[0] / years))
            strike = forward * float(np.exp(k))
            for call in (True, False):
                price = black76_price(forward, strike, years, volatility, 1.0 if call else -1.0, 1.0)
                price /= forward if inverse else 1.0
                rows.append((NOW_NS + days * DAY_NS, strike, call, 0.98 * price, 1.02 * price, forward))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Chain(
        asset="BTC", time_ns=NOW_NS, spot=100.0, inverse=inverse, expiry_ns=columns[0], strike=columns[1],
        is_call=columns[2], bid=columns[3], ask=columns[4],
        forward=columns[5] if forwards else np.full(len(rows), np.nan),
    )  # fmt: skip


@pytest.mark.parametrize("inverse", [True, False])
def test_a_chain_gives_back_the_surface_it_was_quoted_from(inverse: bool) -> None:
    fit = fit_surface(made(inverse=inverse))
    assert fit.surface.flags == ()
    assert fit.missing == ()
    for days, _, slice_ in TRUTHS:
        years = days * DAY_NS / YEAR_NS
        for k in (-0.2, 0.0, 0.15):
            truth = float(np.sqrt(slice_variances(np.array([k]), slice_)[0] / years))
            assert fit.surface.volatility(k, years) == pytest.approx(truth, rel=5e-3)
    assert fit.quality.inside_share == 1.0
    assert fit.curve.forward(NOW_NS + 30 * DAY_NS) == pytest.approx(102.0)


def test_the_forward_is_parity_where_the_venue_shows_none() -> None:
    fit = fit_surface(made(forwards=False))
    assert fit.surface.forwards.tolist() == pytest.approx([101.0, 102.0, 105.0], rel=1e-9)


def test_every_refused_quote_says_why_and_the_others_go_on() -> None:
    chain = made()
    out = np.flatnonzero(
        (chain.is_call == (chain.strike > chain.forward)) & (chain.expiry_ns > NOW_NS + 20 * DAY_NS)
    )
    bid, ask, expiry = chain.bid.copy(), chain.ask.copy(), chain.expiry_ns.copy()
    bid[out[0]] = np.nan
    bid[out[1]], ask[out[1]] = ask[out[1]], bid[out[1]]
    bid[out[2]] = ask[out[2]] = 0.0
    bid[out[3]], ask[out[3]] = 3.0, 4.0  # above what an option can be worth
    expiry[-1] = NOW_NS
    fit = fit_surface(msgspec.structs.replace(chain, bid=bid, ask=ask, expiry_ns=expiry))
    assert fit.states[out[:4]].tolist() == [ONE_SIDED, CROSSED, EMPTY, UNPRICED]
    assert fit.states[-1] == EXPIRED
    assert set(fit.states.tolist()) == {USED, ONE_SIDED, CROSSED, EMPTY, UNPRICED, EXPIRED, IN_THE_MONEY}
    assert np.isnan(fit.error_spreads[fit.states != USED]).all()
    assert np.isfinite(fit.error_spreads[fit.states == USED]).all()
    assert fit.quality.crossed == 1
    assert fit.quality.inside_share == 1.0
    assert fit.surface.flags == ()


def test_an_expiry_with_too_few_quotes_gets_no_slice_but_a_flag_and_a_reason() -> None:
    chain = made()
    week = chain.expiry_ns == NOW_NS + 7 * DAY_NS
    bid = np.where(week & (np.abs(np.log(chain.strike / chain.forward)) > 0.08), np.nan, chain.bid)
    fit = fit_surface(msgspec.structs.replace(chain, bid=bid, ask=np.where(np.isnan(bid), np.nan, chain.ask)))
    assert len(fit.surface.years) == 2
    assert [flag.partition(":")[0] for flag in fit.surface.flags] == ["absent"]
    assert fit.missing[0].code == "surface.few_quotes"
    assert FEW in fit.states[week]
    assert fit.curve.forward(NOW_NS + 7 * DAY_NS) == pytest.approx(101.0)  # a forward needs no slice


def test_a_chain_without_any_quote_is_a_surface_without_slices() -> None:
    chain = made()
    none = np.full(len(chain.bid), np.nan)
    fit = fit_surface(msgspec.structs.replace(chain, bid=none, ask=none))
    assert len(fit.surface.years) == 0
    assert len(fit.missing) == 3
    assert np.isnan(fit.surface.volatility(0.0, 0.1))


def test_a_stale_quote_is_outside_and_the_rest_stay_inside() -> None:
    chain = made()
    stale = np.flatnonzero(~chain.is_call & (chain.strike < 0.9 * chain.forward))[5]
    bid, ask = chain.bid.copy(), chain.ask.copy()
    bid[stale], ask[stale] = 1.5 * bid[stale], 1.5 * ask[stale]
    fit = fit_surface(msgspec.structs.replace(chain, bid=bid, ask=ask))
    assert fit.error_spreads[stale] < -5.0
    assert np.nanmax(np.abs(np.delete(fit.error_spreads, stale))) < 1.0


def test_an_arbitrage_between_quotes_is_counted_and_the_surface_stays_free() -> None:
    chain = made()
    calls = np.flatnonzero(chain.is_call & (chain.expiry_ns == NOW_NS + 30 * DAY_NS) & (chain.strike > 102.0))
    bid, ask = chain.bid.copy(), chain.ask.copy()
    bid[calls[2]], ask[calls[2]] = 2.0 * bid[calls[2]], 2.0 * ask[calls[2]]
    fit = fit_surface(msgspec.structs.replace(chain, bid=bid, ask=ask))
    assert fit.quality.quoted_butterflies >= 1
    assert fit.surface.flags == ()
    assert fit_surface(chain).quality.quoted_butterflies == 0
    week = chain.expiry_ns == NOW_NS + 7 * DAY_NS
    dear = fit_surface(
        msgspec.structs.replace(
            chain, bid=np.where(week, 6 * chain.bid, chain.bid), ask=np.where(week, 6 * chain.ask, chain.ask)
        )
    )
    assert dear.quality.quoted_calendars > 0
    assert dear.surface.flags == ()


def test_the_order_of_the_quotes_does_not_matter() -> None:
    chain = made()
    order = generator(7).permutation(len(chain.bid))
    arrays = {
        name: getattr(chain, name)[order]
        for name in ("expiry_ns", "strike", "is_call", "bid", "ask", "forward")
    }
    assert fit_surface(msgspec.structs.replace(chain, **arrays)).surface.slices == pytest.approx(
        fit_surface(chain).surface.slices, rel=1e-9
    )


def test_a_chain_of_unequal_arrays_or_without_a_spot_is_the_callers_mistake() -> None:
    chain = made()
    with pytest.raises(CallerError, match=r"chain\.shape"):
        msgspec.structs.replace(chain, bid=chain.bid[1:])
    with pytest.raises(CallerError, match=r"chain\.spot"):
        msgspec.structs.replace(chain, spot=float("nan"))


def test_measures_are_those_of_the_slice() -> None:
    years, slice_ = 30 / 365, TRUTHS[1][2]
    measures = smile_measures(slice_, years)
    k = delta_moneyness(slice_, 0.25, -1.0)
    volatility = float(np.sqrt(slice_variances(np.array([k]), slice_)[0] / years))
    up, down = (
        black76_price(100.0 * x, 100.0 * np.exp(k), years, volatility, -1.0, 1.0) for x in (1.0001, 0.9999)
    )
    assert (up - down) / 0.02 == pytest.approx(-0.25, abs=1e-4)
    assert measures.skew_25 < 0.0 < measures.butterfly_25
