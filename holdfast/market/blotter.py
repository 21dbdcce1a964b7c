"""Blotter: the desk's own orders, fills, positions, balances and lines on every account, folded from account events.

Rules:

1. State changes only by `fold`, `expect` and `adopt`; the same calls in the same order give the same state, so a journal
   gives it back.
2. An order counts from `expect`, before it is sent, until the venue has said what became of it: `exposure` is where the
   position may lie and come to lie, whatever is still on its way.
3. Lists of the venue are compared with what was known; what differs is returned, as values (see `difference`).

Read next: `market/account.py` (one account), `market/holding.py` (one position), `market/own_order.py` (one order).
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from holdfast.error import BrokenInvariant
from holdfast.event import (
    AccountEvent,
    BalanceReported,
    ClockMeasured,
    EffectAnswered,
    Filled,
    LineMoved,
    OrderAbsent,
    OrderReported,
    OrdersListed,
    PositionReported,
    Scope,
)
from holdfast.market.account import Account
from holdfast.market.difference import Difference
from holdfast.market.holding import ZERO, Holding
from holdfast.market.own_order import OwnOrder
from holdfast.market.owner import Owners
from holdfast.order import NewOrder, sign_of

ACCOUNTS_MAX: Final = 256
_NOT_DONE: Final = ("refused", "expired", "unsent")


class Blotter:
    """What the desk has at every venue. `owners` knows whose orders are whose.

    Units: as in `order`. Raises: BrokenInvariant `blotter.accounts` beyond ACCOUNTS_MAX accounts.
    Cost: 6 us an event; `exposure` 1.5 us an open order of the account.
    Limits: ids of trades are remembered for the last 8,192 fills of an account, ended orders for the last 2,048.
    """

    def __init__(self, owners: Owners) -> None:
        self.owners = owners
        self.accounts: dict[tuple[str, str], Account] = {}
        self.lines: dict[tuple[str, str, str], LineMoved] = {}
        self.clocks: dict[str, ClockMeasured] = {}
        self.is_new_fill = False  # whether the fill that was folded last had not been seen before

    def fold(self, event: AccountEvent) -> list[Difference]:
        """Take in what a venue said; return where its lists differ from what was known."""
        if isinstance(event, ClockMeasured):
            self.clocks[event.venue] = event
            return []
        if isinstance(event, LineMoved):
            self.lines[event.venue, event.account, event.line] = event
            return []
        account = self._account(event.venue, event.account)
        if isinstance(event, OrderReported):
            account.take_order(event)
        elif isinstance(event, OrderAbsent):
            account.take_absence(event)
        elif isinstance(event, Filled):
            self.is_new_fill = account.take_fill(event)
        elif isinstance(event, PositionReported):
            return account.take_position(event)
        elif isinstance(event, BalanceReported):
            known = account.balances.get(event.asset)
            if known is None or known.time_ns <= event.time_ns:
                account.balances[event.asset] = event
        elif isinstance(event, EffectAnswered):
            if event.outcome in _NOT_DONE:
                account.drop_expected(event.key)
        elif isinstance(event, OrdersListed):
            return account.take_orders(event)
        else:
            return account.take_positions(event)
        return []

    def expect(
        self,
        now_ns: int,
        venue: str,
        account: str,
        order: NewOrder,
        *,
        key: str = "",
        valid_until_ns: int = 0,
    ) -> None:
        """Count an order from now on; call it before the order is sent. `key` is that of its `EffectAnswered`."""
        self._account(venue, account).expect(now_ns, order, key, valid_until_ns)

    def adopt(self, venue: str, account: str, instrument: str = "") -> None:
        """Take positions (of one instrument, or all) for explained as they are: somebody has looked at them."""
        for name, holding in self._account(venue, account).holdings.items():
            if instrument in ("", name):
                holding.adopt()

    def owner_of(self, client_id: str) -> str:
        """Return whose order it is: `guard`, a strategy, or nothing for one that is not ours."""
        return self.owners.owner_of(client_id)

    def position(self, venue: str, account: str, instrument: str) -> Decimal:
        """Return the likeliest position, signed."""
        return self.holding(venue, account, instrument).position

    def drift(self, venue: str, account: str, instrument: str) -> Decimal:
        """Return the part of the position that no fill explains, signed."""
        return self.holding(venue, account, instrument).drift

    def exposure(self, venue: str, account: str, instrument: str) -> tuple[Decimal, Decimal]:
        """Return the lowest and highest position there may be or come to be without another order of ours."""
        known = self.accounts.get((venue, account))
        return known.exposure(instrument) if known else (ZERO, ZERO)

    def pending(self, venue: str, account: str, instrument: str) -> Decimal:
        """Return what orders that were sent and not yet told of would move the position by, signed."""
        known = self.accounts.get((venue, account))
        orders = known.expected.values() if known else ()
        return sum((sign_of(o.side) * o.outstanding for o in orders if o.instrument == instrument), ZERO)

    def open_orders(self, scope: Scope | None = None, account: str = "") -> list[OwnOrder]:
        """Return the orders of a scope that may still be filled, expected ones among them."""
        return [
            order
            for known in self._within(scope, account)
            for order in known.orders()
            if order.is_live and (scope is None or scope.instrument in ("", order.instrument))
        ]

    def order(self, venue: str, account: str, order_id: str) -> OwnOrder | None:
        """Return an order by the venue's id, if it is still remembered."""
        known = self.accounts.get((venue, account))
        return (known.live.get(order_id) or known.ended.get(order_id)) if known else None

    def held(self, scope: Scope | None = None) -> list[tuple[str, str, str]]:
        """Return (venue, account, instrument) of every position in a scope that is not surely flat, in order."""
        return sorted(
            (known.venue, known.account, instrument)
            for known in self._within(scope, "")
            for instrument, one in known.holdings.items()
            if (one.position or one.doubt_low or one.doubt_high)
            and (scope is None or scope.instrument in ("", instrument))
        )

    def accounts_of(self, scope: Scope | None = None) -> list[tuple[str, str]]:
        """Return (venue, account) of every account in a scope, in order."""
        return sorted((known.venue, known.account) for known in self._within(scope, ""))

    def balance(self, venue: str, account: str, asset: str) -> BalanceReported | None:
        """Return the last balance that the venue told of an asset."""
        known = self.accounts.get((venue, account))
        return known.balances.get(asset) if known else None

    def is_up(self, venue: str, account: str, line: str = "private") -> bool:
        """Tell whether a line is up."""
        known = self.lines.get((venue, account, line))
        return known is not None and known.up

    def holding(self, venue: str, account: str, instrument: str) -> Holding:
        """Return all that is known of a position."""
        known = self.accounts.get((venue, account))
        return (known.holdings.get(instrument) if known else None) or Holding()

    def memory(self) -> list[Any]:
        """Return all that is remembered, in a fixed order, for digests."""
        rows: list[Any] = []
        for name in sorted(self.accounts):
            known = self.accounts[name]
            orders = [msgspec.to_builtins(one) for one in (*known.orders(), *known.ended.values())]
            holdings = {i: msgspec.to_builtins(one) for i, one in known.holdings.items()}
            balances = {a: msgspec.to_builtins(one) for a, one in known.balances.items()}
            crowd = {i: msgspec.to_builtins(one) for i, one in known.crowd.items()}
            rows.append([name, orders, holdings, balances, crowd])
        lines = [msgspec.to_builtins(self.lines[name]) for name in sorted(self.lines)]
        return [*rows, lines, [msgspec.to_builtins(self.clocks[name]) for name in sorted(self.clocks)]]

    def _account(self, venue: str, account: str) -> Account:
        known = self.accounts.get((venue, account))
        if known is None:
            if len(self.accounts) >= ACCOUNTS_MAX:
                raise BrokenInvariant("blotter.accounts", f"more than {ACCOUNTS_MAX} accounts")
            known = self.accounts[venue, account] = Account(venue, account)
        return known

    def _within(self, scope: Scope | None, account: str) -> Iterator[Account]:
        for known in self.accounts.values():
            if (scope is None or scope.venue in ("", known.venue)) and account in ("", known.account):
                yield known
