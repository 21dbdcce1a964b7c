"""Binance feeds on real recordings: agreement with the venue's own ticker, and what a lost line does."""

import json
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from twins import (
    Message,
    SlowBinanceFeed,
    SlowBook,
    binance,
    give,
    give_all,
    plain_messages,
    raw_messages,
)

from holdfast import tape
from holdfast.quantity import to_units

USDM = {"btcusdt_20240808.gz": 629, "ethusdt_20240808.gz": 551}
SPOT = {"btcusdt_20240808.gz": 564}


def _agreements(messages: list[Message], market: str) -> tuple[int, int]:
    """Count where a diff and a ticker carry one update id, and where book and ticker then agree.

    The two arrive in either order, so the book's top after every diff is kept by its update id.
    """
    feed, book = binance(market), SlowBook()
    tops: dict[int, tuple[object, object]] = {}
    quotes: dict[int, tuple[object, object]] = {}
    for message in messages:
        assert give(feed, message) == ""
        rows = feed.rows.take()
        book.take(rows)
        data = json.loads(message.body).get("data", {})
        if data.get("e") == "depthUpdate" and book.live:
            tops[data["u"]] = (book.best(1), book.best(-1))
        elif "B" in data:
            bid, ask = rows[rows["side"] == 1][0], rows[rows["side"] == -1][0]
            quotes[data["u"]] = ((bid["price"], bid["size"]), (ask["price"], ask["size"]))
    assert feed.requests == []
    both = tops.keys() & quotes.keys()
    return len(both), sum(tops[update] == quotes[update] for update in both)


@pytest.mark.parametrize(("name", "count"), USDM.items())
def test_the_usdm_book_agrees_with_the_ticker_of_the_same_update(
    shared_data: Path, name: str, count: int
) -> None:
    messages = plain_messages(shared_data / "orderbook" / "binance" / "usdm" / name)
    assert _agreements(messages, "binance-usdm") == (count, count)


@pytest.mark.parametrize(("name", "count"), SPOT.items())
def test_the_spot_book_agrees_with_the_ticker_of_the_same_update(
    shared_data: Path, name: str, count: int
) -> None:
    messages = plain_messages(shared_data / "orderbook" / "binance" / "spot" / name)
    assert _agreements(messages, "binance-spot") == (count, count)


@pytest.mark.parametrize(
    ("folder", "name", "market"),
    [("usdm", "btcusdt_20240808.gz", "binance-usdm"), ("spot", "btcusdt_20240808.gz", "binance-spot")],
)
def test_any_lost_diff_is_one_gap_and_one_request_and_no_level_after(
    shared_data: Path, folder: str, name: str, market: str
) -> None:
    messages = plain_messages(shared_data / "orderbook" / "binance" / folder / name)
    diffs = [i for i, message in enumerate(messages) if b"depthUpdate" in message.body]
    live_from = next(i for i, message in enumerate(messages) if message.way == "->")
    after = [i for i in diffs if i > live_from]
    chance = random.Random(8)
    for lost in [after[0], after[1], after[-2], *chance.sample(after[2:-2], 12)]:
        rows, requests = _play(messages[:lost] + messages[lost + 1 :][:2000], market)
        gaps = np.flatnonzero(rows["kind"] == tape.BOOK_GAP)
        assert len(gaps) == len(requests) == 1
        assert rows["value"][gaps[0]] == tape.GAP_SEQUENCE
        assert not (rows["kind"][gaps[0] :] == tape.LEVEL).any()


def test_a_diff_lost_before_the_snapshot_is_one_gap_and_one_request(shared_data: Path) -> None:
    messages = plain_messages(shared_data / "orderbook" / "binance" / "usdm" / "btcusdt_20240808.gz")[:3000]
    diffs = [i for i, message in enumerate(messages) if b"depthUpdate" in message.body]
    snapshot = next(i for i, message in enumerate(messages) if message.way == "->")
    early = [i for i in diffs if i < snapshot]
    for lost in early[1:]:  # nobody can know of a diff before the first one
        rows, requests = _play(messages[:lost] + messages[lost + 1 :], "binance-usdm")
        assert (rows["kind"] == tape.BOOK_GAP).sum() == len(requests) == 1


def _play(messages: list[Message], market: str) -> tuple[np.ndarray, Sequence[object]]:
    feed = binance(market)
    assert not any(give_all(feed, messages, random.Random(1)))
    return feed.rows.take(), feed.requests


@pytest.mark.parametrize(
    ("folder", "name", "market"),
    [
        ("usdm", "btcusdt_20240808.gz", "binance-usdm"),
        ("usdm", "ethusdt_20240808.gz", "binance-usdm"),
        ("spot", "btcusdt_20240808.gz", "binance-spot"),
        ("spot", "btcusdt_20240809.gz", "binance-spot"),
    ],
)
def test_kernel_and_slow_decoder_give_the_same_rows(
    shared_data: Path, folder: str, name: str, market: str
) -> None:
    messages = plain_messages(shared_data / "orderbook" / "binance" / folder / name)[:12_000]
    fast = binance(market)
    slow = SlowBinanceFeed(fast.instruments, tape.RowBuffer(), market)
    assert give_all(fast, messages, random.Random(3)) == [give(slow, message) for message in messages]
    assert fast.rows.take().tobytes() == slow.rows.take().tobytes()
    assert fast.requests == slow.requests
    assert slow.fallbacks > fast.fallbacks


def test_the_second_spot_file_continues_the_first(shared_data: Path) -> None:
    folder = shared_data / "orderbook" / "binance" / "spot"
    messages = plain_messages(folder / "btcusdt_20240808.gz") + plain_messages(folder / "btcusdt_20240809.gz")
    feed = binance("binance-spot")
    assert not any(give_all(feed, messages, random.Random(2)))
    assert feed.requests == []
    assert feed.fallbacks < 10


class IndependentBook:
    """A second reading of the venue's rules for USD-M, with nothing of ours but the recording."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[Decimal, Decimal]] = {"b": {}, "a": {}}
        self.last: int | None = None
        self.bridged = False
        self.waiting: list[dict[str, object]] = []

    def snapshot(self, data: dict[str, object]) -> None:
        self.sides = {
            side: {Decimal(price): Decimal(size) for price, size in data[name]}
            for side, name in (("b", "bids"), ("a", "asks"))
        }
        self.last, self.bridged = data["lastUpdateId"], False
        for diff in self.waiting:
            self.diff(diff)

    def diff(self, data: dict[str, object]) -> None:
        if self.last is None:
            self.waiting.append(data)
            return
        if not self.bridged:
            if data["u"] < self.last:
                return
            assert data["U"] <= self.last <= data["u"]
            self.bridged = True
        else:
            assert data["pu"] == self.last
        self.last = data["u"]
        for side, levels in self.sides.items():
            for price, size in data[side]:
                if Decimal(size):
                    levels[Decimal(price)] = Decimal(size)
                else:
                    levels.pop(Decimal(price), None)


def _raw_ws(shared_data: Path) -> list[Message]:
    folder = shared_data / "raw_ws"
    listing = list(raw_messages(folder / "BINANCE_FUTURES.0.gz"))
    rest = list(raw_messages(folder / "BINANCE_FUTURES.http.0.0.gz"))
    frames = list(raw_messages(folder / "BINANCE_FUTURES.ws.1.0.gz"))
    return listing + sorted(rest + frames, key=lambda message: message.received_ns)


def test_raw_capture_is_decoded_whole_and_its_books_equal_an_independent_decoder(shared_data: Path) -> None:
    messages = _raw_ws(shared_data)
    feed = binance("binance-usdm")
    books: dict[str, SlowBook] = {}
    others: dict[str, IndependentBook] = {}
    refused = compared = 0
    for message in messages:
        refused += give(feed, message) != ""
        rows = feed.rows.take()
        data = json.loads(message.body)
        data = data.get("data", data)
        symbol = data.get("s") or message.url.partition("symbol=")[2].partition("&")[0]
        if not symbol or not (data.get("e") == "depthUpdate" or "lastUpdateId" in data):
            continue
        number = feed.instruments.find("binance-usdm", symbol)
        ours, other = books.setdefault(symbol, SlowBook()), others.setdefault(symbol, IndependentBook())
        ours.take(rows, number)
        other.snapshot(data) if "lastUpdateId" in data else other.diff(data)
        assert ours.live == (other.last is not None)
        if ours.live:
            instrument = feed.instruments[number]
            for side, name in ((1, "b"), (-1, "a")):
                theirs = {
                    to_units(price, instrument.price_decimals): to_units(size, instrument.size_decimals)
                    for price, size in other.sides[name].items()
                }
                assert ours.sides[side] == theirs
            compared += 1
    assert len(messages) == 1540
    assert refused == 0
    assert compared > 700
    assert feed.requests == []
    assert len(books) == 4
