"""The Deribit feed on a real recording: everything decoded, books equal an independent reading, lost lines found."""

import json
import random
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from twins import Message, SlowBook, deribit, give, give_all, raw_messages

from holdfast import tape
from holdfast.quantity import to_units


@pytest.fixture
def messages(shared_data: Path) -> list[Message]:
    folder = shared_data / "raw_ws"
    return [*raw_messages(folder / "DERIBIT.0.gz"), *raw_messages(folder / "DERIBIT.ws.1.0.gz")]


class IndependentBook:
    """A second reading of the venue's rule, with nothing of ours but the recording."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[Decimal, Decimal]] = {"bids": {}, "asks": {}}
        self.change_id = 0

    def take(self, data: dict[str, object]) -> None:
        if data["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        else:
            assert data["prev_change_id"] == self.change_id
        self.change_id = data["change_id"]
        for name, levels in self.sides.items():
            for action, price, amount in data[name]:
                if action == "delete":
                    del levels[price]
                else:
                    levels[price] = amount


def test_the_capture_is_decoded_whole_and_its_books_equal_an_independent_decoder(
    messages: list[Message],
) -> None:
    feed = deribit()
    books: dict[str, SlowBook] = {}
    others: dict[str, IndependentBook] = {}
    compared = 0
    for message in messages:
        assert give(feed, message) == ""
        rows = feed.rows.take()
        parameters = json.loads(message.body, parse_float=Decimal).get("params", {})
        if message.way or not parameters.get("channel", "").startswith("book."):
            continue
        data = parameters["data"]
        symbol = data["instrument_name"]
        number = feed.instruments.find("deribit", symbol)
        ours, other = books.setdefault(symbol, SlowBook()), others.setdefault(symbol, IndependentBook())
        ours.take(rows, number)
        other.take(data)
        instrument = feed.instruments[number]
        for side, name in ((1, "bids"), (-1, "asks")):
            assert ours.sides[side] == {
                to_units(price, instrument.price_decimals): to_units(amount, instrument.size_decimals)
                for price, amount in other.sides[name].items()
            }
        compared += 1
    assert (len(books), compared) == (10, 46)
    assert feed.requests == []
    assert len(feed.instruments) > 1000


def test_the_book_agrees_with_the_ticker_of_the_same_moment(messages: list[Message]) -> None:
    feed, compared = deribit(), 0
    books: dict[int, SlowBook] = {}
    book_times: dict[int, int] = {}
    for message in messages:
        give(feed, message)
        rows = feed.rows.take()
        for number in set(rows["instrument"].tolist()):
            mine = rows[rows["instrument"] == number]
            book = books.setdefault(number, SlowBook())
            book.take(mine, number)
            if (mine["kind"] == tape.LEVEL).any():
                book_times[number] = int(mine["exchange_ns"][-1])
            for top in mine[mine["kind"] == tape.TOP]:
                if book.live and book_times.get(number) == top["exchange_ns"]:
                    assert book.best(int(top["side"])) == (top["price"], top["size"])
                    compared += 1
    assert compared > 0


def test_any_lost_change_is_one_gap_and_one_request(messages: list[Message]) -> None:
    changes = [i for i, message in enumerate(messages) if b'"type":"change"' in message.body]
    found = 0
    for lost in changes:
        name = json.loads(messages[lost].body)["params"]["channel"]
        later = any(name.encode() in messages[i].body for i in changes if i > lost)
        feed = deribit()
        give_all(feed, messages[:lost] + messages[lost + 1 :], random.Random(lost))
        rows = feed.rows.take()
        gaps = np.flatnonzero(rows["kind"] == tape.BOOK_GAP)
        assert len(gaps) == len(feed.requests) == later
        if later:
            same = rows["instrument"][gaps[0] :] == rows["instrument"][gaps[0]]
            assert not (rows["kind"][gaps[0] :][same] == tape.LEVEL).any()
            found += 1
    assert found > 20
