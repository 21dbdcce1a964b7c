"""Volatility regime: minutes of volatility far above the instrument's own usual level.

Sees: realised volatility of five minutes (10 s returns) over the median of its own past; four times is the line.
Fails: until half an hour of past was seen; a regime that has lasted for a day is the new usual. Cost: 20 ns an instrument.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings

TIMES_MAX = 4.0


class VolatilityRegime(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "volatility_regime"
    about = "stress"
    evidence = ("volatility_5m", "volatility_1h", "usual")
    severities = (1.5, 2.5, 5.0)
    clear_after_s = 600.0

    def judge(self, count: int, features: NDArray[np.void], findings: Findings) -> None:
        """Judge the first `count` instruments. Shape: features and findings (capacity,)."""
        _judge(count, features, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        now, usual = finding["evidence"][0], finding["evidence"][2]
        return f"volatility is {100 * now:.0f} % a year over five minutes, usually {100 * usual:.0f} %"


@njit(cache=True)
def _judge(count: int, features: NDArray[np.void], findings: Findings) -> None:
    for i in range(count):
        f = features[i]
        value = f.volatility_5m / f.volatility_usual
        findings[i].value = value
        findings[i].threshold = TIMES_MAX
        findings[i].ratio = value / TIMES_MAX
        findings[i].evidence[0] = f.volatility_5m
        findings[i].evidence[1] = f.volatility_1h
        findings[i].evidence[2] = f.volatility_usual
