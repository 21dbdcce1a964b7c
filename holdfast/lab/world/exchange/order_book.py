"""The order book of one instrument: price levels, each a queue in order of arrival.

Rules:

1. A side keeps its prices as sorted keys, best at the end: ticks for bids, minus ticks for asks. A level is gone when its
   last lot is.
2. An order that was cancelled stays in its queue with nothing left until its turn comes or the queue is swept.
"""

from bisect import bisect_left, insort
from collections import deque
from typing import TYPE_CHECKING, Final

from holdfast.lab.world.exchange.views import Order

if TYPE_CHECKING:
    from holdfast.lab.world.exchange.account import Holding

SWEEP_MIN: Final = 32


class Level:
    """One price: what rests there in all, and who in which order."""

    __slots__ = ("dead", "lots", "queue", "ticks")

    def __init__(self, ticks: int) -> None:
        self.ticks = ticks
        self.lots = 0
        self.dead = 0
        self.queue: deque[Resting] = deque()


class Resting:
    """An open order, whose it is, and where it rests."""

    __slots__ = ("holding", "left", "level", "order")

    def __init__(self, order: Order, holding: "Holding", left: int) -> None:
        self.order = order
        self.holding = holding
        self.left = left
        self.level: Level | None = None


class BookSide:
    """Bids (sign +1) or asks (sign -1)."""

    __slots__ = ("keys", "levels", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def add(self, resting: Resting, ticks: int) -> Level:
        """Queue an order at a price."""
        key = self.sign * ticks
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = Level(ticks)
            insort(self.keys, key)
        level.queue.append(resting)
        level.lots += resting.left
        resting.level = level
        return level

    def remove(self, resting: Resting) -> Level:
        """Take an order out of its queue."""
        level = resting.level
        assert level is not None
        level.lots -= resting.left
        resting.left = 0
        resting.level = None
        if not level.lots:
            self.drop(level)
            return level
        level.dead += 1
        if level.dead > SWEEP_MIN and level.dead * 2 > len(level.queue):
            level.queue = deque(waiting for waiting in level.queue if waiting.left)
            level.dead = 0
        return level

    def shrink(self, resting: Resting, lots: int) -> Level:
        """Take lots off an order that keeps its place and at least one lot."""
        level = resting.level
        assert level is not None
        level.lots -= lots
        resting.left -= lots
        return level

    def drop(self, level: Level) -> None:
        """Remove a level where nothing is left."""
        key = self.sign * level.ticks
        if self.levels.get(key) is level:
            del self.levels[key]
            if self.keys[-1] == key:
                self.keys.pop()
            else:
                del self.keys[bisect_left(self.keys, key)]

    @property
    def best(self) -> Level | None:
        """Return the best level."""
        return self.levels[self.keys[-1]] if self.keys else None

    def within(self, worst: int, enough: int) -> int:
        """Return how many lots rest at a key of `worst` or better, counting no further than `enough`."""
        found = 0
        for key in reversed(self.keys):
            if key < worst or found >= enough:
                break
            found += self.levels[key].lots
        return found
