"""Pegs that broke here or everywhere, and option chains calm, shocked, torn and half empty."""

from pathlib import Path

import pytest

from tests.evidence.runs import Run, day_of

DAY = "2025-10-10T"


def test_usde_is_venue_local_when_the_pool_is_seen_too(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "depeg/usde_2025-10"
    run = Run([folder / "usde_minute_binance.parquet", folder / "uniswap_usde.parquet"], tmp_path / "out")
    found = run.named("depeg")
    assert found
    assert {a["evidence"]["kind"] for a in found} == {"venue-local"}
    assert {a["scope"]["venue"] for a in found} == {"binance-spot"}
    assert all(a in run.named("depeg", DAY + "21:00:00", "2025-10-11T03:00:00") for a in found)


def test_usdc_is_broad(shared_data: Path, tmp_path: Path) -> None:
    run = Run(sorted((shared_data / "depeg/usdc_2023-03").glob("*.parquet")), tmp_path / "out")
    usdc = [a for a in run.named("depeg") if a["evidence"].get("coin") == "USDC"]
    assert any(a["evidence"]["kind"] == "broad" and a["severity"] in ("high", "critical") for a in usdc)
    assert all("2023-03-10" < day_of(a) < "2023-03-15" for a in usdc)


def test_parity_breaks_in_the_crash_and_quotes_are_withdrawn(shared_data: Path, tmp_path: Path) -> None:
    run = Run(sorted((shared_data / "cascade_2025-10-10/okx_options").glob("*.csv.gz")), tmp_path / "out")
    broken = run.named("parity_break", DAY + "21:00:00", DAY + "21:30:00")
    assert broken
    assert [a for a in run.named("quotes_withdrawn") if a["time_ns"] > broken[0]["time_ns"]]
    for detector in ("parity_break", "quotes_withdrawn"):
        assert not run.named(detector, before=DAY + "14:00:00")


@pytest.fixture(scope="module")
def deribit(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    archive = shared_data / "deribit_chain/snapshots_full_20260124_20260228.tar.xz"
    return Run([archive], tmp_path_factory.mktemp("deribit") / "out")


def test_the_surface_is_shocked_on_the_day_of_the_crash_and_calm_on_calm_days(deribit: Run) -> None:
    shocks = [(day_of(a), a["scope"]["instrument"]) for a in deribit.named("surface_shock")]
    assert {("2026-02-05", "BTC"), ("2026-02-05", "ETH")} <= set(shocks)
    days = {day for day, _ in shocks}
    assert not days & {f"2026-01-{day}" for day in (24, 25, 26)}
    assert not days & {f"2026-02-{day}" for day in (18, 19, 20, 21, 22)}


def test_complete_chains_raise_no_quality_alert(deribit: Run) -> None:
    assert not deribit.named("chain_quality")


def test_a_chain_without_a_third_of_its_quotes_is_not_trusted(shared_data: Path, tmp_path: Path) -> None:
    run = Run(
        [shared_data / "deribit_chain/deribit_options_snapshot_20260610T123339Z.csv.gz"], tmp_path / "out"
    )
    assert {a["scope"]["instrument"] for a in run.named("chain_quality")} == {"BTC", "ETH"}
    assert not run.named("surface_shock")
