"""Surfaces of real Deribit chains: calm, crash and torn; between bid and ask, and free of arbitrage."""

from pathlib import Path

import numpy as np
import pytest

from holdfast.app.risk.surface_file import snapshots
from tests.evidence.surface_table import Tally, every_snapshot

LOOSE = ("20251230T173115Z", "20260205T042952Z", "20260205T212937Z", "20260206T043012Z", "20260610T123339Z")


def check(tally: Tally) -> None:
    """Hold what was seen to what is promised, and print it."""
    print("\n" + tally.table())
    spreads = np.concatenate(tally.spreads)
    assert np.mean(spreads <= 1.0) >= 0.95
    assert np.median(spreads) < 0.3
    for name, asset, fit, _ in tally.chains:
        arbitrages = [flag for flag in fit.surface.flags if not flag.startswith("absent")]
        assert not arbitrages, (name, asset)
        assert len(fit.missing) == len(fit.surface.flags)
        assert fit.quality.inside_share > 0.8, (name, asset)
        assert fit.quality.median_error_spreads < 0.6, (name, asset)
    # the venue's delta is Black's by the forward, the premium not taken off; its vega is dollars a point
    assert np.quantile(np.abs(np.concatenate(tally.deltas)), 0.99) < 0.02
    assert np.quantile(np.abs(np.concatenate(tally.vegas)), 0.99) < 2.0


def test_calm_crash_and_torn_chains_lie_between_bid_and_ask_without_arbitrage(shared_data: Path) -> None:
    tally = Tally()
    for name in LOOSE:
        for snapshot in snapshots(shared_data / f"deribit_chain/deribit_options_snapshot_{name}.csv.gz"):
            tally.take(snapshot)
    assert len(tally.chains) == 2 * len(LOOSE)
    check(tally)


@pytest.mark.long
def test_every_snapshot_lies_between_bid_and_ask_without_arbitrage(shared_data: Path) -> None:
    tally = Tally()
    for snapshot in every_snapshot(shared_data / "deribit_chain"):
        tally.take(snapshot)
    assert len(tally.chains) == 2 * 144
    check(tally)
