"""Speak: how a command gets to the desk, alive or dead, and how one looks at it.

Rules:

1. `halt` and `pause` are left in the inbox before anything else is tried: they need no node, journal, policy or network.
   Only a scope that the config does not know is refused first, while somebody is there to correct it.
2. Every other command goes to the node; when nobody answers, it is judged here as far as the files allow, and left in the
   inbox. Its nonce makes the two ways one command.
3. Looking asks the node when there is a key to ask with, and reads the files otherwise.
"""

import secrets
import time
from pathlib import Path
from typing import Literal

import msgspec

from holdfast.app.control.authority import Authority
from holdfast.app.control.client import ask_node
from holdfast.app.control.command import (
    BRAKES,
    REPLAYED,
    STALE,
    Command,
    Refusal,
    SignedCommand,
    sign_command,
)
from holdfast.app.control.desk_files import ControlConfig, DeskSeen, read_desk, read_receipts
from holdfast.app.control.gate import Gate
from holdfast.app.control.inbox import leave
from holdfast.app.control.lines import Answer
from holdfast.app.control.screen import Sight
from holdfast.app.control.targets import scope_named
from holdfast.error import HoldfastError, OutsideError
from holdfast.keys.file_signer import FileSigner


class Outcome(msgspec.Struct, kw_only=True):
    """What became of a command. `left`: in the inbox, for a node to read; `lost`: neither way worked."""

    outcome: Literal["done", "refused", "left", "lost"]
    said: str = ""
    refusal: Refusal | None = None
    file: str = ""


def made_command(
    config: ControlConfig, signer: FileSigner, command: str, arguments: dict[str, str]
) -> tuple[Command, SignedCommand]:
    """Return a new signed command of this moment."""
    made = Command(
        command=command,
        arguments={name: value for name, value in arguments.items() if value},
        desk=config.desk,
        operator=signer.name,
        time_ns=time.time_ns(),
        nonce=secrets.token_hex(16),
    )
    return made, sign_command(made, signer)


def tell_desk(config: ControlConfig, signer: FileSigner, command: str, arguments: dict[str, str]) -> Outcome:
    """Tell the desk something by every way that it needs."""
    made, signed = made_command(config, signer, command, arguments)
    path, trouble = None, ""
    if command in BRAKES:
        scope = scope_named(arguments.get("scope", ""), config.venues) if config.venues else None
        if isinstance(scope, Refusal):
            return Outcome(outcome="refused", refusal=scope)
        path, trouble = _leave(config, signed, made)
    answer = ask_node(config.folder, signed)
    code = answer.refusal.code if answer is not None and answer.refusal is not None else ""
    if path is not None and code == STALE:  # the clocks differ: from the file it counts all the same
        return Outcome(outcome="left", file=str(path), refusal=answer.refusal if answer else None)
    if answer is not None:
        if code not in ("", REPLAYED):
            return Outcome(outcome="refused", refusal=answer.refusal)
        return Outcome(outcome="done", said=answer.said)
    if command not in BRAKES:
        if refusal := _judged_here(config, made, signed):
            return Outcome(outcome="refused", refusal=refusal)
        path, trouble = _leave(config, signed, made)
    if path is None:
        return Outcome(outcome="lost", said=trouble)
    return Outcome(outcome="left", file=str(path))


def look(
    config: ControlConfig, signer: FileSigner | None, command: str, run: str = ""
) -> tuple[Sight, Answer]:
    """Return the desk as the node shows it, or else as the files do.

    Raises: OutsideError with the refusal's code when the node refuses to show it to this operator.
    """
    now_ns = time.time_ns()
    if signer is not None:
        _, signed = made_command(config, signer, command, {"id": run})
        answer = ask_node(config.folder, signed)
        if answer is not None and answer.refusal is not None:
            raise OutsideError(answer.refusal.code, answer.refusal.reason, remedy=answer.refusal.remedy)
        if answer is not None and answer.picture is not None:
            seen = read_desk(config, answer.picture)
            return _sight(config, seen, now_ns, alive=True, source="node"), answer
    seen = read_desk(config)
    alive = seen.health is not None and seen.health.is_alive(now_ns)
    return _sight(config, seen, now_ns, alive=alive, source="files"), Answer()


def _sight(config: ControlConfig, seen: DeskSeen, now_ns: int, *, alive: bool, source: str) -> Sight:
    return Sight(
        desk=config.desk,
        picture=seen.picture,
        now_ns=now_ns,
        source=source,
        alive=alive,
        sign_of_life_ns=seen.health.time_ns if seen.health else 0,
        troubles=seen.troubles,
        waiting=seen.waiting,
        checkpoint_entries=seen.checkpoint_entries,
        checkpoint_ns=seen.checkpoint_ns,
        figures=seen.health.figures if seen.health else {},
    )


def _leave(config: ControlConfig, signed: SignedCommand, command: Command) -> tuple[Path | None, str]:
    try:
        return leave(config.folder, signed, command), ""
    except OSError as error:
        return None, f"{config.folder} cannot be written: {error.strerror}"


def _judged_here(config: ControlConfig, command: Command, signed: SignedCommand) -> Refusal | None:
    """Return why a node would refuse the command, as far as the files tell; unreadable files are no reason."""
    named = command.arguments.get("playbook", "")
    gate = Gate(
        config.desk,
        config.operators,
        Authority.load(config.policies, config.operators),
        venues=config.venues,
        playbooks={named} if named else (),
    )
    try:
        for record in read_receipts(config):
            gate.fold(record)
    except HoldfastError:
        if command.command in ("approve", "deny"):
            return None
    return gate.judge(command.time_ns, signed).refusal
