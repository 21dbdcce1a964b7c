"""What the chain detectors say of real recordings: Deribit through February 2026, OKX through 2025-10-10."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain as chained
from pathlib import Path

import numpy as np
import pytest

from tests.market.chain_files import Recording, deribit_steps, okx_steps
from tests.market.chain_panel import ChainWatch, Raised

SERIES = "snapshots_full_20260124_20260228.tar.xz"
THIN = "deribit_options_snapshot_20260610T123339Z.csv.gz"
Between = Callable[[str, str, str], list[Raised]]


def _moment_ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def _between(alerts: list[Raised]) -> Between:
    def select(detector: str, start: str, end: str) -> list[Raised]:
        first, last = _moment_ns(start), _moment_ns(end)
        return [a for a in alerts if a.detector == detector and first <= a.time_ns < last]

    return select


@pytest.fixture(scope="module")
def deribit(shared_data: Path) -> Between:
    """Return the alerts of the whole series with the thin snapshot of June after it."""
    folder = shared_data / "deribit_chain"
    steps = chained(deribit_steps(folder / SERIES), deribit_steps(folder / THIN))
    return _between(list(ChainWatch().alerts(Recording(), steps)))


@pytest.fixture(scope="module")
def okx(shared_data: Path) -> Between:
    """Return the alerts of a call and a put of one strike through the crash."""
    steps = okx_steps(sorted((shared_data / "cascade_2025-10-10" / "okx_options").glob("*.csv.gz")))
    return _between(list(ChainWatch().alerts(Recording(), steps)))


@pytest.mark.parametrize("underlying", ["BTC", "ETH"])
def test_the_crash_of_february_is_a_surface_shock(deribit: Between, underlying: str) -> None:
    found = deribit("surface_shock", "2026-02-05", "2026-02-06")
    ranks = [alert.rank for alert in found if alert.chain == f"deribit:{underlying}"]
    assert max(ranks) >= 3


@pytest.mark.parametrize(("start", "end"), [("2026-01-24", "2026-01-29"), ("2026-02-07", "2026-02-28")])
def test_calm_days_have_no_surface_shock(deribit: Between, start: str, end: str) -> None:
    assert not deribit("surface_shock", start, end)


def test_in_a_good_series_parity_and_quality_hold_and_nobody_is_said_to_withdraw(deribit: Between) -> None:
    for detector in ("chain_quality", "parity_break", "quotes_withdrawn"):
        assert not deribit(detector, "2026-01-01", "2026-03-01")


def test_the_thin_snapshot_is_not_trusted_at_the_end_of_the_series(deribit: Between) -> None:
    found = deribit("chain_quality", "2026-06-10", "2026-06-11")
    assert {alert.chain for alert in found} == {"deribit:BTC", "deribit:ETH"}
    assert not deribit("surface_shock", "2026-03-01", "2026-07-01")


def test_snapshots_alone_are_judged_for_quality(shared_data: Path) -> None:
    for path in sorted((shared_data / "deribit_chain").glob("deribit_options_snapshot_*.csv.gz")):
        alerts = list(ChainWatch().alerts(Recording(), deribit_steps(path)))
        expected = ["chain_quality", "chain_quality"] if path.name == THIN else []
        assert [alert.detector for alert in alerts] == expected, path.name


def test_the_crash_is_seen_between_four_snapshots_alone(shared_data: Path) -> None:
    paths = sorted((shared_data / "deribit_chain").glob("deribit_options_snapshot_202[56]*.csv.gz"))
    steps = chained.from_iterable(deribit_steps(path) for path in paths if path.name != THIN)
    alerts = list(ChainWatch().alerts(Recording(), steps))
    assert {(a.detector, a.chain) for a in alerts} == {
        ("surface_shock", "deribit:BTC"),
        ("surface_shock", "deribit:ETH"),
    }
    crash, next_day = _moment_ns("2026-02-05T21:00:00"), _moment_ns("2026-02-06")
    assert all(crash < alert.time_ns < next_day for alert in alerts)


def test_the_surface_of_a_calm_day_is_the_known_one(shared_data: Path) -> None:
    recording = Recording()
    path = shared_data / "deribit_chain" / "deribit_options_snapshot_20251230T173115Z.csv.gz"
    assert len(list(recording.play(deribit_steps(path)))) == 1
    looks = {str(c.scope): look for c, look in zip(recording.chains.all, recording.chains.looks, strict=True)}
    bitcoin = looks["deribit:BTC"]
    assert bitcoin["options"] == 630
    assert bitcoin["volatility_7d"] < bitcoin["volatility_30d"] < bitcoin["volatility_90d"]
    assert 0.39 < bitcoin["volatility_30d"] < 0.41
    assert 0.03 < bitcoin["skew_30d"] < 0.045
    assert bitcoin["both_share"] == 1.0
    assert bitcoin["parity"] < 0.1


def test_marks_of_a_snapshot_have_the_volatility_that_the_smile_reads(shared_data: Path) -> None:
    recording = Recording()
    path = shared_data / "deribit_chain" / "deribit_options_snapshot_20260209T045250Z.csv.gz"
    list(recording.play(deribit_steps(path)))
    chain = next(c for c in recording.chains.all if str(c.scope) == "deribit:BTC")
    for row in chain.expiries[chain.expiries["years"] > 5 / 365]:
        here = chain.options[chain.options["expiry_ns"] == row["expiry_ns"]]
        near = here[np.argmin(abs(here["strike"] - row["forward"]))]
        assert row["volatility"] == pytest.approx(recording.board["mark_vol"][near["instrument"]], rel=0.03)


def test_parity_breaks_in_the_crash_of_october_and_in_no_quiet_hour(okx: Between) -> None:
    assert not okx("parity_break", "2025-10-10", "2025-10-10T21:00:00")
    found = okx("parity_break", "2025-10-10T21:00:00", "2025-10-10T21:30:00")
    assert max(alert.rank for alert in found) == 4


def test_quotes_are_withdrawn_with_and_after_the_break_and_in_no_quiet_hour(okx: Between) -> None:
    assert not okx("quotes_withdrawn", "2025-10-10", "2025-10-10T20:45:00")
    broken = okx("parity_break", "2025-10-10T21:00:00", "2025-10-10T21:30:00")[0]
    after = okx("quotes_withdrawn", "2025-10-10T21:00:00", "2025-10-11")
    assert any(alert.time_ns > broken.time_ns for alert in after)
    assert max(alert.rank for alert in after) == 4


def test_a_pair_alone_is_never_called_bad_data(okx: Between) -> None:
    assert not okx("chain_quality", "2025-10-10", "2025-10-11")
    assert not okx("surface_shock", "2025-10-10", "2025-10-11")
