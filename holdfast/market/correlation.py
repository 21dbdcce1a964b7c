"""Correlation of two series of standardised minute returns: the recent one beside the usual one.

The recent correlation forgets by half in `RECENT_MINUTES`, the usual one in `USUAL_MINUTES`: a quarter of an
hour is enough to see a break, and a day is what an instrument's own past means here.
"""

import math
from typing import Final

import numpy as np
from numba import njit

RECENT_MINUTES: Final = 15.0
USUAL_MINUTES: Final = 1440.0
_KEEP_RECENT: Final = 0.5 ** (1.0 / RECENT_MINUTES)
_KEEP_USUAL: Final = 0.5 ** (1.0 / USUAL_MINUTES)

PAIR: Final = np.dtype(
    [
        ("recent", "f8"),  # correlation, NaN until there are enough minutes
        ("usual", "f8"),
        ("recent_minutes", "f8"),  # effective number of minutes in the recent one
        ("usual_minutes", "f8"),
        ("strength", "f8"),  # recent size of the other side's moves in units of its usual size: 1 is usual
        ("counted_ns", "i8"),  # when a minute last counted
        # memory: decayed sums of ww, xx, yy, xy
        ("recent_sums", "f8", (4,)),
        ("usual_sums", "f8", (4,)),
    ]
)


@njit(cache=True)
def join_pair(now_ns, pair, x, y):
    """Let one minute join both correlations; a NaN on either side is no minute. Cost: 20 ns."""
    if math.isnan(x) or math.isnan(y):
        return
    _decay(pair.recent_sums, _KEEP_RECENT, x, y)
    _decay(pair.usual_sums, _KEEP_USUAL, x, y)
    pair.recent = _correlation(pair.recent_sums)
    pair.usual = _correlation(pair.usual_sums)
    pair.recent_minutes = pair.recent_sums[0]
    pair.usual_minutes = pair.usual_sums[0]
    usual_power = pair.usual_sums[2] / pair.usual_sums[0]
    pair.strength = (
        math.sqrt(pair.recent_sums[2] / pair.recent_sums[0] / usual_power) if usual_power > 0.0 else math.nan
    )
    pair.counted_ns = now_ns


@njit(cache=True)
def _decay(sums, keep, x, y):
    sums[0] = keep * sums[0] + 1.0
    sums[1] = keep * sums[1] + x * x
    sums[2] = keep * sums[2] + y * y
    sums[3] = keep * sums[3] + x * y


@njit(cache=True)
def _correlation(sums):
    scale = sums[1] * sums[2]
    return min(max(sums[3] / math.sqrt(scale), -1.0), 1.0) if scale > 0.0 else math.nan
