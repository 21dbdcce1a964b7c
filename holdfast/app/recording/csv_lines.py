"""Lines: a stream of text cut into blocks of whole lines, in bounded memory.

Lines are numbered from 1 in the plain file. Blank lines are no lines. A byte order mark is taken off.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.app.recording.streams import ByteStream
from holdfast.error import OutsideError

LINE_BYTES_MAX: Final = 16_777_216
BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Some whole lines `data[first:last]` of a file, with their numbers; `final` where no more follow."""

    data: bytes
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    numbers: NDArray[np.int64]
    final: bool

    def pick(self, keep: NDArray[np.bool_] | slice) -> "Block":
        """Return some of the lines."""
        return Block(self.data, self.first[keep], self.last[keep], self.numbers[keep], self.final)

    def without(self, line: bytes) -> "Block":
        """Return the block without the lines that are exactly `line` (a header, repeated or not)."""
        sizes = self.last - self.first
        alike = np.flatnonzero((sizes >= len(line)) & (sizes <= len(line) + 1))
        keep = np.ones(len(self.first), dtype=np.bool_)
        for position in alike.tolist():
            keep[position] = self.data[self.first[position] : self.last[position]].rstrip(b"\r") != line
        return self if keep.all() else self.pick(keep)


class Lines:
    """The lines of a stream, block by block; a caller may leave the last ones of a block for the next.

    After the last block `torn` holds what was left of a line that a broken archive cut off.
    """

    def __init__(self, stream: ByteStream, block_bytes: int) -> None:
        self.torn = b""
        self.number = 0
        self._stream = stream
        self._block_bytes = block_bytes
        self._kept = b""

    def blocks(self) -> Iterator[Block]:
        """Yield the lines at hand, blank ones left out; the last block is `final` and may be empty.

        Raises: OutsideError `line.too_long`.
        """
        start_of_file = True
        final = False
        while not final:
            fresh = self._fill()
            final = not fresh
            data = self._kept + fresh
            if start_of_file and data.startswith(BOM):
                data = data[len(BOM) :]
            start_of_file = False
            if final and self._stream.broken:
                cut = data.rfind(b"\n") + 1
                self.torn, data = data[cut:], data[:cut]
            elif final and data and not data.endswith(b"\n"):
                data += b"\n"
            ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10)
            if not len(ends) and not final:
                if len(data) > LINE_BYTES_MAX:
                    raise OutsideError("line.too_long", f"a line is longer than {LINE_BYTES_MAX} bytes")
                self._kept = data
                continue
            firsts = np.empty_like(ends)
            if len(ends):
                firsts[0] = 0
                firsts[1:] = ends[:-1] + 1
            numbers = self.number + 1 + np.arange(len(ends), dtype=np.int64)
            self.number += len(ends)
            self._kept = data[int(ends[-1]) + 1 :] if len(ends) else data
            blank = (ends == firsts) | ((ends == firsts + 1) & (np.frombuffer(data, np.uint8)[firsts] == 13))
            if blank.any():
                firsts, ends, numbers = firsts[~blank], ends[~blank], numbers[~blank]
            yield Block(data, firsts, ends, numbers, final)

    def keep(self, block: Block, position: int) -> None:
        """Give the lines of a block from `position` on back to the next block."""
        end = block.data.rfind(b"\n") + 1
        self._kept = block.data[int(block.first[position]) : end] + self._kept
        self.number = int(block.numbers[position]) - 1

    def _fill(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while size < self._block_bytes and (data := self._stream.read(self._block_bytes - size)):
            parts.append(data)
            size += len(data)
        return b"".join(parts)
