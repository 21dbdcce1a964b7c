"""Venue default: what lies where, what is lost, and limits that are broken."""

import math

import numpy as np
import pytest
from credit_desk import desk, future, option

from holdfast.error import CallerError
from holdfast.risk.credit.curve import flat
from holdfast.risk.credit.venue_default import VenueTerms, venue_default
from holdfast.risk.legs import Legs
from holdfast.risk.portfolio import Balance
from holdfast.risk.shock import no_shocks


def coins(venue: str, amount: float, asset: str = "BTC", account: str = "main") -> Balance:
    return Balance(venue=venue, account=account, asset=asset, amount=amount, haircut=0.5)


def two_venues() -> Legs:
    return desk(
        future(-1.0, entry=110_000.0, venue="alpha"),
        future(1.0, entry=130_000.0, venue="beta"),
        balances=(coins("alpha", 0.5), coins("beta", 20_000.0, "USD")),
    )


def test_a_claim_is_balances_in_full_and_profit_and_a_debt_is_none() -> None:
    result = venue_default(
        two_venues(),
        [VenueTerms(venue="alpha", curve=flat(0.1, 0.25)), VenueTerms(venue="beta", curve=flat(0.1))],
    )
    alpha, beta = result.venues
    assert (alpha.venue, alpha.balances, alpha.positions, alpha.claim) == (
        "alpha",
        50_000.0,
        10_000.0,
        60_000.0,
    )
    assert (beta.balances, beta.positions, beta.claim) == (20_000.0, -30_000.0, 0.0)
    assert alpha.expected_loss == pytest.approx(60_000.0 * (1 - math.exp(-0.1)) * 0.75)
    assert (result.claim, result.concentration, result.expected_loss) == (60_000.0, 1.0, alpha.expected_loss)
    assert not result.breaches
    assert not result.missing


def test_what_the_venue_hedged_is_left_open() -> None:
    alpha = venue_default(two_venues(), []).venues[0]
    assert alpha.lost_delta["BTC"] == pytest.approx(-50_000.0, rel=1e-9)


def test_stress_takes_the_largest_claim_with_nothing_back() -> None:
    legs = two_venues()
    crash = no_shocks(2, len(legs.assets))
    crash.spot_log[0, legs.assets.index("BTC")] = math.log(0.5)
    crash.spot_log[1, legs.assets.index("BTC")] = math.log(2.0)
    by_name = {row.venue: row for row in venue_default(legs, [], stress=crash).venues}
    assert by_name["alpha"].stressed_loss == pytest.approx(25_000.0 + 60_000.0)
    assert by_name["beta"].stressed_loss == pytest.approx(20_000.0 + 70_000.0)
    assert venue_default(legs, []).venues[0].stressed_loss is None


def test_accounts_of_one_venue_do_not_net() -> None:
    legs = desk(future(1.0, entry=150_000.0, account="two"), balances=(coins("bank", 1.0, account="one"),))
    assert venue_default(legs, []).venues[0].claim == pytest.approx(100_000.0)


def test_a_venue_without_terms_is_told_and_gets_no_expected_loss() -> None:
    result = venue_default(two_venues(), [VenueTerms(venue="alpha", curve=flat(0.1))])
    assert [(gap.where, gap.code) for gap in result.missing] == [("beta", "venue.terms")]
    assert {row.venue: row.expected_loss is None for row in result.venues} == {"alpha": False, "beta": True}


def test_limits_on_amount_and_share_are_told_when_broken_and_silent_when_kept() -> None:
    legs = desk(balances=(coins("alpha", 3.0), coins("beta", 1.0)))
    terms = [
        VenueTerms(venue="alpha", curve=flat(0.1), claim_max=250_000.0, share_max=0.6),
        VenueTerms(venue="beta", curve=flat(0.1), claim_max=100_000.0, share_max=0.25),
    ]
    result = venue_default(legs, terms)
    assert [(b.venue, b.limit, b.value) for b in result.breaches] == [
        ("alpha", "claim_max", 300_000.0),
        ("alpha", "share_max", 0.75),
    ]
    assert str(result.breaches[0]) == "alpha: 300,000 is above claim_max 250,000"
    assert result.concentration == pytest.approx(0.75**2 + 0.25**2)


def test_options_sold_offset_options_bought_in_one_account() -> None:
    both = desk(option(100_000.0, 1.0, 1.0), option(110_000.0, 1.0, -1.0))
    bought = desk(option(100_000.0, 1.0, 1.0))
    assert venue_default(both, []).claim < 0.3 * venue_default(bought, []).claim


def test_a_desk_with_nothing_anywhere_has_no_claim() -> None:
    result = venue_default(desk(balances=(coins("alpha", -1.0),)), [])
    assert (result.claim, result.concentration) == (0.0, 0.0)
    assert np.isfinite(result.venues[0].share)


@pytest.mark.parametrize("horizon", [0.0, -1.0, math.inf, math.nan])
def test_a_horizon_that_is_none_is_refused(horizon: float) -> None:
    with pytest.raises(CallerError, match=r"venue\.horizon"):
        venue_default(two_venues(), [], horizon_years=horizon)


@pytest.mark.parametrize("terms", [{"claim_max": -1.0}, {"share_max": 1.5}, {"share_max": -0.1}])
def test_limits_that_are_none_are_refused(terms: dict[str, float]) -> None:
    with pytest.raises(CallerError, match=r"venue\.terms"):
        VenueTerms(venue="x", curve=flat(0.1), **terms)
