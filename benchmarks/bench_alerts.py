"""Tape to alerts: rows through the whole fold, every feature, detector, score and the default rules, beside nautilus_trader.

Defends: the engine as one fold over arrays with a sweep a second, instead of an event bus with objects. The peer's
BacktestEngine runs a strategy that does nothing but read the imbalance at each event of the same book.
Limits: the peer runs on the first part of the tape, because it needs seconds for it. The tape of 256 instruments is the
one instrument's, each copy three milliseconds later, so all are equally busy: no quiet ones to make it look good.
"""

from typing import Final

from benchmarks.folding import book_and_trades, events_of, many, new_state, perpetuals, step_all, tape_of
from benchmarks.measure import Bench, Touch, timed
from benchmarks.tapes import streams
from holdfast.instrument import Instrument
from holdfast.tape import Rows

RATIO_MIN: Final = 10.0
RATE_MIN_ONE: Final = 5e6
RATE_MIN_MANY: Final = 3e6
MANY: Final = 256
MANY_SPAN_S: Final = 8.0
PEER_EVENTS: Final = 100_000


def measure(bench: Bench) -> None:
    """Measure one instrument and many."""
    for name, stream in streams():
        rows, instruments = tape_of(stream)
        like = instruments[0]
        case = events_of(book_and_trades(rows), like, bench.folder / f"{name}_events.npy")
        peers = bench.peers(case, ("nautilus_trader", str(PEER_EVENTS)))
        bench.compare(
            f"tape to alerts, {name}, 1 instrument", len(rows), "rows/s", lambda r=rows, k=like: timed(
                lambda: _step(r, 1, k)), peers,
            peer_work=PEER_EVENTS, ratio_min=RATIO_MIN, rate_min=RATE_MIN_ONE,
        )  # fmt: skip
        for peer in peers:
            peer.close()
        wide = many(rows, MANY, MANY_SPAN_S)
        bench.compare(
            f"tape to alerts, {name}, {MANY} instruments", len(wide), "rows/s", lambda r=wide, k=like: timed(
                lambda: _step(r, MANY, k)), (),
            rate_min=RATE_MIN_MANY, rounds=3,
        )  # fmt: skip


def _step(rows: Rows, count: int, like: Instrument) -> Touch:
    state = new_state(perpetuals(count, like))
    step_all(state, rows)
    return float(state.rows), float(state.count)
