"""Files on disk become plain bytes, whatever wraps them, and as far as they go when they are broken."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_samples import SAMPLES, read

from holdfast.app.recording.archives import open_paths
from holdfast.error import CallerError
from holdfast.tape import LAST

TRADES = SAMPLES["tardis-trades"]
LINES = 4000


def _many() -> bytes:
    head, first, *_ = TRADES.data.split(b"\n")
    fields = first.split(b",")
    lines = [head]
    for i in range(LINES):
        fields[2] = fields[3] = str(1_760_097_600_000_000 + i).encode()
        fields[4] = str(i * 7919).encode()
        lines.append(b",".join(fields))
    return b"\n".join(lines) + b"\n"


MANY = _many()


def _zip(data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        archive.writestr(TRADES.name, data)
    return sink.getvalue()


def _zip_streamed(data: bytes) -> bytes:
    """A zip whose headers do not state the sizes, as a pipe writes it."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.written += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        archive.writestr(TRADES.name, data)
    return bytes(pipe.written)


def _tar(data: bytes, mode: str = "w") -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode) as archive:  # type: ignore[call-overload]
        entry = tarfile.TarInfo(f"deep/{TRADES.name}")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return sink.getvalue()


def _arrow(kind: str) -> Callable[[bytes], bytes]:
    def compress(data: bytes) -> bytes:
        sink = io.BytesIO()
        with pa.CompressedOutputStream(pa.PythonFile(sink), kind) as stream:
            stream.write(data)
            stream.flush()
            return sink.getvalue() if sink.closed else _closed(stream, sink)

    def _closed(stream: pa.NativeFile, sink: io.BytesIO) -> bytes:
        keep = sink.close
        sink.close = lambda: None  # type: ignore[method-assign]
        stream.close()
        data = sink.getvalue()
        keep()
        return data

    return compress


WRAPPINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": gzip.compress,
    "gz of several members": lambda d: gzip.compress(d[:5000]) + gzip.compress(d[5000:]),
    "gz with zero padding": lambda d: gzip.compress(d) + b"\0" * 700,
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "zstd": _arrow("zstd"),
    "lz4": _arrow("lz4"),
    "zip": _zip,
    "zip stored": lambda d: _zip(d, zipfile.ZIP_STORED),
    "zip streamed": _zip_streamed,
    "zip of gz": lambda d: _zip(gzip.compress(d)),
    "gz of zip": lambda d: gzip.compress(_zip(d)),
    "tar": _tar,
    "tar.gz": lambda d: _tar(d, "w:gz"),
    "tar.xz": lambda d: _tar(d, "w:xz"),
    "tar of gz": lambda d: _tar(gzip.compress(d)),
}
BLOCKS = ("gz of zip", "xz", "tar.xz", "bz2")  # their blocks are as long as this file
BREAKABLE = [name for name in WRAPPINGS if name not in ("plain", "gz with zero padding")]


@pytest.mark.parametrize("name", sorted(WRAPPINGS))
def test_a_file_is_read_whatever_wraps_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "anything"
    path.write_bytes(WRAPPINGS[name](MANY))
    rows, recording = read([path])
    assert (len(rows), recording.quarantined, recording.truncated) == (LINES, 0, [])


@pytest.mark.parametrize("name", sorted(BREAKABLE))
def test_a_truncated_file_is_read_up_to_the_break_and_says_so(name: str, tmp_path: Path) -> None:
    path = tmp_path / "anything"
    data = WRAPPINGS[name](MANY)
    path.write_bytes(data[: len(data) * 7 // 10])
    rows, recording = read([path])
    assert recording.truncated
    assert "archive.truncated" in {fault.code for fault in recording.faults}
    assert len(rows) < LINES
    if name not in BLOCKS:
        assert len(rows) > LINES // 3
    whole, _ = read([_whole(tmp_path)])
    assert rows.tobytes() == whole[: len(rows)].tobytes()


def _whole(folder: Path) -> Path:
    path = folder / "whole" / TRADES.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(MANY)
    return path


def test_a_line_that_the_break_cut_off_is_never_used(tmp_path: Path) -> None:
    path = tmp_path / "anything.zip"
    data = _zip(MANY, zipfile.ZIP_STORED)
    path.write_bytes(data[: data.rindex(b"100.1")] + b"1")
    rows, recording = read([path])
    assert len(rows) == LINES - 1
    assert [fault.code for fault in recording.faults if fault.code.startswith("line")] == ["line.truncated"]
    assert rows["flags"][-1] & LAST


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0.05, 0.95), bit=st.integers(0, 7), name=st.sampled_from(sorted(BREAKABLE)))
def test_a_flipped_bit_never_stops_a_run(at: float, bit: int, name: str, tmp_path: Path) -> None:
    data = bytearray(WRAPPINGS[name](MANY))
    data[int(at * len(data))] ^= 1 << bit
    path = tmp_path / "flipped"
    path.write_bytes(bytes(data))
    with suppress(CallerError):  # the flip may have hit what tells the format
        rows, recording = read([path])
        assert recording.messages == recording.tally.used + recording.quarantined
        assert len(rows) <= LINES


def test_a_changed_digit_in_an_archive_is_found_by_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "changed.zip"
    path.write_bytes(_zip(MANY))
    assert read([path])[1].truncated == []
    data = bytearray(_zip(MANY, zipfile.ZIP_STORED))
    data[data.index(b"100.1") + 2] ^= 1
    path.write_bytes(bytes(data))
    rows, recording = read([path])
    assert (len(rows), len(recording.truncated)) == (LINES, 1)
    assert "checksum" in recording.faults[-1].reason


def test_members_of_an_archive_that_overlap_in_time_are_merged(tmp_path: Path) -> None:
    head, *lines = MANY.rstrip(b"\n").split(b"\n")
    path = tmp_path / "both.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, part in (("b.csv", lines[::2]), ("a.csv", lines[1::2])):
            data = b"\n".join([head, *part])
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    rows, _ = read([path])
    whole, _ = read([_whole(tmp_path)])
    assert rows.tobytes() == whole.tobytes()


def test_a_folder_is_walked_in_sorted_order_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a/z.csv", ".hidden.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(TRADES.data)
    (tmp_path / "c").mkdir()
    pieces = open_paths([tmp_path], tmp_path / "c").pieces
    assert [piece.path.relative_to(tmp_path).as_posix() for piece in pieces] == ["a/z.csv", "b.csv"]


def test_a_missing_path_and_an_empty_folder_are_the_callers_fault(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "none", "path.missing"), (tmp_path, "path.empty")):
        with pytest.raises(CallerError, match=code):
            open_paths([path], tmp_path)
