"""The BitMEX book: levels known by an id, and what a change of one means at its price."""

from holdfast.venues.message import Book, Levels
from holdfast.venues.units import Grid

Change = tuple[int, int, int]  # side, price, size


class IdBook(Book):
    """A book of levels by id; each id is one price on one side.

    Cost: 0.3 us a change. Limits: holds as many ids as the venue's book has levels.
    """

    __slots__ = ("by_id",)

    def __init__(self, instrument: int, symbol: str, grid: Grid) -> None:
        super().__init__(instrument, symbol, grid)
        self.by_id: dict[int, Change] = {}

    def forget(self) -> None:
        self.by_id = {}

    def put(self, number: int, side: int, price: int, size: int) -> list[Change]:
        """Set the level of an id; return what changes, first where it was if it moved."""
        was = self.by_id.get(number)
        self.by_id[number] = (side, price, size)
        moved = [(was[0], was[1], 0)] if was is not None and was[:2] != (side, price) else []
        return [*moved, (side, price, size)]

    def remove(self, number: int) -> list[Change]:
        """Remove the level of a known id; return what changes."""
        side, price, _ = self.by_id.pop(number)
        return [(side, price, 0)]

    def levels(self) -> tuple[Levels, Levels]:
        """Return bids and asks."""
        bids = [(price, size) for side, price, size in self.by_id.values() if side > 0]
        return bids, [(price, size) for side, price, size in self.by_id.values() if side < 0]
