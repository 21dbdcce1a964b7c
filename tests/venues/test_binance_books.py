"""Binance books step by step: holding, bridging, breaking, healing."""

import json

import pytest
from twins import as_text, binance

from holdfast import tape
from holdfast.error import OutsideError
from holdfast.venues import sequence
from holdfast.venues.binance import BinanceFeed
from holdfast.venues.slots import LIVE, STALE

USDM, SPOT = "binance-usdm", "binance-spot"
ADDRESS = "https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000"


def diff(first: int, last: int, previous: int | None, price: str = "10.0", symbol: str = "BTCUSDT") -> bytes:
    data = {"e": "depthUpdate", "E": last, "T": last, "s": symbol, "U": first, "u": last}
    data |= {} if previous is None else {"pu": previous}
    data |= {"b": [[price, "1"]], "a": []}
    return json.dumps(data, separators=(",", ":")).encode()


def snapshot(last: int, bids: int = 1, asks: int = 1) -> bytes:
    levels = {
        "bids": [[f"{9.0 - i / 1000:.3f}", "5"] for i in range(bids)],
        "asks": [[f"{11.0 + i / 1000:.3f}", "5"] for i in range(asks)],
    }
    return json.dumps({"lastUpdateId": last, **levels}, separators=(",", ":")).encode()


def take(feed: BinanceFeed) -> list[str]:
    """Return the rows without their symbol and time."""
    return [" ".join(p for p in line.split() if p != "BTCUSDT" and p[0] != "@") for line in as_text(feed)]


SNAPSHOT_ROWS = ["book_reset snapshot", "level bid 9 x 5 snapshot", "level ask 11 x 5 last snapshot"]


def live_feed(market: str = USDM) -> BinanceFeed:
    feed = binance(market)
    feed.on_rest(1, ADDRESS, snapshot(100))
    feed.on_frame(2, diff(99, 105, 98) if market == USDM else diff(101, 105, None))
    feed.rows.take()
    return feed


def state_of(feed: BinanceFeed) -> int:
    return int(feed.slots.of(0)["state"])


def test_diffs_wait_for_the_snapshot_and_complete_it_in_one_message() -> None:
    feed = binance(USDM)
    for first, last, previous in ((90, 95, 89), (96, 99, 95), (100, 103, 99), (104, 110, 103)):
        feed.on_frame(last, diff(first, last, previous, f"10.{last}"))
    assert take(feed) == []
    feed.on_rest(200, ADDRESS, snapshot(100))
    rows = feed.rows.array[: feed.rows.count]
    assert set(rows["received_ns"]) == {200}
    assert list(rows["exchange_ns"][-2:] // 10**6) == [103, 110]
    assert take(feed) == [
        "book_reset snapshot",
        "level bid 9 x 5 snapshot",
        "level ask 11 x 5 snapshot",
        "level bid 10.103 x 1 snapshot",
        "level bid 10.11 x 1 last snapshot",
    ]
    feed.on_frame(201, diff(111, 112, 110))
    assert take(feed) == ["level bid 10 x 1 last"]
    assert feed.requests == []


@pytest.mark.parametrize(
    ("market", "superseded", "bridging", "after"),
    [
        (USDM, diff(98, 99, 97), diff(100, 100, 99), diff(101, 101, 100)),
        (USDM, diff(90, 99, 89), diff(95, 140, 94), diff(1000, 1001, 140)),
        (SPOT, diff(98, 100, None), diff(101, 101, None), diff(102, 102, None)),
        (SPOT, diff(90, 100, None), diff(95, 140, None), diff(141, 150, None)),
    ],
)
def test_after_a_snapshot_old_diffs_are_dropped_and_the_first_one_covers_its_id(
    market: str, superseded: bytes, bridging: bytes, after: bytes
) -> None:
    feed = binance(market)
    feed.on_rest(1, ADDRESS, snapshot(100))
    assert take(feed) == SNAPSHOT_ROWS
    feed.on_frame(2, superseded)
    assert take(feed) == []
    feed.on_frame(3, bridging)
    assert take(feed) == ["level bid 10 x 1 last"]
    feed.on_frame(4, after)
    assert take(feed) == ["level bid 10 x 1 last"]
    assert feed.requests == []


@pytest.mark.parametrize(
    ("market", "first"),
    [(USDM, diff(101, 105, 100)), (SPOT, diff(102, 105, None)), (USDM, diff(150, 160, 149))],
)
def test_a_first_diff_that_starts_beyond_the_snapshot_is_a_gap(market: str, first: bytes) -> None:
    feed = binance(market)
    feed.on_rest(1, ADDRESS, snapshot(100))
    feed.rows.take()
    feed.on_frame(2, first)
    assert take(feed) == [f"book_gap ={tape.GAP_SEQUENCE} last"]
    assert len(feed.requests) == 1


@pytest.mark.parametrize(
    ("market", "wrong"),
    [
        (USDM, diff(107, 110, 106)),  # one is missing
        (USDM, diff(99, 105, 98)),  # the same again
        (USDM, diff(106, 110, 104)),
        (SPOT, diff(107, 110, None)),
        (SPOT, diff(101, 105, None)),
    ],
)
def test_a_break_is_one_gap_and_one_request_however_much_follows(market: str, wrong: bytes) -> None:
    feed = live_feed(market)
    feed.on_frame(3, wrong)
    for last in range(200, 230, 2):  # each of them breaks again
        feed.on_frame(last, diff(last, last, last - 1 if market == USDM else None))
    assert take(feed) == [f"book_gap ={tape.GAP_SEQUENCE} last"]
    assert [(r.time_ns, r.venue, r.instrument) for r in feed.requests] == [(3, market, "BTCUSDT")]
    assert state_of(feed) == STALE


def test_a_later_snapshot_heals_a_stale_book_with_the_diffs_held_since() -> None:
    feed = live_feed()
    for first, last, previous in ((107, 110, 106), (111, 120, 110), (121, 130, 120)):
        feed.on_frame(last, diff(first, last, previous, f"10.{last}"))
    feed.rows.take()
    feed.on_rest(131, ADDRESS, snapshot(115))
    assert take(feed) == [*SNAPSHOT_ROWS[:2], "level ask 11 x 5 snapshot", "level bid 10.12 x 1 snapshot",
                          "level bid 10.13 x 1 last snapshot"]  # fmt: skip
    feed.on_frame(132, diff(131, 135, 130))
    assert take(feed) == ["level bid 10 x 1 last"]
    assert state_of(feed) == LIVE
    assert len(feed.requests) == 1


def test_a_snapshot_that_no_held_diff_bridges_is_not_accepted_and_asked_for_again() -> None:
    feed = binance(USDM)
    feed.on_frame(1, diff(110, 115, 109))
    feed.on_rest(2, ADDRESS, snapshot(100))
    assert take(feed) == []
    assert [request.time_ns for request in feed.requests] == [2]
    feed.on_rest(3, ADDRESS, snapshot(105))
    assert [request.time_ns for request in feed.requests] == [2, 3]
    feed.on_rest(4, ADDRESS, snapshot(112))
    assert take(feed) == [*SNAPSHOT_ROWS[:2], "level ask 11 x 5 snapshot", "level bid 10 x 1 last snapshot"]
    assert len(feed.requests) == 2


def test_a_hole_among_held_diffs_is_one_gap_and_no_snapshot_before_it_is_accepted() -> None:
    feed = binance(USDM)
    for first, last, previous in ((90, 95, 89), (96, 99, 95), (102, 105, 101), (108, 110, 107)):
        feed.on_frame(last, diff(first, last, previous))
    assert take(feed) == [f"book_gap ={tape.GAP_SEQUENCE} last"]
    assert [request.time_ns for request in feed.requests] == [105]
    feed.on_rest(111, ADDRESS, snapshot(97))
    feed.on_rest(112, ADDRESS, snapshot(103))
    assert take(feed) == []
    feed.on_rest(113, ADDRESS, snapshot(109))
    assert len(take(feed)) == 4
    feed.on_frame(114, diff(111, 112, 110))
    assert take(feed) == ["level bid 10 x 1 last"]


def test_a_snapshot_older_than_a_live_book_changes_nothing_and_a_newer_one_starts_it_over() -> None:
    feed = live_feed()
    feed.on_rest(3, ADDRESS, snapshot(104))
    assert take(feed) == []
    feed.on_rest(4, ADDRESS, snapshot(120))
    assert take(feed) == SNAPSHOT_ROWS
    feed.on_frame(5, diff(106, 119, 105))
    assert take(feed) == []
    feed.on_frame(6, diff(120, 125, 119))
    assert take(feed) == ["level bid 10 x 1 last"]
    assert feed.requests == []


def test_an_unreadable_diff_makes_its_book_stale_at_once() -> None:
    feed = live_feed()
    with pytest.raises(OutsideError):
        feed.on_frame(3, diff(106, 110, 105, "ten"))
    assert take(feed) == [f"book_gap ={tape.GAP_MALFORMED} last"]
    assert len(feed.requests) == 1
    feed.on_frame(4, diff(111, 112, 110))
    assert take(feed) == []


def test_an_unreadable_ticker_costs_no_book() -> None:
    feed = live_feed()
    with pytest.raises(OutsideError):
        feed.on_frame(3, b'{"e":"bookTicker","u":7,"s":"BTCUSDT","b":"x"}')
    assert take(feed) == []
    feed.on_frame(4, diff(106, 110, 105))
    assert take(feed) == ["level bid 10 x 1 last"]


def test_a_lost_connection_makes_served_books_stale_and_forgets_what_was_held() -> None:
    feed = live_feed()
    feed.on_frame(3, diff(1, 2, 0, symbol="ETHUSDT"))
    feed.on_disconnect(4)
    assert take(feed) == [f"book_gap ={tape.GAP_DISCONNECT} last"]
    assert [request.instrument for request in feed.requests] == ["BTCUSDT"]
    feed.on_frame(5, diff(106, 110, 105))
    feed.on_frame(6, diff(1000, 1001, 999, symbol="ETHUSDT"))
    assert take(feed) == []


def test_what_is_held_is_bounded_and_what_was_dropped_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "DIFFS_HELD_MAX", 3)
    feed = binance(USDM)
    for last in range(1, 11):
        feed.on_frame(last, diff(last, last, last - 1, f"10.{last}"))
    assert feed.held_dropped == 7
    feed.on_rest(11, ADDRESS, snapshot(5))  # the diff that continued it was dropped
    assert take(feed) == []
    feed.on_rest(12, ADDRESS, snapshot(8))
    assert take(feed)[3:] == ["level bid 10.8 x 1 snapshot", "level bid 10.9 x 1 snapshot",
                              "level bid 10.1 x 1 last snapshot"]  # fmt: skip


def test_the_worst_level_of_a_full_side_is_the_horizon() -> None:
    feed = binance(USDM)
    feed.on_rest(1, ADDRESS, snapshot(100, bids=1000, asks=999))
    horizon = [line for line in take(feed) if "horizon" in line]
    assert horizon == ["level bid 8.001 x 5 snapshot horizon"]


def test_a_snapshot_without_a_limit_in_its_address_is_cut_at_the_default() -> None:
    feed = binance(USDM)
    feed.on_rest(1, "https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT", snapshot(100, bids=500))
    assert sum("horizon" in line for line in take(feed)) == 1


def test_a_snapshot_without_an_address_goes_to_the_one_that_waits() -> None:
    feed = live_feed()
    feed.on_frame(3, diff(1, 6, 0, symbol="ETHUSDT"))
    feed.on_rest(4, "", snapshot(5))
    assert as_text(feed)[0].startswith("book_reset ETHUSDT")


def test_of_several_that_wait_it_goes_to_the_one_that_continues_it() -> None:
    feed = binance(USDM)
    feed.on_frame(1, diff(1, 6, 0))
    feed.on_frame(2, diff(500, 510, 499, symbol="ETHUSDT"))
    feed.on_rest(3, "", snapshot(505))
    assert as_text(feed)[0].startswith("book_reset ETHUSDT")


def test_a_snapshot_that_several_could_take_is_refused() -> None:
    feed = binance(USDM)
    feed.on_frame(1, diff(1, 6, 0))
    feed.on_frame(2, diff(2, 7, 1, symbol="ETHUSDT"))
    with pytest.raises(OutsideError) as refusal:
        feed.on_rest(3, "", snapshot(5))
    assert refusal.value.code == "snapshot.unattached"
    assert take(feed) == []


def test_a_partial_book_serves_until_diffs_keep_the_whole_one() -> None:
    feed = binance(USDM)
    partial = b'{"stream":"btcusdt@depth5","data":' + diff(90, 95, 89) + b"}"
    feed.on_frame(1, partial)
    assert take(feed) == ["book_reset snapshot", "level bid 10 x 1 last snapshot"]
    feed.on_frame(2, diff(96, 105, 95))
    assert take(feed) == []
    feed.on_frame(3, partial)
    assert len(take(feed)) == 2
    feed.on_rest(4, ADDRESS, snapshot(100))
    assert len(take(feed)) == 4
    feed.on_frame(5, partial)
    assert take(feed) == []
    feed.on_frame(6, diff(106, 110, 105))
    assert take(feed) == ["level bid 10 x 1 last"]


def test_a_diff_without_levels_only_moves_the_sequence() -> None:
    feed = live_feed()
    feed.on_frame(3, b'{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":106,"u":110,"pu":105,"b":[],"a":[]}')
    assert take(feed) == []
    feed.on_frame(4, diff(111, 112, 110))
    assert take(feed) == ["level bid 10 x 1 last"]
