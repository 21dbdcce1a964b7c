"""Collateral: what the balances say of a transfer whose answer was lost.

A transfer has no name at the venue, so nobody can be asked what became of it. What is left is arithmetic: if the one account
has exactly as much less and the other exactly as much more as was to be moved, it happened. Anything else proves nothing,
because fees and profits move balances too: then a person decides. Nor does it prove anything if another transfer of ours
touched one of the accounts meanwhile.
"""

from decimal import Decimal
from typing import Final

import msgspec

from holdfast.action import Transfer
from holdfast.event import BalanceReported

Place = tuple[str, str, str]
"""Venue, account, asset."""


class Evidence(msgspec.Struct, frozen=True):
    """What a transfer's two accounts held before it was intended; None where it was not known."""

    source: Decimal | None
    target: Decimal | None


NO_EVIDENCE: Final = Evidence(None, None)


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
        self._moved_ns: dict[Place, int] = {}  # when the last transfer of ours was settled

    def note(self, event: BalanceReported) -> None:
        """Keep a report if it is not older than what is known."""
        place = (event.venue, event.account, event.asset)
        known = self._last.get(place)
        if known is None or event.time_ns >= known.time_ns:
            self._last[place] = event

    def forget(self) -> None:
        """Begin anew, on another node's clock."""
        self._last.clear()
        self._moved_ns.clear()

    def known(self, transfer: Transfer) -> list[BalanceReported]:
        """Return what is known of the two accounts, to be written down before the transfer."""
        return [self._last[place] for place in ends(transfer) if place in self._last]

    def moved(self, transfer: Transfer, time_ns: int) -> None:
        """Hear that a transfer was settled: what was reported before says nothing of the next one."""
        for place in ends(transfer):
            self._moved_ns[place] = time_ns

    def baseline(self, transfer: Transfer) -> Evidence:
        """Return what a transfer that begins now is to be compared with."""
        is_sound = all(
            place in self._last and self._last[place].time_ns > self._moved_ns.get(place, -1)
            for place in ends(transfer)
        )
        return self.evidence(transfer) if is_sound else NO_EVIDENCE

    def evidence(self, transfer: Transfer) -> Evidence:
        """Return what the two accounts hold as far as is known."""
        source, target = (self._last.get(place) for place in ends(transfer))
        return Evidence(source.amount if source else None, target.amount if target else None)

    def confirms(self, transfer: Transfer, before: Evidence, since_ns: int) -> bool:
        """Tell whether balances of both accounts, reported since then, prove that the transfer happened."""
        for place in ends(transfer):
            if place not in self._last or self._last[place].time_ns < since_ns:
                return False
        after = self.evidence(transfer)
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
