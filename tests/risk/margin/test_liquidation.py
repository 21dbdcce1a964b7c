"""Liquidation prices on the models themselves, and the odds of a call: against closed forms, and their refusals."""

import math
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.app.risk.margin_models import shipped_model
from holdfast.clock import DAY_NS
from holdfast.error import CallerError
from holdfast.risk.contract import Contract
from holdfast.risk.margin.base import MarginResult
from holdfast.risk.margin.call import Forecast, call_hours, call_odds, call_probability, simulated_call
from holdfast.risk.margin.liquidation import Liquidation, factors_of, liquidation_prices, nearest_crossing
from holdfast.risk.margin.moves import LegModel, MovedAccount, moved_market
from holdfast.risk.market import Curve, Mark, Price, RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Balance, Portfolio, Position
from holdfast.risk.pricing.normal import normal_cdf

NOW = 1_760_000_000 * 10**9
SPOT = 80_000.0
PERP = Contract(venue="derive", symbol="BTC-PERP", kind="perpetual", asset="BTC", quote="USDC", settle="USDC")
CALL = Contract(
    venue="derive", symbol="BTC-C", kind="option", asset="BTC", quote="USDC", settle="USDC", strike=90_000.0,
    option_type="call", expiry_ns=NOW + 30 * DAY_NS,
)  # fmt: skip


def book(cash: float, *positions: Position) -> Portfolio:
    balance = Balance(venue="derive", account="a", asset="USDC", amount=cash)
    return Portfolio(name="desk", positions=positions, balances=(balance,))


def held(contract: Contract, quantity: float, entry: float = SPOT) -> Position:
    entry = entry if contract.kind == "perpetual" else math.nan
    return Position(account="a", contract=contract, quantity=quantity, entry_price=entry)


def market() -> RiskMarket:
    marks = {
        PERP.name: Mark(price=SPOT, time_ns=NOW),
        CALL.name: Mark(price=2_000.0, time_ns=NOW, volatility=0.5),
    }
    return RiskMarket(
        time_ns=NOW,
        prices={"BTC": Price(SPOT, NOW), "USDC": Price(1.0, NOW)},
        curves={"BTC": Curve(NOW, SPOT, (NOW + 30 * DAY_NS,), (SPOT * 1.01,), (0.99,))},
        marks=marks,
    )


class Flat:
    """A model in closed form: a tenth of the perpetual's notional. It cannot measure legs."""

    name = "flat"

    def measure(self, portfolio: Portfolio, market: RiskMarket) -> MarginResult:
        mark = market.marks[PERP.name].price
        equity, mm = portfolio.balances[0].amount, 0.0
        for position in portfolio.positions:
            equity += position.quantity * (mark - position.entry_price)
            mm += 0.1 * abs(position.quantity) * mark
        return MarginResult(model=self.name, currency="USDC", im=mm, mm=mm, equity=equity)


@pytest.mark.parametrize("quantity", [2.0, -2.0])
def test_a_perpetual_is_liquidated_where_equity_is_a_tenth_of_its_notional(quantity: float) -> None:
    found = liquidation_prices(MovedAccount(Flat(), book(40_000.0, held(PERP, quantity)), market()), "BTC")
    # cash + q (p - spot) = 0.1 |q| p
    expected = (quantity * SPOT - 40_000.0) / (quantity - 0.1 * abs(quantity))
    side, other = (found.down, found.up) if quantity > 0.0 else (found.up, found.down)
    assert isinstance(side, Liquidation)
    assert side.price == pytest.approx(expected, rel=1e-10)
    assert isinstance(other, Missing)
    assert other.code == "liquidation.none"


@pytest.mark.parametrize("name", ["derive-pmrm2", "span"])
def test_at_the_price_found_headroom_is_nothing_and_before_it_is_not(name: str) -> None:
    account = MovedAccount(shipped_model(name), book(100_000.0, held(PERP, 3.0), held(CALL, -4.0)), market())
    found = liquidation_prices(account, "BTC")
    sides = [side for side in (found.down, found.up) if isinstance(side, Liquidation)]
    assert sides
    for side in sides:
        assert abs(account.headroom({"BTC": side.price / SPOT})) < 1e-6 * found.headroom
        for share in (0.25, 0.5, 0.75, 0.99):
            assert account.headroom(factors_of("BTC", share * side.distance)) > 0.0


@pytest.mark.parametrize("name", ["derive-pmrm2", "span"])
def test_legs_moved_and_a_market_moved_give_the_same_margin(name: str) -> None:
    model = shipped_model(name)
    assert isinstance(model, LegModel)
    portfolio = book(100_000.0, held(PERP, 3.0), held(CALL, -4.0))
    account = MovedAccount(model, portfolio, market())
    for factor, volatility in ((1.0, 1.0), (0.8, 1.0), (1.3, 1.2)):
        moved = moved_market(portfolio, market(), {"BTC": factor}, volatility)
        expected = model.measure(portfolio, moved)
        assert account.result({"BTC": factor}, volatility).mm == pytest.approx(expected.mm, rel=1e-12)
        assert account.headroom({"BTC": factor}, volatility) == pytest.approx(expected.headroom, rel=1e-12)


def test_an_account_already_below_and_one_without_a_price_say_so() -> None:
    account = MovedAccount(Flat(), book(0.0, held(PERP, 2.0)), market())
    found = liquidation_prices(account, "BTC")
    assert isinstance(found.down, Missing)
    assert found.down.code == "liquidation.already"
    assert call_odds(found, Forecast(volatility=0.5)).probabilities == (1.0, 1.0)
    absent = liquidation_prices(account, "DOGE").down
    assert isinstance(absent, Missing)
    assert absent.code == "price.absent"


def test_other_assets_move_by_their_betas() -> None:
    assert factors_of("BTC", math.log(0.9), {"ETH": 2.0})["ETH"] == pytest.approx(0.81)


def test_the_nearest_of_several_crossings_is_found() -> None:
    crossing = nearest_crossing(lambda x: math.cos(10.0 * x), 1.0, 2.0)
    assert crossing == pytest.approx(math.pi / 20.0, abs=1e-9)
    assert nearest_crossing(lambda x: 1.0 + x * x, 1.0, 2.0) is None


def test_one_barrier_is_hit_with_twice_the_normal_tail() -> None:
    forecast = Forecast(volatility=0.6)
    for hours in (1.0, 24.0, 1000.0):
        deviation = 0.6 * math.sqrt(hours / 8760.0)
        assert call_probability(0.1, math.inf, forecast, hours) == pytest.approx(
            2.0 * normal_cdf(-0.1 / deviation)
        )
    assert call_hours(0.1, math.inf, forecast, 0.5) == pytest.approx(
        (0.1 / 0.6 / 0.6744897501960817) ** 2 * 8760.0
    )


@settings(max_examples=60)
@given(below=st.floats(0.01, 1.0), above=st.floats(0.01, 1.0), hours=st.floats(0.1, 2_000.0))
def test_two_barriers_agree_with_the_images_of_both(below: float, above: float, hours: float) -> None:
    deviation = 0.8 * math.sqrt(hours / 8760.0)
    width = below + above

    def within(centre: float) -> float:
        return normal_cdf((above - centre) / deviation) - normal_cdf((-below - centre) / deviation)

    alive = sum(within(2 * n * width) - within(2 * above + 2 * n * width) for n in range(-200, 201))
    ours = call_probability(below, above, Forecast(volatility=0.8), hours)
    assert ours == pytest.approx(1.0 - alive, abs=1e-9)


@settings(max_examples=40)
@given(
    distance=st.floats(0.005, 0.8),
    farther=st.floats(1.0, 3.0),
    degrees=st.sampled_from([2.5, 4.0, 30.0, math.inf]),
)
def test_a_call_is_likelier_the_nearer_the_longer_and_the_wilder(
    distance: float, farther: float, degrees: float
) -> None:
    calm, wild = Forecast(volatility=0.4, degrees=degrees), Forecast(volatility=0.8, degrees=degrees)
    near, far = (call_probability(d, math.inf, calm, 24.0) for d in (distance, distance * farther))
    assert 0.0 <= far <= near + 1e-15 <= 1.0 + 1e-12
    assert call_probability(distance, math.inf, calm, 1.0) <= near + 1e-15
    assert near <= call_probability(distance, math.inf, wild, 24.0) + 1e-15
    hours = [call_hours(distance, math.inf, calm, quantile) for quantile in (0.05, 0.25, 0.5)]
    assert all(a < b for a, b in pairwise(hours))
    assert call_probability(distance, math.inf, calm, hours[1]) == pytest.approx(0.25, rel=1e-6)


def test_fat_tails_call_more_often_far_away_and_less_often_near() -> None:
    normal, fat = Forecast(volatility=0.6), Forecast(volatility=0.6, degrees=3.0)
    assert call_probability(0.15, math.inf, fat, 24.0) > 3.0 * call_probability(0.15, math.inf, normal, 24.0)
    assert call_probability(0.02, math.inf, fat, 24.0) < call_probability(0.02, math.inf, normal, 24.0)
    assert call_probability(0.05, 0.05, Forecast(volatility=0.6, degrees=1e4), 24.0) == pytest.approx(
        call_probability(0.05, 0.05, normal, 24.0), rel=1e-3
    )


def test_no_barrier_no_time_and_no_volatility_call_nobody() -> None:
    forecast = Forecast(volatility=0.6)
    assert call_probability(math.inf, math.inf, forecast, 24.0) == 0.0
    assert call_hours(math.inf, math.inf, forecast, 0.5) == math.inf
    assert call_probability(0.1, 0.1, forecast, 0.0) == 0.0
    assert call_probability(0.1, 0.1, Forecast(volatility=0.0), 24.0) == 0.0


@pytest.mark.parametrize("wrong", [{"volatility": math.nan}, {"volatility": 0.5, "degrees": 2.0}])
def test_a_forecast_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(CallerError, match=r"forecast\.wrong"):
        Forecast(**wrong)


@pytest.mark.parametrize("degrees", [math.inf, 4.0])
def test_a_simulated_call_of_a_linear_book_agrees_with_the_closed_form(degrees: float) -> None:
    account = MovedAccount(Flat(), book(22_000.0, held(PERP, 2.0)), market())
    forecast = Forecast(volatility=0.8, degrees=degrees)
    exact = call_odds(liquidation_prices(account, "BTC"), forecast)
    found = simulated_call(account, "BTC", forecast, seed=3, paths=8_000)
    assert not isinstance(found, Missing)
    for ours, theirs, error in zip(found.probabilities, exact.probabilities, found.errors, strict=True):
        assert abs(ours - theirs) < 4.0 * error + 2e-3
    assert exact.probabilities[1] > 0.05


def test_a_simulation_repeats_itself_and_follows_its_seed() -> None:
    account = MovedAccount(Flat(), book(22_000.0, held(PERP, 2.0)), market())
    forecast = Forecast(volatility=0.8)
    first, same, other = (
        simulated_call(account, "BTC", forecast, seed=seed, paths=400) for seed in (1, 1, 2)
    )
    assert first == same
    assert first != other


def test_volatility_that_rises_as_prices_fall_calls_a_seller_of_options_more_often() -> None:
    puts = msgspec.structs.replace(CALL, symbol="BTC-P", option_type="put", strike=70_000.0)
    marks = {**market().marks, puts.name: Mark(price=1_000.0, time_ns=NOW, volatility=0.5)}
    priced = msgspec.structs.replace(market(), marks=marks)
    account = MovedAccount(shipped_model("derive-pmrm2"), book(95_000.0, held(puts, -10.0)), priced)
    odds = [
        simulated_call(
            account,
            "BTC",
            Forecast(volatility=0.6, volatility_of_volatility=2.0, correlation=correlation),
            seed=7,
        )
        for correlation in (0.8, 0.0, -0.8)
    ]
    chances = [one.probabilities[1] for one in odds if not isinstance(one, Missing)]
    assert chances[0] < chances[1] < chances[2]


def test_a_simulation_without_volatility_says_why_not() -> None:
    account = MovedAccount(Flat(), book(22_000.0, held(PERP, 2.0)), market())
    found = simulated_call(account, "BTC", Forecast(volatility=0.0), seed=1)
    assert isinstance(found, Missing)
    assert found.code == "forecast.absent"
