"""Flow: what an account event says of orders and fills, whose they are, and whether the venue forced them."""

from collections.abc import Iterator
from typing import Final

from holdfast.detectors.live import Heard
from holdfast.event import Filled, OrderReported, OrdersListed
from holdfast.market.blotter import Blotter

FORCED_PREFIXES: Final = ("autoclose-", "adl_autoclose", "settlement_autoclose-")
"""How Binance names the orders of its liquidation engine, of auto-deleveraging, and of delivery."""
FORCED_WORDS: Final = ("liquidat", "deleverag", "adl", "settlement")


def orders_in(event: Heard) -> Iterator[OrderReported]:
    """Yield the reports of orders in an event, those of a list among them."""
    if isinstance(event, OrderReported):
        yield event
    elif isinstance(event, OrdersListed):
        yield from event.orders


def new_fill_in(event: Heard, blotter: Blotter) -> Filled | None:
    """Return the fill in an event, unless it was heard before."""
    return event if isinstance(event, Filled) and blotter.is_new_fill else None


def is_forced(event: OrderReported | Filled) -> bool:
    """Tell whether the venue itself made the order, as far as its report says."""
    if event.client_id.startswith(FORCED_PREFIXES):
        return True
    if isinstance(event, Filled):
        return event.liquidation
    reason = event.reason.lower()
    return not event.client_id and any(word in reason for word in FORCED_WORDS)


def client_id_of(event: OrderReported | Filled, blotter: Blotter) -> str | None:
    """Return the client id of an order or fill, empty for one that has none; None for a fill of an order never heard of.

    Some venues' fills carry no client id: the order's report says it.
    """
    if event.client_id or isinstance(event, OrderReported):
        return event.client_id
    order = blotter.order(event.venue, event.account, event.order_id)
    return order.client_id if order is not None else None
