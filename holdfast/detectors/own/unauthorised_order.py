"""Unauthorised order: an order or a fill on the desk's account that carries no id of the desk.

Sees: every order and fill whose client id begins with no prefix of the guard or of a strategy; the first one is critical, at
once. The alert stays while such an order is open, and for ten minutes after. What the venue itself made (liquidation,
auto-deleveraging, delivery) is told apart: see forced_order.
Fails: for a thief who copies a prefix, ours or that of the venue's own orders (which forced_order tells). A fill without a
client id whose order is not known, as some venues tell it after a reconnect, is held for a second until its order's
report has come, and is medium if none comes: it may be an old one of ours. People who trade by hand on a guarded account
are unauthorised by this definition: give them an account of their own, or list it in `accounts_ignored`.
Cost: 4 us an event. Source: MiFID II RTS 6, art. 12 (kill functionality) and 13 (surveillance).
"""

from typing import Any, Final

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.detectors.live import CRITICAL, Context, Heard, LiveDetector
from holdfast.detectors.own.flow import client_id_of, is_forced, new_fill_in, orders_in
from holdfast.detectors.own.rolling import Seen
from holdfast.event import Filled, OrderReported, OrdersListed, Scope
from holdfast.order import OrderState

MEDIUM: Final = 2
ORPHANS_MAX: Final = 256
ORDERS_MAX: Final = 1_024
ORPHAN_NS_MAX: Final = SECOND_NS


class UnauthorisedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`accounts_ignored`: accounts on which people trade by hand, as `venue:account`."""

    accounts_ignored: tuple[str, ...] = ()


class UnauthorisedOrder(LiveDetector):
    """See the module: what it sees, when it fails, what it costs. Value: quantity, in the venue's amount unit."""

    name = "unauthorised_order"
    evidence = ("order_id", "client_id", "side", "quantity", "price", "account", "kind")
    clear_after_s = 600.0

    def __init__(self, settings: UnauthorisedSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or UnauthorisedSettings()
        self._open = Seen(ORDERS_MAX)  # (venue, account, order id) -> scope
        self._orphans = Seen(ORPHANS_MAX)  # the same, and the trade's id -> fill

    def hear(self, event: Heard, context: Context) -> None:
        """Take in whose order or fill it is."""
        if isinstance(event, OrdersListed):
            self._drop_unlisted(event)
        for report in orders_in(event):
            self._release_orphans(report)
            key = (report.venue, report.account, report.order_id)
            if report.state != "open":
                self._open.drop(key)
            if not self._is_foreign(report, report.client_id, context):
                continue
            scope = Scope(report.venue, report.instrument)
            if report.state == "open":
                self._open.keep(key, scope)
            self._tell(scope, report, report.client_id, report.state)
        fill = new_fill_in(event, context.blotter)
        if fill is not None:
            client_id = client_id_of(fill, context.blotter)
            if client_id is None and not is_forced(fill):
                self._orphans.keep((fill.venue, fill.account, fill.order_id, fill.trade_id), fill)
            elif self._is_foreign(fill, client_id or "", context):
                self._tell(Scope(fill.venue, fill.instrument), fill, client_id or "", "fill")

    def tick(self) -> None:
        """Judge what nobody claimed, and hold the alerts of what is still open."""
        for name in list(self._orphans):
            fill: Filled = self._orphans.get(name)
            if self.now_ns - fill.time_ns > ORPHAN_NS_MAX:
                self._orphans.drop(name)
                if f"{fill.venue}:{fill.account}" not in self.settings.accounts_ignored:
                    self._tell(Scope(fill.venue, fill.instrument), fill, "", "unclaimed fill", MEDIUM)
        still_open = {self._open.get(key) for key in self._open}
        for scope in self.open_scopes:
            self.hold(scope, scope in still_open)

    def remembered(self) -> list[Any]:
        """Return the orders that are open and the fills that nobody claimed yet."""
        return [list(self._open), list(self._orphans)]

    def _is_foreign(self, event: OrderReported | Filled, client_id: str, context: Context) -> bool:
        if is_forced(event) or f"{event.venue}:{event.account}" in self.settings.accounts_ignored:
            return False
        return not context.blotter.owner_of(client_id)

    def _drop_unlisted(self, listed: OrdersListed) -> None:
        named = {order.order_id for order in listed.orders}
        for key in list(self._open):
            if key[:2] == (listed.venue, listed.account) and key[2] not in named:
                self._open.drop(key)

    def _release_orphans(self, report: OrderReported) -> None:
        """Let the fills of an order go: now that it is known, it is judged itself."""
        key = (report.venue, report.account, report.order_id)
        for name in [name for name in self._orphans if name[:3] == key]:
            self._orphans.drop(name)

    def _tell(
        self,
        scope: Scope,
        event: OrderReported | Filled,
        client_id: str,
        kind: OrderState | str,
        rank: int = CRITICAL,
    ) -> None:
        quantity = float(event.quantity)
        self.flash(
            scope,
            ratio=float(self.severities[2]),
            value=quantity,
            threshold=0.0,
            evidence={
                "order_id": event.order_id,
                "client_id": client_id or "none",
                "side": event.side,
                "quantity": quantity,
                "price": "market" if event.price is None else float(event.price),
                "account": event.account,
                "kind": kind,
            },
            message=(
                f"{'a fill' if isinstance(event, Filled) else 'an order'} to {event.side} {event.quantity} on account"
                f" {event.account} with the client id `{client_id}` is none of ours (order {event.order_id})"
            ),
            rank=rank,
        )
