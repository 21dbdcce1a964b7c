"""Health: a small file that the node writes each second, for monitoring and for people when nothing else answers.

It holds what the journal does not: connections, clocks, levels, and the node's own figures. Its age is the sign of life.
"""

import os
from pathlib import Path
from typing import Final

import msgspec

from holdfast.app.control.picture import ClockPicture, LevelPicture, LinePicture, Picture
from holdfast.clock import SECOND_NS

HEALTH: Final = "health.json"
AGE_NS_MAX: Final = 5 * SECOND_NS  # older, and the node counts as dead
BYTES_MAX: Final = 4_000_000


class Health(msgspec.Struct, kw_only=True, frozen=True):
    """How the node is. `figures` are named with their units, such as `loop_lag_ms`."""

    time_ns: int
    node: str
    epoch: int
    pid: int
    lines: dict[str, LinePicture] = {}
    clocks: dict[str, ClockPicture] = {}
    levels: dict[str, LevelPicture] = {}
    figures: dict[str, float] = {}

    def is_alive(self, now_ns: int) -> bool:
        """Tell whether it is a recent sign of life."""
        return abs(now_ns - self.time_ns) <= AGE_NS_MAX

    def add_to(self, picture: Picture) -> None:
        """Put into a picture what the journal does not know."""
        picture.lines.update(self.lines)
        picture.clocks.update(self.clocks)
        picture.levels.update(self.levels)


def health_of(picture: Picture, now_ns: int, **figures: float) -> Health:
    """Return the health of the node whose picture this is."""
    return Health(
        time_ns=now_ns,
        node=picture.node,
        epoch=picture.epoch,
        pid=os.getpid(),
        lines=picture.lines,
        clocks=picture.clocks,
        levels=picture.levels,
        figures=figures,
    )


def write_health(folder: Path | str, health: Health) -> None:
    """Write the health file of a state folder; whoever reads it sees a whole one. Raises: OSError.

    Cost: about 0.1 ms; it is not synced, because after a crash it is worth nothing.
    """
    path = Path(folder) / HEALTH
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(msgspec.json.encode(health, order="sorted") + b"\n")
    os.replace(temporary, path)


def read_health(folder: Path | str) -> Health | None:
    """Return the last health of a state folder; None when there is none that can be read."""
    try:
        with open(Path(folder) / HEALTH, "rb") as file:
            return msgspec.json.decode(file.read(BYTES_MAX), type=Health)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None
