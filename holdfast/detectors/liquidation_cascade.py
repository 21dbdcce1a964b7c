"""Liquidation cascade: forced orders feed on a falling (or rising) price.

Sees: three things at once, each in units of its own past, and takes the weakest of them: the move of the last five minutes
keeps its direction and is large; turnover of the last minute is many times usual and one-sided in the same direction; and,
where the venue tells, forced orders or a falling open interest say that positions are being closed (they lower the line).
Fails: venues that publish one forced order a second at most understate liquidations; a large voluntary seller looks the same
from public data. Cost: 20 ns an instrument.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings

MOVE_MIN = 6.0
TURNOVER_MIN = 8.0
ONE_SIDED_MIN = 0.15


class LiquidationCascade(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "liquidation_cascade"
    about = "stress"
    evidence = ("shock", "turnover_times", "one_sided", "liquidated_share", "interest_drop")
    severities = (1.5, 2.5, 5.0)
    clear_after_s = 300.0

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        times, side = finding["evidence"][1], finding["evidence"][2]
        word = "buying" if side > 0 else "selling"
        return f"suspected liquidation cascade: {times:.0f} times the usual turnover, {100 * abs(side):.0f} % net {word}"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        f = features[i]
        times = f.turnover_1m / f.turnover_usual_1m
        one_sided = f.signed_1m / f.turnover_1m if f.turnover_1m > 0.0 else 0.0
        forced = f.liquidated_1m / f.turnover_1m if f.turnover_1m > 0.0 else np.nan
        direction = 1.0 if f.move_5m >= 0.0 else -1.0
        move = abs(f.move_5m) / (f.move_scale * 2.236)
        help_ = 1.0
        if direction * forced > 0.05:
            help_ += min(direction * forced, 0.5)
        if f.interest_drop > 0.02:
            help_ += min(10.0 * f.interest_drop, 0.5)
        pressure = max(direction * one_sided, 0.0)
        ratio = min(move / MOVE_MIN, times / TURNOVER_MIN) * min(1.0, pressure / ONE_SIDED_MIN) * help_
        findings[i].value = min(move, times)
        findings[i].threshold = MOVE_MIN
        findings[i].ratio = ratio
        findings[i].evidence[0] = f.shock
        findings[i].evidence[1] = times
        findings[i].evidence[2] = one_sided
        findings[i].evidence[3] = forced
        findings[i].evidence[4] = f.interest_drop
