"""The desk's own strategy: leveraged long perpetuals on both venues, quotes around them, and a bug that can break out.

Rules:

1. It opens its positions at its first turn, at the mark. Its orders carry the client ids `mm-1`, `mm-2`, ...
2. Well-behaved it asks for a permit before each order: `open` quotes both sides, `reduce_only` only the side that reduces;
   otherwise it cancels its own quotes and waits. It sends nothing to a venue that is frozen.
3. Running away it asks nobody: it buys and bids, many times a second, until its time is over or it is killed.
"""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from holdfast.clock import SECOND_NS
from holdfast.lab.world.agents.holder import cross
from holdfast.lab.world.agents.taking import lot_usd
from holdfast.lab.world.exchange import Exchange, Listing, Order
from holdfast.lab.world.listings import BINANCE, DERIBIT
from holdfast.receipt import Permit

if TYPE_CHECKING:
    from holdfast.lab.world.world import World

AskPermit = Callable[[str, str], Permit]
"""What is allowed now for a venue and a symbol."""

ACCOUNT: Final = "desk"
PREFIX: Final = "mm-"
POSITIONS: Final = (  # venue, symbol, dollars: about five times what stands behind them
    (BINANCE, "BTCUSDT", 3_400_000.0),
    (BINANCE, "ETHUSDT", 2_200_000.0),
    (DERIBIT, "BTC-PERPETUAL", 5_600_000.0),
    (DERIBIT, "ETH-PERPETUAL", 2_500_000.0),
)
_EVERY_NS: Final = 3 * SECOND_NS
_QUOTE_USD: Final = 25_000.0
_OFFSET: Final = 0.0006
_RUNAWAY_USD: Final = (10_000.0, 30_000.0)


def always_open(_venue: str, _symbol: str) -> Permit:
    """Allow everything: an unguarded desk."""
    return "open"


class DeskStrategy:
    """Trades for the account `desk`; a participant of the world."""

    def __init__(self, seed: int, permit: AskPermit = always_open) -> None:
        self.permit = permit
        self.orders_sent = 0
        self.runaway_until_ns = 0
        self._random = random.Random(f"desk strategy {seed}")
        self._is_in = False
        self._due_ns = 0
        self._quotes: dict[tuple[str, str], list[str]] = {}

    def run_away(self, until_ns: int) -> None:
        """Let the bug break out."""
        self.runaway_until_ns = until_ns

    def kill(self) -> None:
        """End the running away."""
        self.runaway_until_ns = 0

    def act(self, now_ns: int, world: "World") -> None:
        """Open, quote when it is time, or run away."""
        if not self._is_in:
            self._is_in = True
            for venue, symbol, usd in POSITIONS:
                exchange = world.exchanges[venue]
                listing = exchange.listings[symbol]
                cross(
                    exchange,
                    world,
                    ACCOUNT,
                    listing,
                    1,
                    round(usd / lot_usd(exchange, listing)),
                    self._next_id(),
                )
            self._due_ns = now_ns + _EVERY_NS
        elif now_ns < self.runaway_until_ns:
            self._fire(world)
        elif now_ns >= self._due_ns:
            self._due_ns = now_ns + _EVERY_NS
            for venue, symbol, _ in POSITIONS:
                if not world.faults[venue].is_frozen:
                    self._quote(venue, symbol, world.exchanges[venue])

    def _quote(self, venue: str, symbol: str, exchange: Exchange) -> None:
        """Replace the quotes of one instrument."""
        for order_id in self._quotes.pop((venue, symbol), ()):
            exchange.cancel(ACCOUNT, order_id)
        state = self.permit(venue, symbol)
        if state not in ("open", "reduce_only"):
            return
        listing = exchange.listings[symbol]
        held = exchange.position(ACCOUNT, symbol)
        closing = 0 if held is None or not held.quantity else (-1 if held.quantity > 0 else 1)
        placed: list[str] = []
        for sign in (1, -1):
            if state == "reduce_only" and sign != closing:
                continue
            price = exchange.index(listing.base) * (1.0 - sign * _OFFSET)
            order = self._send(exchange, listing, sign, price, _QUOTE_USD, state == "reduce_only", True)
            if order is not None:
                placed.append(order.order_id)
        self._quotes[venue, symbol] = placed

    def _fire(self, world: "World") -> None:
        """Buy somewhere and bid somewhere, twice."""
        draw = self._random
        for is_taking in (True, False, True, False):
            venue, symbol, _ = draw.choice(POSITIONS)
            usd = draw.uniform(*_RUNAWAY_USD)
            if world.faults[venue].is_frozen:
                continue
            exchange = world.exchanges[venue]
            listing = exchange.listings[symbol]
            price = exchange.index(listing.base) * (1.002 if is_taking else draw.uniform(0.9985, 0.9998))
            self._send(exchange, listing, 1, price, usd, False, not is_taking)

    def _send(
        self,
        exchange: Exchange,
        listing: Listing,
        sign: int,
        price: float,
        usd: float,
        reduces: bool,
        rests: bool,
    ) -> Order | None:
        ticks = max(round(price / float(listing.tick)), 1)
        lots = max(round(usd / lot_usd(exchange, listing)), 1)
        order = exchange.place_lots(
            ACCOUNT,
            listing.symbol,
            "buy" if sign > 0 else "sell",
            lots,
            ticks,
            "gtc" if rests else "ioc",
            post_only=rests,
            reduce_only=reduces,
            client_id=self._next_id(),
        )
        return order if isinstance(order, Order) else None

    def _next_id(self) -> str:
        self.orders_sent += 1
        return f"{PREFIX}{self.orders_sent}"
