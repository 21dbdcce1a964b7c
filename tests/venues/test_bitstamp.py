"""Bitstamp's single orders, served only where fills prove that nothing older is left."""

import csv
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest
from taped import EMPTY, LIVE, STALE, TapedBooks

from holdfast import tape
from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer, Rows
from holdfast.venues.bitstamp.orders import MATCHING_NS_MAX, OrderBook3

UNIT = 10**9  # the grid of an instrument that nobody listed


class Tape:
    """A book of orders, driven by short events: `+b1 100 5` creates bid 1, `~` changes, `-` deletes."""

    def __init__(self) -> None:
        self.instruments = Instruments()
        self.book = OrderBook3(self.instruments, RowBuffer())
        self.taped = TapedBooks(self.instruments)
        self.now_ns = 0

    def give(self, event: str, after_ns: int = MILLISECOND_NS) -> Rows:
        self.now_ns += after_ns
        word, price, volume = event.split()
        self.book.on_order(
            self.now_ns,
            self.now_ns - 5,
            int(word[2:]),
            price=price,
            volume=volume,
            action={"+": "created", "~": "changed", "-": "deleted"}[word[0]],
            direction={"b": "bid", "a": "ask"}[word[1]],
        )
        rows = self.book.rows.take()
        self.taped.take(rows)
        return rows

    @property
    def state(self) -> str:
        return self.taped.state(self.book.instrument)

    def levels(self, side: int) -> dict[int, int]:
        sides = self.taped.books[self.book.instrument].sides
        return {price // UNIT: size for price, size in sides[side].items()}


def known() -> Tape:
    """Return a book whose touch is proven by a trade on each side: bids from 100 up, asks from 103 down."""
    told = Tape()
    for event in ("+b1 100 5", "+b2 99 5", "+a3 103 5", "+a4 104 5"):
        told.give(event)
    for event in ("+a5 100 1", "~b1 100 4", "-a5 100 0", "+b6 103 1", "~a3 103 4", "-b6 103 0"):
        told.give(event)
    return told


def test_orders_alone_do_not_make_a_book_known() -> None:
    told = Tape()
    for event in ("+b1 100 5", "+a3 103 5"):
        assert not len(told.give(event))
    assert told.state == EMPTY


def test_a_fill_on_each_side_proves_the_touch_and_only_what_is_proven_is_served() -> None:
    told = known()
    assert told.state == LIVE
    assert told.levels(1) == {100: 4}, "99 may hold older orders"
    assert told.levels(-1) == {103: 4}


def test_a_snapshot_ends_at_its_horizons() -> None:
    told = Tape()
    for event in ("+b1 100 5", "+a3 103 5", "+a5 100 1", "~b1 100 4", "-a5 100 0", "+b6 103 1"):
        told.give(event)
    rows = told.give("~a3 103 4")
    assert [tape.KIND_NAMES[k] for k in rows["kind"].tolist()] == ["book_reset", "level", "level"]
    assert all(row["flags"] & tape.HORIZON for row in rows[1:])


def test_a_fill_further_out_reveals_the_levels_on_the_way() -> None:
    told = known()
    told.give("+a7 99 5")
    told.give("-b1 100 0")
    assert told.state == STALE, "the known best bid is below what is proven"
    told.give("~b2 99 4")
    assert told.state == LIVE
    assert told.levels(1) == {99: 4}


def test_a_fill_that_a_better_order_contradicts_proves_nothing() -> None:
    told = Tape()
    for event in ("+b1 100 5", "+a3 103 5", "+a5 100 1", "~b1 100 4", "-a5 100 0"):
        told.give(event)
    for event in ("+a9 105 2", "~a9 105 1"):
        assert not len(told.give(event)), (
            "a market order's price is no limit: the ask of 103 would have gone first"
        )
    told.give("~a3 103 4")
    assert told.state == LIVE
    assert told.levels(-1) == {103: 4}


def test_an_older_orders_fill_proves_only_better_prices() -> None:
    told = known()
    told.give("+b8 101 2")
    told.give("-b77 100 0")
    assert told.book.older == 1
    assert told.levels(1) == {101: 2, 100: 4}


def test_an_arriving_order_is_held_back_while_it_is_matched_and_its_rest_rests() -> None:
    told = known()
    told.give("+b9 104 10")
    assert max(told.levels(1)) < min(told.levels(-1))
    told.give("-a3 103 0")
    told.give("~b9 104 6")
    told.give("-a4 104 0")
    told.give("~b9 104 1")
    assert 104 not in told.levels(-1)
    assert told.state == STALE, "no ask is known any more"


def test_an_order_that_crosses_for_too_long_means_that_something_was_missed() -> None:
    told = known()
    told.give("+b9 103 10")
    assert told.state == LIVE
    told.give("+b10 98 1", after_ns=MATCHING_NS_MAX + SECOND_NS)
    assert told.state == STALE
    assert len(told.book.requests) == 1
    assert told.book.requests[0].instrument == "btcusd"


def test_a_deleted_order_stays_deleted_when_its_creation_comes_late() -> None:
    told = known()
    told.give("-b20 100 3")
    assert not len(told.give("+b20 100 3"))
    assert (told.book.late, told.book.older) == (1, 1)
    assert told.levels(1) == {100: 4}


def test_a_lost_connection_forgets_everything() -> None:
    told = known()
    told.book.on_disconnect(told.now_ns)
    rows = told.book.rows.take()
    assert rows["value"].tolist() == [tape.GAP_DISCONNECT]
    told.taped.take(rows)
    assert not len(told.give("~b1 100 3"))
    assert told.state == STALE


def test_the_venues_clock_is_the_time_of_creation_only() -> None:
    told = known()
    assert told.give("+b30 101 1")["exchange_ns"].tolist() == [told.now_ns - 5]
    assert told.give("-b30 101 1")["exchange_ns"].tolist() == [0]


@pytest.mark.parametrize(
    ("price", "volume", "action", "direction"),
    [("x", "1", "created", "bid"), ("1", "1.5", "created", "bid"), ("1", "-1", "created", "bid"),
     ("1", "1", "eaten", "bid"), ("1", "1", "created", "middle")],
)  # fmt: skip
def test_a_malformed_event_is_refused_and_changes_nothing(
    price: str, volume: str, action: str, direction: str
) -> None:
    told = known()
    with pytest.raises(OutsideError):
        told.book.on_order(told.now_ns, 0, 50, price=price, volume=volume, action=action, direction=direction)
    assert not len(told.book.rows.take())
    told.give("~b1 100 3")
    assert told.levels(1) == {100: 3}


def _events(shared_data: Path) -> Iterator[dict[str, str]]:
    with lzma.open(shared_data / "orderbook" / "bitstamp_l3" / "orders.csv.xz", "rt") as lines:
        yield from csv.DictReader(lines)


def test_the_file_is_read_whole_never_crossed_and_never_contradicted_by_an_older_order(
    shared_data: Path,
) -> None:
    instruments = Instruments()
    book = OrderBook3(instruments, RowBuffer())
    taped = TapedBooks(instruments)
    told: set[str] = set()
    late = {event["id"] for event in _events(shared_data) if event["action"] == "created"}
    events = live = 0
    for event in _events(shared_data):
        events += 1
        older = event["action"] != "created" and event["id"] not in told
        told.add(event["id"])
        if older and event["id"] not in late and taped.state(book.instrument) == LIVE:
            sign = 1 if event["direction"] == "bid" else -1
            worst = min(sign * price for price in taped.books[book.instrument].sides[sign])
            price = int(event["price"].replace(".", "")) * 10**7
            assert sign * price < worst, f"an order from before the file was inside: {event}"
        book.on_order(
            int(event["timestamp"]) * MILLISECOND_NS,
            int(event["exchange.timestamp"]) * MILLISECOND_NS,
            int(event["id"]),
            price=event["price"],
            volume=event["volume"],
            action=event["action"],
            direction=event["direction"],
        )
        taped.take(book.rows.take())
        if taped.state(book.instrument) == LIVE:
            live += 1
            sides = taped.books[book.instrument].sides
            assert max(sides[1]) < min(sides[-1])
    assert (events, book.late, book.older) == (50_414, 27, 187)
    assert live > 0.95 * events
    assert {wish.reason for wish in book.requests} == {"the market left the part of the book that is known"}
    assert len(book.requests) == 22
