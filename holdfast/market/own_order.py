"""One order of the desk's own, as far as it is known: expected, open, gone, or final; and what it may still do.

Rules:

1. An order never goes back: from final or gone it does not open again, and what was filled never shrinks, in whatever
   order reports arrive and however often.
2. What counts is `outstanding`: the quantity by which the order may still move, or may already have moved, the position
   beyond what the position accounts for. It shrinks only by what a venue said: a fill, a final state, a position.
3. `gone` is an order that was open and is no longer listed, with nothing said of its end: all of it may have been filled.
"""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from holdfast.event import OrderReported
from holdfast.order import NewOrder, OrderState, Side

Standing = OrderState | Literal["expected", "gone"]
LIVE: Final = ("expected", "open")
ZERO: Final = Decimal(0)


class OwnOrder(msgspec.Struct, kw_only=True):
    """An order of one account. Units as in `order`; times in nanoseconds of our clock.

    `filled` is what the venue's reports said, `traded` the sum of the fills that were seen, `settled` what a statement of
    the position surely holds.
    """

    venue: str
    account: str
    instrument: str
    client_id: str
    side: Side
    quantity: Decimal
    since_ns: int
    order_id: str = ""
    price: Decimal | None = None
    reduce_only: bool = False
    key: str = ""
    valid_until_ns: int = 0
    standing: Standing = "expected"
    filled: Decimal = ZERO
    traded: Decimal = ZERO
    settled: Decimal = ZERO
    told_ns: int = 0
    ended_ns: int = 0

    @property
    def is_live(self) -> bool:
        """Tell whether the order may still be filled."""
        return self.standing in LIVE

    @property
    def outstanding(self) -> Decimal:
        """Return what of the order the position does not surely account for, unsigned (rule 2)."""
        most = self.quantity if self.is_live or self.standing == "gone" else self.filled
        return max(most - max(self.traded, self.settled), ZERO)

    def take(self, report: OrderReported) -> None:
        """Take in a report."""
        self.filled = max(self.filled, report.filled)
        newer = report.time_ns >= self.told_ns
        self.told_ns = max(self.told_ns, report.time_ns)
        if not self.is_live and self.standing != "gone":
            return
        if newer:
            self.quantity = report.quantity
            self.price = report.price
            self.reduce_only = report.reduce_only
        if report.state != "open":
            self._end(report.state, report.time_ns)
        elif self.standing == "expected":
            self.standing = "open"

    def trade(self, quantity: Decimal, time_ns: int) -> None:
        """Take in a fill that was not seen before."""
        self.traded += quantity
        if self.standing == "expected":
            self.standing = "open"
        if self.standing == "open" and self.traded >= self.quantity:
            self._end("filled", time_ns)

    def lose(self, time_ns: int) -> None:
        """Note that the venue lists the order no longer (rule 3)."""
        self._end("gone", time_ns)

    def reopen(self) -> None:
        """Note that a list that was asked for after the end holds the order after all: it counts whole again.

        Only for `gone`, which was our own conclusion; a final state that the venue told stays (rule 1).
        """
        self.standing, self.ended_ns, self.settled = "open", 0, ZERO

    def settle(self, as_of_ns: int) -> None:
        """Note that the position was stated as of a moment: what was done before it is in the position."""
        if self.ended_ns and self.ended_ns <= as_of_ns:
            self.settled = self.quantity if self.standing == "gone" else self.filled
        elif self.told_ns <= as_of_ns:
            self.settled = max(self.settled, self.filled)

    def _end(self, standing: Standing, time_ns: int) -> None:
        self.standing = standing
        self.ended_ns = self.ended_ns or time_ns


def expected(
    now_ns: int, venue: str, account: str, order: NewOrder, key: str, valid_until_ns: int
) -> OwnOrder:
    """Return an order that is about to be sent."""
    return OwnOrder(
        venue=venue,
        account=account,
        instrument=order.instrument,
        client_id=order.client_id,
        side=order.side,
        quantity=order.quantity,
        since_ns=now_ns,
        price=order.price,
        reduce_only=order.reduce_only,
        key=key,
        valid_until_ns=valid_until_ns,
    )


def reported(report: OrderReported) -> OwnOrder:
    """Return an order that the venue was the first to speak of."""
    made = OwnOrder(
        venue=report.venue,
        account=report.account,
        instrument=report.instrument,
        client_id=report.client_id,
        side=report.side,
        quantity=report.quantity,
        since_ns=report.time_ns,
        order_id=report.order_id,
    )
    made.take(report)
    return made
