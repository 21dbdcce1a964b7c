"""What every format on the shelf keeps."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from recording_samples import SAMPLES, Place, Sample, read

from holdfast.app.recording.sniff import FORMATS
from holdfast.event import Quarantined
from holdfast.tape import LAST, TIME_BAD

STAND_INS = (
    "binance-book-depth",
    "tardis-book",
    "tardis-snapshots",
)  # a bad line that the market must know of
TEXT = sorted(name for name, sample in SAMPLES.items() if sample.bad)


def test_every_format_has_a_sample() -> None:
    assert {known.name for known in FORMATS} == set(SAMPLES)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_format_is_told_by_content_and_gives_the_rows_it_should(name: str, place: Place) -> None:
    sample = SAMPLES[name]
    rows, recording = read([place(sample)])
    assert set(recording.formats.values()) == {name}
    assert (recording.messages, len(rows), recording.quarantined) == (sample.messages, sample.rows, 0)
    assert not [fault for fault in recording.faults if not fault.reason.startswith("the market left")]


def test_rows_are_complete_messages(sample: Sample, place: Place) -> None:
    rows, _ = read([place(sample)])
    assert not len(rows) or rows["flags"][-1] & LAST
    assert (np.diff(rows["received_ns"]) >= 0).all()


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 301, 5000])
def test_rows_do_not_depend_on_the_size_of_blocks(sample: Sample, place: Place, block_bytes: int) -> None:
    path = place(sample)
    whole, one = read([path])
    parts, many = read([path], block_bytes=block_bytes)
    assert parts.tobytes() == whole.tobytes()
    assert (many.messages, many.quarantined, many.faults) == (one.messages, one.quarantined, one.faults)


@pytest.mark.parametrize("name", TEXT)
def test_a_bad_line_is_quarantined_with_its_place_and_the_rest_goes_on(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    lines = sample.data.rstrip(b"\n").split(b"\n")
    path = tmp_path / sample.name
    path.write_bytes(b"\n".join([*lines, sample.bad, b""]))
    rows, recording = read([path])
    assert (recording.messages, recording.quarantined) == (sample.messages + 1, 1)
    fault = next(fault for fault in recording.faults if isinstance(fault, Quarantined))
    assert (fault.file, fault.line) == (str(path), len(lines) + 1)
    assert fault.sample.encode() == sample.bad[:120]
    assert fault.code
    assert fault.reason
    stand_ins = len(rows) - sample.rows
    assert stand_ins == (1 if name in STAND_INS else 0)


@pytest.mark.parametrize("name", TEXT)
def test_line_ends_of_windows_and_a_byte_order_mark_change_nothing(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    plain, other = tmp_path / "a" / sample.name, tmp_path / "b" / sample.name
    plain.parent.mkdir()
    other.parent.mkdir()
    plain.write_bytes(sample.data)
    other.write_bytes(b"\xef\xbb\xbf" + sample.data.replace(b"\n", b"\r\n") + b"\r\n\r\n")
    expected, _ = read([plain])
    rows, recording = read([other])
    assert rows.tobytes() == expected.tobytes()
    assert recording.messages == sample.messages


def test_a_format_is_the_same_whatever_the_file_is_called(sample: Sample, tmp_path: Path) -> None:
    hidden = tmp_path / f"{sample.name}.jpeg.gz"
    hidden.write_bytes(gzip.compress(sample.data))
    _, recording = read([hidden])
    assert recording.messages == sample.messages or recording.faults[0].code == "instrument.unnamed"


@pytest.mark.parametrize("name", ["bars-csv", "binance-klines", "bars-parquet"])
def test_a_file_without_an_instrument_in_content_or_name_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "1.csv"
    path.write_bytes(SAMPLES[name].data)
    rows, recording = read([path])
    assert not len(rows)
    assert recording.faults[0].code == "instrument.unnamed"
    assert "name the file" not in recording.faults[0].reason


def test_a_malformed_time_leaves_a_row_with_the_last_good_time(tmp_path: Path) -> None:
    sample = SAMPLES["binance-book-depth"]
    path = tmp_path / sample.name
    path.write_bytes(sample.data + sample.bad + b"\n2025-10-10 12:01:07,2,2,202\n")
    rows, _ = read([path])
    assert rows["kind"].tolist()[-2:] == [TIME_BAD, rows["kind"][0]]
    assert rows["received_ns"][-2] == rows["received_ns"][-3]
    assert [bool(flag & LAST) for flag in rows["flags"]] == [False, True, False, True, True]
