"""Lines: the protocol between the command line and the node, sans-IO: one JSON object a line, one answer for each command.

Rules:

1. The client sends a signed command; the server sends one `Answer`. Answers come in the order of the commands.
2. A line that is too long or no signed command is answered with its refusal; after one that is too long the connection ends,
   because where the next begins is unknown.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from holdfast.app.control.command import (
    COMMAND_BYTES_MAX,
    Refusal,
    SignedCommand,
    decode_signed,
    encode_signed,
)
from holdfast.app.control.picture import Picture
from holdfast.error import CallerError

SOCKET: Final = "control.sock"
PATH_BYTES_MAX: Final = 100  # of a unix socket's 108, less the ending of the temporary name
ANSWER_BYTES_MAX: Final = 16_000_000


class Answer(msgspec.Struct, kw_only=True):
    """What the node says to a command: done or refused, and what it shows to who only reads.

    `next_steps` and `would_send`: what the run that was asked about will do, and the orders that an approval would send.
    """

    refusal: Refusal | None = None
    said: str = ""
    picture: Picture | None = None
    next_steps: list[str] = []
    would_send: list[str] = []


class ServerLines:
    """The server's side of one connection: bytes in, commands out."""

    def __init__(self) -> None:
        self._rest = b""
        self.is_over = False

    def receive(self, data: bytes) -> list[SignedCommand | Refusal]:
        """Take in bytes and return the commands that are complete, each read or refused."""
        if self.is_over:
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [decode_signed(line) for line in lines if line]
        if len(self._rest) > COMMAND_BYTES_MAX:
            found.append(Refusal("command.malformed", f"a line longer than {COMMAND_BYTES_MAX} bytes"))
            self.is_over = True
        return found


def encode_answer(answer: Answer) -> bytes:
    """Return an answer as its line."""
    return msgspec.json.encode(answer) + b"\n"


def encode_command(signed: SignedCommand) -> bytes:
    """Return a command as its line."""
    return encode_signed(signed) + b"\n"


def decode_answer(line: bytes) -> Answer | None:
    """Return the answer of a line, None when it is none (another program, another version)."""
    try:
        return msgspec.json.decode(line, type=Answer)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def socket_path(folder: Path) -> Path:
    """Return the control socket of a state folder. Raises: CallerError `control.path_too_long`."""
    path = folder.absolute() / SOCKET
    length = len(os.fsencode(path))
    if length > PATH_BYTES_MAX:
        raise CallerError(
            "control.path_too_long",
            f"a unix socket's path may have {PATH_BYTES_MAX} bytes, and this has {length}",
            where=str(path),
            remedy="take a shorter state folder",
        )
    return path
