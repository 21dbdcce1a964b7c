"""Slots: what a kernel must know of each instrument, found by the bytes of its symbol in one array.

The array is an open-addressing hash table (linear probing, at most half full) whose entries also carry the state of the
book, so that a kernel needs no second array and no object. Symbols longer than `KEY_BYTES_MAX` bytes have no slot that a
kernel finds; the slow decoder finds them by number.

Cost: about 15 ns a look-up.
"""

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.instrument import Instrument
from holdfast.venues.scan import KEY_BYTES_MAX, Bytes, Integer

SLOT: Final = np.dtype(
    [
        ("word0", "<u8"),  # the symbol, eight bytes a word, zero-padded
        ("word1", "<u8"),
        ("word2", "<u8"),
        ("word3", "<u8"),
        ("last_id", "<i8"),  # update id that the book stands at
        ("number", "<i4"),  # the instrument's number on the tape, -1: the slot is free
        ("price_decimals", "u1"),
        ("size_decimals", "u1"),
        ("state", "u1"),  # of the book
        ("quoted", "u1"),  # sides that the venue's ticker last showed: BID_QUOTED, ASK_QUOTED
        ("prints", "u1"),  # which stream its trades come from (venue-defined), 0: none yet
        ("spare", "u1", (7,)),
    ]
)
Slot = NDArray[np.void]
Word = np.uint64

# state of a book
EMPTY: Final = 0  # never served; diffs wait for a snapshot
STALE: Final = 1  # was served, or should have been, and broke; diffs wait for a snapshot
SHALLOW: Final = 2  # served whole and cut off at some depth by each message; no sequence
SNAPPED: Final = 3  # served from a snapshot that no diff has bridged yet
LIVE: Final = 4  # served, each diff in sequence

BID_QUOTED: Final = 1
ASK_QUOTED: Final = 2

_FIRST_CAPACITY: Final = 64
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_QUOTE, _BACKSLASH = 0x22, 0x5C


@njit(cache=True)
def home_of(word0: Word, word1: Word, word2: Word, word3: Word, capacity: int) -> Integer:
    """Return where the search for a symbol starts. `capacity` is a power of two."""
    mixed = (word0 ^ (word1 * _MIX)) * _MIX
    mixed ^= mixed >> np.uint64(29)
    mixed = (mixed ^ word2 ^ (word3 * _MIX)) * _MIX
    mixed ^= mixed >> np.uint64(32)
    return np.int64(mixed & np.uint64(capacity - 1))


@njit(cache=True)
def find_slot(slots: Slot, word0: Word, word1: Word, word2: Word, word3: Word) -> Integer:
    """Return the slot of a symbol, or -1 - the free slot where it would go."""
    capacity = slots.shape[0]
    at = home_of(word0, word1, word2, word3, capacity)
    while True:
        slot = slots[at]
        if slot.number < 0:
            return -1 - at
        if slot.word0 == word0 and slot.word1 == word1 and slot.word2 == word2 and slot.word3 == word3:
            return at
        at = (at + 1) & (capacity - 1)


@njit(cache=True)
def scan_slot(buffer: Bytes, position: int, slots: Slot, stop: int) -> tuple[int, Integer]:
    """Read a symbol up to the byte `stop` and find it. Returns the position of `stop` (-1: refused) and the slot.

    An unknown symbol is refused.
    """
    start = position
    word0 = word1 = word2 = word3 = np.uint64(0)
    while buffer[position] != stop:
        byte = buffer[position]
        length = position - start
        if byte <= 0x20 or byte > 0x7E or byte == _QUOTE or byte == _BACKSLASH or length >= KEY_BYTES_MAX:
            return -1, -1
        shifted = np.uint64(byte) << np.uint64((length & 7) * 8)
        if length < 8:
            word0 |= shifted
        elif length < 16:
            word1 |= shifted
        elif length < 24:
            word2 |= shifted
        else:
            word3 |= shifted
        position += 1
    at = find_slot(slots, word0, word1, word2, word3)
    if at < 0:
        return -1, -1
    return position, at


class Slots:
    """The table of one feed's instruments; `array` is what kernels get (it is replaced when the table grows)."""

    def __init__(self) -> None:
        self.array: Slot = _free_slots(_FIRST_CAPACITY)
        self._place: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._place)

    def add(self, number: int, instrument: Instrument) -> None:
        """Give an instrument a slot, once."""
        if number in self._place:
            return
        if 2 * (len(self._place) + 1) > len(self.array):
            self._grow()
        words = _words_of(instrument.symbol.encode(), number)
        at = -1 - int(find_slot(self.array, words[0], words[1], words[2], words[3]))
        slot = self.array[at]
        slot["word0"], slot["word1"], slot["word2"], slot["word3"] = words
        slot["number"] = number
        slot["price_decimals"] = instrument.price_decimals
        slot["size_decimals"] = instrument.size_decimals
        self._place[number] = at

    def of(self, number: int) -> np.void:
        """Return the slot of an instrument, writable. It is good until the next `add`."""
        return self.array[self._place[number]]

    def __contains__(self, number: int) -> bool:
        return number in self._place

    def _grow(self) -> None:
        old = self.array
        self.array = _free_slots(2 * len(old))
        for place in self._place.values():
            entry = old[place]
            at = find_slot(self.array, entry["word0"], entry["word1"], entry["word2"], entry["word3"])
            self.array[-1 - int(at)] = entry
            self._place[int(entry["number"])] = -1 - int(at)


def _words_of(symbol: bytes, number: int) -> NDArray[np.uint64]:
    if len(symbol) > KEY_BYTES_MAX:  # words that no symbol in a frame has: kernels look up ASCII only
        return np.array([2**64 - 1, 2**64 - 1, 2**64 - 1, number], dtype="<u8")
    return np.frombuffer(symbol.ljust(KEY_BYTES_MAX, b"\0"), dtype="<u8")


def _free_slots(capacity: int) -> Slot:
    slots = np.zeros(capacity, dtype=SLOT)
    slots["number"] = -1
    return slots
