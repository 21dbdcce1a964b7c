"""Capture lines: lines of a raw capture split in bulk, their time read by a kernel, everything else left as
bytes.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.app.recording.chunk import Note, quarantine
from holdfast.app.recording.csv_lines import Block, Lines
from holdfast.app.recording.csv_table import TIME_NS_MAX, TIME_NS_MIN
from holdfast.app.recording.formats.base import Reading
from holdfast.error import OutsideError

_NOT_A_TIME: Final = -1


@njit(cache=True)
def read_stamps(
    block: NDArray[np.uint8],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    stamps: NDArray[np.int64],
    after: NDArray[np.int64],
) -> None:
    """Read the number that a line begins with as nanoseconds, and where it ends.

    A number with a point is in seconds (at most 9 decimals count), one without in nanoseconds. -1: the line
    has none.
    """
    for line in range(first.shape[0]):
        i = first[line]
        stop = last[line]
        value = np.int64(0)
        digits = 0
        left = -1
        while i < stop:
            byte = block[i]
            if byte == 46 and left < 0 and digits > 0:
                left = 9
            elif 48 <= byte <= 57:
                if left != 0:
                    value = value * 10 + (byte - 48)
                    digits += 1
                    if left > 0:
                        left -= 1
                if digits > 19:
                    break
            else:
                break
            i += 1
        while left > 0:
            value *= 10
            left -= 1
        stamps[line] = value if 9 < digits <= 19 and value > 0 else -1
        after[line] = i


def capture_blocks(lines: Lines) -> Iterator[tuple[Block, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield blocks of lines with the time of each (-1: none at its beginning) and the place after it."""
    for block in lines.blocks():
        stamps = np.full(len(block.first), _NOT_A_TIME, dtype=np.int64)
        after = np.zeros(len(block.first), dtype=np.int64)
        read_stamps(np.frombuffer(block.data, dtype=np.uint8), block.first, block.last, stamps, after)
        stamps[(stamps < TIME_NS_MIN) | (stamps > TIME_NS_MAX)] = _NOT_A_TIME
        yield block, stamps, after


def torn_note(reading: Reading, lines: Lines) -> list[Note]:
    """Return the note of a line that a broken archive cut off, and count it."""
    if not lines.torn:
        return []
    reading.tally.messages += 1
    reading.tally.quarantined += 1
    error = OutsideError("line.truncated", "the archive breaks inside this line")
    return [Note(0, quarantine(reading.file, lines.number + 1, error, lines.torn))]


def bodies_of(block: Block, starts: NDArray[np.int64]) -> list[bytes]:
    """Cut the bodies out of a block, from `starts` to the end of each line."""
    data = block.data
    last = block.last
    if b"\r" in data:
        bytes_at = np.frombuffer(data, dtype=np.uint8)
        last = last - (bytes_at[np.maximum(last - 1, 0)] == 13)
    return [data[a:b] for a, b in zip(starts.tolist(), last.tolist(), strict=True)]
