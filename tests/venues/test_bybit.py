"""Bybit v5: what is its own, and the archive of 2024-12-01."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from compare import compare
from reference import BybitReference
from samples import CASES, FRAME, Step, frame

from holdfast import tape
from holdfast.clock import MILLISECOND_NS, parse_time_ns
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer, Rows
from holdfast.venues.bybit.feed import BybitFeed
from holdfast.venues.bybit.listing import Category

SYMBOL = "BTCUSDT"


def feed_of(*frames: bytes, category: Category = "linear") -> tuple[BybitFeed, Rows]:
    """Return a feed with the sample listing and the rows of these frames."""
    feed = BybitFeed(Instruments(), RowBuffer(), category)
    listing = CASES[f"bybit-{category}"].listing
    feed.on_rest(1, listing.url, listing.body)
    for message in frames:
        feed.on_frame(2, message)
    return feed, feed.rows.take()


def kinds(rows: Rows) -> list[str]:
    return [tape.KIND_NAMES[kind] for kind in rows["kind"].tolist()]


def book(kind: str, u: int, bids: list[list[str]], asks: list[list[str]], depth: int = 50) -> bytes:
    data = {"s": SYMBOL, "b": bids, "a": asks, "u": u, "seq": 1}
    topic = f"orderbook.{depth}.{SYMBOL}"
    return frame({"topic": topic, "type": kind, "ts": 1700000000100, "data": data, "cts": 1700000000090})


def push(topic: str, data: Any, kind: str = "snapshot") -> bytes:
    return frame({"topic": f"{topic}.{SYMBOL}", "type": kind, "ts": 1700000000100, "data": data})


def test_u_1_is_a_snapshot_whatever_it_calls_itself() -> None:
    feed, _ = feed_of(book("snapshot", 50, [["100.1", "5"]], [["100.3", "1"]]))
    feed.on_frame(3, book("delta", 1, [["99.0", "2"]], []))
    assert kinds(feed.rows.take()) == ["book_reset", "level"]
    feed.on_frame(3, book("delta", 2, [["99.0", "3"]], []))
    assert kinds(feed.rows.take()) == ["level"]
    assert not feed.requests


def test_a_new_snapshot_replaces_the_book_without_a_gap() -> None:
    feed, _ = feed_of(book("snapshot", 50, [["100.1", "5"]], []), book("snapshot", 90, [["100.0", "5"]], []))
    feed.on_frame(3, book("delta", 91, [["100.0", "6"]], []))
    assert kinds(feed.rows.take()) == ["level"]
    assert not feed.requests


def test_the_matching_engines_time_is_the_books_time() -> None:
    _, rows = feed_of(book("snapshot", 50, [["100.1", "5"]], []))
    assert set(rows["exchange_ns"].tolist()) == {1700000000090 * MILLISECOND_NS}


def test_the_best_level_topic_is_a_ticker_and_an_empty_side_a_pulled_quote() -> None:
    _, rows = feed_of(
        book("snapshot", 5, [["100.1", "5"]], [], depth=1), book("delta", 6, [["100.1", "0"]], [], depth=1)
    )
    assert kinds(rows) == ["top", "quote_pulled", "quote_pulled"]
    assert rows["side"].tolist() == [1, -1, 1]


def test_the_deeper_topic_owns_the_book() -> None:
    feed, _ = feed_of(book("snapshot", 5, [["100.1", "5"]], [], depth=50))
    feed.on_frame(3, book("snapshot", 9, [["100.1", "5"]], [], depth=200))
    assert kinds(feed.rows.take())[0] == "book_reset"
    feed.on_frame(3, book("delta", 6, [["100.1", "6"]], [], depth=50))
    assert not len(feed.rows.take())
    assert not feed.requests


def test_an_unsubscription_that_was_sent_ends_the_book() -> None:
    feed, _ = feed_of(book("snapshot", 5, [["100.1", "5"]], []))
    feed.on_sent(3, frame({"op": "unsubscribe", "args": [f"orderbook.50.{SYMBOL}"]}))
    assert kinds(feed.rows.take()) == ["book_gap"]
    assert not feed.requests
    feed.on_sent(3, b"nonsense")
    feed.on_sent(3, frame({"op": "subscribe", "args": [f"orderbook.50.{SYMBOL}"]}))
    assert not len(feed.rows.take())


def test_a_ticker_delta_completes_the_quote_from_what_was_said_before() -> None:
    whole = {"symbol": SYMBOL, "bid1Price": "100.1", "bid1Size": "5", "ask1Price": "100.3", "ask1Size": "1"}
    feed, _ = feed_of(push("tickers", whole))
    feed.on_frame(3, push("tickers", {"symbol": SYMBOL, "bid1Size": "6"}, "delta"))
    rows = feed.rows.take()
    assert [(int(r["side"]), int(r["price"]), int(r["size"])) for r in rows] == [(1, 1001, 600)]
    feed.on_frame(3, push("tickers", {"symbol": SYMBOL, "markPrice": "100.2"}, "delta"))
    assert kinds(feed.rows.take()) == ["mark"]


def test_after_a_lost_ticker_or_connection_a_quote_is_not_completed() -> None:
    whole = {"symbol": SYMBOL, "bid1Price": "100.1", "bid1Size": "5", "ask1Price": "100.3", "ask1Size": "1"}
    delta = push("tickers", {"symbol": SYMBOL, "bid1Size": "6"}, "delta")
    feed, _ = feed_of(push("tickers", whole))
    with pytest.raises(OutsideError):
        feed.on_frame(3, push("tickers", {"symbol": SYMBOL, "bid1Price": 7}, "delta"))
    feed.on_frame(3, delta)
    assert not len(feed.rows.take())
    feed.on_frame(3, push("tickers", whole))
    feed.on_disconnect(4)
    feed.rows.take()
    feed.on_frame(5, delta)
    assert not len(feed.rows.take())


def test_an_option_without_a_bid_has_a_pulled_quote_and_no_bid_volatility() -> None:
    ticker = next(m for m in CASES["bybit-option"].others if b"tickers" in m)
    _, rows = feed_of(ticker, category="option")
    told = [(tape.KIND_NAMES[r["kind"]], int(r["side"])) for r in rows]
    assert ("quote_pulled", 1) in told
    assert ("top", -1) in told
    assert ("implied_vol", 1) not in told
    assert [float(r["value"]) for r in rows if r["kind"] == tape.IMPLIED_VOL] == [0.58, 0.6]


@pytest.mark.parametrize(
    ("topic", "data"),
    [
        ("liquidation", {"updatedTime": 5, "symbol": SYMBOL, "side": "Buy", "size": "0.5", "price": "98.77"}),
        ("allLiquidation", [{"T": 5, "s": SYMBOL, "S": "Buy", "v": "0.5", "p": "98.77"}]),
    ],
)
def test_a_liquidated_long_is_a_forced_sale(topic: str, data: Any) -> None:
    _, rows = feed_of(push(topic, data))
    assert kinds(rows) == ["liquidation"]
    assert (rows["side"][0], rows["price"][0], rows["size"][0]) == (-1, 988, 50)


def test_a_bar_is_told_when_it_is_closed() -> None:
    bar = {
        "start": 0,
        "end": 59999,
        "open": "100",
        "close": "100.2",
        "high": "101",
        "low": "99.9",
        "volume": "12.5",
    }
    _, rows = feed_of(push("kline.1", [{**bar, "confirm": False}]))
    assert not len(rows)
    _, rows = feed_of(push("kline.1", [{**bar, "confirm": True}]))
    assert kinds(rows) == ["bar_open", "bar_high", "bar_low", "bar_close"]
    assert rows["price"].tolist() == [1000, 1010, 999, 1002]
    assert rows["exchange_ns"].tolist() == [60_000 * MILLISECOND_NS] * 4
    assert rows["value"][3] == 12.5


def test_the_listing_of_another_category_is_left_to_its_own_feed() -> None:
    feed = BybitFeed(Instruments(), RowBuffer(), "linear")
    listing = CASES["bybit-spot"].listing
    feed.on_rest(1, listing.url, listing.body)
    assert not len(feed.instruments)


def test_a_rest_book_ends_at_the_limit_that_was_asked_for() -> None:
    feed, _ = feed_of()
    result = {"s": SYMBOL, "b": [["100.1", "5"]], "a": [["100.3", "1"]], "ts": 1, "u": 7, "seq": 1, "cts": 1}
    url = f"https://api.bybit.com/v5/market/orderbook?category=linear&symbol={SYMBOL}&limit=1"
    feed.on_rest(3, url, frame({"retCode": 0, "retMsg": "OK", "result": result}))
    rows = feed.rows.take()
    assert kinds(rows) == ["book_reset", "level", "level"]
    assert [bool(f & tape.HORIZON) for f in rows["flags"].tolist()] == [False, True, True]
    with pytest.raises(OutsideError) as refusal:
        feed.on_rest(3, url, frame({"retCode": 10001, "retMsg": "Not supported symbols", "result": {}}))
    assert refusal.value.code == "rest.refused"


@pytest.mark.parametrize(
    ("category", "symbol", "terms", "expiry"),
    [
        ("linear", "1000PEPEUSDT", ("perpetual", "1000PEPE", "USDT"), ""),
        ("linear", "BTCPERP", ("perpetual", "BTC", "USDC"), ""),
        ("linear", "BTC-27DEC24", ("future", "BTC", "USDC"), "2024-12-27T08:00:00Z"),
        ("linear", "BTCUSDT-27DEC24", ("future", "BTC", "USDT"), "2024-12-27T08:00:00Z"),
        ("inverse", "BTCUSD", ("perpetual", "BTC", "USD"), ""),
        ("inverse", "BTCUSDZ24", ("future", "BTC", "USD"), ""),
        ("spot", "SOLUSDC", ("spot", "SOL", "USDC"), ""),
        ("option", "BTC-7FEB25-95000-P-USDT", ("option", "BTC", "USDT"), "2025-02-07T08:00:00Z"),
    ],
)
def test_a_symbol_says_what_it_is_where_there_is_no_listing(
    category: Category, symbol: str, terms: tuple[str, str, str], expiry: str
) -> None:
    feed = BybitFeed(Instruments(), RowBuffer(), category)
    trade = {"T": 1, "s": symbol, "S": "Sell", "v": "1", "p": "2", "BT": False}
    feed.on_frame(1, frame({"topic": f"publicTrade.{symbol}", "type": "snapshot", "ts": 1, "data": [trade]}))
    instrument = feed.instruments[0]
    assert (instrument.kind, instrument.base, instrument.quote) == terms
    assert instrument.expiry_ns == (parse_time_ns(expiry) if expiry else 0)
    assert instrument.inverse == (category == "inverse")


def _archive(shared_data: Path) -> list[tuple[int, Step]]:
    path = shared_data / "orderbook" / "bybit" / "xrpusdt-ob500.data.zip"
    with zipfile.ZipFile(path) as archive:
        lines = archive.read(archive.namelist()[0]).splitlines()
    return [(json.loads(line)["ts"] * MILLISECOND_NS, Step(FRAME, line)) for line in lines]


def test_the_archive_is_read_whole_and_its_book_agrees(shared_data: Path) -> None:
    reference = BybitReference()
    result = compare("bybit-linear", _archive(shared_data), reference)
    assert result.refused == []
    assert result.requests == 0
    assert (result.messages, result.compared) == (50, 50)


def test_one_line_missing_from_the_archive_is_one_gap(shared_data: Path) -> None:
    lines = _archive(shared_data)
    del lines[20]
    reference = BybitReference()
    result = compare("bybit-linear", lines, reference)
    assert result.requests == len(reference.breaks) == 1
