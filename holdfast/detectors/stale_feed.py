"""Stale feed: nothing arrives although something usually does.

Sees: seconds since the last row, against eight times the 95 % quantile of the instrument's own silences (10 s at least).
Fails: until some silences have been seen, and on sources that stop by design (a session's end). Cost: 20 ns an instrument.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings


class StaleFeed(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "stale_feed"
    about = "trust"
    evidence = ("silence_s", "usual_max_s")
    severities = (2.0, 6.0, 30.0)
    clear_after_s = 30.0

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        return f"no data for {finding['value']:.0f} s (usual limit {finding['threshold']:.0f} s)"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        f = features[i]
        findings[i].value = f.silence_s
        findings[i].threshold = f.silence_max_s
        findings[i].ratio = f.silence_s / f.silence_max_s
        findings[i].evidence[0] = f.silence_s
        findings[i].evidence[1] = f.silence_max_s
