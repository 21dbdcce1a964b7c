"""OKX: what is its own, and the recorded connection of 2022-05-13."""

import json
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from captures import read_capture
from compare import compare
from reference import OkxReference
from samples import CASES, frame

from holdfast import tape
from holdfast.clock import parse_time_ns
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer, Rows
from holdfast.venues.okx.feed import OkxFeed

SYMBOL = "BTC-USDT-SWAP"


def signed(text: str) -> int:
    """Return the checksum of a text, signed as the venue writes it."""
    crc = crc32(text.encode())
    return crc - 2**32 if crc >= 2**31 else crc


def book(
    action: str, bids: list[list[str]], asks: list[list[str]], channel: str = "books", **more: Any
) -> bytes:
    """Return a push of a book channel."""
    data = {"bids": bids, "asks": asks, "ts": "1700000000100", **more}
    return frame({"arg": {"channel": channel, "instId": SYMBOL}, "action": action, "data": [data]})


def feed_of(*frames: bytes) -> tuple[OkxFeed, Rows]:
    """Return a feed with the sample listing and the rows of these frames."""
    feed = OkxFeed(Instruments(), RowBuffer())
    feed.on_rest(1, CASES["okx"].listing.url, CASES["okx"].listing.body)
    for message in frames:
        feed.on_frame(2, message)
    return feed, feed.rows.take()


def kinds(rows: Rows) -> list[str]:
    return [tape.KIND_NAMES[kind] for kind in rows["kind"].tolist()]


def test_the_checksum_is_taken_of_the_venues_own_text() -> None:
    whole = book("snapshot", [["100.10", "5.00"]], [["100.3", "1"]], checksum=signed("100.10:5.00:100.3:1"))
    feed, rows = feed_of(whole)
    assert kinds(rows) == ["book_reset", "level", "level"]
    assert not feed.requests


def test_a_checksum_of_other_text_is_refused() -> None:
    whole = book("snapshot", [["100.10", "5.00"]], [["100.3", "1"]], checksum=signed("100.1:5:100.3:1"))
    feed, rows = feed_of(whole)
    assert kinds(rows) == ["book_gap"]
    assert rows["value"][0] == tape.GAP_CHECKSUM
    assert len(feed.requests) == 1


def test_a_side_that_runs_out_is_left_out_of_the_checksum() -> None:
    text = "100.1:5:100.3:1:100:2:99:1"
    feed, rows = feed_of(
        book("snapshot", [["99", "1"], ["100.1", "5"], ["100", "2"]], [["100.3", "1"]], checksum=signed(text))
    )
    assert kinds(rows)[0] == "book_reset"
    assert not feed.requests


def test_a_change_after_which_the_checksum_differs_makes_the_book_stale_until_a_good_snapshot() -> None:
    good = book("snapshot", [["100.1", "5"]], [["100.3", "1"]], checksum=signed("100.1:5:100.3:1"))
    feed, _ = feed_of(good)
    feed.on_frame(3, book("update", [["100.1", "6"]], [], checksum=signed("100.1:6:100.3:1")))
    assert kinds(feed.rows.take()) == ["level"]
    feed.on_frame(3, book("update", [["100.1", "7"]], [], checksum=signed("100.1:8:100.3:1")))
    assert kinds(feed.rows.take()) == ["book_gap"]
    feed.on_frame(3, book("update", [["100.1", "8"]], [], checksum=signed("100.1:8:100.3:1")))
    assert not len(feed.rows.take())
    feed.on_frame(3, book("snapshot", [["100.1", "5"]], [["100.3", "1"]], checksum=signed("")))
    assert not len(feed.rows.take()), "a snapshot with a wrong checksum is not served"
    assert len(feed.requests) == 2, "a wrong snapshot must be asked for again"
    feed.on_frame(3, good)
    assert kinds(feed.rows.take())[0] == "book_reset"


def test_a_retired_checksum_of_zero_next_to_a_sequence_is_not_compared_and_alone_it_is() -> None:
    _, rows = feed_of(book("snapshot", [["100.1", "5"]], [], checksum=0, seqId=7, prevSeqId=-1))
    assert kinds(rows)[0] == "book_reset"
    _, rows = feed_of(book("snapshot", [["100.1", "5"]], [], checksum=0))
    assert kinds(rows) == ["book_gap"]


def test_a_maintenance_reset_and_a_silent_minute_are_no_breaks_and_a_skipped_message_is() -> None:
    feed, _ = feed_of(book("snapshot", [["100.1", "5"]], [["100.3", "1"]], seqId=15, prevSeqId=-1))
    feed.on_frame(3, book("update", [], [], seqId=15, prevSeqId=15))
    assert not len(feed.rows.take())
    feed.on_frame(3, book("update", [["100", "1"]], [], seqId=3, prevSeqId=15))
    feed.on_frame(3, book("update", [["100", "2"]], [], seqId=5, prevSeqId=3))
    assert kinds(feed.rows.take()) == ["level", "level"]
    feed.on_frame(3, book("update", [["100", "3"]], [], seqId=7, prevSeqId=6))
    assert kinds(feed.rows.take()) == ["book_gap"]


def test_the_deepest_channel_owns_the_book_and_the_others_are_superseded() -> None:
    five = book("", [["100.1", "5"]], [["100.3", "1"]], channel="books5", seqId=1)
    deep = book("snapshot", [["100.1", "5"]], [["100.3", "1"]], seqId=2, prevSeqId=-1)
    feed, rows = feed_of(five)
    assert kinds(rows) == ["book_reset", "level", "level"]
    feed.on_frame(3, deep)
    assert kinds(feed.rows.take())[0] == "book_reset"
    feed.on_frame(3, five)
    assert not len(feed.rows.take())
    feed.on_frame(3, frame({"event": "unsubscribe", "arg": {"channel": "books", "instId": SYMBOL}}))
    assert kinds(feed.rows.take()) == ["book_gap"]
    assert not feed.requests, "who unsubscribes wants no snapshot"
    feed.on_frame(3, five)
    assert kinds(feed.rows.take())[0] == "book_reset"


def test_five_levels_a_side_end_at_a_horizon_and_fewer_do_not() -> None:
    bids = [[str(100 - i), "1"] for i in range(5)]
    _, rows = feed_of(book("", bids, [["101", "1"]], channel="books5", seqId=1))
    assert [(int(r["price"]), int(r["side"])) for r in rows if r["flags"] & tape.HORIZON] == [(960, 1)]


def test_an_index_reaches_the_instruments_that_have_spoken() -> None:
    index = frame(
        {
            "arg": {"channel": "index-tickers", "instId": "BTC-USDT"},
            "data": [{"instId": "BTC-USDT", "idxPx": "100.5", "ts": "1700000000000"}],
        }
    )
    _, rows = feed_of(index)
    assert not len(rows)
    trade = {"instId": SYMBOL, "px": "100.1", "sz": "1", "side": "sell", "ts": "1700000000000"}
    feed, rows = feed_of(frame({"arg": {"channel": "trades", "instId": SYMBOL}, "data": [trade]}), index)
    assert kinds(rows) == ["trade", "index"]
    assert rows["instrument"].tolist() == [feed.instruments.find("okx", SYMBOL)] * 2
    assert rows["value"][1] == 100.5


def test_a_liquidation_keeps_the_orders_side_and_its_bankruptcy_price_is_rounded_to_the_tick() -> None:
    detail = {"side": "sell", "posSide": "long", "bkPx": "99.15", "sz": "3", "ts": "1700000000090"}
    push = {"arg": {"channel": "liquidation-orders"}, "data": [{"instId": SYMBOL, "details": [detail]}]}
    _, rows = feed_of(frame(push))
    assert (rows["side"][0], rows["price"][0], rows["size"][0]) == (-1, 992, 300)


def test_option_summaries_tell_volatilities_greeks_and_forward_and_no_quote_means_no_volatility() -> None:
    _, rows = feed_of(next(m for m in CASES["okx"].others if b"opt-summary" in m))
    told = {(tape.KIND_NAMES[r["kind"]], int(r["side"])): float(r["value"]) for r in rows}
    assert told == {
        ("forward", 0): 61000.5,
        ("delta", 0): 0.45,
        ("vega", 0): 110.5,
        ("implied_vol", 0): 0.52,
        ("implied_vol", -1): 0.55,
    }


def test_a_listing_gives_grid_contract_and_terms() -> None:
    feed, _ = feed_of()
    swap = feed.instruments[feed.instruments.find("okx", SYMBOL)]
    assert (swap.kind, swap.base, swap.quote, swap.settle) == ("perpetual", "BTC", "USDT", "USDT")
    assert (swap.price_decimals, swap.size_decimals, swap.contract_size, swap.inverse) == (1, 2, 0.01, False)
    option = feed.instruments[feed.instruments.find("okx", "BTC-USD-261225-100000-C")]
    assert (option.kind, option.strike, option.option_type, option.settle) == (
        "option",
        100000.0,
        "call",
        "BTC",
    )
    assert option.expiry_ns == parse_time_ns("2026-12-25T08:00:00Z")
    assert (option.contract_size, option.inverse, option.quote) == (0.01, True, "USD")


def test_one_broken_entry_of_a_listing_does_not_cost_the_others() -> None:
    listing = json.loads(CASES["okx"].listing.body)
    listing["data"][0]["tickSz"] = ""
    feed = OkxFeed(Instruments(), RowBuffer())
    with pytest.raises(OutsideError) as refusal:
        feed.on_rest(1, CASES["okx"].listing.url, frame(listing))
    assert refusal.value.code == "listing.malformed"
    assert [i.symbol for i in feed.instruments.all] == ["BTC-USD-261225-100000-C"]


def test_a_refused_rest_answer_says_so() -> None:
    feed, _ = feed_of()
    with pytest.raises(OutsideError) as refusal:
        feed.on_rest(
            1, CASES["okx"].listing.url, frame({"code": "50011", "msg": "Too Many Requests", "data": []})
        )
    assert refusal.value.code == "rest.refused"


def test_a_rest_book_serves_until_a_channel_does() -> None:
    feed, _ = feed_of()
    url = f"https://www.okx.com/api/v5/market/books?instId={SYMBOL}&sz=2"
    levels = {"bids": [["100.1", "5", "0", "1"], ["100", "5", "0", "1"]], "asks": [], "ts": "1700000000000"}
    answer = frame({"code": "0", "msg": "", "data": [levels]})
    feed.on_rest(3, url, answer)
    rows = feed.rows.take()
    assert kinds(rows) == ["book_reset", "level", "level"]
    assert rows["flags"][2] & tape.HORIZON
    feed.on_frame(4, book("snapshot", [["100.1", "5"]], [], seqId=2, prevSeqId=-1))
    feed.rows.take()
    feed.on_rest(5, url, answer)
    assert not len(feed.rows.take())


@pytest.mark.parametrize(
    ("symbol", "kind", "terms"),
    [
        ("BTC-USDT", "spot", {}),
        ("BTC-USD-SWAP", "perpetual", {"inverse": True, "settle": "BTC"}),
        ("BTC-USD_UM-SWAP", "perpetual", {"inverse": False, "quote": "USD"}),
        ("BTC-USD-220527", "future", {"expiry_ns": parse_time_ns("2022-05-27T08:00:00Z")}),
        ("ETH-USD-220527-1300-P", "option", {"strike": 1300.0, "option_type": "put"}),
    ],
)
def test_a_symbol_says_what_it_is_where_there_is_no_listing(
    symbol: str, kind: str, terms: dict[str, Any]
) -> None:
    feed = OkxFeed(Instruments(), RowBuffer())
    trade = {"instId": symbol, "px": "100.1", "sz": "1", "side": "sell", "ts": "1700000000000"}
    feed.on_frame(1, frame({"arg": {"channel": "trades", "instId": symbol}, "data": [trade]}))
    instrument = feed.instruments[0]
    assert (instrument.kind, instrument.listed) == (kind, False)
    assert {name: getattr(instrument, name) for name in terms} == terms


def test_a_symbol_that_says_nothing_is_refused() -> None:
    feed = OkxFeed(Instruments(), RowBuffer())
    trade = {"instId": "BTC", "px": "100.1", "sz": "1", "side": "sell", "ts": "1700000000000"}
    with pytest.raises(OutsideError) as refusal:
        feed.on_frame(1, frame({"arg": {"channel": "trades", "instId": "BTC"}, "data": [trade]}))
    assert refusal.value.code == "instrument.unreadable"
    assert not len(feed.instruments)


def test_the_recorded_connection_is_read_whole_and_its_books_and_checksums_agree(shared_data: Path) -> None:
    reference = OkxReference()
    result = compare("okx", read_capture(shared_data / "raw_ws", "OKX"), reference)
    assert result.refused == []
    assert result.requests == 0
    assert reference.checksums == 290
    assert reference.breaks == []
    assert (result.compared, result.out_of_sync) == (290, 0)


def test_a_frame_missing_from_the_recorded_connection_breaks_the_checksum(shared_data: Path) -> None:
    capture = list(read_capture(shared_data / "raw_ws", "OKX"))
    updates = [
        i
        for i, (_, step) in enumerate(capture)
        if b'"action":"update"' in step.body and b'"BTC-USDT"' in step.body
    ]
    del capture[updates[10]]
    reference = OkxReference()
    result = compare("okx", capture, reference)
    assert result.requests == len(reference.breaks) == 1
