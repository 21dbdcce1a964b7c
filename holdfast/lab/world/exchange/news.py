"""News: what happened on the exchange, in order, for whoever tells it to clients."""

from decimal import Decimal

import msgspec

from holdfast.lab.world.exchange.views import CancelReason, Fill, Order, Trade, from_minor
from holdfast.order import Side


class BookMoved(msgspec.Struct, frozen=True, gc=False):
    """Levels changed by one operation: (side `buy` or `sell`, price in ticks, new size in lots, 0: the level is gone)."""

    instrument: str
    time_ns: int
    change_id: int
    prev_change_id: int
    moved: tuple[tuple[Side, int, int], ...]
    tick: Decimal
    lot: Decimal

    @property
    def changes(self) -> list[tuple[Side, Decimal, Decimal]]:
        """Return the levels with price and size as decimals."""
        return [(side, ticks * self.tick, lots * self.lot) for side, ticks, lots in self.moved]


class Printed(msgspec.Struct, frozen=True, gc=False):
    """A trade was printed."""

    trade: Trade


class TickerMoved(msgspec.Struct, frozen=True, gc=False):
    """Mark, index, funding or the touch moved; ask `ticker` for the values. At most once a mark interval."""

    instrument: str
    time_ns: int


class FundingPaid(msgspec.Struct, frozen=True, gc=False):
    """Funding was booked to an account: positive is received. `rate` of the interval, 0 where continuous."""

    account: str
    instrument: str
    time_ns: int
    asset: str
    amount: Decimal
    rate: float


class OrderMoved(msgspec.Struct, frozen=True, gc=False):
    """An order was opened, executed, edited or ended. `order` is a copy as it then was."""

    account: str
    order: Order
    time_ns: int
    what: str  # "new", "trade", "edit", "cancel"


class Executed(msgspec.Struct, frozen=True, gc=False):
    """An account had an execution."""

    account: str
    fill: Fill


class PositionMoved(msgspec.Struct, frozen=True, gc=False):
    """A position changed its size, entry or margin; ask `position` for it."""

    account: str
    instrument: str
    time_ns: int


class BalanceMoved(msgspec.Struct, frozen=True, gc=False):
    """Money of an account changed. `because`: deposit, withdrawal, transfer, trade, funding, delivery, insurance."""

    account: str
    asset: str
    time_ns: int
    change_minor: int
    because: str

    @property
    def change(self) -> Decimal:
        """Return by how much, in the asset."""
        return from_minor(self.change_minor)


class Liquidated(msgspec.Struct, frozen=True, gc=False):
    """The venue closed part of a position by force. `how`: book, insurance (the fund bore the loss), deleveraging."""

    account: str
    instrument: str
    time_ns: int
    side: Side  # of the forced order
    quantity: Decimal
    price: Decimal
    how: str


class AccountCancelled(msgspec.Struct, frozen=True, gc=False):
    """Several orders of an account were cancelled at once; each has its own `OrderMoved` too."""

    account: str
    instrument: str  # empty: all
    time_ns: int
    reason: CancelReason
    count: int


class InstrumentExpired(msgspec.Struct, frozen=True, gc=False):
    """An instrument was settled and is gone."""

    instrument: str
    time_ns: int
    delivery_price: float


News = (
    BookMoved
    | Printed
    | TickerMoved
    | FundingPaid
    | OrderMoved
    | Executed
    | PositionMoved
    | BalanceMoved
    | Liquidated
    | AccountCancelled
    | InstrumentExpired
)
