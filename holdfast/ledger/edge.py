"""The right edge of a growing tree: all that must be remembered to append to it and to know its root.

One row of fewer than 256 hashes for each level of tiles; whatever fills a tile leaves the row and goes up as
one hash.
"""

from collections.abc import Sequence

from holdfast.ledger.merkle import EMPTY_ROOT, fold
from holdfast.ledger.tiles import TILE_WIDTH, Tile


class Edge:
    """The partial tiles of a tree of `size` entries, lowest level first."""

    def __init__(self, size: int = 0, rows: Sequence[list[bytes]] = ()) -> None:
        self.size = size
        self.rows = list(rows) or [[]]

    @property
    def room(self) -> int:
        """Return how many leaves the last tile of level 0 still takes: 1 to 256."""
        return TILE_WIDTH - len(self.rows[0])

    def append(self, leaves: Sequence[bytes]) -> list[tuple[Tile, bytes]]:
        """Append at most `room` leaf hashes and return the tiles that this filled, with their bytes.

        Cost: at most one hash for each leaf, on average.
        """
        self.rows[0].extend(leaves)
        self.size += len(leaves)
        filled: list[tuple[Tile, bytes]] = []
        for level, row in enumerate(self.rows):
            if len(row) < TILE_WIDTH:
                break
            filled.append((Tile(level, (self.size >> 8 * (level + 1)) - 1), b"".join(row)))
            if level + 1 == len(self.rows):
                self.rows.append([])
            self.rows[level + 1].append(fold(row))
            self.rows[level] = []
        return filled

    def partials(self) -> list[tuple[Tile, bytes]]:
        """Return the partial tiles with their bytes, lowest level first."""
        return [
            (Tile(level, self.size >> 8 * (level + 1), len(row)), b"".join(row))
            for level, row in enumerate(self.rows)
            if row
        ]

    def root(self) -> bytes:
        """Return the root of the tree. Cost: at most 256 hashes a level, whatever the size."""
        carry: list[bytes] = []
        for row in self.rows:
            if row or carry:
                carry = [fold([*row, *carry])]
        return carry[0] if carry else EMPTY_ROOT
