"""What a node has to be kept is written once, through failures of the journal; nothing is when it was taken over."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from holdfast.action import PlaceOrder
from holdfast.app import writing as writing_module
from holdfast.app.node import Node
from holdfast.app.writing import JOURNAL_RETRY_S, Writing
from holdfast.error import OutsideError
from holdfast.lab.universe.desk import ACCOUNT, new_node
from holdfast.lab.world.listings import DERIBIT
from holdfast.lab.world.world import World
from holdfast.ledger.journal.base import Fenced
from holdfast.ledger.journal.sqlite import SqliteJournal
from holdfast.ledger.record import decode
from holdfast.response.dispatch import Send

START_NS = 1_760_000_000_000_000_000
PATIENCE_S = 30.0
MOVE = PlaceOrder(
    venue=DERIBIT, account=ACCOUNT, instrument="BTC-PERPETUAL", side="sell", quantity=Decimal(10),
    limit_price=Decimal(50_000),
)  # fmt: skip


def checked(path: Path, *, is_taken_over: bool) -> list[Fenced]:
    """Return what a node that writes nothing hears when it looks whether it may write still."""
    journal = SqliteJournal(path)
    journal.take_over("one", 1)
    node = new_node(World(1, START_NS), "one", {})
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

    run(look)
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

    def append(self, epoch: int, records: Sequence[bytes]) -> int:
        if self.errors:
            raise self.errors.pop(0)
        return super().append(epoch, records)


class Slow(SqliteJournal):
    """A journal whose appends end when they are let."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.is_let = threading.Event()

    def append(self, epoch: int, records: Sequence[bytes]) -> int:
        assert self.is_let.wait(PATIENCE_S)
        return super().append(epoch, records)


def started(journal: SqliteJournal, *, with_move: bool = False) -> Node:
    """Return a node that has started, with everything still to be written."""
    journal.take_over("one", 1)
    node = new_node(World(1, START_NS, participants=[]), "one", {})
    node.recover(decode(data) for _, data in journal.read())
    node.start(START_NS)
    if with_move:
        node.memory.write_all(node.parts.outbox.submit(START_NS, "test/sell/0", MOVE, "a test"))
    assert node.unwritten
    return node


class Told:
    """What a writing says, and a node that hears of it."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.counts: list[int] = []
        self.fenced: list[Fenced] = []

    def written(self, count: int) -> None:
        self.counts.append(count)
        self.node.memory.written(START_NS, count)


def run(work: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


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
    node = started(journal)
    told, wanted = Told(node), list(node.unwritten)
    was_ok: list[bool] = []

    async def write() -> None:
        writing = Writing(node, journal, told.written, told.fenced.append)
        writing.begin()
        while writing.is_busy:
            was_ok.append(writing.is_ok)
            await asyncio.sleep(0.001)
        assert writing.is_ok
        assert writing.written == len(wanted)
        writing.close()

    with caplog.at_level(logging.ERROR, "holdfast.node"):
        run(write)
    assert told.counts == [len(wanted)]
    assert [decode(data) for _, data in journal.read()][1:] == wanted
    assert False in was_ok
    assert [str(error) in record.getMessage() for record in caplog.records] == [True]
    assert (caplog.records[0].exc_info is not None) == isinstance(error, RuntimeError)


def test_a_batch_that_failed_is_not_written_by_a_node_that_was_fenced_meanwhile(tmp_path: Path) -> None:
    journal = Failing(tmp_path / "journal", [OutsideError("journal.full", "the disk is full")])
    node = started(journal)
    told = Told(node)

    async def write() -> None:
        writing = Writing(node, journal, told.written, told.fenced.append)
        writing.begin()
        while writing.is_ok:
            await asyncio.sleep(0.001)
        node.fence()
        await asyncio.sleep(2 * JOURNAL_RETRY_S)
        writing.close()

    run(write)
    assert not journal.errors
    assert (told.counts, len(list(journal.read()))) == ([], 1)


def test_a_move_leaves_in_the_call_once_it_is_written_and_is_heard_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_module, "WAIT_S", PATIENCE_S)
    journal = SqliteJournal(tmp_path / "journal")
    node = started(journal, with_move=True)
    told, count = Told(node), len(node.unwritten)

    async def write() -> None:
        writing = Writing(node, journal, told.written, told.fenced.append)
        writing.begin()
        writing.wait()
        assert told.counts == [count]
        assert any(isinstance(one, Send) for one in node.parts.outbox.take_dispatches())
        await asyncio.sleep(0.05)
        assert not writing.is_busy
        writing.close()

    run(write)
    assert told.counts == [count]


def test_a_slow_journal_is_waited_for_once_and_heard_of_by_the_loop(tmp_path: Path) -> None:
    journal = Slow(tmp_path / "journal")
    node = started(journal, with_move=True)
    told, count = Told(node), len(node.unwritten)

    async def write() -> None:
        writing = Writing(node, journal, told.written, told.fenced.append)
        writing.begin()
        writing.wait()
        assert (told.counts, writing.is_busy) == ([], True)
        journal.is_let.set()
        while len(list(SqliteJournal(tmp_path / "journal").read())) == 1:
            time.sleep(0.001)
        time.sleep(0.05)
        writing.wait()
        assert told.counts == [], "it was waited for again"
        await asyncio.sleep(0.05)
        writing.close()

    run(write)
    assert told.counts == [count]


def test_where_no_move_waits_nor_does_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_module, "WAIT_S", PATIENCE_S)
    journal = Slow(tmp_path / "journal")
    node = started(journal)
    told, count = Told(node), len(node.unwritten)

    async def write() -> None:
        writing = Writing(node, journal, told.written, told.fenced.append)
        writing.begin()
        writing.wait()
        assert told.counts == []
        journal.is_let.set()
        while writing.is_busy:
            await asyncio.sleep(0.001)
        writing.close()

    run(write)
    assert told.counts == [count]
