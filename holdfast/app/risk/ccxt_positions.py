"""ccxt: what its `fetch_positions` and `fetch_balance` return, as rows of a portfolio.

The file is one JSON object, `{"exchange": "binanceusdm", "account": "main", "positions": [...], "balance": {...}}`, with
ccxt's unified structures in it. Source: ccxt manual, Position and Balance structure.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from holdfast.app.recording.symbols import TARDIS_VENUES

_VENUES: Final = {
    "binanceusdm": "binance-usdm",
    "binancecoinm": "binance-coinm",
    "binance": "binance-spot",
    "krakenfutures": "kraken-futures",
    "bybit": "bybit-linear",
}
_SYMBOL: Final = re.compile(
    r"(?P<base>\w+)/(?P<quote>\w+)(:(?P<settle>\w+)(-(?P<day>\d{6})(-(?P<strike>[\d.]+)-(?P<type>[CP]))?)?)?"
)
_DELIVERY: Final = timedelta(hours=8)


def is_ccxt(whole: Any) -> bool:
    """Tell whether a JSON document holds what ccxt fetched."""
    return isinstance(whole, dict) and "exchange" in whole


def rows_of_ccxt(whole: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each position and balance with its place, as a row of a portfolio file."""
    exchange = str(whole["exchange"])
    venue = _VENUES.get(exchange, TARDIS_VENUES.get(exchange, exchange))
    account = str(whole.get("account") or "main")
    for number, position in enumerate(whole.get("positions") or (), start=1):
        yield f"positions[{number}]", _position(venue, account, position)
    totals = (whole.get("balance") or {}).get("total") or {}
    for asset, amount in totals.items():
        if amount:
            yield (
                f"balance.{asset}",
                {"venue": venue, "account": account, "instrument": asset, "quantity": amount, "unit": "cash"},
            )


def _position(venue: str, account: str, position: dict[str, Any]) -> dict[str, Any]:
    """Return one row; what ccxt does not say is left out, and the row's reader tells what it lacks."""
    symbol = str(position.get("symbol") or "")
    contracts = position.get("contracts")
    info = position.get("info") or {}
    own = next((info[name] for name in ("symbol", "instId", "instrument_name") if info.get(name)), symbol)
    row: dict[str, Any] = {"venue": venue, "account": account, "instrument": own, "unit": "contracts"}
    if contracts is not None:
        row["quantity"] = -abs(contracts) if position.get("side") == "short" else abs(contracts)
    if position.get("entryPrice"):
        row["entry_price"] = position["entryPrice"]
    found = _SYMBOL.fullmatch(symbol)
    if found:
        row["terms"] = _terms(found, position.get("contractSize"))
    return row


def _terms(found: re.Match[str], contract_size: float | None) -> dict[str, Any]:
    base, quote, settle = found["base"], found["quote"], found["settle"] or found["quote"]
    kind = "spot" if not found["settle"] else "perpetual"
    terms: dict[str, Any] = {
        "asset": base,
        "quote": quote,
        "settle": settle,
        "inverse": settle == base,
        "contract_size": contract_size,
    }
    if found["day"]:
        kind = "option" if found["strike"] else "future"
        terms["expiry"] = (
            datetime.strptime(found["day"], "%y%m%d").replace(tzinfo=UTC) + _DELIVERY
        ).isoformat()
    if found["strike"]:
        terms |= {"strike": float(found["strike"]), "option_type": "call" if found["type"] == "C" else "put"}
    return {"kind": kind, **terms}
