"""Inbox: a folder of signed command files, the way to a desk whose node is dead, deaf, or has no database.

Rules:

1. A file appears whole or not at all: it is written beside its place, synced, renamed, and the folder synced.
2. The node reads it at start and each second, brakes first. A file stays until what it said is durable in the journal; then
   `done` moves it to `done/`. A crash in between reads it again, and its nonce makes that harmless.
3. What is no command is moved to `refused/` and never looked at again.
4. Whoever can write here can still say nothing without an operator's key.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from holdfast.app.control.command import (
    BRAKES,
    COMMAND_BYTES_MAX,
    Command,
    Refusal,
    SignedCommand,
    decode_signed,
    encode_signed,
    read_command,
)

INBOX: Final = "inbox"
FILES_MAX: Final = 100  # read at one poll; the rest waits for the next
FOLDER_FILES_MAX: Final = 10_000

_DONE: Final = "done"
_REFUSED: Final = "refused"
_SUFFIX: Final = ".json"


class InboxFile(msgspec.Struct, frozen=True):
    """One command that lies in the inbox."""

    name: str
    signed: SignedCommand


class Inbox:
    """Read command files of one state folder; one reader at a time.

    Cost: one listing a poll when nothing is there.
    """

    def __init__(self, folder: Path | str) -> None:
        self._root = Path(folder) / INBOX
        self._seen: set[str] = set()
        for path in (self._root, self._root / _DONE, self._root / _REFUSED):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def poll(self) -> list[InboxFile]:
        """Return the commands that came since the last poll, brakes first, then by time; each is returned once.

        A new `Inbox` returns again what was not `done`.
        """
        names = sorted(name for name in _listed(self._root) if name not in self._seen)
        found: list[InboxFile] = []
        for name in names[:FILES_MAX]:
            signed = self._read(name)
            if signed is not None:
                self._seen.add(name)
                found.append(InboxFile(name, signed))
        return found

    def done(self, file: InboxFile) -> None:
        """Put a command away: what it said is durable, or it was refused."""
        self._move(file.name, _DONE)

    def _read(self, name: str) -> SignedCommand | None:
        try:
            data = _contents(self._root / name)
        except FileNotFoundError:
            return None
        except OSError:
            self._move(name, _REFUSED)
            return None
        signed = decode_signed(data.removesuffix(b"\n"))
        if isinstance(signed, Refusal) or isinstance(read_command(signed), Refusal):
            self._move(name, _REFUSED)
            return None
        return signed

    def _move(self, name: str, to: str) -> None:
        try:
            os.replace(self._root / name, self._root / to / name)
            _sync_folder(self._root / to)
            _sync_folder(self._root)
        except FileNotFoundError:
            pass
        except OSError:  # not ours to move (a folder, a full disk): passed over until the next start
            self._seen.add(name)
            return
        self._seen.discard(name)


def leave(folder: Path | str, signed: SignedCommand, command: Command) -> Path:
    """Leave a command in the inbox of a state folder and return its file; durable when it returns.

    Raises: OSError when the folder cannot be written.
    """
    root = Path(folder) / INBOX
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    rank = 0 if command.command in BRAKES else 1
    path = root / f"{rank}-{command.time_ns:020d}-{command.command}-{command.nonce}{_SUFFIX}"
    temporary = path.with_suffix(".tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        file.write(encode_signed(signed) + b"\n")
        file.flush()
        os.fsync(handle)
    os.replace(temporary, path)
    _sync_folder(root)
    return path


def waiting(folder: Path | str) -> list[Command]:
    """Return the commands that lie in the inbox unread, for people to see; unverified."""
    root = Path(folder) / INBOX
    found: list[Command] = []
    for name in sorted(_listed(root))[:FILES_MAX]:
        try:
            signed = decode_signed(_contents(root / name).removesuffix(b"\n"))
        except OSError:
            continue
        command = signed if isinstance(signed, Refusal) else read_command(signed)
        if isinstance(command, Command):
            found.append(command)
    return found


def _contents(path: Path) -> bytes:
    """Return how a file begins; what is no file (a link, a pipe) neither leads elsewhere nor holds us up."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:
        return file.read(COMMAND_BYTES_MAX + 1) or b""


def _listed(root: Path) -> list[str]:
    names: list[str] = []
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if entry.name.endswith(_SUFFIX):
                    names.append(entry.name)
                if len(names) >= FOLDER_FILES_MAX:
                    break
    except FileNotFoundError:
        pass
    return names


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
