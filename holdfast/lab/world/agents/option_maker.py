"""Option maker: quotes every option of a venue around its mark, and hedges its delta with the perpetual.

Rules: half the spread is a share of the price plus some volatility points' worth; it widens with stress and is pulled where
the price moves too much to hedge. Only quotes that moved by a tick or more are renewed.
"""

import random
from typing import TYPE_CHECKING, Final

from holdfast.clock import SECOND_NS
from holdfast.lab.world.agents.mood import Mood
from holdfast.lab.world.agents.taking import lot_usd, take
from holdfast.lab.world.exchange import Exchange, Listing, Order
from holdfast.lab.world.resident import enrich

if TYPE_CHECKING:
    from holdfast.lab.world.world import World

ACCOUNT: Final = "maker-options"
TAKER: Final = "option-trader"
_EVERY_NS: Final = 4 * SECOND_NS
_MOVED: Final = 0.0006  # of the index
_NERVE: Final = 8.0
_SHARE: Final = 0.02
_POINTS: Final = 0.0008  # of the underlying
_LOTS: Final = 50
_DELTA_MAX: Final = 1.0
_TAKES_PER_S: Final = 0.05


class OptionMaker:
    """Quotes one asset's options of one venue."""

    def __init__(self, seed: int, venue: str, mood: Mood, hedge: str) -> None:
        self._random = random.Random(f"{ACCOUNT} {venue} {seed}")
        self._venue = venue
        self._mood = mood
        self._hedge = hedge
        self._seen: tuple[float, float] = (0.0, 0.0)
        self._quotes: dict[tuple[str, int], tuple[int, Order]] = {}

    def join(self, now_ns: int, world: "World") -> int:
        """Open the accounts."""
        exchange = world.exchanges[self._venue]
        enrich(exchange, ACCOUNT, world)
        enrich(exchange, TAKER, world)
        return now_ns

    def wake(self, now_ns: int, world: "World") -> int:
        """Renew quotes that moved; hedge; let somebody trade now and then."""
        exchange = world.exchanges[self._venue]
        index = exchange.index(self._mood.asset)
        seen = index, world.volatilities[self._mood.asset]
        if self._mood.stress > _NERVE:
            if self._quotes:
                exchange.cancel_all(ACCOUNT, kind="option")
                self._quotes.clear()
                self._seen = (0.0, 0.0)
        elif abs(index - self._seen[0]) > _MOVED * index or abs(seen[1] - self._seen[1]) > 0.004:
            self._seen = seen
            for listing in exchange.listings.values():
                if listing.kind == "option":
                    self._quote(exchange, listing)
            self._balance(exchange)
        if self._random.random() < _TAKES_PER_S * _EVERY_NS / SECOND_NS:
            self._trade(exchange)
        return now_ns + int(self._random.uniform(0.8, 1.2) * _EVERY_NS)

    def _quote(self, exchange: Exchange, listing: Listing) -> None:
        mark, tick = exchange.mark(listing.symbol), float(listing.tick)
        wide = 1.0 + self._mood.stress / 4.0
        half = max((_SHARE * mark + _POINTS) * wide, tick)
        for sign in (1, -1):
            ticks = int((mark - sign * half) / tick) + (sign < 0)
            known = self._quotes.get((listing.symbol, sign))
            if known is not None:
                if known[0] == ticks and known[1].state == "open" and not known[1].filled_lots:
                    continue
                if known[1].state == "open":
                    exchange.cancel(ACCOUNT, known[1].order_id)
                del self._quotes[listing.symbol, sign]
            if ticks > 0:
                lots = max(round(_LOTS * self._random.lognormvariate(0.0, 0.5)), 1)
                side = "buy" if sign > 0 else "sell"
                order = exchange.place_lots(ACCOUNT, listing.symbol, side, lots, ticks, post_only=True)
                if isinstance(order, Order):
                    self._quotes[listing.symbol, sign] = ticks, order

    def _balance(self, exchange: Exchange) -> None:
        """Trade the perpetual until delta is small."""
        delta = 0.0
        index = exchange.index(self._mood.asset)
        for held in exchange.positions(ACCOUNT):
            listing = exchange.listings[held.instrument]
            if listing.kind != "option":
                delta += float(held.quantity) / (index if listing.inverse else 1.0)
                continue
            ticker = exchange.ticker(held.instrument)
            if ticker is not None:
                delta += float(held.quantity) * ticker.greeks.delta
        if abs(delta) > _DELTA_MAX:
            listing = exchange.listings[self._hedge]
            lots = round(abs(delta) * index / lot_usd(exchange, listing))
            take(exchange, ACCOUNT, listing, -1 if delta > 0 else 1, lots, 0.0005)

    def _trade(self, exchange: Exchange) -> None:
        draw = self._random
        options = [listing for listing in exchange.listings.values() if listing.kind == "option"]
        if options:
            lots = min(max(round(draw.paretovariate(1.3)), 1), _LOTS)
            take(exchange, TAKER, draw.choice(options), draw.choice((-1, 1)), lots, 0.01)
