"""Raw capture, `<local_ns> <json>` a line: websocket messages and depth snapshots as they came."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from holdfast.app.recording.capture_lines import bodies_of, capture_blocks, torn_note
from holdfast.app.recording.chunk import Note, quarantine
from holdfast.app.recording.csv_lines import Lines
from holdfast.app.recording.formats.base import Head, Reading
from holdfast.app.recording.frames import REST, Aside, CaptureFormat, Frames
from holdfast.app.recording.streams import ByteStream
from holdfast.app.recording.venue_of import first_venue
from holdfast.error import OutsideError
from holdfast.venues.binance.feed import SNAPSHOT_LIMITS

_LINE: Final = re.compile(rb"\d{18,19} [\[{]")
_REST_BODY: Final = b'{"lastUpdateId"'
_SYMBOL: Final = re.compile(rb'"s":"([A-Z0-9_]+)"')


class _Depth(msgspec.Struct):
    bids: list[msgspec.Raw]
    asks: list[msgspec.Raw]


_depth: Final = msgspec.json.Decoder(_Depth)


class CaptureNs(CaptureFormat):
    """Frames with the recorder's clock in nanoseconds.

    A depth snapshot stands without its address: where all frames at the beginning are of one symbol it is of
    that one, else the feed finds its book.
    """

    name = "capture-ns"
    about = "raw capture, '<local_ns> <json>' a line"

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the beginning of the first line."""
        return bool(_LINE.match(head.first_line))

    def venue(self, head: Head) -> str:
        """Tell the venue by the first messages."""
        bodies = [line.partition(b" ")[2] for line in head.data.split(b"\n")]
        plain = [body for body in bodies if body and not body.startswith(_REST_BODY)]
        return first_venue([], plain or bodies)

    def frames(self, reading: Reading, stream: ByteStream) -> Iterator[Frames]:
        """Yield frames in runs."""
        symbols = set(_SYMBOL.findall(reading.head.data))
        symbol = symbols.pop().decode() if len(symbols) == 1 else ""
        lines = Lines(stream, reading.block_bytes)
        for block, stamps, after in capture_blocks(lines):
            at = np.frombuffer(block.data, dtype=np.uint8)
            good = (stamps > 0) & (at[np.minimum(after, len(at) - 1)] == 32) if len(at) else stamps > 0
            bodies = bodies_of(block, after + 1)
            notes: list[Note] = []
            if not good.all():
                error = OutsideError(
                    "line.malformed", "the line does not begin with the recorder's time in nanoseconds"
                )
                for p in np.flatnonzero(~good).tolist():
                    raw = block.data[block.first[p] : block.last[p]]
                    notes.append(
                        Note(p - len(notes), quarantine(reading.file, int(block.numbers[p]), error, raw))
                    )
                bodies = [body for body, keep in zip(bodies, good.tolist(), strict=True) if keep]
            asides = {
                i: Aside(REST, _address(symbol, body))
                for i, body in enumerate(bodies)
                if body.startswith(_REST_BODY)
            }
            reading.tally.messages += len(good)
            reading.tally.quarantined += len(notes)
            yield Frames(reading.file, stamps[good], bodies, block.numbers[good], asides, notes)
        yield Frames(
            reading.file, np.zeros(0, np.int64), [], np.zeros(0, np.int64), {}, torn_note(reading, lines)
        )


def _address(symbol: str, body: bytes) -> str:
    """Return the query that gives such a depth snapshot: its symbol and its limit, where they can be told."""
    if not symbol:
        return ""
    try:
        depth = _depth.decode(body)
    except msgspec.MsgspecError:
        return ""
    longest = max(len(depth.bids), len(depth.asks))
    return f"?symbol={symbol}&limit={longest if longest in SNAPSHOT_LIMITS else 0}"
