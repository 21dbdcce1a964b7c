"""Renumber: rows of several sources, each with instruments of its own, onto one table in the order of first
appearance.

Numbers then depend on the recording alone, not on how far ahead a source was read. Where two sources describe
one instrument on different grids, the first one's grid holds and the other's prices and sizes are moved to it
exactly; what lies between its steps is taken out with its whole message.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holdfast.app.recording.moving import pick
from holdfast.instrument import Instruments
from holdfast.quantity import INT64_MAX
from holdfast.tape import BAND, LAST, Rows

_UNKNOWN = -2


@dataclass
class _Numbers:
    """One source's numbers: global number and shift of decimals of each; the extra last entry is for rows of
    no instrument.
    """

    instruments: Instruments
    to_global: NDArray[np.int64] = field(default_factory=lambda: np.array([-1], dtype=np.int64))
    price_shift: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    size_shift: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, dtype=np.int64))

    _identity_size: int = 0

    def is_identity(self) -> bool:
        """Tell that every instrument of the source has met its own number and grid."""
        self.grow()
        if self._identity_size != len(self.to_global):
            plain = (self.to_global[:-1] == np.arange(len(self.to_global) - 1)).all()
            moved = self.price_shift.any() or self.size_shift.any()
            self._identity_size = len(self.to_global) if plain and not moved else 0
        return self._identity_size == len(self.to_global)

    def grow(self) -> None:
        """Make room for the instruments that the source has described since."""
        missing = len(self.instruments) + 1 - len(self.to_global)
        if missing > 0:
            self.to_global = np.insert(self.to_global, -1, np.full(missing, _UNKNOWN))
            self.price_shift = np.insert(self.price_shift, -1, np.zeros(missing, dtype=np.int64))
            self.size_shift = np.insert(self.size_shift, -1, np.zeros(missing, dtype=np.int64))


class Renumber:
    """Global instrument numbers for the rows of numbered sources."""

    def __init__(self, instruments: Instruments, sources: list[Instruments]) -> None:
        self._instruments = instruments
        self._sources = [_Numbers(source) for source in sources]

    def apply(
        self, rows: Rows, sources: list[tuple[int, int]], order: NDArray[np.int64] | None
    ) -> tuple[Rows, list[int]]:
        """Renumber rows that are joined from (source, count) parts and put them in `order`.

        Returns the rows, and how many messages were taken out of each part because they do not fit the first
        grid.
        """
        if order is None and all(self._sources[source].is_identity() for source, _ in sources):
            return rows, [0] * len(sources)
        local = rows["instrument"].astype(np.int64)
        numbers = np.empty(len(rows), dtype=np.int64)
        parts: list[tuple[_Numbers, slice]] = []
        start = 0
        for source, count in sources:
            table = self._sources[source]
            table.grow()
            part = slice(start, start + count)
            numbers[part] = table.to_global[local[part]]
            parts.append((table, part))
            start += count
        if (numbers == _UNKNOWN).any():
            self._meet(local, numbers, parts, order)
            for table, part in parts:
                numbers[part] = table.to_global[local[part]]
        kept = np.ones(len(rows), dtype=np.bool_)
        lost = [_move(rows[part], table, local[part], kept[part]) for table, part in parts]
        rows["instrument"] = numbers
        if order is None:
            return (rows if kept.all() else pick(rows, np.flatnonzero(kept))), lost
        return pick(rows, order if kept.all() else order[kept[order]]), lost

    def _meet(
        self,
        local: NDArray[np.int64],
        numbers: NDArray[np.int64],
        parts: list[tuple[_Numbers, slice]],
        order: NDArray[np.int64] | None,
    ) -> None:
        """Number the instruments that appear for the first time, in the merged order of their first rows."""
        rank = np.arange(len(numbers))
        if order is not None:
            rank = np.empty(len(numbers), dtype=np.int64)
            rank[order] = np.arange(len(numbers))
        met: list[tuple[int, int, int]] = []
        for position, (_, part) in enumerate(parts):
            fresh = np.flatnonzero(numbers[part] == _UNKNOWN) + part.start
            fresh = fresh[np.argsort(rank[fresh], kind="stable")]
            ids, firsts = np.unique(local[fresh], return_index=True)
            ranks = rank[fresh[firsts]].tolist()
            met.extend((first, position, number) for first, number in zip(ranks, ids.tolist(), strict=True))
        for _, position, number in sorted(met):
            table = parts[position][0]
            mine = table.instruments[number]
            shared = self._instruments.add(mine)
            theirs = self._instruments[shared]
            table.to_global[number] = shared
            table.price_shift[number] = theirs.price_decimals - mine.price_decimals
            table.size_shift[number] = theirs.size_decimals - mine.size_decimals


def _move(rows: Rows, table: _Numbers, local: NDArray[np.int64], kept: NDArray[np.bool_]) -> int:
    """Move prices and sizes to the shared grid in place; take out whole messages that do not fit; return how
    many.
    """
    if not (table.price_shift.any() or table.size_shift.any()):
        return 0
    bad = np.zeros(len(rows), dtype=np.bool_)
    for column, shifts in (("price", table.price_shift), ("size", table.size_shift)):
        shift = shifts[local]
        if column == "price":
            shift = np.where(rows["kind"] == BAND, 0, shift)
        units = rows[column]
        for step in np.unique(shift[shift != 0]).tolist():
            at = shift == step
            power = 10 ** abs(step)
            if step > 0:
                bad |= at & (np.abs(units) > INT64_MAX // power)
                units[at] *= power
            else:
                bad |= at & (units % power != 0)
                units[at] //= power
    if not bad.any():
        return 0
    message = np.cumsum(np.append(0, (rows["flags"][:-1] & LAST) != 0))
    lost = np.unique(message[bad])
    kept &= ~np.isin(message, lost)
    return len(lost)
