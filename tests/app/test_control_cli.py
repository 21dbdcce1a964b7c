"""The commands themselves: run as a person runs them, against a node on a real socket, a dead one, and a broken one."""

import json
import os
import sqlite3
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from control_desk import ListeningNode, People, incident, judged, listening, write_config

from holdfast.app.cli import main
from holdfast.app.control.authority import Authority
from holdfast.app.control.commands import CONTROL_COMMANDS
from holdfast.app.control.desk_files import read_control
from holdfast.app.control.health import Health, health_of, read_health, write_health
from holdfast.app.control.inbox import waiting
from holdfast.app.control.may import may_table
from holdfast.clock import SECOND_NS
from holdfast.ledger.writer import LedgerWriter
from holdfast.receipt import Commanded, PlaybookArmed, Receipt, Voted

DONE, REFUSED, WRONG, LEFT = 0, 1, 2, 4


class Terminal:
    """A person at a terminal: the config and, perhaps, a key."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.config = write_config(people)

    def type(self, *words: str, by: str = "") -> Result:
        key = ["--key", self.people.key(by)] if by else []
        return CliRunner().invoke(
            main, [*words, *key, "--config", str(self.config)], env={"HOLDFAST_KEY": ""}
        )

    @property
    def waiting(self) -> list[str]:
        return [one.command for one in waiting(self.people.folder / "state")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def terminal(tmp_path: Path, made: People) -> Terminal:
    people = People.__new__(People)
    people.signers, people.settings, people.folder = made.signers, made.settings, tmp_path
    for name in made.signers:
        (tmp_path / f"{name}.key").write_bytes((made.folder / f"{name}.key").read_bytes())
        (tmp_path / f"{name}.key").chmod(0o600)
    return Terminal(people)


@pytest.fixture
def node(terminal: Terminal) -> ListeningNode:
    node = ListeningNode(terminal.people, [time.time_ns()])
    node.write(incident(node.clock_ns[0]))
    return node


# a node that lives


def test_a_living_node_does_what_it_is_told(terminal: Terminal, node: ListeningNode) -> None:
    with listening(node):
        halted = terminal.type("halt", "deribit", "--comment", "odd fills", by="tom")
        assert (halted.exit_code, halted.output) == (
            DONE,
            "halt: done; permitted: everybody but viewers brakes\n",
        )
        assert node.gate.picture.permits["deribit"].because == "tom: odd fills"
        assert terminal.type("pause", by="tom").exit_code == DONE
        assert terminal.type("resume", "deribit", by="rita").exit_code == DONE
        assert terminal.type("approve", "deleverage-17", by="tom").exit_code == DONE
        assert terminal.type("deny", "deleverage-17/ask", "--comment", "wait", by="rita").exit_code == DONE
        assert terminal.type("arm", "deleverage", "--mode", "act", by="rita").exit_code == DONE
        assert terminal.type("disarm", "deleverage", by="rita").exit_code == DONE
        assert terminal.type("release", "deribit", by="rita").exit_code == DONE
        assert terminal.type("start", "deleverage", "deribit", by="tom").exit_code == DONE
        assert terminal.type("stop", "deleverage-17", by="rita").exit_code == DONE
    picture = node.gate.picture
    assert sorted(picture.permits) == ["desk"]
    assert picture.modes == {"deleverage": "observe"}
    votes = {vote.operator: vote.approves for vote in picture.approvals["deleverage-17/ask"].votes}
    assert votes == {"tom": True, "rita": False}
    assert [one.command for one in picture.commands] == [
        *("halt", "pause", "resume", "approve", "deny", "arm", "disarm", "release", "start", "stop"),
    ]


def test_a_brake_goes_both_ways_and_holds_once(terminal: Terminal, node: ListeningNode) -> None:
    with listening(node):
        assert terminal.type("halt", by="tom").exit_code == DONE
    assert terminal.waiting == ["halt"]
    (verdict,) = node.poll()
    assert verdict.refusal is not None
    assert verdict.refusal.code == "command.replayed"
    assert terminal.waiting == []
    assert len(node.gate.picture.commands) == 1


def test_a_brake_that_the_node_read_from_the_file_first_is_done_too(
    terminal: Terminal, node: ListeningNode
) -> None:
    hear = node.hear
    node.hear = lambda signed: (node.poll(), hear(signed))[1]  # type: ignore[method-assign]
    with listening(node):
        assert terminal.type("halt", by="tom").exit_code == DONE
        refused = terminal.type("halt", by="vic")
    assert (refused.exit_code, "vic may not halt" in refused.output) == (REFUSED, True)
    assert node.gate.picture.permits["desk"].permit == "halted"


@pytest.mark.parametrize(
    ("by", "words", "code"),
    [
        ("vic", ("halt",), "command.not_allowed"),
        ("tom", ("resume",), "command.not_allowed"),
        ("tom", ("arm", "deleverage", "--mode", "act"), "command.not_allowed"),
        ("rita", ("arm", "delevrage", "--mode", "act"), "did you mean `deleverage`?"),
        ("tom", ("approve", "deleverage-71"), "did you mean `deleverage-17`?"),
        ("ada", ("approve", "deleverage-17"), "command.not_allowed"),
        ("tom", ("halt", "derbit"), "did you mean `deribit`?"),
        ("rita", ("resume", "deribit"), "command.nothing_held"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else value,
)
@pytest.mark.parametrize("alive", [True, False], ids=["alive", "dead"])
def test_a_refusal_says_why_and_nothing_is_done_or_left(
    terminal: Terminal, node: ListeningNode, by: str, words: tuple[str, ...], code: str, alive: bool
) -> None:
    if alive:
        with listening(node):
            refused = terminal.type(*words, by=by)
    else:
        refused = terminal.type(*words, by=by)
    unknown_here = not alive and (words[1:2] == ("delevrage",) or (words[0] == "halt" and by == "vic"))
    if unknown_here:  # only the node knows the playbooks, and a brake is left before anything is asked
        assert refused.exit_code == LEFT
        assert [one.refusal is not None for one in node.poll()] == [True]
    else:
        assert (refused.exit_code, code in refused.output) == (REFUSED, True), refused.output
    assert node.gate.picture.permits == {}
    assert node.gate.picture.modes == {"deleverage": "confirm"}


# a node that is dead


def test_a_halt_of_a_dead_desk_is_left_for_the_node_that_starts(terminal: Terminal) -> None:
    left = terminal.type("halt", "--comment", "fire", by="tom")
    assert left.exit_code == LEFT
    assert "NO NODE ANSWERED" in left.output
    assert "stop the desk at the venue too" in left.output
    assert terminal.waiting == ["halt"]
    node = ListeningNode(terminal.people, [time.time_ns()])
    assert [one.refusal for one in node.poll()] == [None]
    assert node.gate.picture.permits["desk"].because == "tom: fire"


def test_an_answer_to_a_dead_desk_is_left_and_counts_for_a_minute(
    terminal: Terminal, node: ListeningNode
) -> None:
    left = terminal.type("approve", "deleverage-17", by="tom")
    assert (left.exit_code, "within 60 s" in left.output) == (LEFT, True)
    assert terminal.type("deny", "deleverage-17", by="rita").exit_code == LEFT
    node.clock_ns[0] = time.time_ns() + 2 * SECOND_NS
    assert [one.refusal for one in node.poll()] == [None, None]
    assert terminal.type("approve", "deleverage-17", by="tess").exit_code == LEFT
    node.clock_ns[0] += 90 * SECOND_NS
    (late,) = node.poll()
    assert late.refusal is not None
    assert late.refusal.code == "command.stale"


def test_a_halt_needs_no_journal_and_no_policies(terminal: Terminal) -> None:
    state = terminal.people.folder / "state"
    (state / "journal.sqlite").write_bytes(b"this was a database" * 999)
    write_config(terminal.people, extra='policies = "none.cedar"\n[limits]\nnonsense = 1\n')
    with terminal.config.open("a") as file:
        file.write('[[operators]]\nname = "typo"\nkey = "none"\n[[venues]]\nname = 7\n')
    assert terminal.type("halt", by="tom").exit_code == LEFT
    assert terminal.waiting == ["halt"]
    assert terminal.type("resume", by="rita").exit_code == WRONG


def test_a_halt_of_a_node_whose_clock_is_far_off_holds_from_the_file(
    terminal: Terminal, node: ListeningNode
) -> None:
    node.clock_ns[0] += 3_600 * SECOND_NS
    with listening(node):
        told = terminal.type("halt", by="tom")
        assert terminal.type("resume", by="rita").exit_code == REFUSED
    assert (told.exit_code, "command.stale" in told.output) == (LEFT, True)
    assert node.gate.picture.permits == {}
    (verdict,) = node.poll()
    assert verdict.refusal is None
    assert node.gate.picture.permits["desk"].permit == "halted"


def test_a_halt_for_which_neither_way_is_open_says_to_go_to_the_venue(terminal: Terminal) -> None:
    (terminal.people.folder / "state").rmdir()
    (terminal.people.folder / "state").write_text("no folder")
    lost = terminal.type("halt", by="tom")
    assert lost.exit_code == REFUSED
    assert "NOT DONE" in lost.output
    assert "Stop the desk at the venue itself" in lost.output


def test_looking_works_from_the_files_alone(terminal: Terminal, node: ListeningNode) -> None:
    node.journal.close()
    for by in ("", "vic"):
        status = terminal.type("status", by=by)
        assert status.exit_code == DONE
        assert "node-1 is DEAD" in status.output
        assert "1,200,000 USD of exposure" in status.output
    assert "deleverage of deribit, confirm" in terminal.type("incidents").output
    shown = terminal.type("show", "deleverage-17").output
    assert "cancel every order of deribit:main: done" in shown
    assert "fraction: 0.4" in shown


def test_looking_is_not_kept_waiting_by_a_node_that_stopped_in_a_transaction(
    terminal: Terminal, node: ListeningNode
) -> None:
    holder = sqlite3.connect(node.folder / "journal.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert "deleverage-17" in terminal.type("incidents").output
    holder.close()


def test_a_desk_that_never_ran_says_so(terminal: Terminal) -> None:
    assert "no node has ever run here" in terminal.type("status").output


def test_a_journal_that_cannot_be_read_is_told_and_the_rest_is_shown(
    terminal: Terminal, node: ListeningNode
) -> None:
    node.journal.close()
    write_health(node.folder, health_of(node.gate.picture, time.time_ns()))
    for path in node.folder.glob("journal.sqlite*"):
        path.write_bytes(b"not any more" * 999)
    terminal.type("halt", by="tom")
    status = terminal.type("status")
    assert status.exit_code == DONE
    assert "journal.unreachable" in status.output
    assert "tom left halt desk" in status.output


def test_a_changed_record_in_the_journal_is_told(terminal: Terminal, node: ListeningNode) -> None:
    node.journal.close()
    with sqlite3.connect(node.folder / "journal.sqlite") as connection:
        connection.execute("UPDATE journal SET record = replace(record, 'level reduce', 'level normal')")
    assert "journal.damaged" in terminal.type("status").output


def test_a_record_of_a_later_version_is_passed_over(terminal: Terminal, node: ListeningNode) -> None:
    node.journal.append(node.epoch, [b'{"type":"FromTheFuture"}'])
    status = terminal.type("status", "--json")
    assert json.loads(status.output)["picture"]["unknown"] == 1


@pytest.mark.usefixtures("node")
def test_the_last_checkpoint_of_the_ledger_is_shown(terminal: Terminal) -> None:
    folder = terminal.people.folder / "state" / "ledger"
    with LedgerWriter.create(folder, "holdfast/fund-7", terminal.people.signers["ada"]) as ledger:
        ledger.append(b"{}")
    assert "over 1 entries" in terminal.type("status").output


# looking at a node that lives


def test_a_living_node_shows_what_only_it_knows_to_an_operator(
    terminal: Terminal, node: ListeningNode
) -> None:
    with listening(node):
        shown = terminal.type("show", "deleverage-17", by="vic").output
        assert "NEXT\n  sell: reduce by 0.4" in shown
        assert "node-1 is alive, epoch 1, up" in terminal.type("status", by="vic").output
        assert "NEXT" not in terminal.type("show", "deleverage-17").output


def test_an_operator_whom_the_node_does_not_know_is_refused(terminal: Terminal, node: ListeningNode) -> None:
    made = terminal.type("operator", "new", "zoe")
    assert made.exit_code == WRONG  # `operator new` takes no --config: it knows no desk
    key = terminal.people.folder / "zoe.key"
    runner = CliRunner()
    made = runner.invoke(main, ["operator", "new", "zoe", "--key", str(key), "--role", "admin"])
    assert made.exit_code == DONE
    assert key.stat().st_mode & 0o777 == 0o600
    assert 'name = "zoe"\nkey = "zoe+' in made.output
    with listening(node):
        refused = terminal.type("status", by="zoe")
    assert (refused.exit_code, "command.unknown_operator" in refused.output) == (WRONG, True)


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("command", ["status", "incidents", "show"])
def test_json_is_one_object_with_what_is_shown(terminal: Terminal, command: str) -> None:
    words = ("show", "deleverage-17", "--json") if command == "show" else (command, "--json")
    read = json.loads(terminal.type(*words).output)
    text = json.dumps(read)
    assert "deleverage-17" in text
    assert "1200000" in text or command == "incidents"


def test_json_of_a_command_says_what_became_of_it(terminal: Terminal) -> None:
    left = json.loads(terminal.type("halt", "--json", by="tom").output)
    assert (left["outcome"], Path(left["file"]).exists()) == ("left", True)
    refused = json.loads(terminal.type("resume", "--json", by="tom").output)
    assert (refused["outcome"], refused["refusal"]["code"]) == ("refused", "command.not_allowed")


# the audit


def test_every_act_of_a_person_is_backed_by_a_signed_command(terminal: Terminal, node: ListeningNode) -> None:
    with listening(node):
        terminal.type("halt", by="tom")
        terminal.type("approve", "deleverage-17", by="tom")
        terminal.type("arm", "circuit_breaker", "--mode", "act", by="rita")
        terminal.type("resume", by="tom")
    audited = terminal.type("operator", "audit")
    expected = "deleverage armed by rita: no signed command"  # the desk of these tests begins with it
    assert expected in audited.output.splitlines()[0]
    assert audited.output.splitlines()[1:] == ["3 commands verified, 1 were refused when given"]


@pytest.mark.parametrize(
    ("forged", "fault"),
    [
        (
            Voted(5, "deleverage-17/ask", "rita", True),
            "a vote of rita on deleverage-17/ask: no signed command",
        ),
        (
            PlaybookArmed(5, "circuit_breaker", "act", "rita"),
            "circuit_breaker armed by rita: no signed command",
        ),
        (
            Commanded(5, "rita", "resume", {}, f"5 {'0' * 32} {'A' * 86}==", True, ""),
            "resume by rita: not signed by the key",
        ),
        (Commanded(5, "eve", "resume", {}, "", True, ""), "resume by eve: the config knows no such operator"),
    ],
    ids=["vote", "arm", "command", "operator"],
)
def test_what_somebody_wrote_into_the_journal_in_anothers_name_is_found(
    terminal: Terminal, node: ListeningNode, forged: Receipt, fault: str
) -> None:
    node.write([forged])
    audited = terminal.type("operator", "audit", "--json")
    assert audited.exit_code == REFUSED
    assert any(fault in finding for finding in json.loads(audited.output)["findings"])


def test_a_command_that_stands_in_the_journal_twice_is_found(terminal: Terminal, node: ListeningNode) -> None:
    halted = judged(node.gate, terminal.people.sign("tom", "halt", time.time_ns()), time.time_ns()).receipts[
        0
    ]
    node.write([halted, halted])
    assert "halt by tom: the same command stands there twice" in terminal.type("operator", "audit").output


# a wrong call


def test_a_command_without_a_key_says_how_to_get_one(terminal: Terminal) -> None:
    refused = terminal.type("halt")
    assert (refused.exit_code, "holdfast operator new" in refused.output) == (WRONG, True)


def test_a_key_that_others_can_read_is_refused_before_anything_is_sent(terminal: Terminal) -> None:
    Path(terminal.people.key("tom")).chmod(0o644)
    refused = terminal.type("halt", by="tom")
    assert (refused.exit_code, "key.readable_by_others" in refused.output) == (WRONG, True)
    assert terminal.waiting == []


@pytest.mark.usefixtures("node")
def test_an_unknown_run_is_a_wrong_call_with_the_nearest_name(terminal: Terminal) -> None:
    refused = terminal.type("show", "deleverage-1")
    assert (refused.exit_code, "did you mean `deleverage-17`?" in refused.output) == (WRONG, True)


def test_a_config_that_is_missing_or_wrong_is_told_with_its_place(terminal: Terminal) -> None:
    terminal.config.write_text("desk = fund-7")
    assert "settings.syntax" in terminal.type("status").output
    terminal.config.write_text('desk = "d"\n[[operators]]\nname = "tom"\nkey = "x"\nroles = ["trader"]')
    assert "operators.tom: the key is not one" in terminal.type("status").output
    terminal.config.write_text('desk = "d"\n[[operators]]\nname = "tom"\nkey = "x"\nroles = ["tradr"]')
    assert "tradr" in terminal.type("status").output
    terminal.config.unlink()
    assert "config.missing" in terminal.type("status").output


def test_the_folder_is_beside_the_config(terminal: Terminal) -> None:
    config = read_control(terminal.config)
    assert config.folder == terminal.people.folder / "state"
    assert config.journal_path == config.folder / "journal.sqlite"


def test_the_table_of_policies_is_printed_and_a_wrong_file_refused(terminal: Terminal) -> None:
    runner = CliRunner()
    assert "| halt |  | yes | yes | yes |" in runner.invoke(main, ["operator", "policies"]).output
    own = terminal.people.folder / "own.cedar"
    own.write_text('permit (principal, action == Action::"hal", resource);')
    refused = runner.invoke(main, ["operator", "policies", "--policies", str(own)])
    assert (refused.exit_code, "own.cedar:1" in refused.output) == (WRONG, True)


# health


def test_health_is_written_whole_and_its_age_says_whether_the_node_lives(
    terminal: Terminal, node: ListeningNode
) -> None:
    now_ns = time.time_ns()
    write_health(node.folder, health_of(node.gate.picture, now_ns, loop_lag_ms=0.4))
    read = read_health(node.folder)
    assert read is not None
    assert (read.node, read.epoch, read.pid, read.figures) == ("node-1", 1, os.getpid(), {"loop_lag_ms": 0.4})
    assert "is alive" in terminal.type("status").output
    write_health(node.folder, health_of(node.gate.picture, now_ns - 60 * SECOND_NS))
    assert "is DEAD" in terminal.type("status").output
    (node.folder / "health.json").write_text("{")
    assert read_health(node.folder) is None
    assert isinstance(read, Health)


# the documentation

PAGE = (Path(__file__).parents[2] / "docs" / "control.md").read_text()


def _options(command: click.Command) -> list[str]:
    return [option for one in command.params if isinstance(one, click.Option) for option in one.opts]


@pytest.mark.parametrize("command", CONTROL_COMMANDS, ids=lambda command: command.name)
def test_every_command_of_control_and_its_options_are_in_its_page(command: click.Command) -> None:
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    assert f"holdfast {command.name}" in PAGE
    assert [one.name for one in inner if f"holdfast {command.name} {one.name}" not in PAGE] == []
    assert [one for each in (command, *inner) for one in _options(each) if one not in PAGE] == []


def test_the_page_has_the_table_that_the_policies_give() -> None:
    assert PAGE.split("<!-- may -->\n")[1].split("<!-- /may -->")[0].strip() == may_table(
        Authority.load(None)
    )
