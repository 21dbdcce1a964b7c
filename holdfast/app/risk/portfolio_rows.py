"""Portfolio rows: one row of a portfolio file as a position or a balance, its unit turned into ours."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from holdfast.app.recording.symbols import TARDIS_VENUES, describe
from holdfast.clock import parse_time_ns
from holdfast.error import CallerError
from holdfast.instrument import Instrument, Instruments
from holdfast.risk.contract import Contract, contract_of
from holdfast.risk.portfolio import Balance, Position
from holdfast.venues.registry import FEEDS

COLUMNS: Final = (
    "venue", "account", "instrument", "quantity", "unit", "entry_price", "contract_size", "margin_model", "haircut", "terms",
)  # fmt: skip
UNITS: Final = ("base", "quote", "contracts", "cash")
VENUES: Final = (*FEEDS, "binance-options", "coinbase", "kraken", "gemini", "bitstamp", "derive", "otc")
# the margin model of an account that names none: what the venue applies to a new account
_DEFAULT_MODELS: Final = {
    "deribit": "deribit-sm",
    "binance-usdm": "binance-usdm",
    "binance-coinm": "binance-coinm",
    "okx": "okx-pm",
    "derive": "derive-pmrm2",
}
_TERMS: Final = frozenset(Contract.__struct_fields__) - {"venue", "symbol"}
_CURRENCIES: Final = frozenset(
    ("USD", "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDE", "EUR", "GBP", "DAI", "BTC", "ETH", "SOL", "BNB")
)


def default_model(venue: str) -> str:
    """Return the name of the margin model that a venue applies unless told otherwise; empty for none known."""
    return _DEFAULT_MODELS.get(venue, "")


def read_row(row: Mapping[str, Any]) -> Position | Balance:
    """Turn one row into what is held.

    Raises: CallerError `portfolio.missing`, `portfolio.venue`, `portfolio.unit`, `portfolio.number`, `instrument.unknown`,
    `contract.size`, `contract.incomplete`.

    >>> read_row({"venue": "okx", "account": "a", "instrument": "USDT", "quantity": "5", "unit": "cash"}).amount
    5.0
    """
    if None in row:
        raise CallerError("portfolio.column", "the row has more values than the file has columns")
    for name in ("venue", "instrument", "quantity", "unit"):
        if row.get(name) in (None, ""):
            raise CallerError(
                "portfolio.missing",
                f"no {name}",
                remedy="each row needs venue, instrument, quantity and unit",
            )
    venue, symbol, unit = (str(row[name]) for name in ("venue", "instrument", "unit"))
    venue = TARDIS_VENUES.get(venue, venue)
    if venue not in VENUES:
        raise _wrong("portfolio.venue", "venue", venue, VENUES)
    if unit not in UNITS:
        raise _wrong("portfolio.unit", "unit", unit, UNITS)
    account = str(row.get("account") or "main")
    quantity = _number(row, "quantity")
    if unit == "cash":
        haircut = _number(row, "haircut") if "haircut" in row else 0.0
        if not 0.0 <= haircut <= 1.0:
            raise CallerError("portfolio.number", f"haircut {haircut:g} is not a share from 0 to 1")
        return Balance(venue=venue, account=account, asset=symbol.upper(), amount=quantity, haircut=haircut)
    if "haircut" in row:
        raise CallerError(
            "portfolio.unit",
            "a haircut belongs to cash, not to a position",
            remedy="set unit to cash, or leave it out",
        )
    contract, is_size_known = _contract(venue, symbol, row)
    entry = _number(row, "entry_price") if "entry_price" in row else float("nan")
    if entry <= 0.0 and contract.kind != "option":
        raise CallerError("portfolio.number", f"entry_price {entry:g} is not a price")
    quantity = _in_our_unit(quantity, unit, contract, is_size_known)
    return Position(account=account, contract=contract, quantity=quantity, entry_price=entry)


def _contract(venue: str, symbol: str, row: Mapping[str, Any]) -> tuple[Contract, bool]:
    """Return the terms of a contract, and whether its size is known rather than taken to be 1."""
    if "terms" in row:
        return _stated_contract(venue, symbol, row["terms"]), True
    instruments = Instruments()
    instrument: Instrument = instruments[describe(instruments, venue, symbol)]
    if instrument.quote not in _CURRENCIES or not instrument.base.isalnum():
        raise CallerError(
            "instrument.unknown", f"{venue} has no instrument of the form {symbol!r}",
            remedy="write it as the venue does, or state its `terms`",
        )  # fmt: skip
    contract = contract_of(instrument)
    if "contract_size" in row:
        return msgspec.structs.replace(contract, contract_size=_number(row, "contract_size")), True
    return contract, False


def _stated_contract(venue: str, symbol: str, terms: Any) -> Contract:
    """Read the terms of a contract that is not listed: the fields of `Contract`; a time may be text."""
    if isinstance(terms, str):
        try:
            terms = msgspec.json.decode(terms.encode())
        except msgspec.DecodeError as error:
            raise CallerError("contract.incomplete", f"`terms` is no JSON: {error}") from error
    if not isinstance(terms, dict):
        raise CallerError("contract.incomplete", "`terms` is an object of the contract's fields")
    stated: dict[str, Any] = {str(name): value for name, value in terms.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(expiry := stated.pop("expiry", None), str):
        stated["expiry_ns"] = parse_time_ns(expiry)
    for name in stated:
        if name not in _TERMS:
            raise _wrong("contract.incomplete", "term", name, tuple(sorted(_TERMS)))
    try:
        return msgspec.convert({"venue": venue, "symbol": symbol, **stated}, Contract)
    except msgspec.ValidationError as error:
        raise CallerError(
            "contract.incomplete", str(error), remedy=f"terms are {', '.join(sorted(_TERMS))}"
        ) from error


def _in_our_unit(quantity: float, unit: str, contract: Contract, is_size_known: bool) -> float:
    """Turn a quantity into asset units, or quote units for an inverse perpetual or future."""
    counts_quote = contract.inverse and contract.kind in ("perpetual", "future")
    if unit == "contracts":
        if not is_size_known:
            raise CallerError(
                "contract.size", f"the contract size of {contract.name} is not known",
                remedy="add contract_size, or state the quantity in base or quote units",
            )  # fmt: skip
        return quantity * contract.contract_size
    ours = "quote" if counts_quote else "base"
    if unit != ours:
        raise CallerError(
            "portfolio.unit", f"{contract.name} is held in {ours} units, not in {unit}",
            remedy=f"state the quantity in {ours} units, or in contracts with their size",
        )  # fmt: skip
    return quantity


def _number(row: Mapping[str, Any], name: str) -> float:
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        value = float("nan")
    if not abs(value) < float("inf"):
        raise CallerError("portfolio.number", f"{name} {row[name]!r} is not a finite number")
    return value


def _wrong(code: str, what: str, given: str, known: tuple[str, ...]) -> CallerError:
    near = get_close_matches(given, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(known)}"
    return CallerError(code, f"unknown {what} {given!r}", remedy=remedy)
