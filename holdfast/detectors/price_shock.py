"""Price shock: a move within a minute that the instrument's own past does not contain.

Sees: the distance of the price from its extreme of the last minute, in units of the 75 % quantile of that same distance
over the own past (a robust scale: one crash does not move it), held against a line between 6 and 12 units. Where in that
range is told by extreme-value theory: the once-a-day level of a generalised Pareto tail fitted to the own past, so a coin
that jumps for a living needs a larger jump. Until half an hour was seen, a prior of 4 % a day stands in.
Fails: for slow grinds (see volatility_regime) and prints of a single thin trade.
Cost: 20 ns an instrument. Source: McNeil, Frey, Embrechts, Quantitative Risk Management, ch. 5 (peaks over threshold).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings

LINE_MIN = 6.0
LINE_MAX = 12.0


class PriceShock(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "price_shock"
    about = "stress"
    evidence = ("move_1m", "move_5m", "move_15m", "usual_move_1m", "rare_move_1m")
    severities = (1.5, 2.5, 5.0)
    clear_after_s = 300.0

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        move = finding["evidence"][0]
        return f"moved {100 * np.expm1(move):+.2f} % within a minute: {finding['value']:.1f} times its usual move"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        f = features[i]
        line = LINE_MIN
        if f.move_rare > 0.0:
            line = min(max(f.move_rare / f.move_scale, LINE_MIN), LINE_MAX)
        findings[i].value = f.shock
        findings[i].threshold = line
        findings[i].ratio = f.shock / line
        findings[i].evidence[0] = f.move_1m
        findings[i].evidence[1] = f.move_5m
        findings[i].evidence[2] = f.move_15m
        findings[i].evidence[3] = f.move_scale
        findings[i].evidence[4] = f.move_rare
