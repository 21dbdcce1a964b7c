"""Cures of a margin call: after each headroom is at the target, the cheapest comes first, what falls short says so."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.app.risk.margin_models import shipped_model
from holdfast.clock import DAY_NS
from holdfast.risk.contract import Contract
from holdfast.risk.margin.cure import Costs, Cure, Cures, Source, cures
from holdfast.risk.market import Curve, Mark, Price, RiskMarket
from holdfast.risk.portfolio import Balance, Portfolio, Position, netted

NOW = 1_760_000_000 * 10**9
SPOT = 80_000.0
PERP = Contract(venue="derive", symbol="BTC-PERP", kind="perpetual", asset="BTC", quote="USDC", settle="USDC")
COSTS = Costs(fee=0.0005, spread=0.001, option_spread=0.05)


def option(strike: float, option_type: str) -> Contract:
    return Contract(
        venue="derive", symbol=f"BTC-{strike:g}-{option_type}", kind="option", asset="BTC", quote="USDC", settle="USDC",
        strike=strike, option_type=option_type, expiry_ns=NOW + 30 * DAY_NS,  # pyright: ignore[reportArgumentType]
    )  # fmt: skip


PUT, CALL = option(75_000.0, "put"), option(90_000.0, "call")


def market(**changed: Mark) -> RiskMarket:
    marks = {
        "derive:BTC-PERP": Mark(price=SPOT, time_ns=NOW, bid=SPOT - 5.0, ask=SPOT + 5.0),
        PUT.name: Mark(price=2_500.0, time_ns=NOW, volatility=0.55),
        CALL.name: Mark(price=1_900.0, time_ns=NOW, volatility=0.5),
    }
    return RiskMarket(
        time_ns=NOW,
        prices={"BTC": Price(SPOT, NOW), "USDC": Price(1.0, NOW), "DAI": Price(0.999, NOW)},
        curves={"BTC": Curve(NOW, SPOT, (NOW + 30 * DAY_NS,), (SPOT * 1.01,), (0.99,))},
        marks=marks | changed,
    )


def desk(cash: float, **quantities: float) -> Portfolio:
    contracts = {"perp": PERP, "put": PUT, "call": CALL}
    positions = [
        Position(
            account="a",
            contract=contracts[name],
            quantity=quantity,
            entry_price=SPOT if name == "perp" else math.nan,
        )
        for name, quantity in quantities.items()
    ]
    balance = Balance(venue="derive", account="a", asset="USDC", amount=cash)
    return Portfolio(name="desk", positions=netted(positions), balances=(balance,))


def carried_out(portfolio: Portfolio, cure: Cure) -> Portfolio:
    """Do what a cure says by hand: change quantities, pay costs and what positions are worth in cash."""
    cash = -cure.cost
    positions = {position.contract.symbol: position for position in portfolio.positions}
    for step in cure.steps:
        verb, symbol = step.what.split(" ", 1)
        if verb == "add":
            added = Balance(venue="derive", account="a", asset=symbol, amount=step.quantity, haircut=0.1)
            if symbol == "USDC":
                cash += step.quantity + cure.cost  # moving it costs outside the account
                continue
            portfolio = msgspec.structs.replace(portfolio, balances=(*portfolio.balances, added))
            cash += cure.cost
            continue
        held = positions.get(symbol)
        before = held.quantity if held else 0.0
        price = SPOT if symbol == "BTC-PERP" else _worth(portfolio, symbol)
        if symbol == "BTC-PERP":
            entry = held.entry_price if held else SPOT
            closed = (
                min(abs(step.quantity), abs(before)) * math.copysign(1.0, before)
                if before * step.quantity < 0
                else 0.0
            )
            cash += closed * (SPOT - entry)
        else:
            cash -= step.quantity * price
        positions[symbol] = Position(
            account="a", contract=held.contract if held else PERP, quantity=before + step.quantity,
            entry_price=held.entry_price if held else SPOT,
        )  # fmt: skip
    balances = tuple(
        msgspec.structs.replace(one, amount=one.amount + cash) if one.asset == "USDC" else one
        for one in portfolio.balances
    )
    left = tuple(position for position in positions.values() if abs(position.quantity) > 1e-12)
    return msgspec.structs.replace(portfolio, positions=left, balances=balances)


def _worth(portfolio: Portfolio, symbol: str) -> float:
    """Return an option's value as the model has it: what the account's equity loses without it."""
    model = shipped_model("derive-pmrm2")
    one = tuple(position for position in portfolio.positions if position.contract.symbol == symbol)
    alone = msgspec.structs.replace(portfolio, positions=one)
    none = msgspec.structs.replace(portfolio, positions=())
    return (model.measure(alone, market()).equity - model.measure(none, market()).equity) / one[0].quantity


SOURCES = (
    Source(asset="USDC", available=5e6, cost=0.002),
    Source(asset="DAI", available=5e6, haircut=0.1, cost=0.001),
)


def cured(portfolio: Portfolio, target: float, name: str = "derive-pmrm2") -> Cures:
    return cures(
        shipped_model(name),
        portfolio,
        market(),
        target=target,
        sources=SOURCES,
        perpetuals=(PERP,),
        costs=COSTS,
    )


def test_an_account_with_headroom_needs_no_cure() -> None:
    found = cured(desk(1e6, put=-10.0), 0.0)
    assert found.cures == ()
    assert found.headroom > 0.0


@settings(max_examples=12)
@given(
    puts=st.floats(-40.0, -5.0),
    calls=st.floats(-30.0, 10.0),
    perps=st.floats(-5.0, 5.0),
    target=st.floats(0.0, 2e5),
)
def test_after_every_cure_headroom_is_at_the_target_when_carried_out_by_hand(
    puts: float, calls: float, perps: float, target: float
) -> None:
    portfolio = desk(60_000.0, put=puts, call=calls, perp=perps)
    found = cured(portfolio, target)
    for cure in found.cures:
        assert cure.headroom >= target
        measured = shipped_model("derive-pmrm2").measure(carried_out(portfolio, cure), market())
        assert measured.headroom == pytest.approx(cure.headroom, abs=1e-3 + 1e-6 * abs(target))
        assert cure.cost == pytest.approx(math.fsum(step.cost for step in cure.steps))
        assert cure.cost >= 0.0
    assert [cure.cost for cure in found.cures] == sorted(cure.cost for cure in found.cures)


@pytest.mark.parametrize("name", ["derive-pmrm2", "span"])
def test_no_cure_does_much_more_than_it_must(name: str) -> None:
    bare = shipped_model(name).measure(desk(0.0, put=-30.0), market())
    found = cured(desk(-bare.headroom - 5_000.0, put=-30.0), 10_000.0, name)
    assert {cure.kind for cure in found.cures} >= {"top-up", "close"}
    for cure in found.cures:
        assert 10_000.0 <= cure.headroom < 10_000.0 + 0.001 * abs(found.headroom - 10_000.0) + 10.0


def test_a_top_up_covers_the_shortfall_after_its_haircut() -> None:
    found = cured(desk(60_000.0, put=-30.0), 0.0)
    cash, dai = (next(c for c in found.cures if c.steps[0].what == f"add {coin}") for coin in ("USDC", "DAI"))
    assert cash.steps[0].quantity == pytest.approx(-found.headroom, rel=1e-3)
    assert dai.steps[0].quantity == pytest.approx(-found.headroom / 0.999 / 0.9, rel=1e-3)
    assert cash.cost == pytest.approx(0.002 * cash.steps[0].quantity)


def test_a_short_of_puts_is_hedged_by_selling_the_perpetual_and_a_short_of_calls_by_buying() -> None:
    for quantities, side in (({"put": -30.0}, "sell"), ({"call": -30.0}, "buy")):
        portfolio = desk(0.0, **quantities)
        bare = shipped_model("derive-pmrm2").measure(portfolio, market())
        portfolio = desk(-bare.headroom - 5_000.0, **quantities)
        found = cured(portfolio, 0.0)
        hedge = next(cure for cure in found.cures if cure.kind == "hedge")
        assert hedge.steps[0].what == f"{side} BTC-PERP"
        assert hedge.headroom >= 0.0


def test_closing_begins_with_what_frees_most_for_its_cost() -> None:
    wide = Mark(price=2_500.0, time_ns=NOW, volatility=0.55, bid=100.0, ask=4_900.0)
    portfolio = desk(80_000.0, put=-15.0, perp=8.0)
    dear = cures(
        shipped_model("derive-pmrm2"), portfolio, market(**{PUT.name: wide}), target=0.0, costs=COSTS
    )
    assert dear.headroom < 0.0
    (cure,) = dear.cures
    assert cure.steps[0].what == "close BTC-PERP"
    assert cure.steps[0].quantity < 0.0


def test_what_frees_more_but_costs_more_for_it_is_closed_later() -> None:
    wide = Mark(price=2_500.0, time_ns=NOW, volatility=0.55, bid=2_200.0, ask=2_800.0)
    model, priced = shipped_model("derive-pmrm2"), market(**{PUT.name: wide})
    both, puts, perp = desk(0.0, put=-15.0, perp=2.0), desk(0.0, put=-15.0), desk(0.0, perp=2.0)
    assert model.measure(puts, priced).mm > model.measure(perp, priced).mm
    short = -model.measure(both, priced).headroom
    portfolio = desk(short - 1_000.0, put=-15.0, perp=2.0)
    (cure,) = cures(model, portfolio, priced, target=0.0, costs=COSTS).cures
    assert [step.what for step in cure.steps] == ["close BTC-PERP"]


def test_what_does_not_reach_the_target_says_how_far_it_comes() -> None:
    found = cures(
        shipped_model("derive-pmrm2"),
        desk(0.0, put=-30.0),
        market(),
        target=1e7,
        sources=(Source(asset="USDC", available=10.0), Source(asset="XYZ", available=1.0)),
        perpetuals=(PERP, msgspec.structs.replace(PERP, symbol="OTHER")),
    )
    assert found.cures == ()
    codes = {one.where: one.code for one in found.missing}
    assert codes == {
        "USDC": "cure.insufficient",
        "XYZ": "price.absent",
        "desk": "cure.insufficient",
        "derive:BTC-PERP": "cure.insufficient",
        "derive:OTHER": "mark.absent",
    }
