"""Enforcement: what becomes of orders that the desk's own strategies, or anybody else, place where they may not.

Rules:

1. `paused` and `halted`: every order that is not the guard's is cancelled as soon as it is seen. `reduce_only`: every order
   that could add to a position is.
2. A cancel is a brake with the order's own key, so one order is cancelled once, however often it is reported.
3. The guard's own orders are never cancelled here.

Limits: an order that fills at once cannot be cancelled any more; a strategy must ask for its permit first. This catches the
one that does not.
"""

from decimal import Decimal

from holdfast.action import Action, CancelOrder
from holdfast.app.desk_view import LiveView
from holdfast.event import OrderReported, Scope
from holdfast.market.blotter import Blotter
from holdfast.market.owner import GUARD
from holdfast.order import sign_of

Wanted = tuple[str, Action, str]


class Enforcement:
    """Judge orders as they are reported."""

    def __init__(self, blotter: Blotter, view: LiveView) -> None:
        self._blotter = blotter
        self._view = view

    def on_order(self, order: OrderReported) -> list[Wanted]:
        """Return the cancel of an order that may not be there, if any, as key, action and reason."""
        if order.state != "open" or self._blotter.owner_of(order.client_id) == GUARD:
            return []
        permit = self._view.permit(Scope(order.venue, order.instrument))
        if permit == "open" or (permit == "reduce_only" and not self._adds(order)):
            return []
        key = f"permit/{order.venue}/{order.account}/{order.order_id}"
        action = CancelOrder(order.venue, order.account, order.instrument, order.order_id)
        return [(key, action, f"{order.venue}:{order.instrument} is {permit}")]

    def _adds(self, order: OrderReported) -> bool:
        """Tell whether an order could make a position larger or turn it."""
        if order.reduce_only:
            return False
        held = self._blotter.position(order.venue, order.account, order.instrument)
        left: Decimal = order.quantity - order.filled
        return held == 0 or (held > 0) == (sign_of(order.side) > 0) or left > abs(held)
