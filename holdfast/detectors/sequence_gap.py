"""Sequence gap: the venue's own numbering or checksum says that book changes were lost.

Sees: a BOOK_GAP row from the codec; the book is stale until a fresh snapshot. The value is how long, in seconds.
Fails: on venues that number nothing (their losses show as crossed or frozen books instead).
Cost: 20 ns an instrument. Source: each venue's rule, cited in its feed.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings


class SequenceGap(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "sequence_gap"
    about = "trust"
    evidence = ("gap_seconds", "reason")
    severities = (1.5, 4.0, 16.0)
    clear_after_s = 5.0

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        return f"book changes were lost; the book has not been served for {finding['value']:.1f} s"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        f = features[i]
        gap_s = f.gap_s
        findings[i].value = gap_s
        findings[i].threshold = 0.0
        # A stale book is at once an alert (ratio 1), worse after 10 s, bad after a minute, critical after five.
        findings[i].ratio = 0.0 if gap_s <= 0.0 else 1.0 + gap_s / 20.0
        findings[i].evidence[0] = gap_s
        findings[i].evidence[1] = f.gap_reason
