"""OS process: a child that is started, stopped where it stands, killed, and never left behind.

1. Each child has a session of its own: a Ctrl-C at the terminal reaches the drill alone, which then ends its children.
2. The kernel kills a child whose drill has died, however it died.
3. Nothing is ever signalled but what was started here and has not been waited for.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

END_S_MAX: Final = 10.0
_PR_SET_PDEATHSIG: Final = 1


class OsProcess:
    """A running child. What it says on standard error goes to `log`, and its standard output too unless `is_heard`."""

    def __init__(self, arguments: Sequence[str], log: Path, *, is_heard: bool = False) -> None:
        self.log = log
        self._is_stopped = False
        with log.open("ab") as told:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if is_heard else told,
                stderr=told,
                start_new_session=True,
                preexec_fn=die_with_the_drill,  # noqa: PLW1509 - the drill has one thread
            )

    @property
    def pid(self) -> int:
        """Return its number."""
        return self._process.pid

    @property
    def output(self) -> IO[bytes]:
        """Return its standard output, where it is heard."""
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def exit_code(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """Stop it where it stands (SIGSTOP)."""
        self._signal(signal.SIGSTOP)
        self._is_stopped = True

    def go_on(self) -> None:
        """Let it go on (SIGCONT)."""
        self._signal(signal.SIGCONT)
        self._is_stopped = False

    def kill(self) -> None:
        """Kill it (SIGKILL) and wait until it is gone."""
        self._signal(signal.SIGKILL)
        self._process.wait(END_S_MAX)

    def wait(self, timeout_s: float) -> int | None:
        """Wait until it ends and return its exit code, None if it runs on."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Have it end in order, and kill it if it does not."""
        if self.exit_code is None and not self._is_stopped:
            self._signal(signal.SIGTERM)
            self.wait(END_S_MAX)
        if self.exit_code is None:
            self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _signal(self, number: signal.Signals) -> None:
        if self.exit_code is None:
            os.kill(self.pid, number)


def die_with_the_drill() -> None:
    """Have the kernel kill this child when its parent is gone. To be called in the child."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
