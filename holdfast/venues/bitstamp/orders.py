"""Bitstamp's single orders to price levels, without ever having been given a snapshot.

The stream tells of every order that is created, changed or deleted, but not of those that rested before
it began. So the book is known only where something proves that nothing older is left:

1. A fill of an order that we saw created, at its limit `p`, proves that no older order of that side is
   left at `p` or better: it would have been filled first. A fill of an order that we did not see created
   proves it for strictly better prices. A fill that a better order of its side contradicts (a market
   order, whose price is no limit) proves nothing. What is proven stays proven; the worst price ever
   proven is the side's horizon.
2. The book is LIVE while both best known prices lie within their horizons: then the touch is certain.
   Only levels within the horizon are written, and those that a horizon reaches are written when it does.
3. When the market leaves what is known (a new low with no fill yet), the book is lost with `GAP_UNKNOWN`
   until a fill proves the new touch; then it starts over with a snapshot.
4. An order that arrives through the other side's best price is being matched, not resting: it is held
   back until it rests or is gone, so the book is never crossed by the engine at work. One that still
   crosses after `MATCHING_NS_MAX` means that something was missed: the book is lost and all orders are
   forgotten.
5. Events arrive out of order now and then. An id that was deleted stays deleted: a later event about it
   is counted in `late` and changes nothing. A deletion or change of an order that was never created is
   one from before the beginning: counted in `older`, no error.

Units: volume is in 1e-8 of the base coin. `received_ns` is the recorder's clock; the venue's clock tells
when the order was created, so it is the exchange time of `created` events only (0 for the others).

Limits: a fill is two events, one for each order, 1 to 30 ms apart; between them a level may show the size
before it. The number of orders is bounded by `ORDERS_MAX`, that of remembered deletions by `DELETED_MAX`.
No trades are written: the stream does not name them.

Source: Bitstamp WebSocket, channel live_orders; price-time priority is the venue's matching rule.
"""

from bisect import bisect_left, insort
from typing import Final, NamedTuple

from holdfast import tape
from holdfast.clock import SECOND_NS
from holdfast.error import OutsideError
from holdfast.event import ResyncRequested
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer
from holdfast.venues.message import EMPTY, LIVE, STALE, Stamp
from holdfast.venues.units import Grid, Units

VENUE: Final = "bitstamp"
MATCHING_NS_MAX: Final = 10 * SECOND_NS
ORDERS_MAX: Final = 1_000_000
DELETED_MAX: Final = 200_000
VOLUME_DECIMALS: Final = 8
_ACTIONS: Final = ("created", "changed", "deleted")
_DIRECTIONS: Final = {"bid": 1, "ask": -1}
_FAR: Final = 2**62


class Order(NamedTuple):
    """A resting or arriving order; key is its price times its side, so a better one is a higher key."""

    side: int
    key: int
    volume: int


class Side:
    """One side of the book: keys in rising order (the best is last), volume by key, and the horizon."""

    __slots__ = ("horizon", "keys", "volumes")

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.volumes: dict[int, int] = {}
        self.horizon = _FAR

    def add(self, key: int, volume: int) -> None:
        """Add volume (or take it, if negative) at a key."""
        total = self.volumes.get(key, 0) + volume
        if total > 0:
            if key not in self.volumes:
                insort(self.keys, key)
            self.volumes[key] = total
        elif key in self.volumes:
            del self.volumes[key]
            del self.keys[bisect_left(self.keys, key)]

    @property
    def best(self) -> int:
        """Return the best key, or the worst there can be."""
        return self.keys[-1] if self.keys else -_FAR

    def known(self, below: int = _FAR) -> list[int]:
        """Return the keys within the horizon and below another one, best first."""
        return self.keys[bisect_left(self.keys, self.horizon) : bisect_left(self.keys, below)][::-1]


class OrderBook3:
    """Aggregate single orders into LEVEL rows of one instrument, serving only what is proven.

    Cost: 4 us an event.
    """

    def __init__(
        self, instruments: Instruments, rows: RowBuffer, base: str = "BTC", quote: str = "USD"
    ) -> None:
        symbol = f"{base}{quote}".lower()
        self.instrument = instruments.find_or_describe(VENUE, symbol, "spot", base, quote)
        self.symbol = symbol
        self.rows = rows
        self.requests: list[ResyncRequested] = []
        self.state = EMPTY
        self.late = 0
        self.older = 0
        self._grid = Grid(instruments[self.instrument])
        self._volumes = Units(0)
        self._step = 10 ** (instruments[self.instrument].size_decimals - VOLUME_DECIMALS)
        self._orders: dict[int, Order] = {}
        self._arriving: dict[int, int] = {}
        self._deleted: dict[int, None] = {}
        self._sides = {1: Side(), -1: Side()}

    def on_order(
        self,
        received_ns: int,
        exchange_ns: int,
        order_id: int,
        *,
        price: str | bytes,
        volume: str | bytes,
        action: str,
        direction: str,
    ) -> None:
        """Take one event. Raises: OutsideError `order.malformed`, `quantity.*`; nothing has changed then."""
        side = _DIRECTIONS.get(direction)
        if side is None or action not in _ACTIONS:
            raise OutsideError(
                "order.malformed", f"order {order_id} is {action[:20]!r} on {direction[:20]!r}"
            )
        key = side * self._grid.price[price]
        size = self._volumes[volume] * self._step
        if order_id in self._deleted:
            self.late += 1
            return
        if len(self._orders) >= ORDERS_MAX:
            self._lose(received_ns, tape.GAP_SEQUENCE, "more orders than can rest: deletions were missed")
            self._forget()
        before = self._orders.pop(order_id, None)
        if before is None and action != "created":
            self.older += 1
        touched: set[tuple[int, int]] = set()
        horizons = {each: self._sides[each].horizon for each in (1, -1)}
        rested = before is not None and self._arriving.pop(order_id, None) is None
        if before is not None and rested:
            self._sides[before.side].add(before.key, -before.volume)
            touched.add((before.side, before.key))
        now = Order(side, key, size)
        self._prove(now, before, action)
        if action == "deleted":
            self._remember(order_id)
        else:
            self._orders[order_id] = now
            if rested and before is not None and before[:2] == now[:2]:
                self._sides[side].add(key, size)
            else:
                self._arriving[order_id] = received_ns
        self._settle(received_ns, touched)
        self._write((received_ns, exchange_ns if action == "created" else 0), touched, horizons)

    def on_disconnect(self, received_ns: int) -> None:
        """Forget everything: what happens now is not told."""
        self._lose(received_ns, tape.GAP_DISCONNECT, "the connection was lost")
        self._forget()

    def _prove(self, now: Order, before: Order | None, action: str) -> None:
        """Move the horizon if this event is a fill (rule 1)."""
        if action == "created":
            return
        filled = now.volume < before.volume if before is not None else action == "changed" or not now.volume
        if not filled:
            return
        key = now.key if before is None else max(now.key, before.key)
        side = self._sides[now.side]
        if key >= side.best:
            side.horizon = min(side.horizon, key if before is not None else key + 1)

    def _remember(self, order_id: int) -> None:
        if len(self._deleted) >= DELETED_MAX:
            del self._deleted[next(iter(self._deleted))]
        self._deleted[order_id] = None

    def _settle(self, received_ns: int, touched: set[tuple[int, int]]) -> None:
        """Let arriving orders rest that no longer cross the book (rule 4)."""
        for order_id, since_ns in list(self._arriving.items()):
            order = self._orders[order_id]
            if order.key + self._sides[-order.side].best < 0:
                del self._arriving[order_id]
                self._sides[order.side].add(order.key, order.volume)
                touched.add((order.side, order.key))
            elif received_ns - since_ns > MATCHING_NS_MAX:
                why = f"order {order_id} crosses the book: a deletion was missed"
                self._lose(received_ns, tape.GAP_SEQUENCE, why)
                self._forget()
                return

    def _write(self, stamp: Stamp, touched: set[tuple[int, int]], horizons: dict[int, int]) -> None:
        sure = all(side.best >= side.horizon for side in self._sides.values())
        if not sure:
            if self.state == LIVE:
                self._lose(stamp[0], tape.GAP_UNKNOWN, "the market left the part of the book that is known")
            return
        first = self.rows.count
        if self.state != LIVE:
            self.state = LIVE
            self.rows.append(tape.BOOK_RESET, self.instrument, stamp[1], stamp[0], flags=tape.SNAPSHOT)
            horizons, touched = {1: _FAR, -1: _FAR}, set()
        for sign, key in sorted(touched):
            if key >= horizons[sign]:
                self._level(stamp, sign, key, 0)
        for sign, side in self._sides.items():
            revealed = side.known(below=horizons[sign])
            for key in revealed:
                edge = tape.HORIZON if key == revealed[-1] else 0
                self._level(stamp, sign, key, tape.SNAPSHOT | edge)
        self.rows.close_message(first)

    def _level(self, stamp: Stamp, sign: int, key: int, flags: int) -> None:
        received_ns, exchange_ns = stamp
        size = self._sides[sign].volumes.get(key, 0)
        self.rows.append(
            tape.LEVEL,
            self.instrument,
            exchange_ns,
            received_ns,
            price=key * sign,
            size=size,
            side=sign,
            flags=flags,
        )

    def _lose(self, received_ns: int, reason: float, why: str) -> None:
        if self.state == LIVE:
            self.state = STALE
            self.rows.append(tape.BOOK_GAP, self.instrument, 0, received_ns, value=reason, flags=tape.LAST)
            self.requests.append(ResyncRequested(received_ns, VENUE, self.symbol, why))

    def _forget(self) -> None:
        self._orders.clear()
        self._arriving.clear()
        self._sides = {1: Side(), -1: Side()}
