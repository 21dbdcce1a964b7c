"""A guard's tape and ledger, replayed, say bit for bit what the guard said."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from holdfast import tape
from holdfast.app import live_tape
from holdfast.app.live_tape import LiveTape
from holdfast.app.node import Node
from holdfast.app.recording import Recording, write_tape
from holdfast.app.refolding import Refolding
from holdfast.app.risk.worker import RecordedRisk
from holdfast.app.rule_files import load_rules
from holdfast.app.warm_up import warm_up, warm_up_feeds
from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.detectors.live_watch import LIVE_DETECTOR_NAMES
from holdfast.engine import State
from holdfast.error import CallerError
from holdfast.event import (
    Alert,
    AlertCleared,
    Decided,
    Event,
    LevelMoved,
    RiskMeasured,
    Scope,
    ScoreMoved,
)
from holdfast.instrument import Instruments, listed
from holdfast.keys.file_signer import FileSigner
from holdfast.lab.universe.desk import command
from holdfast.lab.universe.universe import START_NS, Universe, armed_node
from holdfast.lab.world.listings import DERIBIT, VENUES
from holdfast.lab.world.world import World
from holdfast.ledger.journal.base import Journal
from holdfast.ledger.journal.follower import Follower
from holdfast.ledger.journal.memory import MemoryJournal
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.record import RunStarted, decode, encode
from holdfast.ledger.writer import LedgerWriter
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.receipt import NodeStarted
from holdfast.tape import Rows

SAID = (Alert, AlertCleared, Decided, LevelMoved, RiskMeasured, ScoreMoved)

PERPETUAL = listed(
    "0.5", "1", venue=DERIBIT, symbol="BTC-PERPETUAL", kind="perpetual", base="BTC", quote="USD", settle="BTC",
    inverse=True,
)  # fmt: skip


class Life:
    """One node, and what it kept of what went into its fold."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.instruments = node.parts.state.instruments
        self.rows: list[Rows] = []
        node.folding.keep = self.rows.append

    def batches(self) -> Sequence[Rows]:
        return self.rows


@dataclass
class Lived:
    """A universe that has ended: its last life, the tape of that and the ledger of all."""

    life: Life
    tape: Path
    ledger: Path
    before: Sequence[Life] = ()

    def refolded(self, ledger: Path | None, split: Random | None = None) -> tuple[State, list[Event]]:
        """Replay the tape; return the state and what it said."""
        recording = Recording([self.tape], Instruments())
        state = State(recording.instruments, Desk(load_rules(None), Escalation()))
        if ledger is not None:
            state.risk = RecordedRisk(ledger)
        refolding = Refolding(state, ledger)
        said: list[Event] = []
        for batch in recording.batches():
            places = sorted(split.sample(range(len(batch)), len(batch) // 3)) if split else []
            for rows in np.split(batch, places):
                said += refolding.step(rows)
        assert state.rows == recording.rows_in
        return state, said

    def said(self) -> list[Event]:
        """What the last life said, as the ledger has it."""
        records = [decode(entry) for entry in LedgerReader(self.ledger).entries()]
        begun = max(n for n, record in enumerate(records) if isinstance(record, NodeStarted))
        return [record for record in records[begun:] if isinstance(record, SAID)]


def lived(folder: Path, seed: int, *, is_stormy: bool) -> Lived:
    """Let a universe run to its end."""
    lives: list[Life] = []

    def make(world: World, name: str) -> Node:
        lives.append(Life(armed_node(world, name)))
        return lives[-1].node

    universe = Universe(seed, make, is_stormy=is_stormy)
    universe.run()
    (life,) = [one for one in lives if one.node is universe.alive]
    node = life.node
    node.stop(universe.clockwork.now_ns, "the test is over")
    universe.journal.append(node.epoch, [encode(record) for record in node.unwritten])
    before = [one for one in lives if one is not life and one.rows]
    return replace(kept(folder, life, universe.journal), before=before)


def kept(folder: Path, life: Life, journal: Journal) -> Lived:
    """Put a life's tape and its ledger into files."""
    signer = FileSigner.create(folder / "desk.key", "desk.example/guard")
    started = RunStarted(settings={}, rules=(), inputs=(), versions={})
    with Follower.open(journal, folder / "ledger", signer.name, signer, started) as follower:
        follower.catch_up()
    write_tape(life, folder / "life.parquet")
    return Lived(life, folder / "life.parquet", folder / "ledger")


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm_up()
    warm_up_feeds(VENUES)


@pytest.fixture(scope="module")
def stormy(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return lived(tmp_path_factory.mktemp("stormy"), 7, is_stormy=True)


@pytest.fixture(scope="module", params=["calm 3", "stormy 3", "stormy 5", "stormy 11"])
def one(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    weather, seed = request.param.split()
    return lived(tmp_path_factory.mktemp("lived"), int(seed), is_stormy=weather == "stormy")


def test_a_replay_says_what_the_guard_said(one: Lived) -> None:
    state, said = one.refolded(one.ledger)
    assert said == one.said()
    assert len(said) > 5
    assert state.desk.memory() == one.life.node.parts.state.desk.memory()


def test_what_the_desks_own_detectors_said_is_in_it(stormy: Lived) -> None:
    _, said = stormy.refolded(stormy.ledger)
    assert {event.detector for event in said if isinstance(event, Alert)} & set(LIVE_DETECTOR_NAMES)


def test_it_ends_in_the_same_memory_to_the_last_bit_however_rows_are_split(one: Lived) -> None:
    state, said = one.refolded(one.ledger, Random(1))
    assert state.digest() == one.life.node.parts.state.digest()
    assert said == one.said()


def test_a_tape_in_many_files_says_the_same(
    one: Lived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_tape, "FILE_ROWS_MAX", 400)
    monkeypatch.setattr(live_tape, "FREE_BYTES_MIN", 0)
    made = LiveTape(tmp_path, 1, one.life.instruments, 10**9)
    for rows in one.life.rows:
        made.keep(rows)
    made.close()
    assert len(list(tmp_path.glob("*/*.parquet"))) > 2
    state, said = replace(one, tape=tmp_path / "000001").refolded(one.ledger)
    assert said == one.said()
    assert state.digest() == one.life.node.parts.state.digest()


def test_without_the_ledger_the_market_alone_is_replayed(stormy: Lived) -> None:
    _, said = stormy.refolded(None)
    wanted = [event for event in stormy.said() if isinstance(event, Alert | AlertCleared)]
    assert [event for event in said if isinstance(event, Alert | AlertCleared)] == [
        event for event in wanted if event.detector not in LIVE_DETECTOR_NAMES
    ]
    assert not any(isinstance(event, RiskMeasured) for event in said)


def test_another_guards_ledger_is_refused(stormy: Lived, tmp_path: Path) -> None:
    journal = MemoryJournal()
    journal.take_over("another", START_NS + 1)
    other = kept(tmp_path, Life(armed_node(World(1, START_NS, participants=[]), "another")), journal)
    with pytest.raises(CallerError, match=r"replay\.other_ledger"):
        stormy.refolded(other.ledger)


def test_what_a_killed_guard_had_not_written_is_passed_over(stormy: Lived, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    records = [decode(entry) for entry in LedgerReader(stormy.ledger).entries()]
    begun = max(n for n, record in enumerate(records) if isinstance(record, NodeStarted))
    signer = FileSigner.create(tmp_path / "desk.key", "desk.example/guard")
    with LedgerWriter.create(folder, signer.name, signer) as ledger:
        ledger.append_many([encode(record) for record in records[: begun + 1]])
        ledger.commit()
    _, said = stormy.refolded(folder)
    assert not any(isinstance(one, Alert) and one.detector in LIVE_DETECTOR_NAMES for one in said)
    assert any(isinstance(one, Alert) for one in said)


def test_all_lives_of_a_guard_are_replayed_one_after_the_other(tmp_path: Path) -> None:
    said = 0
    for seed in (2, 14, 16):
        folder = tmp_path / str(seed)
        folder.mkdir()
        last = lived(folder, seed, is_stormy=True)
        assert len(last.before) > 0
        for number, life in enumerate((*last.before, last.life)):
            write_tape(life, folder / f"{number}.parquet")
            _, events = replace(last, tape=folder / f"{number}.parquet").refolded(last.ledger)
            said += len(events)
    assert said > 0


def test_a_level_that_a_person_lowered_is_lowered_again(tmp_path: Path) -> None:
    journal = MemoryJournal()
    epoch = journal.take_over("node", START_NS)
    halted = LevelMoved(START_NS, Scope(), "normal", "halt", "a test")
    journal.append(epoch, [encode(halted)])
    journal.take_over("node", START_NS)
    life = Life(armed_node(World(1, START_NS, participants=[]), "node"))
    node = life.node
    node.parts.state.instruments.add(PERPETUAL)
    node.recover(decode(data) for _, data in journal.read())
    node.start(START_NS)
    at_ns = START_NS
    for second in range(15):
        at_ns = START_NS + second * SECOND_NS + MILLISECOND_NS
        node.clients[0].feed.rows.append(
            tape.TRADE, 0, at_ns, at_ns, price=120_000, size=1, side=1, flags=tape.LAST
        )
        node.on_wake(at_ns)
        while node.wake_ns <= at_ns:
            node.on_wake(at_ns)
    verdict = node.on_command(at_ns, command(at_ns, 1, "release", scope="desk"))
    assert verdict.refusal is None
    node.stop(at_ns, "the test is over")
    journal.append(node.epoch, [encode(record) for record in node.unwritten])
    released = kept(tmp_path, life, journal)
    state, said = released.refolded(released.ledger)
    assert said[-1] == LevelMoved(at_ns, Scope(), "halt", "reduce", "released by ann")
    assert said == released.said()
    assert state.desk.memory() == node.parts.state.desk.memory()
