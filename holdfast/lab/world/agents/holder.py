"""Holder: a position held with borrowed money, which the venue closes by force when the price goes too far against it.

It comes in against the carry fund: someone who holds coins and is short of futures, without limit. Once it is liquidated or
has stopped out it stays away for some minutes, and comes back with fresh money in small market orders.
"""

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from holdfast.clock import SECOND_NS
from holdfast.lab.world.agents.taking import lot_usd, take
from holdfast.lab.world.exchange import Exchange, Listing, Order
from holdfast.lab.world.resident import enrich
from holdfast.order import Side

if TYPE_CHECKING:
    from holdfast.lab.world.world import World

FUND: Final = "carry-fund"
_EVERY_NS: Final = 15 * SECOND_NS
_STOPPED_NS: Final = SECOND_NS
_AWAY_S: Final = 900.0
_SLICES: Final = 12
_CENT: Final = Decimal("0.00001")


class Holder:
    """One account with one position: `sign` long or short, `usd` of it, at a leverage.

    `stop` is the loss, a fraction of the entry price, at which it gives up by itself; 0: never.
    """

    def __init__(
        self,
        seed: int,
        name: str,
        venue: str,
        symbol: str,
        sign: int,
        usd: float,
        leverage: float,
        stop: float,
    ) -> None:
        self.account = name
        self._random = random.Random(f"{name} {venue} {seed}")
        self._venue = venue
        self._symbol = symbol
        self._sign = sign
        self._usd = usd
        self._leverage = leverage
        self._stop = stop
        self._entry = 0.0
        self._back_ns = 0
        self._missing_lots = 0

    def join(self, now_ns: int, world: "World") -> int:
        """Open the account and the position."""
        exchange = world.exchanges[self._venue]
        listing = exchange.listings[self._symbol]
        exchange.open_account(self.account)
        self._bring(exchange, listing)
        lots = round(self._usd / lot_usd(exchange, listing))
        cross(exchange, world, self.account, listing, self._sign, lots)
        self._entry = exchange.mark(self._symbol)
        return now_ns + int(self._random.uniform(0.0, 1.0) * _EVERY_NS)

    def wake(self, now_ns: int, world: "World") -> int:
        """Look at the position: come back, come in, or give up."""
        exchange = world.exchanges[self._venue]
        listing = exchange.listings[self._symbol]
        if self._back_ns:
            if now_ns < self._back_ns:
                return self._back_ns
            self._back_ns = 0
            self._bring(exchange, listing)
            self._missing_lots = round(self._usd / lot_usd(exchange, listing))
            self._entry = exchange.mark(self._symbol)
        held = exchange.position(self.account, self._symbol)
        lots = 0 if held is None else int(held.quantity / listing.lot)
        if self._missing_lots > 0:
            size = max(min(self._missing_lots, round(self._usd / lot_usd(exchange, listing) / _SLICES)), 1)
            take(exchange, self.account, listing, self._sign, size, 0.001)
            self._missing_lots -= size
        elif not lots:
            self._back_ns = now_ns + int(self._random.expovariate(1.0 / _AWAY_S) * SECOND_NS) + SECOND_NS
            return self._back_ns
        elif self._stop and self._sign * (exchange.mark(self._symbol) / self._entry - 1.0) < -self._stop:
            take(exchange, self.account, listing, -self._sign, -(-abs(lots) // 4), 0.01)
            return now_ns + _STOPPED_NS
        return now_ns + int(self._random.uniform(0.7, 1.3) * _EVERY_NS)

    def _bring(self, exchange: Exchange, listing: Listing) -> None:
        amount = self._usd / self._leverage / exchange.index(listing.settle)
        exchange.deposit(self.account, listing.settle, Decimal(amount).quantize(_CENT))


def cross(
    exchange: Exchange,
    world: "World",
    account: str,
    listing: Listing,
    sign: int,
    lots: int,
    client_id: str = "",
) -> int:
    """Open a position against the carry fund at the mark; return the lots that were done."""
    enrich(exchange, FUND, world)
    ticks = max(round(exchange.mark(listing.symbol) / float(listing.tick)), 1)
    side: Side = "buy" if sign > 0 else "sell"
    order = exchange.place_lots(account, listing.symbol, side, lots, ticks, client_id=client_id)
    if not isinstance(order, Order):
        return 0
    left = lots - order.filled_lots
    if left:
        exchange.place_lots(FUND, listing.symbol, "sell" if sign > 0 else "buy", left, ticks, "ioc")
    if order.state == "open":
        exchange.cancel(account, order.order_id)
    return order.filled_lots
