"""Inputs: what is behind the paths of a recording: each piece, its beginning and its format."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.app.recording.archives import open_paths
from holdfast.app.recording.chunk import quarantine
from holdfast.app.recording.formats.base import Format, Head
from holdfast.app.recording.frames import CaptureFormat
from holdfast.app.recording.sniff import sniff
from holdfast.app.recording.streams import PEEK_BYTES, Piece
from holdfast.error import CallerError, OutsideError
from holdfast.event import Quarantined
from holdfast.venues.registry import FEEDS


@dataclass(frozen=True)
class Input:
    """One piece and the format that its beginning shows."""

    piece: Piece
    head: Head
    format: Format


@dataclass
class Found:
    """The inputs, what could not be one, and what broke on the way."""

    inputs: list[Input] = field(default_factory=list[Input])
    faults: list[Quarantined] = field(default_factory=list[Quarantined])
    truncated: list[str] = field(default_factory=list[str])


def find_inputs(paths: list[Path], scratch: Path) -> Found:
    """Open every path and tell the format of every piece behind it.

    Raises: CallerError `path.missing`, `path.empty`, `format.unknown`, `venue.unknown` for a path given by
    name; what is wrong inside a folder or an archive is a fault.
    """
    named = {path.resolve() for path in paths if path.is_file()}
    opened = open_paths(paths, scratch)
    found = Found()
    for name, fault in opened.faults:
        found.faults.append(quarantine(name, 0, fault, ""))
        if fault.code == "archive.truncated" and name not in found.truncated:
            found.truncated.append(name)
    for piece in _without_copies(opened.pieces, found):
        stream = piece.open()
        head = Head(stream.peek(PEEK_BYTES), piece.hints, piece.path)
        stream.close()
        try:
            told = sniff(head)
            if isinstance(told, CaptureFormat):
                _require_codec(told.venue(head))
        except OutsideError as error:
            by_name = piece.path.resolve() in named and not piece.member
            if by_name and not stream.broken and error.code not in ("format.empty", "archive.truncated"):
                raise CallerError(error.code, error.message, where=piece.name, remedy=error.remedy) from error
            reason = stream.broken or error
            found.faults.append(quarantine(piece.name, 0, reason, head.data))
            if reason.code == "archive.truncated":
                found.truncated.append(piece.name)
        else:
            found.inputs.append(Input(piece, head, told))
    return found


def _without_copies(pieces: list[Piece], found: Found) -> Iterator[Piece]:
    """Leave out a loose file that was met before, by path or by content."""
    sizes: dict[int, list[Piece]] = {}
    met: set[Path] = set()
    for piece in pieces:
        if piece.member or piece.path != piece.owner:
            yield piece
            continue
        path = piece.path.resolve()
        if path in met:
            continue
        met.add(path)
        size = path.stat().st_size
        alike = sizes.setdefault(size, [])
        twin = next((other for other in alike if size and _digest(other.path) == _digest(path)), None)
        if twin:
            error = OutsideError("recording.duplicate", f"the same bytes as {twin.name}: read once")
            found.faults.append(quarantine(piece.name, 0, error, ""))
            continue
        alike.append(piece)
        yield piece


def _require_codec(venue: str) -> None:
    if venue not in FEEDS:
        raise OutsideError(
            "venue.unknown", f"no codec for {venue}", remedy=f"the codecs are {', '.join(FEEDS)}"
        )


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
