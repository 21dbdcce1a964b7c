"""Phrases: actions, times and amounts as the person on call reads them."""

import itertools

from holdfast.action import Action, ArmDeadMan, CancelAll, CancelOrder, PlaceOrder, Tell, Transfer
from holdfast.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS


def action_phrase(action: Action) -> str:
    """Say what an action does at a venue.

    >>> action_phrase(CancelAll("deribit", "main"))
    'cancel all orders at deribit (main)'
    """
    match action:
        case CancelAll(venue, account, instrument):
            return f"cancel all {f'{instrument} ' if instrument else ''}orders at {venue} ({account})"
        case CancelOrder(venue, account, instrument, order_id):
            return f"cancel {instrument} order {order_id} at {venue} ({account})"
        case ArmDeadMan(venue, account, timeout_s):
            if not timeout_s:
                return f"disarm the dead-man switch at {venue} ({account})"
            return f"arm the dead-man switch at {venue} ({account}) with {timeout_s:g} s"
        case PlaceOrder():
            close = ", reduce only" if action.reduce_only else ""
            return (
                f"{action.side} {action.quantity} {action.instrument} at {action.venue} ({action.account}), "
                f"limit {action.limit_price}{close}"
            )
        case Transfer():
            return (
                f"move {action.amount} {action.asset} at {action.venue} "
                f"from {action.from_account} to {action.to_account}"
            )
        case Tell(title, _, urgency):
            return f"tell people ({urgency}): {title}"


def span(duration_ns: int) -> str:
    """Return a duration in its two largest units.

    >>> span(125 * SECOND_NS), span(400_000_000)
    ('2m 5s', '0.4s')
    """
    if duration_ns < 0:
        return f"-{span(-duration_ns)}"
    if duration_ns < 10 * SECOND_NS:
        return f"{duration_ns / SECOND_NS:.1f}s"
    units = (("d", DAY_NS), ("h", HOUR_NS), ("m", MINUTE_NS), ("s", SECOND_NS))
    for (name, unit), (below, smaller) in itertools.pairwise(units):
        if duration_ns >= unit:
            rest = duration_ns % unit // smaller
            return f"{duration_ns // unit}{name}" + (f" {rest}{below}" if rest else "")
    return f"{duration_ns // SECOND_NS}s"


def usd(amount: float) -> str:
    """Return an amount of dollars, in whole ones.

    >>> usd(1234567.8)
    '1,234,568 USD'
    """
    return f"{amount:,.0f} USD"
