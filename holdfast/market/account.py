"""Account: everything that is known of one account at one venue, folded from what its venue says.

Rules:

1. A report belongs to the order of its `order_id`; a report of an id that was never seen belongs to the order that is
   expected under its client id, if there is one. Client ids need not be unique among orders that the venue named.
2. A fill counts once: by instrument, trade, order and side (a trade with ourselves is two fills).
3. A list is true as of the moment it was asked for. It ends what it does not hold, unless that was told or sent later.
4. Memory is bounded: orders beyond `ORDERS_OPEN_MAX` are counted in a `crowd` by instrument and side, not one by one,
   until lists and statements have cleared it.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from holdfast.event import (
    BalanceReported,
    Filled,
    OrderAbsent,
    OrderReported,
    OrdersListed,
    PositionReported,
    PositionsListed,
)
from holdfast.market.difference import Difference, GhostOrder, MissingOrder, PositionDiffers
from holdfast.market.holding import ZERO, Holding
from holdfast.market.own_order import OwnOrder, expected, reported
from holdfast.order import NewOrder, sign_of

ORDERS_OPEN_MAX: Final = 8_192
ORDERS_ENDED_MAX: Final = 2_048
TRADES_MAX: Final = 8_192
INSTRUMENTS_MAX: Final = 16_384

_Trade = tuple[str, str, str, str]


class Crowd(msgspec.Struct):
    """Orders of an instrument that are too many to be kept one by one: what they might buy and sell, unsigned."""

    buys: Decimal = ZERO
    sells: Decimal = ZERO


class Account:
    """The orders, positions and balances of one account. Cost: 6 us an event."""

    def __init__(self, venue: str, account: str) -> None:
        self.venue = venue
        self.account = account
        self.live: dict[
            str, OwnOrder
        ] = {}  # by order id; open, or ended beyond what the position accounts for
        self.expected: dict[str, OwnOrder] = {}  # by client id
        self.ended: dict[str, OwnOrder] = {}  # by order id, oldest first
        self.holdings: dict[str, Holding] = {}
        self.balances: dict[str, BalanceReported] = {}
        self.crowd: dict[str, Crowd] = {}
        self.listed_ns = 0
        self._by_key: dict[str, OwnOrder] = {}
        self._crowd_ns = 0
        self._crowd_over_ns = 0
        self._trades: set[_Trade] = set()
        self._trades_in_turn: deque[_Trade] = deque()

    def expect(self, now_ns: int, order: NewOrder, key: str, valid_until_ns: int) -> None:
        """Count an order that is about to be sent, of a client id of its own; its key again only moves its validity."""
        known = self._by_key.get(key) if key else None
        if known is not None:
            known.valid_until_ns = max(known.valid_until_ns, valid_until_ns)
            return
        made = expected(now_ns, self.venue, self.account, order, key, valid_until_ns)
        if self._is_full:
            self._join_crowd(now_ns, made)
            return
        self.expected[order.client_id] = made
        if key:
            self._by_key[key] = made

    def drop_expected(self, key: str) -> None:
        """Forget an expected order that surely was not done."""
        order = self._by_key.get(key)
        if order is not None and self.expected.get(order.client_id) is order:
            del self.expected[order.client_id], self._by_key[key]

    def take_order(self, report: OrderReported) -> OwnOrder:
        """Take in where an order stands and return what is now known of it."""
        order = self._order_of(report.order_id, report.client_id)
        if order is None:
            order = reported(report)
            if order.outstanding and self._is_full:
                self._join_crowd(report.time_ns, order)
                return order
            self.live[_identity(order.order_id, order.client_id)] = order
        else:
            order.take(report)
        self._put_away(order)
        return order

    def take_absence(self, absent: OrderAbsent) -> None:
        """Take in that the venue knows no order of a client id; one that may yet arrive there stays expected."""
        order = self.expected.get(absent.client_id)
        if order is not None and absent.time_ns > order.valid_until_ns:
            del self.expected[absent.client_id]
            self._by_key.pop(order.key, None)

    def take_fill(self, fill: Filled) -> bool:
        """Take in a fill; return whether it is new."""
        trade = (fill.instrument, fill.trade_id, fill.order_id, fill.side)
        if trade in self._trades:
            return False
        self._trades.add(trade)
        self._trades_in_turn.append(trade)
        if len(self._trades_in_turn) > TRADES_MAX:
            self._trades.discard(self._trades_in_turn.popleft())
        holding = self._holding(fill.instrument)
        included = ZERO
        order = self._order_of(fill.order_id, fill.client_id)
        if order is not None:
            included = min(fill.quantity, max(order.settled - order.traded, ZERO))
            order.trade(fill.quantity, fill.time_ns)
            self._put_away(order)
        sign = sign_of(fill.side)
        holding.fill(fill.time_ns, sign * fill.quantity, sign * included)
        return True

    def take_position(self, report: PositionReported) -> list[Difference]:
        """Take in a position that the venue pushed."""
        holding = self._holding(report.instrument)
        differs = holding.push(report.time_ns, report.quantity, report.entry_price)
        return [] if differs is None else self._stated(report, holding.certain_ns, differs)

    def take_positions(self, listed: PositionsListed) -> list[Difference]:
        """Take in all positions; an instrument that is not listed is flat."""
        told = {one.instrument: one for one in listed.positions}
        differences: list[Difference] = []
        for instrument in sorted({*told, *self.holdings, *(one.instrument for one in self.orders())}):
            report = told.get(instrument) or PositionReported(
                time_ns=listed.time_ns,
                venue=self.venue,
                account=self.account,
                instrument=instrument,
                quantity=ZERO,
            )
            differs = self._holding(instrument).answer(
                listed.asked_ns, listed.time_ns, report.quantity, report.entry_price
            )
            if differs is not None:
                differences += self._stated(report, listed.asked_ns, differs)
        return differences

    def take_orders(self, listed: OrdersListed) -> list[Difference]:
        """Take in all open orders. Before the first list nothing is known, so that one tells no difference."""
        if listed.asked_ns < self.listed_ns:
            return []
        first, self.listed_ns = self.listed_ns == 0, listed.asked_ns
        differences: list[Difference] = []
        named = {one.order_id for one in listed.orders}
        for order in list(self.live.values()):
            heard_ns = max(order.since_ns, order.told_ns)
            if order.standing == "open" and order.order_id not in named and heard_ns <= listed.asked_ns:
                order.lose(listed.time_ns)
                differences.append(_missing(listed.time_ns, order))
                self._put_away(order)
        for report in listed.orders:
            known = self._order_of(report.order_id, report.client_id)
            ended = known is not None and not known.is_live and known.ended_ns < listed.asked_ns
            if known is not None and ended and known.standing == "gone":
                known.reopen()
                identity = _identity(known.order_id, known.client_id)
                self.ended.pop(identity, None)
                self.live[identity] = known
            if ended or (known is None and not first):
                differences.append(_ghost(listed.time_ns, report))
            self.take_order(report)
        if self.crowd and self._crowd_ns <= listed.asked_ns and len(listed.orders) < ORDERS_OPEN_MAX:
            self._crowd_over_ns = listed.time_ns
        return differences

    def orders(self) -> Iterator[OwnOrder]:
        """Return every order that may still move the position: expected, open, gone, or told filled beyond its fills."""
        yield from self.expected.values()
        yield from self.live.values()

    def exposure(self, instrument: str) -> tuple[Decimal, Decimal]:
        """Return the lowest and the highest position that there may be or come to be without another order of ours."""
        holding = self.holdings.get(instrument) or Holding()
        low = holding.position + holding.doubt_low
        high = holding.position + holding.doubt_high
        closing_buys = closing_sells = ZERO
        buys = sells = ZERO
        for order in self._orders_of(instrument):
            if order.side == "buy":
                if order.reduce_only:
                    closing_buys += order.outstanding
                else:
                    buys += order.outstanding
            elif order.reduce_only:
                closing_sells += order.outstanding
            else:
                sells += order.outstanding
        crowd = self.crowd.get(instrument) or Crowd()
        # an order that only reduces takes the position to zero at most, and may do so before the others
        low = low if low <= 0 else max(low - closing_sells, ZERO)
        high = high if high >= 0 else min(high + closing_buys, ZERO)
        return low - sells - crowd.sells, high + buys + crowd.buys

    def _stated(self, report: PositionReported, certain_ns: int, differs: Decimal) -> list[Difference]:
        """Let orders and crowd take in that all that was done before a moment is in the position."""
        for order in list(self._orders_of(report.instrument)):
            order.settle(certain_ns)
            self._put_away(order)
        if self._crowd_over_ns and self._crowd_over_ns <= certain_ns:
            self.crowd.pop(report.instrument, None)
        if not differs:
            return []
        return [
            PositionDiffers(
                time_ns=report.time_ns,
                venue=self.venue,
                account=self.account,
                instrument=report.instrument,
                stated=report.quantity,
                differs_by=differs,
            )
        ]

    def _orders_of(self, instrument: str) -> Iterator[OwnOrder]:
        return (one for one in self.orders() if one.instrument == instrument)

    def _order_of(self, order_id: str, client_id: str) -> OwnOrder | None:
        """Return the order that a report is about (rule 1); an expected one takes the venue's id here."""
        identity = _identity(order_id, client_id)
        known = self.live.get(identity) or self.ended.get(identity)
        if known is not None or client_id not in self.expected:
            return known
        order = self.expected.pop(client_id)
        order.order_id = order_id
        self.live[identity] = order
        return order

    @property
    def _is_full(self) -> bool:
        return len(self.live) + len(self.expected) >= ORDERS_OPEN_MAX

    def _join_crowd(self, time_ns: int, order: OwnOrder) -> None:
        """Count an order without keeping it; its later reports make it no smaller (rule 4)."""
        crowd = self.crowd.setdefault(order.instrument, Crowd())
        if order.side == "buy":
            crowd.buys += order.outstanding
        else:
            crowd.sells += order.outstanding
        self._crowd_ns, self._crowd_over_ns = time_ns, 0

    def _put_away(self, order: OwnOrder) -> None:
        """Move an order that can do nothing more to the ended ones, of which the oldest are forgotten."""
        if order.is_live or order.outstanding:
            return
        identity = _identity(order.order_id, order.client_id)
        if self.live.pop(identity, None) is None:
            return
        self.ended[identity] = order
        if len(self.ended) > ORDERS_ENDED_MAX:
            forgotten = self.ended.pop(next(iter(self.ended)))
            self._by_key.pop(forgotten.key, None)

    def _holding(self, instrument: str) -> Holding:
        known = self.holdings.get(instrument)
        if known is None:
            if len(self.holdings) >= INSTRUMENTS_MAX:
                flat = next((name for name, one in self.holdings.items() if not one.position), "")
                del self.holdings[flat or next(iter(self.holdings))]
            known = self.holdings[instrument] = Holding()
        return known


def _identity(order_id: str, client_id: str) -> str:
    """Return what an order is kept under: a refused one may have no id of the venue's."""
    return order_id or f"client id {client_id}"


def _missing(time_ns: int, order: OwnOrder) -> MissingOrder:
    return MissingOrder(
        time_ns=time_ns,
        venue=order.venue,
        account=order.account,
        instrument=order.instrument,
        order_id=order.order_id,
        client_id=order.client_id,
        side=order.side,
        outstanding=order.outstanding,
    )


def _ghost(time_ns: int, report: OrderReported) -> GhostOrder:
    return GhostOrder(
        time_ns=time_ns,
        venue=report.venue,
        account=report.account,
        instrument=report.instrument,
        order_id=report.order_id,
        client_id=report.client_id,
        side=report.side,
        quantity=report.quantity - report.filled,
    )
