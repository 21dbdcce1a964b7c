"""Streams: any file on disk as one or more streams of plain bytes, told by content, in bounded memory.

Rules:

1. What a file is, its first bytes say: gzip, xz, bzip2, zstd, lz4, zip, tar, or none of them. Names are only
   hints.
2. A stream that breaks gives all bytes before the break, then ends with `broken` set; it never raises while
   reading.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from holdfast.app.recording.decoders import READ_BYTES, Decoded, Member, decoder_for
from holdfast.error import OutsideError

ARCHIVE_DEPTH_MAX: Final = 4
PEEK_BYTES: Final = 65_536

OnRead = Callable[[int], None]


class ByteStream(Protocol):
    """Plain bytes in order; `broken` says why they ended early."""

    @property
    def broken(self) -> OutsideError | None:
        """Say why the bytes ended early, if they did."""
        ...

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
            self.broken = OutsideError(
                "file.unreadable", str(error), remedy="check the disk and the permissions"
            )
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
        if member and (member.deflated or member.crc is not None):
            stream = Decoded(stream, "deflate" if member.deflated else "stored", member.crc)
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
    """Take off every layer of compression that the content shows; return the plain stream and the number of
    layers.
    """
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
    return OutsideError(
        "archive.truncated", reason, remedy="fetch the file again; what came before the break was used"
    )
