"""Fat finger: an order of ours whose size or price is not one that we make.

Sees: of each new order, its size against the median of the owner's last 64 orders in the instrument (from 20 on) and its
notional against a limit, and how far its price lies beyond the mark on the losing side (a buy above it, a sell below it).
Fails: for an order that the venue fills at once it speaks after the fact (the venue's own price band is the first
defence); for a desk whose sizes rightly differ by more than the factor; a market order has no price to judge.
Cost: 13 us an order. Source: MiFID II RTS 6, art. 15 (pre-trade price collars, maximum order value and volume).
"""

from collections import deque
from statistics import median
from typing import Any, Final

import msgspec

from holdfast.detectors.live import Context, Heard, LiveDetector
from holdfast.detectors.own.notional import notional_usd
from holdfast.detectors.own.rolling import Seen
from holdfast.event import OrderReported, Scope
from holdfast.order import sign_of

SIZES_KEPT: Final = 64
SIZES_MIN: Final = 20
OWNERS_MAX: Final = 2_048
ORDERS_MAX: Final = 8_192


class FatFingerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each is a line of its own; a price of an option may lie further from its mark, which is coarse."""

    times_median_max: float = 20.0
    order_usd_max: float = 5_000_000.0
    price_off_bps_max: float = 300.0
    option_price_off_bps_max: float = 5_000.0


class FatFinger(LiveDetector):
    """See the module: what it sees, when it fails, what it costs. Value: of what `kind` says, the line beside it."""

    name = "fat_finger"
    evidence = ("kind", "strategy", "order_id", "side", "quantity", "price", "account")
    severities = (1.5, 3.0, 10.0)
    clear_after_s = 120.0

    def __init__(self, settings: FatFingerSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or FatFingerSettings()
        self._sizes = Seen(OWNERS_MAX)
        self._seen = Seen(ORDERS_MAX)

    def hear(self, event: Heard, context: Context) -> None:
        """Measure an order that is new."""
        if not isinstance(event, OrderReported):
            return
        key = (event.venue, event.account, event.order_id or event.client_id)
        if self._seen.get(key):
            return
        self._seen.keep(key)
        owner = context.blotter.owner_of(event.client_id)
        if not owner:
            return  # whose order is not ours is none of ours to size
        found = [
            self._of_median(event, owner),
            self._of_notional(event, context),
            self._of_price(event, context),
        ]
        kind, value, line, words = max(found, key=lambda one: one[1] / one[2])
        if value < line:
            return
        self.flash(
            Scope(event.venue, event.instrument),
            ratio=value / line,
            value=value,
            threshold=line,
            evidence={
                "kind": kind,
                "strategy": owner,
                "order_id": event.order_id,
                "side": event.side,
                "quantity": float(event.quantity),
                "price": "market" if event.price is None else float(event.price),
                "account": event.account,
            },
            message=f"{owner}'s order to {event.side} {event.quantity} is {value:,.0f} {words}, over a line of {line:,.0f}",
        )

    def remembered(self) -> list[Any]:
        """Return the sizes of every owner."""
        return [[name, list(self._sizes.get(name))] for name in self._sizes]

    def _of_median(self, event: OrderReported, owner: str) -> tuple[str, float, float, str]:
        name = (event.venue, event.instrument, owner)
        sizes: deque[float] = self._sizes.get(name) or deque(maxlen=SIZES_KEPT)
        usual = median(sizes) if len(sizes) >= SIZES_MIN else 0.0
        sizes.append(float(event.quantity))
        self._sizes.keep(name, sizes)
        times = float(event.quantity) / usual if usual else 0.0
        return "size", times, self.settings.times_median_max, "times its usual size"

    def _of_notional(self, event: OrderReported, context: Context) -> tuple[str, float, float, str]:
        worth = notional_usd(context, event.venue, event.instrument, float(event.quantity)) or 0.0
        return "notional", worth, self.settings.order_usd_max, "dollars"

    def _of_price(self, event: OrderReported, context: Context) -> tuple[str, float, float, str]:
        mark = context.mark(event.venue, event.instrument)
        instrument = context.instrument(event.venue, event.instrument)
        known = self.settings
        line = known.price_off_bps_max
        if instrument is not None and instrument.kind == "option":
            line = known.option_price_off_bps_max
        off = 0.0
        if event.price is not None and mark is not None and mark > 0.0:
            off = 1e4 * sign_of(event.side) * (float(event.price) / mark - 1.0)
        return "price", max(off, 0.0), line, "bps beyond the mark"
