"""Ways to run ours that several benchmarks share: frames to rows, rows to books, rows to alerts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.measure import Touch
from benchmarks.wire import Stream
from holdfast import tape
from holdfast.app.rule_files import load_rules
from holdfast.engine import State
from holdfast.instrument import Instrument, Instruments
from holdfast.market.fold import fold_rows
from holdfast.market.state import Market
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.tape import RowBuffer, Rows
from holdfast.venues.base import Feed
from holdfast.venues.registry import FEEDS

RUN: Final = 256
BATCH: Final = 16_384
_FOREVER: Final = 2**62

EVENT: Final = np.dtype(
    [("kind", "u1"), ("side", "i1"), ("received_ns", "i8"), ("price", "f8"), ("size", "f8")]
)


class BookReader:
    """A feed and a market: frames in, books out."""

    def __init__(self, stream: Stream) -> None:
        self.instruments = Instruments()
        self.feed: Feed = FEEDS[stream.venue](self.instruments, RowBuffer())
        self.market = Market()
        self._stopped = np.full(2, -1, dtype=np.int64)
        if stream.venue == "deribit":
            self.feed.on_frame(stream.snapshot_ns, stream.snapshot)
        else:
            self.feed.on_rest(
                stream.snapshot_ns,
                f"https://offline/depth?symbol={stream.symbol}&limit=1000",
                stream.snapshot,
            )

    def in_runs(self, received_ns: Sequence[int], frames: Sequence[bytes]) -> None:
        """Read frames in runs of RUN, as a drained socket gives them."""
        position = 0
        while position < len(frames):
            last = min(len(frames), position + RUN)
            taken = self.feed.on_frames(received_ns[position:last], frames[position:last])
            position += taken
            if position < last:
                self.feed.on_frame(received_ns[position], frames[position])
                position += 1
            self.fold()

    def one_by_one(self, received_ns: Sequence[int], frames: Sequence[bytes]) -> None:
        """Read frames one at a time, each folded before the next."""
        feed = self.feed
        for stamp, frame in zip(received_ns, frames, strict=True):
            feed.on_frame(stamp, frame)
            self.fold()

    def fold(self) -> None:
        """Fold the rows that wait into the books."""
        buffer = self.feed.rows
        if len(self.instruments) > self.market._fitted:
            self.market.fit(self.instruments)
        fold_all(self.market, buffer.array[: buffer.count], self._stopped)
        buffer.count = 0

    def touch(self) -> Touch:
        """Return the best bid and ask of the first instrument."""
        state, step = self.market.state[0], self.market.steps[0, 0]
        return float(state["book_bid"] * step), float(state["book_ask"] * step)


def fold_all(market: Market, rows: Rows, stopped: np.ndarray) -> None:
    """Fold rows into books alone: no sweep, so no feature, detector or decision."""
    position = 0
    while position < len(rows):
        position = fold_rows(
            rows, position, _FOREVER, market.state, market.board, market.keys, market.sizes, market.latency,
            market.steps, stopped,
        )  # fmt: skip
        if stopped[1] >= 0:
            market.give_book(int(stopped[1]))


def tape_of(stream: Stream) -> tuple[Rows, Instruments]:
    """Return every row that a stream becomes, and its instrument."""
    reader = BookReader(stream)
    parts = [reader.feed.rows.take()]
    for first in range(0, len(stream.frames), RUN):
        for stamp, frame in zip(
            stream.received_ns[first : first + RUN], stream.frames[first : first + RUN], strict=True
        ):
            reader.feed.on_frame(stamp, frame)
        parts.append(reader.feed.rows.take())
    return np.concatenate(parts), reader.instruments


def events_of(rows: Rows, instrument: Instrument, path: Path) -> Path:
    """Save a tape's book and trade rows in plain units for the peers, and return the path."""
    events = np.zeros(len(rows), dtype=EVENT)
    for name in ("kind", "side", "received_ns"):
        events[name] = rows[name]
    events["price"] = np.round(rows["price"] * 10.0**-instrument.price_decimals, 6)
    events["size"] = np.round(rows["size"] * 10.0**-instrument.size_decimals, 6)
    np.save(path, events)
    return path


def book_and_trades(rows: Rows) -> Rows:
    """Return the rows of books and trades, each a message of its own, a nanosecond apart at least.

    So everybody judges at every event: a peer that wakes once for each time stamp would else skip most of them.
    """
    kept = rows[np.isin(rows["kind"], (tape.LEVEL, tape.TRADE, tape.BOOK_RESET))].copy()
    after = np.flatnonzero(kept["flags"] & tape.LAST)[0]  # the snapshot stays one message
    kept["flags"][after + 1 :] |= tape.LAST
    order = np.arange(len(kept))
    kept["received_ns"] = np.maximum.accumulate(kept["received_ns"] - order) + order
    return kept


def many(rows: Rows, count: int, span_s: float) -> Rows:
    """Return the first `span_s` of a tape for `count` instruments, each shifted by three milliseconds more."""
    part = rows[rows["received_ns"] < rows["received_ns"][0] + int(span_s * 1e9)]
    tapes: list[Rows] = []
    for number in range(count):
        copy = part.copy()
        copy["instrument"] = number
        copy["received_ns"] += number * 3_000_001
        copy["exchange_ns"] += number * 3_000_001
        tapes.append(copy)
    merged = np.concatenate(tapes)
    return merged[np.argsort(merged["received_ns"], kind="stable")]


def perpetuals(count: int, like: Instrument) -> Instruments:
    """Return a table of `count` perpetuals on the grid of one."""
    table = Instruments()
    for number in range(count):
        base = like.base if count == 1 else f"C{number:03d}"
        table.add(
            Instrument(
                venue=like.venue, symbol=f"{base}{like.quote}", kind="perpetual", base=base, quote=like.quote,
                price_decimals=like.price_decimals, size_decimals=like.size_decimals, listed=False,
            )
        )  # fmt: skip
    return table


def new_state(instruments: Instruments) -> State:
    """Return the whole defence with every detector and the default rules."""
    return State(instruments, Desk(load_rules(None), Escalation()))


def step_all(state: State, rows: Rows) -> None:
    """Give a state its rows in batches."""
    for first in range(0, len(rows), BATCH):
        state.step(rows[first : first + BATCH])
    state.finish()
