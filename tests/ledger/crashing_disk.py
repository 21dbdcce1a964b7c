"""A disk that fails: it lets so many operations through, then the process is dead; or the power is, too.

It stands between the ledger and the operating system's own calls. It knows which bytes and which names were
made durable, so that after a loss of power it can take away, tear or blank whatever was not.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from random import Random
from unittest import mock

CALLS = ("write", "replace", "fsync", "mkdir", "unlink", "rmdir")


class Crash(BaseException):
    """The process is dead at this point."""


class CrashingDisk:
    """Count the operations, die at number `dies_at`, and remember what is not durable yet."""

    def __init__(self, dies_at: int = -1) -> None:
        self.dies_at = dies_at
        self.count = 0
        self._bytes: set[str] = set()
        self._names: dict[str, bytes | None] = {}
        self._folders: set[str] = set()
        self._real = {name: getattr(os, name) for name in CALLS}

    @contextlib.contextmanager
    def plugged_in(self) -> Iterator[None]:
        """Let every call of this process go through this disk; a crash ends here."""
        with contextlib.ExitStack() as stack:
            for name in CALLS:
                stack.enter_context(mock.patch.object(os, name, getattr(self, f"_{name}")))
            with contextlib.suppress(Crash):
                yield

    @property
    def died(self) -> bool:
        """Tell whether the crash has happened."""
        return 0 <= self.dies_at < self.count

    def lose_power(self, random: Random) -> None:
        """Spoil, at random, what was written and not made durable."""
        for path in sorted(self._folders):
            if random.random() < 0.3:
                shutil.rmtree(path, ignore_errors=True)
        for path in sorted(self._bytes):
            if Path(path).is_file() and (fate := random.randrange(4)):
                data = Path(path).read_bytes()
                cut = random.randrange(len(data) + 1)
                Path(path).write_bytes((data[:cut], data[:cut] + bytes(len(data) - cut), b"")[fate - 1])
        for path, before in sorted(self._names.items()):
            if Path(path).parent.is_dir() and random.random() < 0.4:
                Path(path).unlink(missing_ok=True)
                if before is not None:
                    Path(path).write_bytes(before)

    def _step(self) -> None:
        self.count += 1
        if self.died:
            raise Crash

    def _write(self, handle: int, data: bytes) -> int:
        self._bytes.add(os.readlink(f"/proc/self/fd/{handle}"))
        if self.count == self.dies_at:
            self._real["write"](handle, bytes(data)[: len(data) // 2])
        self._step()
        return self._real["write"](handle, data)

    def _fsync(self, handle: int) -> None:
        self._step()
        path = os.readlink(f"/proc/self/fd/{handle}")
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            self._names = {name: data for name, data in self._names.items() if os.path.dirname(name) != path}
            self._folders = {name for name in self._folders if os.path.dirname(name) != path}
        else:
            self._bytes.discard(path)

    def _replace(self, source: str, target: str) -> None:
        self._step()
        before = Path(target).read_bytes() if Path(target).is_file() else None
        self._real["replace"](source, target)
        self._names.setdefault(os.path.realpath(target), before)
        if (old := os.path.realpath(source)) in self._bytes:
            self._bytes.remove(old)
            self._bytes.add(os.path.realpath(target))

    def _mkdir(self, path: str, *rest: int) -> None:
        self._step()
        self._real["mkdir"](path, *rest)
        self._folders.add(os.path.realpath(path))

    def _unlink(self, path: str, **named: int) -> None:
        self._step()
        self._real["unlink"](path, **named)

    def _rmdir(self, path: str, **named: int) -> None:
        self._step()
        self._real["rmdir"](path, **named)
