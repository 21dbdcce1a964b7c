"""The journal in one SQLite file: write-ahead log, every commit synced. The default; it needs nothing else to run.

1. One append is one transaction that begins by taking the write lock and comparing the epoch, so two processes on one file
   cannot both believe that they are the newest.
2. A full disk rolls the transaction back: what was there stays, and the next append tries again.
3. A changed byte is noticed: each record lies beside a checksum of itself and its number.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from holdfast.error import CallerError, OutsideError
from holdfast.ledger.journal.base import (
    PAGE_RECORDS,
    Journal,
    check_lengths,
    checked,
    checksum,
    damaged,
    fenced,
    rest_of,
    started,
)

APPLICATION_ID: Final = 0x48464A31  # "HFJ1": what the file's header says it is
BUSY_S: Final = 5.0
_BUSY_PAUSE_S: Final = 0.01

_SCHEMA: Final = (
    "CREATE TABLE head (only INTEGER PRIMARY KEY CHECK (only = 1), epoch INTEGER NOT NULL)",
    'CREATE TABLE journal (sequence INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, "check" INTEGER NOT NULL,'
    " record BLOB NOT NULL)",
    "INSERT INTO head VALUES (1, 0)",
    f"PRAGMA application_id = {APPLICATION_ID}",
)


class SqliteJournal(Journal):
    """Keep records in the file at `path`, which is made if it is not there.

    Raises: CallerError `journal.cannot_open`, `journal.not_a_journal`; OutsideError `journal.damaged`, `journal.busy`,
    `journal.full`.
    Limits: a local disk (write-ahead logs do not work over a network file system). Calls wait up to `busy_s` for
    another process's transaction.
    """

    def __init__(self, path: Path | str, *, busy_s: float = BUSY_S) -> None:
        self._path = Path(path)
        self._busy_s = busy_s
        self._epoch = 0
        self._known = 0
        if not self._path.parent.is_dir():
            raise CallerError(
                "journal.cannot_open",
                f"there is no folder {self._path.parent}",
                where=str(path),
                remedy="make it, or name another place",
            )
        self._connection = self._patiently(self._open)

    def take_over(self, node: str, now_ns: int) -> int:
        """Take the next epoch, with `NodeStarted` as its first record, and return it."""
        with self._transaction():
            epoch = self._newest() + 1
            self._execute("UPDATE head SET epoch = ?", epoch)
            last = self._insert(epoch, self._last(), (started(node, now_ns, epoch),))
        self._epoch, self._known = epoch, last
        return epoch

    def append(self, epoch: int, records: Sequence[bytes]) -> int:
        """Write records, all or none, durably, and return the sequence number of the last."""
        check_lengths(records)
        with self._transaction():
            newest = self._newest()
            if epoch != newest:
                raise fenced(epoch, newest)
            last = self._last()
            if epoch == self._epoch and last > self._known:
                records = rest_of(records, [record for _, record in self._page(self._known)])
            last = self._insert(epoch, last, records)
        self._epoch, self._known = epoch, last
        return last

    def read(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield sequence number and record of everything after `after`, a page at a time."""
        while True:
            with self._told():
                page = self._page(after)
            yield from page
            if len(page) < PAGE_RECORDS:
                return
            after += len(page)

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def _open(self) -> sqlite3.Connection:
        is_new = not self._path.exists()
        try:
            connection = sqlite3.connect(
                self._path, timeout=self._busy_s, isolation_level=None, check_same_thread=False
            )
        except sqlite3.OperationalError as error:
            raise CallerError(
                "journal.cannot_open", str(error), where=str(self._path), remedy="make the place writable"
            ) from error
        try:
            self._settle(connection)
            if is_new:
                _sync_folder(self._path.parent)
        except BaseException:
            connection.close()
            raise
        return connection

    def _settle(self, connection: sqlite3.Connection) -> None:
        """See that the file is a journal, or make it one, with every commit synced."""
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise CallerError(
                "journal.cannot_open",
                f"the file system allows no write-ahead log ({mode})",
                where=str(self._path),
                remedy="put the journal on a local disk",
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if application == 0 and tables == 0:
                for statement in _SCHEMA:
                    connection.execute(statement)
            elif application != APPLICATION_ID:
                raise CallerError(
                    "journal.not_a_journal",
                    "this file is another program's database",
                    where=str(self._path),
                    remedy="name another file",
                )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _patiently(self, act: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
        """Open, and again while another process has the file: changing to a write-ahead log does not wait by itself."""
        give_up = time.monotonic() + self._busy_s
        while True:
            try:
                with self._told():
                    return act()
            except OutsideError as error:
                if error.code != "journal.busy" or time.monotonic() > give_up:
                    raise
                time.sleep(_BUSY_PAUSE_S)

    @contextmanager
    def _transaction(self) -> Generator[None]:
        """Hold the write lock; commit at the end, or leave nothing behind."""
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):  # a disk that fails may fail to roll back too
                        self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Generator[None]:
        """Turn what SQLite raises into what it means to a node."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._meaning(error) from error

    def _meaning(self, error: sqlite3.DatabaseError) -> CallerError | OutsideError:
        where = str(self._path)
        # errors of the module itself (a closed connection) have no code
        code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return OutsideError(
                "journal.full", "the disk is full", where=where, remedy="make room; nothing was written"
            )
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return OutsideError(
                "journal.busy",
                f"another process held the file for {self._busy_s:g} s",
                where=where,
                remedy="see which process has it open; nothing was written",
            )
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
            return damaged(where, f"this is no journal, or no more: {error}")
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, 0):
            return CallerError(
                "journal.cannot_open", str(error), where=where, remedy="make the place writable"
            )
        return OutsideError(
            "journal.unreachable",
            f"the disk does not do as asked: {error}",
            where=where,
            remedy="see to the disk, then append the same records again",
        )

    def _execute(self, statement: str, *values: object) -> list[Any]:
        return self._connection.execute(statement, values).fetchall()

    def _newest(self) -> int:
        return self._execute("SELECT epoch FROM head")[0][0]

    def _last(self) -> int:
        return self._execute("SELECT ifnull(max(sequence), 0) FROM journal")[0][0]

    def _insert(self, epoch: int, last: int, records: Sequence[bytes]) -> int:
        rows = [
            (sequence, epoch, checksum(sequence, record), record)
            for sequence, record in enumerate(records, last + 1)
        ]
        self._connection.executemany("INSERT INTO journal VALUES (?, ?, ?, ?)", rows)
        return last + len(rows)

    def _page(self, after: int) -> list[tuple[int, bytes]]:
        rows = self._execute(
            'SELECT sequence, record, "check" FROM journal WHERE sequence > ? ORDER BY sequence LIMIT ?',
            after,
            PAGE_RECORDS,
        )
        return [
            (sequence, checked(str(self._path), expected, sequence, record, check))
            for expected, (sequence, record, check) in enumerate(rows, after + 1)
        ]


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
