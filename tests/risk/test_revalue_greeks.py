"""Values and greeks of a desk beside differences of the revaluation cube, and how they add up."""

import math

import numpy as np
import pytest

from holdfast.risk import revalue, valuation
from holdfast.risk.legs import AMERICAN, BARRIER, INVERSE, LINEAR, OPTION, Legs
from holdfast.risk.missing import Missing
from holdfast.risk.shock import no_shocks
from tests.risk.scenarios.small_desk import (
    AAVE,
    BINANCE,
    BTC,
    DERIBIT,
    USD,
    USDT,
    cash,
    coin_option,
    desk,
    inverse_perpetual,
    option,
    perpetual,
)
from tests.risk.test_revalue import ALL_BUT_EXOTIC, random_legs

STEP = 1e-4


def change(legs: Legs, field: str, asset: int, step: float) -> np.ndarray:
    """Return the change of value of each leg when one shock moves by a step."""
    shocks = no_shocks(1, len(legs.assets), term_power=0.0)
    getattr(shocks, field)[0, asset] = step
    return revalue.leg_values(legs, shocks)[0]


def slope(legs: Legs, field: str, asset: int, step: float = STEP) -> np.ndarray:
    return (change(legs, field, asset, step) - change(legs, field, asset, -step)) / (2.0 * step)


@pytest.mark.parametrize(
    ("kinds", "rel"), [(ALL_BUT_EXOTIC, 2e-5), ((AMERICAN, BARRIER), 2e-3)], ids=["closed form", "exotic"]
)
def test_greeks_are_the_slopes_of_the_cube(kinds: tuple[int, ...], rel: float) -> None:
    legs = random_legs(120, 31, kinds)
    legs.legs["barrier"], legs.legs["barrier_type"] = legs.legs["strike"] * 0.5, 1
    legs.legs["years"] = np.maximum(legs.legs["years"], 0.05)
    legs.legs["quantity"] = 1e5 / legs.prices[legs.legs["asset"]]
    legs.legs["quantity"][legs.legs["kind"] == INVERSE] = 1e5
    numbers = valuation.value(legs).numbers
    rows = legs.legs
    prices = legs.prices[rows["asset"]]
    near = rel * 1e5
    assert numbers[:, valuation.VALUE] == pytest.approx(revalue.values(legs), rel=1e-12, abs=1e-7)
    by_log = np.zeros(len(rows))
    vega, rho = np.zeros(len(rows)), np.zeros(len(rows))
    for asset in (1, 2):
        mine = rows["asset"] == asset
        by_log[mine] = slope(legs, "spot_log", asset)[mine]
        vega[mine] = slope(legs, "volatility_shift", asset)[mine] / rows["volatility"][mine]
        rho[mine] = slope(legs, "rate_shift", asset)[mine]
    vega[numbers[:, valuation.VEGA_RAW] == 0.0] = 0.0
    assert numbers[:, valuation.DELTA_ASSET] * prices == pytest.approx(by_log, abs=near)
    assert numbers[:, valuation.VEGA_RAW] == pytest.approx(vega, abs=near)
    assert numbers[:, valuation.RHO_RAW] == pytest.approx(rho, abs=near)
    aged = revalue.leg_values(legs, no_shocks(1, 4, horizon_years=1e-6))[0]
    theta = (aged - revalue.values(legs)) / 1e-6
    assert numbers[:, valuation.THETA_RAW] == pytest.approx(theta, rel=1e-2, abs=10 * near)
    by_quote = np.zeros(len(rows))
    for asset in (1, 2, 3):
        for column, field in ((valuation.DOLLARS_QUOTE, "quote"), (valuation.DOLLARS_SETTLE, "settle")):
            by_quote += np.where(rows[field] == asset, numbers[:, column], 0.0)
        roles = (rows["quote"] == asset) | ((rows["settle"] == asset) & (rows["settle"] != rows["asset"]))
        both = slope(legs, "spot_log", asset)
        assert by_quote[roles & (rows["asset"] != asset)] == pytest.approx(
            both[roles & (rows["asset"] != asset)], abs=near
        )


def test_gamma_is_the_slope_of_delta() -> None:
    legs = random_legs(150, 32)
    legs.legs["years"] = np.maximum(legs.legs["years"], 0.05)
    now = valuation.value(legs)
    for asset in (1, 2):
        price = legs.prices[asset]
        ahead, behind = (valuation.moved(now, asset, price * (1.0 + step)) for step in (STEP, -STEP))
        mine = legs.legs["asset"] == asset
        column = valuation.DELTA_ASSET
        measured = (ahead.numbers[mine, column] - behind.numbers[mine, column]) / (2.0 * STEP * price)
        scale = np.abs(now.numbers[mine, valuation.GAMMA_ASSET]).max()
        assert now.numbers[mine, valuation.GAMMA_ASSET] == pytest.approx(measured, rel=1e-4, abs=1e-5 * scale)


def test_a_tick_of_one_asset_is_a_valuation_at_its_new_price() -> None:
    legs = random_legs(100, 33, (*ALL_BUT_EXOTIC, AMERICAN))
    third = np.isin(legs.legs["kind"], (LINEAR, OPTION)) & (legs.legs["account"] == 1)
    legs.legs["quote"][third], legs.legs["settle"][third] = 0, 3  # paid in what it is not quoted in
    assert third.any()
    before = valuation.value(legs)
    for asset in (1, 2, 3):
        after = valuation.moved(before, asset, legs.prices[asset] * 1.03)
        prices = legs.prices.copy()
        prices[asset] *= 1.03
        fresh = valuation.value(
            Legs(
                legs=legs.legs, assets=legs.assets, prices=prices, accounts=legs.accounts, names=legs.names, missing=()
            )
        )  # fmt: skip
        assert np.array_equal(after.numbers, fresh.numbers)
        assert not np.array_equal(after.numbers, before.numbers)
    assert np.array_equal(before.numbers, valuation.value(legs).numbers)


def test_the_delta_of_a_coin_settled_option_holds_its_premium() -> None:
    legs = desk(coin_option(BTC, 1.0, DERIBIT, strike=100_000.0, years=0.25))
    report = valuation.value(legs).total()
    dollars = valuation.value(desk(option(BTC, 1.0, DERIBIT, strike=100_000.0, years=0.25))).total()
    assert report.value == pytest.approx(dollars.value)
    assert report.delta == pytest.approx(
        dollars.delta
    )  # N(d1); without the premium held in coin it is that less the price
    assert report.gamma == pytest.approx(dollars.gamma)
    assert report.vega == pytest.approx(dollars.vega)


def test_an_inverse_perpetual_at_its_mark_is_as_many_dollars_long() -> None:
    report = valuation.value(desk(inverse_perpetual(BTC, 50_000.0, DERIBIT, entry=100_000.0))).total()
    assert report.value == 0.0
    assert report.delta_dollars == pytest.approx(50_000.0)
    assert report.delta == pytest.approx(0.5)
    assert report.gamma == pytest.approx(0.0, abs=1e-9)


def test_reports_are_in_the_units_that_desks_use() -> None:
    legs = desk(option(BTC, 2.0, DERIBIT, strike=100_000.0, years=30.0 / 365.0, volatility=0.5))
    report = valuation.value(legs).total()
    up = valuation.moved(valuation.value(legs), BTC, 101_000.0).total()
    assert (up.delta - report.delta) * 100_000.0 == pytest.approx(report.gamma, rel=0.02)
    a_point, a_day = no_shocks(1, 4, term_power=0.0), no_shocks(1, 4, horizon_years=1.0 / 365.0)
    a_point.volatility_shift[0, BTC] = 0.01 / 0.5
    assert revalue.profits(legs, a_point)[0] == pytest.approx(report.vega, rel=0.01)
    assert revalue.profits(legs, a_day)[0] == pytest.approx(report.theta, rel=0.02)
    a_basis_point = no_shocks(1, 4)
    a_basis_point.rate_shift[0, BTC] = 1e-4
    assert revalue.profits(legs, a_basis_point)[0] == pytest.approx(report.rho, rel=0.01)


def mixed() -> Legs:
    return desk(
        cash(BTC, 1.0, DERIBIT),
        coin_option(BTC, -3.0, DERIBIT, strike=90_000.0, years=0.1, sign=-1.0),
        option(AAVE, 500.0, DERIBIT, strike=210.0, years=2.0, settle=USDT, quote=USDT),
        perpetual(AAVE, -800.0, BINANCE, entry=190.0),
        perpetual(BTC, 0.5, BINANCE, entry=90_000.0),
        cash(USDT, 1e5, BINANCE),
        cash(USD, 2e5, DERIBIT),
    )


def test_parts_add_up_to_the_whole_whichever_way_they_are_cut() -> None:
    valued = valuation.value(mixed())
    whole = valued.total()
    assert whole.value == pytest.approx(valued.value) == pytest.approx(revalue.values(valued.legs).sum())
    assert math.isnan(whole.delta), "coins of different kinds do not add up"
    for parts in (valued.by_asset(), valued.by_account(), valued.by_venue(), valued.by_expiry()):
        for field in ("value", "delta_dollars", "gross_dollars", "gamma", "vega", "theta", "rho", "legs"):
            assert sum(getattr(part, field) for part in parts.values()) == pytest.approx(
                getattr(whole, field)
            )
    assert list(valued.by_expiry()) == ["none", "<= 90 d", "> 365 d"]
    assert list(valued.by_venue()) == ["deribit", "binance"]


def test_gross_adds_what_net_nets() -> None:
    legs = desk(
        perpetual(BTC, 1.0, BINANCE, entry=1e5), inverse_perpetual(BTC, -100_000.0, DERIBIT, entry=1e5)
    )
    report = valuation.value(legs).by_asset()["BTC"]
    assert report.delta_dollars == pytest.approx(0.0, abs=1e-9)
    assert report.gross_dollars == pytest.approx(200_000.0)


def test_exposures_hold_what_profits_are_paid_in() -> None:
    legs = mixed()
    exposures = valuation.value(legs).exposures()
    for number, asset in enumerate(legs.assets[1:], start=1):
        assert exposures[asset] == pytest.approx(slope(legs, "spot_log", number).sum(), rel=1e-4, abs=1.0)


def test_what_is_missing_is_carried_along() -> None:
    gap = Missing("deribit:X", "mark.absent", "no mark")
    legs = mixed()
    carried = Legs(
        legs=legs.legs, assets=legs.assets, prices=legs.prices, accounts=legs.accounts, names=legs.names, missing=(gap,)
    )  # fmt: skip
    assert valuation.moved(valuation.value(carried), BTC, 1e5).missing == (gap,)


def test_a_desk_of_nothing_is_worth_nothing() -> None:
    valued = valuation.value(desk())
    assert valued.total().value == 0.0
    assert valued.by_expiry() == {}
    assert valued.by_asset()["BTC"].legs == 0
