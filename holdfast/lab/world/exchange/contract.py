"""A contract in trade: its listing as integers, its book, its mark and what was traded in it.

Rules:

1. One lot at a price is worth an integer of 1e-15 of the settlement asset (`unit`): ticks times a constant, or, for an
   inverse future, minus the reciprocal of the price, rounded to the nearest once. A position is worth lots times unit, so
   what a trade gives to one side it takes from the other, to the last digit.
"""

from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from holdfast.error import CallerError
from holdfast.lab.world.exchange.listing import HOUR_NS, Listing
from holdfast.lab.world.exchange.order_book import BookSide
from holdfast.lab.world.exchange.views import MINOR, Trade

if TYPE_CHECKING:
    from holdfast.lab.world.exchange.account import Holding

RATE_ONE: Final = 10**9
HOURS_KEPT_MAX: Final = 24


class Hour:
    """What was traded in one hour."""

    __slots__ = ("count", "first", "high", "hour", "lots", "low", "quote")

    def __init__(self, hour: int, ticks: int) -> None:
        self.hour = hour
        self.first = self.high = self.low = ticks
        self.lots = 0
        self.count = 0
        self.quote = 0.0


class Contract:
    """One listed instrument and all that moves in it."""

    __slots__ = (
        "asks", "base", "basis", "bids", "change_id", "delivery", "funding_index", "funding_rate", "greeks",
        "holdings", "hours", "im", "is_open", "is_option", "is_reciprocal", "is_ticker_stale", "last_ticks", "listing",
        "lot", "lot_size", "maker_rate", "mark", "mark_iv", "mark_ns", "mark_unit", "mm", "moved", "open_interest",
        "premium", "premium_ns", "premium_sum", "scenarios", "scenarios_at", "settle", "symbol", "taker_rate", "tick",
        "tick_size", "trade_sequence", "trades", "underlying", "unit_scale",
    )  # fmt: skip

    def __init__(self, listing: Listing, trades_kept_max: int) -> None:
        self.listing = listing
        self.symbol = listing.symbol
        self.base = listing.base
        self.settle = listing.settle
        self.is_option = listing.kind == "option"
        self.is_reciprocal = listing.inverse and not self.is_option
        self.tick = listing.tick
        self.lot = listing.lot
        self.tick_size = float(listing.tick)
        self.lot_size = float(listing.lot)
        ratio = listing.lot / listing.tick if self.is_reciprocal else listing.lot * listing.tick
        self.unit_scale = _whole(ratio * MINOR, listing)
        self.maker_rate = _whole(listing.maker_fee * RATE_ONE, listing)
        self.taker_rate = _whole(listing.taker_fee * RATE_ONE, listing)
        self.im = float(listing.initial_margin)
        self.mm = float(listing.maintenance_margin)
        self.bids = BookSide(1)
        self.asks = BookSide(-1)
        self.change_id = 0
        self.moved: list[tuple[int, int]] = []  # (sign, ticks) of levels that the operation at hand changed
        self.is_open = True
        self.is_ticker_stale = True
        self.mark = 0.0
        self.mark_unit = 0.0
        self.mark_ns = 0
        self.basis = 0.0
        self.mark_iv = 0.0
        self.underlying = 0.0
        self.greeks: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
        self.delivery = 0.0
        self.scenarios: list[float] = []  # what a lot gains in each of the portfolio margin's scenarios
        self.scenarios_at = (0.0, 0.0, 0.0)  # the mark, forward and volatility that they are of
        self.funding_index = 0  # paid by one long lot so far, in 1e-15
        self.funding_rate = 0.0
        self.premium = 0.0  # mark over index less one, when the mark was last moved
        self.premium_sum = 0.0
        self.premium_ns = 0
        self.open_interest = 0
        self.trades: deque[Trade] = deque(maxlen=trades_kept_max)
        self.trade_sequence = 0
        self.last_ticks = 0
        self.hours: deque[Hour] = deque(maxlen=HOURS_KEPT_MAX)
        self.holdings: dict[str, Holding] = {}

    def unit(self, ticks: int) -> int:
        """Return what one lot is worth at a price, in 1e-15 of the settlement asset."""
        if self.is_reciprocal:
            return -((self.unit_scale + (ticks >> 1)) // ticks)
        return ticks * self.unit_scale

    def unit_at(self, price: float) -> float:
        """Return what one lot is worth at a price, in the settlement asset."""
        return -self.lot_size / price if self.is_reciprocal else price * self.lot_size

    def price_at(self, unit: float) -> float:
        """Return the price at which one lot is worth `unit`; infinite where an inverse future never is."""
        if self.is_reciprocal:
            return -self.lot_size / unit if unit < 0.0 else float("inf")
        return unit / self.lot_size

    def set_mark(self, price: float) -> None:
        """Mark the contract."""
        if price != self.mark:
            self.mark = price
            self.mark_unit = -self.lot_size / price if self.is_reciprocal else price * self.lot_size
            self.is_ticker_stale = True

    def print_trade(self, now_ns: int, trade: Trade) -> None:
        """Keep a trade for the statistics of the day."""
        ticks, lots = trade.ticks, trade.lots
        self.trades.append(trade)
        self.last_ticks = ticks
        self.is_ticker_stale = True
        number = now_ns // HOUR_NS
        if not self.hours or self.hours[-1].hour != number:
            self.hours.append(Hour(number, ticks))
        hour = self.hours[-1]
        hour.lots += lots
        hour.count += 1
        hour.quote += lots * self.lot_size * (1.0 if self.is_reciprocal else ticks * self.tick_size)
        if ticks > hour.high:
            hour.high = ticks
        elif ticks < hour.low:
            hour.low = ticks

    @property
    def mid(self) -> float:
        """Return the middle of the touch, 0 where a side is empty."""
        if not self.bids.keys or not self.asks.keys:
            return 0.0
        return (self.bids.keys[-1] - self.asks.keys[-1]) * 0.5 * self.tick_size


def _whole(value: Decimal, listing: Listing) -> int:
    if value != int(value):
        raise CallerError(
            "listing.grid",
            f"{listing.symbol}: tick, lot or fee is too fine",
            remedy="lots at a tick must be worth whole 1e-15 of the settlement asset, fees whole 1e-9",
        )
    return int(value)
