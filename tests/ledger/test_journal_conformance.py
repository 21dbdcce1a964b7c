"""What every journal does: dense numbers, all or nothing, one epoch at a time, once whatever is lost."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from postgres_server import PostgresServer, postgres

from holdfast.error import BrokenInvariant, CallerError, OutsideError
from holdfast.ledger import record
from holdfast.ledger.journal.base import PAGE_RECORDS, RECORD_BYTES_MAX, Fenced, Journal
from holdfast.ledger.journal.memory import MemoryJournal
from holdfast.ledger.journal.postgres import PostgresJournal
from holdfast.ledger.journal.sqlite import SqliteJournal
from holdfast.receipt import NodeStarted

__all__ = ["postgres"]

Open = Callable[[], Journal]


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def open_journal(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Return a function that opens the same journal again and again, as another process would."""
    if request.param == "memory":
        memory = MemoryJournal()
        return lambda: memory
    if request.param == "sqlite":
        return lambda: SqliteJournal(tmp_path / "journal.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.new_database()
    return lambda: PostgresJournal(url)


def test_an_epoch_begins_with_the_record_of_who_took_over(open_journal: Open) -> None:
    journal = open_journal()
    assert journal.take_over("node-a", 7) == 1
    assert list(journal.read()) == [(1, record.encode(NodeStarted(7, "node-a", 1)))]
    assert journal.take_over("node-b", 8) == 2


def test_records_are_numbered_densely_and_read_back_as_they_were(open_journal: Open) -> None:
    journal = open_journal()
    epoch = journal.take_over("node", 1)
    odd = [b"", b"\x00\xff", b'"\\,{}', "ümläut".encode()]
    assert journal.append(epoch, odd) == 5
    assert journal.append(epoch, [b"last"]) == 6
    assert list(journal.read(1)) == list(enumerate([*odd, b"last"], 2))
    assert list(journal.read(6)) == []


def test_what_was_written_is_there_for_whoever_opens_it_next(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(journal.take_over("node", 1), [b"kept"])
    journal.close()
    journal.close()
    assert [data for _, data in open_journal().read(1)] == [b"kept"]


def test_more_than_a_page_is_read_whole(open_journal: Open) -> None:
    journal = open_journal()
    epoch = journal.take_over("node", 1)
    records = [f"{number}".encode() for number in range(2 * PAGE_RECORDS)]
    journal.append(epoch, records)
    assert [data for _, data in journal.read(1)] == records


def test_an_append_of_nothing_tells_the_last_number_and_whether_the_epoch_stands(open_journal: Open) -> None:
    journal = open_journal()
    epoch = journal.take_over("node", 1)
    assert journal.append(epoch, [b"one"]) == 2
    assert journal.append(epoch, []) == 2
    open_journal().take_over("other", 2)
    with pytest.raises(Fenced):
        journal.append(epoch, [])


def test_who_was_taken_over_writes_no_more(open_journal: Open) -> None:
    older, newer = open_journal(), open_journal()
    old = older.take_over("older", 1)
    new = newer.take_over("newer", 2)
    with pytest.raises(Fenced, match=r"epoch 1 is over: the journal is at 2 .*journal\.fenced"):
        older.append(old, [b"late"])
    newer.append(new, [b"in time"])
    with pytest.raises(Fenced):
        older.append(old, [b"late"])
    assert [data for _, data in newer.read(2)] == [b"in time"]


def test_an_epoch_that_never_was_is_refused(open_journal: Open) -> None:
    journal = open_journal()
    journal.take_over("node", 1)
    with pytest.raises(Fenced):
        journal.append(9, [b"x"])
    assert len(list(journal.read())) == 1


def test_of_many_that_take_over_at_once_each_has_an_epoch_of_its_own(open_journal: Open) -> None:
    epochs: list[int] = []

    def take() -> None:
        journal = open_journal()
        epochs.append(journal.take_over("node", 1))
        journal.close()

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(epochs) == [1, 2, 3, 4, 5, 6]
    assert [sequence for sequence, _ in open_journal().read()] == [1, 2, 3, 4, 5, 6]


def test_a_record_that_no_ledger_takes_is_refused_with_everything_beside_it(open_journal: Open) -> None:
    journal = open_journal()
    epoch = journal.take_over("node", 1)
    with pytest.raises(CallerError, match=r"journal\.record_too_long"):
        journal.append(epoch, [b"good", bytes(RECORD_BYTES_MAX + 1)])
    assert journal.append(epoch, [bytes(RECORD_BYTES_MAX)]) == 2


# the memory's own troubles


def test_a_crash_loses_what_is_pending_and_keeps_what_had_reached_the_disk() -> None:
    journal = MemoryJournal()
    epoch = journal.take_over("node", 1)
    for name in (b"a", b"b", b"c"):
        journal.begin(epoch, [name])
    journal.crash(epoch, kept=2)
    assert journal.durable[1:] == [b"a", b"b"]
    assert not journal.pending


def test_what_an_older_epoch_had_pending_is_fenced_off() -> None:
    journal = MemoryJournal()
    old = journal.take_over("node", 1)
    journal.begin(old, [b"late"])
    journal.take_over("other", 2)
    with pytest.raises(Fenced):
        journal.finish(old)
    journal.begin(old, [b"later"])
    journal.crash(old, kept=1)
    assert len(journal.durable) == 2


def test_a_full_memory_writes_nothing_and_goes_on_when_there_is_room() -> None:
    journal = MemoryJournal()
    epoch = journal.take_over("node", 1)
    journal.trouble = "full"
    with pytest.raises(OutsideError, match=r"journal\.full"):
        journal.append(epoch, [b"x"])
    journal.trouble = ""
    assert journal.append(epoch, [b"x"]) == 2


@pytest.mark.parametrize("trouble", ["lost", "kept"])
def test_after_a_lost_answer_the_same_records_again_stand_there_once(trouble: str) -> None:
    journal = MemoryJournal()
    epoch = journal.take_over("node", 1)
    journal.trouble = trouble  # type: ignore[assignment]
    with pytest.raises(OutsideError, match=r"journal\.unreachable"):
        journal.append(epoch, [b"a", b"b"])
    journal.trouble = ""
    assert journal.append(epoch, [b"a", b"b", b"c"]) == 4
    assert journal.durable[1:] == [b"a", b"b", b"c"]


def test_after_a_lost_answer_other_records_are_refused() -> None:
    journal = MemoryJournal()
    epoch = journal.take_over("node", 1)
    journal.trouble = "kept"
    with pytest.raises(OutsideError):
        journal.append(epoch, [b"a"])
    journal.trouble = ""
    with pytest.raises(BrokenInvariant, match=r"journal\.not_repeated"):
        journal.append(epoch, [b"b"])
