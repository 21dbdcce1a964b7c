"""What a node has to be kept is written once, through failures of the journal; nothing is when it was taken over."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from holdfast.app.writing import JOURNAL_RETRY_S, Writing
from holdfast.error import OutsideError
from holdfast.lab.universe.desk import new_node
from holdfast.lab.world.world import World
from holdfast.ledger.journal.base import Fenced
from holdfast.ledger.journal.sqlite import SqliteJournal
from holdfast.ledger.record import decode

PATIENCE_S = 30.0


def checked(path: Path, *, is_taken_over: bool) -> list[Fenced]:
    """Return what a node that writes nothing hears when it looks whether it may write still."""
    journal = SqliteJournal(path)
    journal.take_over("one", 1)
    node = new_node(World(1, 1_760_000_000_000_000_000), "one", {})
    node.recover(decode(data) for _, data in journal.read())
    if is_taken_over:
        SqliteJournal(path).take_over("two", 2)
    heard: list[Fenced] = []

    async def look() -> None:
        writing = Writing(node, journal, lambda _: None, heard.append)
        writing.check()
        while writing.is_busy:
            await asyncio.sleep(0.001)
        writing.close()

    asyncio.run(asyncio.wait_for(look(), PATIENCE_S))
    assert node.is_fenced is is_taken_over
    assert len(list(journal.read())) == 1 + is_taken_over
    return heard


def test_a_node_that_was_taken_over_is_fenced_by_looking(tmp_path: Path) -> None:
    assert [error.code for error in checked(tmp_path / "journal", is_taken_over=True)] == ["journal.fenced"]


def test_a_node_that_was_not_goes_on_and_nothing_is_written(tmp_path: Path) -> None:
    assert checked(tmp_path / "journal", is_taken_over=False) == []


class Failing(SqliteJournal):
    """A journal that raises what it is given, one a call, and then works."""

    def __init__(self, path: Path, errors: Sequence[Exception]) -> None:
        super().__init__(path)
        self.errors = list(errors)

    def append(self, epoch: int, records: Sequence[bytes]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        super().append(epoch, records)


@pytest.mark.parametrize(
    "error",
    [
        OutsideError("journal.full", "the disk is full", remedy="make room"),
        RuntimeError("nobody thought of this"),
    ],
    ids=["foreseen", "not foreseen"],
)
def test_a_journal_that_fails_is_told_of_once_and_tried_again_until_all_is_written_once(
    tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Failing(tmp_path / "journal", [error, error])
    journal.take_over("one", 1)
    node = new_node(World(1, 1_760_000_000_000_000_000), "one", {})
    node.recover(decode(data) for _, data in journal.read())
    node.start(1_760_000_000_000_000_000)
    wanted = list(node.unwritten)
    assert wanted
    counts: list[int] = []
    was_ok: list[bool] = []

    def written(count: int) -> None:
        counts.append(count)
        for _ in range(count):
            node.unwritten.popleft()

    async def write() -> None:
        writing = Writing(node, journal, written, pytest.fail)
        writing.begin()
        while writing.is_busy:
            was_ok.append(writing.is_ok)
            await asyncio.sleep(0.001)
        assert writing.is_ok
        assert writing.written == len(wanted)
        writing.close()

    with caplog.at_level(logging.ERROR, "holdfast.node"):
        asyncio.run(asyncio.wait_for(write(), PATIENCE_S))
    assert counts == [len(wanted)]
    assert [decode(data) for _, data in journal.read()][1:] == wanted
    assert False in was_ok
    assert [str(error) in record.getMessage() for record in caplog.records] == [True]
    assert (caplog.records[0].exc_info is not None) == isinstance(error, RuntimeError)


def test_a_batch_that_failed_is_not_written_by_a_node_that_was_fenced_meanwhile(tmp_path: Path) -> None:
    journal = Failing(tmp_path / "journal", [OutsideError("journal.full", "the disk is full")])
    journal.take_over("one", 1)
    node = new_node(World(1, 1_760_000_000_000_000_000), "one", {})
    node.recover(decode(data) for _, data in journal.read())
    node.start(1_760_000_000_000_000_000)

    async def write() -> None:
        writing = Writing(node, journal, pytest.fail, pytest.fail)
        writing.begin()
        while writing.is_ok:
            await asyncio.sleep(0.001)
        node.fence()
        await asyncio.sleep(2 * JOURNAL_RETRY_S)
        writing.close()

    asyncio.run(asyncio.wait_for(write(), PATIENCE_S))
    assert not journal.errors
    assert len(list(journal.read())) == 1
