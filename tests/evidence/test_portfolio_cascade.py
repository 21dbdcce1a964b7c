"""A desk through 2025-10-10: margin distance falls, the chance of a call rises before the call, the rules see it.

Short options of strike 80,000 on OKX, long AAVE and ATOM perpetuals on Binance COIN-M, coins as margin. Recordings are cut
to the hours from 16:30 to 21:24; the whole day is in the long suite.
"""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.app.replay import replay
from holdfast.clock import parse_time_ns
from holdfast.settings import KeySettings, Settings

HOURS = ("2025-10-10T16:30:00Z", "2025-10-10T21:24:00Z")
DESK = """venue,account,instrument,quantity,unit
okx,main,BTC-USD-251031-80000-C,-50,base
okx,main,BTC-USD-251031-80000-P,-50,base
okx,main,BTC,30,cash
binance-coinm,main,AAVEUSD_PERP,2000000,quote
binance-coinm,main,ATOMUSD_PERP,1000000,quote
binance-coinm,main,AAVE,4000,cash
binance-coinm,main,ATOM,150000,cash
"""
COINM = "binance-coinm"


def files(shared_data: Path) -> list[Path]:
    folder = shared_data / "cascade_2025-10-10"
    perpetuals = [
        path for name in ("AAVE", "ATOM") for path in sorted((folder / "coinm_trades").glob(f"*{name}*"))
    ]
    return [*sorted((folder / "okx_options").glob("*.csv.gz")), *perpetuals]


def cut(paths: list[Path], out: Path) -> list[Path]:
    """Write the lines of some hours of Tardis files, by their local time, into a folder of our own."""
    first, last = (parse_time_ns(text) // 1_000 for text in HOURS)
    kept: list[Path] = []
    for path in paths:
        with gzip.open(path, "rt") as source:
            head = next(source)
            column = head.rstrip("\n").split(",").index("local_timestamp")
            lines = [line for line in source if first <= int(line.split(",", column + 1)[column]) < last]
        kept.append(out / path.name.removesuffix(".gz"))
        kept[-1].write_text(head + "".join(lines))
    return kept


def settings(folder: Path) -> Settings:
    return Settings(key=KeySettings(path=str(folder / "key")))


class Run:
    """One replay with the desk, and what its files say."""

    def __init__(self, paths: list[Path], folder: Path) -> None:
        desk = folder / "desk.csv"
        desk.write_text(DESK)
        self.paths, self.out, self.settings = paths, folder / "out", settings(folder)
        self.summary = replay(paths, self.out, self.settings, portfolio_path=desk)
        self.measured: list[dict[str, Any]] = lines(self.out / "risk.jsonl")
        self.decisions: list[dict[str, Any]] = lines(self.out / "decisions.jsonl")

    def of(self, venue: str, field: str) -> list[tuple[int, float]]:
        return [
            (one["time_ns"], one["values"][field])
            for one in self.measured
            if one["scope"]["venue"] == venue and field in one["values"]
        ]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def run(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("october")
    return Run(cut(files(shared_data), folder), folder)


def called_ns(run: Run) -> int:
    """Return when the account's equity first was below its maintenance margin."""
    return next(time_ns for time_ns, ratio in run.of(COINM, "margin_ratio") if ratio >= 1.0)


def before(series: list[tuple[int, float]], time_ns: int) -> float:
    return [value for at, value in series if at <= time_ns][-1]


def test_the_margin_distance_falls_to_nothing_between_2112_and_2120(run: Run) -> None:
    distance = run.of(COINM, "margin_distance")
    assert all(value > 0.7 for at, value in distance if at < parse_time_ns("2025-10-10T21:10:00Z"))
    assert parse_time_ns("2025-10-10T21:14:00Z") < called_ns(run) < parse_time_ns("2025-10-10T21:20:00Z")
    assert before(distance, called_ns(run)) <= 0.0


def test_a_call_grows_likely_minutes_before_it_comes(run: Run) -> None:
    hour = run.of(COINM, "call_probability_1h")
    calm = [value for at, value in hour if at < parse_time_ns("2025-10-10T20:45:00Z")]
    assert max(calm) < 0.01
    likely = next(at for at, value in hour if value >= 0.2)
    assert called_ns(run) - likely >= 90 * 10**9
    day = run.of(COINM, "call_probability_24h")
    assert before(day, parse_time_ns("2025-10-10T21:00:00Z")) > 0.15


def test_the_rules_see_it_before_the_call(run: Run) -> None:
    decided = [one for one in run.decisions if one["rule_title"] == "Margin call is likely within the hour"]
    assert decided[0]["scope"]["venue"] == COINM
    assert decided[0]["action"] == "reduce"
    assert decided[0]["time_ns"] < called_ns(run) - 60 * 10**9
    assert not any(one["time_ns"] < parse_time_ns("2025-10-10T20:45:00Z") for one in decided)


def test_profit_greeks_shortfall_and_unwinding_are_carried_along(run: Run) -> None:
    last = run.summary["portfolio"]["measured"]
    assert last["desk"]["values"]["profit"] < -500_000.0
    assert last["okx"]["values"]["profit"] > 0.0  # short calls gain from the fall
    assert last["okx"]["values"]["vega_1pt"] < 0.0 < last["okx"]["values"]["theta_1d"]
    unwinding = dict(run.of(COINM, "unwind_cost"))
    assert max(unwinding.values()) > 3.0 * min(unwinding.values())
    shortfall = [value for _, value in run.of("", "expected_shortfall_1d")]
    assert max(shortfall) > 3.0 * shortfall[0]


def test_the_report_shows_it_in_one_picture(run: Run) -> None:
    page = (run.out / "report.html").read_text()
    card = page[page.index('id="portfolio"') :]
    for title in ("profit and loss", "margin distance", "probability of a margin call", "expected shortfall"):
        assert title in card
    assert "Margin call is likely within the hour" in card


def test_a_replay_on_the_recorded_measurements_decides_the_same_and_computes_nothing(
    run: Run, tmp_path: Path
) -> None:
    again = replay(run.paths, tmp_path / "again", run.settings, measured_from=run.out / "ledger")
    assert again["digest"] == run.summary["digest"]
    assert (tmp_path / "again" / "decisions.jsonl").read_bytes() == (run.out / "decisions.jsonl").read_bytes()


def test_without_the_portfolio_nothing_of_it_is_known(run: Run, tmp_path: Path) -> None:
    bare = replay(run.paths[:1], tmp_path / "bare", run.settings)
    assert "portfolio" not in bare
    assert not (tmp_path / "bare" / "risk.jsonl").exists()


@pytest.mark.long
def test_the_whole_day_gives_the_same_call(shared_data: Path, tmp_path: Path) -> None:
    whole = Run(files(shared_data), tmp_path)
    hour = whole.of(COINM, "call_probability_1h")
    assert all(value < 0.05 for at, value in hour if at < parse_time_ns("2025-10-10T20:45:00Z"))
    assert parse_time_ns("2025-10-10T21:14:00Z") < called_ns(whole) < parse_time_ns("2025-10-10T21:20:00Z")
