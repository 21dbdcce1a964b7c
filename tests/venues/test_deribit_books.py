"""Deribit books step by step, and its listing."""

import json

import pytest
from test_deribit_frames import PERPETUAL, notification
from twins import as_text, deribit

from holdfast import tape
from holdfast.error import OutsideError
from holdfast.venues.deribit import DeribitFeed
from holdfast.venues.slots import LIVE

GET_BOOK = "https://www.deribit.com/api/v2/public/get_order_book?instrument_name=BTC-PERPETUAL&depth=2"


def message(
    kind: str, change_id: int, previous: int | None, bids: list[object], asks: list[object] | None = None
) -> bytes:
    data: dict[str, object] = {"type": kind, "timestamp": change_id}
    data |= {} if previous is None else {"prev_change_id": previous}
    data |= {"instrument_name": PERPETUAL, "change_id": change_id, "bids": bids, "asks": asks or []}
    return notification(f"book.{PERPETUAL}.raw", data)


def change(
    change_id: int, previous: int, price: float = 10.0, action: str = "new", amount: float = 1.0
) -> bytes:
    return message("change", change_id, previous, [[action, price, amount]])


def snapshot(change_id: int) -> bytes:
    return message("snapshot", change_id, None, [["new", 9.0, 5.0]], [["new", 11.0, 5.0]])


def answer(change_id: int) -> bytes:
    result = {"timestamp": 1, "instrument_name": PERPETUAL, "change_id": change_id, "bids": [[9.0, 5.0], [8.5, 5.0]],
              "asks": [[11.0, 5.0]], "state": "open", "mark_price": 10.0}  # fmt: skip
    return json.dumps({"jsonrpc": "2.0", "result": result}).encode()


def take(feed: DeribitFeed) -> list[str]:
    return [" ".join(p for p in line.split() if p != PERPETUAL and p[0] != "@") for line in as_text(feed)]


SNAPSHOT_ROWS = ["book_reset snapshot", "level bid 9 x 5 snapshot", "level ask 11 x 5 last snapshot"]


def live_feed() -> DeribitFeed:
    feed = deribit()
    feed.on_frame(1, snapshot(100))
    assert take(feed) == SNAPSHOT_ROWS
    return feed


def test_changes_continue_a_snapshot_through_the_kernel() -> None:
    feed = live_feed()
    feed.on_frame(2, change(105, 100))
    feed.on_frame(3, change(106, 105, action="change", amount=2.0))
    feed.on_frame(4, change(110, 106, action="delete", amount=0.0))
    assert take(feed) == ["level bid 10 x 1 last", "level bid 10 x 2 last", "level bid 10 x 0 last"]
    assert feed.fallbacks == 1


def test_a_deleted_level_is_gone_whatever_amount_it_names() -> None:
    feed = live_feed()
    feed.on_frame(2, change(105, 100, action="delete", amount=7.0))
    feed.on_frame(3, b" " + change(106, 105, action="delete", amount=7.0))
    assert take(feed) == ["level bid 10 x 0 last"] * 2
    assert feed.fallbacks == 2  # the snapshot, and the frame with a blank


def test_bids_come_first_whatever_the_order_of_the_keys() -> None:
    feed = live_feed()
    data = {"asks": [["new", 11.5, 1.0]], "bids": [["new", 9.5, 1.0]], "change_id": 101, "instrument_name": PERPETUAL,
            "prev_change_id": 100, "timestamp": 3, "type": "change"}  # fmt: skip
    feed.on_frame(2, notification(f"book.{PERPETUAL}.100ms", data))
    assert take(feed) == ["level bid 9.5 x 1", "level ask 11.5 x 1 last"]
    assert feed.fallbacks == 1


@pytest.mark.parametrize("wrong", [change(110, 105), change(101, 99), change(130, 120)])
def test_a_break_is_one_gap_and_one_request_however_much_follows(wrong: bytes) -> None:
    feed = live_feed()
    feed.on_frame(2, wrong)
    for change_id in range(200, 230, 2):
        feed.on_frame(change_id, change(change_id, change_id - 1))
    assert take(feed) == [f"book_gap ={tape.GAP_SEQUENCE} last"]
    assert [(r.time_ns, r.venue, r.instrument) for r in feed.requests] == [(2, "deribit", PERPETUAL)]


def test_a_new_snapshot_in_the_stream_heals() -> None:
    feed = live_feed()
    feed.on_frame(2, change(110, 105))
    feed.on_frame(3, snapshot(150))
    feed.on_frame(4, change(151, 150))
    assert take(feed)[1:] == [*SNAPSHOT_ROWS, "level bid 10 x 1 last"]
    assert len(feed.requests) == 1


def test_a_fetched_book_heals_with_the_changes_held_since() -> None:
    feed = live_feed()
    for change_id, previous in ((110, 105), (111, 110), (112, 111)):
        feed.on_frame(change_id, change(change_id, previous, float(change_id)))
    feed.rows.take()
    feed.on_rest(113, GET_BOOK, answer(111))
    assert take(feed) == [
        "book_reset snapshot",
        "level bid 9 x 5 snapshot",
        "level bid 8.5 x 5 snapshot horizon",
        "level ask 11 x 5 snapshot",
        "level bid 112 x 1 last snapshot",
    ]
    feed.on_frame(114, change(113, 112))
    assert take(feed) == ["level bid 10 x 1 last"]


def test_a_fetched_book_that_no_change_continues_is_not_accepted_and_asked_for_again() -> None:
    feed = live_feed()
    feed.on_frame(2, change(110, 105))
    feed.rows.take()
    feed.on_rest(3, GET_BOOK, answer(104))
    assert take(feed) == []
    assert [request.time_ns for request in feed.requests] == [2, 3]


def test_the_answer_to_a_book_request_counts_by_web_socket_too() -> None:
    feed = live_feed()
    feed.on_frame(2, change(110, 105))
    feed.rows.take()
    feed.on_frame(3, answer(110))
    assert take(feed)[0] == "book_reset snapshot"
    assert int(feed.slots.of(0)["state"]) == LIVE - 1  # no change has come since


def test_changes_before_any_snapshot_ask_for_one_and_make_no_rows() -> None:
    feed = deribit()
    for change_id in (101, 102, 103):
        feed.on_frame(change_id, change(change_id, change_id - 1))
    assert take(feed) == []
    assert len(feed.requests) == 1


def test_an_unreadable_change_makes_its_book_stale_at_once() -> None:
    feed = live_feed()
    with pytest.raises(OutsideError):
        feed.on_frame(2, change(101, 100)[:-20])
    assert take(feed) == [f"book_gap ={tape.GAP_MALFORMED} last"]
    assert len(feed.requests) == 1


def test_an_unreadable_ticker_costs_no_book() -> None:
    feed = live_feed()
    with pytest.raises(OutsideError):
        feed.on_frame(2, notification(f"ticker.{PERPETUAL}.raw", {"timestamp": "now"}))
    assert take(feed) == []


def test_a_lost_connection_makes_the_book_stale() -> None:
    feed = live_feed()
    feed.on_disconnect(2)
    assert take(feed) == [f"book_gap ={tape.GAP_DISCONNECT} last"]
    feed.on_frame(3, change(101, 100))
    assert take(feed) == []
    assert len(feed.requests) == 1


def test_a_grouped_book_is_superseded_by_a_whole_one() -> None:
    feed = deribit()
    grouped = notification(
        f"book.{PERPETUAL}.none.20.100ms",
        {"timestamp": 5, "instrument_name": PERPETUAL, "change_id": 7, "bids": [[161.0, 20.0]], "asks": []},
    )
    feed.on_frame(1, grouped)
    assert len(take(feed)) == 2
    feed.on_frame(2, snapshot(100))
    assert len(take(feed)) == 3
    feed.on_frame(3, grouped)
    assert take(feed) == []


def listing(**changes: object) -> dict[str, object]:
    return {
        "instrument_name": "BTC-27DEC24-60000-C",
        "kind": "option",
        "base_currency": "BTC",
        "quote_currency": "BTC",
        "settlement_currency": "BTC",
        "instrument_type": "reversed",
        "tick_size": 0.0005,
        "tick_size_steps": [
            {"above_price": 0.005, "tick_size": 0.0005},
            {"above_price": 0.0, "tick_size": 0.0001},
        ],
        "min_trade_amount": 0.1,
        "contract_size": 1.0,
        "settlement_period": "month",
        "expiration_timestamp": 1735286400000,
        "strike": 60000.0,
        "option_type": "call",
        "is_active": True,
    } | changes


def list_it(*entries: dict[str, object]) -> DeribitFeed:
    feed = deribit()
    feed.on_rest(1, "", json.dumps({"jsonrpc": "2.0", "result": entries}).encode())
    return feed


def test_an_option_is_listed_with_its_finest_tick() -> None:
    found = list_it(listing()).instruments[0]
    assert (found.kind, found.option_type, found.strike, found.inverse) == ("option", "call", 60000.0, True)
    assert (found.tick_size, found.price_decimals, found.size_decimals) == ("0.0001", 4, 1)
    assert (found.base, found.quote, found.settle, found.expiry_ns) == (
        "BTC",
        "BTC",
        "BTC",
        1735286400000 * 10**6,
    )


def test_a_perpetual_of_the_older_listing_is_inverse() -> None:
    old = listing(instrument_name="ETH-PERPETUAL", kind="future", quote_currency="USD", base_currency="ETH",
                  settlement_period="perpetual", tick_size=0.05, min_trade_amount=1, contract_size=1, strike=None,
                  option_type=None, instrument_type="", settlement_currency="", tick_size_steps=[])  # fmt: skip
    found = list_it(old).instruments[0]
    assert (found.kind, found.inverse, found.settle, found.expiry_ns, found.option_type) == (
        "perpetual",
        True,
        "ETH",
        0,
        "",
    )
    assert (found.price_decimals, found.size_decimals) == (2, 0)


def test_a_linear_perpetual_is_not_inverse() -> None:
    new = listing(instrument_name="BTC_USDC-PERPETUAL", kind="future", quote_currency="USDC", instrument_type="linear",
                  settlement_currency="USDC", settlement_period="perpetual", contract_size=0.001,
                  min_trade_amount=0.001, option_type=None)  # fmt: skip
    found = list_it(new).instruments[0]
    assert (found.kind, found.inverse, found.settle, found.size_decimals) == ("perpetual", False, "USDC", 3)


def test_a_combination_is_no_instrument_and_a_broken_entry_costs_only_itself() -> None:
    feed = deribit()
    entries = [listing(kind="option_combo"), listing(tick_size=0), listing()]
    with pytest.raises(OutsideError) as refusal:
        feed.on_rest(1, "", json.dumps({"result": entries}).encode())
    assert refusal.value.code == "listing.malformed"
    assert len(feed.instruments) == 1


def test_what_a_listing_does_not_name_is_held_back() -> None:
    feed = list_it(listing())
    with pytest.raises(OutsideError) as refusal:
        feed.on_frame(2, snapshot(1))
    assert refusal.value.code == "instrument.unlisted"


@pytest.mark.parametrize(
    ("symbol", "kind", "base", "quote", "inverse", "strike", "expiry_ms"),
    [
        ("BTC-PERPETUAL", "perpetual", "BTC", "USD", True, 0.0, 0),
        ("SOL_USDC-PERPETUAL", "perpetual", "SOL", "USDC", False, 0.0, 0),
        ("BTC-27DEC24", "future", "BTC", "USD", True, 0.0, 1735286400000),
        ("ETH-30JUL21-2800-C", "option", "ETH", "ETH", True, 2800.0, 1627632000000),
        ("XRP_USDC-27DEC24-0d55-P", "option", "XRP", "USDC", False, 0.55, 1735286400000),
        ("BTC_USDC", "spot", "BTC", "USDC", False, 0.0, 0),
    ],
)
def test_without_a_listing_a_symbol_says_what_it_is(
    symbol: str, kind: str, base: str, quote: str, inverse: bool, strike: float, expiry_ms: int
) -> None:
    feed = deribit()
    data = {"timestamp": 1, "instrument_name": symbol, "mark_price": 1.0}
    feed.on_frame(1, notification(f"ticker.{symbol}.raw", data))
    found = feed.instruments[0]
    assert (found.kind, found.base, found.quote, found.inverse) == (kind, base, quote, inverse)
    assert (found.strike, found.expiry_ns, found.listed) == (strike, expiry_ms * 10**6, False)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"jsonrpc":"2.0","error":{"code":1,"message":"no"}}', "venue.error"),
        (b'{"jsonrpc":"2.0","result":{"weather":"fine"}}', "frame.unknown"),
        (b'{"jsonrpc":"2.0","result":[1,2]}', "frame.unknown"),
        (b"<html>", "frame.malformed"),
        (answer(5).replace(b"8.5", b"-8.5"), "frame.malformed"),
    ],
)
def test_a_bad_answer_is_refused_with_its_reason(body: bytes, code: str) -> None:
    feed = deribit()
    with pytest.raises(OutsideError) as refusal:
        feed.on_rest(1, GET_BOOK, body)
    assert refusal.value.code == code
    assert as_text(feed) == []
