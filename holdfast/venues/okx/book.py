"""The OKX book that a checksum can be taken of: the venue's own text of every level, best first.

The checksum is the signed CRC-32 of `bid:size:ask:size:...` over the best 25 levels, bid and ask in turn;
a side that runs out is left out. The texts must be the venue's own: 0.10 and 0.1 differ.

Source: OKX API v5, Order book channel, Checksum.
"""

from bisect import bisect_left, insort
from itertools import chain, zip_longest
from typing import Final
from zlib import crc32

from holdfast.venues.message import Book, Levels
from holdfast.venues.okx.messages import BookPush, Level
from holdfast.venues.units import Grid

CHECKSUM_LEVELS: Final = 25


class Side:
    """One side: keys best first (bid prices negated), and `price:size` in the venue's text by key."""

    __slots__ = ("keys", "texts")

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.texts: dict[int, str] = {}

    def apply(self, levels: list[Level], units: Levels, sign: int) -> None:
        """Set or remove levels, given as text and as units. Cost: 0.6 us a level."""
        keys, texts = self.keys, self.texts
        for level, (price, size) in zip(levels, units, strict=True):
            key = price * sign
            if size:
                if key not in texts:
                    insort(keys, key)
                texts[key] = f"{level[0]}:{level[1]}"
            elif texts.pop(key, None) is not None:
                del keys[bisect_left(keys, key)]

    def best(self) -> list[str]:
        """Return the text of the best levels."""
        return [self.texts[key] for key in self.keys[:CHECKSUM_LEVELS]]


class TextBook(Book):
    """A book that keeps the text of its levels where the venue sends checksums (`checked`).

    Cost: 5 us a message for the checksum, 0.6 us a level.
    """

    __slots__ = ("asks", "bids", "checked")

    def __init__(self, instrument: int, symbol: str, grid: Grid) -> None:
        super().__init__(instrument, symbol, grid)
        self.bids = Side()
        self.asks = Side()
        self.checked = False

    def forget(self) -> None:
        self.bids, self.asks = Side(), Side()

    def apply(self, push: BookPush, bids: Levels, asks: Levels) -> None:
        """Apply one message, whose levels are given in units too."""
        self.bids.apply(push.bids, bids, -1)
        self.asks.apply(push.asks, asks, 1)

    def checksum(self) -> int:
        """Return the checksum of the book as it is now."""
        pairs = zip_longest(self.bids.best(), self.asks.best())
        text = ":".join(part for part in chain.from_iterable(pairs) if part is not None)
        crc = crc32(text.encode())
        return crc - (1 << 32) if crc >= 1 << 31 else crc
