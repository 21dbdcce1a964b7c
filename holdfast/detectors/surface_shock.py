"""Surface shock: a chain's volatility surface jumped further than the time that passed explains.

Sees: the rise of 7, 30 and 90-day at-the-money volatility (in logs), of the slope between 7 and 90 days, and
of the size of the 25-delta skew, each against where it stood an hour, six hours and a day ago, or at the last
look before that. A rise counts in units of its usual size for the time elapsed: usual changes grow with the
square root of time, so looks six hours apart and looks each second are judged alike. The usual size is a
robust scale (median of absolute changes that do not overlap) of the chain's own past at that lag; until that
past is long, `PRIOR_CHANGES` changes of the prior stand in for it. Only rises are shocks: back is relief.
The prior for 30 days is Deribit's DVOL of 2022-11 to 2025-11, whose daily log changes have a robust deviation
of 0.036; by that series the line, a daily rise by 18 %, is crossed about twice a year. Seven days move twice
as much and ninety half as much.
Fails: for a surface that drifts over days; at the first look; where the venue sends no volatilities, or no
strikes surround the forward. Value: the largest rise, in usual changes.
Cost: 1 us a look, 30 us every ten minutes. Memory: 40 kB a chain.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.clock import SECOND_NS
from holdfast.detectors.base import Detector, Findings
from holdfast.market.chain import Chains
from holdfast.market.chain_rows import Row, Table, with_room

HOUR_NS: Final = 3_600 * SECOND_NS
DAY_NS: Final = 24 * HOUR_NS
SAMPLE_NS: Final = 600 * SECOND_NS
LINE: Final = 5.0
PRIOR_CHANGES: Final = 20.0
CALM_MIN: Final = 0.5  # of the prior: a calm past makes twice as sensitive, no more
SAMPLES: Final = 160  # at ten minutes each a little more than the longest lag
CHANGES: Final = 256  # kept at each lag

# Log volatility of 7, 30 and 90 days, slope, size of the skew; and the prior size of a day's change of each.
PARTS: Final = 5
PRIOR: Final = (0.072, 0.036, 0.018, 0.065, 0.014)
LAGS_NS: Final = (HOUR_NS, 6 * HOUR_NS, DAY_NS)
LAGS: Final = len(LAGS_NS)

PAST: Final = np.dtype(
    [
        ("samples", "i8"),  # taken so far
        ("times", "i8", (SAMPLES,)),
        ("parts", "f8", (SAMPLES, PARTS)),
        ("changes", "i8", (LAGS,)),  # measured so far
        ("changed_ns", "i8", (LAGS,)),
        ("change", "f8", (LAGS, PARTS, CHANGES)),  # absolute, a root day
        ("usual", "f8", (LAGS, PARTS)),
    ]
)


class SurfaceShock(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "surface_shock"
    subject = "chain"
    about = "stress"
    evidence = ("volatility_30d", "rise_7d", "rise_30d", "rise_90d", "skew_rise", "elapsed_h")
    clear_after_s = 900.0

    def __init__(self) -> None:
        self.past = np.zeros(0, dtype=PAST)

    def judge(self, chains: Chains, findings: Findings) -> None:
        """Judge every chain that was looked at. Shape: findings (at least as many as chains,)."""
        known = len(self.past)
        self.past = with_room(self.past, len(chains))
        self.past["usual"][known:] = PRIOR
        _judge(len(chains), chains.looks, self.past, findings)

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return the memory: samples of each surface, and its past changes at each lag."""
        return (self.past,)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        volatility, *rises, skew_rise, elapsed_h = finding["evidence"][: len(self.evidence)]
        by_tenor = ", ".join(
            f"{tenor} days {100 * math.expm1(rise):+.0f} %"
            for tenor, rise in zip((7, 30, 90), rises, strict=True)
            if not math.isnan(rise)
        )
        skew = "" if math.isnan(skew_rise) else f", skew {100 * skew_rise:+.1f} points"
        now = "" if math.isnan(volatility) else f"; 30-day volatility is now {100 * volatility:.1f} %"
        return (
            f"volatility surface jumped by {finding['value']:.1f} times its usual change over "
            f"{elapsed_h:.1f} h: {by_tenor}{skew}{now}"
        )


@njit(cache=True)
def _judge(count: int, looks: Table, pasts: Table, findings: Table) -> None:
    for i in range(count):
        _judge_one(looks[i], pasts[i], findings[i])


@njit(cache=True)
def _judge_one(look: Row, past: Row, finding: Row) -> None:
    finding.value = finding.threshold = finding.ratio = math.nan
    if not (look.fresh and look.trusted):
        return
    now = np.empty(PARTS)
    now[0], now[1] = math.log(look.volatility_7d), math.log(look.volatility_30d)
    now[2], now[3], now[4] = math.log(look.volatility_90d), look.slope, abs(look.skew_30d)
    worst, worst_anchor = -math.inf, -1
    for lag in range(LAGS):
        anchor = _sample_before(look.time_ns - LAGS_NS[lag], past)
        if anchor < 0:
            continue
        root_days = math.sqrt((look.time_ns - past.times[anchor]) / DAY_NS)
        for part in range(PARTS):
            rise = (now[part] - past.parts[anchor, part]) / (past.usual[lag, part] * root_days)
            if rise > worst:
                worst, worst_anchor = rise, anchor
    if worst_anchor >= 0:
        before = past.parts[worst_anchor]
        finding.value = worst
        finding.threshold = LINE
        finding.ratio = worst / LINE
        finding.evidence[0] = look.volatility_30d
        finding.evidence[1] = now[0] - before[0]
        finding.evidence[2] = now[1] - before[1]
        finding.evidence[3] = now[2] - before[2]
        finding.evidence[4] = now[4] - before[4]
        finding.evidence[5] = (look.time_ns - past.times[worst_anchor]) / HOUR_NS
    newest = past.times[(past.samples - 1) % SAMPLES]
    if past.samples == 0 or look.time_ns - newest >= SAMPLE_NS:
        _remember(look.time_ns, now, past)


@njit(cache=True)
def _sample_before(time_ns: int, past: Row) -> int:
    """Return the place of the last sample at or before a time, or -1."""
    for back in range(1, min(past.samples, SAMPLES) + 1):
        place = (past.samples - back) % SAMPLES
        if past.times[place] <= time_ns:
            return place
    return -1


@njit(cache=True)
def _remember(time_ns: int, now: np.ndarray, past: Row) -> None:
    """Keep a sample, and at each lag the change since one lag ago unless it overlaps the last one kept."""
    for lag in range(LAGS):
        anchor = _sample_before(time_ns - LAGS_NS[lag], past)
        if anchor < 0 or time_ns - past.changed_ns[lag] < LAGS_NS[lag]:
            continue
        root_days = math.sqrt((time_ns - past.times[anchor]) / DAY_NS)
        place = past.changes[lag] % CHANGES
        past.changes[lag] += 1
        past.changed_ns[lag] = time_ns
        known = min(past.changes[lag], CHANGES)
        for part in range(PARTS):
            past.change[lag, part, place] = abs(now[part] - past.parts[anchor, part]) / root_days
            own = 1.4826 * np.nanmedian(past.change[lag, part, :known])
            if own >= 0.0:
                own = max(own, CALM_MIN * PRIOR[part])
                weight = known / (known + PRIOR_CHANGES)
                past.usual[lag, part] = math.sqrt(weight * own**2 + (1.0 - weight) * PRIOR[part] ** 2)
    place = past.samples % SAMPLES
    past.times[place] = time_ns
    past.parts[place] = now
    past.samples += 1
