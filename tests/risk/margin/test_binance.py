"""Binance's tiers: the venue's published figures, its liquidation price beside the model's own zero, and refusals."""

import math
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from margin_desk import account, future, holding, market_at, option, perpetual, shipped_sets

from holdfast.app.risk.margin_models import shipped_model
from holdfast.risk.margin.binance import BinanceTiers
from holdfast.risk.margin.binance_tiers import Bracket, Brackets, TierValues, liquidation_price, maintenance

NOW = "2025-11-20T00:00:00Z"
TABLES = [
    pytest.param(brackets, id=f"{model} {one.name} {contract}")
    for model in ("binance-usdm", "binance-coinm")
    for one in shipped_sets(model).sets
    for contract, brackets in one.values.contracts.items()
]


@pytest.mark.parametrize("brackets", TABLES)
def test_amounts_follow_from_rates_and_floors_so_that_margin_never_jumps(brackets: Brackets) -> None:
    for low, high in pairwise(brackets.rows):
        assert high.amount == pytest.approx(low.amount + low.cap * (high.rate - low.rate), abs=0.01)
        assert maintenance(low.cap, low) == pytest.approx(maintenance(low.cap, high), abs=0.01)
    assert brackets.rows[0].amount == 0.0
    assert all(row.rate < 1.0 / row.leverage_max for row in brackets.rows)  # maintenance is below initial


def test_published_amounts_are_the_tables_own() -> None:
    # FAQ of 2020-08-14: at 500,000 USDT the amount is 1,300 USDT, at 264,000 the rate 1 %
    old = shipped_sets("binance-usdm").sets[0].values.contracts["BTC/USDT"]
    assert old.at(500_000.0) == Bracket(1_000_000.0, 50.0, 0.01, 1_300.0)
    assert old.at(264_000.0).rate == 0.01
    # FAQ of 2021-02-05: at 300 BTC the rate is 12.5 % and the amount 11.605 BTC; 0.4 BTC asks for 0.0016 BTC
    coin = shipped_sets("binance-coinm").sets[0].values.contracts["BTC/USD"]
    assert coin.at(300.0).rate == 0.125
    assert coin.at(300.0).amount == pytest.approx(11.605)
    assert maintenance(0.4, coin.at(0.4)) == pytest.approx(0.0016)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([[100.0, 10.0, 0.01, 0.0], [200.0, 5.0, 0.02, 5.0]], "bracket 2: its amount 5 should be 1"),
        ([[100.0, 10.0, 0.01, 0.0], [90.0, 5.0, 0.02, 1.0]], "bracket 2: caps and rates ascend"),
        ([[100.0, 10.0, 0.02, 0.0], [200.0, 5.0, 0.01, -1.0]], "bracket 2: caps and rates ascend"),
        ([[100.0, 0.5, 0.02, 0.0]], "leverage is at least 1"),
        ([], "a table needs a bracket"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(rows: list[list[float]], told: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=told):
        msgspec.convert({"rows": rows}, Brackets)


def test_margin_is_by_the_notional_s_bracket_and_the_leverage_in_use() -> None:
    perp = perpetual("binance", "BTC", "USDT")
    market = market_at(NOW, {"BTC": 100_000.0, "USDT": 1.0}, {perp: (100_000.0, 0.0)})
    desk = account("binance", holding(perp, -20.0), USDT=500_000.0)  # 2 M: 75x at most, 0.65 %, 1,500
    default = shipped_model("binance-usdm").measure(desk, market)
    assert default.mm == pytest.approx(2e6 * 0.0065 - 1_500.0)
    assert default.im == pytest.approx(2e6 / 20.0)
    sets = shipped_sets("binance-usdm")
    chosen = BinanceTiers(sets, {perp.symbol: 125.0}).measure(desk, market)
    assert chosen.im == pytest.approx(2e6 / 75.0)  # never more than the bracket allows
    large = account("binance", holding(perp, -2_000.0), USDT=1e9)  # 200 M: 10x at most
    assert shipped_model("binance-usdm").measure(large, market).im == pytest.approx(2e8 / 10.0)


def test_coin_margined_notional_is_in_coin_or_dollars_as_its_table_says() -> None:
    btc, aave = perpetual("binance", "BTC"), perpetual("binance", "AAVE")
    market = market_at(NOW, {"BTC": 100_000.0, "AAVE": 200.0}, {btc: (100_000.0, 0.0), aave: (200.0, 0.0)})
    desk = account("binance", holding(btc, 7 * 100_000.0), holding(aave, -80_000.0), BTC=1.0, AAVE=100.0)
    result = shipped_model("binance-coinm").measure(desk, market)
    assert result.parts["BTC.mm"] == pytest.approx(7 * 0.005 - 0.005)
    assert result.parts["AAVE.mm"] == pytest.approx((80_000.0 * 0.02 - 350.0) / 200.0)
    assert result.parts["AAVE.im"] == pytest.approx(80_000.0 / 200.0 / 20.0)


_sizes = st.floats(0.01, 4_000.0)


@settings(max_examples=40)
@given(_sizes, st.sampled_from([1.0, -1.0]), st.floats(2.0, 60.0))
def test_the_venue_s_liquidation_price_is_where_the_model_s_headroom_is_zero(
    size: float, side: float, leverage: float
) -> None:
    perp = perpetual("binance", "BTC", "USDT")
    entry = 100_000.0
    wallet = size * entry / leverage
    brackets = shipped_sets("binance-usdm").sets[-1].values.contracts["BTC/USDT"]
    price = liquidation_price(brackets, size=side * size, entry=entry, wallet=wallet)
    desk = account("binance", holding(perp, side * size, entry), USDT=wallet)
    assert price is not None
    assert (price < entry if side > 0.0 else price > entry) == (
        wallet > maintenance(size * entry, brackets.at(size * entry))
    )
    market = market_at(NOW, {"BTC": price, "USDT": 1.0}, {perp: (price, 0.0)})
    result = shipped_model("binance-usdm").measure(desk, market)
    assert result.headroom == pytest.approx(0.0, abs=1e-7 * size * entry)
    assert result.ratio == pytest.approx(1.0, abs=1e-4)


@settings(max_examples=40)
@given(
    st.floats(0.01, 900.0),
    st.sampled_from([1.0, -1.0]),
    st.floats(2.0, 60.0),
    st.sampled_from(["BTC", "ATOM"]),
)
def test_so_is_the_coin_margined_one(size: float, side: float, leverage: float, asset: str) -> None:
    perp = perpetual("binance", asset)
    entry = 100_000.0 if asset == "BTC" else 4.0
    dollars = side * size * entry
    wallet = size / leverage
    brackets = shipped_sets("binance-coinm").sets[-1].values.contracts[f"{asset}/USD"]
    price = liquidation_price(brackets, size=dollars, entry=entry, wallet=wallet, inverse=True)
    if price is None:  # a short whose coins always suffice
        assert side < 0.0
        return
    if asset == "BTC" and size * entry / price > brackets.rows[-1].cap:
        return  # above the last tier: the model has no requirement there
    desk = account("binance", holding(perp, dollars, entry), **{asset: wallet})
    market = market_at(NOW, {asset: price}, {perp: (price, 0.0)})
    result = shipped_model("binance-coinm").measure(desk, market)
    assert result.headroom == pytest.approx(0.0, abs=1e-7 * size * price)


def test_a_cross_account_s_liquidation_price_counts_its_other_positions() -> None:
    btc, eth = perpetual("binance", "BTC", "USDT"), perpetual("binance", "ETH", "USDT")
    market = market_at(NOW, {"BTC": 1e5, "ETH": 3e3, "USDT": 1.0}, {btc: (1e5, 0.0), eth: (3e3, 0.0)})
    other = shipped_model("binance-usdm").measure(account("binance", holding(eth, 100.0, 3_100.0)), market)
    brackets = shipped_sets("binance-usdm").sets[-1].values.contracts["BTC/USDT"]
    price = liquidation_price(
        brackets, size=-10.0, entry=1e5, wallet=2e5, other_maintenance=other.mm, other_profit=-100.0 * 100.0
    )
    assert price is not None
    moved = market_at(NOW, {"BTC": price, "ETH": 3e3, "USDT": 1.0}, {btc: (price, 0.0), eth: (3e3, 0.0)})
    both = account("binance", holding(btc, -10.0, 1e5), holding(eth, 100.0, 3_100.0), USDT=2e5)
    assert shipped_model("binance-usdm").measure(both, moved).headroom == pytest.approx(0.0, abs=1e-6)


def test_no_position_has_no_liquidation_price_and_a_rich_long_none_above_zero() -> None:
    table = shipped_sets("binance-usdm").sets[-1].values.contracts["BTC/USDT"]
    assert liquidation_price(table, size=0.0, entry=1e5, wallet=1e5) is None
    assert liquidation_price(table, size=1.0, entry=1e5, wallet=2e5) is None


def test_tables_switch_with_the_market_s_date() -> None:
    perp = perpetual("binance", "AAVE", "USDT")
    asked: list[float] = []
    for time in ("2025-10-10T21:20:00Z", "2025-11-10T00:00:00Z"):
        market = market_at(time, {"AAVE": 200.0, "USDT": 1.0}, {perp: (200.0, 0.0)})
        asked.append(
            shipped_model("binance-usdm").measure(account("binance", holding(perp, 1_000.0)), market).mm
        )
    assert asked == pytest.approx([200_000 * 0.02 - 350.0, 200_000 * 0.02 - 1_000.0])


def test_more_never_asks_for_less_up_to_the_last_cap_and_beyond_it_is_missing() -> None:
    perp = perpetual("binance", "ATOM", "USDT")
    market = market_at(NOW, {"ATOM": 4.0, "USDT": 1.0}, {perp: (4.0, 0.0)})
    model = shipped_model("binance-usdm")
    asked = [
        model.measure(account("binance", holding(perp, -q)), market) for q in np.geomspace(10.0, 4.9e6, 60)
    ]
    assert all(low.im < high.im and low.mm < high.mm for low, high in pairwise(asked))
    beyond = model.measure(account("binance", holding(perp, 6e6)), market)
    assert [gap.code for gap in beyond.missing] == ["margin.above_tiers"]


def test_unknown_contracts_options_and_old_dates_are_missing() -> None:
    doge = perpetual("binance", "DOGE", "USDT")
    dated = future("binance", "BTC", "2025-12-26T08:00:00Z", "USDT")
    call = option("binance", "BTC", "2025-12-26T08:00:00Z", 1e5, "C", "USDT")
    prices = {"DOGE": 0.2, "BTC": 1e5, "USDT": 1.0}
    marks: Any = {doge: (0.2, 0.0), dated: (1e5, 0.0), call: (math.nan, 0.5)}
    desk = account("binance", holding(doge, 5.0), holding(dated, 0.1), holding(call, -1.0), USDT=100.0)
    result = shipped_model("binance-usdm").measure(desk, market_at(NOW, prices, marks))
    codes = {gap.where: gap.code for gap in result.missing}
    assert codes == {doge.name: "parameters.no_asset", call.name: "margin.payoff"}
    assert result.mm == pytest.approx(1e4 * 0.01)
    old = shipped_model("binance-usdm").measure(desk, market_at("2020-01-01T00:00:00Z", prices, marks))
    assert old.missing[0].code == "parameters.before_first"


def test_random_accounts_are_numbers() -> None:
    random = np.random.default_rng(3)
    contracts = [perpetual("binance", name, "USDT") for name in ("BTC", "ETH", "AAVE", "ATOM", "TRX")]
    prices = {"BTC": 1e5, "ETH": 3e3, "AAVE": 200.0, "ATOM": 4.0, "TRX": 0.3, "USDT": 1.0}
    market = market_at(NOW, prices, {one: (prices[one.asset], 0.0) for one in contracts})
    for _ in range(50):
        positions = [holding(one, float(random.normal() * 1e5 / prices[one.asset])) for one in contracts]
        result = shipped_model("binance-usdm").measure(account("binance", *positions, USDT=1e4), market)
        assert np.isfinite([result.im, result.mm, result.equity]).all()
        assert result.im >= result.mm >= 0.0


def test_the_values_type_is_what_the_registry_reads() -> None:
    assert all(isinstance(one.values, TierValues) for one in shipped_sets("binance-usdm").sets)
