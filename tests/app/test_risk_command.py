"""`holdfast risk` answers on one screen, says what is not in its numbers, and refuses in one line what it cannot use."""

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from holdfast.app.risk.command import risk

MARKET: dict[str, Any] = {
    "time": "2026-02-05T21:29:37Z",
    "prices": {"BTC": 63_000.0, "USDC": 1.0},
    "marks": {
        "deribit:BTC-PERPETUAL": {"price": 63_010.0, "bid": 63_005.0, "ask": 63_015.0},
        "deribit:BTC-27MAR26-60000-P": {"price": 0.06, "bid": 0.059, "ask": 0.061, "volatility": 0.72},
    },
}
HEAD = "venue,account,instrument,quantity,unit,margin_model"
SHORT_PUT = "deribit,main,BTC-27MAR26-60000-P,-3,base,"
COINS = "deribit,main,BTC,2,cash,"
WIDTH = 120


class Desk:
    """A folder with a portfolio and a market, and the command run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"

    def run(self, *rows: str, market: Any = MARKET, more: tuple[str, ...] = ()) -> Result:
        portfolio = self.folder / "desk.csv"
        portfolio.write_text("\n".join((HEAD, *rows)) + "\n")
        words = [str(portfolio), "--out", str(self.out), *more]
        if isinstance(market, dict):
            path = self.folder / "market.json"
            path.write_text(json.dumps(market))
            words += ["--market", str(path)]
        elif market is not None:
            words += ["--market", str(market)]
        return CliRunner().invoke(risk, words, prog_name="holdfast risk")

    def answer(self) -> Any:
        return msgspec.json.decode((self.out / "risk.json").read_bytes())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def _line_of(result: Result, start: str) -> str:
    found = [line for line in result.output.splitlines() if line.startswith(start)]
    assert found, result.output
    return found[0]


def _refused(result: Result, code: str) -> str:
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(f"[{code}]")
    assert result.stdout == ""
    return lines[0]


def test_a_desk_is_told_on_one_screen_and_nothing_is_cut(desk: Desk) -> None:
    result = desk.run(SHORT_PUT, COINS)
    assert result.exit_code == 0, result.output
    assert "…" not in result.output
    tables = [
        line for line in result.output.splitlines() if not line.startswith(("missing", "report", "hedge"))
    ]
    assert max(map(len, tables)) <= WIDTH
    assert len(result.output.splitlines()) <= 50
    assert "partial" not in result.output
    assert "deribit-sm" in _line_of(result, "deribit/main")
    assert (desk.out / "report.html").is_file()


def test_json_on_the_screen_is_the_file_and_names_every_part(desk: Desk) -> None:
    result = desk.run(SHORT_PUT, COINS, more=("--json",))
    told = msgspec.json.decode(result.stdout)
    assert told == desk.answer()
    assert {
        "total", "accounts", "var", "backtest", "scenarios", "grid", "reverse_stress", "hedge", "exposure_profiles",
        "unwind", "venues", "reserve", "surfaces", "missing", "partial", "unpriced",
    } <= set(told)  # fmt: skip
    assert told["partial"] is False
    assert told["total"]["value"] == pytest.approx(2 * 63_000 - 3 * 5_061, rel=0.1)


def test_without_history_var_is_missing_not_zero(desk: Desk) -> None:
    desk.run(SHORT_PUT, COINS)
    answer = desk.answer()
    assert [one["code"] for one in answer["var"]] == ["history.absent"]
    assert [one["code"] for one in answer["backtest"]] == ["history.absent"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("deribit,main,BTC-99XXX-1-C,1,base,", "instrument.unknown"),
        ("deribit,main,BTC-PERPETUAL,1,base,", "portfolio.unit"),
        ("deribit,main,BTC-PERPETUAL,much,quote,", "portfolio.number"),
    ],
    ids=["unknown instrument", "wrong unit", "no number"],
)
def test_a_row_that_cannot_be_read_makes_every_sum_partial(desk: Desk, row: str, code: str) -> None:
    result = desk.run(row, COINS)
    assert result.exit_code == 0
    assert "desk.csv:2: " in result.output
    assert f"[{code}]" in result.output
    _line_of(result, "all (partial)")
    margin = _line_of(result, "deribit/main (partial)")
    assert margin.split()[-7:] == ["unknown"] * 7
    answer = desk.answer()
    assert answer["partial"]
    assert answer["accounts"][0]["partial"]
    assert answer["unpriced"] == ["desk.csv:2"]


def test_an_option_without_surface_or_mark_is_in_no_sum_and_the_sums_say_so(desk: Desk) -> None:
    result = desk.run(SHORT_PUT, COINS, "deribit,main,USDC,50000,cash,", market={**MARKET, "marks": {}})
    assert "[volatility.absent]" in result.output
    assert "126,000" in _line_of(result, "BTC (partial)")
    assert "50,000" in _line_of(result, "USDC ")  # nothing of it is missing
    assert "unknown" in _line_of(result, "deribit/main (partial)")
    assert "hedge of what is priced" in result.output
    assert desk.answer()["unpriced"] == ["deribit:BTC-27MAR26-60000-P"]


def test_an_account_that_is_whole_keeps_its_margin_beside_one_that_is_not(desk: Desk) -> None:
    result = desk.run("deribit,main,XRP,5,cash,", COINS, "deribit,other,BTC,1,cash,")
    assert "unknown" in _line_of(result, "deribit/main (partial)")
    assert "unknown" not in _line_of(result, "deribit/other ")[:80]
    assert [one["partial"] for one in desk.answer()["accounts"]] == [True, False]


def test_a_stale_mark_is_told_and_not_used(desk: Desk, tmp_path: Path) -> None:
    head = (
        "timestamp,instrument_name,underlying,underlying_name,option_type,strike,expiry_datetime,time_to_maturity,"
        "bid_price,ask_price,mark_price,mid_price,futures_price,futures_instrument_name,implied_volatility,delta,vega,"
        "open_interest,volume,bid_ask_spread,currency,index_price,volume_usd"
    )
    rows = [
        f"2026-02-05T21:{minute}:00.5+00:00,BTC-27MAR26-{strike}-P,63971.95,BTC-27MAR26,put,{strike}.0,"
        "2026-03-27T08:00:00+00:00,0.135,0.077,0.0785,0.0773,0.0777,63971.95,BTC-27MAR26,0.7447,-0.35,87.6,4462.8,"
        "3968.0,0.0015,BTC,63883.8,14227241.93"
        for minute, strike in (("10", "60000"), ("29", "55000"))
    ]
    chain = tmp_path / "chain.csv"
    chain.write_text("\n".join((head, *rows)) + "\n")
    result = desk.run(SHORT_PUT, COINS, market=chain)
    assert result.exit_code == 0, result.output
    assert "the mark is 1,140 s old" in result.output
    assert "[mark.stale]" in result.output
    _line_of(result, "all (partial)")


def test_no_market_at_all_is_an_error_not_a_value_of_nothing(desk: Desk) -> None:
    assert "give --market" in _refused(desk.run(SHORT_PUT, COINS, market=None), "risk.nothing_priced")
    assert not desk.out.exists()


def test_cash_alone_needs_no_market(desk: Desk) -> None:
    result = desk.run("deribit,main,USD,1000,cash,", market=None)
    assert result.exit_code == 0
    assert "1,000" in _line_of(result, "all ")
    assert "no market" in result.output


def test_an_unknown_margin_model_is_refused_with_the_nearest_name(desk: Desk) -> None:
    line = _refused(desk.run("deribit,main,BTC,2,cash,deribit-smm"), "margin.unknown_model")
    assert "did you mean 'deribit-sm'" in line


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("empty.csv", "", "market.empty"),
        ("deribit_btc-perpetual_1m.csv", "timestamp,open,high,low,close,volume\n", "market.empty"),
        ("empty.json", "{}", "format.unknown"),
        ("wrong.json", '{"prices": {"BTC": -1}, "time": "2026-02-05T21:29:37Z"}', "market.unreadable"),
        ("key.json", '{"prices": {}, "time": "2026-02-05T21:29:37Z", "mark": {}}', "market.unreadable"),
    ],
)
def test_a_market_file_of_no_use_is_refused(
    desk: Desk, tmp_path: Path, name: str, text: str, code: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    _refused(desk.run(COINS, market=path), code)


def test_a_called_account_is_told_with_its_ways_out(desk: Desk) -> None:
    result = desk.run(
        "deribit,main,BTC-PERPETUAL,-6000000,quote,", "deribit,main,BTC,1,cash,", "deribit,rich,BTC,50,cash,"
    )
    assert "called now" in _line_of(result, "deribit/main")
    told = _line_of(result, "deribit/main is called")
    assert "add BTC" in told
    assert "close BTC-PERPETUAL" in told
    cures = desk.answer()["accounts"][0]["cures"]["cures"]
    assert [one["cost"] for one in cures] == sorted(one["cost"] for one in cures)
    assert all(one["headroom"] >= 0.0 for one in cures)
    assert desk.answer()["accounts"][1]["cures"] is None


def _minutes(folder: Path, count: int = 4_000) -> Path:
    """Write minutes of a perpetual whose price walks."""
    from holdfast.risk.draws import generator  # noqa: PLC0415

    walk = 60_000.0 * np.exp(np.cumsum(1e-3 * generator(3).standard_normal(count)))
    start = np.datetime64("2026-01-01T00:00:00")
    rows = [
        f"{start + np.timedelta64(k, 'm')},{p:.1f},{p:.1f},{p:.1f},{p:.1f},10"
        for k, p in enumerate(walk.tolist())
    ]
    path = folder / "deribit_btc-perpetual_1m.csv"
    path.write_text("\n".join(("timestamp,open,high,low,close,volume", *rows)) + "\n")
    return path


def test_a_history_brings_var_by_three_models_a_backtest_and_odds(desk: Desk, tmp_path: Path) -> None:
    result = desk.run("deribit,main,BTC-PERPETUAL,600000,quote,", COINS, market=_minutes(tmp_path))
    assert result.exit_code == 0, result.output
    answer = desk.answer()
    models = [one["model"] for one in answer["var"]]
    assert models == ["filtered", "historical", "monte carlo"]
    rows = answer["backtest"]
    assert [(one["model"], one["level"]) for one in rows] == [
        ("filtered", 0.95), ("historical", 0.95), ("filtered", 0.99), ("historical", 0.99),
    ]  # fmt: skip
    for one in rows:
        assert one["seen"] == pytest.approx(one["expected"], abs=3.5 * one["expected"] ** 0.5 + 1.0)
    assert answer["reverse_stress"]["found"]
    assert answer["hedge"]["deviation_after"] < answer["hedge"]["deviation_before"]
    assert "backtest of" in result.output


def test_margin_of_a_case_has_the_keys_that_scripts_read(tmp_path: Path) -> None:
    case = {
        "portfolio": {
            "positions": [
                {"venue": "deribit", "instrument": "BTC-PERPETUAL", "quantity": 63_000, "unit": "quote"},
                {"venue": "deribit", "instrument": "BTC", "quantity": 2, "unit": "cash"},
            ]
        },
        "market": MARKET,
    }
    path = tmp_path / "case.json"
    path.write_text(json.dumps(case))
    words = ["margin", "--model", "deribit-sm", str(path)]
    told = msgspec.json.decode(CliRunner().invoke(risk, [*words, "--json"]).stdout)
    assert {"im", "mm", "scenarios"} <= set(told)
    assert told["im"] > told["mm"] > 0.0
    shown = CliRunner().invoke(risk, words).stdout
    assert f"{told['im']:,.2f}" in shown


def test_margin_by_derives_own_cases_has_scenarios(shared_data: Path) -> None:
    case = sorted((shared_data / "margin" / "derive_pmrm2").rglob("*.json"))[0]
    result = CliRunner().invoke(risk, ["margin", "--model", "derive-pmrm2", str(case), "--json"])
    assert result.exit_code == 0, result.output
    told = msgspec.json.decode(result.stdout)
    assert {"im", "mm", "scenarios"} <= set(told)
    assert told["scenarios"]


def test_margin_of_an_unknown_model_or_a_broken_case_is_one_line(tmp_path: Path) -> None:
    case = tmp_path / "case.json"
    case.write_text("{")
    _refused(CliRunner().invoke(risk, ["margin", "--model", "derive-pmrm2", str(case)]), "case.unreadable")
    _refused(CliRunner().invoke(risk, ["margin", "--model", "nobody", str(case)]), "margin.unknown_model")


def test_surfaces_of_a_snapshot_as_json_and_on_the_screen(shared_data: Path) -> None:
    path = str(shared_data / "deribit_chain" / "deribit_options_snapshot_20260205T212937Z.csv.gz")
    told = msgspec.json.decode(CliRunner().invoke(risk, ["surface", path, "--json"]).stdout)
    assert set(told["assets"]) == {"BTC", "ETH"}
    first = told["assets"]["BTC"]["expiries"][0]
    assert {"expiry", "forward", "svi", "atm_volatility", "skew_25", "fit"} <= set(first)
    shown = CliRunner().invoke(risk, ["surface", path])
    assert shown.exit_code == 0, shown.output
    assert first["expiry"][:10] in shown.output
    assert "…" not in shown.output


def test_a_real_chain_prices_a_desk_and_a_stale_option_is_left_out(shared_data: Path, desk: Desk) -> None:
    chain = shared_data / "deribit_chain" / "deribit_options_snapshot_20260205T212937Z.csv.gz"
    result = desk.run(SHORT_PUT, COINS, market=chain)
    assert result.exit_code == 0
    assert "partial" not in result.output
    answer = desk.answer()
    assert answer["surfaces"]["BTC"]["expiries"] >= 10
    assert answer["exposure_profiles"][0]["ene"][-1] > 0.0  # a short option is owed for
    assert {one["code"] for one in answer["missing"]} >= {"covariance.assumed"}
    expired = desk.run("deribit,main,BTC-30JAN26-60000-P,-3,base,", COINS, market=chain)
    assert "[contract.expired]" in expired.output
    _line_of(expired, "all (partial)")
