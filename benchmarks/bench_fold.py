"""Book and imbalance at each event, alone: our fold beside hftbacktest with either of its depths.

Defends: sorted arrays of integers and one numba loop for the data plane. Every level change and trade is a message of its
own here, so that ours judges the book and computes imbalance and microprice as often as the peer is asked for them; ours
also keeps clocks, latency histogram, order flow and evidence of frozen sides, which it cannot be told to leave out.
Limits: the target is against the peer as its own converters feed it; `local`, without its exchange side, is what the same
library would do if it were a reader of books and nothing else, told without a target.
"""

from typing import Final

import numpy as np

from benchmarks.folding import book_and_trades, events_of, fold_all, tape_of
from benchmarks.measure import Bench, Touch, timed
from benchmarks.tapes import streams
from holdfast.market.state import Market

DEPTHS: Final = ("HashMap", "ROIVector")
DEPTHS_LOCAL: Final = ("HashMap local", "ROIVector local")


def measure(bench: Bench) -> None:
    """Measure the recorded and the generated tape."""
    for name, stream in streams():
        rows, instruments = tape_of(stream)
        rows = book_and_trades(rows)
        case = events_of(rows, instruments[0], bench.folder / f"{name}.npy")

        def fold(rows: np.ndarray = rows, instruments: object = instruments) -> Touch:
            market = Market()
            market.fit(instruments)  # type: ignore[arg-type]
            fold_all(market, rows, np.full(2, -1, dtype=np.int64))
            state, step = market.state[0], market.steps[0, 0]
            return float(state["book_bid"] * step), float(state["book_ask"] * step)

        for options, ratio_min in ((DEPTHS, 1.0), (DEPTHS_LOCAL, 0.0)):
            peers = bench.peers(case, *(("hftbacktest", option) for option in options))
            bench.compare(
                f"book and imbalance, {name}",
                len(rows),
                "events/s",
                lambda f=fold: timed(f),
                peers,
                ratio_min=ratio_min,
            )
            for peer in peers:
                peer.close()
