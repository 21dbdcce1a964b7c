"""Journal view: a guard's journal read from outside, record by record as it grows, without ever waiting for its lock."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from holdfast.error import OutsideError
from holdfast.ledger.journal.postgres import PostgresJournal
from holdfast.ledger.record import Record, decode


class JournalView:
    """Read what is new. `place` is the journal's file or a server's url. What cannot be read now is not new yet."""

    def __init__(self, place: Path | str) -> None:
        self._place = place
        self._last = 0

    def read(self) -> Iterator[Record]:
        """Yield the records since the last time."""
        for sequence, data in self._rows():
            self._last = sequence
            yield decode(data)

    def _rows(self) -> list[tuple[int, bytes]]:
        try:
            return (
                self._of_server(self._place) if isinstance(self._place, str) else self._of_file(self._place)
            )
        except (sqlite3.Error, OutsideError):
            return []

    def _of_file(self, path: Path) -> list[tuple[int, bytes]]:
        query = "SELECT sequence, record FROM journal WHERE sequence > ? ORDER BY sequence"
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            return connection.execute(query, (self._last,)).fetchall()

    def _of_server(self, url: str) -> list[tuple[int, bytes]]:
        with closing(PostgresJournal(url, patience_s=1.0)) as journal:
            return list(journal.read(self._last))
