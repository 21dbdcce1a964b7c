"""The Deribit kernel against the slow decoder: the same rows, or the same refusal, whatever the frames."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import damaged
from test_deribit_books import answer, change, message, snapshot
from test_deribit_frames import MESSAGES, notification, trade
from twins import Message, SlowDeribitFeed, deribit, give, give_all, raw_messages

from holdfast.tape import RowBuffer
from holdfast.venues.deribit import DeribitFeed


def twins_agree(messages: list[Message], seed: int) -> tuple[DeribitFeed, DeribitFeed]:
    fast = deribit()
    slow = SlowDeribitFeed(type(fast.instruments)(), RowBuffer())
    codes = give_all(fast, messages, random.Random(seed))
    assert codes == [give(slow, item) for item in messages]
    assert fast.rows.take().tobytes() == slow.rows.take().tobytes()
    assert fast.requests == slow.requests
    assert [i.symbol for i in fast.instruments.all] == [i.symbol for i in slow.instruments.all]
    for number in range(len(fast.instruments)):
        if number in fast.slots or number in slow.slots:
            assert fast.slots.of(number).tobytes() == slow.slots.of(number).tobytes()
    return fast, slow


def number_by_chance(chance: random.Random) -> object:
    return chance.choice(
        (None, 0, 0.0, 1, 1.5, chance.randrange(10**9), chance.random(), -chance.random(), 1e-7, 1.5e300,
         round(chance.uniform(0, 1e5), chance.randrange(6)), chance.randrange(1, 10**6) / 1000)
    )  # fmt: skip


def ticker_by_chance(chance: random.Random) -> bytes:
    names = ["best_bid_price", "best_bid_amount", "best_ask_price", "best_ask_amount", "mark_price", "index_price",
             "current_funding", "open_interest", "underlying_price", "bid_iv", "ask_iv", "mark_iv", "state"]  # fmt: skip
    data: dict[str, object] = {
        name: number_by_chance(chance) for name in chance.sample(names, chance.randrange(13))
    }
    data |= {"timestamp": chance.randrange(10**13), "instrument_name": "BTC-PERPETUAL"}
    if chance.random() < 0.5:
        data["greeks"] = {
            "delta": number_by_chance(chance),
            "vega": number_by_chance(chance),
            "rho": {"x": []},
        }
    keys = list(data)
    chance.shuffle(keys)
    return notification("ticker.BTC-PERPETUAL.raw", {key: data[key] for key in keys})


def frames_by_hand(chance: random.Random) -> list[Message]:
    """Make a stream of all kinds of messages, changes in sequence among them and a snapshot now and then."""
    others = [frame for frame, _ in MESSAGES.values()]
    messages = [Message(0, "", "", snapshot(100))]
    last = 100
    for time_ns in range(1, 150):
        roll = chance.random()
        if roll < 0.03:
            messages.append(Message(time_ns, "", "", snapshot(last)))
        elif roll < 0.06:
            messages.append(Message(time_ns, "", "->", answer(last - chance.randrange(-2, 6))))
        elif roll < 0.5:
            step = chance.randrange(1, 5)
            price, action = chance.randrange(1, 10**6) / 1000, chance.choice(("new", "change", "delete"))
            asks = [["new", price + 1, 1.0]] * chance.randrange(3)
            levels = [[action, price, round(chance.random(), 4)]] * chance.randrange(3)
            messages.append(Message(time_ns, "", "", message("change", last + step, last, levels, asks)))
            last += step
        elif roll < 0.75:
            messages.append(Message(time_ns, "", "", ticker_by_chance(chance)))
        elif roll < 0.8:
            trades = [trade(amount=chance.randrange(1, 99)) for _ in range(chance.randrange(4))]
            messages.append(Message(time_ns, "", "", notification("trades.BTC-PERPETUAL.raw", trades)))
        else:
            messages.append(Message(time_ns, "", "", chance.choice(others)))
    return messages


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.sampled_from([0.0, 0.05, 0.5]))
def test_generated_and_damaged_streams_decode_the_same_with_and_without_kernel(
    seed: int, share: float
) -> None:
    messages = frames_by_hand(random.Random(seed))
    bodies = damaged([item.body for item in messages if not item.way], share, seed)
    mixed = [Message(i, "", "", body) for i, body in enumerate(bodies)]
    rest = [item for item in messages if item.way]
    for i, item in enumerate(rest):
        mixed.insert((i + 1) * len(mixed) // (len(rest) + 1), item)
    fast, slow = twins_agree(mixed, seed)
    if share == 0.0:
        assert fast.fallbacks < slow.fallbacks


def test_every_single_byte_of_every_message_may_be_damaged() -> None:
    start = [Message(0, "", "", snapshot(100)), Message(0, "", "", change(101, 100))]
    for frame, _ in [*MESSAGES.values(), (change(102, 101), [])]:
        messages = [*start, Message(1, "", "", frame)]
        for at in range(len(frame)):
            messages += [
                Message(at, "", "", frame[:at] + bytes([b]) + frame[at + 1 :]) for b in b'0"}e\\\x00'
            ]
            messages.append(Message(at, "", "", frame[:at]))
            if at % 40 == 0:
                messages += start
        twins_agree(messages, 5)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_recording_decodes_the_same_with_and_without_kernel(shared_data: Path, seed: int) -> None:
    folder = shared_data / "raw_ws"
    listing = list(raw_messages(folder / "DERIBIT.0.gz"))
    frames = [item.body for item in raw_messages(folder / "DERIBIT.ws.1.0.gz") if item.way == ""]
    bodies = damaged(frames * 3, 0.1, seed)
    twins_agree(listing + [Message(i, "", "", body) for i, body in enumerate(bodies)], seed)


def test_splitting_a_stream_differently_gives_the_same_rows() -> None:
    messages = frames_by_hand(random.Random(4))
    results: set[bytes] = set()
    for seed in range(5):
        feed = deribit()
        give_all(feed, messages, random.Random(seed))
        results.add(feed.rows.take().tobytes())
    assert len(results) == 1
