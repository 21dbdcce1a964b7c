"""A guard's tape is kept through crashes and full disks, within its size, and is read back as it was folded."""

import logging
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from holdfast import tape
from holdfast.app import live_tape
from holdfast.app.live_tape import LiveTape
from holdfast.app.recording import Recording
from holdfast.clock import SECOND_NS
from holdfast.instrument import Instrument, Instruments
from holdfast.tape import ROW, Rows

START_NS = 1_790_000_000 * SECOND_NS
PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_tape, "WRITE_S", 0.005)
    monkeypatch.setattr(live_tape, "FREE_BYTES_MIN", 0)


def known() -> Instruments:
    instruments = Instruments()
    for symbol in ("UNSEEN", "BTCUSDT"):
        instruments.add(Instrument(venue="a", symbol=symbol, kind="perpetual", base="BTC", quote="USDT"))
    return instruments


def second(number: int, trades: int = 3) -> Rows:
    """A second of trades, and its end."""
    rows = np.zeros(trades + 1, dtype=ROW)
    rows["received_ns"] = START_NS + number * SECOND_NS + np.arange(trades + 1)
    rows["value"], rows["flags"], rows["price"] = np.nan, tape.LAST, 100 + number
    rows["kind"], rows["instrument"] = tape.TRADE, 1
    rows["kind"][-1], rows["instrument"][-1], rows["price"][-1] = tape.TIMER, -1, 0
    return rows


@contextmanager
def kept(folder: Path, epoch: int = 1, bytes_max: int = 10**9) -> Generator[LiveTape]:
    made = LiveTape(folder, epoch, known(), bytes_max)
    try:
        yield made
    finally:
        made.close()


def read(*paths: Path) -> Rows:
    return np.concatenate(list(Recording(list(paths), Instruments()).batches()))


def until(holds: Callable[[], object]) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end_s, "it did not come to that"
        time.sleep(0.005)


def files(folder: Path, ending: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob(f"*/*.{ending}"))


def test_what_was_kept_is_read_back_bit_for_bit_with_its_numbers(tmp_path: Path) -> None:
    rows = [second(number) for number in range(5)]
    with kept(tmp_path) as made:
        for one in rows:
            made.keep(one)
    assert files(tmp_path, "parquet") == ["000001/000001.parquet"]
    assert files(tmp_path, "rows") == []
    recording = Recording([tmp_path], Instruments())
    assert sum(map(len, recording.batches())) == 20
    assert recording.faults == [], "something in the folder is no tape"
    assert read(tmp_path).tobytes() == np.concatenate(rows).tobytes()


def test_files_end_with_a_second_and_together_are_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_tape, "FILE_ROWS_MAX", 10)
    rows = np.concatenate([second(number, trades=3 + number) for number in range(12)])
    with kept(tmp_path) as made:
        for start in range(0, len(rows), 7):
            made.keep(rows[start : start + 7])
            time.sleep(0.004)
    names = files(tmp_path, "parquet")
    assert len(names) > 3
    assert all(int(read(tmp_path / name)["kind"][-1]) == tape.TIMER for name in names)
    assert read(tmp_path).tobytes() == rows.tobytes()


def test_what_a_killed_guard_left_becomes_a_tape_when_the_next_begins_torn_end_and_all(
    tmp_path: Path,
) -> None:
    first = LiveTape(tmp_path, 1, known(), 10**9)
    first.keep(second(0))
    until(lambda: files(tmp_path, "rows"))
    until(lambda: (tmp_path / "000001/.000001.rows").stat().st_size == 4 * ROW.itemsize)
    with (tmp_path / "000001/.000001.rows").open("ab") as left:
        left.write(b"torn")
    with kept(tmp_path, epoch=2) as made:
        made.keep(second(9))
    assert files(tmp_path, "parquet") == ["000001/000001.parquet", "000002/000001.parquet"]
    assert read(tmp_path / "000001").tobytes() == second(0).tobytes()
    assert read(tmp_path / "000002").tobytes() == second(9).tobytes()


def test_the_oldest_goes_first_and_with_its_last_file_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_tape, "FILE_ROWS_MAX", 4)
    for epoch in (1, 2):
        with kept(tmp_path, epoch) as made:
            for number in range(3):
                made.keep(second(number))
    size = max(path.stat().st_size for path in tmp_path.glob("*/*.parquet"))
    assert len(files(tmp_path, "parquet")) == 6
    with kept(tmp_path, 3, bytes_max=2 * size) as made:
        made.keep(second(3))
    assert files(tmp_path, "parquet") == ["000002/000003.parquet", "000003/000001.parquet"]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["000002", "000003"]


def test_a_disk_that_fails_is_said_once_and_nothing_is_doubled_or_torn_when_it_works_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fails = [3]
    write = os.pwrite

    def failing(file: int, data: memoryview, at: int) -> int:
        """Take half, and then nothing any more, three times."""
        if fails[0]:
            fails[0] -= 1
            write(file, data[: len(data) // 2 + 5], at)
            raise OSError(28, "No space left on device")
        return write(file, data[:50], at)

    monkeypatch.setattr(os, "pwrite", failing)
    with caplog.at_level(logging.ERROR, "holdfast.node"), kept(tmp_path) as made:
        made.keep(second(0))
        until(lambda: not fails[0])
        made.keep(second(1))
    assert read(tmp_path).tobytes() == np.concatenate([second(0), second(1)]).tobytes()
    assert ["No space left" in record.getMessage() for record in caplog.records] == [True]


def test_a_disk_that_is_nearly_full_is_left_to_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live_tape, "FREE_BYTES_MIN", 10**18)
    with kept(tmp_path) as made:
        made.keep(second(0))
        until(lambda: caplog.records)
        assert files(tmp_path, "rows") == []
        monkeypatch.setattr(live_tape, "FREE_BYTES_MIN", 0)
        made.keep(second(1))
    assert read(tmp_path).tobytes() == np.concatenate([second(0), second(1)]).tobytes()
    assert "GB are free" in caplog.records[0].getMessage()


def test_rows_beyond_what_may_wait_are_lost_and_counted_and_those_before_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live_tape, "WAITING_ROWS_MAX", 6)
    monkeypatch.setattr(live_tape, "WRITE_S", PATIENCE_S)
    with kept(tmp_path) as made:
        made.keep(second(0))
        made.keep(second(1))
        assert made.lost_rows == 4
    assert read(tmp_path).tobytes() == second(0).tobytes()
    assert ["4 rows lost" in record.getMessage() for record in caplog.records] == [True]


def test_what_an_earlier_life_left_damaged_is_named_and_left_and_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for epoch, named in ((1, b"{"), (2, msgspec.json.encode(known().all))):
        folder = tmp_path / f"{epoch:06}"
        folder.mkdir()
        (folder / ".000001.rows").write_bytes(second(0).tobytes())
        (folder / ".instruments.json").write_bytes(named)
    with kept(tmp_path, 3) as made:
        made.keep(second(1))
    assert files(tmp_path, "rows") == ["000001/.000001.rows"]
    assert files(tmp_path, "parquet") == ["000002/000001.parquet", "000003/000001.parquet"]
    assert ["000001/.000001.rows stays as it is" in record.getMessage() for record in caplog.records] == [
        True
    ]


def test_a_life_without_rows_leaves_nothing(tmp_path: Path) -> None:
    with kept(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
