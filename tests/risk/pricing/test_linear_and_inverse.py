"""Perpetuals, futures and coin-settled options: what they pay, by the venues' own formulas and their own greeks."""

import csv
import gzip
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.pricing.greeks import Greeks, greeks_of_many
from holdfast.risk.pricing.inverse import (
    Deltas,
    coin_greeks,
    coin_implied_volatility,
    coin_price,
    deltas,
    venue_vega,
)
from holdfast.risk.pricing.linear import (
    basis_a_year,
    funding_a_year,
    funding_payment,
    funding_payment_coin,
    future_fair_price,
    inverse_delta_coin,
    inverse_entry,
    inverse_profit,
    inverse_profit_coin,
    linear_profit,
    perpetual_fair_price,
)


def test_a_linear_and_an_inverse_position_of_one_size_earn_the_same_at_first_and_less_later() -> None:
    size, entry = 100_000.0, 50_000.0
    near, far = 50_001.0, 25_000.0
    assert inverse_profit(size, entry, near) == pytest.approx(
        linear_profit(size / entry, entry, near), rel=1e-9
    )
    assert inverse_profit_coin(size, entry, far) * far == pytest.approx(
        inverse_profit(size, entry, far), rel=1e-12
    )
    assert inverse_profit_coin(size, entry, far) == pytest.approx(-2.0)  # all of its coins, at half the price
    assert inverse_delta_coin(size, near) == pytest.approx(
        near * (inverse_profit_coin(size, entry, near + 0.5) - inverse_profit_coin(size, entry, near - 0.5)), rel=1e-8
    )  # fmt: skip


def test_the_entry_of_an_inverse_position_keeps_its_profit_when_added_to() -> None:
    entry = inverse_entry(30_000.0, 60_000.0, 50_000.0, 40_000.0)
    apart = inverse_profit_coin(30_000.0, 60_000.0, 45_000.0) + inverse_profit_coin(
        50_000.0, 40_000.0, 45_000.0
    )
    assert inverse_profit_coin(80_000.0, entry, 45_000.0) == pytest.approx(apart, rel=1e-12)


def test_longs_pay_positive_funding_and_shorts_receive_it() -> None:
    assert funding_payment(2.0, 50_000.0, 0.0001) == pytest.approx(-10.0)
    assert funding_payment(-2.0, 50_000.0, 0.0001) == pytest.approx(10.0)
    coins = funding_payment_coin(100_000.0, 50_000.0, 0.0001)
    assert coins * 50_000.0 == pytest.approx(funding_payment(2.0, 50_000.0, 0.0001))
    assert funding_a_year(0.0001, 1095.0) == pytest.approx(math.log(1.0001**1095), rel=1e-9)


def test_a_fair_future_implies_its_own_carry_and_at_expiry_none() -> None:
    future = future_fair_price(50_000.0, 0.4, 0.07, 0.02)
    assert basis_a_year(50_000.0, future, 0.4) == pytest.approx(0.05, rel=1e-12)
    assert basis_a_year(50_000.0, 50_100.0, 0.0) == 0.0


def test_at_its_fair_price_a_perpetual_pays_as_funding_what_the_asset_costs_to_carry() -> None:
    perpetual = perpetual_fair_price(50_000.0, 0.06, 0.01)
    assert 1095.0 * (perpetual - 50_000.0) == pytest.approx(0.05 * perpetual, rel=1e-12)


def test_greeks_in_coin_are_the_differences_of_the_price_in_coin() -> None:
    draws = generator(31)
    for _ in range(50):
        forward, sign = draws.uniform(20_000.0, 120_000.0), draws.choice([-1.0, 1.0])
        years, volatility = draws.uniform(0.05, 1.0), draws.uniform(0.3, 1.2)
        strike = forward * math.exp(draws.uniform(-1.0, 1.0) * volatility * math.sqrt(years))
        at = {"forward": forward, "strike": strike, "years": years, "volatility": volatility, "sign": sign}
        ours = coin_greeks(**at)
        assert isinstance(ours, Greeks)
        assert ours.price == pytest.approx(coin_price(**at), rel=1e-10)
        for name, of, step in (
            ("delta", "price", ("forward", forward * 1e-4)),
            ("gamma", "delta", ("forward", forward * 1e-4)),
            ("speed", "gamma", ("forward", forward * 1e-4)),
            ("vega", "price", ("volatility", 1e-4)),
            ("vanna", "delta", ("volatility", 1e-4)),
            ("volga", "vega", ("volatility", 1e-4)),
            ("zomma", "gamma", ("volatility", 1e-4)),
            ("ultima", "volga", ("volatility", 1e-4)),
            ("theta", "price", ("years", years * 1e-4)),
            ("charm", "delta", ("years", years * 1e-4)),
            ("veta", "vega", ("years", years * 1e-4)),
            ("color", "gamma", ("years", years * 1e-4)),
        ):
            by, width = step
            ends = [getattr(coin_greeks(**at | {by: at[by] + side * width}), of) for side in (1.0, -1.0)]
            slope = (ends[0] - ends[1]) / (2.0 * width)
            slope = -slope if by == "years" else slope
            noise = 1e-9 * (abs(ends[0]) + abs(ends[1])) / width
            # a difference errs by the square of its step: 1e-8 of the curvature, which is large where greeks turn
            scale = max(abs(slope), abs(getattr(ours, of)) / (width * 1e4))
            assert getattr(ours, name) == pytest.approx(slope, abs=2e-5 * scale + noise), name


def test_the_three_deltas_differ_by_the_price_in_coin() -> None:
    one = deltas(50_000.0, 20_000.0, 0.1, 0.6, 1.0)
    assert isinstance(one, Deltas)
    assert one.black == pytest.approx(1.0, abs=1e-5)
    assert one.net_transaction == pytest.approx(0.4, abs=1e-4)  # strike over forward
    in_coin = coin_greeks(50_000.0, 20_000.0, 0.1, 0.6, 1.0)
    assert isinstance(in_coin, Greeks)
    assert one.coin == pytest.approx(in_coin.delta, rel=1e-12)


def test_the_volatility_of_a_price_in_coin_comes_back_and_that_of_an_impossible_one_does_not() -> None:
    price = coin_price(50_000.0, 70_000.0, 0.1, 0.6, 1.0)
    assert isinstance(price, float)
    assert coin_implied_volatility(price, 50_000.0, 70_000.0, 0.1, 1.0) == pytest.approx(0.6, rel=1e-13)
    refused = coin_implied_volatility(1.0, 50_000.0, 70_000.0, 0.1, 1.0)
    assert isinstance(refused, Missing)
    assert refused.code == "price.above-maximum"


@pytest.mark.parametrize("function", [coin_price, coin_greeks, deltas])
def test_what_has_expired_or_is_no_number_is_refused(function: Callable[..., Missing]) -> None:
    assert function(50_000.0, 50_000.0, -0.1, 0.6, 1.0).code == "contract.expired"
    assert function(math.nan, 50_000.0, 0.1, 0.6, 1.0).code == "input.not-a-number"
    assert function(50_000.0, -1.0, 0.1, 0.6, 1.0).code == "input.not-positive"


def test_deribit_shows_black_deltas_vegas_for_one_point_and_prices_over_the_forward(
    shared_data: Path,
) -> None:
    """A calm snapshot, at the venue's own volatility and forward; what is left is the age of its forwards."""
    path = shared_data / "deribit_chain" / "deribit_options_snapshot_20251230T173115Z.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in rows])

    forward, mark, delta = column("futures_price"), column("mark_price"), column("delta")
    sign = np.array([1.0 if row["option_type"] == "call" else -1.0 for row in rows])
    out, codes = greeks_of_many(
        forward, column("strike"), column("time_to_maturity"), column("implied_volatility"), sign, np.ones_like(forward)
    )  # fmt: skip
    assert (codes == 0).all()
    black = np.abs(out[1] - delta)
    net = np.abs(out[1] - out[0] / forward - delta)
    assert np.median(black) < 2e-4
    assert np.quantile(black, 0.95) < 2e-3
    assert np.median(net) > 20.0 * np.median(black)  # not the net transaction delta
    liquid = column("vega") > 1.0
    assert np.median(np.abs(venue_vega(1.0) * out[3][liquid] / column("vega")[liquid] - 1.0)) < 2e-3
    assert np.median(np.abs(out[0] / forward - mark)) < 5e-5
