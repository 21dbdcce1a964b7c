"""Frozen side: one side of a book or of its depth bands no longer follows the market (a ghost).

Sees: for books, a touch that stood still although its own past rate and the other side's work say it should have moved at
least twenty times; for depth bands, bids near the mid that are dearer on average than the asks near it, look after look.
Fails: when both sides freeze (see stale_feed), and for a market maker who really quotes one price for minutes.
Cost: 20 ns an instrument.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings


class FrozenSide(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "frozen_side"
    about = "trust"
    evidence = ("side", "strength")
    severities = (2.0, 4.0, 8.0)
    clear_after_s = 120.0

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        side = "bid" if finding["evidence"][0] > 0 else "ask"
        return f"the {side} side stands still while the market moves ({finding['value']:.1f} times the evidence needed)"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        f = features[i]
        findings[i].value = f.frozen
        findings[i].threshold = 1.0
        findings[i].ratio = f.frozen
        findings[i].evidence[0] = f.frozen_side
        findings[i].evidence[1] = f.frozen
