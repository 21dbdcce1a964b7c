"""Runaway orders: a strategy, or the guard, sends or cancels orders much faster than it ever does.

Sees: new orders and cancels of each owner on each venue within ten seconds, against eight times the owner's usual rate (a
mean over half an hour, in which an alert does not count), never under `orders_per_s_min` and never over
`orders_per_s_max`. The worst owner speaks for its venue.
Fails: for a strategy that runs away slowly, and for one that runs away in its first minute, in which nothing is known to be
usual and only `orders_per_s_max` holds. Orders that the venue refuses without a report are not seen.
Cost: 20 us a report of an order.
Source: SEC 15c3-5 (market access); the loss of Knight Capital on 2012-08-01.
"""

from typing import Any, Final

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.detectors.live import Context, Heard, LiveDetector
from holdfast.detectors.own.rolling import RollingCount, Seen
from holdfast.event import OrderReported, Scope

WINDOW_S: Final = 10.0
USUAL_S: Final = 1_800.0
LEARNT_WINDOWS: Final = 6  # a minute
FORGOTTEN_PER_S: Final = 0.001
OWNERS_MAX: Final = 256
ORDERS_MAX: Final = 16_384


class RunawaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Orders and cancels a second, over ten seconds: the line is never under the one nor over the other."""

    orders_per_s_min: float = 5.0
    orders_per_s_max: float = 50.0
    times_usual: float = 8.0


class _Rate:
    def __init__(self) -> None:
        self.orders = RollingCount(WINDOW_S)
        self.cancels = RollingCount(WINDOW_S)
        self.usual_per_s = 0.0
        self.learned_ns = 0
        self.windows = 0


class RunawayOrders(LiveDetector):
    """See the module: what it sees, when it fails, what it costs. Value: orders and cancels a second."""

    name = "runaway_orders"
    evidence = ("strategy", "orders_per_s", "cancels_per_s", "usual_per_s")
    severities = (1.25, 1.5, 2.0)
    clear_after_s = 120.0

    def __init__(self, settings: RunawaySettings | None = None) -> None:
        super().__init__()
        self.settings = settings or RunawaySettings()
        self._rates: dict[tuple[str, str], _Rate] = {}  # (venue, owner)
        self._seen = Seen(ORDERS_MAX)  # (venue, account, order id) -> whether it has ended

    def hear(self, event: Heard, context: Context) -> None:
        """Count what is new in an event."""
        if not isinstance(event, OrderReported):
            return  # a list names what was counted when it was sent
        key = (event.venue, event.account, event.order_id or event.client_id)
        known = self._seen.get(key)  # None: new; True: it has ended
        over = event.state in ("cancelled", "rejected", "expired")
        if known or (known is not None and not over):
            return
        self._seen.keep(key, over)
        rate = self._rate(event.venue, context.blotter.owner_of(event.client_id) or "nobody")
        if known is None:
            rate.orders.add(self.now_ns)
        if over:
            rate.cancels.add(self.now_ns)
        self._judge(event.venue)

    def tick(self) -> None:
        """Learn what is usual and see whether it is over."""
        for (venue, _), rate in self._rates.items():
            if Scope(venue) not in self.open_scopes:
                self._learn(rate)
        for scope in self.open_scopes:
            self._judge(scope.venue)
        idle = [
            key
            for key, rate in self._rates.items()
            if rate.usual_per_s < FORGOTTEN_PER_S and not self._per_s(rate)
        ]
        for key in idle:
            del self._rates[key]

    def remembered(self) -> list[Any]:
        """Return the rates of every owner."""
        return [
            [key, rate.orders.memory(), rate.cancels.memory(), rate.usual_per_s, rate.windows]
            for key, rate in sorted(self._rates.items())
        ]

    def _line(self, rate: _Rate) -> float:
        known = self.settings
        if rate.windows < LEARNT_WINDOWS:
            return known.orders_per_s_max
        return min(max(known.orders_per_s_min, known.times_usual * rate.usual_per_s), known.orders_per_s_max)

    def _per_s(self, rate: _Rate) -> float:
        return (rate.orders.total(self.now_ns) + rate.cancels.total(self.now_ns)) / WINDOW_S

    def _judge(self, venue: str) -> None:
        owned = [(owner, rate) for (of, owner), rate in self._rates.items() if of == venue]
        if not owned:
            return
        owner, rate = max(owned, key=lambda one: (self._per_s(one[1]) / self._line(one[1]), one[0]))
        per_s, line = self._per_s(rate), self._line(rate)
        self.judge(
            Scope(venue),
            ratio=per_s / line,
            value=per_s,
            threshold=line,
            evidence={
                "strategy": owner,
                "orders_per_s": rate.orders.total(self.now_ns) / WINDOW_S,
                "cancels_per_s": rate.cancels.total(self.now_ns) / WINDOW_S,
                "usual_per_s": rate.usual_per_s,
            },
            message=(
                f"{owner} sends and cancels {per_s:.1f} orders a second, against a line of {line:.1f}"
                f" (usually {rate.usual_per_s:.2f})"
            ),
        )

    def _learn(self, rate: _Rate) -> None:
        """Move the usual rate towards that of the last ten seconds: a plain mean at first, then one that forgets."""
        step_ns = int(WINDOW_S * SECOND_NS)
        if not rate.learned_ns:
            rate.learned_ns = self.now_ns - self.now_ns % step_ns
        windows = (self.now_ns - rate.learned_ns) // step_ns
        if windows:
            rate.windows = min(rate.windows + windows, int(USUAL_S / WINDOW_S))
            rate.usual_per_s += min(1.0, windows / rate.windows) * (self._per_s(rate) - rate.usual_per_s)
            rate.learned_ns += windows * step_ns

    def _rate(self, venue: str, owner: str) -> _Rate:
        if (venue, owner) not in self._rates and len(self._rates) >= OWNERS_MAX:
            owner = "others"
        return self._rates.setdefault((venue, owner), _Rate())
