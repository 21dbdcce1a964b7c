"""A guard's own ledger: journal followed by the provable ledger, judged by us and by a verifier that is not ours."""

import shutil
from pathlib import Path

import pytest
from go_verifier import go_verifier, judge

from holdfast.app.warm_up import warm_up, warm_up_feeds
from holdfast.clock import SECOND_NS
from holdfast.event import LineMoved
from holdfast.keys.file_signer import FileSigner
from holdfast.lab.universe.universe import START_NS, Universe
from holdfast.lab.world.listings import VENUES
from holdfast.ledger.journal.follower import Follower
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.record import RunStarted, decode, encode
from holdfast.ledger.verify import verify
from holdfast.receipt import Attempted, Intended, NodeStarted, NodeStopped, Settled

__all__ = ["go_verifier"]

ORIGIN = "desk.example/guard"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    return FileSigner.create(tmp_path_factory.mktemp("keys") / "desk.key", ORIGIN)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, signer: FileSigner) -> Path:
    """A ledger that followed the journal of a guard, in two goes, through a storm to an orderly end."""
    warm_up()
    warm_up_feeds(VENUES)
    folder = tmp_path_factory.mktemp("guard") / "ledger"
    universe = Universe(3)
    started = RunStarted(settings={"desk": "universe"}, rules=(), inputs=(), versions={})
    universe.run()
    node = universe.alive
    assert node is not None
    with Follower.open(universe.journal, folder, ORIGIN, signer, started) as follower:
        assert follower.catch_up() > 50
    node.stop(universe.clockwork.now_ns, "the test is over")
    universe.journal.append(node.epoch, [encode(record) for record in node.unwritten])
    with Follower.open(universe.journal, folder, ORIGIN, signer, started) as follower:
        assert follower.catch_up() > 0
    return folder


def flip(folder: Path, path: str, at: int) -> None:
    data = bytearray((folder / path).read_bytes())
    data[at] ^= 1
    (folder / path).write_bytes(data)


def entries_of(folder: Path) -> str:
    """The widest bundle of entries, which is the one that counts."""
    found = (folder / "tile" / "entries").rglob("*")
    return max((path for path in found if path.is_file()), key=lambda path: path.stat().st_size).relative_to(
        folder
    ).as_posix()  # fmt: skip


def test_the_ledger_tells_what_the_guard_did(guarded: Path) -> None:
    entries = [decode(data) for data in LedgerReader(guarded).entries(0)]
    kinds = {type(entry) for entry in entries}
    assert isinstance(entries[0], RunStarted)
    assert {NodeStarted, Intended, Attempted, Settled} <= kinds
    intended = {entry.key for entry in entries if isinstance(entry, Intended)}
    assert {entry.key for entry in entries if isinstance(entry, Settled)} <= intended


def test_a_guards_ledger_is_accepted_by_us_and_by_go(
    guarded: Path, signer: FileSigner, go_verifier: Path
) -> None:
    report = verify(guarded, signer.verifier_key)
    assert report.ok
    done = judge(go_verifier, guarded, signer.verifier_key)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"accepted {report.size} entries")


def test_one_changed_byte_is_named_by_us_and_refused_by_go(
    guarded: Path, signer: FileSigner, go_verifier: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ledger"
    shutil.copytree(guarded, folder)
    path = entries_of(folder)
    flip(folder, path, 5_000)
    report = verify(folder, signer.verifier_key)
    assert not report.ok
    assert report.findings[0].path == path
    assert report.findings[0].entry >= 0
    assert judge(go_verifier, folder, signer.verifier_key).returncode != 0


def test_a_guard_that_was_told_to_stop_ended_in_order(guarded: Path, signer: FileSigner) -> None:
    assert isinstance(decode(list(LedgerReader(guarded).entries(0))[-1]), NodeStopped)
    assert any("the guard ended in order" in note for note in verify(guarded, signer.verifier_key).notes)


def test_when_a_guard_has_stopped_nothing_comes_after_it() -> None:
    warm_up()
    warm_up_feeds(VENUES)
    universe = Universe(1, is_stormy=False)
    universe.clockwork.run(START_NS + 5 * SECOND_NS)
    node, now_ns = universe.alive, universe.clockwork.now_ns
    assert node is not None
    node.stop(now_ns, "the test is over")
    *before, last = node.unwritten
    assert isinstance(last, NodeStopped)
    assert {one.line for one in before if isinstance(one, LineMoved) and not one.up} >= {"private", "public"}
    node.on_written(now_ns, len(node.unwritten))
    node.on_wake(now_ns + SECOND_NS)
    assert list(node.unwritten) == []


def test_a_guard_that_was_killed_did_not(tmp_path: Path, signer: FileSigner) -> None:
    warm_up()
    warm_up_feeds(VENUES)
    universe = Universe(1, is_stormy=False)
    universe.clockwork.run(START_NS + SECOND_NS)
    started = RunStarted(settings={}, rules=(), inputs=(), versions={})
    with Follower.open(universe.journal, tmp_path / "ledger", ORIGIN, signer, started) as follower:
        follower.catch_up()
    report = verify(tmp_path / "ledger", signer.verifier_key)
    assert report.ok
    assert any("did not end in order" in note for note in report.notes)
