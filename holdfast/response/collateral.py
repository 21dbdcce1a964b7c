"""Collateral: what the balances say of a transfer whose answer was lost.

A transfer has no name at the venue, so nobody can be asked what became of it. What is left is arithmetic: if the one account
has exactly as much less and the other exactly as much more as was to be moved, it happened. Anything else proves nothing,
because fees and profits move balances too: then a person decides.
"""

from decimal import Decimal

import msgspec

from holdfast.action import Transfer
from holdfast.event import BalanceReported

Place = tuple[str, str, str]
"""Venue, account, asset."""


class Evidence(msgspec.Struct, frozen=True):
    """What a transfer's two accounts held before it was intended; None where it was not known."""

    source: Decimal | None
    target: Decimal | None


def ends(transfer: Transfer) -> tuple[Place, Place]:
    """Return where a transfer takes from and where it puts to."""
    return (
        (transfer.venue, transfer.from_account, transfer.asset),
        (transfer.venue, transfer.to_account, transfer.asset),
    )


class Balances:
    """The last balance reported of each account and asset."""

    def __init__(self) -> None:
        self._last: dict[Place, BalanceReported] = {}

    def note(self, event: BalanceReported) -> None:
        """Keep a report if it is not older than what is known."""
        place = (event.venue, event.account, event.asset)
        known = self._last.get(place)
        if known is None or event.time_ns >= known.time_ns:
            self._last[place] = event

    def known(self, transfer: Transfer) -> list[BalanceReported]:
        """Return what is known of the two accounts, to be written down before the transfer."""
        return [self._last[place] for place in ends(transfer) if place in self._last]

    def evidence(self, transfer: Transfer) -> Evidence:
        """Return what the two accounts hold as far as is known."""
        source, target = (self._last.get(place) for place in ends(transfer))
        return Evidence(source.amount if source else None, target.amount if target else None)

    def is_fresh(self, transfer: Transfer, since_ns: int) -> bool:
        """Tell whether both accounts were reported since then."""
        return all(place in self._last and self._last[place].time_ns >= since_ns for place in ends(transfer))


def has_moved(transfer: Transfer, before: Evidence, after: Evidence) -> bool:
    """Tell whether the balances prove that the transfer happened."""
    if before.source is None or before.target is None or after.source is None or after.target is None:
        return False
    return before.source - after.source == transfer.amount == after.target - before.target


def described(transfer: Transfer, before: Evidence, after: Evidence) -> str:
    """Say in a line what a person needs to decide.

    >>> move = Transfer(venue="v", from_account="a", to_account="b", asset="BTC", amount=Decimal(2))
    >>> described(move, Evidence(Decimal(5), None), Evidence(Decimal(4), Decimal(1)))
    '2 BTC from a (5, now 4) to b (?, now 1)'
    """

    def told(amount: Decimal | None) -> str:
        return "?" if amount is None else str(amount)

    return (
        f"{transfer.amount} {transfer.asset} from {transfer.from_account} "
        f"({told(before.source)}, now {told(after.source)}) to {transfer.to_account} "
        f"({told(before.target)}, now {told(after.target)})"
    )
