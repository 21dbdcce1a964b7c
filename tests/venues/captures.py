"""Read a recorded connection: `<seconds>: <frame>`, `<url> -> <seconds>: <answer>`, what the client did."""

import gzip
from collections.abc import Iterator
from pathlib import Path

from samples import FRAME, REST, Step

from holdfast.clock import SECOND_NS

SENT = "sent"


def read_capture(folder: Path, venue: str) -> Iterator[tuple[int, Step]]:
    """Yield the receive time and content of each line that carries a message, in the order of the files."""
    for path in sorted(folder.glob(f"{venue}.*gz")):
        with gzip.open(path, "rb") as lines:
            for line in lines:
                step = _step(line.rstrip(b"\n"))
                if step is not None:
                    yield step


def _step(line: bytes) -> tuple[int, Step] | None:
    if line.startswith(b"configuration") or b" <-> " in line[:200]:
        return None
    role, url = FRAME, b""
    if line.startswith(b"http"):
        role, (url, _, line) = REST, line.partition(b" -> ")
    elif line.startswith(b"wss"):
        role, (url, _, line) = SENT, line.partition(b" <- ")
    seconds, _, body = line.partition(b": ")
    whole, _, part = seconds.decode().partition(".")
    time_ns = int(whole) * SECOND_NS + int(part.ljust(9, "0")[:9])
    return time_ns, Step(role, body, url.decode())
