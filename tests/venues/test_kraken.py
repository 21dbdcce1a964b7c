"""Kraken Futures: what is its own, and the recorded connection of 2021-07-22."""

from pathlib import Path
from typing import Any

import pytest
from captures import read_capture
from compare import compare
from reference import KrakenReference
from samples import CASES, FRAME, frame

from holdfast import tape
from holdfast.clock import parse_time_ns
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer, Rows
from holdfast.venues.kraken.feed import KrakenFuturesFeed

CASE = CASES["kraken-futures"]
LEVEL = b'{"feed":"book","product_id":"PF_XBTUSD","side":"buy","seq":11,"price":100.0,"qty":%b,"timestamp":1}'


def feed_of(*frames: bytes) -> tuple[KrakenFuturesFeed, Rows]:
    """Return a feed with the sample listing and the rows of these frames."""
    feed = KrakenFuturesFeed(Instruments(), RowBuffer())
    feed.on_rest(1, CASE.listing.url, CASE.listing.body)
    for message in frames:
        feed.on_frame(2, message)
    return feed, feed.rows.take()


def kinds(rows: Rows) -> list[str]:
    return [tape.KIND_NAMES[kind] for kind in rows["kind"].tolist()]


def trade(kind: str) -> bytes:
    body = {"side": "sell", "type": kind, "seq": 9, "time": 1700000000090, "qty": 0.05, "price": 100.5}
    return frame({"feed": "trade", "product_id": CASE.symbol, **body})


def test_sizes_are_exact_although_the_venue_writes_json_numbers() -> None:
    level = LEVEL % b"0.3000"
    _, rows = feed_of(CASE.opening[0].body, level)
    assert (rows["price"][-1], rows["size"][-1]) == (1000, 3000)


def test_a_size_finer_than_the_lot_is_refused_and_the_book_is_stale() -> None:
    level = LEVEL % b"0.30001"
    feed, _ = feed_of(CASE.opening[0].body)
    with pytest.raises(OutsideError) as refusal:
        feed.on_frame(3, level)
    assert refusal.value.code == "quantity.off_grid"
    assert kinds(feed.rows.take()) == ["book_gap"]


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("fill", ["trade"]),
        ("liquidation", ["liquidation", "trade"]),
        ("termination", ["liquidation"]),
        ("block", []),
    ],
)
def test_a_trade_is_what_its_type_says(kind: str, rows: list[str]) -> None:
    _, told = feed_of(trade(kind))
    assert kinds(told) == rows
    assert all(row["side"] == -1 and row["price"] == 1005 and row["size"] == 500 for row in told)


def test_a_trade_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(OutsideError) as refusal:
        feed_of(trade("gift"))
    assert refusal.value.code == "frame.unknown"


def test_old_trades_are_flagged_and_told_oldest_first() -> None:
    def old(time_ms: int) -> dict[str, Any]:
        body = {"side": "buy", "type": "fill", "seq": 1, "time": time_ms, "qty": 1, "price": 100}
        return {"feed": "trade", "product_id": CASE.symbol, **body}

    snapshot = {"feed": "trade_snapshot", "product_id": CASE.symbol, "trades": [old(2000), old(1000)]}
    _, rows = feed_of(frame(snapshot))
    assert rows["exchange_ns"].tolist() == [1_000_000_000, 2_000_000_000]
    assert all(row["flags"] & tape.SNAPSHOT for row in rows)


def test_a_ticker_tells_mark_index_interest_funding_and_the_best_quotes_last() -> None:
    ticker = next(m for m in CASE.others if b'"feed":"ticker"' in m)
    _, rows = feed_of(ticker)
    assert kinds(rows) == ["mark", "index", "open_interest", "funding", "top", "top"]
    assert rows["value"][:4].tolist() == [101.01, 100.9, 1234.5, 1.5e-05]
    assert [(int(r["side"]), int(r["price"]), int(r["size"])) for r in rows[4:]] == [
        (1, 1005, 50000),
        (-1, 1015, 10),
    ]


def test_a_ticker_without_a_bid_is_a_pulled_quote() -> None:
    ticker = next(m for m in CASE.others if b'"bid":null' in m)
    _, rows = feed_of(ticker)
    assert (kinds(rows)[-2], int(rows["side"][-2])) == ("quote_pulled", 1)


def test_the_listing_knows_old_and_new_contracts_and_leaves_indices_out() -> None:
    old = {
        "symbol": "fi_xbtusd_210924",
        "type": "futures_inverse",
        "underlying": "rr_xbtusd",
        "tickSize": 0.5,
    }
    old |= {"lastTradingTime": "2021-09-24T15:00:00.000Z", "contractSize": 1, "tradeable": True}
    coarse = {
        "symbol": "PF_SHIBUSD",
        "type": "flexible_futures",
        "tickSize": 1e-08,
        "contractValueTradePrecision": -3,
    }
    answer = {
        "result": "success",
        "instruments": [old, coarse, {"symbol": "in_xbtusd", "type": "spot index"}],
    }
    feed = KrakenFuturesFeed(Instruments(), RowBuffer())
    feed.on_rest(1, CASE.listing.url, frame(answer))
    future, perpetual = feed.instruments.all
    assert (future.symbol, future.kind, future.inverse, future.base) == (
        "FI_XBTUSD_210924",
        "future",
        True,
        "BTC",
    )
    assert (future.price_decimals, future.size_decimals) == (1, 0)
    assert future.expiry_ns == parse_time_ns("2021-09-24T15:00:00Z")
    assert (perpetual.price_decimals, perpetual.size_decimals, perpetual.inverse) == (8, 0, False)


def test_an_unsubscribed_book_ends_without_a_request() -> None:
    feed, _ = feed_of(CASE.opening[0].body)
    feed.on_frame(3, frame({"event": "unsubscribed", "feed": "book", "product_ids": [CASE.symbol]}))
    assert kinds(feed.rows.take()) == ["book_gap"]
    assert not feed.requests


def test_the_recorded_connection_is_read_whole_and_its_books_agree(shared_data: Path) -> None:
    reference = KrakenReference()
    result = compare("kraken-futures", read_capture(shared_data / "raw_ws", "KRAKEN_FUTURES"), reference)
    assert result.refused == []
    assert result.requests == 0
    assert reference.breaks == []
    assert (result.compared, result.out_of_sync) == (7024, 0)


@pytest.mark.parametrize("which", [0, 700, 3000])
def test_one_frame_missing_from_the_recorded_connection_is_one_gap(shared_data: Path, which: int) -> None:
    capture = list(read_capture(shared_data / "raw_ws", "KRAKEN_FUTURES"))
    changes = [
        i
        for i, (_, step) in enumerate(capture)
        if step.role == FRAME and b'"feed":"book","product_id"' in step.body
    ]
    del capture[changes[which]]
    reference = KrakenReference()
    result = compare("kraken-futures", capture, reference)
    assert result.requests == len(reference.breaks) == 1
