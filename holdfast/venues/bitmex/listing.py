"""BitMEX instruments: `typ` says what it is, the multipliers what a contract is worth.

Contract size: inverse, `multiplier / underlyingToSettleMultiplier` quote units (XBTUSD: 1 USD); spot,
`1 / underlyingToPositionMultiplier` base units; all others `multiplier / quoteToSettleMultiplier` base
units. For a quanto contract that ratio moves with the settlement coin's price, so it is right at the
listing's moment only.

Indices (typ `MR...` and symbols with a leading dot) are no instruments. XBT is written BTC, XBt and USDt
likewise.

Source: BitMEX API, Instrument; support article "Instrument field definitions".
"""

import re
from typing import Final

from msgspec import Raw

from holdfast.error import OutsideError
from holdfast.instrument import Instrument, Instruments, Kind, listed
from holdfast.venues.bitmex.messages import MISSING, Listed
from holdfast.venues.units import iso, number

VENUE: Final = "bitmex"
_SYMBOL: Final = re.compile(r"([A-Z0-9]+?)_?(USDT|USDC|USD|EUR|XBT|ETH)?([FGHJKMNQUVXZ]\d\d)?")


def read_instrument(entry: Listed) -> Instrument | None:
    """Turn one entry of the listing into an instrument, None if it is an index.

    Raises: OutsideError `listing.*`, `quantity.*`, `time.*`.
    """
    if entry.symbol.startswith(".") or entry.typ.startswith("MR"):
        return None
    kind = _kind(entry)
    tick, lot = bytes(entry.tick_size), bytes(entry.lot_size)
    if tick in MISSING or lot in MISSING or not (number(tick) > 0 and number(lot) > 0):
        raise OutsideError("listing.incomplete", f"{entry.symbol} has no tick or lot")
    if not (entry.underlying and entry.quote_currency):
        raise OutsideError("listing.incomplete", f"{entry.symbol} has no underlying or quote")
    return listed(
        tick.decode(),
        lot.decode(),
        venue=VENUE,
        symbol=entry.symbol,
        kind=kind,
        base=_coin(entry.underlying),
        quote=_coin(entry.quote_currency),
        settle=_coin(entry.settl_currency or entry.quote_currency),
        contract_size=_contract_size(entry, kind),
        inverse=entry.is_inverse,
        expiry_ns=iso(entry.expiry) if entry.expiry and kind in ("future", "option") else 0,
        strike=_value(entry.option_strike_price, 0.0) if kind == "option" else 0.0,
        option_type={"OC": "call", "OP": "put"}.get(entry.typ[:2], ""),
    )


def describe(instruments: Instruments, symbol: str) -> int:
    """Return an instrument's number, reading what can be read off the symbol where there is no listing.

    Raises: OutsideError `instrument.unlisted`, `instrument.unreadable`.
    """
    known = instruments.find(VENUE, symbol)
    if known >= 0:
        return known
    match = _SYMBOL.fullmatch(symbol)
    if match is None:
        raise OutsideError("instrument.unreadable", f"bitmex has no symbol of the form {symbol[:40]!r}")
    kind: Kind = "spot" if "_" in symbol else "future" if match[3] else "perpetual"
    quote = match[2] or ("USD" if match[1] == "XBT" else "XBT")
    inverse = kind != "spot" and match[1] == "XBT" and quote in ("USD", "EUR")
    return instruments.find_or_describe(VENUE, symbol, kind, _coin(match[1]), _coin(quote), inverse=inverse)


def _kind(entry: Listed) -> Kind:
    if entry.typ == "IFXXXP":
        return "spot"
    if entry.typ.startswith("FF"):
        return "perpetual" if entry.typ[2:3] == "W" else "future"
    if entry.typ[:2] in ("OC", "OP"):
        return "option"
    raise OutsideError("listing.unknown_type", f"{entry.symbol} is of type {entry.typ[:20]!r}")


def _contract_size(entry: Listed, kind: Kind) -> float:
    if kind == "spot":
        return 1.0 / (_value(entry.underlying_to_position_multiplier, 1.0) or 1.0)
    per = entry.underlying_to_settle_multiplier if entry.is_inverse else entry.quote_to_settle_multiplier
    return abs(_value(entry.multiplier, 1.0) / (_value(per, 1.0) or 1.0))


def _value(raw: Raw, default: float) -> float:
    return default if bytes(raw) in MISSING else number(bytes(raw))


def _coin(name: str) -> str:
    return "BTC" if name in ("XBT", "XBt") else name.upper()
