"""Kill a process that appends, at some moment, and return what it had been told was written."""

import signal
import subprocess
import sys
import time
from pathlib import Path

CHILD = Path(__file__).parent / "journal_child.py"


def kill_while_appending(kind: str, place: str, name: str, delay_s: float) -> list[tuple[int, list[bytes]]]:
    """Start the child, kill it `delay_s` after its first acknowledged append, and return all acknowledged ones."""
    child = subprocess.Popen([sys.executable, str(CHILD), kind, place, name], stdout=subprocess.PIPE)
    assert child.stdout is not None
    first = child.stdout.readline()
    time.sleep(delay_s)
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read()
    child.wait()
    return [_parsed(line) for line in (first + rest).split(b"\n")[:-1]]


def _parsed(line: bytes) -> tuple[int, list[bytes]]:
    last, *batch = line.split(b" ")
    return int(last), batch
