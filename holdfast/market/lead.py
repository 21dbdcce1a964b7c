"""Lead and lag: which of an instrument and its peers moves first, and by how much.

Rules:

1. The cross-correlation is of returns of `LEAD_NS`, each divided by its usual size and clipped, over lags up
   to `LAGS` steps either way, and forgets by half in a quarter of an hour.
2. A step in which nothing happened is a return of zero; after a longer pause the lags start anew.
3. The lag with the best correlation is named only when that correlation is beyond noise.

Limits: previous-tick sampling makes an instrument that trades less than once a step look late.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast.clock import SECOND_NS
from holdfast.market.relation import MEAN_TO_DEVIATION

LEAD_NS: Final = 5 * SECOND_NS
LAGS: Final = 12
HALF_LIFE_STEPS: Final = 180.0  # a quarter of an hour
STEPS_MIN: Final = 60
CORRELATION_MIN: Final = 0.2  # three deviations of noise for the 250 steps that the decay holds
CLIP: Final = 4.0
_KEEP: Final = 0.5 ** (1.0 / HALF_LIFE_STEPS)

LEAD: Final = np.dtype(
    [
        ("lead_s", "f8"),  # > 0: the instrument leads its peers by so much; NaN while unknown
        ("correlation", "f8"),  # at that lag
        # memory
        ("step", "i8"),
        ("steps", "i8"),
        ("level", "f8"),
        ("consensus", "f8"),
        ("x_size", "f8"),  # usual size of a step's return
        ("y_size", "f8"),
        ("xx", "f8"),
        ("yy", "f8"),
        ("xy", "f8", (2 * LAGS + 1,)),
        ("x", "f8", (LAGS + 1,)),
        ("y", "f8", (LAGS + 1,)),
    ]
)


@njit(cache=True)
def follow(step, level, consensus, m):
    """Let one step join, given the levels at its end. Cost: 60 ns."""
    passed = step - m.step
    known = not (math.isnan(m.level) or math.isnan(m.consensus) or math.isnan(consensus))
    if passed > LAGS or not known:
        for lag in range(LAGS + 1):
            m.x[lag] = 0.0
            m.y[lag] = 0.0
    else:
        for at in range(m.step + 1, step + 1):
            is_last = at == step
            _join(at, level - m.level if is_last else 0.0, consensus - m.consensus if is_last else 0.0, m)
        _find_lead(m)
    m.step = step
    m.level = level
    m.consensus = consensus


@njit(cache=True)
def _join(at, x, y, m):
    share = max(1.0 - _KEEP, 1.0 / (m.steps + 1.0))
    m.x_size += share * (abs(x) * MEAN_TO_DEVIATION - m.x_size)
    m.y_size += share * (abs(y) * MEAN_TO_DEVIATION - m.y_size)
    x = min(max(x / m.x_size, -CLIP), CLIP) if m.x_size > 0.0 else 0.0
    y = min(max(y / m.y_size, -CLIP), CLIP) if m.y_size > 0.0 else 0.0
    m.x[at % (LAGS + 1)] = x
    m.y[at % (LAGS + 1)] = y
    m.xx = _KEEP * m.xx + x * x
    m.yy = _KEEP * m.yy + y * y
    for lag in range(-LAGS, LAGS + 1):
        mine = m.x[(at - max(lag, 0)) % (LAGS + 1)]
        theirs = m.y[(at - max(-lag, 0)) % (LAGS + 1)]
        m.xy[lag + LAGS] = _KEEP * m.xy[lag + LAGS] + mine * theirs
    m.steps += 1


@njit(cache=True)
def _find_lead(m):
    scale = math.sqrt(m.xx * m.yy)
    m.lead_s = math.nan
    m.correlation = math.nan
    if m.steps < STEPS_MIN or not scale > 0.0:
        return
    best = LAGS
    for lag in range(2 * LAGS + 1):
        if m.xy[lag] > m.xy[best]:
            best = lag
    if m.xy[best] >= CORRELATION_MIN * scale:
        m.lead_s = (best - LAGS) * LEAD_NS * 1e-9
        m.correlation = min(m.xy[best] / scale, 1.0)
