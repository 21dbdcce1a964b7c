"""Reader: serves the entries that a checkpoint stands for, and proofs about them.

The signature is verified when the reader is made; whether the files fit the checkpoint is for whoever checks
a proof, or for `verify`, to say. A reader sees the ledger as it was at its checkpoint, also while a writer
goes on.
"""

from collections.abc import Iterator
from pathlib import Path

from holdfast.error import CallerError, OutsideError
from holdfast.ledger.checkpoint import open_checkpoint
from holdfast.ledger.folder import CHECKPOINT, KEY, LedgerFolder
from holdfast.ledger.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    fold,
    node_hash,
    prove_consistency,
    prove_inclusion,
    split_size,
)
from holdfast.ledger.note import NOTE_BYTES_MAX, parse_key
from holdfast.ledger.tiles import (
    BUNDLE_BYTES_MAX,
    ENTRIES,
    TILE_BYTES,
    TILE_WIDTH,
    Tile,
    split_entries,
    split_hashes,
    width_of,
)


class LedgerReader:
    """Read one ledger as of its present checkpoint.

    Without `verifier_key` the key in the ledger's own folder is taken on trust.
    Raises: CallerError `ledger.missing`; OutsideError `key.malformed`, `note.*`, `checkpoint.*`.
    """

    def __init__(self, folder: Path | str, verifier_key: str | None = None) -> None:
        self._folder = LedgerFolder(Path(folder))
        key = verifier_key if verifier_key is not None else _text(self._need(KEY)).removesuffix("\n")
        raw = self._need(CHECKPOINT)
        checkpoint, _ = open_checkpoint(raw, parse_key(key))
        self.origin = checkpoint.origin
        self.size = checkpoint.size
        self.root = checkpoint.root
        self.checkpoint = raw.decode()
        self.key = key

    def entry(self, index: int) -> bytes:
        """Return one entry. Raises: IndexError; OutsideError `ledger.damaged`. Cost: reads its bundle."""
        self._require(index)
        return self._bundle(index // TILE_WIDTH)[index % TILE_WIDTH]

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the entries from `start` up to `stop`. Raises: OutsideError `ledger.damaged`."""
        end = self.size if stop is None else min(stop, self.size)
        for number in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            first = number * TILE_WIDTH
            yield from self._bundle(number)[max(0, start - first) : end - first]

    def leaf(self, index: int) -> bytes:
        """Return the leaf hash that the tiles have for an entry."""
        self._require(index)
        return self.range_root(index, index + 1)

    def prove(self, index: int) -> list[bytes]:
        """Return the proof that entry `index` is in this tree, for `check_inclusion`.

        Raises: IndexError; OutsideError `ledger.damaged`. Cost: a tile for each 8 levels, and at most 256
        hashes each.
        """
        return prove_inclusion(index, self.size, self.range_root)

    def prove_consistency(self, old_size: int) -> list[bytes]:
        """Return the proof that this tree continues the one of `old_size` entries, for `check_consistency`.

        Raises: IndexError; OutsideError `ledger.damaged`.
        """
        return prove_consistency(old_size, self.size, self.range_root)

    def root_at(self, size: int) -> bytes:
        """Return the root that the tree had at `size` entries, from its tiles."""
        if not 0 <= size <= self.size:
            raise IndexError(f"no tree of {size} within one of {self.size}")
        return self.range_root(0, size) if size else EMPTY_ROOT

    def range_root(self, start: int, stop: int) -> bytes:
        """Return the hash over the leaves `start` to `stop`, a range that the tree's own splits lead to."""
        count = stop - start
        if count & count - 1:
            middle = start + split_size(count)
            return node_hash(self.range_root(start, middle), self.range_root(middle, stop))
        level, height = divmod(count.bit_length() - 1, 8)
        number, offset = divmod(start >> 8 * level, TILE_WIDTH)
        row = self._row(level, number)[offset : offset + (1 << height)]
        return fold(row)

    def _row(self, level: int, number: int) -> list[bytes]:
        width = width_of(level, number, self.size)
        data = self._either(Tile(level, number, width), TILE_BYTES)
        if data is None or len(data) < width * HASH_BYTES:
            raise self._damaged(Tile(level, number, width))
        return split_hashes(data[: width * HASH_BYTES])

    def _bundle(self, number: int) -> list[bytes]:
        width = width_of(ENTRIES, number, self.size)
        entries = split_entries(self._either(Tile(ENTRIES, number, width), BUNDLE_BYTES_MAX) or b"")[0]
        if len(entries) < width:
            raise self._damaged(Tile(ENTRIES, number, width))
        return entries[:width]

    def _either(self, tile: Tile, bytes_max: int) -> bytes | None:
        """Read a tile, or the full one that a writer has put in its place since."""
        data = self._folder.read(tile.path, bytes_max)
        return data if data is not None else self._folder.read(tile.full.path, bytes_max)

    def _require(self, index: int) -> None:
        if not 0 <= index < self.size:
            raise IndexError(f"no entry {index} among {self.size}")

    def _damaged(self, tile: Tile) -> OutsideError:
        return OutsideError(
            "ledger.damaged",
            f"{tile.path} is missing or torn",
            where=str(self._folder.root),
            remedy="run holdfast verify on it; restore it from a copy",
        )

    def _need(self, name: str) -> bytes:
        raw = self._folder.read(name, NOTE_BYTES_MAX)
        if raw is None:
            raise CallerError(
                "ledger.missing",
                f"no {name} here",
                where=str(self._folder.root),
                remedy="give the folder of a ledger",
            )
        return raw


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
