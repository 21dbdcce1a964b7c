"""The tape file: bit for bit there and back, and open to everybody else's tools."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from recording_samples import SAMPLES, Kept, Place, read

from holdfast.app.recording import Recording, read_tape, write_tape
from holdfast.app.recording.tape_file import ROW_GROUP_ROWS
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.tape import LAST, ROW, TIMER, Rows

MIXED = [name for name in sorted(SAMPLES) if name not in ("listing", "tape")]


def _instruments(count: int) -> Instruments:
    instruments = Instruments()
    for i in range(count):
        instruments.find_or_describe(f"v{i % 2}", f"S{i}", "spot", "B", "Q", price_decimals=i)
    return instruments


def _convert(paths: list[Path], path: Path) -> int:
    recording = Recording(paths, Instruments())
    return write_tape(recording, path)


@pytest.mark.parametrize("name", MIXED)
def test_what_was_read_is_read_back_bit_for_bit(name: str, place: Place, tmp_path: Path) -> None:
    source = place(SAMPLES[name])
    rows, recording = read([source])
    path = tmp_path / "out.tape"
    assert _convert([source], path) == len(rows)
    back, again = read([path])
    assert back.tobytes() == rows.tobytes()
    assert again.instruments.all == recording.instruments.all
    assert read_tape(path)[0].tobytes() == rows.tobytes()


bits = hnp.arrays(np.uint8, st.integers(0, 40).map(lambda n: (n, ROW.itemsize)))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=bits, cuts=st.lists(st.integers(0, 40), max_size=4), block_bytes=st.integers(1, 400))
def test_any_bits_of_a_row_survive(
    raw: np.ndarray, cuts: list[int], block_bytes: int, tmp_path: Path
) -> None:
    rows: Rows = np.frombuffer(raw.tobytes(), dtype=ROW).copy()
    rows["instrument"] = np.arange(len(rows)) % 4 - 1
    path = tmp_path / "any.tape"
    parts = np.split(rows, sorted(cut % (len(rows) + 1) for cut in cuts))
    write_tape(Kept(parts, _instruments(3)), path)
    back, instruments = read_tape(path)
    assert back.tobytes() == rows.tobytes()
    assert instruments == _instruments(3).all
    rows["received_ns"] = np.sort(rows["received_ns"])
    write_tape(Kept([rows], _instruments(3)), path)
    merged, recording = read([path], block_bytes=block_bytes)
    kept = merged.copy()
    kept["instrument"] = [_number(recording, number) for number in merged["instrument"].tolist()]
    assert kept.tobytes() == rows.tobytes()


def _number(recording: Recording, number: int) -> int:
    return -1 if number < 0 else int(recording.instruments[number].symbol[1:])


def test_timers_keep_their_place_without_an_instrument(tmp_path: Path) -> None:
    rows = np.zeros(2, dtype=ROW)
    rows["kind"], rows["instrument"], rows["flags"], rows["received_ns"] = TIMER, -1, LAST, [1, 2]
    write_tape(Kept([rows], Instruments()), tmp_path / "timers.tape")
    back, recording = read([tmp_path / "timers.tape"])
    assert back.tobytes() == rows.tobytes()
    assert len(recording.instruments) == 0


def test_long_tapes_have_groups_of_bounded_size(tmp_path: Path) -> None:
    rows = np.zeros(100_000, dtype=ROW)
    rows["flags"] = LAST
    path = tmp_path / "long.tape"
    write_tape(Kept([rows] * 7, _instruments(1)), path)
    groups = [pq.ParquetFile(path).metadata.row_group(i).num_rows for i in range(3)]
    assert groups == [ROW_GROUP_ROWS, ROW_GROUP_ROWS, 700_000 - 2 * ROW_GROUP_ROWS]


def test_an_unfinished_tape_leaves_nothing_behind(tmp_path: Path) -> None:
    class Failing(Kept):
        def batches(self) -> Iterator[Rows]:  # type: ignore[override]
            yield from self.rows
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        write_tape(Failing([np.zeros(3, dtype=ROW)], _instruments(1)), tmp_path / "run.tape")
    assert list(tmp_path.iterdir()) == []


def test_other_tools_open_a_tape(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "run.parquet"
    _convert([place(SAMPLES["tardis-trades"])], path)
    frame = pl.read_parquet(path)
    assert frame["symbol"].to_list() == ["BTCUSDT", "BTCUSDT"]
    assert frame["price"].to_list() == [100_100_000_000, 100_050_000_000]
    assert pq.read_table(path).column("venue").to_pylist() == ["binance-usdm"] * 2
    assert pl.scan_parquet(path).filter(pl.col("side") == -1).collect().height == 1


def test_duckdb_opens_a_tape(place: Place, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    path = tmp_path / "run.parquet"
    _convert([place(SAMPLES["tardis-trades"])], path)
    query = f"select venue, symbol, count(*), min(price) from '{path}' group by all"
    assert duckdb.sql(query).fetchall() == [("binance-usdm", "BTCUSDT", 2, 100_050_000_000)]


def test_pandas_opens_a_tape(place: Place, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    path = tmp_path / "run.parquet"
    _convert([place(SAMPLES["deribit-chain"])], path)
    frame = pandas.read_parquet(path)
    assert set(frame["symbol"]) == {"BTC-24APR26-65000-P", "ETH-24APR26-2000-C"}


def test_a_tape_that_names_no_instruments_is_refused(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "run.tape"
    _convert([place(SAMPLES["tardis-trades"])], path)
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata(None), path)
    with pytest.raises(OutsideError, match=r"tape\.malformed"):
        read_tape(path)
    rows, recording = read([path])
    assert (len(rows), [fault.code for fault in recording.faults]) == (0, ["tape.malformed"])


def test_a_tape_cut_short_is_a_fault(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "run.tape"
    _convert([place(SAMPLES["tardis-trades"])], path)
    path.write_bytes(path.read_bytes()[:-20])
    rows, recording = read([path])
    assert (len(rows), recording.truncated) == (0, [str(path)])
