"""Surfaces of every Deribit chain snapshot, as tables: `python -m tests.evidence.surface_table [EVERY]`."""

import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from holdfast.app.risk.surface_file import Snapshot, snapshots
from holdfast.risk.pricing.black76 import DELTA, PRICE, VEGA, black76_greeks
from holdfast.risk.surface.chain import ChainFit, fit_surface

ARCHIVE = "snapshots_full_20260124_20260228.tar.xz"
BUCKETS_DAYS = (0.0, 0.3, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 400.0)
LOOSE_ONLY = ("20251230T173115Z", "20260610T123339Z")  # the other loose ones are in the archive too


def every_snapshot(folder: Path, step: int = 1) -> Iterator[Snapshot]:
    """Yield the snapshots of the archive, each `step`th of them, and the two that are only loose."""
    for number, snapshot in enumerate(snapshots(folder / ARCHIVE)):
        if number % step == 0 or "20260205T" in snapshot.name:
            yield snapshot
    for name in LOOSE_ONLY:
        yield from snapshots(folder / f"deribit_options_snapshot_{name}.csv.gz")


class Tally:
    """What was seen of all quotes: days to expiry and error in half-spreads; chains; greeks beside the venue's."""

    def __init__(self) -> None:
        self.days: list[np.ndarray] = []
        self.spreads: list[np.ndarray] = []
        self.vols: list[np.ndarray] = []
        self.chains: list[tuple[str, str, ChainFit, float]] = []
        self.deltas: list[np.ndarray] = []
        self.coin_deltas: list[np.ndarray] = []
        self.vegas: list[np.ndarray] = []

    def take(self, snapshot: Snapshot) -> None:
        """Fit the chains of one snapshot."""
        for asset, chain in snapshot.chains.items():
            begun = time.perf_counter()
            fit = fit_surface(chain)
            took_s = time.perf_counter() - begun
            self.chains.append((snapshot.name, asset, fit, took_s))
            used = np.isfinite(fit.error_spreads)
            years = (chain.expiry_ns - chain.time_ns) / (365 * 86_400e9)
            self.days.append(365.0 * years[used])
            self.spreads.append(np.abs(fit.error_spreads[used]))
            self.vols.append(np.abs(fit.error_vols[used]))
            venue = snapshot.venue[asset]
            known = (years > 1 / 365) & (venue["volatility"] > 0) & np.isfinite(chain.forward)
            one, sign = np.ones(int(known.sum())), np.where(chain.is_call[known], 1.0, -1.0)
            greeks, _ = black76_greeks(
                chain.forward[known], chain.strike[known], years[known], venue["volatility"][known], sign, one
            )
            self.deltas.append(greeks[DELTA] - venue["delta"][known])
            self.coin_deltas.append(
                greeks[DELTA] - greeks[PRICE] / chain.forward[known] - venue["delta"][known]
            )
            self.vegas.append(greeks[VEGA] / 100.0 - venue["vega"][known])

    def table(self) -> str:
        """Return everything as text."""
        days, spreads, vols = (np.concatenate(part) for part in (self.days, self.spreads, self.vols))
        lines = [f"{'days to expiry':>16} {'quotes':>8} {'inside':>8} {'median':>8} {'95 %':>8} {'vols':>8}"]
        for low, high in pairwise(BUCKETS_DAYS):
            of = (days >= low) & (days < high)
            if of.any():
                lines.append(_row(f"{low:g} to {high:g}", spreads[of], vols[of]))
        lines.append(_row("all", spreads, vols))
        chains = [fit.quality for _, _, fit, _ in self.chains]
        flagged = [fit.surface.flags for _, _, fit, _ in self.chains if fit.surface.flags]
        absent = sum(flag.startswith("absent") for flags in flagged for flag in flags)
        took_ms = 1e3 * np.array([took_s for *_, took_s in self.chains])
        lines += [
            f"chains {len(chains)}, expiries {sum(len(fit.expiries) for _, _, fit, _ in self.chains)}, "
            f"without a slice {absent}, arbitrage flags {sum(one.flags for one in chains)}",
            f"chains inside on 95 %: {np.mean([one.inside_share >= 0.95 for one in chains]):.1%}; median error "
            f"within half a spread: {np.mean([one.median_error_spreads <= 1.0 for one in chains]):.1%}",
            f"arbitrages between quotes: {sum(one.quoted_butterflies for one in chains)} butterflies, "
            f"{sum(one.quoted_calendars for one in chains)} calendars",
            f"a chain takes {np.median(took_ms):.1f} ms (median), {took_ms[1:].max():.1f} ms (most)",
        ]
        for name, part in (
            ("delta", self.deltas),
            ("delta less premium", self.coin_deltas),
            ("vega", self.vegas),
        ):
            size = np.abs(np.concatenate(part))
            lines.append(
                f"{name} against the venue's: median {np.median(size):.2g}, 99 % {np.quantile(size, 0.99):.2g}, "
                f"most {size.max():.2g}"
            )
        worst = sorted(self.chains, key=lambda one: one[2].quality.inside_share)[:5]
        for name, asset, fit, _ in worst:
            quality = fit.quality
            lines.append(f"worst: {name[-20:]} {asset} inside {quality.inside_share:.3f} of {quality.used}")
        return "\n".join(lines)


def _row(name: str, spreads: np.ndarray, vols: np.ndarray) -> str:
    return (
        f"{name:>16} {len(spreads):8d} {np.mean(spreads <= 1.0):8.3f} {np.median(spreads):8.3f} "
        f"{np.quantile(spreads, 0.95):8.3f} {np.median(vols):8.4f}"
    )


if __name__ == "__main__":
    tally = Tally()
    root = Path(__file__).resolve().parents[3] / "shared" / "data" / "deribit_chain"
    for one in every_snapshot(root, int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        tally.take(one)
    print(tally.table())
