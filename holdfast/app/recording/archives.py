"""Archives: the recordings behind paths: loose files, files in folders, members of zips and tars.

Rules:

1. Folders are walked in sorted order, hidden files left out; an archive gives its members in their order.
2. A member can be opened again and apart from the others, so that members are merged by time like loose
   files. A compressed tar is for that unpacked once into a scratch folder, compressed lightly.
3. An archive that breaks gives every member before the break; the break is a fault, never an exception.
"""

import os
import tarfile
from dataclasses import dataclass, field
from io import RawIOBase
from pathlib import Path
from typing import Final

import pyarrow as pa

from holdfast.app.recording.decoders import READ_BYTES, Member, locate_members
from holdfast.app.recording.streams import ARCHIVE_DEPTH_MAX, ByteStream, Piece, Unwrapped, truncated
from holdfast.error import CallerError, OutsideError

TAR_BLOCK: Final = 512
PADDING_BYTES_MAX: Final = 4_194_304


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
            inner = (
                piece
                if not stream.layers and not piece.member
                else _spill(piece, stream, scratch, piece.name)
            )
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
    source = _Padded(stream)
    try:
        with tarfile.open(fileobj=source, mode="r|", bufsize=READ_BYTES) as archive:  # pyright: ignore[reportCallIssue, reportArgumentType]
            for entry in archive:
                if not entry.isfile():
                    continue
                name = f"{piece.name}!{entry.name}"
                hints = (Path(entry.name).name, *piece.hints)
                if in_place:
                    member = Member(entry.name, entry.offset_data, entry.size, deflated=False, crc=None)
                    inner = Piece(name, hints, piece.path, member, owner=piece.owner)
                else:
                    inner = _unpack(
                        archive, entry, source, name=name, hints=hints, scratch=scratch, piece=piece
                    )
                _expand(inner, scratch, opened, depth + 1)
                if source.lacks(entry):
                    opened.faults.append((name, truncated("the archive ends inside this member")))
                    break
    except (tarfile.TarError, EOFError, OSError) as error:
        opened.faults.append((piece.name, stream.broken or truncated(f"the tar breaks: {error}")))
    else:
        if stream.broken:
            opened.faults.append((piece.name, stream.broken))


def _unpack(
    archive: tarfile.TarFile,
    entry: tarfile.TarInfo,
    source: "_Padded",
    *,
    name: str,
    hints: tuple[str, ...],
    scratch: Path,
    piece: Piece,
) -> Piece:
    """Copy a member into the scratch folder, lightly compressed, as far as it is there."""
    content = archive.extractfile(entry)
    assert content is not None  # a plain file always has content
    target = _scratch_file(scratch)
    copied = 0
    with pa.CompressedOutputStream(str(target), "zstd") as sink:
        while data := content.read(min(READ_BYTES, max(0, entry.size - copied))):
            there = (
                data if not source.lacks(entry) else data[: max(0, source.real - entry.offset_data - copied)]
            )
            sink.write(there)
            copied += len(there)
            if len(there) < len(data):
                break
    broken = truncated("the archive ends inside this member") if copied < entry.size else None
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


class _Padded(RawIOBase):
    """A stream as a file that goes on with zeros after its end, so that tarfile gives what is left of a member."""

    def __init__(self, stream: ByteStream) -> None:
        super().__init__()
        self.real = 0
        self._padding = 0
        self._stream = stream
        self._ended = False

    def lacks(self, entry: tarfile.TarInfo) -> bool:
        """Tell whether the stream ended before the member did."""
        return self._ended and self.real < entry.offset_data + entry.size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        parts: list[bytes] = []
        left = size
        while left > 0 and (data := self._stream.read(left)):
            parts.append(data)
            left -= len(data)
        self.real += size - left
        self._ended = self._ended or left > 0
        self._padding += left
        if self._padding > PADDING_BYTES_MAX:
            raise EOFError("a size in the archive reaches far beyond its end")
        return b"".join(parts) + b"\0" * left
