"""Portfolio files: every format says the same, a bad row is told with its place and left out, a bad file is refused."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.app.risk.portfolio_file import read_portfolio
from holdfast.error import CallerError

ROWS: list[dict[str, Any]] = [
    {
        "venue": "okx",
        "account": "a",
        "instrument": "BTC-USD-251031-80000-C",
        "quantity": -3.0,
        "unit": "base",
    },
    {
        "venue": "binance-coinm",
        "account": "c",
        "instrument": "AAVEUSD_PERP",
        "quantity": 5000.0,
        "unit": "quote",
        "entry_price": 280.0,
    },
    {"venue": "okx", "account": "a", "instrument": "BTC", "quantity": 2.0, "unit": "cash", "haircut": 0.05},
]
NAMES = ("venue", "account", "instrument", "quantity", "unit", "entry_price", "haircut")


def csv_text(rows: list[dict[str, Any]]) -> str:
    lines = [",".join(str(row.get(name, "")) for name in NAMES) for row in rows]
    return "\n".join([",".join(NAMES), *lines]) + "\n"


def written(folder: Path, kind: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / f"desk.{kind}"
    if kind == "csv":
        path.write_text(csv_text(rows))
    elif kind == "parquet":
        pq.write_table(
            pa.Table.from_pylist(
                rows,
                pa.schema(
                    [
                        (n, pa.float64() if n in ("quantity", "entry_price", "haircut") else pa.string())
                        for n in NAMES
                    ]
                ),
            ),
            path,
        )
    else:
        path.write_text(json.dumps({"name": "desk", "positions": rows}))
    return path


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_every_format_says_the_same(tmp_path: Path, kind: str) -> None:
    read = read_portfolio(written(tmp_path, kind, ROWS))
    assert read.missing == ()
    perpetual, option = read.portfolio.positions
    assert (option.contract.strike, option.contract.option_type, option.contract.inverse) == (
        80_000.0,
        "call",
        True,
    )
    assert (option.quantity, perpetual.quantity, perpetual.entry_price) == (-3.0, 5_000.0, 280.0)
    assert [(b.asset, b.amount, b.haircut) for b in read.portfolio.balances] == [("BTC", 2.0, 0.05)]
    assert {account.key: account.margin_model for account in read.portfolio.accounts} == {
        ("okx", "a"): "okx-pm", ("binance-coinm", "c"): "binance-coinm",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        (
            {"instrument": "BTC-32JAN26-80000-C", "venue": "deribit"},
            "instrument.unknown",
            "write it as the venue does",
        ),
        ({"unit": "quote"}, "portfolio.unit", "state the quantity in base units"),
        ({"unit": "lots"}, "portfolio.unit", "one of base, quote"),
        ({"unit": "contracts"}, "contract.size", "add contract_size"),
        ({"venue": "okxx"}, "portfolio.venue", "did you mean 'okx'?"),
        ({"quantity": "many"}, "portfolio.number", "not a finite number"),
        ({"quantity": "nan"}, "portfolio.number", "not a finite number"),
        ({"quantity": ""}, "portfolio.missing", "no quantity"),
        ({"haircut": 0.1}, "portfolio.unit", "a haircut belongs to cash"),
    ],
)
def test_a_bad_row_is_told_with_its_place_and_the_rest_goes_on(
    tmp_path: Path, wrong: dict[str, Any], code: str, says: str
) -> None:
    path = tmp_path / "desk.csv"
    path.write_text(csv_text([{**ROWS[0], **wrong}, *ROWS[1:]]))
    read = read_portfolio(path)
    assert [(m.where, m.code) for m in read.missing] == [("desk.csv:2", code)]
    assert says in str(read.missing[0])
    assert len(read.portfolio.positions) == 1
    assert len(read.portfolio.balances) == 1


def test_a_quantity_in_contracts_needs_their_size(tmp_path: Path) -> None:
    path = tmp_path / "desk.json"
    row = {**ROWS[0], "unit": "contracts", "contract_size": 0.01}
    path.write_text(json.dumps([row]))
    assert read_portfolio(path).portfolio.positions[0].quantity == pytest.approx(-0.03)


def test_positions_of_one_account_net_at_their_average_and_others_do_not(tmp_path: Path) -> None:
    path = tmp_path / "desk.json"
    one = {**ROWS[1], "quantity": 1_000.0, "entry_price": 200.0}
    path.write_text(
        json.dumps([ROWS[1] | {"entry_price": 300.0, "quantity": 1_000.0}, one, {**one, "account": "d"}])
    )
    first, second = read_portfolio(path).portfolio.positions
    assert (first.quantity, second.quantity) == (2_000.0, 1_000.0)
    assert first.entry_price == pytest.approx(240.0)  # harmonic: 1000/300 + 1000/200 coins for 2000 dollars


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.xlsx", "", "portfolio.unreadable"),
        ("a.json", "{", "portfolio.unreadable"),
        ("a.json", '{"positions": 3}', "portfolio.unreadable"),
        ("a.json", "[]", "portfolio.empty"),
        ("a.json", '[{"venue": "okx", "quantitty": 1}]', "portfolio.column"),
        ("a.json", '{"base_currency": "XAU", "positions": []}', "portfolio.currency"),
        ("a.csv", "venue,account,instrument,quantity,unit\nnowhere,a,BTC,1,cash\n", "portfolio.empty"),
        ("a.csv", "venue,acount,instrument,quantity,unit\nokx,a,BTC,1,cash\n", "portfolio.column"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_refused(
    tmp_path: Path, name: str, text: str, code: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(CallerError) as caught:
        read_portfolio(path)
    assert caught.value.code == code


def test_an_over_the_counter_option_states_its_own_terms(tmp_path: Path) -> None:
    terms = {
        "kind": "option", "asset": "BTC", "quote": "USD", "settle": "USD", "strike": 90_000.0, "option_type": "put",
        "expiry": "2026-03-27T08:00:00Z", "payoff": "barrier", "barrier": 70_000.0, "barrier_type": "down-in",
    }  # fmt: skip
    path = tmp_path / "desk.json"
    row = {
        "venue": "otc",
        "account": "dealer",
        "instrument": "KI-1",
        "quantity": 10.0,
        "unit": "base",
        "terms": terms,
    }
    path.write_text(
        json.dumps(
            [row, {**row, "terms": {**terms, "barrier": 0.0}}, {**row, "terms": {**terms, "strik": 1.0}}]
        )
    )
    read = read_portfolio(path)
    assert read.portfolio.positions[0].contract.barrier_type == "down-in"
    assert [m.code for m in read.missing] == ["contract.incomplete", "contract.incomplete"]
    assert "did you mean 'strike'?" in read.missing[1].remedy


def test_what_ccxt_fetched_is_a_portfolio(tmp_path: Path) -> None:
    fetched = {
        "exchange": "binanceusdm",
        "positions": [
            {"symbol": "ETH/USDT:USDT", "contracts": 4.0, "contractSize": 1.0, "side": "short", "entryPrice": 3000.0,
             "info": {"symbol": "ETHUSDT"}},
            {"symbol": "ETH/USDT:USDT", "contracts": 4.0, "contractSize": None, "side": "short"},
        ],
        "balance": {"total": {"USDT": 1500.0, "BNB": 0.0}},
    }  # fmt: skip
    path = tmp_path / "ccxt.json"
    path.write_text(json.dumps(fetched))
    read = read_portfolio(path)
    [position] = read.portfolio.positions
    assert (position.contract.name, position.quantity, position.contract.settle) == (
        "binance-usdm:ETHUSDT",
        -4.0,
        "USDT",
    )
    assert [balance.amount for balance in read.portfolio.balances] == [1500.0]
    assert [(m.where, m.code) for m in read.missing] == [("ccxt.json: positions[2]", "contract.incomplete")]
