"""Deribit's book channels.

1. `book.<instrument>.<interval>`: first a snapshot, then changes; each change's `prev_change_id` is the `change_id` before.
2. A change names each level once: `new`, `change` or `delete`, against what the listener has.
3. `book.<instrument>.none.<depth>.<interval>`: the first levels, whole, each time.
"""

from decimal import Decimal
from typing import Any

from holdfast.lab.world.deribit.market_shapes import full_book, levels, ms
from holdfast.lab.world.deribit.topic import DeribitTopic
from holdfast.lab.world.exchange import BookMoved, Exchange, News
from holdfast.lab.world.faults import Faults

Change = tuple[str, float, float]


class BookTopic(DeribitTopic):
    """A book as changes. What its listeners have is `_known`; between listeners that is kept level with the exchange."""

    def __init__(
        self, channel: str, exchange: Exchange, faults: Faults, interval_ns: int, instrument: str
    ) -> None:
        super().__init__(channel, exchange, faults, interval_ns)
        listing = exchange.listings[instrument]
        self.instrument = instrument
        self._tick, self._lot = listing.tick, listing.lot
        book = full_book(exchange, instrument)
        self._last_id = book.change_id
        self._known = {("buy", round(price / self._tick)) for price, _ in book.bids}
        self._known |= {("sell", round(price / self._tick)) for price, _ in book.asks}
        self._moved: dict[tuple[str, int], int] = {}
        self._moved_id = book.change_id
        self._ready: list[bytes] = []
        self._time_ns = book.time_ns

    def hear(self, news: News) -> None:
        if not isinstance(news, BookMoved) or news.change_id <= self._moved_id:
            return
        self._moved_id, self._time_ns = news.change_id, news.time_ns
        for side, ticks, lots in news.moved:
            self._moved[side, ticks] = lots
        if not self.interval_ns:
            self._settle()

    def say(self) -> list[bytes]:
        self._settle()
        said, self._ready = self._ready, []
        return said

    def welcome(self) -> list[bytes]:
        book = full_book(self.exchange, self.instrument)
        snapshot = {
            "type": "snapshot",
            "timestamp": ms(self.venue_ns(book.time_ns)),
            "instrument_name": self.instrument,
            "change_id": self._last_id,
            "bids": [("new", price, size) for price, size in levels(book.bids)],
            "asks": [("new", price, size) for price, size in levels(book.asks)],
        }
        return [self.message(snapshot)]

    def _settle(self) -> None:
        """Turn the gathered moves into one change."""
        if self._moved_id == self._last_id:
            return
        sides: dict[str, list[Change]] = {"buy": [], "sell": []}
        for (side, ticks), lots in self._moved.items():
            was_there = (side, ticks) in self._known
            if lots:
                self._known.add((side, ticks))
            elif was_there:
                self._known.discard((side, ticks))
            else:
                continue
            action = ("change" if was_there else "new") if lots else "delete"
            sides[side].append((action, _number(ticks, self._tick), _number(lots, self._lot)))
        change = {
            "type": "change",
            "timestamp": ms(self.venue_ns(self._time_ns)),
            "prev_change_id": self._last_id,
            "instrument_name": self.instrument,
            "change_id": self._moved_id,
            "bids": sides["buy"],
            "asks": sides["sell"],
        }
        self._last_id = self._moved_id
        self._moved.clear()
        self._ready += [self.message(change)] * self.faults.take_update_copies()


class GroupedBookTopic(DeribitTopic):
    """The first levels of a book, whole each time."""

    def __init__(
        self, channel: str, exchange: Exchange, faults: Faults, interval_ns: int, instrument: str, depth: int
    ) -> None:
        super().__init__(channel, exchange, faults, interval_ns)
        self.instrument = instrument
        self._depth = depth
        self._moved = False

    def hear(self, news: News) -> None:
        self._moved |= isinstance(news, BookMoved)

    def say(self) -> list[bytes]:
        if not self._moved:
            return []
        self._moved = False
        return self.welcome() * self.faults.take_update_copies()

    def welcome(self) -> list[bytes]:
        book = self.exchange.book(self.instrument, self._depth)
        if book is None:
            return []
        shown: dict[str, Any] = {
            "timestamp": ms(self.venue_ns(book.time_ns)),
            "instrument_name": self.instrument,
            "change_id": book.change_id,
            "bids": levels(book.bids),
            "asks": levels(book.asks),
        }
        return [self.message(shown)]


def _number(units: int, grid: Decimal) -> float:
    return float(units * grid)
