"""What an answer says of a whole account: its open orders, its positions, or that an order is not there."""

from collections.abc import Iterable

from holdfast.event import OrderAbsent, OrderReported, OrdersListed, PositionReported, PositionsListed
from holdfast.venues.asked import Asked
from holdfast.venues.client import Client


def orders_listed(client: Client, now_ns: int, asked: Asked, orders: Iterable[OrderReported]) -> OrdersListed:
    """Return that `orders` are all of the client's account that were open when it was asked."""
    return OrdersListed(
        time_ns=now_ns,
        venue=client.venue,
        account=client.account,
        asked_ns=asked.sent_ns,
        orders=tuple(orders),
    )


def positions_listed(
    client: Client, now_ns: int, asked: Asked, positions: Iterable[PositionReported]
) -> PositionsListed:
    """Return that `positions` are all of the client's account when it was asked."""
    return PositionsListed(
        time_ns=now_ns,
        venue=client.venue,
        account=client.account,
        asked_ns=asked.sent_ns,
        positions=tuple(positions),
    )


def order_absent(client: Client, now_ns: int, asked: Asked, asked_ns: int) -> OrderAbsent:
    """Return that the venue has no such order, first asked for at `asked_ns`; the subject is instrument and client id."""
    instrument, _, client_id = asked.subject.partition(" ")
    return OrderAbsent(
        time_ns=now_ns,
        venue=client.venue,
        account=client.account,
        instrument=instrument,
        client_id=client_id,
        asked_ns=asked_ns,
    )
