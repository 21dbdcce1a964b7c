"""The Binance kernel against the slow decoder: the same rows, or the same refusal, whatever the frames."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import damaged
from test_binance_books import ADDRESS, diff, snapshot
from test_binance_frames import MESSAGES
from twins import Message, SlowBinanceFeed, binance, give, give_all, plain_messages

from holdfast.tape import RowBuffer
from holdfast.venues.binance import BinanceFeed
from holdfast.venues.binance.market import Market


def twins_agree(messages: list[Message], market: Market, seed: int) -> tuple[BinanceFeed, BinanceFeed]:
    fast = binance(market)
    slow = SlowBinanceFeed(type(fast.instruments)(), RowBuffer(), market)
    codes = give_all(fast, messages, random.Random(seed))
    assert codes == [give(slow, message) for message in messages]
    assert fast.rows.take().tobytes() == slow.rows.take().tobytes()
    assert fast.requests == slow.requests
    assert [i.symbol for i in fast.instruments.all] == [i.symbol for i in slow.instruments.all]
    for number in range(len(fast.instruments)):
        if number in fast.slots or number in slow.slots:
            assert fast.slots.of(number).tobytes() == slow.slots.of(number).tobytes()
    return fast, slow


def frames_by_hand(market: Market, chance: random.Random) -> list[Message]:
    """Make a stream of all kinds of messages, diffs in sequence among them and a snapshot now and then."""
    others = [frame.encode() for name, frame, _ in MESSAGES.values() if name == market]
    messages: list[Message] = []
    last = 100
    for time_ns in range(1, 150):
        if chance.random() < 0.06:
            messages.append(Message(time_ns, ADDRESS, "->", snapshot(last - chance.randrange(-2, 6), 3, 3)))
        elif chance.random() < 0.6:
            step = chance.randrange(1, 5)
            previous = None if market == "binance-spot" else last
            price = f"{chance.randrange(1, 10**6) / 1000:.{chance.randrange(1, 10)}f}"
            messages.append(Message(time_ns, "", "", diff(last + 1, last + step, previous, price)))
            last += step
        else:
            messages.append(Message(time_ns, "", "", chance.choice(others)))
    return messages


@pytest.mark.parametrize("market", ["binance-usdm", "binance-coinm", "binance-spot"])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.0, 0.05, 0.5]))
def test_generated_and_damaged_streams_decode_the_same_with_and_without_kernel(
    market: Market, seed: int, share: float
) -> None:
    messages = frames_by_hand(market, random.Random(seed))
    frames = damaged([message.body for message in messages if not message.way], share, seed)
    rest = [message for message in messages if message.way]
    mixed = [Message(i, "", "", frame) for i, frame in enumerate(frames)]
    for i, answer in enumerate(rest):
        mixed.insert((i + 1) * len(mixed) // (len(rest) + 1), answer)
    fast, slow = twins_agree(mixed, market, seed)
    if share == 0.0:
        assert fast.fallbacks < slow.fallbacks


@pytest.mark.parametrize(("folder", "market"), [("usdm", "binance-usdm"), ("spot", "binance-spot")])
@pytest.mark.parametrize("seed", range(4))
def test_damaged_recordings_decode_the_same_with_and_without_kernel(
    shared_data: Path, folder: str, market: Market, seed: int
) -> None:
    path = shared_data / "orderbook" / "binance" / folder / "btcusdt_20240808.gz"
    messages = plain_messages(path)[:1500]
    snapshots = [message for message in messages if message.way]
    bodies = damaged([message.body for message in messages if not message.way], 0.2, seed)
    mixed = [Message(i, "", "", body) for i, body in enumerate(bodies)]
    for i in range(
        20, len(mixed), 200
    ):  # keep the book alive now and then: nothing else lets the kernel at it
        mixed.insert(i, snapshots[0])
    twins_agree(mixed, market, seed)


@pytest.mark.parametrize("market", ["binance-usdm", "binance-spot"])
def test_every_single_byte_of_every_message_may_be_damaged(market: Market) -> None:
    for name, frame, _ in MESSAGES.values():
        if name != market:
            continue
        body = frame.encode()
        messages = [Message(1, "", "", body)]
        for at in range(len(body)):
            messages += [
                Message(at, "", "", body[:at] + bytes([byte]) + body[at + 1 :]) for byte in b'0"}e\\\x00'
            ]
            messages.append(Message(at, "", "", body[:at]))
        twins_agree(messages, market, 5)


def test_splitting_a_stream_differently_gives_the_same_rows() -> None:
    messages = frames_by_hand("binance-usdm", random.Random(4))
    results: set[bytes] = set()
    for seed in range(5):
        feed = binance("binance-usdm")
        give_all(feed, messages, random.Random(seed))
        results.add(feed.rows.take().tobytes())
    assert len(results) == 1


def test_many_instruments_find_their_slots_as_the_table_grows() -> None:
    feed = binance("binance-usdm")
    symbols = [f"{'ABCDEFGHIJ'[i % 10]}{i:04}USDT" for i in range(500)] + ["X" * 40 + "USDT"]
    trade = b'{"e":"trade","T":1,"s":"%s","p":"1","q":"1","m":true}'
    for _ in range(2):
        for symbol in symbols:
            feed.on_frame(1, trade % symbol.encode())
    rows = feed.rows.take()
    assert list(rows["instrument"][:501]) == list(rows["instrument"][501:]) == list(range(501))
    assert feed.fallbacks == 502  # each once, and the one whose name is too long for a kernel twice
    assert np.all(rows["price"] == 10**9)


def test_a_frame_larger_than_the_inbox_is_decoded_slowly() -> None:
    feed = binance("binance-usdm")
    levels = ",".join('["10.0","1"]' for _ in range(40_000))
    frame = f'{{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":101,"u":101,"pu":100,"b":[{levels}],"a":[]}}'
    feed.on_rest(1, ADDRESS, snapshot(101))
    assert feed.on_frames([2], [frame.encode()]) == 0
    feed.on_frame(2, frame.encode())
    assert feed.rows.count == 3 + 40_000
