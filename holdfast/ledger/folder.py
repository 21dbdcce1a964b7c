"""The ledger's files on disk: each appears whole or not at all, and is durable once `sync` returned.

1. A file is written beside its place as `NAME.tmp` and renamed; no file is ever changed in place.
2. `sync` makes the files durable first and then the folders that name them, so a name never outlives its
   bytes.
3. Only plain files are read, never a link or a pipe, and never more bytes than the reader asked for.
"""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from holdfast.error import CallerError

CHECKPOINT: Final = "checkpoint"
KEY: Final = "key.vkey"
TEMPORARY: Final = ".tmp"


class Found(msgspec.Struct, frozen=True):
    """Something that lies in the ledger's folder: its path within, and whether it is a plain file."""

    path: str
    plain: bool


class LedgerFolder:
    """Read, write and list the files of one ledger. Limits: POSIX only."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = -1
        self._known: set[str] = set()
        self._dirty_files: list[str] = []
        self._dirty_folders: set[str] = set()

    def begin(self) -> None:
        """Make the folder itself, durably, if it is not there."""
        if not self.root.is_dir():
            self.root.mkdir(parents=True)
            self._fsync("..")

    def lock(self) -> None:
        """Keep other writers out, until `unlock` or the process's end. Raises: CallerError `ledger.busy`."""
        self._lock = os.open(self.root, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.unlock()
            raise CallerError(
                "ledger.busy", "another writer has this ledger", where=str(self.root), remedy="stop it first"
            ) from error

    def unlock(self) -> None:
        """Let other writers in."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def read(self, path: str, bytes_max: int) -> bytes | None:
        """Return a file's bytes, at most `bytes_max` + 1 of them, or None when no plain file is there."""
        try:
            handle = os.open(self.root / path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            with open(handle, "rb", closefd=False) as file:
                return file.read(bytes_max + 1)
        except OSError:
            return None
        finally:
            os.close(handle)

    def write(self, path: str, data: bytes) -> None:
        """Put a whole file in its place; durable only after `sync`."""
        parent = os.path.dirname(path)
        self._make(parent)
        self._put(path, data, durable=False)
        self._dirty_files.append(path)
        self._dirty_folders.add(parent)

    def sync(self) -> None:
        """Make everything written so far durable. Cost: one fsync for each file and each folder concerned."""
        for path in self._dirty_files:
            self._fsync(path)
        self._dirty_files.clear()
        for path in sorted(self._dirty_folders):
            self._fsync(path)
        self._dirty_folders.clear()

    def publish(self, path: str, data: bytes) -> None:
        """Make everything written so far durable, and only then put this file in its place, durably."""
        self.sync()
        self._put(path, data, durable=True)
        self._fsync(os.path.dirname(path))

    def remove(self, path: str) -> None:
        """Remove one file."""
        os.unlink(self.root / path)

    def remove_folder(self, path: str) -> None:
        """Remove a folder of plain files, if it is there."""
        folder = self.root / path
        if folder.is_dir():
            for name in sorted(os.listdir(folder)):
                os.unlink(folder / name)
            os.rmdir(folder)
            self._known.discard(path)

    def names(self, path: str) -> list[str]:
        """Return the sorted names in a folder; none when it is not there."""
        try:
            return sorted(os.listdir(self.root / path))
        except OSError:
            return []

    def files(self) -> Iterator[Found]:
        """Yield everything here that is not a folder, and a folder itself if it cannot be listed.

        Cost: one listing of every folder, no file is opened.
        """
        folders = [""]
        while folders:
            path = folders.pop()
            try:
                with os.scandir(self.root / path) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name, reverse=True)
            except OSError:
                yield Found(path, plain=False)
                continue
            for entry in entries:
                inner = f"{path}/{entry.name}" if path else entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append(inner)
                else:
                    yield Found(inner, plain=entry.is_file(follow_symlinks=False))

    def _make(self, path: str) -> None:
        if path in self._known or not path:
            return
        parent = os.path.dirname(path)
        self._make(parent)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.root / path)
        self._dirty_folders.add(parent)
        self._known.add(path)

    def _put(self, path: str, data: bytes, *, durable: bool) -> None:
        target = str(self.root / path)
        handle = os.open(target + TEMPORARY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(target + TEMPORARY, target)

    def _fsync(self, path: str) -> None:
        handle = os.open(self.root / path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
