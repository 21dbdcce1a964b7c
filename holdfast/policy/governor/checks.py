"""Checks: what an order may be by itself: known, priced, within its collar, and making nothing worse.

Rules:

1. A reduce-only order is held to its own instrument: it may not be larger than what is held less what already reduces it in
   flight. It may move the desk's net delta: whoever leaves two legs leaves one of them first.
2. Every other order of a playbook that is not named in `may_add_delta` may not raise the size of the desk's delta in its
   asset, wherever in its range the delta is: with all or with nothing in flight filled.
"""

from decimal import Decimal
from typing import Final

from holdfast.action import PlaceOrder
from holdfast.event import Scope
from holdfast.instrument import Instrument
from holdfast.order import sign_of
from holdfast.policy.governor.exposure import coins_of, delta_bounds, loss_usd, unit_size, usd_per_unit
from holdfast.policy.governor.limits import Limits
from holdfast.policy.governor.sight import Sight
from holdfast.policy.governor.verdict import Allowed, Refused, Verdict

BPS: Final = 10_000.0
DUST: Final = 1e-9  # of rounding in floats, relative
DESK: Final = Scope()

Rows = list[tuple[str, Limits]]


def check_order(order: PlaceOrder, rows: Rows, sight: Sight, *, may_add_delta: bool) -> Verdict:
    """Return what an order is worth at worst, or why it may not be."""
    name = f"{order.venue}:{order.instrument}"
    instrument = sight.instrument(order.venue, order.instrument)
    if instrument is None:
        return Refused(code="governor.unlisted", reason=f"{name} is not listed", limit="listing")
    for row, limits in rows:
        if limits.instruments is not None and name not in limits.instruments:
            return Refused(
                code="governor.instrument", reason=f"{name} is not named", limit=f"{row}: instruments"
            )
    mark, value = sight.mark(order.venue, order.instrument), usd_per_unit(instrument, sight)
    if mark is None or not mark > 0.0 or value is None:
        return Refused(code="governor.unpriced", reason=f"{name} has no mark in dollars", limit="mark")
    signed = sign_of(order.side) * order.quantity
    if order.quantity <= 0 or order.limit_price <= 0:
        return Refused(code="governor.position", reason="it is an order for nothing", limit="quantity")
    notional = float(order.quantity) * value
    loss = loss_usd(instrument, signed, float(order.limit_price), mark, sight)
    if loss is None:
        return Refused(code="governor.unpriced", reason=f"{instrument.settle} has no price", limit="price")
    beyond = _beyond(order, rows, notional, mark)
    if beyond is None:
        if order.reduce_only:
            beyond = _not_reducing(order, signed, sight)
        elif not may_add_delta:
            beyond = _adding_delta(order, instrument, min(mark, float(order.limit_price)), sight)
    return beyond or Allowed(notional_usd=notional, loss_usd=loss)


def _beyond(order: PlaceOrder, rows: Rows, notional: float, mark: float) -> Refused | None:
    worse_bps = (float(order.limit_price) / mark - 1.0) * BPS * sign_of(order.side)
    for row, limits in rows:
        single = limits.order_notional_usd_max
        if single is not None and notional > single * (1.0 + DUST):
            reason = f"the order is worth {notional:,.0f} USD of {single:,.0f}"
            return Refused(
                code="governor.order_notional", reason=reason, limit=f"{row}: order_notional_usd_max"
            )
        collar = limits.price_collar_bps_max
        if collar is not None and worse_bps > collar * (1.0 + DUST):
            reason = f"its limit is {worse_bps:,.1f} bps beyond the mark {mark:g}, {collar:g} are allowed"
            return Refused(code="governor.collar", reason=reason, limit=f"{row}: price_collar_bps_max")
    return None


def _not_reducing(order: PlaceOrder, signed: Decimal, sight: Sight) -> Refused | None:
    held = sight.position(order.venue, order.account, order.instrument)
    pending = sight.pending(order.venue, order.account, order.instrument)
    reducing = -pending if pending * held < 0 else Decimal(0)
    left = held - reducing if abs(reducing) < abs(held) else Decimal(0)
    if signed * left < 0 and abs(signed) <= abs(left):
        return None
    reason = f"{order.side} {order.quantity} against {held} held and {pending} in flight"
    return Refused(code="governor.position", reason=reason, limit="reduce_only")


def _adding_delta(order: PlaceOrder, instrument: Instrument, price: float, sight: Sight) -> Refused | None:
    asset, signed = instrument.base, sign_of(order.side) * order.quantity
    held = {*sight.held(DESK), (order.venue, order.account, order.instrument)}
    bounds = delta_bounds(sight, asset, sorted(held))
    if isinstance(bounds, str):
        return Refused(code="governor.delta_unknown", reason=bounds, limit="may_add_delta")
    coins = coins_of(instrument, signed, price)
    if coins is None:  # an option: at most a coin a coin, either way
        reach = abs(float(signed)) * unit_size(instrument)
        return Refused(
            code="governor.delta",
            reason=f"an option may add {reach:g} {asset} to the delta",
            limit="may_add_delta",
        )
    # |d + c| <= |d| for every d of the range, if and only if it holds at the end that c moves away from zero first
    low, high = bounds
    added = float(coins)
    worst = low if added < 0.0 else high
    if worst * added < 0.0 and abs(added) <= 2.0 * abs(worst) * (1.0 + DUST):
        return None
    reason = f"{added:+.6g} {asset} on a delta between {low:+.6g} and {high:+.6g}"
    return Refused(code="governor.delta", reason=reason, limit="may_add_delta")
