"""A node that has nothing to write learns all the same that it was taken over."""

import asyncio
from pathlib import Path

from holdfast.app.writing import Writing
from holdfast.lab.universe.desk import new_node
from holdfast.lab.world.world import World
from holdfast.ledger.journal.base import Fenced
from holdfast.ledger.journal.sqlite import SqliteJournal
from holdfast.ledger.record import decode


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

    asyncio.run(look())
    assert node.is_fenced is is_taken_over
    assert len(list(journal.read())) == 1 + is_taken_over
    return heard


def test_a_node_that_was_taken_over_is_fenced_by_looking(tmp_path: Path) -> None:
    assert [error.code for error in checked(tmp_path / "journal", is_taken_over=True)] == ["journal.fenced"]


def test_a_node_that_was_not_goes_on_and_nothing_is_written(tmp_path: Path) -> None:
    assert checked(tmp_path / "journal", is_taken_over=False) == []
