"""The journal in a PostgreSQL database: for desks whose nodes run on more than one machine.

1. One append is one statement: it moves the head only if epoch and sequence are what this node knows, and inserts the
   records only if the head moved. So an append that is sent again because its answer was lost cannot be written twice,
   whether the first is done, still running in the server, or never came.
2. No call waits for ever: the server gives a statement `STATEMENT_S`, a socket `ANSWER_S`, and a call gives up and says
   `journal.unreachable` when reconnecting has taken `patience_s`.
3. Every commit is synced: the session asks for it, and a server that runs with `fsync = off` is refused.
"""

import contextlib
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Final, TypeVar

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection, PreparedStatement

from holdfast.error import BrokenInvariant, CallerError, HoldfastError, OutsideError
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
from holdfast.ledger.journal.postgres_url import parse_url

STATEMENT_S: Final = 3.0
ANSWER_S: Final = 4.0
PATIENCE_S: Final = 10.0
_PAUSE_S_FIRST: Final = 0.02
_PAUSE_S_MAX: Final = 0.5

_SCHEMA: Final = """
    CREATE SCHEMA IF NOT EXISTS holdfast;
    CREATE TABLE IF NOT EXISTS holdfast.head (
        one boolean PRIMARY KEY DEFAULT true CHECK (one), epoch bigint NOT NULL, sequence bigint NOT NULL);
    CREATE TABLE IF NOT EXISTS holdfast.journal (
        sequence bigint PRIMARY KEY, epoch bigint NOT NULL, "check" bigint NOT NULL, record bytea NOT NULL);
    INSERT INTO holdfast.head (epoch, sequence) VALUES (0, 0) ON CONFLICT DO NOTHING;
"""
_SCHEMA_LOCK: Final = 0x48464A31
_APPEND: Final = """
    WITH moved AS (
        UPDATE holdfast.head SET sequence = sequence + :count::bigint
        WHERE epoch = :epoch::bigint AND sequence = :known::bigint RETURNING sequence)
    INSERT INTO holdfast.journal (sequence, epoch, "check", record)
    SELECT :known::bigint + each.number, :epoch::bigint, each.checksum, each.record
    FROM moved, unnest(:checks::bigint[], :records::bytea[]) WITH ORDINALITY AS each(checksum, record, number)
"""
_PAGE: Final = """
    SELECT sequence, record, "check" FROM holdfast.journal WHERE sequence > :after::bigint ORDER BY sequence
    LIMIT :count::bigint
"""

_AGAIN: Final = ("08", "40", "53300", "55P03", "57")
"""SQLSTATEs of what passes: the line is gone, the server starts, stops or is crowded, a statement took too long."""
_REFUSED: Final = ("28", "3D", "42501", "0A", "22023")
"""SQLSTATEs of what a person must change: credentials, database, rights."""

_T = TypeVar("_T")


class PostgresJournal(Journal):
    """Keep records in the schema `holdfast` of the database at `url`; it is made if it is not there.

    Raises: CallerError `journal.url`, `journal.cannot_open`, `journal.not_durable`; OutsideError `journal.unreachable`.
    Limits: one desk a database. How safe a commit is beyond one server is what the server's own replication makes it.
    """

    def __init__(self, url: str, *, patience_s: float = PATIENCE_S) -> None:
        self._place = parse_url(url)
        self._patience_s = patience_s
        self._connection: Connection | None = None
        self._append: PreparedStatement | None = None
        self._epoch = 0
        self._known = 0
        self._patiently(_settle)

    def take_over(self, node: str, now_ns: int) -> int:
        """Take the next epoch, with `NodeStarted` as its first record, and return it."""

        def take(connection: Connection) -> tuple[int, int]:
            # Should the answer to the commit be lost, the next try takes one more epoch, and nobody used this one.
            with _transaction(connection):
                ((epoch, sequence),) = _rows(
                    connection,
                    "UPDATE holdfast.head SET epoch = epoch + 1, sequence = sequence + 1 RETURNING epoch, sequence",
                )
                record = started(node, now_ns, epoch)
                connection.run(
                    "INSERT INTO holdfast.journal VALUES (:sequence, :epoch, :checksum, :record)",
                    sequence=sequence,
                    epoch=epoch,
                    checksum=checksum(sequence, record),
                    record=record,
                )
            return epoch, sequence

        self._epoch, self._known = self._patiently(take)
        return self._epoch

    def append(self, epoch: int, records: Sequence[bytes]) -> int:
        """Write records, all or none, durably, and return the sequence number of the last."""
        check_lengths(records)
        return self._patiently(lambda connection: self._append_once(connection, epoch, records))

    def read(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield sequence number and record of everything after `after`, a page at a time."""
        while True:
            start = after
            page = self._patiently(lambda connection, start=start: self._page(connection, start))
            yield from page
            if len(page) < PAGE_RECORDS:
                return
            after += len(page)

    def close(self) -> None:
        """Let the connection go."""
        connection, self._connection, self._append = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):  # it may be broken already, in any way
                connection.close()

    def _append_once(self, connection: Connection, epoch: int, records: Sequence[bytes]) -> int:
        if epoch == self._epoch and records and self._move(connection, records):
            return self._known
        ((newest, sequence),) = _rows(connection, "SELECT epoch, sequence FROM holdfast.head")
        if epoch != newest:
            raise fenced(epoch, newest)
        if epoch != self._epoch:
            self._epoch, self._known = epoch, sequence
        rest = records
        if sequence > self._known:
            rest = rest_of(records, [record for _, record in self._page(connection, self._known)])
            self._known = sequence
        if rest and not self._move(connection, rest):
            raise BrokenInvariant(
                "journal.epoch_shared",
                f"another process writes as epoch {epoch}",
                where=str(self._place),
                remedy="give every process an epoch of its own by take_over",
            )
        return self._known

    def _move(self, connection: Connection, records: Sequence[bytes]) -> bool:
        """Append where this node knows the end to be, and tell whether it is there."""
        if self._append is None:
            self._append = connection.prepare(_APPEND)
        first = self._known + 1
        self._append.run(
            count=len(records),
            epoch=self._epoch,
            known=self._known,
            checks=[checksum(sequence, record) for sequence, record in enumerate(records, first)],
            records=list(records),
        )
        if self._append._context.row_count != len(records):  # pyright: ignore[reportPrivateUsage]
            return False
        self._known += len(records)
        return True

    def _page(self, connection: Connection, after: int) -> list[tuple[int, bytes]]:
        rows = _rows(connection, _PAGE, after=after, count=PAGE_RECORDS)
        return [
            (sequence, checked(str(self._place), expected, sequence, bytes(record), check))
            for expected, (sequence, record, check) in enumerate(rows, after + 1)
        ]

    def _patiently(self, act: Callable[[Connection], _T]) -> _T:
        """Do something, and again on a new connection when the line breaks or the server restarts."""
        give_up = time.monotonic() + self._patience_s
        pause_s = _PAUSE_S_FIRST
        while True:
            try:
                return act(self._connected())
            except (InterfaceError, DatabaseError, OSError) as error:
                self.close()
                told = self._meaning(error)
                if told.code != "journal.unreachable" or time.monotonic() + pause_s > give_up:
                    raise told from error
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_S_MAX)

    def _connected(self) -> Connection:
        if self._connection is None:
            place = self._place
            self._connection = Connection(
                place.user,
                host=place.host,
                port=place.port,
                database=place.database,
                password=place.password,
                ssl_context=place.ssl_context,
                timeout=ANSWER_S,
                application_name="holdfast",
                startup_params={
                    "statement_timeout": str(round(1000 * STATEMENT_S)),
                    "lock_timeout": str(round(1000 * STATEMENT_S)),
                    "idle_in_transaction_session_timeout": str(round(1000 * ANSWER_S)),
                    "synchronous_commit": "on",
                },
            )
        return self._connection

    def _meaning(self, error: Exception) -> HoldfastError:
        """Turn what pg8000 raises into what it means to a node."""
        where = str(self._place)
        detail: Any = error.args[0] if error.args else ""
        state = detail.get("C", "") if isinstance(detail, dict) else ""
        message = detail.get("M", "") if isinstance(detail, dict) else str(detail)
        if state == "53100":
            remedy = "make room on the server; nothing was written"
            return OutsideError(
                "journal.full", f"the server's disk is full: {message}", where=where, remedy=remedy
            )
        if state.startswith("XX"):
            return damaged(where, f"the server says: {message}")
        if state.startswith(_REFUSED):
            remedy = "see to user, password, database and rights"
            return CallerError("journal.cannot_open", message, where=where, remedy=remedy)
        if state and not state.startswith(_AGAIN):
            return damaged(where, f"the server refuses: {message} ({state})")
        return OutsideError(
            "journal.unreachable",
            f"no answer within {self._patience_s:g} s: {message or type(error).__name__}",
            where=where,
            remedy="see to the server and the network, then append the same records again",
        )


@contextlib.contextmanager
def _transaction(connection: Connection) -> Generator[None]:
    """Commit at the end. What raises takes the connection with it, and the server rolls back."""
    connection.run("BEGIN")
    yield
    connection.run("COMMIT")


def _rows(connection: Connection, statement: str, **values: object) -> list[Any]:
    return connection.run(statement, **values) or []


def _settle(connection: Connection) -> None:
    """See that the server is durable and that the tables are there."""
    if _rows(connection, "SHOW fsync") != [["on"]]:
        raise CallerError(
            "journal.not_durable",
            "the server runs with fsync = off: it forgets what it said was written",
            remedy="set fsync = on in postgresql.conf and restart it",
        )
    if connection.run("SELECT to_regclass('holdfast.head'), to_regclass('holdfast.journal')") == [
        [None, None]
    ]:
        with _transaction(connection):
            connection.run(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
            connection.run(_SCHEMA)
