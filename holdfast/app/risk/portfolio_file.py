"""Portfolio files: what a desk holds, from csv, json or parquet, or from what ccxt fetched.

Rules:

1. A table (csv, parquet, or `positions` in json) has one row a position or balance: `venue, account, instrument, quantity,
   unit` and, where known, `entry_price, contract_size, margin_model, haircut, terms`. `unit` is never guessed: `base`
   (coins), `quote` (dollars), `contracts`, or `cash` for coins and cash themselves.
2. A row that cannot be read is told with its place and left out; the rest is the answer, and says that it is partial.
3. A file of which nothing can be read is an error.
"""

import csv
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow.parquet as pq

from holdfast.app.risk.ccxt_positions import is_ccxt, rows_of_ccxt
from holdfast.app.risk.portfolio_rows import COLUMNS, default_model, read_row
from holdfast.error import CallerError, OutsideError
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Account, Balance, Portfolio, Position, netted

BASE_CURRENCIES: Final = ("USD", "USDT", "USDC", "EUR", "BTC", "ETH")

Row = Mapping[str, Any]
Placed = tuple[str, Row]


class PortfolioFile(msgspec.Struct, frozen=True):
    """A portfolio as a file has it, and what of the file could not be used."""

    portfolio: Portfolio
    missing: tuple[Missing, ...] = ()


def read_portfolio(path: Path) -> PortfolioFile:
    """Read what a desk holds.

    Raises: CallerError `portfolio.unreadable`, `portfolio.empty`, `portfolio.column`, `portfolio.currency`.
    """
    whole: Row = {}
    suffix = path.suffix.lower()
    if suffix == ".csv":
        placed = _csv_rows(path)
    elif suffix in (".parquet", ".pq"):
        placed = _parquet_rows(path)
    elif suffix == ".json":
        whole, placed = _json_rows(path)
    else:
        raise CallerError(
            "portfolio.unreadable", f"no portfolio format is called {suffix or 'nothing'!r}", where=str(path),
            remedy="give .csv, .json or .parquet",
        )  # fmt: skip
    return _gather(path.name, whole, placed)


def portfolio_of(whole: Any, where: str) -> PortfolioFile:
    """Return the portfolio of a JSON document that is already decoded; `where` is its place for messages.

    Raises: CallerError as `read_portfolio`.
    """
    return _gather(where, *_stated_rows(whole, where))


def _gather(where: str, whole: Row, placed: Sequence[Placed]) -> PortfolioFile:
    currency = str(whole.get("base_currency", "USD"))
    if currency not in BASE_CURRENCIES:
        raise CallerError(
            "portfolio.currency", f"{currency!r} is no base currency", where=f"{where}: base_currency",
            remedy=f"one of {', '.join(BASE_CURRENCIES)}",
        )  # fmt: skip
    positions: list[Position] = []
    balances: list[Balance] = []
    models: dict[tuple[str, str], str] = {}
    missing: list[Missing] = []
    for place, row in placed:
        try:
            held = read_row(row)
        except (CallerError, OutsideError) as error:
            missing.append(Missing(place, error.code, error.message, error.remedy))
            continue
        if isinstance(held, Position):
            positions.append(held)
        else:
            balances.append(held)
        model = str(row.get("margin_model") or "")
        if model or held.key not in models:
            models[held.key] = model or default_model(held.key[0])
    if not positions and not balances:
        told = f": {missing[0]}" if missing else ""
        raise CallerError("portfolio.empty", f"no row could be used{told}", where=where)
    accounts = tuple(
        Account(venue=venue, name=name, margin_model=model) for (venue, name), model in sorted(models.items())
    )
    portfolio = Portfolio(
        name=str(whole.get("name") or Path(where).stem),
        base_currency=currency,
        positions=netted(positions),
        balances=tuple(balances),
        accounts=accounts,
    )
    return PortfolioFile(portfolio, tuple(missing))


def _csv_rows(path: Path) -> list[Placed]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        _check_columns(path.name, reader.fieldnames or ())
        rows = [(f"{path.name}:{reader.line_num}", row) for row in reader]
    return [(place, {k: v for k, v in row.items() if v not in (None, "")}) for place, row in rows]


def _parquet_rows(path: Path) -> list[Placed]:
    try:
        table = pq.read_table(path)
    except (OSError, ValueError) as error:
        raise CallerError("portfolio.unreadable", str(error), where=str(path)) from error
    _check_columns(path.name, table.column_names)
    rows = table.to_pylist()
    return [
        (f"{path.name}: row {number}", {k: v for k, v in row.items() if v is not None})
        for number, row in enumerate(rows, start=1)
    ]


def _json_rows(path: Path) -> tuple[Row, list[Placed]]:
    try:
        whole = msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise CallerError("portfolio.unreadable", str(error), where=str(path)) from error
    if is_ccxt(whole):
        return {}, [(f"{path.name}: {place}", row) for place, row in rows_of_ccxt(whole)]
    return _stated_rows(whole, path.name)


def _stated_rows(whole: Any, where: str) -> tuple[Row, list[Placed]]:
    if isinstance(whole, list):
        whole = {"positions": whole}
    if not isinstance(whole, dict) or not isinstance(whole.get("positions"), list):
        raise CallerError(
            "portfolio.unreadable", "neither a list of positions nor an object with `positions`", where=where
        )
    unknown = set(whole) - {"name", "base_currency", "positions"}
    if unknown:
        raise _unknown_column(where, min(unknown), ("name", "base_currency", "positions"))
    placed: list[Placed] = []
    for number, row in enumerate(whole["positions"], start=1):
        if not isinstance(row, dict):
            raise CallerError(
                "portfolio.unreadable", "a position is an object", where=f"{where}: positions[{number}]"
            )
        _check_columns(where, list(row))
        placed.append((f"{where}: positions[{number}]", row))
    return whole, placed


def _check_columns(where: str, names: Sequence[str]) -> None:
    for name in names:
        if name not in COLUMNS:
            raise _unknown_column(where, name, COLUMNS)


def _unknown_column(where: str, name: str, known: Sequence[str]) -> CallerError:
    near = get_close_matches(name, known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return CallerError("portfolio.column", f"unknown column {name!r}", where=where, remedy=remedy)
