"""Journal: the durable sequence of records that a node writes before it acts, and folds when it starts.

Rules that every journal keeps (the conformance suite checks them):

1. Sequence numbers are dense and begin at 1. A record is never changed or removed.
2. `append` is all or nothing and durable when it returns.
3. `take_over` moves the epoch and writes the `NodeStarted` that says so, in one transaction. An append of any other epoch
   than the newest raises `Fenced`: whoever wrote before can write no more.
4. When `append` raises `journal.full` or `journal.busy`, nothing was written. When it raises `journal.unreachable`, it may
   have been; then the next append of that epoch begins with the same records, and they stand there once either way.
5. A journal outlives its troubles: once there is room again, or the server is back, the same object goes on.
"""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final

from holdfast.error import BrokenInvariant, CallerError, OutsideError
from holdfast.ledger import record
from holdfast.ledger.tiles import ENTRY_BYTES_MAX
from holdfast.receipt import NodeStarted

RECORD_BYTES_MAX: Final = ENTRY_BYTES_MAX
"""The longest record, in bytes: every record becomes an entry of the ledger."""
PAGE_RECORDS: Final = 1000
"""How many records are read at a time."""


class Fenced(OutsideError):
    """Another node has taken over: stop, do nothing more, answer nobody."""


class Journal(ABC):
    """One desk's journal. Limits: one call at a time; a second reader opens its own."""

    @abstractmethod
    def take_over(self, node: str, now_ns: int) -> int:
        """Take the next epoch, with `NodeStarted` as its first record, and return it.

        Raises: OutsideError `journal.full`, `journal.busy`, `journal.unreachable`, `journal.damaged`.
        """

    @abstractmethod
    def append(self, epoch: int, records: Sequence[bytes]) -> int:
        """Write records, all or none, durably, and return the sequence number of the last.

        Raises: Fenced; OutsideError `journal.full`, `journal.busy`, `journal.unreachable`, `journal.damaged`; CallerError
        `journal.record_too_long`.
        Cost: one transaction, which is one fsync.
        """

    @abstractmethod
    def read(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield sequence number and record of everything after `after`, in order.

        Raises: OutsideError `journal.damaged` at the first record that is missing or not as it was written.
        """

    @abstractmethod
    def close(self) -> None:
        """Let the journal go. Closing twice is fine."""


def check_lengths(records: Sequence[bytes]) -> None:
    """Raise CallerError `journal.record_too_long` if a record could not become an entry of the ledger."""
    longest = max(map(len, records), default=0)
    if longest > RECORD_BYTES_MAX:
        raise CallerError(
            "journal.record_too_long",
            f"a record of {longest} bytes; the ledger takes {RECORD_BYTES_MAX}",
            remedy="record a digest of what is so long, or split it",
        )


def fenced(epoch: int, newest: int) -> Fenced:
    """Return the error of a writer whose epoch is over."""
    return Fenced(
        "journal.fenced",
        f"epoch {epoch} is over: the journal is at {newest}",
        remedy="another node has taken over; stop this one",
    )


def damaged(where: str, message: str) -> OutsideError:
    """Return the error of a journal that is not what was written."""
    return OutsideError(
        "journal.damaged",
        message,
        where=where,
        remedy="stop, keep a copy, and restore the journal from its replica or from the ledger that follows it",
    )


def started(node: str, now_ns: int, epoch: int) -> bytes:
    """Return the record with which an epoch begins."""
    return record.encode(NodeStarted(now_ns, node, epoch))


def checksum(sequence: int, data: bytes) -> int:
    """Return what is kept beside a record, so that a changed or misplaced one is noticed."""
    return zlib.crc32(data, sequence & 0xFFFFFFFF)


def checked(where: str, expected: int, sequence: int, data: bytes, check: int) -> bytes:
    """Return the record if it is the one expected here and as it was written. Raises: OutsideError `journal.damaged`."""
    if sequence != expected:
        raise damaged(where, f"record {expected} is missing: {sequence} stands in its place")
    if checksum(sequence, data) != check:
        raise damaged(where, f"record {sequence} is not as it was written")
    return data


def rest_of(records: Sequence[bytes], written: Sequence[bytes]) -> Sequence[bytes]:
    """Return what is still to be written after an append whose answer was lost, given what it left behind.

    Raises: BrokenInvariant `journal.not_repeated` when these are not the same records again.
    """
    if list(records[: len(written)]) != list(written):
        raise BrokenInvariant(
            "journal.not_repeated",
            f"an append whose answer was lost left {len(written)} records, and this one does not begin with them",
            remedy="after journal.unreachable, append the same records again, others only after them",
        )
    return records[len(written) :]
