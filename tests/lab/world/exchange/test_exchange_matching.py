"""Matching: price, then time; what rests, what takes, what an edit keeps."""

from decimal import Decimal

import pytest
from exchange_desk import Desk, opened

from holdfast.lab.world.exchange import BookMoved, Executed, Order, OrderMoved, Printed


def test_the_best_price_is_taken_first_and_the_earliest_at_one_price(desk: Desk) -> None:
    late = desk.order("bob", "sell", 1, 50_010)
    best = desk.order("cyd", "sell", 1, 50_005)
    later = desk.order("cyd", "sell", 1, 50_010)
    taker = desk.order("ann", "buy", "2.5", 50_010)
    assert taker.state == "filled"
    assert taker.average_price == (Decimal(50_005) + Decimal(50_010) * Decimal("1.5")) / Decimal("2.5")
    filled = [desk.exchange.order(o.account, o.order_id).filled for o in (best, late, later)]  # type: ignore[union-attr]
    assert filled == [1, 1, Decimal("0.5")]
    assert [t.price for t in desk.exchange.trades("FREE", 5)] == [50_005, 50_010, 50_010]
    desk.sane()


def test_a_trade_is_at_the_price_of_the_resting_order(desk: Desk) -> None:
    desk.order("bob", "buy", 1, 49_990)
    assert desk.order("ann", "sell", 1, 49_000).average_price == 49_990


def test_what_meets_nobody_rests_and_shows_in_the_book(desk: Desk) -> None:
    desk.order("ann", "buy", 1, 49_990)
    desk.order("bob", "buy", 2, 49_990)
    desk.order("bob", "buy", 3, 49_980)
    desk.order("cyd", "sell", 4, 50_000)
    book = desk.exchange.book("FREE", 1)
    assert book is not None
    assert (book.bids, book.asks) == ([(49_990, 3)], [(50_000, 4)])
    assert desk.exchange.touch("FREE") == (499_900, 3_000, 500_000, 4_000)
    assert len(desk.exchange.book("FREE", 9).bids) == 2  # type: ignore[union-attr]


def test_changes_of_the_book_make_the_book_when_they_are_applied_in_order(desk: Desk) -> None:
    for number in range(5):
        desk.order("ann", "buy", number + 1, 49_990 - number)
        desk.order("bob", "sell", number + 1, 50_000 + number)
    desk.order("cyd", "buy", 6, 50_004)
    desk.exchange.cancel_all("ann")
    sides: dict[str, dict[Decimal, Decimal]] = {"buy": {}, "sell": {}}
    last = 0
    for news in desk.news(BookMoved):
        assert news.prev_change_id == last
        last = news.change_id
        for side, price, size in news.changes:
            sides[side][price] = size
            if not size:
                del sides[side][price]
    book = desk.exchange.book("FREE", 50)
    assert book is not None
    assert book.change_id == last
    assert sorted(sides["sell"].items()) == book.asks
    assert sorted(sides["buy"].items(), reverse=True) == book.bids == []


def test_an_immediate_order_takes_what_there_is_and_never_rests(desk: Desk) -> None:
    desk.order("bob", "sell", 1, 50_000)
    taker = desk.order("ann", "buy", 3, 50_000, time_in_force="ioc")
    assert (taker.state, taker.reason, taker.filled) == ("cancelled", "immediate", 1)
    assert desk.exchange.book("FREE").bids == []  # type: ignore[union-attr]


def test_fill_or_kill_takes_everything_or_nothing(desk: Desk) -> None:
    desk.order("bob", "sell", 1, 50_000)
    desk.order("bob", "sell", 1, 50_001)
    killed = desk.order("ann", "buy", 2, 50_000, time_in_force="fok")
    assert (killed.state, killed.filled) == ("cancelled", 0)
    assert desk.order("ann", "buy", 2, 50_001, time_in_force="fok").state == "filled"


def test_a_market_order_takes_within_its_bound_and_is_refused_where_nothing_is(desk: Desk) -> None:
    assert desk.refusal("ann", "buy", 1) == "no_liquidity"
    desk.order("bob", "sell", 1, 50_000)
    desk.order("bob", "sell", 1, 53_000)  # beyond 5 % of the mark
    taken = desk.order("ann", "buy", 2)
    assert (taken.filled, taken.state, taken.price) == (1, "cancelled", None)
    assert desk.refusal("ann", "buy", 1) == "no_liquidity"


def test_post_only_rests_or_is_refused_or_slides_to_the_touch(desk: Desk) -> None:
    desk.order("bob", "sell", 1, 50_000)
    assert desk.refusal("ann", "buy", 1, 50_000, post_only=True) == "would_cross"
    assert desk.order("ann", "buy", 1, "49999.9", post_only=True).state == "open"
    slid = desk.order("ann", "buy", 1, 50_007, post_only=True, post_only_slide=True)
    assert (slid.price, slid.state) == (Decimal("49999.9"), "open")


def test_an_edit_keeps_its_place_only_for_less_at_the_same_price(desk: Desk) -> None:
    first = desk.order("ann", "buy", 3, 49_000)
    second = desk.order("bob", "buy", 1, 49_000)
    smaller = desk.exchange.edit("ann", first.order_id, quantity=Decimal(2))
    assert isinstance(smaller, Order)
    assert (smaller.quantity, smaller.order_id) == (2, first.order_id)
    desk.order("cyd", "sell", 1, 49_000)
    assert desk.exchange.order("ann", first.order_id).filled == 1  # type: ignore[union-attr]
    desk.exchange.edit("ann", first.order_id, quantity=Decimal(5))
    desk.order("cyd", "sell", 1, 49_000)
    assert desk.exchange.order("bob", second.order_id).state == "filled"  # type: ignore[union-attr]
    assert desk.exchange.order("ann", first.order_id).remaining == 4  # type: ignore[union-attr]


def test_an_edit_to_a_price_that_crosses_takes(desk: Desk) -> None:
    desk.order("bob", "sell", 1, 50_000)
    mine = desk.order("ann", "buy", 2, 49_000)
    moved = desk.exchange.edit("ann", mine.order_id, price=Decimal(50_000))
    assert isinstance(moved, Order)
    assert (moved.filled, moved.state) == (1, "open")
    assert desk.exchange.touch("FREE")[:2] == (500_000, 1_000)


def test_an_edit_that_is_refused_leaves_the_order_where_it_was(desk: Desk) -> None:
    first = desk.order("ann", "buy", 1, 49_000)
    desk.order("bob", "buy", 1, 49_000)
    for terms in ({"quantity": Decimal(1_000_000)}, {"price": Decimal("0.05")}, {"quantity": Decimal(-1)}):
        desk.exchange.edit("ann", first.order_id, **terms)
    desk.order("cyd", "sell", 1, 49_000)
    assert desk.exchange.order("ann", first.order_id).state == "filled"  # type: ignore[union-attr]


def test_an_edit_to_no_more_than_what_is_filled_cancels(desk: Desk) -> None:
    mine = desk.order("ann", "buy", 2, 49_000)
    desk.order("bob", "sell", 1, 49_000)
    ended = desk.exchange.edit("ann", mine.order_id, quantity=Decimal(1))
    assert isinstance(ended, Order)
    assert (ended.state, ended.filled) == ("cancelled", 1)


def test_an_order_meets_the_accounts_own_unless_the_venue_prevents_it(desk: Desk) -> None:
    desk.order("ann", "sell", 1, 50_000)
    assert desk.order("ann", "buy", 1, 50_000).state == "filled"
    assert desk.quantity("ann") == 0
    careful = opened(self_trade="cancel_maker")
    mine = careful.order("ann", "sell", 1, 50_000)
    other = careful.order("bob", "sell", 1, 50_000)
    assert careful.order("ann", "buy", 1, 50_000).state == "filled"
    gone = careful.exchange.order("ann", mine.order_id)
    assert gone is not None
    assert (gone.state, gone.reason, gone.filled) == ("cancelled", "self_trade", 0)
    assert careful.exchange.order("bob", other.order_id).state == "filled"  # type: ignore[union-attr]


def test_many_cancelled_orders_leave_no_hole_in_the_queue(desk: Desk) -> None:
    first = desk.order("ann", "buy", 1, 49_000)
    for _ in range(200):
        gone = desk.order("bob", "buy", 1, 49_000)
        desk.exchange.cancel("bob", gone.order_id)
    last = desk.order("bob", "buy", 1, 49_000)
    desk.order("cyd", "sell", 2, 49_000)
    assert desk.exchange.order("ann", first.order_id).state == "filled"  # type: ignore[union-attr]
    assert desk.exchange.order("bob", last.order_id).state == "filled"  # type: ignore[union-attr]


def test_news_tell_an_order_then_its_trade_then_the_book(desk: Desk) -> None:
    desk.order("bob", "sell", 1, 50_000)
    desk.exchange.take_news()
    desk.order("ann", "buy", 1, 50_000, client_id="mine")
    news = desk.exchange.take_news()
    told = [(n.account, n.what, n.order.state) for n in news if isinstance(n, OrderMoved)]
    assert told == [("ann", "new", "open"), ("ann", "trade", "filled"), ("bob", "trade", "filled")]
    fills = [n.fill for n in news if isinstance(n, Executed)]
    assert [(f.account, f.maker, f.client_id) for f in fills] == [("ann", False, "mine"), ("bob", True, "")]
    assert [type(n) for n in news if isinstance(n, Printed | BookMoved)] == [Printed, BookMoved]
    assert desk.exchange.take_news() == []


def test_a_copy_of_an_order_does_not_move_later(desk: Desk) -> None:
    mine = desk.order("ann", "buy", 1, 49_000)
    desk.order("bob", "sell", 1, 49_000)
    assert (mine.state, mine.filled) == ("open", 0)


@pytest.mark.parametrize("lots", [1, 7, 1000])
def test_lots_and_ticks_are_the_same_as_decimals(desk: Desk, lots: int) -> None:
    placed = desk.exchange.place_lots("ann", "FREE", "buy", lots, 490_000)
    assert isinstance(placed, Order)
    assert (placed.quantity, placed.price) == (lots * Decimal("0.001"), 49_000)
