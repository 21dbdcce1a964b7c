"""Small disk: how the guard's disk becomes full, and has room again, without touching the machine's.

As root the state folder is a file system of its own in memory, of `DISK_BYTES`, which is filled to the last byte. Without
the rights to mount one, the guard's process may not make a file longer (RLIMIT_FSIZE): its writes fail as they do on a full
disk, but with EFBIG in place of ENOSPC.
"""

import contextlib
import ctypes
import os
import resource
import sqlite3
from pathlib import Path
from typing import Final

DISK_BYTES: Final = 64 << 20
_BALLAST: Final = "ballast"
_CHUNK: Final = 1 << 16
_MNT_DETACH: Final = 2


class SmallDisk:
    """The disk of one state folder, which is empty still. `is_mounted` says which of the two ways it is."""

    def __init__(self, folder: Path, *, may_mount: bool = True) -> None:
        self._folder = folder
        libc = ctypes.CDLL(None, use_errno=True)
        options = f"size={DISK_BYTES},mode=0700".encode()
        self.is_mounted = (
            may_mount and libc.mount(b"holdfast", os.fsencode(folder), b"tmpfs", 0, options) == 0
        )
        self._limited: list[int] = []

    @property
    def how(self) -> str:
        """Say how it becomes full."""
        return "file system full" if self.is_mounted else "file size limited"

    def fill(self, pid: int, journal: Path | None) -> None:
        """Leave no room. The write-ahead log is shortened first, so that the journal needs room at once."""
        if journal is not None:
            _shorten(journal)
        if not self.is_mounted:
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
            self._limited.append(pid)
            return
        with contextlib.suppress(OSError), (self._folder / _BALLAST).open("wb", buffering=0) as ballast:
            for size in (_CHUNK, 1):
                with contextlib.suppress(OSError):
                    while ballast.write(bytes(size)):
                        pass

    def empty(self) -> None:
        """Make room again."""
        (self._folder / _BALLAST).unlink(missing_ok=True)
        for pid in self._limited:
            with contextlib.suppress(ProcessLookupError):
                _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        self._limited.clear()

    def close(self) -> None:
        """Let it go."""
        self.empty()
        if self.is_mounted:
            ctypes.CDLL(None).umount2(os.fsencode(self._folder), _MNT_DETACH)


def _shorten(journal: Path) -> None:
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(journal, timeout=1.0)) as file,
    ):
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
