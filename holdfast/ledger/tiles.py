"""Tiles: how a tree lies in files, as names and bytes. No file is touched here.

1. A tile is up to 256 neighbouring hashes of one level; each hash of level L + 1 is the hash of a full tile
   of level L.
2. An entry bundle stands beside each tile of level 0 and holds the entries themselves, each after its length
   in two bytes, the high one first. Here it is a tile of the level `ENTRIES`.
3. Only the last tile of a level may be partial; its width is part of its name, so no file ever changes.

Source: c2sp.org/tlog-tiles.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from holdfast.ledger.merkle import HASH_BYTES

TILE_WIDTH: Final = 256
TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
ENTRIES: Final = -1
"""The level that stands for entry bundles."""

ENTRY_BYTES_MAX: Final = 65_535
"""The longest entry, in bytes: its length is written in two."""
BUNDLE_BYTES_MAX: Final = TILE_WIDTH * (2 + ENTRY_BYTES_MAX)
SIZE_MAX: Final = 2**63 - 1
"""The largest tree, in entries: other verifiers count in signed 64 bits."""

_PATH = re.compile(r"tile/(entries|[0-7])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


class Tile(msgspec.Struct, frozen=True, order=True):
    """The place of a tile or bundle: its level, its number within the level, how many it holds."""

    level: int
    number: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Return the file's path within the ledger.

        >>> Tile(0, 1234067).path
        'tile/0/x001/x234/067'
        >>> Tile(ENTRIES, 5, 17).path
        'tile/entries/005.p/17'
        """
        parts = [f"{self.number % 1000:03d}"]
        rest = self.number // 1000
        while rest:
            parts.append(f"x{rest % 1000:03d}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        path = f"tile/{level}/" + "/".join(reversed(parts))
        return path if self.width == TILE_WIDTH else f"{path}.p/{self.width}"

    @property
    def full(self) -> "Tile":
        """Return the same place when it is full."""
        return Tile(self.level, self.number)


def parse_path(path: str) -> Tile | None:
    """Return the tile of a path, or None when no tile is written so.

    >>> parse_path("tile/entries/x001/234.p/7")
    Tile(level=-1, number=1234, width=7)
    >>> parse_path("tile/0/x000/001") is None
    True
    """
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level, digits, width = match.groups()
    number = int(digits.replace("/", "").replace("x", ""))
    tile = Tile(ENTRIES if level == "entries" else int(level), number, int(width or TILE_WIDTH))
    return tile if tile.path == path and (width is None or tile.width < TILE_WIDTH) else None


def row_length(level: int, size: int) -> int:
    """Return how many hashes a level has in a tree of `size` entries (`ENTRIES`: how many entries)."""
    return size >> 8 * max(level, 0)


def width_of(level: int, number: int, size: int) -> int:
    """Return how many hashes the tile has in a tree of `size` entries: 0 when it is not part of it."""
    return max(0, min(TILE_WIDTH, row_length(level, size) - TILE_WIDTH * number))


def levels_of(size: int) -> int:
    """Return how many levels of tiles a tree of `size` entries has; the empty one has 1."""
    return max(1, (size.bit_length() + 7) // 8)


def split_hashes(data: bytes) -> list[bytes]:
    """Cut a tile's bytes into its hashes."""
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """Write entries one after the other, each after its length."""
    return b"".join([part for entry in entries for part in (len(entry).to_bytes(2, "big"), entry)])


def split_entries(data: bytes) -> tuple[list[bytes], int]:
    """Return the whole entries that a bundle begins with, and how many bytes they take."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at + 2 <= end:
        stop = at + 2 + (data[at] << 8 | data[at + 1])
        if stop > end:
            break
        entries.append(data[at + 2 : stop])
        at = stop
    return entries, at


def tail_tiles(size: int) -> Iterator[Tile]:
    """Yield the partial tiles that a root is folded from, lowest level first."""
    for level in range(levels_of(size)):
        length = row_length(level, size)
        if length % TILE_WIDTH:
            yield Tile(level, length // TILE_WIDTH, length % TILE_WIDTH)
