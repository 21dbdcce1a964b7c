"""Co-movement: who moves with whom, who leads, and whether everything falls together.

Rules:

1. Correlation is of one-minute returns. Each return is first divided by its own usual size and clipped at
   `CLIP`, so that one wild minute is one minute.
2. A minute counts for a pair only when both sides showed a new price in it and in the minute before: no data
   is no evidence, neither for nor against a correlation. Who has been compared with other venues is from then
   on compared with other venues only: another kind of peer has another usual correlation.
3. Peers are the consensus of one underlying; the market is the mean of all other underlyings.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.clock import MINUTE_NS
from holdfast.market.correlation import PAIR, join_pair
from holdfast.market.lead import LEAD, LEAD_NS, follow
from holdfast.market.member import MEMBERS_MAX, NONE, UNDERLYINGS_MAX, Members
from holdfast.market.relation import MEAN_TO_DEVIATION, Relations

# how fast an underlying's usual move adapts: a crash is measured by the hours before it
FLOCK_MINUTES: Final = 240.0
SIZE_MINUTES: Final = 30.0  # how fast the usual size of a return adapts
SHOCK_MINUTES: Final = 5.0  # how fast the volatility that widens a threshold adapts
CLIP: Final = 4.0
NEW_S_MAX: Final = 59.5  # a price of this minute; the bar that ended with the last one is a full minute old
SIZE_MINUTES_MIN: Final = 5  # returns before their usual size is known
FALL_MINUTES: Final = 5
FALL_FROM: Final = 1.0  # a fall is counted from one usual size of the window up to ...
FALL_FULL: Final = 4.0  # ... here, where it counts in full

PEERS: Final = 0
MARKET: Final = 1

MOTION: Final = np.dtype(
    [
        ("vol_1m", "f8"),  # volatility of one minute, recent, log
        ("peer_vol_1m", "f8"),
        # memory
        ("minute", "i8"),
        ("level", "f8"),
        ("consensus", "f8"),
        ("is_elsewhere", "?"),
        ("had_others", "?"),
        ("level_size", "f8"),  # mean absolute return of a minute
        ("consensus_size", "f8"),
        ("returns", "i8"),
    ]
)

FLOCK: Final = np.dtype(
    [
        ("minute", "i8"),
        ("level", "f8"),
        # usual size of a minute's return: slow, so that a crash is measured by the time before it
        ("usual_move", "f8"),
        ("returns", "i8"),
        ("z", "f8"),  # this minute's return in units of its usual size, NaN if there is none
        ("past", "f8", (FALL_MINUTES + 1,)),
    ]
)
_KEEP_FLOCK: Final = 0.5 ** (1.0 / FLOCK_MINUTES)
_KEEP_SHOCK: Final = 0.5 ** (1.0 / SHOCK_MINUTES)
_KEEP_SIZE: Final = 0.5 ** (1.0 / SIZE_MINUTES)


class CoMovement:
    """Correlations of every member with its peers and the market, its lead, and the market's fall.

    Shape: `pairs` (MEMBERS_MAX, 2) of PAIR by slot, PEERS or MARKET; `motion` and `leads` (MEMBERS_MAX,) of
    MOTION and LEAD by slot; `flock` (UNDERLYINGS_MAX,) of FLOCK; `covariance` of standardised returns between
    underlyings; `summary` holds co_movement, the mean pairwise correlation and the share that falls.
    Cost: 2 us a sweep; 30 us each 5 s and 60 us each minute for 256 members in 8 underlyings. Limits:
    previous-tick sampling lowers the correlation of instruments that trade less than once a sample (Epps
    effect) and makes them look late.
    """

    def __init__(self) -> None:
        self.pairs: NDArray[np.void] = np.zeros((MEMBERS_MAX, 2), dtype=PAIR)
        self.motion: NDArray[np.void] = np.zeros(MEMBERS_MAX, dtype=MOTION)
        self.leads: NDArray[np.void] = np.zeros(MEMBERS_MAX, dtype=LEAD)
        self.flock: NDArray[np.void] = np.zeros(UNDERLYINGS_MAX, dtype=FLOCK)
        self.covariance: NDArray[np.float64] = np.full((UNDERLYINGS_MAX, UNDERLYINGS_MAX), np.nan)
        self.summary: NDArray[np.float64] = np.full(3, np.nan)
        self.pairs["recent"] = self.pairs["usual"] = self.pairs["strength"] = np.nan
        for name in ("vol_1m", "peer_vol_1m", "level", "consensus"):
            self.motion[name] = np.nan
        for name in ("lead_s", "correlation", "level", "consensus"):
            self.leads[name] = np.nan
        self.flock["level"] = self.flock["z"] = self.flock["past"] = np.nan

    @property
    def co_movement(self) -> float:
        """Return how much the whole market falls as one, 0 to 1, NaN with fewer than two underlyings.

        It is the geometric mean of two shares: how many underlyings fall within the last five minutes (each
        counted from one to four times its usual move), and their mean pairwise correlation. A calm market is
        near 0 however high its usual correlation, and so is the fall of one coin alone; 1 means that
        everything falls and nothing diversifies.
        """
        return float(self.summary[0])

    @property
    def mean_correlation(self) -> float:
        """Return the mean pairwise correlation of the underlyings' one-minute returns."""
        return float(self.summary[1])

    @property
    def share_falling(self) -> float:
        """Return the share of underlyings that fall, each graded 0 to 1."""
        return float(self.summary[2])

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return every array of the memory, in a fixed order."""
        return (self.pairs, self.motion, self.leads, self.flock, self.covariance, self.summary)

    def sweep(self, now_ns: int, members: Members, relations: Relations) -> None:
        """Let the prices as of now join."""
        move_flock(
            now_ns, relations.group_level, relations.group_age_s, members.groups, self.flock, self.covariance,
            self.summary,
        )  # fmt: skip
        move_members(
            now_ns, members.table, members.count, members.groups, relations.table, self.flock, self.pairs,
            self.motion, self.leads,
        )  # fmt: skip


@njit(cache=True)
def move_flock(now_ns, group_level, group_age_s, groups, flock, covariance, summary):
    """Let each underlying's level join; see CoMovement."""
    minute = now_ns // MINUTE_NS
    turned = False
    for g in range(groups):
        f = flock[g]
        level = group_level[g]
        if f.minute == minute or math.isnan(level) or group_age_s[g] >= NEW_S_MAX:
            continue
        turned = True
        f.z = math.nan
        passed = minute - f.minute if f.minute > 0 else FALL_MINUTES + 1
        held = f.level if passed <= FALL_MINUTES else math.nan
        for back in range(1, min(passed, FALL_MINUTES + 1)):
            f.past[(minute - back) % (FALL_MINUTES + 1)] = held
        f.past[minute % (FALL_MINUTES + 1)] = level
        if passed == 1:
            change = level - f.level
            if f.returns >= SIZE_MINUTES_MIN:
                f.z = _standard(change, f.usual_move)
            share = max(1.0 - _KEEP_FLOCK, 1.0 / (f.returns + 1.0))
            limit = CLIP * f.usual_move if f.returns >= SIZE_MINUTES_MIN else math.inf
            f.usual_move += share * (min(abs(change) * MEAN_TO_DEVIATION, limit) - f.usual_move)
            f.returns += 1
        f.level = level
        f.minute = minute
    if turned:
        _learn_pairs(minute, groups, flock, covariance)
        summary[1] = _mean_correlation(groups, covariance)
    _judge_fall(minute, group_level, groups, flock, summary)


@njit(cache=True)
def _standard(change, size):
    return min(max(change / size, -CLIP), CLIP) if size > 0.0 else math.nan


@njit(cache=True)
def _learn_pairs(minute, groups, flock, covariance):
    for g in range(groups):
        if flock[g].minute != minute or math.isnan(flock[g].z):
            continue
        for h in range(g + 1):
            if flock[h].minute != minute or math.isnan(flock[h].z):
                continue
            product = flock[g].z * flock[h].z
            was = covariance[g, h]
            covariance[g, h] = product if math.isnan(was) else _KEEP_SIZE * was + (1.0 - _KEEP_SIZE) * product
            covariance[h, g] = covariance[g, h]


@njit(cache=True)
def _mean_correlation(groups, covariance):
    total = 0.0
    found = 0
    for g in range(groups):
        for h in range(g):
            scale = covariance[g, g] * covariance[h, h]
            if scale > 0.0 and not math.isnan(covariance[g, h]):
                total += min(max(covariance[g, h] / math.sqrt(scale), -1.0), 1.0)
                found += 1
    return total / found if found > 0 else math.nan


@njit(cache=True)
def _judge_fall(minute, group_level, groups, flock, summary):
    """Grade how many underlyings fall over the window, and combine it with how correlated they are."""
    total = 0.0
    found = 0
    for g in range(groups):
        f = flock[g]
        before = f.past[(minute - FALL_MINUTES) % (FALL_MINUTES + 1)]
        if minute - f.minute > FALL_MINUTES or math.isnan(group_level[g]) or math.isnan(before):
            continue
        if f.returns < SIZE_MINUTES_MIN or not f.usual_move > 0.0:
            continue
        fall = (before - group_level[g]) / (f.usual_move * math.sqrt(FALL_MINUTES))
        total += min(max((fall - FALL_FROM) / (FALL_FULL - FALL_FROM), 0.0), 1.0)
        found += 1
    summary[2] = total / found if found >= 2 else math.nan
    summary[0] = math.sqrt(summary[2] * max(summary[1], 0.0)) if found >= 2 else math.nan


@njit(cache=True)
def move_members(now_ns, table, count, groups, relations, flock, pairs, motion, leads):
    """Let each member's level and its consensus join; see CoMovement."""
    minute = now_ns // MINUTE_NS
    step = now_ns // LEAD_NS
    for k in range(count):
        m = motion[k]
        r = relations[k]
        if table[k].group == NONE or math.isnan(r.level):
            continue
        if step != leads[k].step:
            follow(step, r.level, r.consensus, leads[k])
        if minute != m.minute and r.age_s < NEW_S_MAX:
            _move_minute(now_ns, minute, table[k].group, groups, r, flock, pairs[k], m)


@njit(cache=True)
def _move_minute(now_ns, minute, group, groups, r, flock, pair, m):
    if minute - m.minute == 1:
        change = r.level - m.level
        theirs = math.nan
        if (
            r.peer_age_s < NEW_S_MAX
            and r.is_elsewhere == m.is_elsewhere
            and (r.is_elsewhere or not m.had_others)
        ):
            theirs = r.consensus - m.consensus
        if m.returns >= SIZE_MINUTES_MIN:
            x = _standard(change, m.level_size)
            join_pair(now_ns, pair[PEERS], x, _standard(theirs, m.consensus_size))
            join_pair(now_ns, pair[MARKET], x, _market(minute, group, groups, flock))
        share = max(1.0 - _KEEP_SIZE, 1.0 / (m.returns + 1.0))
        m.level_size += share * (abs(change) * MEAN_TO_DEVIATION - m.level_size)
        fast = max(1.0 - _KEEP_SHOCK, 1.0 / (m.returns + 1.0))
        m.vol_1m = _root_mean(m.vol_1m, change, fast)
        if not math.isnan(theirs):
            m.consensus_size += share * (abs(theirs) * MEAN_TO_DEVIATION - m.consensus_size)
            m.peer_vol_1m = _root_mean(m.peer_vol_1m, theirs, fast)
        m.returns += 1
    m.minute = minute
    m.level = r.level
    m.consensus = r.consensus
    m.is_elsewhere = r.is_elsewhere
    m.had_others = m.had_others or r.is_elsewhere


@njit(cache=True)
def _root_mean(was, change, share):
    return abs(change) if math.isnan(was) else math.sqrt((1.0 - share) * was * was + share * change * change)


@njit(cache=True)
def _market(minute, group, groups, flock):
    """Return the mean standardised return of the other underlyings in this minute, NaN if there is none."""
    total = 0.0
    found = 0
    for g in range(groups):
        if g != group and flock[g].minute == minute and not math.isnan(flock[g].z):
            total += flock[g].z
            found += 1
    return total / found if found > 0 else math.nan
