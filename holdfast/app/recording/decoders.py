"""Decoders: compressed bytes to plain bytes in bounded memory, with everything that comes before a break."""

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa

from holdfast.error import OutsideError

READ_BYTES: Final = 262_144
_ARROW_BYTES: Final = 16_384  # what a break may cost: a read of pyarrow's gives all of it or none
PLAIN_BYTES_MAX: Final = 1_048_576  # plain bytes made from one piece of compressed bytes

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
)


class Bytes(Protocol):
    """What a decoder reads from."""

    @property
    def broken(self) -> OutsideError | None:
        """Say why the bytes ended early."""
        ...

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def decoder_for(head: bytes) -> str:
    """Name the compression that the first bytes show, or nothing."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return ""


class Decoded:
    """The plain bytes of a compressed stream: every member of it, up to its end or its break."""

    def __init__(self, source: Bytes, kind: str, crc: int | None = None) -> None:
        self.broken: OutsideError | None = None
        self._source = source
        self._kind = kind
        self._crc_wanted = crc
        self._crc = 0
        self._parts = self._decode()
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Return up to `size` plain bytes, at least one unless the stream has ended."""
        if not self._rest:
            self._rest = next(self._parts, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def close(self) -> None:
        """Let go of the file."""
        self._source.close()

    def _decode(self) -> Iterator[bytes]:
        if self._kind == "stored":
            parts = iter(lambda: self._source.read(READ_BYTES), b"")
        elif self._kind in ("zstd", "lz4"):
            parts = _by_arrow(self._source, self._kind)
        else:
            parts = self._by_steps()
        try:
            for part in parts:
                if self._crc_wanted is not None:
                    self._crc = zlib.crc32(part, self._crc)
                yield part
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
            self.broken = self._source.broken or OutsideError(
                "archive.truncated",
                f"the {self._kind} data breaks: {error}",
                remedy="fetch the file again; what came before the break was used",
            )
            return
        self.broken = self._source.broken
        if self._crc_wanted is not None and self._crc != self._crc_wanted and not self.broken:
            self.broken = OutsideError("archive.truncated", "the checksum of this member is wrong")

    def _by_steps(self) -> Iterator[bytes]:
        """Decode member after member; padding or other bytes after a whole member end the stream."""
        pending = self._source.read(READ_BYTES)
        first = True
        while pending:
            if not first and self._kind != "deflate":
                pending = pending.lstrip(b"\0")
                while len(pending) < 8 and (more := self._source.read(READ_BYTES)):
                    pending = (pending + more).lstrip(b"\0")
                if not pending:
                    return
                if decoder_for(pending) != self._kind:
                    raise EOFError("bytes that do not belong follow the data")
            decoder = _Step(self._kind)
            while not decoder.eof:
                plain = decoder.decode(pending)
                pending = b""
                if plain:
                    yield plain
                elif decoder.hungry and not decoder.eof:
                    pending = self._source.read(READ_BYTES)
                    if not pending:
                        raise EOFError("it ends early")
            if self._kind == "deflate":
                return
            first = False
            pending = decoder.unused or self._source.read(READ_BYTES)


class _Step:
    """One decoder of the standard library behind one interface: never more than PLAIN_BYTES_MAX at a time."""

    def __init__(self, kind: str) -> None:
        self._zlib = None
        if kind == "gzip":
            self._zlib = zlib.decompressobj(31)
        elif kind == "deflate":
            self._zlib = zlib.decompressobj(-15)
        else:
            self._other = lzma.LZMADecompressor(lzma.FORMAT_XZ) if kind == "xz" else bz2.BZ2Decompressor()

    @property
    def eof(self) -> bool:
        return self._zlib.eof if self._zlib else self._other.eof

    @property
    def hungry(self) -> bool:
        return not self._zlib.unconsumed_tail if self._zlib else self._other.needs_input

    @property
    def unused(self) -> bytes:
        return self._zlib.unused_data if self._zlib else self._other.unused_data

    def decode(self, data: bytes) -> bytes:
        if self._zlib:
            return self._zlib.decompress(self._zlib.unconsumed_tail + data, PLAIN_BYTES_MAX)
        return self._other.decompress(data, PLAIN_BYTES_MAX)


def _by_arrow(source: Bytes, kind: str) -> Iterator[bytes]:
    with pa.CompressedInputStream(pa.PythonFile(_AsFile(source), mode="r"), kind) as stream:
        while data := stream.read(_ARROW_BYTES):
            yield data


class _AsFile(RawIOBase):
    """A byte source under the name of methods that pyarrow wants."""

    def __init__(self, source: Bytes) -> None:
        super().__init__()
        self._source = source

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._source.read(size if size > 0 else READ_BYTES)


@dataclass(frozen=True)
class Member:
    """Where a member of an archive lies in the archive's file."""

    name: str
    offset: int
    stored_size: int | None  # None: as far as the deflate data goes
    deflated: bool
    crc: int | None


def locate_members(path: Path) -> tuple[list[Member], OutsideError | None]:
    """List the members of a zip by its directory or, where that is lost, by the header of each member."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [_from_directory(path, entry) for entry in archive.infolist() if not entry.is_dir()], None
    except OutsideError as error:
        return [], error
    except (zipfile.BadZipFile, OSError, struct.error, NotImplementedError):
        fault = OutsideError(
            "archive.truncated",
            "the zip has lost its directory; its members were found by their headers",
            remedy="fetch the file again; what came before the break was used",
        )
        return list(_from_headers(path)), fault


_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")


def _from_directory(path: Path, entry: zipfile.ZipInfo) -> Member:
    if entry.flag_bits & 1:
        raise OutsideError("archive.encrypted", f"{entry.filename} is encrypted", remedy="decrypt it first")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise OutsideError("archive.unknown_method", f"{entry.filename} uses an unknown compression")
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        header = _LOCAL.unpack(file.read(_LOCAL.size))
    offset = entry.header_offset + _LOCAL.size + header[9] + header[10]
    deflated = entry.compress_type == zipfile.ZIP_DEFLATED
    return Member(entry.filename, offset, entry.compress_size, deflated, entry.CRC)


def _from_headers(path: Path) -> Iterator[Member]:
    """Walk the local headers; a member of unstated size is decoded once to find its end."""
    with path.open("rb") as file:
        while True:
            start = file.tell()
            raw = file.read(_LOCAL.size)
            if len(raw) < _LOCAL.size or raw[:4] != b"PK\x03\x04":
                return
            _, _, flags, method, _, _, crc, packed, _, name_size, extra_size = _LOCAL.unpack(raw)
            name = file.read(name_size).decode("utf-8", "replace")
            offset = start + _LOCAL.size + name_size + extra_size
            stated = not flags & 8 and packed != 0xFFFFFFFF
            if flags & 1 or method not in (0, 8) or (method == 0 and not stated):
                return
            if not name.endswith("/"):
                yield Member(name, offset, packed if stated else None, method == 8, crc if stated else None)
            file.seek(offset)
            if stated:
                file.seek(packed, 1)
            elif not _skip_deflated(file):
                return


def _skip_deflated(stream: BufferedReader) -> bool:
    """Move past deflate data and its data descriptor."""
    decoder = zlib.decompressobj(-15)
    data = b""
    while not decoder.eof:
        data = stream.read(READ_BYTES)
        if not data:
            return False
        try:
            while data:
                decoder.decompress(data, PLAIN_BYTES_MAX)
                data = decoder.unconsumed_tail
        except zlib.error:
            return False
    stream.seek(-len(decoder.unused_data), 1)
    descriptor = stream.read(16)
    stream.seek(-len(descriptor) + (16 if descriptor[:4] == b"PK\x07\x08" else 12), 1)
    return True
