"""Bybit order book archive: `{"topic":"orderbook.500.SYMBOL",...}` a line, as that venue publishes them.

There is no recorder's clock in it: a message was received when the venue sent it (`ts`). Limits: the archive
does not say whether a USDT pair is of the spot or the linear market; it is read as linear unless a name says
spot.
"""

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from holdfast.app.recording.capture_lines import bodies_of, torn_note
from holdfast.app.recording.chunk import Note, quarantine
from holdfast.app.recording.csv_lines import Lines
from holdfast.app.recording.csv_table import TIME_NS_MAX, TIME_NS_MIN
from holdfast.app.recording.formats.base import Head, Reading
from holdfast.app.recording.frames import CaptureFormat, Frames
from holdfast.app.recording.streams import ByteStream
from holdfast.app.recording.venue_of import venue_of_frame
from holdfast.clock import MILLISECOND_NS
from holdfast.error import OutsideError

_FIRST: Final = re.compile(rb'\{"topic":\s*"orderbook\.\d+\.')
_STAMP: Final = re.compile(rb'"ts":\s*(\d{13})\b')
_HEAD_BYTES: Final = 200


class BybitArchive(CaptureFormat):
    """Frames of Bybit's own archive, in the venue's time."""

    name = "bybit-orderbook"
    about = 'Bybit archive of order books (ob500: \'{"topic":"orderbook.500.SYMBOL",...}\' a line)'

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the beginning of the first line."""
        return bool(_FIRST.match(head.first_line))

    def venue(self, head: Head) -> str:
        """Tell the market by the symbol, and spot by a name."""
        venue = venue_of_frame(head.first_line[:_HEAD_BYTES])
        return (
            "bybit-spot" if venue == "bybit-linear" and any("spot" in hint for hint in head.hints) else venue
        )

    def frames(self, reading: Reading, stream: ByteStream) -> Iterator[Frames]:
        """Yield messages in runs."""
        lines = Lines(stream, reading.block_bytes)
        for block in lines.blocks():
            bodies = bodies_of(block, block.first)
            stamps = np.array([_stamp_ns(body) for body in bodies], dtype=np.int64)
            good = stamps > 0
            notes: list[Note] = []
            error = OutsideError("time.malformed", "the message has no time (ts)")
            for p in np.flatnonzero(~good).tolist():
                notes.append(
                    Note(p - len(notes), quarantine(reading.file, int(block.numbers[p]), error, bodies[p]))
                )
            reading.tally.messages += len(bodies)
            reading.tally.quarantined += len(notes)
            kept = [body for body, keep in zip(bodies, good.tolist(), strict=True) if keep]
            yield Frames(reading.file, stamps[good], kept, block.numbers[good], {}, notes)
        yield Frames(
            reading.file, np.zeros(0, np.int64), [], np.zeros(0, np.int64), {}, torn_note(reading, lines)
        )


def _stamp_ns(body: bytes) -> int:
    found = _STAMP.search(body, 0, _HEAD_BYTES)
    stamp_ns = int(found[1]) * MILLISECOND_NS if found else 0
    return stamp_ns if TIME_NS_MIN <= stamp_ns <= TIME_NS_MAX else 0
