"""The fold: what each kind of row does to an instrument, and what it must not do."""

import math

from holdfast import tape
from holdfast.market.book import EMPTY, LIVE, STALE
from tests.market.rows import Small, row

LAST = tape.LAST


def snapshot(at: float = 0.0) -> list[tuple]:
    return [
        row(tape.BOOK_RESET, at=at),
        row(tape.LEVEL, at=at, side=1, price=99, size=5),
        row(tape.LEVEL, at=at, side=1, price=98, size=7),
        row(tape.LEVEL, at=at, side=-1, price=101, size=4),
        row(tape.LEVEL, at=at, side=-1, price=102, size=6, flags=LAST),
    ]


def test_a_snapshot_makes_a_live_book_and_a_mid() -> None:
    small = Small()
    small.fold(*snapshot())
    assert small.state["book"] == LIVE
    assert (small.board["bid"], small.board["ask"], small.board["price"]) == (99.0, 101.0, 100.0)
    assert small.state["microprice"] == (99 * 4 + 101 * 5) / 9


def test_levels_without_a_snapshot_make_no_book() -> None:
    small = Small()
    small.fold(
        row(tape.LEVEL, side=1, price=99, size=5, flags=LAST),
        row(tape.LEVEL, side=-1, price=101, size=5, flags=LAST),
    )
    assert small.state["book"] == EMPTY
    assert small.state["unserved"] == 2
    assert math.isnan(small.board["price"])


def test_a_book_is_not_judged_in_the_middle_of_a_message() -> None:
    small = Small()
    small.fold(*snapshot())
    small.fold(row(tape.LEVEL, at=1, side=1, price=101, size=1))
    assert small.state["crossed"] == 0.0
    assert small.board["bid"] == 99.0
    small.fold(row(tape.LEVEL, at=1, side=-1, price=101, size=0, flags=LAST))
    assert (small.board["bid"], small.board["ask"]) == (101.0, 102.0)


def test_a_gap_makes_the_book_stale_and_nothing_is_served() -> None:
    small = Small()
    small.fold(*snapshot(), row(tape.BOOK_GAP, at=1, value=tape.GAP_SEQUENCE, flags=LAST))
    assert small.state["book"] == STALE
    assert math.isnan(small.board["bid"])
    small.fold(row(tape.LEVEL, at=2, side=1, price=100, size=1, flags=LAST))
    assert math.isnan(small.board["bid"])
    assert small.state["gaps"] == 1


def test_a_new_snapshot_heals_a_gap() -> None:
    small = Small()
    small.fold(*snapshot(), row(tape.BOOK_GAP, at=1, value=tape.GAP_SEQUENCE, flags=LAST), *snapshot(at=2))
    assert small.state["book"] == LIVE
    assert small.state["gap_ns"] == 0
    assert small.board["bid"] == 99.0


def test_a_gap_leaves_the_venues_own_ticker_in_place() -> None:
    small = Small()
    small.fold(
        row(tape.TOP, side=1, price=99, size=1),
        row(tape.TOP, side=-1, price=101, size=1, flags=LAST),
        *snapshot(at=1),
        row(tape.BOOK_GAP, at=2, value=tape.GAP_SEQUENCE, flags=LAST),
    )
    assert small.board["price"] == 100.0


def test_a_crossed_book_is_not_served() -> None:
    small = Small()
    small.fold(*snapshot(), row(tape.LEVEL, at=1, side=1, price=101, size=1, flags=LAST))
    assert small.state["crossed"] == 1.0
    assert (small.board["bid"], small.board["ask"]) == (99.0, 101.0)


def test_a_trade_sets_the_price_only_where_no_quote_does() -> None:
    alone, quoted = Small(), Small()
    trade = row(tape.TRADE, at=1, side=-1, price=90, size=2, flags=LAST)
    alone.fold(trade)
    quoted.fold(*snapshot(), trade)
    assert alone.board["price"] == 90.0
    assert quoted.board["price"] == 100.0
    assert alone.state["signed_turnover"] == -180.0


def test_an_old_price_is_no_price() -> None:
    small = Small()
    small.fold(row(tape.TRADE, at=0, sent=0, side=1, price=100, size=1, flags=LAST))
    small.fold(row(tape.TRADE, at=30, sent=15, side=1, price=50, size=1, flags=LAST))
    assert small.board["price"] == 100.0
    assert small.state["trades"] == 2
    small.fold(row(tape.TRADE, at=31, sent=25, side=1, price=60, size=1, flags=LAST))
    assert small.board["price"] == 60.0


def test_a_recorder_that_runs_behind_does_not_make_prices_old() -> None:
    small = Small()
    for at in range(3):
        small.fold(row(tape.TRADE, at=at, sent=at + 40, side=1, price=100 + at, size=1, flags=LAST))
    assert small.board["price"] == 102.0
    assert small.state["latency_min_ns"] == -40_000_000_000


def test_trades_of_a_snapshot_are_old_news() -> None:
    small = Small()
    small.fold(row(tape.TRADE, side=1, price=100, size=1, flags=LAST | tape.SNAPSHOT))
    assert small.state["trades"] == 0
    assert math.isnan(small.board["price"])


def test_a_pulled_quote_is_absent_not_zero() -> None:
    small = Small()
    small.fold(row(tape.TOP, side=1, price=9, size=1), row(tape.TOP, side=-1, price=11, size=1, flags=LAST))
    small.fold(row(tape.QUOTE_PULLED, at=1, side=-1, flags=LAST))
    assert math.isnan(small.board["ask"])
    assert not small.board["has_ask"]
    assert small.board["has_bid"]


def test_bands_whose_bids_are_dearer_than_asks_are_a_ghost() -> None:
    small, sound = Small(), Small()
    for at in range(8):
        for one, bid in ((small, 121.0), (sound, 99.0)):
            one.fold(
                row(tape.BAND, at=at, side=1, price=-100, size=17, value=bid),
                row(tape.BAND, at=at, side=-1, price=100, size=900 + at, value=101.0 + at, flags=LAST),
            )
    assert small.state["frozen_bid"] >= 7
    assert small.state["frozen_ask"] == 0
    assert sound.state["frozen_bid"] == sound.state["frozen_ask"] == 0


def test_a_price_beyond_the_tripwire_stops_the_fold_only_if_it_stays() -> None:
    small = Small()
    small.fold(row(tape.TRADE, side=1, price=100, size=1, flags=LAST))
    small.state["trip_low"] = math.log(95.0)
    wick = [
        row(tape.TRADE, at=1.0, price=90, size=1),
        row(tape.TRADE, at=1.1, price=100, size=1),
        row(tape.TRADE, at=1.5, price=90, size=1),
    ]
    assert small.fold(*wick) == 3
    crash = [row(tape.TRADE, at=2 + 0.1 * k, price=90, size=1) for k in range(9)]
    assert small.fold(*crash) < 9
