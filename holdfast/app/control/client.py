"""Client: the command line's end of the control socket; it waits for one answer, and not for long."""

import socket
import time
from pathlib import Path
from typing import Final

from holdfast.app.control.command import SignedCommand
from holdfast.app.control.lines import ANSWER_BYTES_MAX, Answer, decode_answer, encode_command, socket_path

ANSWER_S: Final = 6.0  # longer than a node waits for its journal before it answers anyway


def ask_node(folder: Path, signed: SignedCommand, *, timeout_s: float = ANSWER_S) -> Answer | None:
    """Send a command to the node of a state folder and return its answer; None when nobody answers in time.

    Limits: without an answer the command may still have been heard. Its nonce makes it safe to leave the very same one
    in the inbox as well.
    """
    line = b""
    deadline_s = time.monotonic() + timeout_s
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(socket_path(folder)))
            connection.sendall(encode_command(signed))
            while not line.endswith(b"\n") and len(line) < ANSWER_BYTES_MAX:
                connection.settimeout(max(0.01, deadline_s - time.monotonic()))
                data = connection.recv(65_536)
                if not data:
                    return None
                line += data
    except OSError:
        return None
    return decode_answer(line)
