"""Liquidation, insurance and auto-deleveraging by hand.

Ann is long 2 at 50 000 with 10 000 behind it: maintenance 5 %, so she is safe down to 47 368.42 and worth nothing at 45 000.
"""

from decimal import Decimal

import pytest
from exchange_desk import Desk, opened

from holdfast.lab.world.exchange import AccountCancelled, Executed, Liquidated


def leveraged(**terms: object) -> Desk:
    desk = opened("ann", "bob", "cyd", usdt=1_000_000, **terms)  # type: ignore[arg-type]
    desk.exchange.withdraw("ann", "USDT", Decimal(990_000))
    desk.order("bob", "sell", 2, 50_000)
    desk.order("ann", "buy", 2, 50_000)
    desk.exchange.take_news()
    return desk


def test_the_liquidation_price_is_where_equity_meets_maintenance() -> None:
    desk = leveraged()
    position = desk.exchange.position("ann", "FREE")
    assert position is not None
    assert position.liquidation_price == pytest.approx(90_000 / 1.9)
    desk.order("bob", "buy", 2, 46_000)
    desk.index(90_000 / 1.9 + 1)
    assert desk.news(Liquidated) == []
    desk.index(90_000 / 1.9 - 1)
    assert desk.news(Liquidated) != []


def test_a_share_of_the_position_goes_to_the_book_and_a_fee_to_the_fund() -> None:
    desk = leveraged()
    desk.order("cyd", "buy", 5, 47_000)
    desk.index(47_300)
    assert desk.quantity("ann") == Decimal("1.5")
    assert desk.money("ann") == 10_000 - Decimal("0.5") * 3_000 - Decimal("0.005") * Decimal("0.5") * 47_000
    assert desk.exchange.insurance("USDT") == Decimal("117.5")
    news = desk.exchange.take_news()
    told = [n for n in news if isinstance(n, Liquidated)]
    assert [(n.account, n.side, n.quantity, n.price, n.how) for n in told] == [
        ("ann", "sell", Decimal("0.5"), 47_000, "book")
    ]
    assert [(n.fill.account, n.fill.liquidation) for n in news if isinstance(n, Executed)] == [
        ("ann", True),
        ("cyd", False),
    ]
    assert desk.exchange.trades("FREE", 1)[0].liquidation
    desk.wait(60)  # what is left is healthy
    assert desk.quantity("ann") == Decimal("1.5")
    desk.sane()


def test_orders_are_cancelled_first() -> None:
    desk = leveraged()
    waiting = desk.order("ann", "sell", 1, 60_000)
    desk.index(47_300)
    ended = desk.exchange.order("ann", waiting.order_id)
    assert ended is not None
    assert (ended.state, ended.reason) == ("cancelled", "liquidation")
    assert [n.count for n in desk.news(AccountCancelled)] == [1]


def test_nothing_is_sold_below_the_bankruptcy_price_while_there_is_equity() -> None:
    desk = leveraged()
    desk.order("cyd", "buy", 5, "44999.9")
    desk.index(47_000)
    assert desk.quantity("ann") == 2
    desk.order("cyd", "buy", "0.1", 45_000)
    desk.wait(1)
    assert desk.quantity("ann") == Decimal("1.9")


def test_each_mark_takes_another_share_until_the_rest_is_healthy() -> None:
    desk = leveraged(liquidation_fraction=0.1)
    desk.order("cyd", "buy", 5, 46_900)
    desk.index(47_000)
    quantities = [desk.quantity("ann")]
    for _ in range(4):
        desk.wait(1)
        quantities.append(desk.quantity("ann"))
    assert quantities == [Decimal("1.8"), Decimal("1.62"), Decimal("1.62"), Decimal("1.62"), Decimal("1.62")]


def test_a_bankrupt_account_is_deleveraged_at_its_bankruptcy_price_where_there_is_no_fund() -> None:
    desk = leveraged()
    desk.index(44_000)
    assert (desk.quantity("ann"), desk.quantity("bob")) == (0, 0)
    assert (desk.money("ann"), desk.money("bob")) == (0, 1_010_000)
    assert desk.exchange.insurance("USDT") == 0
    news = desk.exchange.take_news()
    assert {n.account for n in news if isinstance(n, Liquidated) and n.how == "deleveraging"} == {
        "ann",
        "bob",
    }
    fills = {n.fill.account: n.fill for n in news if isinstance(n, Executed)}
    assert (fills["ann"].liquidation, fills["bob"].deleveraging) == (True, True)
    assert fills["bob"].price == 45_000
    desk.sane()


def test_the_fund_bears_the_loss_before_anybody_is_deleveraged_for_less_than_the_mark() -> None:
    desk = leveraged()
    desk.exchange.fund("USDT", Decimal(5_000))
    desk.index(44_000)  # ann owes 2 000
    assert (desk.money("ann"), desk.money("bob")) == (0, 1_012_000)
    assert desk.exchange.insurance("USDT") == 3_000
    desk.sane()


def test_the_fund_lets_the_book_take_the_position_as_far_as_it_reaches() -> None:
    desk = leveraged()
    desk.exchange.fund("USDT", Decimal(3_000))
    desk.order("cyd", "buy", 2, 43_500)  # 500 below the mark twice: the last 1 000 of the fund
    desk.index(44_000)
    assert (desk.quantity("ann"), desk.quantity("bob"), desk.quantity("cyd")) == (0, -2, 2)
    assert (desk.money("ann"), desk.exchange.insurance("USDT")) == (0, 0)
    short = leveraged()
    short.exchange.fund("USDT", Decimal(2_999))
    short.order("cyd", "buy", 2, 43_500)
    short.index(44_000)
    assert (short.quantity("ann"), short.quantity("bob"), short.quantity("cyd")) == (0, 0, 0)
    short.sane()


def test_those_with_most_profit_and_leverage_are_deleveraged_first() -> None:
    desk = opened("ann", "bob", "cyd", "dan", usdt=1_000_000)
    desk.exchange.withdraw("ann", "USDT", Decimal(990_000))
    desk.exchange.withdraw("cyd", "USDT", Decimal(900_000))
    for name in ("bob", "cyd"):
        desk.order(name, "sell", "1.5", 50_000)  # the same profit; cyd has less behind it
    desk.order("ann", "buy", 2, 50_000)
    desk.order("dan", "buy", 1, 50_000)
    desk.index(44_000)
    assert (desk.quantity("cyd"), desk.quantity("bob"), desk.quantity("dan")) == (0, -1, 1)
    assert desk.money("cyd") == 100_000 + Decimal("1.5") * 5_000
    assert desk.money("bob") == 1_000_000 + Decimal("0.5") * 5_000
    desk.sane()


def test_an_isolated_position_falls_alone() -> None:
    desk = opened("ann", "bob", usdt=1_000_000, mode="isolated")
    desk.order("bob", "sell", 2, 50_000)
    desk.order("ann", "buy", 2, 50_000)
    desk.index(44_000)
    assert desk.quantity("ann") == 0
    assert desk.money("ann") == 990_000
    assert desk.money("bob") == 1_010_000
    desk.sane()


def test_an_inverse_short_is_bankrupt_where_its_coins_are_gone() -> None:
    desk = opened("ann", "bob", btc=100)
    desk.exchange.withdraw("ann", "BTC", Decimal("99.975"))
    desk.order("bob", "buy", 10_000, 50_000, "INV")
    desk.order("ann", "sell", 10_000, 50_000, "INV")  # 0.2 coins short on 0.025, less the fee
    money = desk.money("ann", "BTC")
    desk.index(60_000)
    assert desk.quantity("ann", "INV") == 0
    assert float(desk.money("ann", "BTC")) == pytest.approx(0.0, abs=1e-9)
    assert float(desk.money("bob", "BTC")) == pytest.approx(100 - 0.0002 * 0.2 + float(money), abs=1e-9)
    desk.sane()


def test_a_short_option_is_bought_back() -> None:
    desk = opened("ann", "bob", "cyd", btc="1.2")
    desk.order("bob", "buy", 5, "0.06", "CALL")
    desk.order("ann", "sell", 5, "0.06", "CALL")
    desk.order("cyd", "sell", 5, "0.28", "CALL")
    desk.index(65_000)
    assert desk.quantity("ann", "CALL") > -5
    assert desk.news(Liquidated)[0].side == "buy"
    desk.sane()


def test_the_healthy_are_left_alone_through_a_thousand_moves() -> None:
    desk = opened("ann", "bob", usdt=1_000_000)
    desk.order("bob", "sell", 2, 50_000)
    desk.order("ann", "buy", 2, 50_000)
    for step in range(1_000):
        desk.index(50_000 * (1.0 + 0.2 * ((step * 7919) % 100 - 50) / 50))
    assert desk.news(Liquidated) == []
