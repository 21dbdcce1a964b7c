"""Stepped clock: `holdfast` in a process whose wall clock is stepped from outside, by the nanoseconds that stand in a file.

`python -m holdfast.lab.drill.stepped_clock FILE run CONFIG`. The machine's clock is left alone: only what this process reads
of it is changed. The steady clock is not, as no step of the wall clock changes it.
"""

import mmap
import struct
import sys
import time
from pathlib import Path
from typing import Final

_STEP: Final = struct.Struct("<q")


def write_step(path: Path, step_ns: int) -> None:
    """Step the clock of whoever runs by this file. The file is made where there is none."""
    if not path.exists():
        path.write_bytes(_STEP.pack(0))
    with path.open("r+b") as file:
        file.write(_STEP.pack(step_ns))


def _step_clock(path: Path) -> None:
    with path.open("rb") as file:
        held = mmap.mmap(file.fileno(), _STEP.size, access=mmap.ACCESS_READ)
    real_ns = time.time_ns

    def time_ns() -> int:
        return real_ns() + _STEP.unpack(held[: _STEP.size])[0]

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9


if __name__ == "__main__":
    _step_clock(Path(sys.argv.pop(1)))
    from holdfast.__main__ import main  # after the clock, which others keep by name

    main()
