"""Market maker: quotes one instrument around the index with one of a few styles, from quick and near to slow and deep.

Rules:

1. Half the spread is a base plus a multiple of how much the price moves now. Fair value leans against what was filled
   lately (inventory); it is forgotten within a minute or so, as if it were hedged outside the world.
2. Where the price moves more than `nerve` times its usual, every quote is pulled and the maker pauses.
3. The first quote follows fair value; the others stand on a grid and stay while it moves.
4. A quick maker takes quotes of others that are worse than its own fair value. That is knowledge the index has already, so
   it does not count as flow; every fill of a resting quote does.
"""

import math
import random
from typing import TYPE_CHECKING, Final

import msgspec

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.lab.world.agents.mood import Mood
from holdfast.lab.world.agents.taking import lot_usd
from holdfast.lab.world.exchange import Exchange, Listing, Order
from holdfast.lab.world.resident import enrich

if TYPE_CHECKING:
    from holdfast.lab.world.world import World

FORGET_S: Final = 60.0
_MOVED: Final = 0.45  # of half a spread: quotes are renewed when fair value has moved so far,
_MOVED_MIN: Final = 0.00002  # and by so much of the price
_WIDENED: Final = 1.4
_SLOWER_MAX: Final = 3.0


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How a maker works. Fractions of the price, except `fear` (of a second's move), `nerve` (times usual) and sizes."""

    name: str
    every_ns: int
    levels: int
    half: float
    fear: float
    step: float
    first_usd: float
    skew: float
    nerve: float = math.inf
    pause_ns: int = 0
    is_sniper: bool = False


QUICK: Final = Style(
    name="quick", every_ns=300 * MILLISECOND_NS, levels=2, half=0.000006, fear=0.12, step=0.00005, first_usd=80_000.0,
    skew=0.00002, nerve=5.0, pause_ns=2 * SECOND_NS, is_sniper=True,
)  # fmt: skip
STEADY: Final = Style(
    name="steady", every_ns=500 * MILLISECOND_NS, levels=5, half=0.00005, fear=0.6, step=0.0002, first_usd=350_000.0,
    skew=0.00005, nerve=9.0, pause_ns=3 * SECOND_NS,
)  # fmt: skip
DEEP: Final = Style(
    name="deep", every_ns=1_500 * MILLISECOND_NS, levels=7, half=0.0004, fear=1.2, step=0.0015, first_usd=700_000.0,
    skew=0.0001,
)  # fmt: skip
STYLES: Final = (QUICK, STEADY, DEEP)


class Quote:
    """A resting quote, and how much of it was counted as filled."""

    __slots__ = ("order", "seen")

    def __init__(self, order: Order) -> None:
        self.order = order
        self.seen = 0


class MarketMaker:
    """One maker in one instrument; all of one style at a venue share an account."""

    def __init__(self, seed: int, venue: str, symbol: str, style: Style, mood: Mood, size: float) -> None:
        self.account = f"maker-{style.name}"
        self._random = random.Random(f"{self.account} {venue} {symbol} {seed}")
        self._venue = venue
        self._symbol = symbol
        self._style = style
        self._mood = mood
        self._first_usd = style.first_usd * size
        self._spread = 1.0 / math.sqrt(size)  # wider, and slower, where less is traded
        self._every_ns = style.every_ns * min(self._spread, _SLOWER_MAX)
        self._quotes: dict[tuple[int, int], Quote] = {}
        self._inventory_usd = 0.0
        self._fair = self._half = 0.0
        self._is_eaten = False

    def join(self, now_ns: int, world: "World") -> int:
        """Open the account."""
        enrich(world.exchanges[self._venue], self.account, world)
        return now_ns

    def wake(self, now_ns: int, world: "World") -> int:
        """Count fills; pull quotes, or renew them when they are no longer right."""
        style, mood = self._style, self._mood
        exchange = world.exchanges[self._venue]
        listing = exchange.listings.get(self._symbol)
        if listing is None:
            return 0
        self._count(lot_usd(exchange, listing))
        if mood.stress > style.nerve:
            self._pull(exchange)
            return now_ns + int(style.pause_ns * self._random.uniform(0.6, 1.6))
        lean = min(max(self._inventory_usd / (4.0 * self._first_usd), -2.0), 2.0) * style.skew * self._spread
        fair = exchange.index(listing.base) * (1.0 + mood.basis(listing.expiry_ns, now_ns) - lean)
        half = style.half * self._spread + style.fear * mood.sigma
        is_right = (
            abs(fair - self._fair) < _MOVED * half * fair and 1 / _WIDENED < half / self._half < _WIDENED
        )
        if not is_right or self._is_eaten:
            self._renew(exchange, listing, fair, half)
        return now_ns + int(self._every_ns * self._random.uniform(0.8, 1.2))

    def _count(self, usd: float) -> None:
        """Add up what was filled since the last time, and forget a little of the rest."""
        self._inventory_usd *= 1.0 - self._every_ns * 1e-9 / FORGET_S
        for (sign, _), quote in self._quotes.items():
            more = quote.order.filled_lots - quote.seen
            if more:
                quote.seen += more
                self._is_eaten = True
                self._inventory_usd += sign * more * usd
                self._mood.flow_usd -= sign * more * usd

    def _pull(self, exchange: Exchange) -> None:
        for quote in self._quotes.values():
            if quote.order.state == "open":
                exchange.cancel(self.account, quote.order.order_id)
        self._quotes.clear()
        self._fair = 0.0

    def _renew(self, exchange: Exchange, listing: Listing, fair: float, half: float) -> None:
        self._fair, self._half, self._is_eaten = fair, half, False
        quotes = self._quotes
        wanted = self._wanted(exchange, listing, fair, half)
        for level, quote in list(quotes.items()):
            order = quote.order
            if order.state != "open":
                del quotes[level]
            elif level not in wanted or order.filled_lots * 3 > order.lots:
                del quotes[level]
                exchange.cancel(self.account, order.order_id)
        if self._style.is_sniper:
            self._snipe(exchange, listing, fair, half)
        for level, lots in wanted.items():
            if level not in quotes:
                sign, ticks = level
                side = "buy" if sign > 0 else "sell"
                size = max(round(lots * self._random.lognormvariate(-0.1, 0.45)), 1)
                placed = exchange.place_lots(self.account, self._symbol, side, size, ticks, post_only=True)
                if isinstance(placed, Order):
                    quotes[level] = Quote(placed)

    def _wanted(
        self, exchange: Exchange, listing: Listing, fair: float, half: float
    ) -> dict[tuple[int, int], float]:
        """Return the quotes that are wanted: sign and ticks, with the usual lots."""
        style = self._style
        tick = float(listing.tick)
        calm = 1.0 / (1.0 + self._mood.stress / 40.0)
        first_lots = self._first_usd * calm / lot_usd(exchange, listing)
        step = max(round(max(style.step * self._spread, half * 0.7) * fair / tick), 1)
        wanted: dict[tuple[int, int], float] = {}
        for sign in (1, -1):
            edge = fair * (1.0 - sign * half) / tick
            first = math.floor(edge) if sign > 0 else math.ceil(edge)
            grid = (first // step) if sign > 0 else -(-first // step)
            for level in range(style.levels):
                ticks = (grid - sign * level) * step if level else first
                if ticks > 0:
                    wanted[sign, ticks] = first_lots * (1.0 + 0.5 * level)
        return wanted

    def _snipe(self, exchange: Exchange, listing: Listing, fair: float, half: float) -> None:
        """Take what others still quote beyond fair value."""
        bid, bid_lots, ask, ask_lots = exchange.touch(self._symbol)
        edge = fair / float(listing.tick)
        sign = ticks = 0
        if ask_lots and ask < edge * (1.0 - half):
            sign, ticks = 1, math.floor(edge * (1.0 - half))
        elif bid_lots and bid > edge * (1.0 + half):
            sign, ticks = -1, math.ceil(edge * (1.0 + half))
        if not sign:
            return
        usd = lot_usd(exchange, listing)
        lots = max(round(self._first_usd * min(self._random.paretovariate(1.0), 10.0) / usd), 1)
        side = "buy" if sign > 0 else "sell"
        order = exchange.place_lots(self.account, self._symbol, side, lots, ticks, "ioc")
        if isinstance(order, Order):
            self._inventory_usd += sign * order.filled_lots * usd
            self._mood.flow_usd -= sign * order.filled_lots * usd
