"""Streams that benchmarks feed to everybody: recorded where `../shared/data` is present, and generated, the same each time.

A stream is one instrument's websocket frames after its snapshot. It is saved as lines, `<received_ns> <frame>`, the first
of which is the snapshot, so that a peer in another environment reads the same bytes.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

START_NS: Final = 1_760_000_000_000_000_000
GAP_NS: Final = 2_000_000  # 500 messages a second
_DEPTH: Final = b'"e":"depthUpdate"'

Change = tuple[int, int, int, bool]  # side, price in ticks, size in lots (0 removes), was there before


@dataclass(frozen=True)
class Stream:
    """One instrument's frames. `snapshot` came by REST (Binance) or is the first frame (Deribit)."""

    venue: str
    symbol: str
    snapshot_ns: int
    snapshot: bytes
    received_ns: list[int]
    frames: list[bytes]

    def save(self, path: Path) -> Path:
        """Write the stream as lines and return the path."""
        with path.open("wb") as file:
            file.write(b"%d %s\n" % (self.snapshot_ns, self.snapshot))
            file.writelines(b"%d %s\n" % pair for pair in zip(self.received_ns, self.frames, strict=True))
        return path

    def depth_only(self) -> "Stream":
        """Return the same stream without tickers and trades."""
        kept = [(t, f) for t, f in zip(self.received_ns, self.frames, strict=True) if _DEPTH in f]
        received, frames = map(list, zip(*kept, strict=True))
        return Stream(self.venue, self.symbol, self.snapshot_ns, self.snapshot, received, frames)


def recorded_binance(path: Path, symbol: str) -> Stream:
    """Read a recording of Binance USD-M: the REST snapshot first, then every frame that still matters after it."""
    before: list[tuple[int, bytes]] = []
    after: list[tuple[int, bytes]] = []
    snapshot = b""
    snapshot_ns = 0
    with gzip.open(path) as file:
        for line in file:
            stamp, _, frame = line.rstrip(b"\n").partition(b" ")
            if frame.startswith(b'{"lastUpdateId"'):
                snapshot, snapshot_ns = frame, int(stamp)
            else:
                (after if snapshot else before).append((int(stamp), frame))
    last = msgspec.json.decode(snapshot)["lastUpdateId"]
    bridging = [
        (snapshot_ns, frame)
        for _, frame in before
        if _DEPTH in frame and msgspec.json.decode(frame)["data"]["u"] >= last
    ]
    received, frames = map(list, zip(*bridging, *after, strict=True))
    return Stream("binance-usdm", symbol, snapshot_ns, snapshot, received, frames)


def generated_binance(messages: int) -> Stream:
    """Make USD-M depth updates of 12 levels on average around a wandering touch, one in four a best quote or a trade."""
    market = _Market(np.random.default_rng(8), levels=1000)
    snapshot = {
        "lastUpdateId": 1000,
        "E": START_NS // 1_000_000,
        "T": START_NS // 1_000_000,
        "bids": [[f"{p / 10:.2f}", f"{q / 1000:.3f}"] for p, q in market.side(1)],
        "asks": [[f"{p / 10:.2f}", f"{q / 1000:.3f}"] for p, q in market.side(-1)],
    }
    received: list[int] = []
    frames: list[bytes] = []
    update = 1000
    for number in range(messages):
        now_ns = START_NS + (number + 1) * GAP_NS
        now_ms = now_ns // 1_000_000
        if number % 4 == 3:
            (bid, bid_size), (ask, ask_size) = market.touch()
            frame = (
                f'{{"stream":"btcusdt@bookTicker","data":{{"e":"bookTicker","u":{update},"s":"BTCUSDT","b":"{bid / 10:.2f}",'
                f'"B":"{bid_size / 1000:.3f}","a":"{ask / 10:.2f}","A":"{ask_size / 1000:.3f}","T":{now_ms},"E":{now_ms}}}}}'
            )
        else:
            changes = market.change(12)
            bids = ",".join(f'["{p / 10:.2f}","{q / 1000:.3f}"]' for side, p, q, _ in changes if side > 0)
            asks = ",".join(f'["{p / 10:.2f}","{q / 1000:.3f}"]' for side, p, q, _ in changes if side < 0)
            frame = (
                f'{{"stream":"btcusdt@depth@0ms","data":{{"e":"depthUpdate","E":{now_ms},"T":{now_ms},"s":"BTCUSDT",'
                f'"U":{update + (update > 1000)},"u":{update + 20},"pu":{update},"b":[{bids}],"a":[{asks}]}}}}'
            )
            update += 20
        received.append(now_ns)
        frames.append(frame.encode())
    return Stream("binance-usdm", "BTCUSDT", START_NS, msgspec.json.encode(snapshot), received, frames)


def generated_deribit(messages: int) -> Stream:
    """Make a raw Deribit book: a snapshot frame, then changes of one to four levels, as that venue sends them."""
    market = _Market(np.random.default_rng(9), levels=400)
    sizes = market.random.integers(1, 5, size=messages)

    def frame(kind: str, now_ns: int, head: str, change_id: int, bids: str, asks: str) -> bytes:
        return (
            f'{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"book.BTC-PERPETUAL.raw","data":{{"type":"{kind}",'
            f'"timestamp":{now_ns // 1_000_000},{head}"instrument_name":"BTC-PERPETUAL","change_id":{change_id},'
            f'"bids":[{bids}],"asks":[{asks}]}}}}}}'
        ).encode()

    bids, asks = (
        ",".join(f'["new",{p / 2:.1f},{10.0 * q:.1f}]' for p, q in market.side(side)) for side in (1, -1)
    )
    snapshot = frame("snapshot", START_NS, "", 1, bids, asks)
    received: list[int] = []
    frames: list[bytes] = []
    for number in range(messages):
        now_ns = START_NS + (number + 1) * GAP_NS
        sides = {1: "", -1: ""}
        for side, price, size, was_there in market.change(int(sizes[number])):
            action = "delete" if size == 0 else ("change" if was_there else "new")
            sides[side] += f'{"," if sides[side] else ""}["{action}",{price / 2:.1f},{10.0 * size:.1f}]'
        head = f'"prev_change_id":{number + 1},'
        received.append(now_ns)
        frames.append(frame("change", now_ns, head, number + 2, sides[1], sides[-1]))
    return Stream("deribit", "BTC-PERPETUAL", START_NS, snapshot, received, frames)


class _Market:
    """A book that never crosses: sizes change near a touch that wanders one tick at a time."""

    def __init__(self, random: np.random.Generator, levels: int) -> None:
        self.random = random
        self._mid = 600_000
        sizes = random.integers(1, 5000, size=(2, levels))
        self._levels = {
            side: {self._mid + (k + 1) * -side: int(sizes[row, k]) for k in range(levels)}
            for row, side in enumerate((1, -1))
        }

    def side(self, side: int) -> Iterator[tuple[int, int]]:
        """Yield a side's levels from the touch."""
        return iter(sorted(self._levels[side].items(), key=lambda level: -side * level[0]))

    def touch(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the best bid and ask."""
        bid, ask = max(self._levels[1]), min(self._levels[-1])
        return (bid, self._levels[1][bid]), (ask, self._levels[-1][ask])

    def change(self, count: int) -> list[Change]:
        """Change `count` levels or one more, half near the touch and half anywhere; each price once."""
        changes: dict[tuple[int, int], Change] = {}
        if self.random.random() < 0.1:
            up = 1 if self.random.random() < 0.5 else -1
            self._mid += up
            self._set(changes, -up, self._mid, 0)  # the side it moves into gives way
            self._set(changes, up, self._mid - up, 1000)
        depths = self.random.geometric(0.2, size=count)
        far = self.random.integers(1, 600, size=count)
        draws = self.random.random((2, count))
        sizes = self.random.integers(1, 5000, size=count)
        for j in range(count):
            side = 1 if draws[0, j] < 0.5 else -1
            depth = int(depths[j] if j % 2 else far[j])
            price = self._mid - side * depth
            removed = draws[1, j] < 0.4 and depth > 1
            self._set(changes, side, price, 0 if removed else int(sizes[j]))
        return list(changes.values())

    def _set(self, changes: dict[tuple[int, int], Change], side: int, price: int, size: int) -> None:
        levels = self._levels[side]
        if (side, price) in changes or (size == 0 and price not in levels):
            return
        changes[side, price] = (side, price, size, price in levels)
        if size:
            levels[price] = size
        else:
            del levels[price]
