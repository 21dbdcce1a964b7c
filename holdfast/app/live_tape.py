"""Live tape: what went into a guard's fold, kept on disk, so that `holdfast replay` can go through it again.

Rules:

1. Each life of a guard has a folder of its own, named by its epoch. Rows are appended to a plain file, which a killed
   process leaves behind as it is; a full one becomes Parquet, and so does what an earlier life left, when the next begins.
   What is no tape yet has a hidden name, so that a replay of the folder passes it over.
2. A file ends at the end of a second, when everything that had come was folded: so files follow each other in time.
3. Of all lives together no more than `bytes_max` is kept; the oldest goes first.
4. Nothing waits for it, and the journal comes first: a disk with less than `FREE_BYTES_MIN` left gets no more of it. That it
   cannot be written is said once, and tried again; rows for which there is no room meanwhile are lost, and counted.
"""

import errno
import logging
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Final

import msgspec
import numpy as np

from holdfast import tape
from holdfast.app.recording.moving import join
from holdfast.app.recording.tape_file import write_tape
from holdfast.instrument import Instrument, Instruments
from holdfast.tape import ROW, Rows

WRITE_S: Final = 1.0
FILE_ROWS_MAX: Final = 262_144
WAITING_ROWS_MAX: Final = 1_000_000
FREE_BYTES_MIN: Final = 1_000_000_000
INSTRUMENTS_FILE: Final = ".instruments.json"

LOG: Final = logging.getLogger("holdfast.node")


class LiveTape:
    """Keep what one life folds under `folder`/EPOCH; `close` at the end. Cost: 1 us a `keep`; the rest is in a thread."""

    def __init__(self, folder: Path, epoch: int, instruments: Instruments, bytes_max: int) -> None:
        self.lost_rows = 0
        self._folder = folder
        self._life = folder / f"{epoch:06}"
        self._instruments = instruments
        self._bytes_max = bytes_max
        self._waiting: deque[Rows] = deque()
        self._kept_rows = 0  # counted by whoever keeps
        self._done_rows = 0  # counted by the thread
        self._pending: Rows = np.zeros(0, dtype=ROW)
        self._named = 0
        self._files = 0
        self._file: int | None = None
        self._path = self._life
        self._rows = 0
        self._told, self._told_lost = "", 0
        self._ending = Event()
        self._thread = Thread(target=self._run, name="tape", daemon=True)
        self._thread.start()

    def keep(self, rows: Rows) -> None:
        """Have rows written soon. They must not change any more."""
        if self._kept_rows - self._done_rows + len(rows) > WAITING_ROWS_MAX:
            self.lost_rows += len(rows)
            return
        self._waiting.append(rows)
        self._kept_rows += len(rows)

    def close(self) -> None:
        """Write what waits and end the file."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        for left in sorted(self._folder.glob("*/.*.rows")):  # by earlier lives
            if left.parent != self._life:
                self._try(partial(_convert, left), f"{left} stays as it is")
        self._try(self._forget, "older tapes stay")
        while not self._ending.wait(WRITE_S):
            self._try(self._write, "the tape waits")
        self._try(self._write, "the end of the tape is lost")
        self._try(self._end_file, f"{self._path} stays as it is")

    def _try(self, work: Callable[[], None], otherwise: str) -> None:
        """Do it; say once why it cannot be done, and when it can again, what was lost meanwhile."""
        try:
            work()
            trouble = ""
        except Exception as error:
            trouble = f"{otherwise}: {str(error) or type(error).__name__}"
        if trouble and trouble != self._told:
            LOG.error("%s", trouble)
        elif not trouble and self.lost_rows > self._told_lost:
            self._told_lost = self.lost_rows
            LOG.error("the tape has gaps: %d rows lost in all", self.lost_rows)
        self._told = trouble

    def _write(self) -> None:
        """Append what waits, to a new file where one is full."""
        parts = [self._waiting.popleft() for _ in range(len(self._waiting))]
        self._pending = join([self._pending, *parts])
        while len(self._pending):
            _require_room(self._folder.parent)
            count, is_end = _cut(self._pending, FILE_ROWS_MAX - self._rows)
            self._append(self._pending[:count])
            self._pending = self._pending[count:]
            if is_end:
                self._end_file()

    def _append(self, rows: Rows) -> None:
        self._name_instruments()
        if self._file is None:
            path = self._life / f".{self._files + 1:06}.rows"
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._files, self._rows, self._path = self._files + 1, 0, path
        data, at = memoryview(rows.tobytes()), self._rows * ROW.itemsize
        while data:  # what a failed attempt left is written over
            count = os.pwrite(self._file, data, at)
            data, at = data[count:], at + count
        self._rows += len(rows)
        self._done_rows += len(rows)

    def _name_instruments(self) -> None:
        """Say what the numbers in the rows mean, before a row has one."""
        known = self._instruments.all
        if len(known) > self._named or not self._life.is_dir():
            self._life.mkdir(mode=0o700, parents=True, exist_ok=True)
            unfinished = self._life / f"{INSTRUMENTS_FILE}.part"
            unfinished.write_bytes(msgspec.json.encode(known))
            unfinished.replace(self._life / INSTRUMENTS_FILE)
            self._named = len(known)

    def _end_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file, self._rows = None, 0
            _convert(self._path)
            self._forget()

    def _forget(self) -> None:
        """Remove the oldest files until what is left is small enough."""
        files = [path for path in self._folder.glob("*/*") if path.suffix in (".rows", ".parquet")]
        files.sort(key=lambda path: (path.parent, path.name.removeprefix(".")))
        sizes = [path.stat().st_size for path in files]
        while sum(sizes) > self._bytes_max and len(files) > 1:
            oldest = files.pop(0)
            del sizes[0]
            oldest.unlink()
            if oldest.parent != files[0].parent:
                (oldest.parent / INSTRUMENTS_FILE).unlink(missing_ok=True)
                oldest.parent.rmdir()


class _Kept(msgspec.Struct):
    """A file's rows, to be written as a tape."""

    rows: Rows
    instruments: Instruments

    def batches(self) -> Iterable[Rows]:
        return [self.rows]


def _require_room(folder: Path) -> None:
    if (free := shutil.disk_usage(folder).free) < FREE_BYTES_MIN:
        raise OSError(errno.ENOSPC, f"only {free / 1e9:.2f} GB are free", str(folder))


def _cut(rows: Rows, room: int) -> tuple[int, bool]:
    """Return how many rows go into the file that has room for so many, and whether it ends with them."""
    first = max(room - 1, 0)
    ends = np.flatnonzero(rows["kind"][first:] == tape.TIMER)
    return (first + int(ends[0]) + 1, True) if len(ends) else (len(rows), False)


def _convert(path: Path) -> None:
    """Turn a file of whole rows, and perhaps a torn one, into Parquet."""
    instruments = Instruments()
    for one in msgspec.json.decode((path.parent / INSTRUMENTS_FILE).read_bytes(), type=list[Instrument]):
        instruments.add(one)
    rows = np.fromfile(path, dtype=ROW, count=path.stat().st_size // ROW.itemsize)
    if len(rows):
        made = path.with_suffix(".parquet")
        write_tape(_Kept(rows, instruments), made)
        made.replace(made.with_name(made.name.removeprefix(".")))
    path.unlink()
