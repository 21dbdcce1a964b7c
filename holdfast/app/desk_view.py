"""Desk view: what executions, playbooks and the governor see of the live desk: engine, blotter, outbox and permits as one.

Rules: those of `response/view.py` and `policy/governor/sight.py`. A book is served while it is live and its feed is trusted.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from holdfast.engine import State
from holdfast.event import BalanceReported, Scope
from holdfast.instrument import Instrument
from holdfast.market.blotter import Blotter
from holdfast.market.book import LIVE
from holdfast.policy.governor.exposure import coins_of
from holdfast.receipt import Permit
from holdfast.response.view import Account, Levels

DOLLARS: Final = ("USD", "USDT", "USDC")
PERMITS: Final[tuple[Permit, ...]] = ("open", "reduce_only", "paused", "halted")
"""From the widest to the tightest."""

Held = tuple[str, str, str]


class LiveView:
    """A `DeskView` of a running node. `now_ns` is set by the node at each turn."""

    def __init__(
        self,
        accounts: Sequence[Account],
        state: State,
        blotter: Blotter,
        permits: Mapping[Scope, Permit],
        exposures: Callable[[], Mapping[Held, Decimal]],
        differences: Mapping[Account, tuple[str, ...]],
        reconciled: Mapping[Account, int],
    ) -> None:
        self.now_ns = 0
        self._accounts = tuple(accounts)
        self._state = state
        self._blotter = blotter
        self._permits = permits
        self._exposures = exposures
        self._differences = differences
        self._reconciled = reconciled

    def position(self, venue: str, account: str, instrument: str) -> Decimal:
        """Return what is held, signed."""
        return self._blotter.position(venue, account, instrument)

    def pending(self, venue: str, account: str, instrument: str) -> Decimal:
        """Return the signed exposure of the guard's orders in flight or of unknown fate."""
        return self._exposures().get((venue, account, instrument), Decimal(0))

    def held(self, scope: Scope) -> list[Held]:
        """Return what is held, and what has orders under way, in a scope."""
        under_way = [place for place, quantity in self._exposures().items() if quantity]
        inside = [
            one for one in under_way if scope.venue in ("", one[0]) and scope.instrument in ("", one[2])
        ]
        return sorted({*self._blotter.held(scope), *inside})

    def instrument(self, venue: str, symbol: str) -> Instrument | None:
        """Return the terms of a listed instrument."""
        number = self._state.instruments.find(venue, symbol)
        return self._state.instruments[number] if number >= 0 else None

    def mark(self, venue: str, symbol: str) -> float | None:
        """Return the venue's mark, else the price that the fold uses."""
        number = self._number(venue, symbol)
        if number < 0:
            return None
        row = self._state.market.board[number]
        for value in (float(row["mark"]), float(row["price"])):
            if value > 0.0:
                return value
        return None

    def delta(self, venue: str, account: str, symbol: str) -> float | None:
        """Return the delta of a position in coins: by the venue's own delta for an option."""
        quantity = float(self.position(venue, account, symbol))
        instrument = self.instrument(venue, symbol)
        if instrument is None:
            return None if quantity else 0.0
        if not quantity:
            return 0.0
        if instrument.kind == "option":
            number = self._number(venue, symbol)
            own = float(self._state.market.board[number]["delta"]) if number >= 0 else float("nan")
            return None if math.isnan(own) else quantity * own
        coins = coins_of(instrument, Decimal(repr(quantity)), self.mark(venue, symbol) or 0.0)
        return None if coins is None else float(coins)

    def price_usd(self, asset: str) -> float | None:
        """Return what one coin is worth in dollars: an index, else the mark of a perpetual or future."""
        if asset in DOLLARS:
            return 1.0
        best: tuple[int, float] | None = None
        for number in range(self._state.count):
            instrument = self._state.instruments[number]
            if instrument.base != asset or instrument.kind == "option":
                continue
            row = self._state.market.board[number]
            for rank, value in ((0, row["index"]), (1, row["mark"]), (2, row["price"])):
                if float(value) > 0.0 and (best is None or rank < best[0]):
                    best = rank, float(value)
        return best[1] if best else None

    def accounts(self, scope: Scope) -> list[Account]:
        """Return the desk's accounts that a scope touches, whether their venue has spoken yet or not."""
        return [one for one in self._accounts if scope.venue in ("", one[0])]

    def bids(self, venue: str, symbol: str, count: int) -> Levels:
        """Return the best bids, best first."""
        return self._levels(venue, symbol, 0, count)

    def asks(self, venue: str, symbol: str, count: int) -> Levels:
        """Return the best asks, best first."""
        return self._levels(venue, symbol, 1, count)

    def is_trusted(self, venue: str, symbol: str) -> bool:
        """Tell whether feed trust has no objection to an instrument."""
        number = self._number(venue, symbol)
        return number >= 0 and bool(self._state.watch.trusted[number])

    def balance(self, venue: str, account: str, asset: str) -> BalanceReported | None:
        """Return what the venue last said lies in an account of an asset."""
        return self._blotter.balance(venue, account, asset)

    def open_orders(self, venue: str, account: str, instrument: str = "") -> int:
        """Count the orders that rest, as far as is known."""
        return len(self._blotter.open_orders(Scope(venue, instrument), account))

    def permit(self, scope: Scope) -> Permit:
        """Return the tightest permit of a scope and what is around it."""
        around = (scope, Scope(venue=scope.venue), Scope())
        permits: list[Permit] = [self._permits.get(one, "open") for one in around]
        return max(permits, key=PERMITS.index)

    def reconciled_ns(self, venue: str, account: str) -> int:
        """Return when the questions of the last complete reconciliation were asked."""
        return self._reconciled.get((venue, account), 0)

    def is_certain(self, venue: str, account: str, instrument: str) -> bool:
        """Tell whether what the venue has said allows only one reading of a position."""
        held = self._blotter.holding(venue, account, instrument)
        return not held.doubt_low and not held.doubt_high

    def is_known(self, scope: Scope) -> bool:
        """Tell whether every account in the scope was reconciled since this process began."""
        return all(account in self._reconciled for account in self.accounts(scope))

    def differences(self, scope: Scope) -> list[str]:
        """Return in what our view and the venues' differ, one line each."""
        return [
            line
            for (venue, _), lines in sorted(self._differences.items())
            if scope.venue in ("", venue)
            for line in lines
        ]

    def _number(self, venue: str, symbol: str) -> int:
        """Return an instrument's number where the market has a row for it, else -1."""
        number = self._state.instruments.find(venue, symbol)
        return number if number < self._state.count else -1

    def _levels(self, venue: str, symbol: str, side: int, count: int) -> Levels:
        number = self._number(venue, symbol)
        if number < 0 or not self._state.watch.trusted[number]:
            return []
        own, market = self._state.market.state[number], self._state.market
        slot, levels = int(own["slot"]), int(own["asks" if side else "bids"])
        if slot < 0 or own["book"] != LIVE:
            return []
        tick, lot = market.steps[number].tolist()
        chosen = slice(max(0, levels - count), levels)
        keys = market.keys[slot, side, chosen][::-1]
        sizes = market.sizes[slot, side, chosen][::-1]
        return [
            (abs(key) * tick, size * lot) for key, size in zip(keys.tolist(), sizes.tolist(), strict=True)
        ]
