"""Fill ratio: a strategy sends very many orders for what it trades, as quote stuffing looks from the venue's side.

Sees: orders sent over orders that traded, of each owner on each venue, over five minutes with a hundred orders or more.
Venues punish a high ratio, and it is often a strategy that reprices on its own echo. The worst owner speaks for its venue.
Fails: for a maker that quotes a dead market with a good reason; raise the line for such a desk. Edits that keep the
order's id are not counted. Cost: 11 us a report of an order.
Source: MiFID II RTS 9 (ratio of unexecuted orders to transactions).
"""

from typing import Any, Final

import msgspec

from holdfast.detectors.live import Context, Heard, LiveDetector
from holdfast.detectors.own.flow import client_id_of, new_fill_in
from holdfast.detectors.own.rolling import RollingCount, Seen
from holdfast.event import OrderReported, Scope

WINDOW_S: Final = 300.0
OWNERS_MAX: Final = 256
ORDERS_MAX: Final = 16_384


class FillRatioSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Orders for one that traded, over five minutes, and how many orders there must be to judge at all."""

    orders_per_fill_max: float = 200.0
    orders_min: int = 100


class _Counts:
    def __init__(self) -> None:
        self.orders = RollingCount(WINDOW_S)
        self.traded = RollingCount(WINDOW_S)


class FillRatio(LiveDetector):
    """See the module: what it sees, when it fails, what it costs. Value: orders for one that traded."""

    name = "fill_ratio"
    evidence = ("strategy", "orders", "traded")
    severities = (1.5, 2.5, 5.0)
    clear_after_s = 300.0

    def __init__(self, settings: FillRatioSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or FillRatioSettings()
        self._counts: dict[tuple[str, str], _Counts] = {}
        self._seen = Seen(ORDERS_MAX)  # (venue, account, order id) -> whether it has traded

    def hear(self, event: Heard, context: Context) -> None:
        """Count an order that is new, or that trades for the first time."""
        fill = new_fill_in(event, context.blotter)
        order = event if isinstance(event, OrderReported) else fill
        if order is None:
            return
        key = (order.venue, order.account, order.order_id)
        traded = self._seen.get(key)
        if traded or (traded is not None and fill is None):
            return
        counts = self._of(order.venue, context.blotter.owner_of(client_id_of(order, context.blotter) or ""))
        if traded is None:
            counts.orders.add(self.now_ns)
        if fill is not None:
            counts.traded.add(self.now_ns)
        self._seen.keep(key, fill is not None)
        self._judge(order.venue)

    def tick(self) -> None:
        """See whether it is over, and forget who sends nothing."""
        for scope in self.open_scopes:
            self._judge(scope.venue)
        for key in [key for key, one in self._counts.items() if not one.orders.total(self.now_ns)]:
            del self._counts[key]

    def remembered(self) -> list[Any]:
        """Return the counts of every owner."""
        return [[key, one.orders.memory(), one.traded.memory()] for key, one in sorted(self._counts.items())]

    def _ratio(self, counts: _Counts) -> float:
        orders = counts.orders.total(self.now_ns)
        return (
            orders / max(counts.traded.total(self.now_ns), 1.0) if orders >= self.settings.orders_min else 0.0
        )

    def _judge(self, venue: str) -> None:
        owned = [(self._ratio(one), owner, one) for (of, owner), one in self._counts.items() if of == venue]
        ratio, owner, counts = max(owned, key=lambda one: one[:2], default=(0.0, "nobody", _Counts()))
        orders, traded = counts.orders.total(self.now_ns), counts.traded.total(self.now_ns)
        line = self.settings.orders_per_fill_max
        self.judge(
            Scope(venue),
            ratio=ratio / line,
            value=ratio,
            threshold=line,
            evidence={"strategy": owner, "orders": orders, "traded": traded},
            message=f"{owner} sent {orders:.0f} orders within five minutes, of which {traded:.0f} traded",
        )

    def _of(self, venue: str, owner: str) -> _Counts:
        owner = owner or "nobody"
        if (venue, owner) not in self._counts and len(self._counts) >= OWNERS_MAX:
            owner = "others"
        return self._counts.setdefault((venue, owner), _Counts())
