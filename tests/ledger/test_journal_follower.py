"""The ledger follows the journal: the same bytes, each once, whenever either was killed."""

import random
from pathlib import Path

import pytest
from crashing_disk import CrashingDisk
from small_ledgers import ORIGIN

from holdfast.error import CallerError, HoldfastError, OutsideError
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.journal.follower import BATCH_RECORDS, Follower
from holdfast.ledger.journal.memory import MemoryJournal
from holdfast.ledger.journal.sqlite import SqliteJournal
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.record import RunStarted, encode
from holdfast.ledger.verify import verify
from holdfast.receipt import NodeStopped

RUN = RunStarted(settings={"desk": "one"}, rules=(), inputs=(), versions={"holdfast": "0.1.0"})


def receipts(count: int) -> list[bytes]:
    """Return so many records."""
    return [encode(NodeStopped(at, "node", 1, "because")) for at in range(count)]


def followed(folder: Path) -> list[bytes]:
    """Return what is in the ledger, without its entry 0."""
    first, *rest = LedgerReader(folder).entries()
    assert first == encode(RUN)
    return rest


def stored(journal: MemoryJournal) -> list[bytes]:
    """Return what is in the journal."""
    return [data for _, data in journal.read()]


def test_entry_i_of_the_ledger_is_record_i_of_the_journal_and_it_verifies(
    tmp_path: Path, signer: FileSigner
) -> None:
    journal, ledger = SqliteJournal(tmp_path / "journal.db"), tmp_path / "ledger"
    epoch = journal.take_over("node", 1)
    with Follower.open(journal, ledger, ORIGIN, signer, RUN) as follower:
        assert (follower.last, follower.catch_up(), follower.catch_up()) == (0, 1, 0)
        journal.append(epoch, receipts(BATCH_RECORDS + 5))
        assert follower.catch_up() == BATCH_RECORDS + 5
        assert follower.last == BATCH_RECORDS + 6
    assert followed(ledger) == [data for _, data in journal.read()]
    assert LedgerReader(ledger).entry(17) == dict(journal.read())[17]
    assert not verify(ledger).findings


def test_a_follower_finds_by_itself_what_is_missing(tmp_path: Path, signer: FileSigner) -> None:
    journal = MemoryJournal()
    epoch = journal.take_over("node", 1)
    for count in (0, 3, 300, 1):
        journal.append(epoch, receipts(count))
        with Follower.open(journal, tmp_path / "ledger", ORIGIN, signer, RUN) as follower:
            follower.catch_up()
    assert followed(tmp_path / "ledger") == stored(journal)


def test_killed_anywhere_it_copies_everything_once(tmp_path: Path, signer: FileSigner) -> None:
    dies_at, died = 0, True
    while died:
        folder = tmp_path / f"at-{dies_at}"
        journal = MemoryJournal()
        journal.append(journal.take_over("node", 1), receipts(260))
        disk = CrashingDisk(dies_at)
        with disk.plugged_in(), Follower.open(journal, folder, ORIGIN, signer, RUN) as follower:
            follower.catch_up()
        died = disk.died
        disk.lose_power(random.Random(dies_at))
        journal.append(1, receipts(3))
        with Follower.open(journal, folder, ORIGIN, signer, RUN) as follower:
            follower.catch_up()
        assert followed(folder) == stored(journal)
        assert not verify(folder).findings
        dies_at += 3
    assert dies_at > 20


def test_a_ledger_of_another_journal_is_refused_with_the_place(tmp_path: Path, signer: FileSigner) -> None:
    mine, theirs = MemoryJournal(), MemoryJournal()
    mine.append(mine.take_over("node", 1), receipts(9))
    theirs.append(theirs.take_over("node", 1), [*receipts(4), *receipts(5)])
    with Follower.open(mine, tmp_path / "ledger", ORIGIN, signer, RUN) as follower:
        follower.catch_up()
    with pytest.raises(OutsideError, match=r"entry 6 is not record 6 .*follower\.disagrees"):
        Follower.open(theirs, tmp_path / "ledger", ORIGIN, signer, RUN)
    Follower.open(mine, tmp_path / "ledger", ORIGIN, signer, RUN).close()


def test_a_journal_that_went_back_is_refused(tmp_path: Path, signer: FileSigner) -> None:
    journal = MemoryJournal()
    journal.append(journal.take_over("node", 1), receipts(9))
    with Follower.open(journal, tmp_path / "ledger", ORIGIN, signer, RUN) as follower:
        follower.catch_up()
    del journal.durable[5:]
    with pytest.raises(OutsideError, match=r"10 records of a journal that ends at 5 .*follower\.ahead"):
        Follower.open(journal, tmp_path / "ledger", ORIGIN, signer, RUN)


def test_a_second_follower_and_another_name_are_refused(tmp_path: Path, signer: FileSigner) -> None:
    journal = MemoryJournal()
    journal.take_over("node", 1)
    with (
        Follower.open(journal, tmp_path / "ledger", ORIGIN, signer, RUN),
        pytest.raises(CallerError, match=r"ledger\.busy"),
    ):
        Follower.open(journal, tmp_path / "ledger", ORIGIN, signer, RUN)
    with pytest.raises(HoldfastError, match=r"follower\.origin"):
        Follower.open(journal, tmp_path / "ledger", "desk.example/two", signer, RUN)


def test_trouble_of_the_journal_loses_nothing(tmp_path: Path, signer: FileSigner) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    epoch = journal.take_over("node", 1)
    with Follower.open(journal, tmp_path / "ledger", ORIGIN, signer, RUN) as follower:
        journal.append(epoch, receipts(3))
        journal.close()
        with pytest.raises(CallerError, match=r"journal\.cannot_open"):
            follower.catch_up()
    journal = SqliteJournal(tmp_path / "journal.db")
    with Follower.open(journal, tmp_path / "ledger", ORIGIN, signer, RUN) as follower:
        assert follower.catch_up() == 4
