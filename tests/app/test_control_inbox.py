"""The inbox: commands by files alone, whole, once, brakes first, and over a crash between any two steps."""

import os
import stat
from pathlib import Path

import pytest
from control_desk import NOW_NS, ListeningNode, People, judged, write_config
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from holdfast.app.control.command import SignedCommand, read_command
from holdfast.app.control.inbox import Inbox, leave, waiting
from holdfast.clock import SECOND_NS
from holdfast.ledger.record import decode
from holdfast.receipt import Commanded


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("people"))


def left(folder: Path, signed: SignedCommand) -> Path:
    command = read_command(signed)
    assert not hasattr(command, "code")
    return leave(folder, signed, command)  # type: ignore[arg-type]


def test_what_is_left_is_read_once_and_put_away_when_done(people: People, tmp_path: Path) -> None:
    signed = people.sign("tom", "halt")
    path = left(tmp_path, signed)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    inbox = Inbox(tmp_path)
    (file,) = inbox.poll()
    assert file.signed == signed
    assert inbox.poll() == []
    inbox.done(file)
    assert not path.exists()
    assert (tmp_path / "inbox" / "done" / path.name).exists()
    assert Inbox(tmp_path).poll() == []


def test_what_was_not_done_is_read_again_after_a_restart(people: People, tmp_path: Path) -> None:
    left(tmp_path, people.sign("tom", "halt"))
    assert len(Inbox(tmp_path).poll()) == 1
    assert len(Inbox(tmp_path).poll()) == 1


def test_brakes_are_read_first_then_by_time(people: People, tmp_path: Path) -> None:
    left(tmp_path, people.sign("rita", "resume", NOW_NS))
    left(tmp_path, people.sign("rita", "arm", NOW_NS - 1, playbook="deleverage", mode="act"))
    left(tmp_path, people.sign("tom", "halt", NOW_NS + 1))
    names = [read_command(file.signed).command for file in Inbox(tmp_path).poll()]  # type: ignore[union-attr]
    assert names == ["halt", "arm", "resume"]
    assert [command.command for command in waiting(tmp_path)] == ["halt", "arm", "resume"]


@pytest.mark.parametrize("data", [b"", b"{}", b"halt", b"\xff" * 99, b"x" * 20_000], ids=range(5))
def test_what_is_no_command_is_set_aside_and_does_not_stop_the_others(
    people: People, tmp_path: Path, data: bytes
) -> None:
    inbox = Inbox(tmp_path)
    (tmp_path / "inbox" / "0-bad.json").write_bytes(data)
    left(tmp_path, people.sign("tom", "halt"))
    assert len(inbox.poll()) == 1
    assert os.listdir(tmp_path / "inbox" / "refused") == ["0-bad.json"]
    assert inbox.poll() == []


def test_a_file_that_is_still_being_written_is_not_read(people: People, tmp_path: Path) -> None:
    path = left(tmp_path, people.sign("tom", "halt"))
    path.rename(path.with_suffix(".tmp"))
    assert Inbox(tmp_path).poll() == []


def test_a_folder_named_like_a_command_does_not_stop_the_inbox(people: People, tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    (tmp_path / "inbox" / "0-folder.json").mkdir()
    left(tmp_path, people.sign("tom", "halt"))
    assert len(inbox.poll()) == 1


def test_a_pipe_or_a_link_named_like_a_command_neither_blocks_nor_leads_elsewhere(
    people: People, tmp_path: Path
) -> None:
    inbox = Inbox(tmp_path)
    os.mkfifo(tmp_path / "inbox" / "0-pipe.json")
    elsewhere = left(tmp_path, people.sign("rita", "resume")).rename(tmp_path / "elsewhere")
    (tmp_path / "inbox" / "0-link.json").symlink_to(elsewhere)
    left(tmp_path, people.sign("tom", "halt"))
    assert [read_command(file.signed).command for file in inbox.poll()] == ["halt"]  # type: ignore[union-attr]
    assert sorted(os.listdir(tmp_path / "inbox" / "refused")) == ["0-link.json", "0-pipe.json"]
    assert [command.command for command in waiting(tmp_path)] == ["halt"]


def test_nothing_waits_where_no_inbox_is(tmp_path: Path) -> None:
    assert waiting(tmp_path) == []


class Crashing(RuleBasedStateMachine):
    """People leave commands, a node reads them and dies between any two of its steps; each is done once at most."""

    people: People

    @initialize()
    def start(self) -> None:
        self.folder = self.people.folder / os.urandom(8).hex()
        self.folder.mkdir()
        self.sent: list[SignedCommand] = []
        self.journal: list[Commanded] = []
        self.restart()

    def restart(self) -> None:
        self.inbox = Inbox(self.folder)
        self.gate = self.people.gate()
        for receipt in self.journal:
            self.gate.fold(receipt)

    @rule(name=st.sampled_from(["tom", "rita", "vic"]), command=st.sampled_from(["halt", "pause", "resume"]))
    def leave_one(self, name: str, command: str) -> None:
        self.sent.append(self.people.sign(name, command))
        left(self.folder, self.sent[-1])

    @rule(number=st.integers(0, 9))
    def leave_an_old_one_again(self, number: int) -> None:
        if self.sent:
            left(self.folder, self.sent[number % len(self.sent)])

    @rule(dies=st.sampled_from(["", "before the journal", "after the journal"]))
    def read(self, dies: str) -> None:
        for file in self.inbox.poll():
            if dies == "before the journal":
                return self.restart()
            verdict = judged(self.gate, file.signed, NOW_NS + SECOND_NS, from_file=True)
            self.journal += [one for one in verdict.receipts if isinstance(one, Commanded)]
            if dies == "after the journal":
                return self.restart()
            self.inbox.done(file)
        return None

    @invariant()
    def none_is_done_twice(self) -> None:
        done = [receipt.signature for receipt in self.journal]
        assert len(done) == len(set(done))

    def teardown(self) -> None:
        self.restart()
        self.read("")
        assert len(self.journal) == len(self.sent), "every command is judged in the end"
        assert waiting(self.folder) == []


def test_each_command_is_judged_once_whatever_dies_between(people: People) -> None:
    Crashing.people = people
    machine = Crashing.TestCase
    machine.settings = settings(max_examples=25, stateful_step_count=12)
    machine("runTest").runTest()


def test_a_halt_left_while_the_node_was_dead_holds_when_it_starts_even_a_day_later(tmp_path: Path) -> None:
    people = People(tmp_path)
    write_config(people)
    left(people.folder / "state", people.sign("tom", "halt", comment="fire in the house"))
    left(people.folder / "state", people.sign("rita", "arm", playbook="deleverage", mode="act"))
    node = ListeningNode(people, [NOW_NS + 86_400 * SECOND_NS])
    halted, stale = node.poll()
    assert halted.refusal is None
    assert node.gate.picture.permits["desk"].permit == "halted"
    assert stale.refusal is not None
    assert stale.refusal.code == "command.stale"
    assert waiting(node.folder) == []
    assert [type(decode(record)).__name__ for _, record in node.journal.read()] == [
        "NodeStarted",
        "Commanded",
        "PermitMoved",
        "Commanded",
    ]
