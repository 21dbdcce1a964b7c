"""OKX's portfolio margin: the venue's published examples and classes, each risk beside a plain formula, refusals."""

import math

import numpy as np
import pytest
from margin_desk import account, future, holding, market_at, option, perpetual, shipped_sets
from scipy.stats import norm

from holdfast.app.risk.margin_models import shipped_model
from holdfast.risk.contract import Contract
from holdfast.risk.margin.base import MarginModel, MarginResult
from holdfast.risk.margin.okx_charges import closing_option, hedged_across, peg_charge, tiered
from holdfast.risk.margin.okx_parameters import PegTiers, Tier, of_class
from holdfast.risk.portfolio import Position

NOW = "2025-06-01T08:00:00Z"
EXPIRY = "2025-07-01T08:00:00Z"  # 30 days
FAR_EXPIRY = "2025-09-29T08:00:00Z"  # 120 days
YEARS = 30.0 / 365.0


@pytest.fixture
def model() -> MarginModel:
    """Return the model with the shipped parameters."""
    return shipped_model("okx-pm")


def _measure(model: MarginModel, *positions: Position, time: str = NOW, **balances: float) -> MarginResult:
    prices = {"BTC": 1e5, "ETH": 2_500.0, "SOL": 150.0, "LINK": 15.0, "PEPE": 1e-5, "ATOM": 4.0,
              "USDT": 1.0, "USDC": 1.0}  # fmt: skip
    marks: dict[Contract, tuple[float, float]] = {
        one.contract: (math.nan, 0.5) if one.contract.kind == "option" else (prices[one.contract.asset], 0.0)
        for one in positions
    }
    return model.measure(account("okx", *positions, **balances), market_at(time, prices, marks))


def test_mr7_s_tiers_are_the_venue_s_own_example() -> None:
    # article 4417291853837: 30,000 raw becomes 10,000 + (30,000 - 10,000) x 2 = 50,000
    tiers = shipped_sets("okx-pm").sets[0].values.minimum.classes[0].tiers
    assert tiered(30_000.0, tiers) == 50_000.0
    assert tiered(10_000.0, tiers) == 10_000.0
    assert tiered(0.0, tiers) == 0.0
    assert tiered(1e6, tiers) == 10e3 + 60e3 * 2 + 100e3 * 4 + 130e3 * 6 + 170e3 * 8 + 230e3 * 10 + 300e3 * 12


def test_mr9_is_the_venue_s_own_example() -> None:
    # announcement of 2024-11-25: 1 M x 0.75 % + 4 M x 1.75 % + 5 M x 2.5 % = 202,500 dollars
    pegs = shipped_sets("okx-pm").sets[0].values.pegs
    assert peg_charge(10e6, 0.985, pegs) == pytest.approx(202_500.0)
    assert peg_charge(1e6, 1.0, pegs) == pytest.approx(5_000.0)
    assert peg_charge(1e6, 0.79, pegs) == pytest.approx(400_000.0)
    charges = [peg_charge(10e6, index, pegs) for index in (1.0, 0.993, 0.985, 0.95, 0.5)]
    assert charges == sorted(charges)


def test_mr9_matches_dollars_in_the_venue_s_order() -> None:
    assert hedged_across({"USDT": 5.0, "USDC": -3.0, "USD": -4.0}) == {
        ("USDT", "USD"): 4.0, ("USDT", "USDC"): 1.0, ("USDC", "USD"): 0.0,
    }  # fmt: skip
    assert set(hedged_across({"USDT": 5.0, "USD": 1.0}).values()) == {0.0}  # one side hedges nothing


@pytest.mark.parametrize(
    ("time", "btc", "sol", "link", "atom"),
    [
        ("2025-01-01T00:00:00Z", 0.15, 0.25, 0.20, 0.25),
        ("2025-01-07T00:00:00Z", 0.12, 0.25, 0.18, 0.25),
        ("2025-12-05T00:00:00Z", 0.12, 0.18, 0.25, 0.25),
    ],
)
def test_mr1_s_classes_switch_with_the_announcements(
    model: MarginModel, time: str, btc: float, sol: float, link: float, atom: float
) -> None:
    for asset, move in (("BTC", btc), ("SOL", sol), ("LINK", link), ("ATOM", atom)):
        result = _measure(model, holding(perpetual("okx", asset, "USDT"), 10.0), time=time, USDT=1e6)
        price = {"BTC": 1e5, "SOL": 150.0, "LINK": 15.0, "ATOM": 4.0}[asset]
        assert result.parts[f"USD.{asset}.mr1"] == pytest.approx(10.0 * price * move)


def test_a_perpetual_s_requirement_is_its_shock_and_initial_is_thirteen_tenths(model: MarginModel) -> None:
    result = _measure(model, holding(perpetual("okx", "BTC", "USDT"), 1.0), USDT=1e5)
    assert result.parts["USD.BTC.mr6"] == pytest.approx(0.5 * 0.24 * 1e5)  # half of the far move's loss
    assert result.mm == pytest.approx(0.12 * 1e5)
    assert result.im == pytest.approx(1.3 * 0.12 * 1e5)
    assert result.equity == pytest.approx(1e5)


def _price(forward: float, strike: float, years: float, volatility: float, sign: float) -> float:
    deviation = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / deviation + deviation / 2.0
    return sign * (forward * norm.cdf(sign * d1) - strike * norm.cdf(sign * (d1 - deviation)))


def test_each_option_risk_is_what_a_plain_formula_says(model: MarginModel) -> None:
    call = option("okx", "BTC", EXPIRY, 110_000.0, "C")
    result = _measure(model, holding(call, -1.0), BTC=1.0)
    now = _price(1e5, 110_000.0, YEARS, 0.5, 1.0)
    losses = [
        _price(1e5 * (1 + move), 110_000.0, YEARS, volatility, 1.0) - now
        for move in (-0.12, -0.08, -0.04, 0.0, 0.04, 0.08, 0.12)
        for volatility in (0.5, 0.75, 0.25, 0.5 * 1.35, 0.5 * 0.65)
    ]
    spot = min(
        1.0, result.parts["USD.BTC.mr1"]
    )  # a coin held does not hedge a short call: its delta is negative
    assert spot == 1.0
    hedge = norm.cdf(math.log(1e5 / 110_000.0) / (0.5 * math.sqrt(YEARS)) + 0.25 * math.sqrt(YEARS))
    hedged = [loss - hedge * 1e5 * move for loss, move in zip(losses, np.repeat(
        [-0.12, -0.08, -0.04, 0.0, 0.04, 0.08, 0.12], 5), strict=True)]  # fmt: skip
    assert result.parts["USD.BTC.mr1"] == pytest.approx(max(hedged), rel=1e-6)
    assert result.parts["USD.BTC.mr2"] == 0.0  # a short option gains as time passes
    long_call = _measure(model, holding(call, 1.0), BTC=1.0)
    decayed = _price(1e5, 110_000.0, YEARS - 1.0 / 365.0, 0.5, 1.0)
    assert long_call.parts["USD.BTC.mr2"] == pytest.approx(now - decayed, rel=1e-9)
    assert long_call.parts["USD.BTC.mr1"] == pytest.approx(max(-loss for loss in losses), rel=1e-6)
    unit = {name: long_call.parts[f"USD.BTC.mr{name}"] for name in range(1, 10) if name != 8}
    stressed = max(unit[1], unit[2], unit[6]) + unit[3] + unit[4] + unit[5] + unit[9]
    assert long_call.mm == pytest.approx(max(stressed, unit[7]))
    far = max(
        _price(1e5 * (1 + m), 110_000.0, YEARS, 0.5, 1.0) - now - hedge * 1e5 * m for m in (-0.24, 0.24)
    )
    assert result.parts["USD.BTC.mr6"] == pytest.approx(0.5 * far, rel=1e-6)


def test_interest_moves_the_forwards_of_options_by_the_curve(model: MarginModel) -> None:
    call = option("okx", "BTC", EXPIRY, 100_000.0, "C")
    result = _measure(model, holding(call, 1.0))
    rate = 0.05 * 1.5 + 0.03 * 1.0  # both components' loadings at 30 days
    forward = 1e5 * math.exp(-rate * YEARS)
    now = _price(1e5, 1e5, YEARS, 0.5, 1.0)
    # paid in coin: the price over the forward, at the coin's own price
    assert result.parts["USD.BTC.mr5"] == pytest.approx(
        now - _price(forward, 1e5, YEARS, 0.5, 1.0) * 1e5 / forward, rel=1e-6
    )
    assert _measure(model, holding(perpetual("okx", "BTC", "USDT"), 1.0)).parts["USD.BTC.mr5"] == 0.0


def test_vega_that_expiries_hide_from_each_other_is_charged(model: MarginModel) -> None:
    near, far = option("okx", "BTC", EXPIRY, 1e5, "C"), option("okx", "BTC", FAR_EXPIRY, 1e5, "C")
    one_sided = _measure(model, holding(near, -1.0), holding(far, -1.0))
    calendar = _measure(model, holding(near, -1.0), holding(far, 1.0))
    assert one_sided.parts["USD.BTC.mr3"] == 0.0
    gain = abs(_price(1e5, 1e5, YEARS, 0.5 * 1.35, 1.0) - _price(1e5, 1e5, YEARS, 0.5, 1.0))
    assert calendar.parts["USD.BTC.mr3"] == pytest.approx(0.25 * 2.0 * gain, rel=1e-6)


def test_futures_against_a_perpetual_are_charged_for_the_curve(model: MarginModel) -> None:
    perp, dated = perpetual("okx", "BTC", "USDT"), future("okx", "BTC", FAR_EXPIRY, "USDT")
    spread = _measure(model, holding(perp, 10.0), holding(dated, -10.0), USDT=1e6)
    assert spread.parts["USD.BTC.mr1"] == pytest.approx(0.0, abs=1e-6)
    assert spread.parts["USD.BTC.mr4"] == pytest.approx(10.0 * 1e5 * 0.05 * 120.0 / 365.0)
    assert spread.mm == pytest.approx(max(spread.parts["USD.BTC.mr4"], spread.parts["USD.BTC.mr7"]))


def test_contracts_in_different_dollars_are_one_unit_with_a_charge_for_the_peg(model: MarginModel) -> None:
    linear, inverse = perpetual("okx", "BTC", "USDT"), perpetual("okx", "BTC")
    unit = _measure(model, holding(linear, 10.0), holding(inverse, -1e6), USDT=1e6)
    assert unit.parts["USD.BTC.mr9"] == pytest.approx(1e6 * 0.005)
    assert unit.mm < 0.2 * _measure(model, holding(linear, 10.0), USDT=1e6).mm


def test_a_coin_held_hedges_a_short_and_no_more_than_it(model: MarginModel) -> None:
    short = holding(perpetual("okx", "BTC", "USDT"), -1.0)
    assert _measure(model, short, BTC=1.0).parts["USD.BTC.mr1"] == pytest.approx(0.0, abs=1e-6)
    assert _measure(model, short, BTC=5.0).parts["USD.BTC.mr1"] == pytest.approx(0.0, abs=1e-6)
    assert _measure(model, short, BTC=0.5).parts["USD.BTC.mr1"] == pytest.approx(0.5 * 0.12 * 1e5)
    long_and_coin = _measure(model, holding(perpetual("okx", "BTC", "USDT"), 1.0), BTC=1.0)
    assert long_and_coin.parts["USD.BTC.mr1"] == pytest.approx(0.12 * 1e5)


def test_a_debt_is_charged_beside_the_units(model: MarginModel) -> None:
    result = _measure(model, USDT=-1e5, BTC=2.0)
    assert result.mm == pytest.approx(0.03 * 1e5)
    assert result.im == pytest.approx(0.1 * 1e5)


def test_closing_costs_slippage_and_fee_and_a_long_option_never_more_than_its_mark() -> None:
    assert closing_option(-2.0, 0.5, 0.05, 0.02, 0.0003, 0.125) == pytest.approx(2 * 0.0203)
    assert closing_option(2.0, 0.5, 0.001, 0.02, 0.0003, 0.125) == pytest.approx(2 * (0.001 + 0.125 * 0.001))


def test_more_of_the_same_side_never_asks_for_less_and_hedges_net(model: MarginModel) -> None:
    contracts = [
        perpetual("okx", "BTC", "USDT"), option("okx", "BTC", EXPIRY, 1e5, "C"), option("okx", "BTC", EXPIRY, 9e4, "P"),
    ]  # fmt: skip
    for contract in contracts:
        for side in (1.0, -1.0):
            asked = [_measure(model, holding(contract, side * size)).mm for size in (1.0, 4.0, 100.0)]
            assert asked == sorted(asked)
    long, short = holding(contracts[0], 5.0), holding(contracts[1], -10.0)
    assert _measure(model, long, short).mm < _measure(model, long).mm + _measure(model, short).mm


def test_an_asset_of_no_class_is_in_the_class_of_all_others_and_refused_where_there_is_none() -> None:
    classes = shipped_sets("okx-pm").sets[-1].values.price_moves
    assert of_class(classes, "PEPE") == (0.06, 0.12, 0.18)
    assert of_class(classes, "NOBODY") == (0.08, 0.16, 0.25)
    assert of_class(classes[:1], "NOBODY") is None


def test_missing_volatility_and_old_dates_are_said(model: MarginModel) -> None:
    call = option("okx", "BTC", EXPIRY, 1e5, "C")
    market = market_at(NOW, {"BTC": 1e5}, {})
    result = model.measure(account("okx", holding(call, -1.0), BTC=1.0), market)
    assert [gap.code for gap in result.missing] == ["volatility.absent"]
    old = _measure(model, holding(perpetual("okx", "BTC", "USDT"), 1.0), time="2024-06-01T00:00:00Z")
    assert [gap.code for gap in old.missing] == ["parameters.before_first", "margin.unmeasured"]
    assert old.mm == 0.0


def test_random_accounts_are_numbers(model: MarginModel) -> None:
    random = np.random.default_rng(5)
    contracts = [
        perpetual("okx", "BTC"),
        perpetual("okx", "BTC", "USDC"),
        future("okx", "ETH", FAR_EXPIRY, "USDT"),
    ]
    contracts += [option("okx", "BTC", day, strike, kind) for day in (EXPIRY, FAR_EXPIRY)
                  for strike in (3e4, 1e5, 4e5) for kind in "CP"]  # fmt: skip
    for _ in range(10):
        positions = [
            holding(one, float(random.normal() * 10.0 ** random.integers(0, 4))) for one in contracts
        ]
        result = _measure(model, *positions, BTC=float(random.normal()), USDT=float(random.normal() * 1e5))
        assert np.isfinite([result.im, result.mm, result.equity, *result.parts.values()]).all()
        assert result.im >= result.mm >= 0.0


def test_tiers_and_pegs_are_read_as_written() -> None:
    assert tiered(15.0, (Tier(10.0, 1.0), Tier(math.inf, 3.0))) == 25.0
    low = (PegTiers(index_min=0.9, tiers=(Tier(math.inf, 0.1),)),)
    assert peg_charge(100.0, 0.5, low) == 10.0  # below every floor: the lowest there is


def test_the_far_move_binds_where_its_class_is_wider(model: MarginModel) -> None:
    link = holding(
        perpetual("okx", "LINK", "USDT"), 1_000.0
    )  # 18 % in MR1, half of 50 % in MR6 in January 2025
    result = _measure(model, link, time="2025-01-07T00:00:00Z", USDT=1e5)
    assert result.parts["USD.LINK.mr1"] == pytest.approx(0.18 * 15_000.0)
    assert result.mm == pytest.approx(0.25 * 15_000.0)
