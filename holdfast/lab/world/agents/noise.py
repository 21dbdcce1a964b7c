"""Noise trader: takes for reasons of its own, in clusters, a few times very much.

Arrivals are a Hawkes process with a quick and a slow kernel (Bacry, Mastromatteo, Muzy, "Hawkes processes in finance",
2015), drawn by thinning (Ogata, 1981); sizes are Pareto. A side is likely the last
one again, and likely the one that is cheap.
"""

import math
import random
from typing import TYPE_CHECKING, Final

from holdfast.clock import SECOND_NS
from holdfast.lab.world.agents.mood import Mood
from holdfast.lab.world.agents.taking import lot_usd, take
from holdfast.lab.world.resident import enrich

if TYPE_CHECKING:
    from holdfast.lab.world.exchange import Exchange, Listing
    from holdfast.lab.world.world import World

ACCOUNT: Final = "noise"
TAIL: Final = 1.2  # of sizes
SIZE_MAX: Final = 400.0  # times the smallest
_KERNELS: Final = ((0.5, 3.0), (0.42, 0.04))  # children of a trade, and how quickly they come (a second)
_AGAIN: Final = 0.1
_CHEAP: Final = 400.0  # how much a cheap side is preferred, by a fraction of the price
_SLIPPAGE: Final = 0.002


class NoiseTrader:
    """Takes in one instrument; `rate` trades a second in all, `usd` the smallest size."""

    def __init__(self, seed: int, venue: str, symbol: str, mood: Mood, rate: float, usd: float) -> None:
        self._random = random.Random(f"{ACCOUNT} {venue} {symbol} {seed}")
        self._venue = venue
        self._symbol = symbol
        self._mood = mood
        self._base = rate * (1.0 - sum(children for children, _ in _KERNELS))
        self._usd = usd
        self._excited = [0.0 for _ in _KERNELS]
        self._at_ns = 0
        self._bound = 0.0
        self._sign = 1

    def join(self, now_ns: int, world: "World") -> int:
        """Open the account."""
        enrich(world.exchanges[self._venue], ACCOUNT, world)
        self._at_ns = now_ns
        return self._next_ns(now_ns)

    def wake(self, now_ns: int, world: "World") -> int:
        """Trade, unless this arrival is thinned out."""
        exchange = world.exchanges[self._venue]
        listing = exchange.listings.get(self._symbol)
        if listing is None:
            return 0
        self._decay(now_ns)
        if self._random.random() * self._bound <= self._intensity():
            self._trade(exchange, listing, now_ns)
            for number, (children, speed) in enumerate(_KERNELS):
                self._excited[number] += children * speed
        return self._next_ns(now_ns)

    def _trade(self, exchange: "Exchange", listing: "Listing", now_ns: int) -> None:
        draw = self._random
        bid, bid_lots, ask, ask_lots = exchange.touch(self._symbol)
        if not bid_lots or not ask_lots:
            return
        fair = exchange.index(listing.base) * (1.0 + self._mood.basis(listing.expiry_ns, now_ns))
        cheap = 1.0 - (bid + ask) * 0.5 * float(listing.tick) / fair
        lean = _AGAIN * self._sign + _CHEAP * cheap
        self._sign = 1 if 2.0 * draw.random() - 1.0 < min(max(lean, -0.6), 0.6) else -1
        usd = self._usd * min(draw.paretovariate(TAIL), SIZE_MAX)
        take(
            exchange, ACCOUNT, listing, self._sign, max(round(usd / lot_usd(exchange, listing)), 1), _SLIPPAGE
        )

    def _decay(self, now_ns: int) -> None:
        length_s = max(now_ns - self._at_ns, 0) * 1e-9
        self._at_ns = now_ns
        for number, (_, speed) in enumerate(_KERNELS):
            self._excited[number] *= math.exp(-speed * length_s)

    def _intensity(self) -> float:
        return self._base * (0.5 + 0.5 * min(self._mood.stress, 5.0)) + sum(self._excited)

    def _next_ns(self, now_ns: int) -> int:
        self._bound = self._intensity()
        return now_ns + 1 + int(self._random.expovariate(self._bound) * SECOND_NS)
