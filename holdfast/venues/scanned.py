"""Scanned feeds: frames go through a byte kernel first, and through the slow decoder only where the kernel refuses.

The kernel and the slow decoder give the same rows; the kernel takes only what it is sure of. `fallbacks` counts the frames
that the slow decoder had to take: a feed whose share of them is high costs ten times what it should.

Cost: a small frame takes 1.5 to 3 us through `on_frame`, half of it the call into the kernel, and 0.5 to 1 us in a run
through `on_frames`.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer, Rows
from holdfast.venues.scan import Bytes
from holdfast.venues.sequence import SequencedFeed, malformed
from holdfast.venues.slots import Slot

INBOX_BYTES_MAX: Final = 1 << 18  # what one kernel call reads at most; larger frames go to the slow decoder
INBOX_FRAMES_MAX: Final = 4096

# A row takes at least this many bytes of its frame (a level such as `["1","1"],`), a frame at least so many rows apart.
_ROW_BYTES_MIN: Final = 8
_FRAME_ROWS_MIN: Final = 16

_COUNT_BITS: Final = 32
_COUNT_MASK: Final = (1 << _COUNT_BITS) - 1


class ScannedFeed(SequencedFeed):
    """A feed with a kernel. Venues give the kernel and the slow decoder."""

    def __init__(self, instruments: Instruments, rows: RowBuffer) -> None:
        super().__init__(instruments, rows)
        self.fallbacks = 0
        self._inbox = bytearray(INBOX_BYTES_MAX + 1)
        self._bytes: Bytes = np.frombuffer(self._inbox, dtype=np.uint8)
        self._ends_times = np.zeros((2, INBOX_FRAMES_MAX), dtype=np.int64)

    def on_frame(self, received_ns: int, frame: bytes) -> None:
        """Decode one websocket message into rows. Raises: OutsideError."""
        length = len(frame)
        if length <= INBOX_BYTES_MAX:
            inbox, ends_times, rows = self._inbox, self._ends_times, self.rows
            inbox[:length] = frame
            inbox[length] = 0
            ends_times[0, 0] = length
            ends_times[1, 0] = received_ns
            needed = rows.count + length // _ROW_BYTES_MIN + _FRAME_ROWS_MIN
            if needed > len(rows.array):
                rows.reserve(needed - rows.count)
            done = self._scan(self._bytes, ends_times, 1, rows.array, rows.count, self.slots.array)
            if done >> _COUNT_BITS:
                rows.count = done & _COUNT_MASK
                return
        self.fallbacks += 1
        self._on_refused(received_ns, frame)

    def on_frames(self, received_ns: Sequence[int], frames: Sequence[bytes]) -> int:
        """Decode as many leading frames as the kernel takes and return how many those were."""
        taken = 0
        while taken < len(frames):
            run = self._run_of(frames, taken)
            if not run:
                break
            done = self._scan_run(received_ns[taken : taken + run], frames[taken : taken + run])
            taken += done
            if done < run:
                break
        return taken

    @abstractmethod
    def _scan(
        self, buffer: Bytes, ends_times: np.ndarray, frames: int, rows: Rows, count: int, slots: Slot
    ) -> int:
        """Call the venue's kernel; return the frames it took in the upper 32 bits and the row count in the lower."""

    @abstractmethod
    def _decode(self, received_ns: int, frame: bytes) -> None:
        """Decode one frame slowly: the reference that the kernel is held to. Raises: OutsideError, msgspec errors."""

    def _on_refused(self, received_ns: int, frame: bytes) -> None:
        mark = self.rows.count
        try:
            self._decode(received_ns, frame)
        except (
            OutsideError,
            msgspec.MsgspecError,
            UnicodeDecodeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            self.rows.rollback(mark)
            self._spoil(received_ns, frame)
            if isinstance(error, OutsideError):
                raise
            raise malformed(str(error)) from error

    def _run_of(self, frames: Sequence[bytes], start: int) -> int:
        """Return how many frames from `start` fit into the inbox."""
        room = INBOX_BYTES_MAX
        end = start
        last = min(len(frames), start + INBOX_FRAMES_MAX)
        while end < last:
            room -= len(frames[end]) + 1
            if room < 0:
                break
            end += 1
        return end - start

    def _scan_run(self, received_ns: Sequence[int], frames: Sequence[bytes]) -> int:
        count = len(frames)
        joined = b"\0".join(frames)
        self._inbox[: len(joined)] = joined
        self._inbox[len(joined)] = 0
        ends = self._ends_times[0, :count]
        ends[:] = np.fromiter(map(len, frames), dtype=np.int64, count=count)
        np.cumsum(ends + 1, out=ends)
        ends -= 1
        self._ends_times[1, :count] = received_ns
        self.rows.reserve(len(joined) // _ROW_BYTES_MIN + _FRAME_ROWS_MIN * count)
        done = self._scan(
            self._bytes, self._ends_times, count, self.rows.array, self.rows.count, self.slots.array
        )
        self.rows.count = done & _COUNT_MASK
        return done >> _COUNT_BITS
