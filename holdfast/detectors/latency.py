"""Latency: messages arrive later than they used to.

Sees: the largest receive-minus-exchange time of the second, beyond the clocks' skew, against five times the 90 % quantile of
its own past, and never below one second: what a desk that hedges by hand or by seconds begins to feel.
Fails: when the recorder's clock jumps (see clock_skew). Rows older than 10 s set no price at all (see market/fold).
Cost: 20 ns an instrument.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings

LATENCY_FLOOR_S = 1.0
LATENCY_USUAL_MAX_S = 2.0  # a feed that is always late does not make lateness usual


class Latency(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "latency"
    about = "trust"
    evidence = ("latency_s", "usual_s", "skew_s")
    severities = (3.0, 10.0, 30.0)
    clear_after_s = 120.0

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        return f"messages arrive {finding['value']:.1f} s late (limit {finding['threshold']:.1f} s)"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        f = features[i]
        threshold = LATENCY_FLOOR_S
        if f.latency_usual_s > 0.0:
            threshold = max(LATENCY_FLOOR_S, 5.0 * min(f.latency_usual_s, LATENCY_USUAL_MAX_S))
        late = f.latency_s if f.active else np.nan
        findings[i].value = late
        findings[i].threshold = threshold
        findings[i].ratio = late / threshold
        findings[i].evidence[0] = late
        findings[i].evidence[1] = f.latency_usual_s
        findings[i].evidence[2] = f.skew_s
