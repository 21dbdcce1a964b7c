"""What a writer finds when it opens a ledger: the tree that the checkpoint proves, and what lies beyond it.

1. Up to the checkpoint everything must be there and fit; otherwise the ledger is damaged, and `verify` says
   where.
2. Beyond it, a bundle is kept when its tile of leaf hashes vouches for each of its entries and it continues
   the tree; those entries were appended, but nobody had signed for them yet.
3. The first bundle that is not so ends the ledger: it and everything after it is cut, and the recovery says
   what.
"""

import msgspec

from holdfast.error import OutsideError
from holdfast.ledger.edge import Edge
from holdfast.ledger.folder import CHECKPOINT, KEY, TEMPORARY, LedgerFolder
from holdfast.ledger.merkle import leaf_hash
from holdfast.ledger.tiles import (
    BUNDLE_BYTES_MAX,
    ENTRIES,
    TILE_BYTES,
    TILE_WIDTH,
    Tile,
    levels_of,
    parse_path,
    split_entries,
    split_hashes,
    tail_tiles,
    width_of,
)


class Recovery(msgspec.Struct, frozen=True):
    """What opening found: entries under the checkpoint, entries kept beyond it, and what had to be cut.

    `lost` counts the entries that could still be read in the files cut; what a writer held in memory left no
    trace.
    """

    committed: int
    kept: int
    lost: int
    cut: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Tell whether the last writer had closed the ledger."""
        return not self.kept and not self.cut

    def __str__(self) -> str:
        if self.clean:
            return f"{self.committed} entries, closed properly"
        text = f"{self.committed} entries under the checkpoint, {self.kept} whole ones kept beyond it"
        if self.cut:
            text += f", {self.lost} not provable ones lost; cut: " + ", ".join(self.cut)
        return text


def read_edge(folder: LedgerFolder, size: int) -> Edge:
    """Read the right edge of the tree of `size` entries. Raises: OutsideError `ledger.damaged`."""
    rows: list[list[bytes]] = [[] for _ in range(levels_of(size))]
    for tile in tail_tiles(size):
        data = folder.read(tile.path, TILE_BYTES)
        if data is None or len(data) != tile.width * 32:
            raise damaged(folder, tile.path, "is missing or has the wrong length")
        rows[tile.level] = split_hashes(data)
    return Edge(size, rows)


def read_tail(folder: LedgerFolder, edge: Edge) -> list[bytes]:
    """Read the entries of the last, partial bundle. Raises: OutsideError `ledger.damaged`."""
    number, width = divmod(edge.size, TILE_WIDTH)
    if not width:
        return []
    entries = _whole_entries(folder, Tile(ENTRIES, number, width))
    if [leaf_hash(entry) for entry in entries] != edge.rows[0]:
        raise damaged(folder, Tile(ENTRIES, number, width).path, "does not fit its leaf hashes")
    return entries


def read_beyond(folder: LedgerFolder, edge: Edge) -> list[bytes]:
    """Return the vouched entries that continue the tree within its last bundle."""
    number, width = divmod(edge.size, TILE_WIDTH)
    place = Tile(ENTRIES, number)
    partials = [parse_path(f"{place.path}.p/{name}") for name in folder.names(f"{place.path}.p")]
    candidates = [place, *sorted((tile for tile in partials if tile), reverse=True)]
    for bundle in candidates:
        if bundle.width <= width:
            break
        entries = _whole_entries(folder, bundle)
        leaves = [leaf_hash(entry) for entry in entries]
        tile = folder.read(Tile(0, number, bundle.width).path, TILE_BYTES)
        if entries and tile == b"".join(leaves) and leaves[:width] == edge.rows[0]:
            return entries[width:]
    return []


def cut_beyond(folder: LedgerFolder, size: int) -> tuple[list[str], int]:
    """Remove what is not part of the tree of `size` entries; return the files cut and the entries readable in
    them.

    Files that no ledger writes are left alone (`verify` names them). Cost: one listing of the whole ledger.
    """
    cut: list[str] = []
    last = size
    for found in folder.files():
        tile = parse_path(found.path)
        if tile is None:
            if found.path.endswith(TEMPORARY) and _is_ours(found.path.removesuffix(TEMPORARY)):
                folder.remove(found.path)
                cut.append(found.path)
        elif found.plain and tile.width > width_of(tile.level, tile.number, size):
            if tile.level == ENTRIES:
                data = folder.read(found.path, BUNDLE_BYTES_MAX) or b""
                last = max(last, TILE_WIDTH * tile.number + len(split_entries(data)[0]))
            folder.remove(found.path)
            cut.append(found.path)
    return cut, last - size


def damaged(folder: LedgerFolder, path: str, what: str) -> OutsideError:
    """Return the error for a ledger that does not fit its own checkpoint."""
    return OutsideError(
        "ledger.damaged",
        f"{path} {what}",
        where=str(folder.root),
        remedy="run holdfast verify on it; restore it from a copy",
    )


def _whole_entries(folder: LedgerFolder, bundle: Tile) -> list[bytes]:
    """Return a bundle's entries, or none when it is missing or torn."""
    data = folder.read(bundle.path, BUNDLE_BYTES_MAX) or b""
    entries, used = split_entries(data)
    return entries if used == len(data) and len(entries) == bundle.width else []


def _is_ours(path: str) -> bool:
    return path in (CHECKPOINT, KEY) or parse_path(path) is not None
