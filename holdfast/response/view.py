"""View: what executions and playbooks see of the desk, the market and the outbox; and one that is filled by hand.

Rules:

1. What is not known is None, 0 or empty, never a guess. A book's sides are empty unless it is live and trusted.
2. `pending` counts every order in flight or of unknown fate at its full unfilled size, until the venue says otherwise.
3. A view does not move while it is read: one `advance` sees one moment.
"""

from decimal import Decimal
from typing import Final, Protocol

import msgspec

from holdfast.event import BalanceReported, Scope
from holdfast.instrument import Instrument
from holdfast.policy.governor.sight import Held, Sight
from holdfast.receipt import Intended, Permit, Settled

Account = tuple[str, str]
"""Venue and account."""

PERMITS: Final[tuple[Permit, ...]] = ("open", "reduce_only", "paused", "halted")
"""From the loosest to the tightest."""

Levels = list[tuple[float, float]]
"""Prices and sizes of one side of a book, best first."""


class DeskView(Sight, Protocol):
    """The desk and the market at one moment."""

    def accounts(self, scope: Scope) -> list[Account]:
        """Return the accounts that the scope touches."""
        ...

    def bids(self, venue: str, symbol: str, count: int) -> Levels:
        """Return the best bids, sizes in the venue's amount unit; empty unless the book is live and trusted."""
        ...

    def asks(self, venue: str, symbol: str, count: int) -> Levels:
        """Return the best asks, as `bids`."""
        ...

    def is_trusted(self, venue: str, symbol: str) -> bool:
        """Tell whether the instrument's feed is live and no detector of the feed's quality speaks against it."""
        ...

    def balance(self, venue: str, account: str, asset: str) -> BalanceReported | None:
        """Return what the venue last said lies in an account of an asset."""
        ...

    def open_orders(self, venue: str, account: str, instrument: str = "") -> int:
        """Count the orders that rest at the venue as far as is known, of one instrument or of the account."""
        ...

    def permit(self, scope: Scope) -> Permit:
        """Return what the desk's strategies may do in the scope now, the tightest of it and what is around it."""
        ...

    def reconciled_ns(self, venue: str, account: str) -> int:
        """Return when the questions of the last complete reconciliation of an account were asked; 0 for never."""
        ...

    def is_known(self, scope: Scope) -> bool:
        """Tell whether every account in the scope was reconciled since this process began: before, nothing held is known."""
        ...

    def is_certain(self, venue: str, account: str, instrument: str) -> bool:
        """Tell whether what the venue has said allows only one reading of a position."""
        ...

    def differences(self, scope: Scope) -> list[str]:
        """Return in what our view and the venues' differ, one line each, unknown orders included."""
        ...


class OutboxView(Protocol):
    """What the outbox knows of a key. All of it survives a restart, because it is folded from the journal."""

    def intended(self, key: str) -> Intended | None:
        """Return the intent of a key, None where the key is not known."""
        ...

    def settled(self, key: str) -> Settled | None:
        """Return the final fate of a key, None while it is open or unknown."""
        ...

    def filled(self, key: str) -> Decimal:
        """Return how much of an order was filled, as far as is known; all of it once the key is settled."""
        ...


class Moment(msgspec.Struct, kw_only=True):
    """A `DeskView` that is filled by hand: plain maps by (venue, symbol) or (venue, account, instrument)."""

    now_ns: int = 0
    instruments: dict[tuple[str, str], Instrument] = {}
    positions: dict[Held, Decimal] = {}
    pendings: dict[Held, Decimal] = {}
    books: dict[tuple[str, str], tuple[Levels, Levels]] = {}
    marks: dict[tuple[str, str], float] = {}
    deltas: dict[Held, float] = {}
    prices_usd: dict[str, float] = {}
    balances: dict[tuple[str, str, str], BalanceReported] = {}
    orders: dict[Held, int] = {}
    permits: dict[Scope, Permit] = {}
    reconciled: dict[Account, int] = {}
    differing: list[tuple[Scope, str]] = []
    known_accounts: list[Account] = []
    unheard: set[Account] = set()
    doubtful: set[Held] = set()

    def position(self, venue: str, account: str, instrument: str) -> Decimal:
        """Return what is held."""
        return self.positions.get((venue, account, instrument), Decimal(0))

    def pending(self, venue: str, account: str, instrument: str) -> Decimal:
        """Return the signed exposure of orders in flight or unknown."""
        return self.pendings.get((venue, account, instrument), Decimal(0))

    def held(self, scope: Scope) -> list[Held]:
        """Return what is held or pending in a scope."""
        carrying = {key for key, value in (*self.positions.items(), *self.pendings.items()) if value}
        return sorted(key for key in carrying if _covers(scope, Scope(key[0], key[2])))

    def instrument(self, venue: str, symbol: str) -> Instrument | None:
        """Return an instrument's terms."""
        return self.instruments.get((venue, symbol))

    def mark(self, venue: str, symbol: str) -> float | None:
        """Return the mark price."""
        return self.marks.get((venue, symbol))

    def delta(self, venue: str, account: str, symbol: str) -> float | None:
        """Return a position's delta in coins, as it was filled in."""
        return self.deltas.get((venue, account, symbol))

    def price_usd(self, asset: str) -> float | None:
        """Return what one coin is worth; a dollar by default for what stands for one."""
        return self.prices_usd.get(asset, 1.0 if asset in ("USD", "USDC", "USDT") else None)

    def accounts(self, scope: Scope) -> list[Account]:
        """Return the accounts of the scope's venue, or all of them."""
        return [account for account in self.known_accounts if scope.venue in ("", account[0])]

    def bids(self, venue: str, symbol: str, count: int) -> Levels:
        """Return the best bids."""
        return self.books.get((venue, symbol), ([], []))[0][:count]

    def asks(self, venue: str, symbol: str, count: int) -> Levels:
        """Return the best asks."""
        return self.books.get((venue, symbol), ([], []))[1][:count]

    def is_trusted(self, venue: str, symbol: str) -> bool:
        """Tell whether there is a book."""
        return (venue, symbol) in self.books

    def balance(self, venue: str, account: str, asset: str) -> BalanceReported | None:
        """Return a balance."""
        return self.balances.get((venue, account, asset))

    def open_orders(self, venue: str, account: str, instrument: str = "") -> int:
        """Count open orders."""
        return sum(
            count
            for key, count in self.orders.items()
            if key[:2] == (venue, account) and instrument in ("", key[2])
        )

    def permit(self, scope: Scope) -> Permit:
        """Return the tightest permit of the scope and what is around it."""
        around = {permit for other, permit in self.permits.items() if _covers(other, scope)}
        tightest: Permit = "open"
        for permit in PERMITS:
            if permit in around:
                tightest = permit
        return tightest

    def reconciled_ns(self, venue: str, account: str) -> int:
        """Return when an account was last reconciled."""
        return self.reconciled.get((venue, account), 0)

    def is_certain(self, venue: str, account: str, instrument: str) -> bool:
        """Tell whether a position is not among the doubtful."""
        return (venue, account, instrument) not in self.doubtful

    def is_known(self, scope: Scope) -> bool:
        """Tell whether no account of the scope is among the unheard."""
        return not any(account in self.unheard for account in self.accounts(scope))

    def differences(self, scope: Scope) -> list[str]:
        """Return the differences noted in a scope."""
        return [text for other, text in self.differing if _covers(scope, other) or _covers(other, scope)]


def _covers(outer: Scope, inner: Scope) -> bool:
    return outer.venue in ("", inner.venue) and outer.instrument in ("", inner.instrument)
