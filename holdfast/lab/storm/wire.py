"""Wire: what a recorder writes down: messages with the moment at which they came, in that order."""

import gzip
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.lab.storm.weather import START_NS, STEP_NS, STEPS, Curve

COMPRESSION: Final = 3


class Message(NamedTuple):
    """What a venue sent, and when."""

    sent_ns: int
    text: str


Line = Callable[[int, str], str]


def raw_line(received_ns: int, text: str) -> str:
    """Return a line of a capture that stamps in nanoseconds."""
    return f"{received_ns} {text}\n"


def stamped_line(received_ns: int, text: str) -> str:
    """Return a line of a capture that stamps in seconds."""
    return f"{received_ns // SECOND_NS}.{received_ns % SECOND_NS // 100:07d}: {text}\n"


def arrivals(
    sent_ns: list[int], random: np.random.Generator, base_ms: float, lateness: Curve | None
) -> list[int]:
    """Return when messages arrive: after the way's own time and what the weather adds, never out of order."""
    sent = np.array(sent_ns, dtype=np.int64)
    way_ns = (base_ms + random.exponential(base_ms / 4, len(sent))) * MILLISECOND_NS
    if lateness is not None:
        step = np.clip((sent - START_NS) // STEP_NS, 0, STEPS - 1)
        way_ns += lateness[step] * SECOND_NS
    return np.maximum.accumulate(sent + way_ns.astype(np.int64)).tolist()


def write_capture(
    path: Path,
    messages: list[Message],
    line: Line,
    random: np.random.Generator,
    *,
    base_ms: float,
    lateness: Curve | None = None,
    head: Iterable[str] = (),
) -> Path:
    """Write a gzip capture, messages in the order of sending; the same input gives the same bytes."""
    ordered = sorted(messages, key=lambda message: message.sent_ns)
    received = arrivals([message.sent_ns for message in ordered], random, base_ms, lateness)
    lines = [*head, *(line(at, message.text) for at, message in zip(received, ordered, strict=True))]
    with path.open("wb") as file, gzip.GzipFile("", "wb", COMPRESSION, file, mtime=0) as packed:
        packed.write("".join(lines).encode())
    return path
