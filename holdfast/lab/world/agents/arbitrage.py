"""Arbitrageur: sells what is dear and buys what is cheap of two contracts on one asset, on one venue or on two.

Limits: the venues take the same fee from everybody, so it trades at a spread that
only those with the best fees could live on.
"""

import random
from typing import TYPE_CHECKING, Final

from holdfast.clock import MILLISECOND_NS
from holdfast.lab.world.agents.mood import Mood
from holdfast.lab.world.agents.taking import lot_usd, take
from holdfast.lab.world.resident import enrich

if TYPE_CHECKING:
    from holdfast.lab.world.exchange import Exchange, Listing
    from holdfast.lab.world.world import World

ACCOUNT: Final = "arbitrage"
Leg = tuple[str, str]
_EVERY_NS: Final = 400 * MILLISECOND_NS
_SLIPPAGE: Final = 0.0001


class Arbitrageur:
    """Watches two legs (venue and symbol); `edge` what it must earn, `usd` the largest position."""

    def __init__(self, seed: int, legs: tuple[Leg, Leg], mood: Mood, edge: float, usd: float) -> None:
        self._random = random.Random(f"{ACCOUNT} {legs} {seed}")
        self._legs = legs
        self._mood = mood
        self._edge = edge
        self._usd = usd
        self._held_usd = 0.0  # of the first leg

    def join(self, now_ns: int, world: "World") -> int:
        """Open the accounts."""
        for venue, _ in self._legs:
            enrich(world.exchanges[venue], ACCOUNT, world)
        return now_ns + int(self._random.uniform(0.0, 1.0) * _EVERY_NS)

    def wake(self, now_ns: int, world: "World") -> int:
        """Compare the touches."""
        (venue, symbol), (other_venue, other_symbol) = self._legs
        here, there = world.exchanges[venue], world.exchanges[other_venue]
        first, second = here.listings.get(symbol), there.listings.get(other_symbol)
        if first is None or second is None:
            return 0
        bid, bid_lots, ask, ask_lots = here.touch(symbol)
        other_bid, other_bid_lots, other_ask, other_ask_lots = there.touch(other_symbol)
        if bid_lots and ask_lots and other_bid_lots and other_ask_lots:
            tick, other_tick = float(first.tick), float(second.tick)
            basis = self._mood.basis
            fair = (1.0 + basis(first.expiry_ns, now_ns)) / (1.0 + basis(second.expiry_ns, now_ns))
            if bid * tick > other_ask * other_tick * fair * (1.0 + self._edge):
                self._trade((here, first, -1, bid_lots), (there, second, 1, other_ask_lots))
            elif ask * tick * (1.0 + self._edge) < other_bid * other_tick * fair:
                self._trade((here, first, 1, ask_lots), (there, second, -1, other_bid_lots))
        return now_ns + int(self._random.uniform(0.7, 1.3) * _EVERY_NS)

    def _trade(
        self, one: "tuple[Exchange, Listing, int, int]", other: "tuple[Exchange, Listing, int, int]"
    ) -> None:
        exchange, listing, sign, lots = one
        usd, other_usd = lot_usd(exchange, listing), lot_usd(other[0], other[1])
        room = self._usd - sign * self._held_usd
        size = min(lots * usd, other[3] * other_usd, self._usd / 10.0, room)
        done = take(exchange, ACCOUNT, listing, sign, int(size / usd), _SLIPPAGE) if size > usd else 0
        if done:
            self._held_usd += done * usd
            hedge = max(round(abs(done) * usd / other_usd), 1)
            take(other[0], ACCOUNT, other[1], other[2], hedge, 20 * _SLIPPAGE)
