"""The page of the clients says what the code does: its venues, its codes, its words."""

import re
from pathlib import Path

from holdfast.venues.binance import client_errors as binance
from holdfast.venues.clients import CLIENTS
from holdfast.venues.deribit import client_errors as deribit

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "clients.md").read_text()
ROWS = {
    cells[0]: cells[1:]
    for line in PAGE.splitlines()
    if line.startswith("|") and len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 3
}


def codes(cell: str) -> set[int]:
    """Return the codes that a cell of the table names, without HTTP's."""
    return {int(text) for text in re.findall(r"-?\b\d{4,5}\b", cell)}


def test_every_client_is_on_its_page() -> None:
    for venue, client in CLIENTS.items():
        assert f"| `{venue}` | `{client.__name__}` |" in PAGE


def test_the_table_of_codes_is_the_codes() -> None:
    expected = {
        "expired": (deribit.EXPIRED, binance.EXPIRED),
        "unknown": (deribit.UNKNOWN, binance.UNKNOWN | {binance.DUPLICATE_ORDER}),
        "refused, `rate_limited`": (deribit.RATE_LIMITED, binance.RATE_LIMITED),
        "refused, `busy`": (deribit.BUSY, binance.BUSY),
        "refused, `not_open`": (deribit.NOT_OPEN, binance.NOT_OPEN),
        "refused credentials": (deribit.UNAUTHORISED, binance.UNAUTHORISED),
    }
    for name, (of_deribit, of_binance) in expected.items():
        assert codes(ROWS[name][0]) == set(of_deribit), name
        assert codes(ROWS[name][1]) == set(of_binance), name
