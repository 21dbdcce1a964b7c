"""Exposure: what a quantity of an instrument is worth in US dollars, and its delta in coins.

Rules:

1. One unit of a quantity is what the venue counts: base units, or quote units of an inverse perpetual or future.
2. An inverse perpetual or future of value V has the delta V / price; every other one has its base units.
3. What has no price has no value: None, never 0.

Limits: an order for an option is counted at the value of its underlying, and its delta is not known here.
"""

from decimal import Decimal
from typing import Final

from holdfast.instrument import Instrument
from holdfast.policy.governor.sight import Held, Sight

AMOUNT_VENUES: Final = frozenset(
    {"deribit"}
)  # they count amounts, and `contract_size` is only the least of them


def unit_size(instrument: Instrument) -> float:
    """Return what one unit of a quantity stands for: base units, or quote units where `counts_quote`."""
    return 1.0 if instrument.venue in AMOUNT_VENUES else instrument.contract_size


def counts_quote(instrument: Instrument) -> bool:
    """Tell whether quantities are worth a fixed sum of the quote currency."""
    return instrument.inverse and instrument.kind in ("perpetual", "future")


def coins_of(instrument: Instrument, quantity: Decimal, price: float) -> Decimal | None:
    """Return the delta of a signed quantity in coins of the base, exactly; None for an option.

    >>> perpetual = Instrument(venue="deribit", symbol="p", kind="perpetual", base="BTC", quote="USD", inverse=True)
    >>> coins_of(perpetual, Decimal(50_000), 100_000.0)
    Decimal('0.5')
    """
    if instrument.kind == "option":
        return None
    value = quantity * Decimal(repr(unit_size(instrument)))
    if not counts_quote(instrument):
        return value
    return value / Decimal(repr(price)) if price > 0.0 else None


def quantity_of(instrument: Instrument, coins: Decimal, price: float) -> Decimal | None:
    """Return the signed quantity that has a delta in coins, exactly; None for an option.

    >>> linear = Instrument(venue="v", symbol="p", kind="perpetual", base="ETH", quote="USDT", contract_size=0.1)
    >>> quantity_of(linear, Decimal("2.5"), 4_000.0)
    Decimal('25')
    """
    if instrument.kind == "option" or not price > 0.0:
        return None
    size = Decimal(repr(unit_size(instrument)))
    return coins * Decimal(repr(price)) / size if counts_quote(instrument) else coins / size


def usd_per_unit(instrument: Instrument, sight: Sight) -> float | None:
    """Return what one unit of a quantity is worth in dollars at the mark (an option: at its underlying's price)."""
    size = unit_size(instrument)
    if counts_quote(instrument):
        return size
    if instrument.kind == "option":
        price = sight.price_usd(instrument.base)
        return size * price if price is not None else None
    mark, quote = sight.mark(instrument.venue, instrument.symbol), sight.price_usd(instrument.quote)
    return size * mark * quote if mark is not None and quote is not None else None


def loss_usd(
    instrument: Instrument, quantity: Decimal, price: float, mark: float, sight: Sight
) -> float | None:
    """Return what trading a signed quantity at a price instead of at the mark loses, at least 0."""
    worse = (price - mark) * (1.0 if quantity > 0 else -1.0)
    if worse <= 0.0:
        return 0.0
    amount = abs(float(quantity))
    if instrument.kind == "option":
        coin = sight.price_usd(instrument.base if instrument.inverse else instrument.quote)
        return amount * unit_size(instrument) * worse * coin if coin is not None else None
    value = usd_per_unit(instrument, sight)
    return amount * value * worse / mark if value is not None and mark > 0.0 else None


def delta_of(sight: Sight, asset: str, held: list[Held]) -> float | str:
    """Return the delta of what is held in an asset, in coins; where it cannot be known, of what not."""
    delta = 0.0
    for venue, account, symbol in held:
        instrument = sight.instrument(venue, symbol)
        if instrument is None:
            return f"{venue}:{symbol} is not listed"
        if instrument.base == asset and sight.position(venue, account, symbol):
            own = sight.delta(venue, account, symbol)
            if own is None:
                return f"the delta of {venue}:{symbol} is not known"
            delta += own
    return delta


def delta_bounds(sight: Sight, asset: str, held: list[Held]) -> tuple[float, float] | str:
    """Return the least and the most that the delta may be, with all or nothing of what is in flight filled.

    Where it cannot be known, return of what not. An option in flight counts as one coin a coin, either way.
    """
    delta = delta_of(sight, asset, held)
    if isinstance(delta, str):
        return delta
    low = high = delta
    for venue, account, symbol in held:
        instrument, pending = sight.instrument(venue, symbol), sight.pending(venue, account, symbol)
        if instrument is None or instrument.base != asset or not pending:
            continue
        if instrument.kind == "option":
            reach = abs(float(pending)) * unit_size(instrument)
            low, high = low - reach, high + reach
            continue
        coins = coins_of(instrument, pending, sight.mark(venue, symbol) or 0.0)
        if coins is None:
            return f"{venue}:{symbol} has no mark"
        low, high = low + min(0.0, float(coins)), high + max(0.0, float(coins))
    return low, high
