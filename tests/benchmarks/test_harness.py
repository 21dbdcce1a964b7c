"""The harness of the benchmarks: what it writes, when it refuses, and the streams it feeds to everybody."""

from pathlib import Path

import msgspec
import pytest

from benchmarks.folding import BookReader, book_and_trades, many, tape_of
from benchmarks.measure import Bench, Measurement, Seen, Touch, row
from benchmarks.wire import Stream, generated_binance, generated_deribit
from holdfast import tape


class Clockwork:
    """A peer that takes the same time each round."""

    name = "clockwork"
    peer_version = "1"

    def __init__(self, cpu_s: float, touch: Touch) -> None:
        self._seen = Seen(cpu_s, touch)

    def round(self) -> Seen:
        """Return the same as ever."""
        return self._seen


def ours() -> Seen:
    return Seen(0.1, (99.0, 101.0))


def test_a_line_holds_both_rates_their_ratio_and_whether_the_target_is_met(tmp_path: Path) -> None:
    bench = Bench(None, tmp_path)
    peer = Clockwork(0.4, (99.0, 101.0))
    bench.compare("n", 1000, "rows/s", ours, [peer], ratio_min=3.0, rate_min=9_000.0)  # type: ignore[list-item]
    (line,) = bench.lines
    assert (line.ours, line.peer, line.peer_name, line.unit) == (10_000.0, 2_500.0, "clockwork 1", "rows/s")
    assert line.ratio == 4.0
    assert line.met is True
    written = msgspec.json.decode(msgspec.json.encode(line))
    assert {"name", "ours", "peer", "peer_name", "unit", "ratio", "machine"} <= written.keys()
    assert "4.0x" in row(line)


@pytest.mark.parametrize(("ratio_min", "rate_min"), [(5.0, 0.0), (0.0, 11_000.0)])
def test_a_missed_target_is_written_down(tmp_path: Path, ratio_min: float, rate_min: float) -> None:
    bench = Bench(None, tmp_path)
    peer = Clockwork(0.4, (99.0, 101.0))
    bench.compare("n", 1000, "rows/s", ours, [peer], ratio_min=ratio_min, rate_min=rate_min)  # type: ignore[list-item]
    assert bench.lines[0].met is False
    assert "MISSED" in row(bench.lines[0])


def test_a_peer_that_ends_with_another_book_is_not_compared(tmp_path: Path) -> None:
    bench = Bench(None, tmp_path)
    with pytest.raises(SystemExit, match="clockwork ends with"):
        bench.compare("n", 1000, "rows/s", ours, [Clockwork(0.4, (99.0, 102.0))])  # type: ignore[list-item]
    assert bench.lines == []


def test_without_peers_a_line_still_says_what_ours_does(tmp_path: Path) -> None:
    bench = Bench(None, tmp_path)
    assert bench.peers(tmp_path / "case", ("ccxt", "deribit")) == []
    bench.compare("n", 1000, "rows/s", ours, [])
    (line,) = bench.lines
    assert isinstance(line, Measurement)
    assert (line.peer, line.ratio, line.met) == (None, None, None)


@pytest.mark.parametrize("make", [generated_binance, generated_deribit])
def test_a_generated_stream_is_the_same_each_time_and_keeps_a_live_book_that_never_crosses(make) -> None:
    stream: Stream = make(600)
    assert stream == make(600)
    reader = BookReader(stream)
    for number, (stamp, frame) in enumerate(zip(stream.received_ns, stream.frames, strict=True)):
        reader.one_by_one([stamp], [frame])
        bid, ask = reader.touch()
        assert 0.0 < bid < ask, f"crossed after message {number}"
    assert reader.feed.fallbacks <= 1  # type: ignore[attr-defined] - Deribit's snapshot alone is read slowly
    assert reader.market.state[0]["gaps"] == 0


def test_runs_and_single_frames_give_the_same_book() -> None:
    stream = generated_binance(600)
    in_runs, one_by_one = BookReader(stream), BookReader(stream)
    in_runs.in_runs(stream.received_ns, stream.frames)
    one_by_one.one_by_one(stream.received_ns, stream.frames)
    assert in_runs.touch() == one_by_one.touch()
    assert in_runs.market.state.tobytes() == one_by_one.market.state.tobytes()


def test_a_stream_is_saved_as_lines_with_the_snapshot_first(tmp_path: Path) -> None:
    stream = generated_deribit(3)
    lines = stream.save(tmp_path / "s.lines").read_bytes().splitlines()
    assert lines[0] == b"%d %s" % (stream.snapshot_ns, stream.snapshot)
    assert [line.split(b" ", 1)[1] for line in lines[1:]] == stream.frames


def test_a_tape_for_peers_has_one_event_a_nanosecond_and_one_for_many_is_in_order() -> None:
    rows, _ = tape_of(generated_binance(200))
    events = book_and_trades(rows)
    assert set(events["kind"].tolist()) <= {tape.LEVEL, tape.TRADE, tape.BOOK_RESET}
    assert (events["received_ns"][1:] > events["received_ns"][:-1]).all()
    wide = many(rows, 3, 0.1)
    assert (wide["received_ns"][1:] >= wide["received_ns"][:-1]).all()
    assert set(wide["instrument"].tolist()) == {0, 1, 2}
