"""One append to the journal, wall time: what stands between the wish for an order and its bytes.

Defends: one transaction for intent and attempt together, with the fence inside it, on a plain SQL table. Two records of
usual size each, in turn with the peer: the same bytes inserted into a bare table of the same database, committed as durably,
with no fence, no number and no checksum. What remains is what disk and server take; the first line is the disk alone.
Limits: wall time of a machine that does other work too; PostgreSQL is a private server on the same disk and machine, so no
network is in it. Without initdb only SQLite is measured.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
from pg8000.native import Connection

from benchmarks.measure import Bench
from holdfast.action import PlaceOrder
from holdfast.ledger import record
from holdfast.ledger.journal.postgres import PostgresJournal
from holdfast.ledger.journal.postgres_url import parse_url
from holdfast.ledger.journal.sqlite import SqliteJournal
from holdfast.receipt import NodeStarted
from holdfast.response.outbox import Outbox
from tests.postgres_server import PostgresServer, find_binaries

APPENDS = 400

Append = Callable[[Sequence[bytes]], object]


def measure(bench: Bench) -> None:
    """Append intents and attempts, beside bare inserts."""
    for percent, took_ms in _synced(bench.folder / "plain").items():
        bench.add(f"write and fdatasync of 8 KiB in place, p{percent}", took_ms, "ms")
    journal = SqliteJournal(bench.folder / "journal.db")
    epoch = journal.take_over("bench", 0)
    bare = _bare_sqlite(bench.folder / "bare.db")
    _compare(bench, "SQLite", lambda records: journal.append(epoch, records), bare, sqlite3.sqlite_version)
    binaries = find_binaries()
    if binaries is None:
        print("    PostgreSQL is left out: there is no initdb")
        return
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-postgres-"))  # the server's user must reach it
    server = PostgresServer(binaries, folder)
    try:
        _measure_postgres(bench, server)
    finally:
        server.stop("fast")
        shutil.rmtree(folder, ignore_errors=True)


def _measure_postgres(bench: Bench, server: PostgresServer) -> None:
    url = server.new_database()
    journal = PostgresJournal(url)
    epoch = journal.take_over("bench", 0)
    place = parse_url(url)
    connection = Connection(
        place.user, host=place.host, port=place.port, database=place.database, ssl_context=False
    )
    ((version,),) = connection.run("SHOW server_version") or [["?"]]
    connection.run("CREATE TABLE bare (at bigserial PRIMARY KEY, record bytea NOT NULL)")
    insert = connection.prepare("INSERT INTO bare (record) SELECT unnest(:records::bytea[])")
    _compare(
        bench,
        "PostgreSQL",
        lambda records: journal.append(epoch, records),
        lambda records: insert.run(records=list(records)),
        version.split()[0],
    )
    connection.close()
    journal.close()


def _compare(bench: Bench, name: str, ours: Append, bare: Append, version: str) -> None:
    batches = [_intent_and_attempt(number) for number in range(APPENDS)]
    took: tuple[list[float], list[float]] = ([], [])
    os.sync()  # what was prepared is not to be written while we measure
    for records in batches:
        for append, times in zip((ours, bare), took, strict=True):
            begun = time.perf_counter()
            append(records)
            times.append(1e3 * (time.perf_counter() - begun))
    for percent in (50, 99):
        mine, theirs = (float(np.percentile(times, percent)) for times in took)
        bench.add(
            f"append intent and attempt, {name}, p{percent}",
            mine,
            "ms",
            theirs,
            f"bare insert, {name} {version}",
            theirs / mine,
        )


def _synced(path: Path) -> dict[int, float]:
    """Return what the disk takes by itself."""
    times: list[float] = []
    with path.open("wb", buffering=0) as file:
        file.write(bytes(8192 * APPENDS))
        os.fsync(file.fileno())
        for number in range(APPENDS):
            begun = time.perf_counter()
            os.pwrite(file.fileno(), os.urandom(8192), 8192 * number)
            os.fdatasync(file.fileno())
            times.append(1e3 * (time.perf_counter() - begun))
    return {percent: float(np.percentile(times, percent)) for percent in (50, 99)}


def _intent_and_attempt(number: int) -> list[bytes]:
    outbox = Outbox()
    outbox.fold(NodeStarted(0, "bench", 1))
    wanted = PlaceOrder(
        venue="deribit",
        account="main",
        instrument="BTC-PERPETUAL",
        side="sell",
        quantity=Decimal(4000),
        limit_price=Decimal("50123.5"),
    )
    reason = "equity is below the line that the playbook draws"
    return [
        record.encode(each) for each in outbox.submit(number, f"deleverage-{number}/sell/0", wanted, reason)
    ]


def _bare_sqlite(path: Path) -> Append:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE bare (at INTEGER PRIMARY KEY, record BLOB NOT NULL)")

    def append(records: Sequence[bytes]) -> None:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO bare (record) VALUES (?)", [(each,) for each in records])
        connection.execute("COMMIT")

    return append
