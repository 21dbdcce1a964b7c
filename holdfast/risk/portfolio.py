"""Portfolio: what a desk holds, over venues and accounts: positions, balances, and the margin model of each account.

Rules:

1. A position is signed units (see `risk/__init__.py`, rule 2), whatever unit the file it came from used.
2. Positions of one account in one contract net into one; nothing nets across accounts.
3. A balance counts as collateral after its haircut; a negative one is a debt and takes none.
"""

from collections.abc import Iterable

import msgspec

from holdfast.risk.contract import Contract

Key = tuple[str, str]  # venue, account


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """So many signed units of one contract in one account.

    Units: quantity in asset units (quote units for an inverse perpetual or future); entry_price in quote units (coin for a
    coin-settled option), NaN where unknown: a perpetual or future then counts from its mark, without profit.
    """

    account: str
    contract: Contract
    quantity: float
    entry_price: float = float("nan")

    @property
    def key(self) -> Key:
        """Return the account it lies in."""
        return self.contract.venue, self.account


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Coins or cash in one account. Units: amount in units of `asset`; haircut 0 to 1, of its value."""

    venue: str
    account: str
    asset: str
    amount: float
    haircut: float = 0.0

    @property
    def key(self) -> Key:
        """Return the account it lies in."""
        return self.venue, self.account


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One margin account of a venue and the name of its margin model (see `margin/`); empty: none is computed."""

    venue: str
    name: str
    margin_model: str = ""

    @property
    def key(self) -> Key:
        """Return what positions and balances name it by."""
        return self.venue, self.name


class Portfolio(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a desk holds. Shape: positions netted and ordered by account and symbol."""

    name: str
    base_currency: str = "USD"
    positions: tuple[Position, ...] = ()
    balances: tuple[Balance, ...] = ()
    accounts: tuple[Account, ...] = ()

    def of_account(self, key: Key) -> "Portfolio":
        """Return the part that lies in one account."""
        return Portfolio(
            name=f"{self.name} {key[0]}/{key[1]}",
            base_currency=self.base_currency,
            positions=tuple(position for position in self.positions if position.key == key),
            balances=tuple(balance for balance in self.balances if balance.key == key),
            accounts=tuple(account for account in self.accounts if account.key == key),
        )


def netted(positions: Iterable[Position]) -> tuple[Position, ...]:
    """Net positions of one account in one contract; the entry price is the average of what adds up, by quantity.

    Entry prices average over lots of the same sign and survive a reduction; a position that turned keeps the turning lot's.
    """
    known: dict[tuple[Key, str], Position] = {}
    for position in positions:
        name = (position.key, position.contract.symbol)
        before = known.get(name)
        known[name] = position if before is None else _add(before, position)
    kept = (position for position in known.values() if position.quantity != 0.0)
    return tuple(sorted(kept, key=lambda position: (position.key, position.contract.symbol)))


def _add(before: Position, more: Position) -> Position:
    quantity = before.quantity + more.quantity
    if before.quantity * more.quantity >= 0.0 and quantity != 0.0:
        entry = _mean_entry(before, more)
    else:
        entry = before.entry_price if quantity * before.quantity > 0.0 else more.entry_price
    return msgspec.structs.replace(before, quantity=quantity, entry_price=entry)


def _mean_entry(a: Position, b: Position) -> float:
    """Average two lots: by quantity, harmonically where the contract is inverse (its size is in quote units)."""
    if a.contract.inverse and a.contract.kind in ("perpetual", "future"):
        return (a.quantity + b.quantity) / (a.quantity / a.entry_price + b.quantity / b.entry_price)
    return (a.quantity * a.entry_price + b.quantity * b.entry_price) / (a.quantity + b.quantity)
