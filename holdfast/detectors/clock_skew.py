"""Clock skew: the recorder's clock and the venue's disagree by more than a network explains.

Sees: the smallest receive-minus-exchange time so far. Below -50 ms a message arrived before it was sent; above 2 s at its
very best the clock, not the network, is late.
Fails: cannot see a recorder that runs ahead by less than 2 s. Cost: 20 ns an instrument.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings

BEHIND_MAX_S = 0.05
AHEAD_MAX_S = 2.0


class ClockSkew(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "clock_skew"
    about = "trust"
    evidence = ("skew_s",)
    severities = (100.0, 1000.0, 10000.0)

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        return f"the clocks disagree by {finding['value']:.3f} s (receive minus exchange, at best)"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        skew_s = features[i].skew_s
        threshold = -BEHIND_MAX_S if skew_s < 0.0 else AHEAD_MAX_S
        findings[i].value = skew_s
        findings[i].threshold = threshold
        findings[i].ratio = skew_s / threshold
        findings[i].evidence[0] = skew_s
