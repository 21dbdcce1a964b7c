"""What a quantity of an instrument is worth in dollars, where what it needs is known."""

from holdfast.detectors.live import Context

DOLLARS = ("USD", "USDT", "USDC")


def notional_usd(context: Context, venue: str, symbol: str, quantity: float) -> float | None:
    """Return the notional of a quantity, unsigned; None where listing, mark or index are unknown.

    Units: quantity in the venue's amount unit: coins, or dollars where an inverse future counts in them. An option counts
    as its underlying. Limits: a quote coin other than a dollar coin is valued at its index.
    """
    instrument = context.instrument(venue, symbol)
    if instrument is None:
        return None
    if instrument.inverse and instrument.kind in ("perpetual", "future"):
        return abs(quantity)
    price = context.index(instrument.base) if instrument.kind == "option" else context.mark(venue, symbol)
    if price is None:
        return None
    if instrument.kind == "option" or instrument.quote in DOLLARS:
        return abs(quantity) * price
    rate = context.index(instrument.quote)
    return None if rate is None else abs(quantity) * price * rate
