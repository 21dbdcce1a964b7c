"""The control socket: lines, the server over a real socket, the client, and a node that does not answer."""

import asyncio
import os
import socket
import stat
import time
from pathlib import Path

import pytest
from control_desk import ListeningNode, People, listening, write_config
from hypothesis import given
from hypothesis import strategies as st

from holdfast.app.control.client import ask_node
from holdfast.app.control.command import COMMAND_BYTES_MAX, Refusal, SignedCommand
from holdfast.app.control.lines import (
    Answer,
    ServerLines,
    decode_answer,
    encode_answer,
    encode_command,
    socket_path,
)
from holdfast.app.control.server import ControlServer
from holdfast.error import CallerError


@pytest.fixture
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    folder = Path(tmp_path_factory.mktemp("p", numbered=True))
    made = People(folder)
    write_config(made)
    return made


@pytest.fixture
def node(people: People) -> ListeningNode:
    return ListeningNode(people, [time.time_ns()])


def test_a_command_is_answered_over_the_socket(people: People, node: ListeningNode) -> None:
    with listening(node) as server:
        assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
        answer = ask_node(node.folder, people.sign("tom", "halt", time.time_ns()))
        assert answer is not None
        assert answer.refusal is None
        refused = ask_node(node.folder, people.sign("vic", "halt", time.time_ns()))
        assert refused is not None
        assert refused.refusal is not None
        assert refused.refusal.code == "command.not_allowed"
    assert not server.path.exists()
    assert ask_node(node.folder, people.sign("tom", "halt", time.time_ns())) is None


def test_the_picture_comes_whole_over_the_socket(people: People, node: ListeningNode) -> None:
    with listening(node):
        ask_node(node.folder, people.sign("tom", "pause", time.time_ns(), scope="deribit"))
        answer = ask_node(node.folder, people.sign("vic", "status", time.time_ns()))
    assert answer is not None
    assert answer.picture == node.gate.picture


def test_several_commands_on_one_connection_are_answered_in_order(
    people: People, node: ListeningNode
) -> None:
    commands = [people.sign("tom", "pause", time.time_ns()), people.sign("vic", "halt", time.time_ns())]
    with listening(node), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(socket_path(node.folder)))
        connection.sendall(b"".join(map(encode_command, commands)) + b"nonsense\n")
        data = b""
        while data.count(b"\n") < 3:
            data += connection.recv(65_536)
    answers = [decode_answer(line) for line in data.splitlines()]
    codes = [one.refusal.code if one and one.refusal else "" for one in answers]
    assert codes == ["", "command.not_allowed", "command.malformed"]


def test_a_line_that_does_not_end_is_refused_and_the_connection_closed(node: ListeningNode) -> None:
    with listening(node), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(socket_path(node.folder)))
        connection.sendall(b"x" * (COMMAND_BYTES_MAX + 1))
        data = b""
        while piece := connection.recv(65_536):
            data += piece
    answer = decode_answer(data)
    assert answer is not None
    assert answer.refusal is not None


def test_a_new_nodes_socket_takes_the_place_of_a_stopped_ones_and_is_not_taken_away_by_it(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async def first(_: SignedCommand) -> Answer:
            return Answer(said="first")

        async def second(_: SignedCommand) -> Answer:
            return Answer(said="second")

        old, new = ControlServer(tmp_path, first), ControlServer(tmp_path, second)
        await old.start()
        await new.start()
        await old.stop()
        assert new.path.exists()
        reader, writer = await asyncio.open_unix_connection(str(new.path))
        writer.write(encode_command(SignedCommand("", "")))
        answer = decode_answer(await reader.readline())
        assert answer == Answer(said="second")
        writer.close()
        await new.stop()
        assert not new.path.exists()

    asyncio.run(story())


def test_a_node_that_hangs_is_a_node_that_does_not_answer(people: People, node: ListeningNode) -> None:
    path = socket_path(node.folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert ask_node(node.folder, people.sign("tom", "status", time.time_ns()), timeout_s=0.05) is None
    assert path.exists(), "a dead node's socket stays, and nobody listens there"
    assert ask_node(node.folder, people.sign("tom", "status", time.time_ns())) is None


def test_another_programs_answer_is_none() -> None:
    assert decode_answer(b"HTTP/1.1 400 Bad Request\r\n") is None
    assert decode_answer(encode_answer(Answer(said="yes"))) == Answer(said="yes")


def test_a_folder_that_is_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"control\.path_too_long"):
        socket_path(tmp_path / ("x" * 100))


@given(st.lists(st.integers(1, 40), max_size=12), st.integers(0, 2**32))
def test_lines_are_the_same_however_the_bytes_arrive(cuts: list[int], seed: int) -> None:
    commands = [SignedCommand(f"text {seed} {n}", "c2ln") for n in range(3)]
    data = b"\n" + b"".join(map(encode_command, commands)) + b"rubbish\n"
    lines, found = ServerLines(), []
    for cut in cuts:
        found += lines.receive(data[:cut])
        data = data[cut:]
    found += lines.receive(data)
    assert found[:3] == commands
    assert isinstance(found[3], Refusal)
    assert len(found) == 4


def test_the_socket_of_a_stopped_server_leaves_no_temporary_behind(tmp_path: Path) -> None:
    async def story() -> None:
        async def answer(_: SignedCommand) -> Answer:
            return Answer()

        server = ControlServer(tmp_path, answer)
        await server.start()
        await server.stop()

    asyncio.run(story())
    assert os.listdir(tmp_path) == []
