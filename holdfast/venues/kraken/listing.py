"""Kraken Futures instruments: PI/PF perpetuals, FI/FF futures; the first letter after P or F says inverse
or linear.

Inverse contracts are worth one quote unit each and trade whole; linear ones are counted in the base coin,
with `contractValueTradePrecision` decimals. Indices (`in_`, `rr_`) are listed too but are no instruments.
Symbols are written in capitals here, as the websocket does; the old listing had them small.

Source: Kraken Futures API v3, Get instruments.
"""

import re
from typing import Final

from holdfast.error import OutsideError
from holdfast.instrument import Instrument, Instruments, Kind, listed
from holdfast.venues.kraken.messages import MISSING, Listed
from holdfast.venues.units import iso, number

VENUE: Final = "kraken-futures"
_TYPES: Final = {"futures_inverse": True, "futures_vanilla": False, "flexible_futures": False}
_SYMBOL: Final = re.compile(r"([PF])([IFV])_([A-Z0-9]+?)(USDT|USDC|USD|EUR|XBT)(?:_(\d{6}))?")
_PRECISION_MAX: Final = 12


def read_instrument(entry: Listed) -> Instrument | None:
    """Turn one entry of the listing into an instrument, None if it is an index.

    Raises: OutsideError `listing.*`, `quantity.*`, `time.*`.
    """
    inverse = _TYPES.get(entry.type)
    if inverse is None:
        if "index" in entry.type or entry.type == "options":
            return None
        raise OutsideError("listing.unknown_type", f"{entry.symbol} is of type {entry.type[:40]!r}")
    symbol = entry.symbol.upper()
    kind, base, quote, _ = _terms(symbol)
    tick = bytes(entry.tick_size)
    precision = entry.contract_value_trade_precision
    if tick in MISSING or not number(tick) > 0 or abs(precision) > _PRECISION_MAX:
        raise OutsideError("listing.incomplete", f"{symbol} has no usable tick or lot")
    size = bytes(entry.contract_size)
    return listed(
        tick.decode(),
        f"1e{-precision}",
        venue=VENUE,
        symbol=symbol,
        kind=kind,
        base=_coin(entry.base or base),
        quote=_coin(entry.quote or quote),
        settle=_coin(entry.base or base) if inverse else _coin(entry.quote or quote),
        contract_size=1.0 if size in MISSING else number(size),
        inverse=inverse,
        expiry_ns=iso(entry.last_trading_time) if entry.last_trading_time and kind == "future" else 0,
    )


def describe(instruments: Instruments, symbol: str) -> int:
    """Return an instrument's number, reading its kind off the symbol where there is no listing.

    Raises: OutsideError `instrument.unlisted`, `instrument.unreadable`.
    """
    known = instruments.find(VENUE, symbol)
    if known >= 0:
        return known
    kind, base, quote, inverse = _terms(symbol)
    base, quote = _coin(base), _coin(quote)
    settle = base if inverse else quote
    return instruments.find_or_describe(VENUE, symbol, kind, base, quote, inverse=inverse, settle=settle)


def _terms(symbol: str) -> tuple[Kind, str, str, bool]:
    match = _SYMBOL.fullmatch(symbol)
    if match is None:
        raise OutsideError("instrument.unreadable", f"kraken has no symbol of the form {symbol[:40]!r}")
    return "perpetual" if match[1] == "P" else "future", match[3], match[4], match[2] == "I"


def _coin(name: str) -> str:
    return "BTC" if name in ("XBT", "xbt") else name.upper()
