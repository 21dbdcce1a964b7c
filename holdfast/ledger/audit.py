"""Audit: judges the files of a tree against its signed root.

Upwards first: the entries are hashed, and from them every tile is computed. Then downwards from the signed
root: of what a tile's file says and what was computed from below it, the one that hashes to the trusted value
above is right, and the other is to blame. When neither does, both are.
"""

from typing import Final

from holdfast.ledger.edge import Edge
from holdfast.ledger.folder import LedgerFolder
from holdfast.ledger.merkle import HASH_BYTES, fold, leaf_hash
from holdfast.ledger.record import record_fault
from holdfast.ledger.report import FINDINGS_MAX, Finding
from holdfast.ledger.tiles import (
    BUNDLE_BYTES_MAX,
    ENTRIES,
    TILE_BYTES,
    TILE_WIDTH,
    Tile,
    levels_of,
    row_length,
    split_entries,
    split_hashes,
    width_of,
)

_UNKNOWN: Final = bytes(HASH_BYTES)
"""Stands where nothing could be computed; no hash equals it."""


class Audit:
    """Judge the tree of `size` entries with the signed `root`; what it finds is in `findings`.

    Cost: reads every file of the tree once, the broken ones again.
    Limits: stops reading when FINDINGS_MAX bundles are broken.
    """

    def __init__(self, folder: LedgerFolder, size: int, root: bytes) -> None:
        self.size = size
        self.root = root
        self.findings: list[Finding] = []
        self.entries_checked = 0
        self.first_entry = self.last_entry = b""
        self._folder = folder
        self._suspects: list[int] = []
        self._computed: list[bytearray] = [bytearray()]
        self._last_row: list[bytes] = []

    def run(self) -> None:
        """Read everything and judge it."""
        bundles = -(-self.size // TILE_WIDTH)
        for number in range(bundles):
            self._read(number)
            if len(self._suspects) >= FINDINGS_MAX:
                for suspect in self._suspects:
                    self._judge_bundle(suspect, None)
                return
        edges = self._judge_edges()
        trusted = edges[-1]
        for level in range(len(edges) - 2, 0, -1):
            trusted = self._judge_level(level, trusted) + edges[level]
        self._judge_bundles(trusted if len(edges) > 1 else b"", edges[0])

    def _read(self, number: int) -> None:
        """Hash one bundle, compare it with its tile, and compute what the level above should say of it."""
        width = width_of(ENTRIES, number, self.size)
        entries, whole = self._bundle(number)
        tile = self._tile(Tile(0, number, width))
        leaves = [leaf_hash(entry) for entry in entries]
        if whole and b"".join(leaves) == tile:
            self._check_records(number, entries)
        else:
            self._suspects.append(number)
        row = leaves if whole else split_hashes(tile) or [_UNKNOWN] * width
        if width < TILE_WIDTH:
            self._last_row = row
        else:
            self._climb(0, fold(row))

    def _climb(self, level: int, hash_above: bytes) -> None:
        """Put the hash of a full tile into the computed row above, and climb on when that fills a tile."""
        above = level + 1
        if above == len(self._computed):
            self._computed.append(bytearray())
        row = self._computed[above]
        row += hash_above
        if len(row) % TILE_BYTES == 0:
            self._climb(above, fold(split_hashes(bytes(row[-TILE_BYTES:]))))

    def _check_records(self, number: int, entries: list[bytes]) -> None:
        if number == 0:
            self.first_entry = entries[0]
        self.last_entry = entries[-1]
        self.entries_checked += len(entries)
        for offset, entry in enumerate(entries):
            fault = record_fault(entry)
            if fault and len(self.findings) < FINDINGS_MAX:
                place = Tile(ENTRIES, number, width_of(ENTRIES, number, self.size))
                index = number * TILE_WIDTH + offset
                self.findings.append(Finding("record", place.path, "a canonical record", fault, index))

    def _judge_edges(self) -> list[bytes]:
        """Judge the tiles of the right edge against the signed root; return its trusted rows."""
        places: list[Tile] = []
        found: list[bytes] = []
        computed: list[bytes] = []
        for level in range(levels_of(self.size)):
            number, width = divmod(row_length(level, self.size), TILE_WIDTH)
            places.append(Tile(level, number, width))
            found.append(self._tile(places[level]) if width else b"")
            row = b"".join(self._last_row) if level == 0 else bytes(self._computed[level])
            computed.append(row[len(row) - width * HASH_BYTES :])
        if self._root_of(found) == self.root:
            return found
        if self._root_of(computed) == self.root:
            self._blame_edges(places, found, computed)
            return computed
        self._blame_edges(places, found, computed)
        if found == computed:
            code = "rewritten" if self.size else "root"
            self._find(
                code,
                "checkpoint",
                f"root {self.root.hex()}",
                f"files that hash to {self._root_of(found).hex()}",
            )
        return [mine or theirs for mine, theirs in zip(found, computed, strict=True)]

    def _blame_edges(self, places: list[Tile], found: list[bytes], computed: list[bytes]) -> None:
        for place, mine, theirs in zip(places, found, computed, strict=True):
            if mine != theirs:
                self._blame_tile(place, theirs)

    def _root_of(self, rows: list[bytes]) -> bytes:
        """Return the root that edge rows fold to; nothing equals it when a row is missing."""
        widths = [row_length(level, self.size) % TILE_WIDTH for level in range(len(rows))]
        if any(len(row) != width * HASH_BYTES for row, width in zip(rows, widths, strict=True)):
            return b""
        return Edge(self.size, [split_hashes(row) for row in rows]).root()

    def _judge_level(self, level: int, above: bytes) -> bytes:
        """Judge a level's full tiles against the trusted row above; return their trusted hashes."""
        trusted = bytearray()
        for number, expected in enumerate(split_hashes(above)):
            place = Tile(level, number)
            mine = self._tile(place)
            theirs = bytes(self._computed[level][number * TILE_BYTES : (number + 1) * TILE_BYTES])
            if mine and fold(split_hashes(mine)) == expected:
                trusted += mine
                continue
            self._blame_tile(place, theirs)
            trusted += theirs
        return bytes(trusted)

    def _judge_bundles(self, above: bytes, edge: bytes) -> None:
        suspects = set(self._suspects)
        full = self.size // TILE_WIDTH
        if suspects or above != bytes(self._computed[1] if len(self._computed) > 1 else b""):
            for number, expected in enumerate(split_hashes(above)):
                computed = bytes(self._computed[1][number * HASH_BYTES : (number + 1) * HASH_BYTES])
                if number in suspects:
                    self._judge_bundle(number, expected)
                elif computed != expected:
                    self._find_rewritten(number)
        if full in suspects:
            self._judge_entries(full, edge)

    def _judge_bundle(self, number: int, expected: bytes | None) -> None:
        """Find what is wrong with a full bundle or its tile, by the tile's trusted hash if there is one."""
        width = width_of(ENTRIES, number, self.size)
        place = Tile(0, number, width)
        entries, whole = self._bundle(number)
        tile = self._tile(place)
        leaves = b"".join([leaf_hash(entry) for entry in entries]) if whole else b""
        if tile and expected in (None, fold(split_hashes(tile))):
            self._judge_entries(number, tile)
            return
        self._blame_tile(place, leaves)
        if not leaves or fold(split_hashes(leaves)) != expected:
            self._judge_entries(number, tile)

    def _judge_entries(self, number: int, trusted: bytes) -> None:
        """Find the first entry that does not hash to its trusted leaf, or what else is wrong."""
        width = width_of(ENTRIES, number, self.size)
        place = Tile(ENTRIES, number, width)
        first = number * TILE_WIDTH
        if self._folder.read(place.path, BUNDLE_BYTES_MAX) is None:
            self._find("missing", place.path, f"{width} entries", "no plain file", first)
            return
        entries, whole = self._bundle(number)
        for offset, expected in enumerate(split_hashes(trusted)):
            found = leaf_hash(entries[offset]) if offset < len(entries) else b""
            if found != expected:
                what = (
                    f"leaf hash {found.hex()}"
                    if found
                    else "the end of the file, or a length that leads beyond it"
                )
                self._find("entry", place.path, f"leaf hash {expected.hex()}", what, first + offset)
                return
        if not whole:
            self._find("bundle", place.path, f"{width} entries and nothing more", "more bytes or fewer")

    def _blame_tile(self, place: Tile, right: bytes) -> None:
        """Find a tile's file broken; `right` is what it should be, as far as that is known."""
        data = self._folder.read(place.path, TILE_BYTES)
        length = place.width * HASH_BYTES
        if data is None:
            self._find("missing", place.path, f"{place.width} hashes", "no plain file")
        elif len(data) != length:
            self._find(
                "tile",
                place.path,
                f"{length} bytes",
                f"{min(len(data), TILE_BYTES)} or more" if len(data) > length else f"{len(data)}",
            )
        else:
            pairs = zip(split_hashes(data), split_hashes(right), strict=False)
            at = next((at for at, (mine, theirs) in enumerate(pairs) if mine != theirs), -1)
            if at < 0:
                self._find("tile", place.path, "hashes that lead to the signed root", "others")
            else:
                cut = slice(at * HASH_BYTES, (at + 1) * HASH_BYTES)
                self._find("tile", place.path, f"hash {at} {right[cut].hex()}", data[cut].hex())

    def _find_rewritten(self, number: int) -> None:
        place = Tile(ENTRIES, number)
        self._find(
            "rewritten",
            place.path,
            "entries that lead to the signed root",
            f"others, in one or more of the {TILE_WIDTH} entries from here, with a tile made to fit",
            number * TILE_WIDTH,
        )

    def _find(self, code: str, path: str, expected: str, found: str, entry: int = -1) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(Finding(code, path, expected, found, entry))

    def _tile(self, place: Tile) -> bytes:
        """Return a tile's bytes, or nothing when it is missing or has the wrong length."""
        data = self._folder.read(place.path, TILE_BYTES)
        return data if data is not None and len(data) == place.width * HASH_BYTES else b""

    def _bundle(self, number: int) -> tuple[list[bytes], bool]:
        """Return the whole entries of a bundle, and whether they are all of it and as many as due."""
        width = width_of(ENTRIES, number, self.size)
        data = self._folder.read(Tile(ENTRIES, number, width).path, BUNDLE_BYTES_MAX)
        entries, used = split_entries(data or b"")
        return entries, used == len(data or b"") and len(entries) == width
