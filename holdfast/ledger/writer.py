"""Writer: appends entries to a ledger and signs for them.

1. Entries are appended in memory and in full bundles; `commit` makes all of them durable, and only then
   signs.
2. The order on disk is: entries, tiles, checkpoint. Whatever the checkpoint says is there.
3. After any failure to write, the writer refuses to go on: open the ledger again, and it is folded from what
   is there.
4. There is one way to start on an existing ledger, `open`, and it is crash recovery.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from holdfast.error import BrokenInvariant, CallerError, OutsideError
from holdfast.ledger.checkpoint import Checkpoint, open_checkpoint
from holdfast.ledger.edge import Edge
from holdfast.ledger.folder import CHECKPOINT, KEY, TEMPORARY, LedgerFolder
from holdfast.ledger.merkle import leaf_hash
from holdfast.ledger.note import NOTE_BYTES_MAX, VerifierKey, parse_key
from holdfast.ledger.recovery import Recovery, cut_beyond, damaged, read_beyond, read_edge, read_tail
from holdfast.ledger.tiles import ENTRIES, ENTRY_BYTES_MAX, TILE_WIDTH, Tile, encode_entries
from holdfast.signer import Signer, verifier_key

KEY_BYTES_MAX: Final = 4096


class LedgerWriter:
    """Append to one ledger. Make one with `create` or `open`; use it in a `with`, or call `close`.

    `recovery` says what opening found; it is None for a ledger just created.
    Cost: about 3 us an entry in batches.
    Limits: one writer at a time (a second is refused), not for use from several threads.
    """

    def __init__(
        self,
        folder: LedgerFolder,
        origin: str,
        signer: Signer,
        *,
        edge: Edge,
        tail: list[bytes],
        checkpoint: str,
    ) -> None:
        self.origin = origin
        self.recovery: Recovery | None = None
        self.committed = edge.size
        self._folder = folder
        self._signer = signer
        self._edge = edge
        self._tail = tail
        self._checkpoint = checkpoint
        self._partials = {tile.level: tile for tile, _ in edge.partials()}
        self._superseded: list[str] = []
        self._state = "open"

    @classmethod
    def create(cls, folder: Path | str, origin: str, signer: Signer) -> "LedgerWriter":
        """Begin an empty ledger in a new or empty folder; `origin` names the log and its key.

        Raises: CallerError `key.name`, `ledger.exists`, `ledger.busy`.
        """
        key = verifier_key(origin, signer.public_key)
        files = LedgerFolder(Path(folder))
        files.begin()
        files.lock()
        try:
            if not _is_unused(files):
                raise CallerError(
                    "ledger.exists",
                    "the folder is not empty",
                    where=str(folder),
                    remedy="open the ledger, or take a new folder",
                )
            files.publish(KEY, f"{key}\n".encode())
            return cls._start(files, origin, signer)
        except BaseException:
            files.unlock()
            raise

    @classmethod
    def open(cls, folder: Path | str, signer: Signer) -> "LedgerWriter":
        """Go on with a ledger: fold what is there, cut what cannot be proven, sign for the rest.

        Raises: CallerError `ledger.missing`, `ledger.busy`, `ledger.wrong_key`; OutsideError
        `ledger.damaged`.
        Cost: one listing of the whole ledger, and reading its right edge.
        """
        files = LedgerFolder(Path(folder))
        if not files.root.is_dir():
            raise CallerError(
                "ledger.missing", "no such folder", where=str(folder), remedy="create the ledger first"
            )
        files.lock()
        try:
            return cls._resume(files, signer)
        except BaseException:
            files.unlock()
            raise

    @classmethod
    def _start(cls, files: LedgerFolder, origin: str, signer: Signer) -> "LedgerWriter":
        writer = cls(files, origin, signer, edge=Edge(), tail=[], checkpoint="")
        writer.commit()
        return writer

    @classmethod
    def _resume(cls, files: LedgerFolder, signer: Signer) -> "LedgerWriter":
        key = _own_key(files, signer)
        raw = files.read(CHECKPOINT, NOTE_BYTES_MAX)
        if raw is None:
            if files.names("tile"):
                raise damaged(files, CHECKPOINT, "is missing")
            cut, _ = cut_beyond(files, 0)
            writer = cls._start(files, key.name, signer)
            writer.recovery = Recovery(0, 0, 0, tuple(cut))
            return writer
        try:
            checkpoint, _ = open_checkpoint(raw, key)
        except OutsideError as error:
            raise damaged(files, CHECKPOINT, f"cannot be trusted: {error}") from error
        edge = read_edge(files, checkpoint.size)
        if edge.root() != checkpoint.root:
            raise damaged(files, "tile", "does not hash to the checkpoint's root")
        writer = cls(files, key.name, signer, edge=edge, tail=read_tail(files, edge), checkpoint=raw.decode())
        while entries := read_beyond(files, edge):
            writer.append_many(entries)
        cut, lost = cut_beyond(files, edge.size)
        writer.recovery = Recovery(checkpoint.size, edge.size - checkpoint.size, lost, tuple(cut))
        writer.commit()
        return writer

    @property
    def size(self) -> int:
        """Return how many entries were appended; those past `committed` are not signed for yet."""
        return self._edge.size

    def append(self, entry: bytes) -> int:
        """Append one entry and return its index. Raises: as `append_many`."""
        return self.append_many((entry,))

    def append_many(self, entries: Sequence[bytes]) -> int:
        """Append entries, all or none, and return the index of the first.

        Raises: CallerError `ledger.entry_too_long`, `ledger.closed`; BrokenInvariant `ledger.writer_broken`.
        """
        first = self._edge.size
        longest = max(map(len, entries), default=0)
        if longest > ENTRY_BYTES_MAX:
            raise CallerError(
                "ledger.entry_too_long",
                f"an entry of {longest} bytes; the format takes {ENTRY_BYTES_MAX}",
                remedy="record a digest of what is so long, or split it",
            )
        with self._writing():
            at = 0
            while at < len(entries):
                batch = entries[at : at + self._edge.room]
                self._append(batch)
                at += len(batch)
        return first

    def commit(self) -> str:
        """Make every entry durable, sign the tree, and return the checkpoint.

        Cost: an fsync for each file and folder written since the last commit, and one signature; nothing
        grows with the ledger. Without new entries it returns the checkpoint there is.
        """
        with self._writing():
            if self._checkpoint and self._edge.size == self.committed:
                return self._checkpoint
            if self._tail:
                place = divmod(self._edge.size, TILE_WIDTH)
                self._folder.write(Tile(ENTRIES, *place).path, encode_entries(self._tail))
            for tile, data in self._edge.partials():
                if self._partials.get(tile.level) != tile:
                    self._folder.write(tile.path, data)
                    self._partials[tile.level] = tile
            checkpoint = Checkpoint(self.origin, self._edge.size, self._edge.root()).sign(self._signer)
            self._folder.publish(CHECKPOINT, checkpoint.encode())
            self._checkpoint, self.committed = checkpoint, self._edge.size
            for path in self._superseded:
                self._folder.remove_folder(f"{path}.p")
            self._superseded.clear()
            return checkpoint

    def close(self) -> None:
        """Commit and let the ledger go. A writer that failed lets go without writing anything more."""
        if self._state == "open":
            self.commit()
        self._state = "closed"
        self._folder.unlock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, batch: Sequence[bytes]) -> None:
        self._tail.extend(batch)
        filled = self._edge.append([leaf_hash(entry) for entry in batch])
        if filled:
            bundle = Tile(ENTRIES, filled[0][0].number)
            self._put_full(bundle, encode_entries(self._tail))
            self._tail.clear()
        for tile, data in filled:
            self._put_full(tile, data)

    def _put_full(self, tile: Tile, data: bytes) -> None:
        self._folder.write(tile.path, data)
        self._superseded.append(tile.path)

    @contextmanager
    def _writing(self) -> Generator[None]:
        if self._state == "closed":
            raise CallerError("ledger.closed", "this writer was closed", remedy="open the ledger again")
        if self._state == "broken":
            raise BrokenInvariant(
                "ledger.writer_broken",
                "an earlier write failed, so what is on disk is unknown",
                where=str(self._folder.root),
                remedy="open the ledger again",
            )
        try:
            yield
        except BaseException:
            self._state = "broken"
            raise


def _is_unused(files: LedgerFolder) -> bool:
    """Tell whether the folder holds nothing, or only what a crash at the very beginning leaves."""
    return not set(files.names("")) - {KEY + TEMPORARY}


def _own_key(files: LedgerFolder, signer: Signer) -> VerifierKey:
    """Return the ledger's key, which must be the signer's."""
    raw = files.read(KEY, KEY_BYTES_MAX)
    if raw is None and _is_unused(files):
        raise CallerError(
            "ledger.missing", "no ledger here", where=str(files.root), remedy="create the ledger first"
        )
    if raw is None:
        raise damaged(files, KEY, "is missing")
    try:
        key = parse_key(raw.decode().removesuffix("\n"))
    except (UnicodeDecodeError, OutsideError) as error:
        raise damaged(files, KEY, "is not a verifier key") from error
    if raw != f"{key}\n".encode():
        raise damaged(files, KEY, "is not a verifier key on one line")
    if key.public_key != signer.public_key:
        raise CallerError(
            "ledger.wrong_key",
            f"the ledger is signed by {key}, not by this signer",
            where=str(files.root),
            remedy="load the key it was created with",
        )
    return key
