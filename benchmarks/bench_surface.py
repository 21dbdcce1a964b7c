"""Surface: one SVI slice of 40 strikes fitted to bid and ask, and a whole chain.

Defends: a surface is fitted whenever the chain changes, so a slice with its checks against arbitrage must cost no more
than a message. QuantLib and scipy fit the same quotes without any check. In CPU seconds of one thread, best of the rounds.
"""

import gc
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import QuantLib as ql
from scipy.optimize import least_squares

from benchmarks.measure import SHARED_DATA, Bench
from holdfast.app.risk.surface_file import read_snapshot
from holdfast.risk.draws import generator
from holdfast.risk.surface.chain import fit_surface
from holdfast.risk.surface.svi import FREE_WINGS, fit_svi, pulls, slice_variances

STRIKES: Final = 40
ROUNDS: Final = 7
SLICES: Final = 50
SNAPSHOT: Final = SHARED_DATA / "deribit_chain/deribit_options_snapshot_20260209T045250Z.csv.gz"
TARGET_US: Final = 30.0


def measure(bench: Bench) -> None:
    """Measure slices made at random, then a recorded chain."""
    k = np.linspace(-0.6, 0.6, STRIKES)
    draw = generator(1)
    truths = [
        np.array([0.005 * x, 0.1 * x, r, m, 0.15])
        for x, r, m in zip(
            draw.uniform(0.5, 2, SLICES),
            draw.uniform(-0.5, 0.2, SLICES),
            draw.uniform(-0.05, 0.05, SLICES),
            strict=True,
        )
    ]
    mids = [slice_variances(k, truth) * np.exp(0.005 * draw.standard_normal(STRIKES)) for truth in truths]
    quotes = [pulls(0.98 * mid, mid, 1.02 * mid) for mid in mids]
    start = np.zeros(5)

    def ours() -> None:
        for target, up, down in quotes:
            fit_svi(k, target, up, down, STRIKES, FREE_WINGS, start)

    strikes = [float(x) for x in 100.0 * np.exp(k)]
    day = ql.Date(1, 1, 2026)
    ql.Settings.instance().evaluationDate = day

    def quantlib() -> None:
        for mid in mids:
            section = ql.SviInterpolatedSmileSection(
                day + 365, 100.0, strikes, False, float(np.sqrt(mid[20])), [float(x) for x in np.sqrt(mid)],
                0.01, 0.1, 0.2, 0.0, 0.0, False, False, False, False, False, False,
                ql.EndCriteria(400, 60, 1e-9, 1e-9, 1e-9),
                ql.LevenbergMarquardt(), ql.Actual365Fixed(),
            )  # fmt: skip
            section.volatility(100.0)

    def scipy() -> None:
        for mid in mids[:10]:
            least_squares(
                lambda p, mid=mid: (slice_variances(k, p) - mid) / (0.02 * mid), [0.01, 0.1, 0.0, 0.0, 0.2],
                loss="huber", x_scale="jac",
            )  # fmt: skip

    mine = 1e6 * _best(ours) / SLICES
    for name, body, count in (("QuantLib", quantlib, SLICES), ("scipy", scipy, 10)):
        theirs = 1e6 * _best(body) / count
        bench.add(
            "SVI slice, 40 strikes, with checks", mine, "us", theirs, f"{name}, no checks", theirs / mine,
            f"<= {TARGET_US:g} us", mine <= TARGET_US,
        )  # fmt: skip
    if SNAPSHOT.is_file():
        chain = read_snapshot(SNAPSHOT).chains["BTC"]
        took = _best(lambda: fit_surface(chain))
        expiries = len(fit_surface(chain).expiries)
        bench.add(f"chain, {len(chain.strike)} quotes, {expiries} expiries", 1e3 * took, "ms")


def _best(body: Callable[[], object]) -> float:
    """Return the least CPU seconds of a thread over the rounds."""
    body()
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        begun = time.thread_time()
        body()
        best = min(best, time.thread_time() - begun)
    return best
