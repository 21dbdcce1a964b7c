"""Momentum trader: holds what rises and is short of what falls, measured in usual moves; it sells into a crash."""

import math
import random
from typing import TYPE_CHECKING, Final

from holdfast.clock import SECOND_NS
from holdfast.lab.world.agents.mood import Mood
from holdfast.lab.world.agents.taking import lot_usd, take
from holdfast.lab.world.resident import enrich

if TYPE_CHECKING:
    from holdfast.lab.world.world import World

ACCOUNT: Final = "momentum"
_EVERY_NS: Final = 2 * SECOND_NS
_ENTER: Final = 1.3
_LEAVE: Final = 0.3
_SLICES: Final = 8
_SLIPPAGE: Final = 0.001


class MomentumTrader:
    """Follows one instrument over `memory_s`; its position is at most `usd` either way."""

    def __init__(self, seed: int, venue: str, symbol: str, mood: Mood, memory_s: float, usd: float) -> None:
        self._random = random.Random(f"{ACCOUNT} {venue} {symbol} {memory_s} {seed}")
        self._venue = venue
        self._symbol = symbol
        self._mood = mood
        self._memory_s = memory_s
        self._usd = usd
        self._average = 0.0
        self._wanted = 0.0  # a share of `usd`
        self._held_lots = 0

    def join(self, now_ns: int, world: "World") -> int:
        """Open the account."""
        exchange = world.exchanges[self._venue]
        enrich(exchange, ACCOUNT, world)
        self._average = math.log(exchange.index(self._mood.asset))
        return now_ns + int(self._random.uniform(0.0, 1.0) * _EVERY_NS)

    def wake(self, now_ns: int, world: "World") -> int:
        """Look at the trend and trade a slice towards what is wanted."""
        exchange = world.exchanges[self._venue]
        listing = exchange.listings.get(self._symbol)
        if listing is None:
            return 0
        price = math.log(exchange.index(listing.base))
        self._average += (price - self._average) * _EVERY_NS * 1e-9 / self._memory_s
        trend = (price - self._average) / math.sqrt(self._mood.slow * self._memory_s)
        if abs(trend) > _ENTER:
            self._wanted = min(max(trend / 3.0, -1.0), 1.0)
        elif abs(trend) < _LEAVE or trend * self._wanted < 0.0:
            self._wanted = 0.0
        usd = lot_usd(exchange, listing)
        missing = round(self._wanted * self._usd / usd) - self._held_lots
        slice_lots = max(round(self._usd / _SLICES / usd), 1)
        if missing:
            sign = 1 if missing > 0 else -1
            lots = min(abs(missing), slice_lots)
            self._held_lots += take(exchange, ACCOUNT, listing, sign, lots, _SLIPPAGE)
        return now_ns + int(self._random.uniform(0.7, 1.3) * _EVERY_NS)
