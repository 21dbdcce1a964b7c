"""Follower: copies the journal into the provable ledger, so that what a desk did can be shown to somebody else.

1. Entry 0 of the ledger is the `RunStarted` it was begun with; entry i is record i of the journal, the same bytes.
2. Where the copy stands is how long the ledger is, and nothing else: nothing can be copied twice or left out.
3. Before anything is copied, the last entries are compared with the journal: two that disagree are not joined.
4. The journal is the truth and the ledger follows it: a ledger that cannot be written delays no action.
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from holdfast.error import CallerError, OutsideError
from holdfast.ledger.folder import KEY
from holdfast.ledger.journal.base import Journal
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.record import RunStarted, encode
from holdfast.ledger.writer import LedgerWriter
from holdfast.signer import Signer

COMPARED: Final = 256
"""How many of the last entries are compared with the journal at the start."""
BATCH_RECORDS: Final = 1000
"""How many records are copied between two checkpoints at most."""


class Follower:
    """Keep one ledger in step with a journal. Make one with `open`; use it in a `with`, or call `close`.

    Limits: after an error of the ledger's, close it and open another. `journal` is read only; in another thread than the
    node's it is a journal object of its own.
    """

    def __init__(self, journal: Journal, writer: LedgerWriter) -> None:
        self._journal = journal
        self._writer = writer

    @classmethod
    def open(
        cls, journal: Journal, folder: Path | str, origin: str, signer: Signer, run: RunStarted
    ) -> "Follower":
        """Go on with the ledger in the folder, or begin one with `run` as its entry 0.

        Raises: as `LedgerWriter.open`; OutsideError `follower.disagrees`, `follower.ahead`.
        """
        is_new = not (Path(folder) / KEY).exists()
        writer = LedgerWriter.create(folder, origin, signer) if is_new else LedgerWriter.open(folder, signer)
        try:
            if writer.origin != origin:
                raise CallerError(
                    "follower.origin",
                    f"the ledger is {writer.origin}, not {origin}",
                    where=str(folder),
                    remedy="name the ledger as it was begun, or take a new folder",
                )
            if writer.size == 0:
                writer.append(encode(run))
                writer.commit()
            _compare(journal, LedgerReader(folder), str(folder))
        except BaseException:
            writer.close()
            raise
        return cls(journal, writer)

    @property
    def last(self) -> int:
        """Return the number of the last record that is in the ledger, and signed for."""
        return self._writer.committed - 1

    def catch_up(self) -> int:
        """Copy what the journal has and the ledger has not, sign for it, and return how many records that were.

        Raises: OutsideError of the journal's (nothing is lost by it); BrokenInvariant `ledger.writer_broken`.
        Cost: about 3 us a record, and 20 ms for each `BATCH_RECORDS` begun.
        """
        begun = self._writer.size
        records = self._journal.read(begun - 1)
        while batch := [data for _, data in islice(records, BATCH_RECORDS)]:
            self._writer.append_many(batch)
            self._writer.commit()
        return self._writer.size - begun

    def close(self) -> None:
        """Let the ledger go; the journal is its owner's."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _compare(journal: Journal, ledger: LedgerReader, where: str) -> None:
    """Compare the last entries, all but entry 0, with the journal's records of the same numbers."""
    first = max(1, ledger.size - COMPARED)
    entries = list(ledger.entries(first))
    records: Sequence[bytes] = [data for _, data in islice(journal.read(first - 1), len(entries))]
    if len(records) < len(entries):
        raise OutsideError(
            "follower.ahead",
            f"the ledger has {ledger.size - 1} records of a journal that ends at {first - 1 + len(records)}",
            where=where,
            remedy="the journal is not the one that was followed, or an old copy: restore it before a node starts",
        )
    for index, (entry, record) in enumerate(zip(entries, records, strict=True), first):
        if entry != record:
            raise OutsideError(
                "follower.disagrees",
                f"entry {index} is not record {index} of the journal",
                where=where,
                remedy="this ledger followed another journal: keep it, and begin one in a new folder",
            )
