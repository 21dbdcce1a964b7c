"""Slicing: the next order that a book can take within a price limit, or why there is none.

Rules:

1. The limit is measured from the mark and from the mid, whichever is better for the desk: a thin book that fell away from
   the mark is not sold into, nor is a mark that lags behind a book.
2. Rounding never helps the order through: a quantity is rounded down to the lot (`floor_to`), a selling limit up to the tick
   and a buying one down (`strict_price`).
3. No order is larger than what may be traded, than its share of what rests within the limit, or than its value limit; where
   the share is less than a lot and a lot rests there, one lot is sent.
4. Without a live and trusted book nothing is sent, unless the verb says that the mark will do.
"""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Final

import msgspec

from holdfast.instrument import Instrument
from holdfast.order import Side
from holdfast.policy.governor.exposure import usd_per_unit
from holdfast.response.verb import BPS, Worked
from holdfast.response.view import DeskView

LEVELS_MAX: Final = 50


class Slice(msgspec.Struct, frozen=True):
    """An order that can be sent now. `cost_bps` is what it pays at worst against the reference price, on average."""

    quantity: Decimal
    limit_price: Decimal
    cost_bps: float


def floor_to(quantity: Decimal, lot: Decimal) -> Decimal:
    """Round a quantity towards zero to whole lots.

    >>> floor_to(Decimal("0.0199"), Decimal("0.01"))
    Decimal('0.01')
    """
    return (quantity / lot).to_integral_value(ROUND_DOWN) * lot


def strict_price(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """Round a limit to the tick on its strict side: a selling one up, a buying one down.

    >>> strict_price(Decimal("99.96"), Decimal("0.1"), "sell"), strict_price(Decimal("99.96"), Decimal("0.1"), "buy")
    (Decimal('100.0'), Decimal('99.9'))
    """
    return (price / tick).to_integral_value(ROUND_CEILING if side == "sell" else ROUND_FLOOR) * tick


def reference_price(view: DeskView, venue: str, symbol: str, side: Side) -> float | None:
    """Return the better for the desk of mark and mid (rule 1), None where neither is known."""
    bids, asks = view.bids(venue, symbol, 1), view.asks(venue, symbol, 1)
    known = [view.mark(venue, symbol), 0.5 * (bids[0][0] + asks[0][0]) if bids and asks else None]
    prices = [price for price in known if price is not None and price > 0.0]
    if not prices:
        return None
    return max(prices) if side == "sell" else min(prices)


def limit_of(
    instrument: Instrument, side: Side, now: float, planned: float | None, worked: Worked
) -> Decimal:
    """Return the worst price that may be paid now: the stricter of the limits from now's and the plan's reference."""
    sign = -1.0 if side == "sell" else 1.0
    limits = [now * (1.0 + sign * worked.slippage_bps_max / BPS)]
    if planned is not None:
        limits.append(planned * (1.0 + sign * worked.drift_bps_max / BPS))
    strictest = max(limits) if side == "sell" else min(limits)
    return strict_price(Decimal(repr(strictest)), Decimal(instrument.tick_size), side)


def next_slice(
    view: DeskView,
    instrument: Instrument,
    side: Side,
    amount: Decimal,
    planned: float | None,
    worked: Worked,
) -> Slice | str:
    """Return the next order for at most `amount` (positive), or in words why none can be sent now."""
    venue, symbol = instrument.venue, instrument.symbol
    reference = reference_price(view, venue, symbol, side)
    value = usd_per_unit(instrument, view)
    if reference is None:
        return "neither mark nor book is known"
    if value is None or not value > 0.0:
        return "its value in US dollars is not known"
    limit, lot = limit_of(instrument, side, reference, planned, worked), Decimal(instrument.lot_size)
    wanted = min(amount, Decimal(repr(worked.slice_usd_max / value)))
    if amount >= lot > wanted:
        return f"one lot is worth {float(lot) * value:,.0f} USD, more than slice_usd_max"
    levels = (view.bids if side == "sell" else view.asks)(venue, symbol, LEVELS_MAX)
    if view.is_trusted(venue, symbol):
        within = [(price, size) for price, size in levels if _is_within(price, limit, side)]
        resting = Decimal(repr(sum(size for _, size in within)))
        if resting < lot:
            return f"no liquidity at {limit} or better"
        wanted = min(wanted, max(lot, resting * Decimal(repr(worked.slice_share_max))), resting)
    elif worked.without_book == "wait":
        return "the book is not live and trusted"
    elif view.mark(venue, symbol) is None:
        return "no mark is known, and the book is not live and trusted"
    else:
        within = []
    quantity = floor_to(wanted, lot)
    if quantity <= 0:
        return "less than one lot is left"
    return Slice(quantity, limit, _cost_bps(within, float(quantity), reference, float(limit)))


def _is_within(price: float, limit: Decimal, side: Side) -> bool:
    exact = Decimal(repr(price))
    return exact >= limit if side == "sell" else exact <= limit


def _cost_bps(levels: list[tuple[float, float]], quantity: float, reference: float, limit: float) -> float:
    paid, left = 0.0, quantity
    for price, size in levels:
        taken = min(left, size)
        paid, left = paid + taken * price, left - taken
    paid += left * limit
    return abs(paid / quantity / reference - 1.0) * BPS
