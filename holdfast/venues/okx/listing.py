"""OKX instruments: from the venue's listing, or from a symbol alone where a recording has no listing.

Sizes of swaps, futures and options are in contracts: one is `ctVal * ctMult` of the base coin, or that
many quote units when `ctType` is inverse. Options that settle in their own coin are quoted in it: they
count as inverse, and their contract is still so many of the base coin. Suspended, pre-open and expired
instruments are listed like the others: what the venue still sends of them is theirs.

Source: OKX API v5, Public Data, Get instruments.
"""

from datetime import UTC, datetime
from typing import Final

from holdfast.clock import HOUR_NS, SECOND_NS
from holdfast.error import OutsideError
from holdfast.instrument import Instrument, Instruments, Kind, listed
from holdfast.venues.okx.messages import Listed
from holdfast.venues.units import milliseconds, number

VENUE: Final = "okx"
_KINDS: Final[dict[str, Kind]] = {
    "SPOT": "spot", "MARGIN": "spot", "SWAP": "perpetual", "FUTURES": "future", "OPTION": "option",
}  # fmt: skip
_EXPIRY_HOUR_NS: Final = 8 * HOUR_NS


def read_instrument(entry: Listed) -> Instrument:
    """Turn one entry of the listing into an instrument. Raises: OutsideError `listing.*`, `quantity.*`."""
    kind = _KINDS.get(entry.inst_type)
    if kind is None:
        raise OutsideError("listing.unknown_type", f"{entry.inst_id} is of type {entry.inst_type!r}")
    base, quote = entry.base_ccy, entry.quote_ccy
    if kind != "spot":
        base, _, quote = (entry.uly or entry.inst_id).partition("-")
        quote = quote.partition("-")[0].partition("_")[0]
    if not (base and quote):
        raise OutsideError("listing.incomplete", f"{entry.inst_id} has no base or quote")
    for step in (entry.tick_sz, entry.lot_sz):
        if not number(step) > 0:
            raise OutsideError("listing.incomplete", f"{entry.inst_id} has no tick or lot")
    return listed(
        entry.tick_sz,
        entry.lot_sz,
        venue=VENUE,
        symbol=entry.inst_id,
        kind=kind,
        base=base,
        quote=quote,
        settle=entry.settle_ccy or quote,
        contract_size=number(entry.ct_val or "1") * number(entry.ct_mult or "1"),
        inverse=entry.ct_type == "inverse" or (kind == "option" and entry.settle_ccy == base),
        expiry_ns=milliseconds(entry.exp_time) if entry.exp_time and kind in ("future", "option") else 0,
        strike=number(entry.stk) if kind == "option" else 0.0,
        option_type={"C": "call", "P": "put"}.get(entry.opt_type, ""),
    )


def describe(instruments: Instruments, symbol: str) -> int:
    """Return an instrument's number, reading its kind off the symbol where there is no listing.

    Raises: OutsideError `instrument.unlisted`, `instrument.unreadable`.
    """
    known = instruments.find(VENUE, symbol)
    if known >= 0:
        return known
    parts = symbol.split("-")
    if len(parts) < 2 or not all(parts):
        raise OutsideError("instrument.unreadable", f"okx has no symbol of the form {symbol[:60]!r}")
    base, quote = parts[0], parts[1].partition("_")[0]
    inverse = parts[1] == "USD"  # USD_UM is margined in dollars
    terms: dict[str, object] = {"inverse": inverse, "settle": base if inverse else quote}
    match parts[2:]:
        case []:
            return instruments.find_or_describe(VENUE, symbol, "spot", base, quote)
        case ["SWAP"]:
            return instruments.find_or_describe(VENUE, symbol, "perpetual", base, quote, **terms)
        case [day]:
            terms["expiry_ns"] = _expiry(day)
            return instruments.find_or_describe(VENUE, symbol, "future", base, quote, **terms)
        case [day, strike, "C" | "P" as letter]:
            side = "call" if letter == "C" else "put"
            terms |= {"expiry_ns": _expiry(day), "strike": number(strike), "option_type": side}
            return instruments.find_or_describe(VENUE, symbol, "option", base, quote, **terms)
        case _:
            raise OutsideError("instrument.unreadable", f"okx has no symbol of the form {symbol[:60]!r}")


def _expiry(day: str) -> int:
    """Return 08:00 UTC of a day written YYMMDD."""
    try:
        moment = datetime.strptime(day, "%y%m%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise OutsideError("instrument.unreadable", f"not a day: {day[:20]!r}") from error
    return int(moment.timestamp()) * SECOND_NS + _EXPIRY_HOUR_NS
