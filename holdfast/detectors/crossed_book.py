"""Crossed book: the best bid is at or above the best ask, message after message.

Sees: a leaky count of messages after which the book (or the venue's ticker, where there is no book) was crossed or locked.
A single crossed message between two halves of one update is normal on some venues and does not count.
Fails: on call auctions, where books cross by design. Cost: 20 ns an instrument.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings
from holdfast.market.fold import CROSSED_MAX

MESSAGES_MAX = 4.0


class CrossedBook(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "crossed_book"
    about = "trust"
    evidence = ("crossed_messages",)
    clear_after_s = 10.0

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        return f"best bid at or above best ask after {finding['value']:.0f} recent messages (limit {MESSAGES_MAX:.0f})"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        crossed = features[i].crossed * CROSSED_MAX
        findings[i].value = crossed
        findings[i].threshold = MESSAGES_MAX
        findings[i].ratio = crossed / MESSAGES_MAX
        findings[i].evidence[0] = crossed
