"""The SPAN-style scan against sums by hand, and the Derive model on a general portfolio."""

import math

import msgspec
import numpy as np
import pytest

from holdfast.app.risk.margin_models import own_model, shipped_model
from holdfast.clock import DAY_NS
from holdfast.error import CallerError
from holdfast.risk.contract import Contract
from holdfast.risk.margin.parameters import parameter_sets
from holdfast.risk.margin.registry import MODELS, known_model
from holdfast.risk.margin.span import Span, SpanValues
from holdfast.risk.market import Curve, Mark, Price, RiskMarket
from holdfast.risk.portfolio import Balance, Portfolio, Position

NOW = 1_760_000_000 * 10**9
PRICES = {"BTC": 80_000.0, "ETH": 3_000.0, "USDC": 1.0}
RANGES = {"price_scan": 0.1, "volatility_scan": 0.25, "inter_month": 0.01, "short_option_min": 0.02}
TERMS = {
    "extreme_multiple": 3.0,
    "extreme_cover": 0.33,
    "horizon_days": 0.0,
    "mm_share": 0.8,
    "commodities": {"BTC": RANGES, "ETH": {**RANGES, "price_scan": 0.2}},
    "inter_commodity": [{"assets": ["BTC", "ETH"], "credit": 0.5}],
}


def span(**changed: object) -> Span:
    written = {"from": "2020-01-01", "sources": ["a desk"], "parameters": TERMS | changed}
    return Span(parameter_sets({"model": "span", "sets": [written]}, SpanValues, "here"))


def contract(asset: str, days: int = 0, strike: float = 0.0) -> Contract:
    kind = "option" if strike else "future" if days else "perpetual"
    return Contract(
        venue="x", symbol=f"{asset}-{days}-{strike:g}", kind=kind, asset=asset, quote="USDC", settle="USDC", strike=strike,
        option_type="call" if strike else "", expiry_ns=NOW + days * DAY_NS if days else 0,
    )  # fmt: skip


def account(
    *held: tuple[Contract, float], cash: float = 1e5, haircut: float = 0.0
) -> tuple[Portfolio, RiskMarket]:
    positions = tuple(
        Position(account="a", contract=one, quantity=quantity, entry_price=PRICES[one.asset])
        for one, quantity in held
    )
    balance = Balance(venue="x", account="a", asset="USDC", amount=cash, haircut=haircut)
    marks = {
        one.name: Mark(price=PRICES[one.asset], time_ns=NOW, volatility=0.6 if one.strike else math.nan)
        for one, _ in held
    }
    market = RiskMarket(
        time_ns=NOW,
        prices={asset: Price(price, NOW) for asset, price in PRICES.items()},
        curves={asset: Curve(NOW, PRICES[asset]) for asset in ("BTC", "ETH")},
        marks=marks,
    )
    return Portfolio(name="desk", positions=positions, balances=(balance,)), market


def test_one_perpetual_costs_its_scan_range() -> None:
    for quantity in (2.0, -2.0):
        found = span().measure(*account((contract("BTC"), quantity)))
        assert found.im == pytest.approx(0.1 * 2.0 * 80_000.0)
        assert found.mm == pytest.approx(0.8 * found.im)
        assert found.equity == pytest.approx(1e5)
        assert len(found.scenarios) == 16


def test_an_extreme_move_counts_by_its_cover() -> None:
    mild, wild = (
        span(extreme_multiple=multiple).measure(*account((contract("BTC"), 1.0))) for multiple in (3.0, 6.0)
    )
    assert mild.im == pytest.approx(8_000.0)  # 0.33 of three times the range is less than the range
    assert wild.im == pytest.approx(0.33 * 0.6 * 80_000.0)


def test_a_calendar_spread_has_no_scan_and_a_charge() -> None:
    found = span().measure(*account((contract("BTC", 30), 3.0), (contract("BTC", 90), -2.0)))
    assert found.parts["BTC.scan"] == pytest.approx(0.1 * 80_000.0)
    assert found.parts["BTC.inter_month"] == pytest.approx(2.0 * 80_000.0 * 0.01, rel=1e-6)
    assert found.im == pytest.approx(8_000.0 + 1_600.0, rel=1e-6)


def test_opposite_deltas_of_two_assets_earn_a_credit_and_equal_ones_none() -> None:
    long, short = (contract("BTC"), 1.0), (contract("ETH"), -20.0)
    found = span().measure(*account(long, short))
    # 60,000 of 80,000 and all of 60,000 stand against each other: half of their price risk
    assert found.parts["BTC.credit"] == pytest.approx(-0.5 * 8_000.0 * 0.75, rel=1e-6)
    assert found.parts["ETH.credit"] == pytest.approx(-0.5 * 12_000.0, rel=1e-6)
    same = span().measure(*account(long, (contract("ETH"), 20.0)))
    assert same.im == pytest.approx(20_000.0)


def test_a_delta_earns_its_credit_once() -> None:
    pairs = [{"assets": ["BTC", "ETH"], "credit": 0.5}, {"assets": ["ETH", "BTC"], "credit": 0.5}]
    held = account((contract("BTC"), 1.0), (contract("ETH"), -20.0))
    assert span(inter_commodity=pairs).measure(*held).im == pytest.approx(span().measure(*held).im)


def test_short_options_cost_at_least_the_minimum() -> None:
    far = (contract("BTC", 7, 300_000.0), -5.0)
    found = span().measure(*account(far))
    assert found.parts["BTC.scan"] < 1.0
    assert found.im == pytest.approx(5.0 * 80_000.0 * 0.02)
    assert span().measure(*account((far[0], 5.0))).im < 1.0


def test_a_long_option_loses_no_more_than_it_is_worth_and_equity_has_its_value() -> None:
    portfolio, market = account((contract("BTC", 30, 85_000.0), 4.0), cash=0.0)
    found = span(horizon_days=1.0).measure(portfolio, market)
    assert 0.0 < found.im <= found.equity


def test_an_asset_without_ranges_is_told_and_the_default_takes_it_where_there_is_one() -> None:
    held = account((contract("BTC"), 1.0), (contract("ETH"), 1.0))
    only = {"commodities": {"BTC": RANGES}, "inter_commodity": []}
    found = span(**only).measure(*held)
    assert [one.code for one in found.missing] == ["parameters.no_asset"]
    assert found.im == pytest.approx(8_000.0)
    whole = span(**only, default=RANGES).measure(*held)
    assert whole.im == pytest.approx(8_300.0)
    assert whole.missing == ()


def test_collateral_counts_after_its_haircut_and_a_debt_in_full() -> None:
    assert span().measure(*account(cash=1e5, haircut=0.1)).equity == pytest.approx(9e4)
    assert span().measure(*account(cash=-1e5, haircut=0.1)).equity == pytest.approx(-1e5)


def test_a_moment_before_the_parameters_is_refused() -> None:
    portfolio, market = account((contract("BTC"), 1.0))
    found = span().measure(portfolio, msgspec.structs.replace(market, time_ns=0))
    assert found.im == 0.0
    assert found.missing[0].code == "parameters.before_first"


def test_the_scan_grows_with_the_portfolio_and_never_with_an_offset() -> None:
    one = span().measure(*account((contract("BTC"), 1.0), (contract("BTC", 30, 85_000.0), -3.0)))
    two = span().measure(*account((contract("BTC"), 2.0), (contract("BTC", 30, 85_000.0), -6.0)))
    naked = span().measure(*account((contract("BTC", 30, 85_000.0), -3.0)))
    assert two.im == pytest.approx(2.0 * one.im)
    assert one.parts["BTC.scan"] < naked.parts["BTC.scan"]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_by_name_measures_an_empty_account(name: str) -> None:
    model = shipped_model(name)
    assert model.name == name
    portfolio = Portfolio(name="empty")
    found = model.measure(portfolio, RiskMarket(time_ns=NOW))
    assert found.im == found.mm == found.equity == 0.0


def test_a_wrong_name_is_told_the_nearest_right_one() -> None:
    assert known_model("deribit-pm") == "deribit-pm"
    with pytest.raises(CallerError, match="did you mean 'deribit-pm'"):
        known_model("Deribit_PM")
    with pytest.raises(CallerError, match="known: binance-coinm"):
        known_model("zzz")


def test_a_desks_own_parameters_are_read_and_wrong_ones_told(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "span.yml"
    path.write_text(
        "model: span\nsets:\n  - from: 2020-01-01\n    sources: [a desk]\n    parameters: {mm_share: 1}\n"
    )
    with pytest.raises(CallerError, match=r"span\.yml"):
        own_model("span", path)
    with pytest.raises(CallerError, match=r"parameters\.unreadable"):
        own_model("span", tmp_path / "none.yml")


def derive(*held: tuple[Contract, float], **changed: float) -> tuple[Portfolio, RiskMarket]:
    return account(*held, **changed)


def test_derives_margin_of_a_perpetual_is_its_worst_scenario_and_contingency() -> None:
    model = shipped_model("derive-pmrm2")
    found = model.measure(*derive((contract("BTC"), 2.0)))
    notional = 160_000.0
    # the tail of two thirds down, damped by 0.21, is nearer than eighteen per cent
    worst = max(0.18, 0.66 * 0.21, 0.33 * 0.42) * notional
    assert found.mm == pytest.approx(0.8 * worst + 0.03 * notional)
    assert found.im == pytest.approx(worst + 0.04 * notional)
    assert found.equity == pytest.approx(1e5)
    assert min(one.profit for one in found.scenarios) == pytest.approx(-worst)


def test_derives_account_margins_one_asset_and_tells_the_others() -> None:
    model = shipped_model("derive-pmrm2")
    both = model.measure(
        *derive((contract("BTC"), 2.0), (contract("BTC", 30, 90_000.0), 1.0), (contract("ETH"), 1.0))
    )
    assert [one.code for one in both.missing] == ["derive.other_underlying"]
    portfolio, market = derive((contract("BTC"), 2.0))
    unknown = msgspec.structs.replace(market, prices={**market.prices, "DOGE": Price(1.0, NOW)})
    doge = contract("DOGE")
    unknown = msgspec.structs.replace(unknown, marks={doge.name: Mark(price=1.0, time_ns=NOW)})
    held = msgspec.structs.replace(
        portfolio, positions=(Position(account="a", contract=doge, quantity=1.0, entry_price=1.0),)
    )
    assert model.measure(held, unknown).missing[0].code == "derive.underlying"


def test_derives_collateral_without_a_haircut_backs_nothing_and_is_told() -> None:
    model = shipped_model("derive-pmrm2")
    portfolio, market = derive((contract("BTC"), 1.0))
    prices = {**market.prices, "FOO": Price(2.0, NOW), "CBBTC": Price(80_000.0, NOW)}
    market = msgspec.structs.replace(market, prices=prices)

    def headroom(*added: Balance) -> float:
        held = msgspec.structs.replace(portfolio, balances=(*portfolio.balances, *added))
        return model.measure(held, market).headroom

    bare = headroom()
    foo = Balance(venue="x", account="a", asset="FOO", amount=100.0)
    assert headroom(foo) == pytest.approx(bare)
    assert headroom(msgspec.structs.replace(foo, haircut=0.25)) == pytest.approx(bare + 150.0)
    short_only = headroom(Balance(venue="x", account="a", asset="CBBTC", amount=1.0))
    cancelling = (
        0.8 * 0.18 * 80_000.0
    )  # a coin more falls with the perpetual long: the loss in the scenario doubles
    assert short_only == pytest.approx(bare + 80_000.0 * (1.0 - 0.156) - cancelling)


def test_derives_rate_is_that_of_the_curve() -> None:
    model = shipped_model("derive-pmrm2")
    portfolio, market = derive((contract("BTC", 30, 80_000.0), 1.0), cash=0.0)
    expiry = NOW + 30 * DAY_NS
    curve = Curve(NOW, 80_000.0, (expiry,), (80_000.0,), (0.98,))
    discounted = model.measure(portfolio, msgspec.structs.replace(market, curves={"BTC": curve}))
    plain = model.measure(portfolio, market)
    assert discounted.equity == pytest.approx(0.98 * plain.equity)
    assert np.isfinite(discounted.mm)
