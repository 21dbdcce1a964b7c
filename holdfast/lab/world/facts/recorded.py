"""Observation of recordings of real venues, read by the project's own decoders.

Mid and spread are those of the venue's own ticker where it has one, else of the book. Times are the venue's.
"""

from pathlib import Path
from typing import Final

from holdfast import tape
from holdfast.app.recording.reader import Recording
from holdfast.instrument import Instruments
from holdfast.lab.world.facts.market import BAND, Market
from holdfast.tape import Rows

_SECOND_NS: Final = 1_000_000_000
_WANTED: Final = (tape.LEVEL, tape.TOP, tape.TRADE, tape.BOOK_RESET)


def observe_recordings(path: Path) -> list[Market]:
    """Return a market for each instrument in the recordings under a path that has trades and books."""
    instruments = Instruments()
    watched: dict[int, _Watch] = {}
    for rows in Recording([path], instruments).batches():
        prices, sizes = instruments.price_steps(), instruments.size_steps()
        for number in sorted({int(each) for each in rows["instrument"]}):
            if number < 0:
                continue
            watch = watched.setdefault(number, _Watch(instruments[number].name))
            watch.take(rows[rows["instrument"] == number], float(prices[number]), float(sizes[number]))
    markets = [watched[number].market for number in sorted(watched)]
    return [market for market in markets if market.trade_usd and market.mids]


class _Watch:
    """One instrument of a recording as it is read."""

    def __init__(self, name: str) -> None:
        self.market = Market(name=name)
        self._sides: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self._top: dict[int, tuple[int, int]] = {}
        self._next_ns = 0

    def take(self, rows: Rows, price_step: float, size_step: float) -> None:
        """Read rows of the instrument, looking at its book whenever a second has passed."""
        columns = (rows[name].tolist() for name in ("kind", "exchange_ns", "price", "size", "side"))
        for kind, time_ns, price, size, side in zip(*columns, strict=True):
            if kind not in _WANTED:
                continue
            if time_ns >= self._next_ns:
                self._look(price_step, size_step)
                self._next_ns = max(self._next_ns + _SECOND_NS, time_ns)
            if kind == tape.LEVEL:
                if size:
                    self._sides[side][price] = size
                else:
                    self._sides[side].pop(price, None)
            elif kind == tape.TOP:
                self._top[side] = price, size
            elif kind == tape.TRADE:
                self.market.trade(time_ns, price * price_step * size * size_step, side)
            else:
                self._sides = {1: {}, -1: {}}

    def _look(self, price_step: float, size_step: float) -> None:
        levels: list[list[tuple[float, float]]] = []
        for side in (1, -1):
            book = self._sides[side]
            if not book:
                return
            top = self._top.get(side) or max(book.items(), key=lambda level: side * level[0])
            reach = top[0] * (1.0 - side * 2.0 * BAND)
            beyond = [item for item in book.items() if side * reach <= side * item[0] < side * top[0]]
            found = [top, *sorted(beyond, reverse=side > 0)]
            levels.append([(price * price_step, size * size_step) for price, size in found])
        self.market.sample(levels[0], levels[1])
