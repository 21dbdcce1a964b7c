"""A node that breaks ends its run: nothing more is asked of it, and nothing that it may have made up is written."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.app.control.notify import NotifySettings
from holdfast.app.driver import Driver
from holdfast.app.following import Following
from holdfast.app.node import Node
from holdfast.app.steady_clock import SteadyClock
from holdfast.error import BrokenInvariant
from holdfast.event import Scope
from holdfast.keys.file_signer import FileSigner
from holdfast.lab.universe.desk import new_node
from holdfast.lab.world.world import World
from holdfast.ledger.journal.follower import Follower
from holdfast.ledger.journal.sqlite import SqliteJournal
from holdfast.ledger.record import RunStarted, decode
from holdfast.receipt import NodeStopped, PermitMoved

GIVE_UP_S = 20.0


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    """Whatever the driver does, the test ends."""
    timer = threading.Timer(GIVE_UP_S, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    yield
    timer.cancel()


class Guard:
    """A driver with a node whose venues do not exist, on a journal of its own."""

    def __init__(self, folder: Path) -> None:
        self.path, self.asked_after = folder / "journal.sqlite", 0
        clock, journal = SteadyClock(), SqliteJournal(self.path)
        journal.take_over("one", clock.now_ns())
        self.node: Node = new_node(World(1, 1_760_000_000_000_000_000, participants=[]), "one", {})
        self.node.recover(decode(data) for _, data in journal.read())
        signer = FileSigner.create(folder / "desk.key", "desk.example/guard")
        told = RunStarted(settings={}, rules=(), inputs=(), versions={})
        following = Following(
            lambda: SqliteJournal(self.path),
            lambda followed: Follower.open(followed, folder / "ledger", "desk.example/guard", signer, told),
        )
        following.begin()
        self.driver = Driver(self.node, clock, journal, following, folder, NotifySettings())

    def written(self) -> list[Any]:
        return [decode(data) for _, data in SqliteJournal(self.path).read()]


def breaking(node: Node, name: str, error: Exception, after: int) -> list[int]:
    """Have a call of a node fail from the `after`-th time on, half-way through; return a count of its calls."""
    calls = [0]
    known = getattr(node, name)

    def call(now_ns: int, *what: Any) -> Any:
        calls[0] += 1
        if calls[0] < after:
            return known(now_ns, *what)
        node.memory.write(PermitMoved(now_ns, Scope(), "halted", "half of it"))
        raise error

    setattr(node, name, call)
    return calls


@pytest.mark.parametrize("name", ["on_wake", "on_written", "on_close"])
def test_whatever_breaks_a_node_ends_the_run_with_its_error(tmp_path: Path, name: str) -> None:
    guard = Guard(tmp_path)
    calls = breaking(guard.node, name, BrokenInvariant("test.broken", "it broke"), after=2)
    with pytest.raises(BrokenInvariant, match=r"test\.broken"):
        guard.driver.run()
    assert calls == [2], "it was asked again"
    kinds = {type(one) for one in guard.written()}
    assert PermitMoved not in kinds, "what it had only half done was written"
    assert NodeStopped not in kinds, "it did not end in order, and says so"


def test_an_error_that_nobody_thought_of_ends_it_too(tmp_path: Path) -> None:
    guard = Guard(tmp_path)
    breaking(guard.node, "on_wake", ZeroDivisionError("a mistake"), after=1)
    with pytest.raises(ZeroDivisionError):
        guard.driver.run()


def test_a_node_that_does_not_break_runs_until_it_is_told_to_stop(tmp_path: Path) -> None:
    guard = Guard(tmp_path)
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert guard.driver.run() == 0
    assert isinstance(guard.written()[-1], NodeStopped)
