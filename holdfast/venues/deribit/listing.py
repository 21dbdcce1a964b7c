"""Deribit's instruments: from its listing, or from what a symbol says by itself."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.error import OutsideError
from holdfast.instrument import Instrument, Instruments, listed
from holdfast.quantity import decimals_of
from holdfast.venues.deribit.messages import Listing

VENUE: Final = "deribit"

_OPTION_TYPES: Final = {"C": "call", "P": "put"}
_SYMBOL: Final = re.compile(
    r"(?P<base>[A-Z0-9]+)(?:_(?P<quote>[A-Z0-9]+))?"
    r"(?:-(?:(?P<perpetual>PERPETUAL)|(?P<expiry>\d{1,2}[A-Z]{3}\d{2})"
    r"(?:-(?P<strike>\d+(?:d\d+)?)-(?P<type>[CP]))?))?"
)


def instrument_of(listing: Listing) -> Instrument | None:
    """Turn one entry of `get_instruments` into an instrument; a combination of instruments is none.

    The finest tick of any price range, block trades included, sets the price decimals.
    Limits: sizes on this venue are amounts (base units; quote units where inverse), not counts of `contract_size`.
    """
    if listing.kind not in ("option", "future", "spot"):
        return None
    perpetual = listing.settlement_period == "perpetual"
    kind = "perpetual" if listing.kind == "future" and perpetual else listing.kind
    contract_type = listing.instrument_type or listing.future_type
    coin_quoted = listing.quote_currency in ("USD", listing.base_currency)
    inverse = kind != "spot" and (contract_type == "reversed" if contract_type else coin_quoted)
    ticks = [listing.tick_size, *(step.tick_size for step in listing.tick_size_steps or ())]
    finest = min(ticks)
    grids = [finest, listing.block_trade_tick_size or finest]
    amounts = [listing.min_trade_amount, listing.contract_size]
    if not all(step.is_finite() and step > 0 for step in (*ticks, *amounts)):
        raise OutsideError("listing.no_grid", f"{VENUE} lists {listing.instrument_name} with a step of zero")
    return listed(
        str(finest),
        str(listing.min_trade_amount),
        venue=VENUE,
        symbol=listing.instrument_name,
        kind=kind,
        base=listing.base_currency,
        quote=listing.quote_currency,
        settle=listing.settlement_currency or (listing.base_currency if inverse else listing.quote_currency),
        price_decimals=_decimals_of(grids),
        size_decimals=_decimals_of(amounts),
        contract_size=float(listing.contract_size),
        inverse=inverse,
        expiry_ns=(listing.expiration_timestamp or 0) * MILLISECOND_NS if kind in ("option", "future") else 0,
        strike=listing.strike or 0.0,
        option_type=(listing.option_type or "") if kind == "option" else "",
    )


def describe(instruments: Instruments, symbol: str) -> int:
    """Number an instrument that a recording without a listing names, by what its symbol says.

    Raises: OutsideError `instrument.unlisted`, or `instrument.unreadable` where the symbol has another form.
    """
    number = instruments.find(VENUE, symbol)
    if number >= 0:
        return number
    match = _SYMBOL.fullmatch(symbol)
    if match is None or not (match["quote"] or match["perpetual"] or match["expiry"]):
        raise _unreadable(symbol)
    base, inverse = match["base"], match["quote"] is None
    terms: dict[str, object] = {"settle": base if inverse else match["quote"], "inverse": inverse}
    if match["perpetual"]:
        return instruments.find_or_describe(
            VENUE, symbol, "perpetual", base, match["quote"] or "USD", **terms
        )
    if not match["expiry"]:
        return instruments.find_or_describe(VENUE, symbol, "spot", base, match["quote"])
    try:
        expiry = datetime.strptime(match["expiry"], "%d%b%y").replace(hour=8, tzinfo=UTC)
    except ValueError as error:
        raise _unreadable(symbol) from error
    terms["expiry_ns"] = int(expiry.timestamp()) * SECOND_NS
    if not match["strike"]:
        return instruments.find_or_describe(VENUE, symbol, "future", base, match["quote"] or "USD", **terms)
    terms |= {"strike": float(match["strike"].replace("d", ".")), "option_type": _OPTION_TYPES[match["type"]]}
    return instruments.find_or_describe(VENUE, symbol, "option", base, match["quote"] or base, **terms)


def perpetual_of(index_name: str) -> str:
    """Return the perpetual that stands for an index.

    >>> [perpetual_of(name) for name in ("btc_usd", "sol_usdc")]
    ['BTC-PERPETUAL', 'SOL_USDC-PERPETUAL']
    """
    base, _, quote = index_name.upper().partition("_")
    return f"{base}-PERPETUAL" if quote == "USD" else f"{base}_{quote}-PERPETUAL"


def _decimals_of(steps: list[Decimal]) -> int:
    return max(decimals_of(str(step)) for step in steps)


def _unreadable(symbol: str) -> OutsideError:
    return OutsideError(
        "instrument.unreadable",
        f"{VENUE} symbol {symbol!r} does not say what it is",
        remedy="give the venue's get_instruments as one more input",
    )
