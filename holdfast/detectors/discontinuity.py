"""Discontinuity: one step between two prices that no market takes (symbol reuse, redenomination, a wrong scale).

Sees: the largest log step between two consecutive reference prices, against 40 % and against sixty times the usual move of
a whole minute, whichever is more: crashes take steps, a reused symbol jumps.
Fails: on an instrument that trades a few times a day. Cost: 20 ns an instrument.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings

STEP_MIN = 0.34  # log(1.4)


class Discontinuity(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "discontinuity"
    about = "trust"
    evidence = ("log_step", "usual_move_1m")
    severities = (1.5, 2.0, 3.0)
    clear_after_s = 300.0

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        return f"price stepped by a factor of {np.exp(finding['value']):.2f} between two messages"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        f = features[i]
        threshold = max(STEP_MIN, 60.0 * f.move_scale) if f.move_scale > 0.0 else STEP_MIN
        findings[i].value = f.jump
        findings[i].threshold = threshold
        findings[i].ratio = f.jump / threshold
        findings[i].evidence[0] = f.jump
        findings[i].evidence[1] = f.move_scale
