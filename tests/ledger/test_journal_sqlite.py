"""The journal in a file: full disks, kills, other people's files, changed bytes, and processes that hold it too long."""

import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from small_kills import kill_while_appending

from holdfast.error import BrokenInvariant, CallerError, OutsideError
from holdfast.ledger.journal.base import Fenced
from holdfast.ledger.journal.sqlite import SqliteJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a journal may be."""
    return tmp_path / "journal.db"


@contextlib.contextmanager
def size_limit(bytes_max: int) -> Generator[None]:
    """Have the kernel refuse to let any file of ours grow beyond this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """Mount a disk of 512 KiB; skip where that is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(journal: SqliteJournal, epoch: int) -> tuple[int, OutsideError]:
    """Append until the disk is full; return the last number that was acknowledged, and the error."""
    last = 0
    for number in range(10_000):
        try:
            last = journal.append(epoch, [b"%08d" % number + bytes(4000)] * 2)
        except OutsideError as error:
            return last, error
    raise AssertionError("the disk is not full")


def test_a_full_disk_writes_nothing_and_the_journal_goes_on_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(100_000))
    journal = SqliteJournal(small_disk / "journal.db")
    epoch = journal.take_over("node", 1)
    last, error = fill(journal, epoch)
    assert error.code == "journal.full"
    assert [sequence for sequence, _ in journal.read()] == list(range(1, last + 1))
    with pytest.raises(OutsideError, match=r"journal\.full"):
        journal.append(epoch, [bytes(60_000)] * 20)
    ballast.unlink()
    assert journal.append(epoch, [b"there is room again"]) == last + 1
    journal.close()
    again = SqliteJournal(small_disk / "journal.db")
    assert [sequence for sequence, _ in again.read()] == list(range(1, last + 2))
    again.close()


def test_a_full_disk_refuses_a_take_over_without_moving_the_epoch(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(60_000))
    journal = SqliteJournal(small_disk / "journal.db")
    epoch = journal.take_over("node", 1)
    fill(journal, epoch)
    (small_disk / "rest").write_bytes(b"")
    with contextlib.suppress(OSError), (small_disk / "rest").open("wb", buffering=0) as rest:
        while True:
            rest.write(bytes(512))
    code = ""
    while not code:  # what is left in the log's last block is used up first
        try:
            epoch = journal.take_over("other", 2)
        except OutsideError as error:
            code = error.code
    assert code == "journal.full"
    (small_disk / "rest").unlink()
    ballast.unlink()
    assert journal.take_over("other", 2) == epoch + 1
    journal.close()


def test_a_file_that_may_not_grow_writes_nothing_and_the_same_records_go_in_later(path: Path) -> None:
    journal = SqliteJournal(path)
    epoch = journal.take_over("node", 1)
    with size_limit(100_000):
        last, error = fill(journal, epoch)
    assert error.code in ("journal.full", "journal.unreachable")
    assert journal.append(epoch, [b"again"]) == last + 1
    assert [data for _, data in journal.read(last)] == [b"again"]


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.2])
def test_after_a_kill_every_acknowledged_append_is_there_and_none_twice(path: Path, delay_s: float) -> None:
    for number in range(3):
        acknowledged = kill_while_appending("sqlite", str(path), f"run{number}", delay_s)
        journal = SqliteJournal(path)
        stored = dict(journal.read())
        journal.close()
        assert list(stored) == list(range(1, len(stored) + 1))
        for sequence, batch in acknowledged:
            at = [stored[each] for each in range(sequence - len(batch) + 1, sequence + 1)]
            assert at == batch
        mine = [data for data in stored.values() if data.startswith(f"run{number}-".encode())]
        assert mine == [f"run{number}-{each}".encode() for each in range(len(mine))]
        # an append that was not acknowledged is there whole, or not at all
        assert len(mine) - sum(len(batch) for _, batch in acknowledged) in (0, 1, 3)


def test_a_process_that_holds_the_file_too_long_is_named_and_nothing_is_written(path: Path) -> None:
    journal = SqliteJournal(path, busy_s=0.05)
    epoch = journal.take_over("node", 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OutsideError, match=r"journal\.busy"):
        journal.append(epoch, [b"x"])
    other.execute("ROLLBACK")
    assert journal.append(epoch, [b"x"]) == 2


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database at all " * 400)
    with pytest.raises(OutsideError, match=r"journal\.damaged"):
        SqliteJournal(path)


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(CallerError, match=r"journal\.not_a_journal"):
        SqliteJournal(path)
    assert sqlite3.connect(path).execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


def test_a_place_that_is_not_there_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"there is no folder .*nowhere.*journal\.cannot_open"):
        SqliteJournal(tmp_path / "nowhere" / "journal.db")
    with pytest.raises(CallerError, match=r"journal\.cannot_open"):
        SqliteJournal(tmp_path)


def test_a_changed_byte_of_a_record_is_found_with_its_number(path: Path) -> None:
    journal = SqliteJournal(path)
    journal.append(journal.take_over("node", 1), [b"one", b"two"])
    journal.close()
    raw = sqlite3.connect(path)
    raw.execute("UPDATE journal SET record = ? WHERE sequence = 3", (b"too",))
    raw.commit()
    raw.close()
    with pytest.raises(OutsideError, match=r"record 3 is not as it was written .*journal\.damaged"):
        list(SqliteJournal(path).read())


def test_a_record_that_is_missing_is_found_with_its_number(path: Path) -> None:
    journal = SqliteJournal(path)
    journal.append(journal.take_over("node", 1), [b"one", b"two", b"three"])
    journal.close()
    raw = sqlite3.connect(path)
    raw.execute("DELETE FROM journal WHERE sequence = 3")
    raw.commit()
    raw.close()
    with pytest.raises(OutsideError, match=r"record 3 is missing"):
        list(SqliteJournal(path).read())


def test_a_page_of_noise_is_found(path: Path) -> None:
    journal = SqliteJournal(path)
    journal.append(journal.take_over("node", 1), [bytes(3000)] * 20)
    journal.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(9000))
    with pytest.raises(OutsideError, match=r"journal\.damaged"):
        list(SqliteJournal(path).read())


def test_a_record_written_behind_the_nodes_back_stops_it(path: Path) -> None:
    journal, impostor = SqliteJournal(path), SqliteJournal(path)
    epoch = journal.take_over("node", 1)
    impostor.append(epoch, [b"not mine"])
    with pytest.raises(BrokenInvariant, match=r"journal\.not_repeated"):
        journal.append(epoch, [b"mine"])


def test_the_file_is_a_write_ahead_log_and_every_commit_is_synced(path: Path) -> None:
    journal = SqliteJournal(path)
    (mode,), (synchronous,) = (
        journal._connection.execute(f"PRAGMA {name}").fetchone() for name in ("journal_mode", "synchronous")
    )
    assert (mode, synchronous) == ("wal", 2)


def test_two_processes_cannot_write_at_a_time_under_one_name(path: Path) -> None:
    older, newer = SqliteJournal(path), SqliteJournal(path)
    old = older.take_over("node", 1)
    newer.take_over("node", 1)
    with pytest.raises(Fenced):
        older.append(old, [b"x"])
