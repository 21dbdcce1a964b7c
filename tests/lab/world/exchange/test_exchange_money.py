"""Money by hand: profit, fees, premiums, margins, funding, delivery."""

from decimal import Decimal

import pytest
from exchange_desk import DAY, EXPIRY, HOUR, START, Desk, opened

from holdfast.lab.world.exchange import FundingPaid, InstrumentExpired, Refused


def trade(
    desk: Desk, buyer: str, seller: str, quantity: object, price: object, instrument: str = "FREE"
) -> None:
    desk.order(seller, "sell", quantity, price, instrument)
    desk.order(buyer, "buy", quantity, price, instrument)


def test_a_linear_position_gains_the_difference_times_its_size(desk: Desk) -> None:
    trade(desk, "ann", "bob", 1, 50_000)
    trade(desk, "ann", "bob", 1, 51_000)
    position = desk.exchange.position("ann", "FREE")
    assert position is not None
    assert (position.quantity, position.entry_price) == (2, 50_500)
    trade(desk, "bob", "ann", 1, 52_000)
    assert desk.money("ann") == 1_000_000 + 1_500
    assert desk.money("bob") == 1_000_000 - 1_500
    trade(desk, "bob", "ann", 3, 53_000)  # through flat to the other side
    assert desk.money("ann") == 1_000_000 + 1_500 + 2_500
    turned = desk.exchange.position("ann", "FREE")
    assert turned is not None
    assert (turned.quantity, turned.entry_price, turned.unrealised) == (-2, 53_000, 6_000)
    assert desk.exchange.equity_usd("ann") == pytest.approx(1_004_000 + 6_000 + 100 * 50_000)
    desk.sane()


def test_an_inverse_position_gains_the_difference_of_the_reciprocals(desk: Desk) -> None:
    trade(desk, "ann", "bob", 10_000, 50_000, "INV")
    assert desk.exchange.position("ann", "INV").delta == pytest.approx(0.2)  # type: ignore[union-attr]
    trade(desk, "bob", "ann", 10_000, 40_000, "INV")
    fees = {"ann": Decimal("0.0005") * Decimal("0.2") + Decimal("0.0002") * Decimal("0.25")}
    fees["bob"] = Decimal("0.0002") * Decimal("0.2") + Decimal("0.0005") * Decimal("0.25")
    assert desk.money("ann", "BTC") == 100 - Decimal("0.05") - fees["ann"]
    assert desk.money("bob", "BTC") == 100 + Decimal("0.05") - fees["bob"]
    assert desk.exchange.fees("BTC") == sum(fees.values())
    desk.sane()


def test_the_entry_of_an_inverse_position_is_the_harmonic_average(desk: Desk) -> None:
    trade(desk, "ann", "bob", 10_000, 40_000, "INV")
    trade(desk, "ann", "bob", 10_000, 60_000, "INV")
    assert desk.exchange.position("ann", "INV").entry_price == pytest.approx(48_000)  # type: ignore[union-attr]


def test_maker_and_taker_pay_their_own_fee(desk: Desk) -> None:
    trade(desk, "ann", "bob", 1, 50_000, "LIN")
    assert (desk.money("ann"), desk.money("bob")) == (1_000_000 - 25, 1_000_000 - 10)
    assert desk.exchange.fees("USDT") == 35
    assert [(f.maker, f.fee) for f in desk.exchange.fills("bob")] == [(True, 10)]


def test_an_option_costs_its_premium_and_a_fee_capped_by_it(desk: Desk) -> None:
    trade(desk, "ann", "bob", 10, "0.05", "CALL")  # fee 0.0003 a coin
    trade(desk, "ann", "cyd", 10, "0.0004", "CALL")  # fee capped at 12.5 % of the premium
    fee = Decimal("0.003") + Decimal("0.0005")
    assert desk.money("ann", "BTC") == 100 - Decimal("0.5") - Decimal("0.004") - fee
    assert desk.money("cyd", "BTC") == 100 + Decimal("0.004") - Decimal("0.0005")
    desk.sane()


def test_standard_margin_of_options_by_hand(desk: Desk) -> None:
    trade(desk, "ann", "bob", 10, "0.05", "CALL")
    mark = desk.exchange.mark("CALL")
    bob = desk.exchange.balance("bob", "BTC")
    assert float(bob.maintenance_margin) == pytest.approx(10 * (mark + 0.075))
    assert float(bob.initial_margin) == pytest.approx(10 * (mark + 0.15))  # at the money
    assert float(bob.available) == pytest.approx(float(bob.amount) - 10 * (mark + 0.15))
    ann = desk.exchange.balance("ann", "BTC")
    assert (ann.initial_margin, ann.maintenance_margin) == (0, 0)
    assert ann.available == ann.amount  # a long option's value backs nothing


def test_portfolio_margin_sees_a_hedge_that_standard_margin_does_not() -> None:
    required = {}
    for mode in ("cross", "portfolio"):
        desk = opened(mode=mode)
        trade(desk, "ann", "bob", 10, 50_000)
        desk.order("bob", "sell", 1, 60_000, "FUT")
        trade(desk, "bob", "ann", 10, 50_000, "FUT")
        required[mode] = float(desk.exchange.balance("ann", "USDT").initial_margin)
    assert required["cross"] == pytest.approx(2 * 50_000)
    assert required["portfolio"] == pytest.approx(0.01 * 2 * 10 * 50_000)


def test_portfolio_margin_of_one_future_is_its_worst_move_and_the_charge() -> None:
    desk = opened(mode="portfolio", usdt=10_000)
    assert desk.refusal("ann", "buy", "1.2", 50_000) == "insufficient_margin"
    trade(desk, "ann", "bob", 1, 50_000)
    balance = desk.exchange.balance("ann", "USDT")
    assert float(balance.initial_margin) == pytest.approx(50_000 * 0.17)
    assert float(balance.maintenance_margin) == pytest.approx(50_000 * 0.17 * 0.8)
    assert balance.portfolio_margin


def test_an_isolated_position_takes_its_margin_and_gives_it_back() -> None:
    desk = opened(mode="isolated", usdt=20_000)
    trade(desk, "ann", "bob", 2, 50_000)
    position = desk.exchange.position("ann", "FREE")
    assert position is not None
    assert (position.isolated, position.isolated_margin) == (True, 10_000)
    assert desk.exchange.balance("ann", "USDT").available == 10_000
    assert desk.money("ann") == 20_000
    assert position.liquidation_price == pytest.approx((100_000 - 10_000) / 2 / 0.95)
    assert isinstance(desk.exchange.add_margin("ann", "FREE", Decimal(10_001)), Refused)
    assert desk.exchange.add_margin("ann", "FREE", Decimal(5_000)) is None
    assert isinstance(desk.exchange.add_margin("ann", "FREE", Decimal(-5_001)), Refused)
    assert desk.exchange.add_margin("ann", "FREE", Decimal(-5_000)) is None
    trade(desk, "bob", "ann", 1, 51_000)
    assert desk.exchange.position("ann", "FREE").isolated_margin == 5_000  # type: ignore[union-attr]
    trade(desk, "bob", "ann", 1, 51_000)
    assert desk.exchange.balance("ann", "USDT").available == 22_000
    desk.sane()


def test_the_margin_mode_changes_only_while_flat_and_without_orders(desk: Desk) -> None:
    order = desk.order("ann", "buy", 1, 49_000)
    refused = desk.exchange.set_isolated("ann", "FREE", True)
    assert isinstance(refused, Refused)
    assert refused.code == "position_open"
    desk.exchange.cancel("ann", order.order_id)
    assert desk.exchange.set_isolated("ann", "FREE", True) is None
    assert desk.exchange.is_isolated("ann", "FREE")
    assert desk.exchange.set_isolated("ann", "FREE", False) is None


def test_interval_funding_is_paid_each_eight_hours_on_the_mark() -> None:
    desk = opened(funding="interval")
    trade(desk, "ann", "bob", 2, 50_000)
    desk.exchange.advance(START + 8 * HOUR - 1)
    assert desk.money("ann") == 1_000_000
    desk.exchange.advance(START + 8 * HOUR)  # no premium: the interest of 0.01 %
    assert (desk.money("ann"), desk.money("bob")) == (1_000_000 - 10, 1_000_000 + 10)
    paid = desk.news(FundingPaid)
    assert {(p.account, p.amount, p.rate) for p in paid} == {("ann", -10, 1e-4), ("bob", 10, 1e-4)}
    assert desk.exchange.ticker("FREE").next_funding_ns == START + 16 * HOUR  # type: ignore[union-attr]
    desk.sane()


def test_interval_funding_follows_the_average_premium() -> None:
    desk = opened(funding="interval", mark_ema_s=0.001)
    trade(desk, "ann", "bob", 2, 50_000)
    desk.order("cyd", "buy", 1, 50_099)
    desk.order("cyd", "sell", 1, 50_101)
    desk.wait(1)
    desk.exchange.advance(START + 8 * HOUR)
    rate = 0.002 * (1 - 1 / 28_800) - 0.0005
    assert float(desk.money("ann")) == pytest.approx(1_000_000 - 2 * 50_100 * rate, abs=1e-6)


def test_continuous_funding_accrues_with_time_and_is_booked_with_the_position() -> None:
    desk = opened(funding="continuous", mark_ema_s=0.001)
    trade(desk, "ann", "bob", 1, 50_000)
    desk.order("cyd", "buy", 1, 50_099)
    desk.order("cyd", "sell", 1, 50_101)
    desk.wait(1)
    desk.wait(3600)  # an hour at a premium of 0.2 %, of which 0.025 % is free
    accrued = 50_000 * 0.00175 / 8
    position = desk.exchange.position("ann", "FREE")
    assert position is not None
    assert position.funding == pytest.approx(-accrued)
    assert desk.money("ann") == 1_000_000
    trade(desk, "bob", "ann", 1, 50_100)
    assert float(desk.money("ann")) == pytest.approx(1_000_100 - accrued)
    assert float(desk.money("bob")) == pytest.approx(999_900 + accrued)
    desk.sane()


def test_within_the_damper_continuous_funding_is_nothing() -> None:
    desk = opened(funding="continuous", mark_ema_s=0.001)
    trade(desk, "ann", "bob", 1, 50_000)
    desk.order("cyd", "buy", 1, 50_009)
    desk.order("cyd", "sell", 1, 50_011)
    desk.wait(1)
    desk.exchange.advance(START + 2 * DAY)
    assert desk.money("ann") == 1_000_000


def test_a_future_is_delivered_at_the_average_of_the_last_half_hour(desk: Desk) -> None:
    trade(desk, "ann", "bob", 1, 50_000, "FUT")
    resting = desk.order("cyd", "buy", 1, 49_000, "FUT")
    before = desk.money("ann")
    desk.exchange.advance(EXPIRY - HOUR // 4)
    desk.exchange.set_index("BTC", 53_000.0)
    desk.exchange.advance(EXPIRY)  # 15 minutes at 50 000, 15 at 53 000
    assert desk.money("ann") == before + 1_500
    assert desk.quantity("ann", "FUT") == 0
    ended = desk.exchange.order("cyd", resting.order_id)
    assert ended is not None
    assert ended.reason == "expiry"
    told = {news.instrument: news.delivery_price for news in desk.news(InstrumentExpired)}
    assert told == {"FUT": pytest.approx(51_500), "CALL": pytest.approx(51_500), "PUT": pytest.approx(51_500)}
    desk.sane()


@pytest.mark.parametrize(("index", "call", "put"), [(60_000.0, 10_000 / 60_000, 0), (40_000.0, 0, 10_000)])
def test_options_pay_what_they_are_worth_at_delivery(index: float, call: float, put: float) -> None:
    desk = opened()
    trade(desk, "ann", "bob", 2, "0.05", "CALL")
    trade(desk, "ann", "bob", 2, 2_000, "PUT")
    coins, dollars = desk.money("ann", "BTC"), desk.money("ann")
    desk.exchange.set_index("BTC", index)
    desk.exchange.advance(EXPIRY)
    assert float(desk.money("ann", "BTC") - coins) == pytest.approx(2 * call)
    assert float(desk.money("ann") - dollars) == pytest.approx(2 * put)
    assert desk.exchange.positions("ann") == []
    desk.sane()
