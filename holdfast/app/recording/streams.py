"""Streams: any file on disk as one or more streams of plain bytes, told by content, in bounded memory.

Rules:

1. What a file is, its first bytes say: gzip, xz, bzip2, zstd, lz4, zip, tar, or none of them. Names are only hints.
2. A stream that breaks gives all bytes before the break, then ends with `broken` set; it never raises while reading.
3. An archive gives its members in their order; a folder its files in sorted order. A member can be opened again and
   apart from the others, so that members are merged by time like loose files. A compressed tar is for that unpacked
   once into a scratch folder.
"""

import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from io import RawIOBase
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa

from holdfast.app.recording.decoders import READ_BYTES, Decoded, Member, decoder_for, locate_members
from holdfast.error import CallerError, OutsideError

ARCHIVE_DEPTH_MAX: Final = 4
TAR_BLOCK: Final = 512
PEEK_BYTES: Final = 65_536

OnRead = Callable[[int], None]


class ByteStream(Protocol):
    """Plain bytes in order; `broken` says why they ended early."""

    broken: OutsideError | None

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, at least one unless the stream has ended."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


@dataclass(frozen=True)
class Piece:
    """One recording to read: a loose file or a member of an archive.

    `name` is for people, `hints` are the names (innermost first) that may supply what content cannot.
    """

    name: str
    hints: tuple[str, ...]
    path: Path
    member: Member | None = None
    broken: OutsideError | None = None  # the archive around it broke inside this member
    owner: Path | None = None  # the file on disk that it came from

    @property
    def stored_bytes(self) -> int:
        """Return how many bytes the piece takes on disk, so far as that is known before reading it."""
        if self.member and self.member.stored_size is not None:
            return self.member.stored_size
        return self.path.stat().st_size

    def open(self, on_read: OnRead | None = None) -> "Unwrapped":
        """Open the piece as plain bytes, from its start."""
        return Unwrapped(self, on_read)


class FileBytes:
    """The bytes of a file, or of a range of it, as they are on disk."""

    def __init__(self, path: Path, start: int, size: int | None, on_read: OnRead | None) -> None:
        self.broken: OutsideError | None = None
        self._file = path.open("rb", buffering=0)
        self._file.seek(start)
        self._left = size
        self._on_read = on_read

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        wanted = size if self._left is None else min(size, self._left)
        try:
            data = self._file.read(wanted) if wanted else b""
        except OSError as error:
            self.broken = OutsideError("file.unreadable", str(error), remedy="check the disk and the permissions")
            return b""
        if self._left is not None:
            if wanted and not data:
                self.broken = truncated("the archive ends inside this member")
            self._left -= len(data)
        if self._on_read and data:
            self._on_read(len(data))
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Unwrapped:
    """A piece as plain bytes: its member located, its compression taken off."""

    def __init__(self, piece: Piece, on_read: OnRead | None) -> None:
        self._broken_outside = piece.broken
        member = piece.member
        self._raw = FileBytes(
            piece.path, member.offset if member else 0, member.stored_size if member else None, on_read
        )
        stream: ByteStream = self._raw
        if member and member.deflated:
            stream = Decoded(stream, "deflate", member.crc)
        self._stream, self.layers = unwrap(stream)

    @property
    def broken(self) -> OutsideError | None:
        """Say why the bytes ended early, if they did."""
        return self._stream.broken or self._broken_outside

    def peek(self, size: int) -> bytes:
        """Return up to `size` bytes without moving on."""
        return self._stream.peek(size)

    def read(self, size: int) -> bytes:
        """Return up to `size` plain bytes, at least one unless the stream has ended."""
        return self._stream.read(size)

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


class Peekable:
    """A stream whose beginning can be looked at first."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._head = b""

    @property
    def broken(self) -> OutsideError | None:
        """Say why the bytes ended early; nothing while peeked bytes are left."""
        return None if self._head else self._stream.broken

    def peek(self, size: int) -> bytes:
        """Return up to `size` bytes (fewer only at the end) without moving on."""
        parts = [self._head]
        have = len(self._head)
        while have < size:
            data = self._stream.read(min(READ_BYTES, size - have))
            if not data:
                break
            parts.append(data)
            have += len(data)
        self._head = b"".join(parts)
        return self._head[:size]

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        return self._stream.read(size)

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()


def unwrap(stream: ByteStream) -> tuple[Peekable, int]:
    """Take off every layer of compression that the content shows; return the plain stream and the number of layers."""
    layers = 0
    peekable = Peekable(stream)
    while layers < ARCHIVE_DEPTH_MAX:
        kind = decoder_for(peekable.peek(8))
        if not kind:
            break
        peekable = Peekable(Decoded(peekable, kind))
        layers += 1
    return peekable, layers


def truncated(reason: str) -> OutsideError:
    """Return the fault of an archive that ends or breaks early."""
    return OutsideError("archive.truncated", reason, remedy="fetch the file again; what came before the break was used")


@dataclass
class Opened:
    """All pieces behind the given paths, with the faults met on the way."""

    pieces: list[Piece] = field(default_factory=list[Piece])
    faults: list[tuple[str, OutsideError]] = field(default_factory=list[tuple[str, OutsideError]])


def open_paths(paths: list[Path], scratch: Path) -> Opened:
    """Find every recording behind `paths`: folders are walked in sorted order, archives opened.

    Raises: CallerError `path.missing`, `path.empty` (a folder without files).
    """
    opened = Opened()
    for path in paths:
        files = [path]
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file() and not _hidden(p, path))
            if not files:
                raise CallerError("path.empty", "the folder holds no files", where=str(path))
        elif not path.is_file():
            raise CallerError("path.missing", "no such file", where=str(path), remedy="check the path")
        for file in files:
            whole = Piece(str(file), (file.name, *_folders(file)), file, owner=file)
            _expand(whole, scratch, opened, 0)
    return opened


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _folders(file: Path) -> tuple[str, ...]:
    return tuple(reversed(file.absolute().parent.parts[-4:]))


def _expand(piece: Piece, scratch: Path, opened: Opened, depth: int) -> None:
    """Add the piece itself, or, where it is an archive, each member of it."""
    stream = piece.open()
    try:
        head = stream.peek(2 * TAR_BLOCK)
        if depth < ARCHIVE_DEPTH_MAX and _is_zip(head):
            inner = piece if not stream.layers and not piece.member else _spill(piece, stream, scratch, piece.name)
            _expand_zip(inner, scratch, opened, depth)
        elif depth < ARCHIVE_DEPTH_MAX and _is_tar(head):
            _expand_tar(piece, stream, scratch, opened, depth)
        elif _needs_a_file(head) and (stream.layers or piece.member):
            opened.pieces.append(_spill(piece, stream, scratch, piece.name))
        else:
            opened.pieces.append(piece)
    finally:
        stream.close()


def _is_zip(head: bytes) -> bool:
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _needs_a_file(head: bytes) -> bool:
    return head[:4] == b"PAR1"


def _expand_zip(piece: Piece, scratch: Path, opened: Opened, depth: int) -> None:
    members, fault = locate_members(piece.path)
    if fault:
        opened.faults.append((piece.name, fault))
    for member in members:
        inner = Piece(
            f"{piece.name}!{member.name}",
            (Path(member.name).name, *piece.hints),
            piece.path,
            member,
            owner=piece.owner,
        )
        _expand(inner, scratch, opened, depth + 1)


def _expand_tar(piece: Piece, stream: Unwrapped, scratch: Path, opened: Opened, depth: int) -> None:
    """Add each file of a tar: in place where the tar is plain, else unpacked into the scratch folder."""
    in_place = not stream.layers and not piece.member
    try:
        with tarfile.open(fileobj=_AsFile(stream), mode="r|", bufsize=READ_BYTES) as archive:  # pyright: ignore[reportCallIssue, reportArgumentType]
            for entry in archive:
                if not entry.isfile():
                    continue
                name = f"{piece.name}!{entry.name}"
                hints = (Path(entry.name).name, *piece.hints)
                if in_place:
                    member = Member(entry.name, entry.offset_data, entry.size, deflated=False, crc=None)
                    inner = Piece(name, hints, piece.path, member, owner=piece.owner)
                else:
                    inner = _unpack(archive, entry, name, hints, scratch, piece)
                _expand(inner, scratch, opened, depth + 1)
                if inner.broken:
                    opened.faults.append((name, inner.broken))
    except (tarfile.TarError, EOFError, OSError) as error:
        opened.faults.append((piece.name, stream.broken or truncated(f"the tar breaks: {error}")))
    else:
        if stream.broken:
            opened.faults.append((piece.name, stream.broken))


def _unpack(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, name: str, hints: tuple[str, ...], scratch: Path, piece: Piece
) -> Piece:
    source = archive.extractfile(entry)
    assert source is not None  # a plain file always has content
    target = _scratch_file(scratch)
    broken: OutsideError | None = None
    with pa.CompressedOutputStream(str(target), "zstd") as sink:
        try:
            while data := source.read(READ_BYTES):
                sink.write(data)
        except (tarfile.TarError, EOFError, OSError):
            broken = truncated("the archive ends inside this member")
    return Piece(name, hints, target, broken=broken, owner=piece.owner)


def _spill(piece: Piece, stream: Unwrapped, scratch: Path, name: str) -> Piece:
    """Write a wrapped file that must be random access into the scratch folder."""
    target = _scratch_file(scratch)
    with target.open("wb") as sink:
        while data := stream.read(READ_BYTES):
            sink.write(data)
    return Piece(name, piece.hints, target, broken=stream.broken, owner=piece.owner)


def _scratch_file(scratch: Path) -> Path:
    return scratch / f"{len(os.listdir(scratch)):06d}"


class _AsFile(RawIOBase):
    """A byte stream under the name of methods that tarfile wants."""

    def __init__(self, stream: ByteStream) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        parts: list[bytes] = []
        while size > 0 and (data := self._stream.read(size)):
            parts.append(data)
            size -= len(data)
        return b"".join(parts)


