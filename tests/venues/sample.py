"""What a case of the conformance suite is made of: hand-made messages of one venue, and how they are written.

Each case lists one instrument, brings its book to life, changes it, breaks it and brings it back, in the
venue's own current message shapes. `others` are all further kinds of messages that make rows, `quiet` those
that make none.
"""

import json
from dataclasses import dataclass
from typing import Any

REST = "rest"
FRAME = "frame"


@dataclass(frozen=True)
class Step:
    """One thing that a feed is given."""

    role: str
    body: bytes
    url: str = ""


@dataclass(frozen=True)
class Case:
    """What a feed of one venue is put through."""

    symbol: str
    listing: Step
    opening: tuple[Step, ...]
    update: bytes
    gap: bytes
    after_gap: bytes
    reopening: tuple[Step, ...]
    unlisted: bytes
    others: tuple[bytes, ...]
    quiet: tuple[bytes, ...]
    unknown: bytes


def frame(message: Any) -> bytes:
    """Return a message as the venue writes it."""
    return json.dumps(message, separators=(",", ":")).encode()


def sent(message: Any) -> Step:
    """Return a websocket message as a step."""
    return Step(FRAME, frame(message))


def answered(url: str, message: Any) -> Step:
    """Return a REST answer as a step."""
    return Step(REST, frame(message), url)
