"""Bybit v5 instruments, one venue name a category: bybit-linear, bybit-inverse, bybit-spot, bybit-option.

Sizes are in the base coin, on inverse contracts in USD (one contract is one quote unit).

Source: Bybit API v5, Get Instruments Info.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal

from holdfast.clock import HOUR_NS, SECOND_NS
from holdfast.error import OutsideError
from holdfast.instrument import Instrument, Instruments, Kind, listed
from holdfast.venues.bybit.messages import Listed
from holdfast.venues.units import milliseconds, number

Category = Literal["linear", "inverse", "spot", "option"]
_COINS: Final = r"(?P<base>[A-Z0-9]+?)"
_DAY: Final = r"(?P<day>\d{1,2}[A-Z]{3}\d{2})"
_OPTION: Final = re.compile(
    _COINS + "-" + _DAY + r"-(?P<strike>\d+(\.\d+)?)-(?P<right>[CP])(-(?P<quote>[A-Z]+))?"
)
_FUTURE: Final = re.compile(_COINS + r"(?P<quote>USDT|USDC|USD)?-" + _DAY)
_INVERSE_FUTURE: Final = re.compile(_COINS + r"(?P<quote>USD)[HMUZ]\d\d")
_PAIR: Final = re.compile(_COINS + r"(?P<quote>USDT|USDC|USDE|PERP|USD|EUR|BRL|TRY|BTC|ETH|DAI|BRZ)")
_EXPIRY_HOUR_NS: Final = 8 * HOUR_NS


def venue_of(category: Category) -> str:
    """Return the venue name of a category."""
    return f"bybit-{category}"


def read_instrument(entry: Listed, category: Category) -> Instrument:
    """Turn one entry of the listing into an instrument. Raises: OutsideError `listing.*`, `quantity.*`."""
    lot = entry.lot_size_filter.base_precision if category == "spot" else entry.lot_size_filter.qty_step
    tick = entry.price_filter.tick_size
    if not (lot and number(lot) > 0 and number(tick) > 0):
        raise OutsideError("listing.incomplete", f"{entry.symbol} has no tick or lot")
    kind: Kind = "future" if entry.contract_type.endswith("Futures") else "perpetual"
    terms: dict[str, object] = {}
    if category == "spot":
        kind = "spot"
    elif category == "option":
        kind = "option"
        match = _OPTION.fullmatch(entry.symbol)
        if match is None or entry.options_type not in ("Call", "Put"):
            raise OutsideError("listing.incomplete", f"{entry.symbol} has no strike or type")
        terms = {"strike": number(match["strike"]), "option_type": entry.options_type.lower()}
    return listed(
        tick,
        lot,
        venue=venue_of(category),
        symbol=entry.symbol,
        kind=kind,
        base=entry.base_coin,
        quote=entry.quote_coin,
        settle=entry.settle_coin or entry.quote_coin,
        inverse=category == "inverse",
        expiry_ns=milliseconds(entry.delivery_time or "0") if kind in ("future", "option") else 0,
        **terms,
    )


def describe(instruments: Instruments, category: Category, symbol: str) -> int:
    """Return an instrument's number, reading its kind off the symbol where there is no listing.

    Raises: OutsideError `instrument.unlisted`, `instrument.unreadable`.
    """
    venue = venue_of(category)
    known = instruments.find(venue, symbol)
    if known >= 0:
        return known
    kind, base, quote, terms = _terms(category, symbol)
    inverse = category == "inverse"
    settle = base if inverse else quote
    return instruments.find_or_describe(
        venue, symbol, kind, base, quote, inverse=inverse, settle=settle, **terms
    )


def _terms(category: Category, symbol: str) -> tuple[Kind, str, str, Mapping[str, object]]:
    if category == "option":
        match = _OPTION.fullmatch(symbol)
        if match is not None:
            side = "call" if match["right"] == "C" else "put"
            strike = number(match["strike"])
            terms = {"expiry_ns": _expiry(match["day"]), "strike": strike, "option_type": side}
            return "option", match["base"], match["quote"] or "USDC", terms
    elif category == "spot":
        match = _PAIR.fullmatch(symbol)
        if match is not None:
            return "spot", match["base"], match["quote"], {}
    else:
        match = _FUTURE.fullmatch(symbol)
        if match is not None:
            return "future", match["base"], match["quote"] or "USDC", {"expiry_ns": _expiry(match["day"])}
        match = _INVERSE_FUTURE.fullmatch(symbol) if category == "inverse" else None
        if match is not None:
            return "future", match["base"], match["quote"], {}
        match = _PAIR.fullmatch(symbol)
        if match is not None:
            return "perpetual", match["base"], match["quote"].replace("PERP", "USDC"), {}
    raise OutsideError("instrument.unreadable", f"bybit {category} has no symbol of the form {symbol[:40]!r}")


def _expiry(day: str) -> int:
    """Return 08:00 UTC of a day written 27DEC24."""
    try:
        moment = datetime.strptime(day, "%d%b%y").replace(tzinfo=UTC)
    except ValueError as error:
        raise OutsideError("instrument.unreadable", f"not a day: {day!r}") from error
    return int(moment.timestamp()) * SECOND_NS + _EXPIRY_HOUR_NS
