"""Predecessor: the node that ran on this state folder before, where it was stopped in the middle of a write.

A process that was stopped (SIGSTOP, a debugger) keeps what it holds, the lock of the journal's file among it, and nobody who
is to take over could write. It would be fenced off and end at the moment it went on: so it is ended now, and its unfinished
write is rolled back. Only a process is ended that the health file names, that is stopped, and that has this journal open.

Limits: Linux, and a process of the same user. A database server frees the lock of a silent client by itself.
"""

import os
import signal
from pathlib import Path

from holdfast.app.control.health import read_health


def end_stopped(state: Path, journal: Path) -> int | None:
    """End the stopped node that holds the journal's file and return its process number; None where there is none."""
    health = read_health(state)
    if health is None or health.pid == os.getpid():
        return None
    process = Path("/proc") / str(health.pid)
    try:
        status = (process / "stat").read_text().rpartition(")")[2].split()[0]
        is_open = any(path.resolve() == journal.resolve() for path in (process / "fd").iterdir())
        if status not in ("T", "t") or not is_open:
            return None
        os.kill(health.pid, signal.SIGKILL)
    except (OSError, IndexError):
        return None
    return health.pid
