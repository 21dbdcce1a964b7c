"""2025-10-10, the largest liquidation cascade on record, by trades alone and by what else was recorded of it."""

from pathlib import Path

import numpy as np
import pytest

from holdfast.app.recording.reader import Recording
from holdfast.clock import parse_time_ns
from holdfast.instrument import Instruments
from tests.evidence.runs import Run

DAY = "2025-10-10T"
COINS = ("AAVE", "ATOM", "TRX")


def trades(shared_data: Path, coin: str) -> Path:
    folder = shared_data / "cascade_2025-10-10/coinm_trades"
    return folder / f"binance-delivery_trades_2025-10-10_{coin}USD_PERP.csv.gz"


@pytest.fixture(scope="module")
def together(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run([trades(shared_data, coin) for coin in COINS], tmp_path_factory.mktemp("cascade") / "out")


@pytest.fixture(scope="module", params=COINS)
def alone(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Run]:
    return request.param, Run(
        [trades(shared_data, request.param)], tmp_path_factory.mktemp(request.param) / "out"
    )


def prices_after_2045(path: Path) -> tuple[np.ndarray, np.ndarray]:
    instruments = Instruments()
    rows = np.concatenate(list(Recording([path], instruments).batches()))
    late = rows["received_ns"] >= parse_time_ns(DAY + "20:45:00")
    first = max(int(np.argmax(late)) - 1, 0)
    return rows["received_ns"][first:], rows["price"][first:].astype(float)


def check(run: Run, coin: str, path: Path) -> None:
    symbol = f"{coin}USD_PERP"
    reduced = run.first_at("reduce", symbol)
    assert reduced >= parse_time_ns(DAY + "20:45:00"), "reduced before there was a reason"
    if coin != "TRX":
        assert run.first_at("restrict", symbol, DAY + "20:45:00") <= parse_time_ns(DAY + "21:00:00")
    times, prices = prices_after_2045(path)
    before, low = prices[0], prices.min()
    at_reduce = prices[np.searchsorted(times, reduced, side="right") - 1]
    assert (at_reduce - low) / (before - low) >= 0.75, "most of the fall was already over"
    assert run.first_at("halt", symbol) <= parse_time_ns(DAY + "21:18:00")


def test_the_summary_names_the_highest_level_reached(together: Run) -> None:
    assert together.summary["highest_level"] == "halt"


@pytest.mark.parametrize("coin", COINS)
def test_the_cascade_is_met_in_time_with_all_three_coins(shared_data: Path, together: Run, coin: str) -> None:
    check(together, coin, trades(shared_data, coin))


def test_the_cascade_is_met_in_time_by_one_coin_alone(shared_data: Path, alone: tuple[str, Run]) -> None:
    coin, run = alone
    check(run, coin, trades(shared_data, coin))


def test_a_frozen_side_is_noticed_and_never_mistaken_for_evaporation(
    shared_data: Path, tmp_path: Path
) -> None:
    run = Run([shared_data / "cascade_2025-10-10/BTCUSDT-bookDepth-2025-10-10.csv.gz"], tmp_path / "out")
    assert run.named("frozen_side", DAY + "15:30:42", DAY + "16:00:42")
    assert not run.named("frozen_side", before=DAY + "15:30:42")
    assert not run.named("liquidity_evaporation", after=DAY + "15:30:42")
    assert [bad["code"] for bad in run.quarantined] == ["time.malformed"]
    assert run.named("malformed_time", DAY + "21:34:00", DAY + "21:36:00")


def test_late_trades_are_told_and_set_no_price(shared_data: Path, tmp_path: Path) -> None:
    run = Run(
        [shared_data / "cascade_2025-10-10/spot_trades/gemini_trades_2025-10-10_BTCUSD.csv.gz"],
        tmp_path / "out",
    )
    assert run.named("latency", DAY + "15:00:00")
    assert run.named("stale_feed", DAY + "20:45:00")


def test_a_perp_that_leaves_its_spot_is_dislocated(shared_data: Path, tmp_path: Path) -> None:
    spot = shared_data / "cascade_2025-10-10/spot_trades/coinbase_trades_2025-10-10_ATOM-USD.csv.gz"
    run = Run([trades(shared_data, "ATOM"), spot], tmp_path / "out")
    found = run.named("dislocation", DAY + "20:45:00", DAY + "21:18:00")
    assert any(a["severity"] in ("high", "critical") for a in found)
    assert {a["scope"]["instrument"] for a in found} == {"ATOMUSD_PERP"}
    early = run.named("dislocation", before=DAY + "20:45:00")
    assert all(a["severity"] == "low" for a in early)


def test_a_falling_month_reduces_now_and_then_and_never_halts(shared_data: Path, tmp_path: Path) -> None:
    run = Run([shared_data / "klines/btc-perp-20211231-20220201_1m.csv.gz"], tmp_path / "out")
    assert run.summary["highest_level"] == "reduce"
    assert (
        len(
            [
                move
                for move in run.summary["levels"]
                if move["to"] == "reduce" and move["scope"].get("instrument")
            ]
        )
        < 10
    )
