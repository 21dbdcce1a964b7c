"""Differences: where the venue's lists and our memory of an account disagree. Values, for people and playbooks to act on."""

from decimal import Decimal

import msgspec

from holdfast.order import Side


class GhostOrder(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The venue lists an open order of which we did not know, or which we knew to have ended."""

    time_ns: int
    venue: str
    account: str
    instrument: str
    order_id: str
    client_id: str
    side: Side
    quantity: Decimal

    def __str__(self) -> str:
        return f"{self.venue}:{self.instrument}: order {self.order_id} to {self.side} {self.quantity} is open, unknown to us"


class MissingOrder(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """An order that we knew as open is not listed: it has ended, and `outstanding` of it may have been filled."""

    time_ns: int
    venue: str
    account: str
    instrument: str
    order_id: str
    client_id: str
    side: Side
    outstanding: Decimal

    def __str__(self) -> str:
        return (
            f"{self.venue}:{self.instrument}: order {self.order_id} is not open any more;"
            f" up to {self.outstanding} of its {self.side} may have been filled unseen"
        )


class PositionDiffers(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The venue states another position than our fills add up to. `differs_by` is the venue's less ours."""

    time_ns: int
    venue: str
    account: str
    instrument: str
    stated: Decimal
    differs_by: Decimal

    def __str__(self) -> str:
        return f"{self.venue}:{self.instrument}: the position is {self.stated}, {self.differs_by:+} from what we knew"


Difference = GhostOrder | MissingOrder | PositionDiffers
