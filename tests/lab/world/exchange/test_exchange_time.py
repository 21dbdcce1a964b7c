"""Time: marks, dead-man switches, history, and the same calls giving the same world."""

import math
import random
from decimal import Decimal

import pytest
from exchange_desk import EXPIRY, HOUR, SECOND, START, Desk, listing, opened

from holdfast.error import CallerError
from holdfast.lab.world.exchange import AccountCancelled, TickerMoved


def test_the_mark_is_the_index_and_the_average_of_what_the_book_says() -> None:
    desk = opened()
    desk.order("ann", "buy", 1, 50_099)
    desk.order("bob", "sell", 1, 50_101)
    desk.wait(30)
    assert desk.exchange.mark("FREE") == pytest.approx(50_000 + 100 * (1 - math.exp(-1)))
    desk.exchange.cancel_all("bob")
    desk.wait(3_600)  # an empty side leaves the average where it was
    assert desk.exchange.mark("FREE") == pytest.approx(50_000 + 100 * (1 - math.exp(-1)))


def test_the_mark_stays_near_the_index_whatever_the_book_says(desk: Desk) -> None:
    desk.order("ann", "buy", "0.001", 54_000)
    desk.order("bob", "sell", "0.001", 54_001)
    desk.order("ann", "buy", "0.001", 58_000, "FUT")
    desk.order("bob", "sell", "0.001", 58_001, "FUT")
    desk.wait(3_600)
    assert desk.exchange.mark("FREE") == pytest.approx(50_000 * 1.005)
    assert desk.exchange.mark("FUT") == pytest.approx(50_000 * 1.1)


def test_options_are_marked_on_the_future_of_their_expiry_and_agree_with_each_other(desk: Desk) -> None:
    desk.order("ann", "buy", "0.001", 51_000, "FUT")
    desk.order("bob", "sell", "0.001", 51_001, "FUT")
    desk.wait(3_600)
    forward = desk.exchange.mark("FUT")
    call, put = desk.exchange.ticker("CALL"), desk.exchange.ticker("PUT")
    assert call is not None
    assert put is not None
    assert call.underlying == put.underlying == forward
    assert call.mark * forward - put.mark == pytest.approx(forward - 50_000)  # put-call parity
    assert call.greeks.delta - put.greeks.delta == pytest.approx(1.0)
    before = call.mark
    desk.exchange.set_volatility("BTC", 1.2)
    assert desk.exchange.mark("CALL") > 1.5 * before


def test_the_volatility_of_the_touch_prices_the_touch(desk: Desk) -> None:
    ticks = round(desk.exchange.mark("CALL") / 0.0001)
    desk.order("ann", "buy", 1, ticks * Decimal("0.0001"), "CALL")
    ticker = desk.exchange.ticker("CALL")
    assert ticker is not None
    assert ticker.bid_iv == pytest.approx(ticker.mark_iv, rel=0.01)
    assert ticker.ask_iv == 0.0


def test_tickers_are_told_once_a_mark_interval(desk: Desk) -> None:
    desk.index(50_100)
    assert "FREE" in {news.instrument for news in desk.news(TickerMoved)}
    desk.order("ann", "buy", 1, 49_000)
    desk.wait(0.5)
    assert desk.news(TickerMoved) == []


def test_a_dead_mans_switch_cancels_unless_it_is_heard_from(desk: Desk) -> None:
    desk.order("ann", "buy", 1, 49_000)
    desk.order("ann", "buy", 1, 49_000, "LIN")
    desk.order("bob", "buy", 1, 49_000)
    desk.exchange.set_dead_man("ann", 2_000, "FREE")
    desk.wait(1.5)
    desk.exchange.set_dead_man("ann", 2_000, "FREE")
    desk.wait(1.999)
    assert len(desk.exchange.open_orders("ann")) == 2
    desk.wait(0.001)
    assert [order.instrument for order in desk.exchange.open_orders("ann")] == ["LIN"]
    assert len(desk.exchange.open_orders("bob")) == 1
    assert [(n.reason, n.count) for n in desk.news(AccountCancelled)] == [("dead_man", 1)]
    desk.order("ann", "buy", 1, 49_000)
    desk.wait(10)  # it has fired and is disarmed
    assert len(desk.exchange.open_orders("ann")) == 2


def test_a_switch_that_is_disarmed_or_brought_forward_fires_as_it_was_last_set(desk: Desk) -> None:
    desk.order("ann", "buy", 1, 49_000)
    desk.exchange.set_dead_man("ann", 1_000)
    assert desk.exchange.dead_man_ns("ann") == START + SECOND
    desk.exchange.set_dead_man("ann", 0)
    desk.wait(5)
    assert len(desk.exchange.open_orders("ann")) == 1
    desk.exchange.set_dead_man("ann", 60_000)
    desk.exchange.set_dead_man("ann", 500)
    desk.wait(0.5)
    assert desk.exchange.open_orders("ann") == []


def test_things_happen_in_the_order_of_their_times_within_one_step(desk: Desk) -> None:
    desk.order("ann", "buy", 1, 49_000, "FUT")
    desk.exchange.set_dead_man("ann", (EXPIRY - START) // 1_000_000 - 1)
    desk.exchange.advance(EXPIRY + HOUR)
    (ended,) = [order for order in desk.exchange.order_history("ann") if order.instrument == "FUT"]
    assert (ended.reason, ended.updated_ns) == ("dead_man", EXPIRY - 1_000_000)


def test_an_order_that_ended_is_remembered_for_the_hours_it_must_and_then_forgotten(desk: Desk) -> None:
    mine = desk.order("ann", "buy", 1, 49_000, client_id="x")
    open_one = desk.order("ann", "buy", 1, 49_000, client_id="y")
    desk.exchange.cancel("ann", mine.order_id)
    desk.exchange.advance(START + HOUR)
    found = desk.exchange.order_by_client_id("ann", "", "x")
    assert found is not None
    assert found.state == "cancelled"
    desk.exchange.advance(START + 2 * HOUR)
    desk.wait(601)
    assert desk.exchange.order_by_client_id("ann", "FREE", "x") is None
    assert desk.exchange.order("ann", mine.order_id) is None
    assert desk.exchange.order_by_client_id("ann", "", "y").order_id == open_one.order_id  # type: ignore[union-attr]


def test_cancel_all_keeps_to_its_instrument_or_kind(desk: Desk) -> None:
    desk.order("ann", "buy", 1, 49_000)
    desk.order("ann", "buy", 1, 49_000, "FUT", client_id="x")
    desk.order("ann", "buy", 1, "0.01", "CALL")
    desk.order("bob", "buy", 1, 49_000)
    assert desk.exchange.cancel_all("ann", kind="option") == 1
    assert [o.instrument for o in desk.exchange.cancel_by_client_id("ann", "", "x")] == ["FUT"]
    assert desk.exchange.cancel_all("ann", "LIN") == 0
    assert desk.exchange.cancel_all("ann") == 1
    assert len(desk.exchange.open_orders("bob")) == 1


def test_an_instrument_can_be_listed_while_the_venue_runs(desk: Desk) -> None:
    desk.exchange.list_instrument(listing("NEW", "perpetual"))
    assert desk.order("ann", "buy", 1, 49_000, "NEW").state == "open"
    with pytest.raises(CallerError, match=r"listing\.known"):
        desk.exchange.list_instrument(listing("NEW", "perpetual"))
    with pytest.raises(CallerError, match=r"listing\.grid"):
        desk.exchange.list_instrument(listing("ODD", "perpetual", maker_fee=Decimal("0.00000000001")))


def test_the_same_calls_give_the_same_news(desk: Desk) -> None:
    def live(desk: Desk) -> list[object]:
        draw = random.Random(3)
        for _ in range(300):
            name = draw.choice(["ann", "bob", "cyd"])
            desk.ask(name, draw.choice(["buy", "sell"]), draw.randint(1, 5), 50_000 + draw.randint(-20, 20))
            desk.index(50_000 * (1 + draw.gauss(0, 0.01)))
        return list(desk.exchange.take_news())

    assert live(desk) == live(opened())
