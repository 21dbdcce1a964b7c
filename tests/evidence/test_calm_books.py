"""Two calm books of 2024-08-08: nothing is wrong but the recorder's clock, and one lost line is noticed."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from holdfast import tape
from holdfast.app.recording.reader import Recording
from holdfast.engine import State
from holdfast.event import LEVELS
from holdfast.instrument import Instruments
from holdfast.market.book import LIVE, STALE
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.policy.rules import RuleSet
from tests.evidence.runs import Run

SYMBOLS = ("btcusdt", "ethusdt")


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_calm_book_raises_nothing_but_the_clock(shared_data: Path, tmp_path: Path, symbol: str) -> None:
    run = Run([shared_data / f"orderbook/binance/usdm/{symbol}_20240808.gz"], tmp_path / "out")
    feed = run.summary["feeds"][f"binance-usdm:{symbol.upper()}"]
    assert (feed["gaps"], feed["resyncs"], feed["book"]) == (0, 0, "live")
    assert feed["clock_skew_ms"] == pytest.approx(-1270, abs=10)
    assert all(LEVELS.index(move["to"]) <= LEVELS.index("watch") for move in run.summary["levels"])
    assert run.summary["alerts"] == {"clock_skew": 1}
    assert run.summary["quarantined"] == 0
    assert run.summary["rows"] == run.summary["rows_used"]


def test_a_calm_spot_book_stays_normal_though_its_spread_is_one_tick(
    shared_data: Path, tmp_path: Path
) -> None:
    run = Run(sorted((shared_data / "orderbook/binance/spot").glob("*.gz")), tmp_path / "out")
    assert run.summary["levels"] == []
    assert run.summary["feeds"]["binance-spot:BTCUSDT"]["gaps"] == 0


@pytest.mark.parametrize("nth", [5, 2_000, 6_000])
def test_one_lost_depth_line_is_one_gap_and_no_wrong_book(
    shared_data: Path, tmp_path: Path, nth: int
) -> None:
    recorded = shared_data / "orderbook/binance/usdm/btcusdt_20240808.gz"
    lines = gzip.decompress(recorded.read_bytes()).splitlines(keepends=True)
    depth = [number for number, line in enumerate(lines) if b'"depthUpdate"' in line]
    snapshot = next(number for number, line in enumerate(lines) if b'"lastUpdateId"' in line)
    del lines[[number for number in depth if number > snapshot + 50][nth]]
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"".join(lines))

    instruments = Instruments()
    recording = Recording([damaged], instruments)
    state = State(instruments, Desk(RuleSet([]), Escalation()))
    served_after_gap = 0
    for rows in recording.batches():
        for one in np.split(rows, np.flatnonzero(rows["kind"] == tape.BOOK_GAP) + 1):
            state.step(one)
            if state.market.state["gaps"][0]:
                served_after_gap += state.market.state["book"][0] == LIVE
    assert state.market.state["gaps"][0] == 1
    assert len([f for f in recording.faults if type(f).__name__ == "ResyncRequested"]) == 1
    assert state.market.state["book"][0] == STALE
    assert served_after_gap == 0
