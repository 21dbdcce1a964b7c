"""Forced order: the venue trades the desk's position away: liquidation, auto-deleveraging.

Sees: every order and fill that the venue says it made itself. One is critical: margin has already failed.
Fails: for a venue that does not mark them; Deribit marks fills only, and Binance names its orders. Delivery at expiry is
marked as a settlement by Binance and is told too. Cost: 2 us an event. Source: the venues' documentation of order reports.
"""

from holdfast.detectors.live import CRITICAL, Context, Heard, LiveDetector
from holdfast.detectors.own.flow import is_forced, new_fill_in, orders_in
from holdfast.event import Filled, OrderReported, Scope


class ForcedOrder(LiveDetector):
    """See the module: what it sees, when it fails, what it costs. Value: quantity, in the venue's amount unit."""

    name = "forced_order"
    evidence = ("order_id", "side", "quantity", "account")
    clear_after_s = 600.0

    def hear(self, event: Heard, context: Context) -> None:
        """Take in whether the venue made it."""
        fill = new_fill_in(event, context.blotter)
        for one in (*orders_in(event), *((fill,) if fill is not None else ())):
            if is_forced(one):
                self._tell(one)

    def _tell(self, event: OrderReported | Filled) -> None:
        quantity = float(event.quantity)
        self.flash(
            Scope(event.venue, event.instrument),
            ratio=float(self.severities[2]),
            value=quantity,
            threshold=0.0,
            evidence={
                "order_id": event.order_id,
                "side": event.side,
                "quantity": quantity,
                "account": event.account,
            },
            message=f"the venue itself made an order to {event.side} {event.quantity} on account {event.account}",
            rank=CRITICAL,
        )
