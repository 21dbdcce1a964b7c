"""The Chebyshev proxy beside full revaluation, and when it refuses."""

import msgspec
import numpy as np
import pytest

from holdfast.risk import proxy, revalue
from holdfast.risk.draws import generator
from holdfast.risk.legs import AMERICAN, CASH, LINEAR, OPTION, OPTION_INVERSE
from holdfast.risk.missing import Missing
from holdfast.risk.proxy import ProxyProfits, proxy_profits
from holdfast.risk.shock import Shocks, no_shocks
from tests.risk.test_revalue import ALL_BUT_EXOTIC, legs_of, random_legs


def daily(count: int, seed: int) -> Shocks:
    """Draw a day's moves with fat tails; the quote currency USDT moves a little too."""
    draw = generator(seed)
    shocks = no_shocks(count, 4)
    shocks.spot_log[:, 1:3] = 0.03 * draw.standard_t(4, (count, 2))
    shocks.spot_log[:, 3] = 0.001 * draw.standard_normal(count)
    shocks.volatility_shift[:, 1:3] = -shocks.spot_log[:, 1:3] + 0.05 * draw.standard_normal((count, 2))
    return shocks


def of(result: ProxyProfits | Missing) -> ProxyProfits:
    assert isinstance(result, ProxyProfits), str(result)
    return result


def test_the_proxy_is_the_full_revaluation_to_its_error() -> None:
    legs, shocks = random_legs(200, 41), daily(5_000, 42)
    result, full = of(proxy_profits(legs, shocks)), revalue.profits(legs, shocks)
    tail = np.sort(full)[:50].mean()
    assert np.abs(result.profits - full).max() <= 3e-3 * abs(tail)
    assert np.quantile(result.profits, 0.01) == pytest.approx(np.quantile(full, 0.01), rel=1e-4)
    assert result.error <= 1e-3
    assert result.error_tail <= result.error
    assert result.checked == 1_000


def test_what_was_checked_is_returned_in_full() -> None:
    legs, shocks = random_legs(100, 43), daily(3_000, 44)
    result, full = of(proxy_profits(legs, shocks)), revalue.profits(legs, shocks)
    worst = np.argsort(full)[:300]
    assert result.profits[worst] == pytest.approx(full[worst], rel=1e-12)


def test_the_error_is_measured_and_not_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    legs, shocks = random_legs(100, 45), daily(3_000, 46)
    right = proxy._coefficients

    def wrong(*arguments: object) -> np.ndarray:
        coefficients = right(*arguments).copy()  # type: ignore[arg-type]
        coefficients[3, 0] *= 1.05
        return coefficients

    assert of(proxy_profits(legs, shocks)).error < 1e-3
    monkeypatch.setattr(proxy, "_coefficients", wrong)
    refused = proxy_profits(legs, shocks)
    assert isinstance(refused, Missing)
    assert refused.code == "proxy.inexact"


def test_options_about_to_expire_are_refused_by_the_error_of_their_kink() -> None:
    legs = random_legs(3, 47, (OPTION_INVERSE,))
    legs.legs["years"], legs.legs["strike"] = 1e-6, legs.prices[legs.legs["asset"]]
    refused = proxy_profits(legs, daily(2_000, 48))
    assert isinstance(refused, Missing)
    assert refused.code == "proxy.inexact"
    assert "revalue in full" in str(refused)


def test_linear_books_and_balances_are_exact() -> None:
    legs, shocks = random_legs(60, 49, (CASH, LINEAR)), daily(2_000, 50)
    shocks.spot_log[:, 3] = 0.0
    result, full = of(proxy_profits(legs, shocks)), revalue.profits(legs, shocks)
    assert result.profits == pytest.approx(full, rel=1e-9, abs=1e-6 * np.abs(full).max())


def test_american_options_have_a_proxy_too() -> None:
    legs, shocks = random_legs(10, 51, (AMERICAN,)), daily(1_500, 52)
    result = of(proxy_profits(legs, shocks))
    full = revalue.profits(legs, shocks)
    assert np.abs(result.profits - full).max() <= 3e-3 * abs(np.sort(full)[:15].mean())


@pytest.mark.parametrize("field", ["basis_log", "skew_shift", "rate_shift"])
def test_shocks_of_more_than_spot_and_volatility_are_refused(field: str) -> None:
    legs, shocks = random_legs(10, 53), daily(100, 54)
    getattr(shocks, field)[3, 1] = 0.01
    refused = proxy_profits(legs, shocks)
    assert isinstance(refused, Missing)
    assert refused.code == "proxy.not-low-dimensional"
    assert field in refused.reason


def test_a_leg_paid_in_a_third_currency_is_refused() -> None:
    legs = random_legs(10, 55, (OPTION,))
    rows = legs.legs.copy()
    rows["quote"], rows["settle"] = 0, 3
    refused = proxy_profits(legs_of(rows), daily(100, 56))
    assert isinstance(refused, Missing)
    assert refused.code == "proxy.not-low-dimensional"


def test_few_scenarios_are_all_checked_and_none_are_refused() -> None:
    legs = random_legs(20, 57, ALL_BUT_EXOTIC)
    assert isinstance(proxy_profits(legs, no_shocks(0, 4)), Missing)
    shocks = daily(7, 58)
    assert of(proxy_profits(legs, shocks)).profits == pytest.approx(revalue.profits(legs, shocks), rel=1e-10)


def test_horizon_and_sticky_moneyness_are_the_shocks_own() -> None:
    legs, plain = random_legs(50, 59), daily(1_500, 60)
    plain.spot_log[:, 3] = 0.0
    shocks = msgspec.structs.replace(plain, horizon_years=0.002, sticky_moneyness=True, term_power=0.3)
    full = revalue.profits(legs, shocks)
    assert np.abs(of(proxy_profits(legs, shocks)).profits - full).max() <= 3e-3 * abs(
        np.sort(full)[:15].mean()
    )
