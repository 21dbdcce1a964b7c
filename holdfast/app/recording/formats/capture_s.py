"""Raw capture of everything one client received and sent, time in seconds, addresses where they matter.

Lines: `<local_s>: {json}` came over the websocket; `wss://.. <- <local_s>: {json}` was sent; `wss://.. <->
<local_s>` is a connection opened; `https://.. -> <local_s>: {json}` is a REST answer; `configuration: {json}`
is the recorder's own. Listing, REST and websocket files of one venue belong together and are merged by time
into one feed.
"""

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from holdfast.app.recording.capture_lines import bodies_of, capture_blocks, torn_note
from holdfast.app.recording.chunk import Note, quarantine
from holdfast.app.recording.csv_lines import Block, Lines
from holdfast.app.recording.formats.base import Head, Reading
from holdfast.app.recording.frames import ASIDE, CONNECTED, REST, SENT, Aside, CaptureFormat, Frames
from holdfast.app.recording.streams import ByteStream
from holdfast.app.recording.venue_of import first_venue
from holdfast.clock import SECOND_NS
from holdfast.error import OutsideError

_FIRST: Final = re.compile(rb"\d{9,10}(\.\d+)?: |(https?|wss?)://\S+ (->|<-|<->) \d|configuration: ")
_ASIDE: Final = re.compile(rb"((?:https?|wss?)://\S+) (->|<-|<->) (\d{9,10})(?:\.(\d{1,9})\d*)?(?:: )?")
_ROLES: Final = {b"->": REST, b"<-": SENT, b"<->": CONNECTED}
_CONFIGURATION: Final = b"configuration: "


class CaptureSeconds(CaptureFormat):
    """Frames with the recorder's clock in seconds, and what the client did besides."""

    name = "capture-s"
    about = "raw capture, '<local_s>: {json}' a line, with 'https://.. -> ' and 'wss://.. <- ' lines"

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the beginning of the first line."""
        return bool(_FIRST.match(head.first_line))

    def venue(self, head: Head) -> str:
        """Tell the venue by the first address, else by the first messages."""
        lines = head.data.split(b"\n")
        urls = [found[1].decode("utf-8", "replace") for line in lines if (found := _ASIDE.match(line))]
        return first_venue(urls, [line.partition(b": ")[2] for line in lines])

    def frames(self, reading: Reading, stream: ByteStream) -> Iterator[Frames]:
        """Yield frames in runs."""
        lines = Lines(stream, reading.block_bytes)
        last_ns = 0
        for block, found, after in capture_blocks(lines):
            stamps = found
            at = np.frombuffer(block.data, dtype=np.uint8)
            stop = max(len(at) - 1, 0)
            plain = stamps > 0
            if len(at):
                plain &= (at[np.minimum(after, stop)] == 58) & (at[np.minimum(after + 1, stop)] == 32)
            bodies = bodies_of(block, after + 2)
            keep, asides, notes = np.ones(len(bodies), dtype=np.bool_), {}, []
            tops = np.maximum.accumulate(np.where(plain, stamps, last_ns)) if len(bodies) else stamps
            aside_ns = last_ns
            for p in np.flatnonzero(~plain).tolist():
                place = p - len(notes)
                try:
                    aside, stamps[p], bodies[p] = _aside(block, p, max(aside_ns, int(tops[p])))
                    asides[place] = aside
                    aside_ns = max(aside_ns, int(stamps[p]))
                except OutsideError as error:
                    keep[p] = False
                    raw = block.data[block.first[p] : block.last[p]]
                    notes.append(Note(place, quarantine(reading.file, int(block.numbers[p]), error, raw)))
            if not keep.all():
                bodies = [body for body, good in zip(bodies, keep.tolist(), strict=True) if good]
            stamps = stamps[keep]
            if len(stamps):
                last_ns = max(last_ns, int(stamps.max()))
            reading.tally.messages += len(keep)
            reading.tally.quarantined += len(notes)
            yield Frames(reading.file, stamps, bodies, block.numbers[keep], asides, notes)
        yield Frames(
            reading.file, np.zeros(0, np.int64), [], np.zeros(0, np.int64), {}, torn_note(reading, lines)
        )


def _aside(block: Block, position: int, before_ns: int) -> tuple[Aside, int, bytes]:
    """Read a line that is no plain frame: what it is, its time, its body."""
    line = block.data[block.first[position] : block.last[position]].rstrip(b"\r")
    if line.startswith(_CONFIGURATION):
        return Aside(ASIDE, ""), before_ns, line
    found = _ASIDE.match(line)
    if not found:
        raise OutsideError(
            "line.malformed", "the line begins neither with the recorder's time nor with an address"
        )
    seconds, fraction = int(found[3]), (found[4] or b"").ljust(9, b"0")
    stamp_ns = seconds * SECOND_NS + int(fraction)
    return Aside(_ROLES[found[2]], found[1].decode("utf-8", "replace")), stamp_ns, line[found.end() :]
