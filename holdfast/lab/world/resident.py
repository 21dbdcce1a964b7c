"""The residents: a quoter that keeps every book filled and a taker that trades now and then.

They are there so that a venue can be traded on without any agents. What is unrealistic: the quoter has no fear, no limit and
no memory, and the taker no reason.
"""

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.lab.world.exchange import Exchange, Listing, Order
from holdfast.order import Side

if TYPE_CHECKING:
    from holdfast.lab.world.world import World

QUOTER: Final = "resident-quoter"
TAKER: Final = "resident-taker"
LEVELS: Final = 10
_QUOTE_NS: Final = 200 * MILLISECOND_NS
_OPTION_QUOTE_NS: Final = SECOND_NS
_TAKES_PER_S: Final = 2.0
_SPREAD: Final = 0.00005  # half of it, of the price
_STEP: Final = 0.0001  # between levels
_FIRST_USD: Final = 20_000.0
_FORTUNE_USD: Final = 1e12

Level = tuple[Side, int]


class Quoter:
    """Quotes around the mark, `LEVELS` a side, in every instrument of every venue, or in those that are named."""

    def __init__(self, symbols: Mapping[str, Sequence[str]] | None = None) -> None:
        self._symbols = symbols
        self._due_ns: dict[tuple[str, str], int] = {}
        self._fair: dict[tuple[str, str], float] = {}
        self._first_lots: dict[tuple[str, str], int] = {}
        self._resting: dict[tuple[str, str], dict[Level, Order]] = {}

    def act(self, now_ns: int, world: "World") -> None:
        """Renew the quotes that are due."""
        for venue, exchange in world.exchanges.items():
            enrich(exchange, QUOTER, world)
            for listing in exchange.listings.values():
                if self._symbols is not None and listing.symbol not in self._symbols.get(venue, ()):
                    continue
                key = venue, listing.symbol
                if now_ns < self._due_ns.get(key, 0):
                    continue
                self._due_ns[key] = now_ns + (_OPTION_QUOTE_NS if listing.kind == "option" else _QUOTE_NS)
                self._quote(exchange, listing)

    def _quote(self, exchange: Exchange, listing: Listing) -> None:
        fair = exchange.index(listing.base) if listing.kind != "option" else exchange.mark(listing.symbol)
        tick = float(listing.tick)
        if fair <= 2 * tick:
            return
        key = exchange.venue, listing.symbol
        if abs(fair - self._fair.get(key, 0.0)) < _SPREAD * fair / 2 and self._stands(exchange, listing):
            return
        self._fair[key] = fair
        wanted = _levels(exchange, listing, fair, tick)
        self._first_lots[key] = next(iter(wanted.values()))
        resting = self._resting.setdefault(key, {})
        for level, order in list(resting.items()):
            if level not in wanted or order.filled_lots * 2 > order.lots:
                del resting[level]
                exchange.cancel(QUOTER, order.order_id)
        for (side, ticks), lots in wanted.items():
            if (side, ticks) not in resting:
                placed = exchange.place_lots(QUOTER, listing.symbol, side, lots, ticks, post_only=True)
                if isinstance(placed, Order):
                    resting[side, ticks] = placed

    def _stands(self, exchange: Exchange, listing: Listing) -> bool:
        """Tell whether both sides still show what was quoted first."""
        _, bid_lots, _, ask_lots = exchange.touch(listing.symbol)
        first = self._first_lots.get((exchange.venue, listing.symbol), 0)
        return min(bid_lots, ask_lots) * 2 > first


class Taker:
    """Takes a little from a side of a book, at random times."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"taker {seed}")
        self._due_ns: dict[str, int] = {}

    def act(self, now_ns: int, world: "World") -> None:
        """Trade where it is time to."""
        for venue, exchange in world.exchanges.items():
            enrich(exchange, TAKER, world)
            if now_ns < self._due_ns.get(venue, 0):
                continue
            self._due_ns[venue] = now_ns + int(self._random.expovariate(_TAKES_PER_S) * SECOND_NS)
            symbol = self._random.choice(list(exchange.listings))
            side: Side = "buy" if self._random.random() < 0.5 else "sell"
            bid, bid_lots, ask, ask_lots = exchange.touch(symbol)
            ticks, there = (ask, ask_lots) if side == "buy" else (bid, bid_lots)
            if there:
                lots = max(1, int(there * min(self._random.expovariate(5.0), 1.0)))
                exchange.place_lots(TAKER, symbol, side, lots, ticks, "ioc")


def enrich(exchange: Exchange, account: str, world: "World") -> None:
    """Open an account that can't run out of money, unless it is open."""
    if account in exchange.accounts():
        return
    exchange.open_account(account)
    for asset in {listing.settle for listing in exchange.listings.values()}:
        price = world.paths.prices.get(asset, 1.0)
        exchange.deposit(account, asset, Decimal(int(_FORTUNE_USD / price)))


def _levels(exchange: Exchange, listing: Listing, fair: float, tick: float) -> dict[Level, int]:
    """Return the quotes that are wanted: side and ticks, with lots.

    The first quote of a side follows the price; the others stand on a grid of their own and stay as the price moves.
    """
    index = exchange.index(listing.base)
    amount_usd = float(listing.lot) * (1.0 if listing.inverse and listing.kind != "option" else index)
    first, step = max(_SPREAD * fair, tick / 2) / tick, max(1, round(_STEP * fair / tick))
    buy, sell = int(fair / tick - first), -int(-(fair / tick + first) // 1)
    wanted: dict[Level, int] = {}
    for level in range(LEVELS):
        lots = max(1, int(_FIRST_USD * (1 + level) / amount_usd))
        below, above = buy, sell
        if level:
            below, above = (buy // step - level) * step, (-(-sell // step) + level) * step
        if below > 0:
            wanted["buy", below] = lots
        wanted["sell", above] = lots
    return wanted
