"""Frames: what raw captures hold, before a venue's feed decodes it."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.app.recording.chunk import Chunk, Note
from holdfast.app.recording.formats.base import Format, Head, Reading
from holdfast.app.recording.streams import ByteStream
from holdfast.error import BrokenInvariant

# what a frame is
FRAME: Final = 0  # came over the websocket
REST: Final = 1  # the body of a REST answer
SENT: Final = 2  # the client sent it
CONNECTED: Final = 3  # the client opened a connection
ASIDE: Final = 4  # the recorder's own words


class Aside(NamedTuple):
    """What a frame is where it is not a plain one, and the address it went to or came from."""

    role: int
    url: str


@dataclass(frozen=True)
class Frames:
    """Frames of one capture in its own order; `asides` tells those that are not plain frames."""

    file: str
    received: NDArray[np.int64]
    bodies: Sequence[bytes]
    lines: NDArray[np.int64]
    asides: dict[int, Aside]
    notes: list[Note]

    @property
    def note_places(self) -> list[int]:
        """Return where each note stands."""
        return [note.index for note in self.notes]


class CaptureFormat(Format):
    """A format of raw frames.

    Abstract: `venue`, `frames`; captures of one venue share one feed (see `feed_group`).
    """

    @abstractmethod
    def venue(self, head: Head) -> str:
        """Tell whose frames these are, by content. Raises: OutsideError `venue.unknown`."""

    @abstractmethod
    def frames(self, reading: Reading, stream: ByteStream) -> Iterator[Frames]:
        """Yield the capture's frames in order; lines that are no frame are quarantined in the notes."""

    def chunks(self, reading: Reading, stream: ByteStream) -> Iterator[Chunk]:
        """Raise: frames become rows in the feed that all captures of a venue share."""
        del reading, stream
        raise BrokenInvariant("capture.alone", "a capture is read through its venue's feed")
