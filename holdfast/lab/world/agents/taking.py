"""Taking: what lots are worth in dollars, and an order that takes at once or not at all."""

from holdfast.lab.world.exchange import Exchange, Listing, Order
from holdfast.order import Side


def lot_usd(exchange: Exchange, listing: Listing) -> float:
    """Return what one lot stands for, in dollars."""
    if listing.inverse and listing.kind != "option":
        return float(listing.lot)
    return float(listing.lot) * exchange.index(listing.base)


def take(exchange: Exchange, account: str, listing: Listing, sign: int, lots: int, slippage: float) -> int:
    """Take up to so many lots at a touch or a little worse; return the signed lots that were done."""
    bid, bid_lots, ask, ask_lots = exchange.touch(listing.symbol)
    touch, there = (ask, ask_lots) if sign > 0 else (bid, bid_lots)
    if not there or lots <= 0:
        return 0
    ticks = max(round(touch * (1.0 + sign * slippage)), 1)
    side: Side = "buy" if sign > 0 else "sell"
    order = exchange.place_lots(account, listing.symbol, side, lots, ticks, "ioc")
    return sign * order.filled_lots if isinstance(order, Order) else 0
