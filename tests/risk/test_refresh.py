"""The refresh: what is known agrees with formulas, what is not known is absent, and nothing partial looks whole."""

import math

import msgspec
import numpy as np
import pytest

from holdfast.app.risk.margin_models import shipped_model
from holdfast.clock import DAY_NS, MINUTE_NS, parse_time_ns
from holdfast.risk.contract import Contract
from holdfast.risk.draws import generator
from holdfast.risk.liquidity.unwind import Turnover
from holdfast.risk.market import Depth, Mark, Price, RiskMarket
from holdfast.risk.portfolio import Account, Balance, Portfolio, Position
from holdfast.risk.pricing.normal import normal_cdf
from holdfast.risk.refresh import DeskRisk, History, measure_desk

NOW = parse_time_ns("2025-10-10T12:00:00Z")
PERPETUAL = Contract(
    venue="binance-usdm", symbol="BTCUSDT", kind="perpetual", asset="BTC", quote="USDT", settle="USDT"
)
OPTION = Contract(
    venue="okx", symbol="BTC-USD-251031-80000-C", kind="option", asset="BTC", quote="USD", settle="BTC", inverse=True,
    strike=80_000.0, option_type="call", expiry_ns=NOW + 21 * DAY_NS,
)  # fmt: skip
MODELS = {name: shipped_model(name) for name in ("binance-usdm", "okx-pm")}
DEVIATION_1M = 0.001


def desk(collateral: float, *, options: float = 0.0, coins: float = 0.0) -> Portfolio:
    positions = [Position(account="a", contract=PERPETUAL, quantity=10.0, entry_price=100_000.0)]
    balances = [Balance(venue="binance-usdm", account="a", asset="USDT", amount=collateral)]
    accounts = [Account(venue="binance-usdm", name="a", margin_model="binance-usdm")]
    if options:
        positions.append(Position(account="o", contract=OPTION, quantity=options))
        balances.append(Balance(venue="okx", account="o", asset="BTC", amount=coins))
        accounts.append(Account(venue="okx", name="o", margin_model="okx-pm"))
    return Portfolio(
        name="desk", positions=tuple(positions), balances=tuple(balances), accounts=tuple(accounts)
    )


def market(**changes: object) -> RiskMarket:
    marks = {
        "binance-usdm:BTCUSDT": Mark(price=100_000.0, time_ns=NOW),
        "okx:BTC-USD-251031-80000-C": Mark(price=0.21, time_ns=NOW, volatility=0.6),
    }
    prices = {"USD": Price(1.0, NOW), "BTC": Price(100_000.0, NOW), "USDT": Price(1.0, NOW)}
    return msgspec.structs.replace(RiskMarket(time_ns=NOW, prices=prices, marks=marks), **changes)


def history(minutes: int = 1_000, seed: int = 3) -> History:
    steps = DEVIATION_1M * generator(seed).standard_normal(minutes)
    prices = 100_000.0 * np.exp(np.cumsum(steps) - steps.sum())
    return {"BTC": (NOW - np.arange(minutes)[::-1] * MINUTE_NS, prices)}


def refreshed(portfolio: Portfolio, seen: RiskMarket | None = None, past: History | None = None) -> DeskRisk:
    return measure_desk(portfolio, seen or market(), history() if past is None else past, MODELS, {})


def values(risk: DeskRisk, venue: str = "") -> dict[str, float]:
    return next(part.values for part in risk.parts if part.venue == venue)


def test_the_chance_of_a_call_of_a_linear_book_is_that_of_a_walk() -> None:
    for collateral in (12_000.0, 16_000.0, 24_000.0):
        known = values(refreshed(desk(collateral)))
        mm = known["margin_ratio"] * collateral
        move = (collateral - mm) / 1e6  # ten coins of 100,000
        deviation = DEVIATION_1M * math.sqrt(60.0)
        expected = 2.0 * normal_cdf(-move / deviation)
        assert known["call_probability_1h"] == pytest.approx(expected, abs=0.06)
        assert known["call_probability_24h"] >= known["call_probability_1h"]


def test_the_shortfall_of_a_day_is_that_of_a_normal_book() -> None:
    known = values(refreshed(desk(500_000.0)))
    deviation = 1e6 * DEVIATION_1M * math.sqrt(1_440.0)
    assert known["expected_shortfall_1d"] == pytest.approx(
        2.338 * deviation, rel=0.12
    )  # ES 97.5 % of a normal


def test_an_account_under_water_is_called_already() -> None:
    known = values(refreshed(desk(1_000.0)))
    assert known["call_probability_1h"] == known["call_probability_24h"] == 1.0
    assert known["margin_ratio"] > 1.0
    assert known["margin_distance"] < 0.0


def test_the_worst_account_speaks_for_the_desk_and_sums_are_of_all() -> None:
    risk = refreshed(desk(500_000.0, options=-5.0, coins=1.0))
    whole, binance, okx = values(risk), values(risk, "binance-usdm"), values(risk, "okx")
    assert whole["margin_ratio"] == max(binance["margin_ratio"], okx["margin_ratio"])
    assert whole["equity"] == pytest.approx(binance["equity"] + okx["equity"])
    assert whole["delta"] == pytest.approx(binance["delta"] + okx["delta"])
    assert okx["vega_1pt"] < 0.0
    assert binance["vega_1pt"] == 0.0


def test_without_a_history_what_could_come_is_absent_and_the_reason_is_told() -> None:
    risk = refreshed(desk(500_000.0), past={})
    assert not {"expected_shortfall_1d", "call_probability_1h", "call_probability_24h"} & set(values(risk))
    assert "margin_ratio" in values(risk)
    assert "returns.none" in {one.code for one in risk.parts[0].missing}


def test_a_sum_that_would_lack_a_position_is_absent_where_it_lies_and_whole_elsewhere() -> None:
    unmarked = market(marks={"binance-usdm:BTCUSDT": Mark(price=100_000.0, time_ns=NOW)})
    risk = refreshed(desk(500_000.0, options=-5.0, coins=1.0), unmarked)
    assert "equity" not in values(risk)
    assert "equity" not in values(risk, "okx")
    assert "margin_ratio" not in values(risk, "okx")
    assert values(risk, "binance-usdm")["equity"] == pytest.approx(500_000.0)
    assert "volatility.absent" in {one.code for one in risk.parts[0].missing}


def test_a_stale_mark_is_not_used() -> None:
    old = market(marks={"binance-usdm:BTCUSDT": Mark(price=90_000.0, time_ns=NOW - DAY_NS)})
    risk = refreshed(desk(500_000.0), old)
    assert "mark.stale" in {one.code for one in risk.parts[0].missing}
    assert "equity" not in values(risk)


def test_unwinding_is_known_where_a_book_or_a_volume_is() -> None:
    levels = np.array([[99_990.0, 100.0]]), np.array([[100_010.0, 100.0]])
    deep = market(depths={"binance-usdm:BTCUSDT": Depth(NOW, *levels)})
    assert values(refreshed(desk(500_000.0), deep))["unwind_cost"] == pytest.approx(10.0 * 10.0)
    assert "unwind_cost" not in values(refreshed(desk(500_000.0)))
    traded = {"binance-usdm:BTCUSDT": Turnover(daily_volume=1e4, daily_volatility=0.04)}
    risk = measure_desk(desk(500_000.0), market(), history(), MODELS, traded)
    assert values(risk)["unwind_cost"] > 0.0


def test_an_account_without_a_model_is_told_and_has_no_margin() -> None:
    portfolio = msgspec.structs.replace(desk(500_000.0), accounts=(Account(venue="binance-usdm", name="a"),))
    risk = refreshed(portfolio)
    assert "margin_ratio" not in values(risk)
    assert "margin.no_model" in {one.code for one in risk.parts[0].missing}


def test_the_same_history_gives_the_same_answer() -> None:
    assert refreshed(desk(16_000.0)) == refreshed(desk(16_000.0))


def test_a_filter_that_explodes_is_bounded_by_what_there_is_to_lose() -> None:
    times, prices = history()["BTC"]
    crashed = prices.copy()
    crashed[-30:] *= np.exp(-np.linspace(0.0, 1.2, 30))
    risk = refreshed(desk(500_000.0, options=-5.0, coins=1.0), past={"BTC": (times, crashed)})
    assert all(math.isfinite(one) for part in risk.parts for one in part.values.values())


def test_a_coin_without_a_history_leaves_its_account_without_a_shortfall_and_a_peg_does_not() -> None:
    held = desk(500_000.0)
    coin = Balance(venue="binance-usdm", account="a", asset="SOL", amount=100.0)
    seen = market(prices={**market().prices, "SOL": Price(150.0, NOW), "USDC": Price(0.999, NOW)})
    risk = refreshed(msgspec.structs.replace(held, balances=(*held.balances, coin)), seen)
    assert "equity" in values(risk)
    assert "expected_shortfall_1d" not in values(risk)
    assert "returns.absent" in {one.code for one in risk.parts[0].missing}
    peg = msgspec.structs.replace(coin, asset="USDC")
    assert "expected_shortfall_1d" in values(
        refreshed(msgspec.structs.replace(held, balances=(*held.balances, peg)), seen)
    )
