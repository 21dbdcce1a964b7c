"""Binance's limits: the weight of requests by the minute, and the count of orders by ten seconds and by the minute.

1. Every answer tells the weight used (`X-MBX-USED-WEIGHT-1M`); answers to orders tell their counts too.
2. Over the weight: 429 with -1003, and 418 for one who goes on regardless. Over the count of orders: 429 with -1015.

Limits: the venue counts weight by address; here, where all come from one address, it is by API key.
"""

from typing import Final

import msgspec

from holdfast.lab.world.allowance import Window
from holdfast.lab.world.binance import reply

_STUBBORN: Final = 2


class BinanceLimits(msgspec.Struct, frozen=True):
    """The venue's own limits."""

    weight_1m_max: int = 2400
    orders_10s_max: int = 300
    orders_1m_max: int = 1200


class Weights:
    """What each key has used."""

    def __init__(self, limits: BinanceLimits) -> None:
        self._limits = limits
        self._weight: dict[str, Window] = {}
        self._orders: dict[str, tuple[Window, Window]] = {}

    def take(self, now_ns: int, who: str, weight: int, orders: int) -> None:
        """Count a request. Raises: Refusal where it is too much."""
        limits = self._limits
        window = self._weight.setdefault(who, Window(60, limits.weight_1m_max))
        if not window.take(now_ns, weight):
            status = 418 if window.used > _STUBBORN * limits.weight_1m_max else 429
            raise reply.Refusal(
                reply.TOO_MANY_REQUESTS,
                f"Too many requests; current limit is {limits.weight_1m_max} requests per minute. "
                "Please use the websocket for live updates to avoid polling the API.",
                status,
                (("Retry-After", str(window.left_s(now_ns))),),
            )
        if not orders:
            return
        pair = self._orders.setdefault(
            who, (Window(10, limits.orders_10s_max), Window(60, limits.orders_1m_max))
        )
        fits = [one.take(now_ns, orders) for one in pair]
        for one, fit, name in zip(pair, fits, ("TEN_SECONDS", "MINUTE"), strict=True):
            if not fit:
                raise reply.Refusal(
                    reply.TOO_MANY_ORDERS,
                    f"Too many new orders; current limit is {one.most} orders per {name}.",
                    429,
                )

    def headers(self, now_ns: int, who: str, with_orders: bool) -> tuple[tuple[str, str], ...]:
        """Return what an answer tells of the limits."""
        window = self._weight.get(who)
        told = [("X-MBX-USED-WEIGHT-1M", str(window.used_at(now_ns) if window else 0))]
        pair = self._orders.get(who)
        if with_orders and pair:
            told += [
                ("X-MBX-ORDER-COUNT-10S", str(pair[0].used_at(now_ns))),
                ("X-MBX-ORDER-COUNT-1M", str(pair[1].used_at(now_ns))),
            ]
        return tuple(told)
