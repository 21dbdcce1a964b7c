"""The storm's recordings are what venues would have sent, byte for byte the same for the same seed."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.clock import SECOND_NS
from holdfast.lab.storm import WITH_FROZEN_ASKS, WITH_GAP, write_storm
from holdfast.lab.storm.weather import FROZEN_S, GAP_S, HEALED_S, LENGTH_S, START_NS, along, wander, weather

BINANCE = ("btcusdt", "ethusdt", "solusdt")


def _binance(storm: list[Path], symbol: str) -> Iterator[tuple[float, dict[str, Any]]]:
    path = next(path for path in storm if path.name == f"binance_usdm_{symbol}.gz")
    with gzip.open(path, "rt") as lines:
        for line in lines:
            received, _, text = line.partition(" ")
            message = json.loads(text)
            yield (int(received) - START_NS) / SECOND_NS, message.get("data", message)


def _socket(storm: list[Path], name: str) -> Iterator[tuple[float, dict[str, Any]]]:
    path = next(path for path in storm if path.name == name)
    with gzip.open(path, "rt") as lines:
        for line in lines:
            stamp, _, text = line.partition(": ")
            if not line.startswith("wss:") and text.endswith("}\n"):
                yield float(stamp) - START_NS / SECOND_NS, json.loads(text)


def test_the_same_seed_gives_the_same_bytes(storm: list[Path], tmp_path: Path) -> None:
    again = write_storm(tmp_path, 7)
    assert [path.name for path in again] == [path.name for path in storm]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in storm]


def test_another_seed_gives_another_storm() -> None:
    one, other = (weather(np.random.default_rng(seed)).move for seed in (7, 8))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("symbol", BINANCE)
def test_a_binance_book_agrees_with_its_ticker_wherever_both_carry_one_update(
    storm: list[Path], symbol: str
) -> None:
    sides: dict[str, dict[float, str]] = {"b": {}, "a": {}}
    update, is_live, agreed, gaps = 0, False, 0, 0
    for _, message in _binance(storm, symbol):
        if "lastUpdateId" in message:
            sides = {name[0]: {float(p): q for p, q in message[name]} for name in ("bids", "asks")}
            update, is_live = message["lastUpdateId"], True
        elif message["e"] == "depthUpdate" and is_live and message["u"] > update:
            is_gap = message["pu"] != update
            gaps, is_live, update = gaps + is_gap, not is_gap, message["u"]
            for name, levels in sides.items():
                levels.update((float(p), q) for p, q in message[name])
                for price in [float(p) for p, q in message[name] if not float(q)]:
                    del levels[price]
        elif message["e"] == "bookTicker" and is_live and message["u"] == update:
            bid, ask = max(sides["b"]), min(sides["a"])
            assert (bid, sides["b"][bid]) == (float(message["b"]), message["B"])
            assert (ask, sides["a"][ask]) == (float(message["a"]), message["A"])
            assert bid < ask
            agreed += 1
    assert agreed > 11_000
    assert gaps == (symbol.upper() == WITH_GAP)


def test_the_lost_changes_come_in_the_calm_and_are_healed_by_a_snapshot(storm: list[Path]) -> None:
    snapshots = [at for at, message in _binance(storm, WITH_GAP.lower()) if "lastUpdateId" in message]
    depth = [at for at, message in _binance(storm, WITH_GAP.lower()) if message.get("e") == "depthUpdate"]
    widest = int(np.argmax(np.diff(depth)))
    assert len(snapshots) == 2
    assert abs(snapshots[1] - HEALED_S) < 0.2
    assert abs(depth[widest] - GAP_S) < 0.3
    assert depth[widest + 1] - depth[widest] > 0.5


def test_the_frozen_side_stands_still_and_the_other_one_falls(storm: list[Path]) -> None:
    quotes = [(at, m) for at, m in _binance(storm, WITH_FROZEN_ASKS.lower()) if m.get("e") == "bookTicker"]
    frozen = [m for at, m in quotes if FROZEN_S[0] + 0.2 < at < FROZEN_S[1] - 0.2]
    assert len({m["a"] for m in frozen}) == 1
    assert float(frozen[-1]["b"]) < 0.9 * float(frozen[0]["b"])
    after = [m for at, m in quotes if FROZEN_S[1] + 0.2 < at]
    assert float(after[0]["a"]) < 0.9 * float(frozen[-1]["a"])


def test_deribit_changes_follow_each_other_and_come_late_in_the_storm(storm: list[Path]) -> None:
    before: dict[str, int] = {}
    worst = {False: 0.0, True: 0.0}
    for at, message in _socket(storm, "DERIBIT.ws.1.0.gz"):
        channel = message["params"]["channel"]
        if not channel.startswith("book."):
            continue
        data = message["params"]["data"]
        if channel in before:
            assert data["prev_change_id"] == before[channel]
        else:
            assert data["type"] == "snapshot"
        before[channel] = data["change_id"]
        is_storm = at > 600
        worst[is_storm] = max(worst[is_storm], at - (data["timestamp"] / 1e3 - START_NS / SECOND_NS))
    assert len(before) == 2
    assert worst[False] < 0.2
    assert 3.0 < worst[True] < 5.0


def test_bybit_updates_follow_each_other_and_its_price_drifts_away_and_back(storm: list[Path]) -> None:
    theirs = {round(at): m for at, m in _binance(storm, "btcusdt") if m.get("e") == "markPriceUpdate"}
    last, apart = 0, dict[int, float]()
    for at, message in _socket(storm, "BYBIT.ws.1.0.gz"):
        if message["topic"].startswith("orderbook"):
            assert last in (0, message["data"]["u"] - 1)
            last = message["data"]["u"]
        elif message["topic"].startswith("tickers") and round(at) in theirs:
            apart[round(at)] = float(message["data"]["markPrice"]) / float(theirs[round(at)]["p"]) - 1.0
    assert max(abs(gap) for at, gap in apart.items() if at < 750) < 0.003
    assert min(gap for at, gap in apart.items() if 850 < at < 950) > 0.02
    assert abs(apart[1_100]) < 0.01


@pytest.mark.parametrize("name", ["binance_usdm_btcusdt.gz", "DERIBIT.ws.1.0.gz", "BYBIT.ws.1.0.gz"])
def test_messages_arrive_in_order_and_after_they_were_sent(storm: list[Path], name: str) -> None:
    path = next(path for path in storm if path.name == name)
    with gzip.open(path, "rt") as lines:
        stamps = [line.split(":")[0].split(" ")[0] for line in lines if not line.startswith("wss")]
    times = [float(stamp) / (1e9 if len(stamp) == 19 else 1.0) for stamp in stamps]
    assert times == sorted(times)
    assert START_NS / SECOND_NS < times[0] < times[-1] < START_NS / SECOND_NS + LENGTH_S + 10


def test_the_market_is_calm_for_ten_minutes_and_then_falls_by_a_tenth() -> None:
    sky = weather(np.random.default_rng(1))
    price = np.exp(sky.move)
    calm = price[sky.seconds < 600]
    assert np.ptp(calm) < 0.02
    assert price.min() < 0.92
    assert sky.seconds[price.argmin()] > 800


def test_a_curve_is_straight_between_its_points_and_wandering_comes_back() -> None:
    assert along(np.array([0.0, 5.0, 10.0, 99.0]), ((0, 1.0), (10, 3.0))).tolist() == [1.0, 2.0, 3.0, 3.0]
    path = wander(np.random.default_rng(1), size=0.5, seconds=2.0)
    assert 0.3 < path.std() < 0.7
    assert abs(path.mean()) < 0.1
