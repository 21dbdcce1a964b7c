"""Phrases: times and amounts as the person on call reads them."""

import itertools

from holdfast.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS


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
