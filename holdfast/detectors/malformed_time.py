"""Malformed time: a message whose time field cannot be read.

Sees: TIME_BAD rows. One is an alert: a source that writes times wrongly once may have written other fields wrongly too.
Fails: when a time is well formed but wrong (see clock_skew and latency). Cost: 20 ns an instrument.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings


class MalformedTime(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "malformed_time"
    about = "trust"
    evidence = ("messages",)
    severities = (10.0, 100.0, 1000.0)

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        return f"{finding['value']:.0f} message(s) with a time that cannot be read"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        bad = features[i].times_bad
        findings[i].value = bad
        findings[i].threshold = 1.0
        findings[i].ratio = bad
        findings[i].evidence[0] = bad
