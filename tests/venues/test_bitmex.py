"""BitMEX: what is its own, and the recorded connection of 2021-07-22."""

from pathlib import Path
from typing import Any

import pytest
from captures import read_capture
from compare import compare
from reference import BitmexReference
from samples import CASES, frame

from holdfast import tape
from holdfast.clock import parse_time_ns
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer, Rows
from holdfast.venues.bitmex.feed import BitmexFeed

CASE = CASES["bitmex"]


def feed_of(*frames: bytes) -> tuple[BitmexFeed, Rows]:
    """Return a feed with the sample listing and the rows of these frames."""
    feed = BitmexFeed(Instruments(), RowBuffer())
    feed.on_rest(1, CASE.listing.url, CASE.listing.body)
    for message in frames:
        feed.on_frame(2, message)
    return feed, feed.rows.take()


def kinds(rows: Rows) -> list[str]:
    return [tape.KIND_NAMES[kind] for kind in rows["kind"].tolist()]


def levels(rows: Rows) -> list[tuple[int, int, int]]:
    return [(int(r["side"]), int(r["price"]), int(r["size"])) for r in rows if r["kind"] == tape.LEVEL]


def rows_of(action: str, *rows: dict[str, Any], table: str = "orderBookL2") -> bytes:
    return frame({"table": table, "action": action, "data": [{"symbol": "XBTUSD", **row} for row in rows]})


def test_what_comes_before_the_partial_is_dropped() -> None:
    feed, rows = feed_of(rows_of("update", {"id": 1, "side": "Buy", "size": 5}))
    assert not len(rows)
    assert not feed.requests


def test_an_update_without_a_price_changes_the_level_of_its_id() -> None:
    _, rows = feed_of(CASE.opening[0].body, rows_of("update", {"id": 2, "side": "Buy", "size": 7}))
    assert levels(rows)[-1] == (1, 1000, 7)


def test_a_level_that_moves_leaves_its_old_place() -> None:
    _, rows = feed_of(
        CASE.opening[0].body, rows_of("update", {"id": 2, "side": "Sell", "price": 100.5, "size": 7})
    )
    assert levels(rows)[-2:] == [(1, 1000, 0), (-1, 1005, 7)]


def test_a_removal_of_an_unknown_id_breaks_the_book_and_writes_nothing_of_that_message() -> None:
    change = rows_of("delete", {"id": 1, "side": "Buy"}, {"id": 77, "side": "Buy"})
    feed, _ = feed_of(CASE.opening[0].body)
    feed.on_frame(3, change)
    assert kinds(feed.rows.take()) == ["book_gap"]
    assert len(feed.requests) == 1


def test_an_empty_partial_is_an_empty_book() -> None:
    _, rows = feed_of(
        frame({"table": "orderBookL2", "action": "partial", "filter": {"symbol": "XBTUSD"}, "data": []})
    )
    assert kinds(rows) == ["book_reset"]


def test_a_partial_of_several_symbols_opens_each_book() -> None:
    feed = BitmexFeed(Instruments(), RowBuffer())
    rows = [
        {"symbol": s, "id": i, "side": "Buy", "size": 1, "price": 10}
        for i, s in enumerate(("XBTUSD", "ETHUSD"))
    ]
    feed.on_frame(1, frame({"table": "orderBookL2", "action": "partial", "filter": {}, "data": rows}))
    told = feed.rows.take()
    assert kinds(told) == ["book_reset", "level"] * 2
    assert [bool(flags & tape.LAST) for flags in told["flags"].tolist()] == [False, True, False, True]


def test_bytes_that_do_not_say_what_they_were_cost_every_live_book_and_a_whole_stranger_costs_none() -> None:
    feed, _ = feed_of(CASE.opening[0].body)
    with pytest.raises(OutsideError):
        feed.on_frame(3, b'{"weather":"fine"}')
    assert not len(feed.rows.take())
    with pytest.raises(OutsideError):
        feed.on_frame(4, CASE.update[:12])
    assert kinds(feed.rows.take()) == ["book_gap"]
    assert len(feed.requests) == 1


@pytest.mark.parametrize("was_live", [True, False])
def test_a_message_that_is_refused_at_its_second_book_puts_the_first_one_back(was_live: bool) -> None:
    feed = BitmexFeed(Instruments(), RowBuffer())
    row = {"symbol": "ETHUSD", "id": 1, "side": "Buy", "size": 1, "price": 10}
    good = frame({"table": "orderBookL2", "action": "partial", "filter": {}, "data": [row]})
    bad = frame(
        {
            "table": "orderBookL2",
            "action": "partial",
            "data": [row, {**row, "symbol": "XBTUSD", "price": "x"}],
        }
    )
    feed.on_frame(1, good)
    if not was_live:
        feed.on_disconnect(2)
    feed.rows.take()
    with pytest.raises(OutsideError):
        feed.on_frame(3, bad)
    lost = feed.rows.take()
    eth = feed.instruments.find("bitmex", "ETHUSD")
    assert [int(r["instrument"]) == eth for r in lost if r["kind"] == tape.BOOK_GAP].count(True) == was_live
    feed.on_frame(4, rows_of("insert", {"symbol": "ETHUSD", "id": 2, "side": "Buy", "size": 1, "price": 9}))
    assert not len(feed.rows.take()), "the book is stale"
    feed.on_frame(5, good)
    assert kinds(feed.rows.take()) == ["book_reset", "level"]


def test_the_25_level_book_ends_at_a_horizon() -> None:
    side = [{"id": i, "side": "Buy", "size": 1, "price": 100 - i} for i in range(25)]
    whole = frame(
        {
            "table": "orderBookL2_25",
            "action": "partial",
            "filter": {"symbol": "XBTUSD"},
            "data": [{"symbol": "XBTUSD", **row} for row in side],
        }
    )
    _, rows = feed_of(whole)
    assert [int(r["price"]) for r in rows if r["flags"] & tape.HORIZON] == [760]


def test_the_ten_level_book_is_superseded_by_the_whole_one() -> None:
    ten = next(m for m in CASE.quiet if b"orderBook10" in m)
    feed, rows = feed_of(ten)
    assert kinds(rows) == ["book_reset", "level", "level", "level"]
    feed.on_frame(3, CASE.opening[0].body)
    feed.rows.take()
    feed.on_frame(3, ten)
    assert not len(feed.rows.take())


def test_a_missing_ask_is_a_pulled_quote() -> None:
    quote = next(m for m in CASE.others if b'"table":"quote"' in m)
    _, rows = feed_of(quote)
    assert kinds(rows) == ["top", "quote_pulled"]
    assert rows["side"].tolist() == [1, -1]


def test_a_liquidation_is_told_once_when_it_begins() -> None:
    begun = {"orderID": "a", "side": "Sell", "price": 99.9, "leavesQty": 300}
    _, rows = feed_of(
        rows_of("insert", begun, table="liquidation"),
        rows_of("update", {"orderID": "a", "leavesQty": 100}, table="liquidation"),
        rows_of("delete", {"orderID": "a"}, table="liquidation"),
    )
    assert kinds(rows) == ["liquidation"]
    assert (rows["side"][0], rows["price"][0], rows["size"][0], rows["exchange_ns"][0]) == (-1, 999, 300, 0)


def test_settlement_prints_are_no_trades() -> None:
    trade = {
        "side": "Buy",
        "size": 100,
        "price": 100.2,
        "timestamp": "2023-11-14T22:13:20.100Z",
        "trdType": "Settlement",
    }
    _, rows = feed_of(rows_of("insert", trade, table="trade"))
    assert not len(rows)


@pytest.mark.parametrize(
    ("symbol", "terms"),
    [
        ("XBTUSD", ("perpetual", 1.0, True, "BTC")),
        ("ETHU21", ("future", 1.0, False, "ETH")),
        ("TRXU21", ("future", 1.0, False, "TRX")),
        ("ETHUSD", ("perpetual", 100 / 3108, False, "ETH")),
        ("XBTEURU21", ("future", 1.0, True, "BTC")),
    ],
)
def test_the_recorded_listing_says_what_a_contract_is_worth(
    shared_data: Path, symbol: str, terms: tuple[str, float, bool, str]
) -> None:
    feed = BitmexFeed(Instruments(), RowBuffer())
    received_ns, answer = next(iter(read_capture(shared_data / "raw_ws", "BITMEX")))
    feed.on_rest(received_ns, answer.url, answer.body)
    instrument = feed.instruments[feed.instruments.find("bitmex", symbol)]
    assert (instrument.kind, instrument.contract_size, instrument.inverse, instrument.base) == terms
    assert instrument.settle == "BTC"
    if symbol == "ETHU21":
        assert instrument.expiry_ns == parse_time_ns("2021-09-24T12:00:00Z")
        assert instrument.price_decimals == 5


def test_spot_is_counted_in_the_venues_small_units() -> None:
    spot = {
        "symbol": "XBT_USDT", "typ": "IFXXXP", "underlying": "XBT", "quoteCurrency": "USDT",
        "settlCurrency": "", "tickSize": 0.5, "lotSize": 1000, "underlyingToPositionMultiplier": 100000000,
        "multiplier": 100000000,
    }  # fmt: skip
    index = {"symbol": ".BXBT", "typ": "MRCXXX"}
    feed = BitmexFeed(Instruments(), RowBuffer())
    feed.on_rest(1, CASE.listing.url, frame([spot, index]))
    assert [(i.symbol, i.kind, i.contract_size) for i in feed.instruments.all] == [("XBT_USDT", "spot", 1e-8)]


def test_a_listing_without_a_tick_is_refused() -> None:
    feed = BitmexFeed(Instruments(), RowBuffer())
    with pytest.raises(OutsideError) as refusal:
        feed.on_rest(
            1,
            CASE.listing.url,
            frame([{"symbol": "XBTUSD", "typ": "FFWCSX", "tickSize": None, "lotSize": 1}]),
        )
    assert refusal.value.code == "listing.malformed"


def test_the_recorded_connection_is_read_whole_and_its_books_agree(shared_data: Path) -> None:
    reference = BitmexReference()
    result = compare("bitmex", read_capture(shared_data / "raw_ws", "BITMEX"), reference)
    assert result.refused == []
    assert result.requests == 0
    assert reference.breaks == []
    assert (result.compared, result.out_of_sync) == (1979, 0)


def test_an_insert_missing_from_the_recorded_connection_is_noticed_when_its_id_is_used(
    shared_data: Path,
) -> None:
    capture = list(read_capture(shared_data / "raw_ws", "BITMEX"))
    inserts = [i for i, (_, step) in enumerate(capture) if b'"orderBookL2","action":"insert"' in step.body]
    del capture[inserts[0]]
    reference = BitmexReference()
    result = compare("bitmex", capture, reference)
    assert result.requests == len(reference.breaks) == 1
