"""Correlation break: an instrument stops moving with those it used to move with."""

import math
from typing import ClassVar, Final, final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.clock import MINUTE_NS
from holdfast.detectors.base import Detector, Findings
from holdfast.market.co_movement import MARKET, PEERS
from holdfast.market.member import NONE
from holdfast.market.underlying import Underlyings

# below it the two do not "move together": they share less than a third of their variance
USUAL_MIN: Final = 0.6
USUAL_MINUTES_MIN: Final = 60.0
RECENT_MINUTES_MIN: Final = 10.0  # of some 20 that the recent correlation can hold
# the others must have moved: in a quiet market the bounce of prints hides any correlation
STRENGTH_MIN: Final = 1.0
AGE_NS_MAX: Final = 5 * MINUTE_NS  # since the last minute that counted; no data breaks nothing

# of Fisher's z; correlations wander by 4.5 in calm weeks, more than chance alone would let them
DEVIATIONS: Final = 5.0
SHARE_LEFT_MAX: Final = 0.5  # and at most half of the usual correlation is left, however long the record
EFFECTIVE: Final = 2.0  # a decaying sum of weight n averages like 2 n equal samples


@final
class CorrelationBreak(Detector):
    """Sees that one-minute returns no longer move with the others, while these do move.

    Value: the recent correlation. Threshold: the correlation below which it counts. The instrument is
    compared with the peers of its own underlying; without those, with the mean of all other underlyings. The
    recent correlation must lie 5 deviations of Fisher's z below the usual one and under half of it. Both are
    robust to one wild minute (see `CoMovement`), so it takes about ten minutes of going apart. With two
    parties the one that moves more than usual is named; of equal ones, both.
    Fails: for instruments that trade less than once a minute; for a break of less than ten minutes (see
    `dislocation`); while the others stand still. Cost: 3 us for 256 members. Source: Fisher's z; thresholds
    measured on 2025-10-10 and March 2023.
    """

    name: ClassVar[str] = "correlation_break"
    about: ClassVar = "stress"
    evidence: ClassVar[tuple[str, ...]] = ("recent", "usual", "minutes", "against_market", "strength", "peer")
    severities: ClassVar[tuple[float, float, float]] = (1.5, 2.5, 4.0)
    clear_after_s: ClassVar[float] = 600.0

    def __init__(self, underlyings: Underlyings) -> None:
        self.underlyings = underlyings

    def judge(self, board: NDArray[np.void], now_ns: int, findings: Findings) -> None:
        """Write one finding for each instrument; call after `Underlyings.sweep` of the same second."""
        u = self.underlyings
        judge_pairs(
            now_ns, board, u.members.table, u.members.count, u.relations.table, u.co_movement.pairs, findings
        )

    def evidence_of(self, finding: np.void) -> dict[str, float | str]:
        """Return the evidence by name, the nearest peer by its own name."""
        found = super().evidence_of(finding)
        return {**found, "peer": self.underlyings.name_of(int(finding["evidence"][5]))}

    def describe(self, finding: np.void) -> str:
        """Say with whom it no longer moves."""
        recent, usual, minutes, against_market, _, peer = (float(x) for x in finding["evidence"][:6])
        others = f"{self.underlyings.name_of(int(peer))} and its like"
        return (
            f"moves apart from {'the other underlyings' if against_market else others}:"
            f" correlation {recent:.2f} over some {minutes:.0f} min, usually {usual:.2f}"
        )


@njit(cache=True)
def judge_pairs(now_ns, board, table, count, relations, pairs, findings):
    """Write the findings; see CorrelationBreak."""
    for i in range(len(findings)):
        findings[i].ratio = math.nan
    for k in range(count):
        b = board[table[k].instrument]
        if table[k].group == NONE or not (b.trusted and b.price > 0.0):
            continue
        against = PEERS if _is_known(now_ns, pairs[k, PEERS]) else MARKET
        pair = pairs[k, against]
        if not _is_known(now_ns, pair):
            continue
        line, ratio = _judge(pair)
        f = findings[table[k].instrument]
        f.value = pair.recent
        f.threshold = line
        f.ratio = ratio
        f.evidence[0] = pair.recent
        f.evidence[1] = pair.usual
        f.evidence[2] = EFFECTIVE * pair.recent_minutes
        f.evidence[3] = against
        f.evidence[4] = pair.strength
        f.evidence[5] = relations[k].peer


@njit(cache=True)
def _is_known(now_ns, pair):
    return (
        pair.usual_minutes >= USUAL_MINUTES_MIN
        and pair.recent_minutes >= RECENT_MINUTES_MIN
        and now_ns - pair.counted_ns <= AGE_NS_MAX
    )


@njit(cache=True)
def _judge(pair):
    """Return the correlation that would be on the line, and how far beyond it the recent one is."""
    if pair.usual < USUAL_MIN or pair.strength < STRENGTH_MIN:
        return math.nan, 0.0
    samples = EFFECTIVE * pair.recent_minutes - 3.0
    drop = (_fisher(pair.usual) - _fisher(pair.recent)) * math.sqrt(samples)
    by_chance = math.tanh(_fisher(pair.usual) - DEVIATIONS / math.sqrt(samples))
    by_size = SHARE_LEFT_MAX * pair.usual
    ratio = min(drop / DEVIATIONS, (pair.usual - pair.recent) / (pair.usual - by_size))
    return min(by_chance, by_size), max(ratio, 0.0)


@njit(cache=True)
def _fisher(correlation):
    return math.atanh(min(max(correlation, -0.999), 0.999))
