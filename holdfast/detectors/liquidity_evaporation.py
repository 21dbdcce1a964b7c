"""Liquidity evaporation: depth near the touch falls to what the own past hardly ever showed.

Sees: smoothed notional near the touch of the thinner side (10, 25 or 100 bps by the spread at start; or the nearest band a
source gives), against half of the 2 % quantile of its own past: rare and much thinner, not merely thin.
Fails: for hidden or pulled-and-replaced liquidity, and where the book is not known that deep (then it says nothing).
Cost: 20 ns an instrument.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings


class LiquidityEvaporation(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "liquidity_evaporation"
    about = "stress"
    evidence = ("depth_bid", "depth_ask", "rare_bid", "rare_ask", "band_bps")
    severities = (2.0, 4.0, 10.0)
    clear_after_s = 120.0

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        band = finding["evidence"][4]
        return f"only {finding['value']:.3g} of notional left within {band:.0f} bps (line {finding['threshold']:.3g})"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        f = features[i]
        bid = 0.5 * f.depth_rare_bid / max(f.depth_near_bid, 1e-9)
        ask = 0.5 * f.depth_rare_ask / max(f.depth_near_ask, 1e-9)
        findings[i].ratio = max(bid, ask)
        findings[i].value = f.depth_near_bid if bid >= ask else f.depth_near_ask
        findings[i].threshold = 0.5 * (f.depth_rare_bid if bid >= ask else f.depth_rare_ask)
        findings[i].evidence[0] = f.depth_near_bid
        findings[i].evidence[1] = f.depth_near_ask
        findings[i].evidence[2] = f.depth_rare_bid
        findings[i].evidence[3] = f.depth_rare_ask
        findings[i].evidence[4] = f.depth_near_bps
