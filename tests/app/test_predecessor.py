"""A node that was stopped while it held the journal is ended by the one that takes over; nobody else is."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.app.control.health import Health, write_health
from holdfast.app.predecessor import end_stopped
from holdfast.error import OutsideError
from holdfast.ledger.journal.sqlite import SqliteJournal

HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds the journal's lock, as the health file's node."""
    SqliteJournal(tmp_path / "journal").close()
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "journal")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    write_health(tmp_path, Health(time_ns=1, node="one", epoch=1, pid=process.pid))
    yield process
    process.kill()
    process.communicate()


def stopped(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.001)


def test_a_stopped_node_that_holds_the_journal_is_ended_and_its_lock_is_free(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    stopped(holder)
    with pytest.raises(OutsideError, match=r"journal\.busy"):
        SqliteJournal(tmp_path / "journal", busy_s=0.05)
    assert end_stopped(tmp_path, tmp_path / "journal") == holder.pid
    assert holder.wait() == -signal.SIGKILL
    SqliteJournal(tmp_path / "journal", busy_s=0.05).close()


def test_a_node_that_runs_is_left_alone(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    assert end_stopped(tmp_path, tmp_path / "journal") is None
    assert holder.poll() is None


def test_a_stopped_process_that_has_another_file_open_is_left_alone(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    stopped(holder)
    assert end_stopped(tmp_path, tmp_path / "another") is None
    assert holder.poll() is None


def test_without_a_health_file_nobody_is_ended(tmp_path: Path) -> None:
    assert end_stopped(tmp_path, tmp_path / "journal") is None
