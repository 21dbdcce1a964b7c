"""A process that appends for ever and says what was acknowledged; its tests kill it.

Arguments: `sqlite PATH` or `postgres URL`, and a name that its records begin with.
"""

import sys

from holdfast.ledger.journal.base import Journal
from holdfast.ledger.journal.postgres import PostgresJournal
from holdfast.ledger.journal.sqlite import SqliteJournal


def open_journal(kind: str, place: str) -> Journal:
    """Open a journal by its name in the tests."""
    return SqliteJournal(place) if kind == "sqlite" else PostgresJournal(place)


def main() -> None:
    """Append records of one and of three, in turn, and print each batch when it is acknowledged."""
    kind, place, name = sys.argv[1:]
    journal = open_journal(kind, place)
    epoch = journal.take_over(name, 1)
    number = 0
    while True:
        batch = [f"{name}-{number + at}".encode() for at in range(1 if number % 2 else 3)]
        last = journal.append(epoch, batch)
        number += len(batch)
        print(last, " ".join(record.decode() for record in batch), flush=True)


if __name__ == "__main__":
    main()
