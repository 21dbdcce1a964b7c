"""Enforcement: what becomes of orders that the desk's own strategies, or anybody else, place where they may not.

Rules:

1. `paused` and `halted`: nothing but the guard's own orders may rest. An order that is seen all the same is cancelled with
   everything else of its instrument, once in `SLOT_NS` however many come: a strategy that runs away must not use up the
   messages that the guard needs. Each second what still rests is cancelled again.
2. `reduce_only`: every order that could add to a position is cancelled by itself.
3. The guard's own orders are never the reason.

Limits: an order that fills at once cannot be cancelled any more; a strategy must ask for its permit first. This catches the
one that does not.
"""

from decimal import Decimal
from typing import Final

from holdfast.action import Action, CancelAll, CancelOrder
from holdfast.app.desk_view import LiveView
from holdfast.clock import MILLISECOND_NS
from holdfast.event import OrderReported, Scope
from holdfast.market.blotter import Blotter
from holdfast.market.owner import GUARD
from holdfast.order import sign_of
from holdfast.receipt import Permit

SLOT_NS: Final = 250 * MILLISECOND_NS
_CLOSED: Final[tuple[Permit, ...]] = ("paused", "halted")

Wanted = tuple[str, Action, str]


class Enforcement:
    """Judge orders as they are reported, and once a second what rests."""

    def __init__(self, blotter: Blotter, view: LiveView) -> None:
        self._blotter = blotter
        self._view = view

    def on_order(self, now_ns: int, order: OrderReported) -> list[Wanted]:
        """Return the brake that an order calls for, if any, as key, action and reason."""
        if order.state != "open" or self._blotter.owner_of(order.client_id) == GUARD:
            return []
        permit = self._view.permit(Scope(order.venue, order.instrument))
        if permit in _CLOSED:
            return [_cancel_all(now_ns, order.venue, order.account, order.instrument, permit)]
        if permit == "reduce_only" and self._adds(order):
            key = f"permit/{order.venue}/{order.account}/{order.order_id}"
            action = CancelOrder(order.venue, order.account, order.instrument, order.order_id)
            return [(key, action, f"{order.venue}:{order.instrument} is {permit}")]
        return []

    def on_second(self, now_ns: int) -> list[Wanted]:
        """Return the brakes for what rests where nothing may."""
        resting = {
            (order.venue, order.account, order.instrument)
            for order in self._blotter.open_orders()
            if order.order_id and self._blotter.owner_of(order.client_id) != GUARD
        }
        permits = [(place, self._view.permit(Scope(place[0], place[2]))) for place in sorted(resting)]
        return [_cancel_all(now_ns, *place, permit) for place, permit in permits if permit in _CLOSED]

    def _adds(self, order: OrderReported) -> bool:
        """Tell whether an order could make a position larger or turn it."""
        if order.reduce_only:
            return False
        held = self._blotter.position(order.venue, order.account, order.instrument)
        left: Decimal = order.quantity - order.filled
        return held == 0 or (held > 0) == (sign_of(order.side) > 0) or left > abs(held)


def _cancel_all(now_ns: int, venue: str, account: str, instrument: str, permit: Permit) -> Wanted:
    key = f"permit/{venue}/{account}/{instrument}/{now_ns // SLOT_NS}"
    return key, CancelAll(venue, account, instrument), f"{venue}:{instrument} is {permit}"
