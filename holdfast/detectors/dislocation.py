"""Dislocation: an instrument trades far from its peers on other venues."""

import math
from typing import ClassVar, Final, final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.clock import SECOND_NS
from holdfast.detectors.base import Detector, Findings
from holdfast.market.member import MEMBERS_MAX, NONE
from holdfast.market.peg import sort_first
from holdfast.market.underlying import Underlyings

# A gap must outlast a minute: slower than any quote that is merely late, faster than a desk can move
# collateral.
SLOT_NS: Final = 5 * SECOND_NS
SLOTS: Final = 12
PRICES_MIN: Final = 2  # and show in so many prices of either side: one odd print stands until the next trade

# The gap must exceed all four:
USUAL_MAX: Final = 8.0  # own usual deviations: one-sided trade prints reach 4 to 5 of them in calm hours
# deviations of what the market moved between the two prices' times: lateness, not a gap
VOLATILITY_MAX: Final = 3.0
SPREADS_MAX: Final = 2.0  # own spreads: what is left for whoever crosses both books, in and out
COST_MIN: Final = 0.0030  # a spot and a perp taker fee (10 and 5 bps), in and out: a smaller gap pays nobody

BPS: Final = 1e4


@final
class Dislocation(Detector):
    """Sees a price that stays away from the median of its peers for a minute, beyond its usual basis.

    Value and threshold: bps of the price, value with the gap's sign. The threshold is the largest of: 8 own
    usual deviations, 3 deviations of what the market moved between the two prices' times, 2 own spreads, 30
    bps of costs. With two venues nobody can say who is wrong, so the alert is about the one that moved
    further from where it was, and the evidence names the other; with equal moves it is about both. Two other
    venues or more outvote one.
    Fails: within 10 minutes of the first common price (no own past yet); when every venue is wrong together;
    a gap that opens over hours becomes usual. Stablecoins are left to `depeg`. Cost: 36 us for 256 members.
    Source: the law of one price within transaction costs; thresholds measured on 2025-10-10 and March 2023.
    """

    name: ClassVar[str] = "dislocation"
    about: ClassVar = "stress"
    evidence: ClassVar[tuple[str, ...]] = ("price", "peers_price", "usual_bps", "peers", "peer", "moved_bps")
    clear_after_s: ClassVar[float] = 300.0

    def __init__(self, underlyings: Underlyings) -> None:
        self.underlyings = underlyings
        self.gaps: NDArray[np.float64] = np.full((MEMBERS_MAX, SLOTS), np.nan)
        self.slot: NDArray[np.int64] = np.zeros(MEMBERS_MAX, dtype=np.int64)
        self.blame: NDArray[np.int8] = np.zeros(MEMBERS_MAX, dtype=np.int8)
        self.seen_ns: NDArray[np.int64] = np.zeros((MEMBERS_MAX, 2), dtype=np.int64)
        self.prices: NDArray[np.int64] = np.zeros((MEMBERS_MAX, 2), dtype=np.int64)
        self._scratch = np.zeros(SLOTS)

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return every array of the detector's memory, in a fixed order."""
        return (self.gaps, self.slot, self.blame, self.seen_ns, self.prices)

    def judge(self, board: NDArray[np.void], now_ns: int, findings: Findings) -> None:
        """Write one finding for each instrument; call after `Underlyings.sweep` of the same second."""
        u = self.underlyings
        judge_gaps(
            now_ns, board, u.members.table, u.members.count, u.relations.table, u.co_movement.motion,
            self.gaps, self.slot, self.blame, self.seen_ns, self.prices, self._scratch, findings,
        )  # fmt: skip

    def evidence_of(self, finding: np.void) -> dict[str, float | str]:
        """Return the evidence by name, the nearest peer by its own name."""
        found = super().evidence_of(finding)
        return {**found, "peer": self.underlyings.name_of(int(finding["evidence"][4]))}

    def describe(self, finding: np.void) -> str:
        """Say how far from whom."""
        price, peers_price, usual, peers, peer = (float(x) for x in finding["evidence"][:5])
        side = "above" if finding["value"] > 0 else "below"
        others = self.underlyings.name_of(int(peer)) + (f" and {int(peers) - 1} more" if peers > 1 else "")
        gap, line = abs(float(finding["value"])), float(finding["threshold"])
        return (
            f"price {price:.6g} is {gap:.0f} bps {side} {peers_price:.6g}, where {others} would put it;"
            f" usual is {usual:.1f} bps, the line {line:.0f} bps"
        )


@njit(cache=True)
def judge_gaps(
    now_ns, board, table, count, relations, motion, gaps, slot, blame, seen_ns, prices, scratch, findings
):
    """Write the findings; see Dislocation."""
    now_slot = now_ns // SLOT_NS
    for i in range(len(findings)):
        findings[i].ratio = math.nan
    for k in range(count):
        if table[k].group == NONE:
            continue
        r = relations[k]
        _remember(now_slot, r.deviation if r.is_warm else math.nan, gaps[k], slot, k)
        if math.isnan(r.level) or math.isnan(r.deviation) or not r.is_warm:
            continue
        f = findings[table[k].instrument]
        gap = _lasting(gaps[k], r.deviation, scratch)
        line = _line(r, motion[k])
        ratio = abs(gap) / line
        _count_prices(board, table[k].instrument, r, line, ratio, seen_ns[k], prices[k])
        if prices[k, 0] < PRICES_MIN or (r.peers == 1 and prices[k, 1] < PRICES_MIN):
            ratio = 0.0
        blame[k] = _blame(ratio, blame[k], r)
        f.value = gap * BPS
        f.threshold = line * BPS
        f.ratio = ratio if blame[k] >= 0 else 0.0
        f.evidence[0] = board[table[k].instrument].price
        f.evidence[1] = r.consensus_price
        f.evidence[2] = r.usual * BPS
        f.evidence[3] = r.peers
        f.evidence[4] = r.peer
        f.evidence[5] = r.moved * BPS


@njit(cache=True)
def _remember(now_slot, gap, ring, slot, k):
    """Keep the newest gap of each slot; slots in which nothing happened repeat the one before."""
    passed = now_slot - slot[k]
    held = ring[slot[k] % SLOTS]
    for back in range(1, min(passed, SLOTS)):
        ring[(now_slot - back) % SLOTS] = held
    ring[now_slot % SLOTS] = gap
    slot[k] = now_slot


@njit(cache=True)
def _lasting(ring, gap, scratch):
    """Return the smaller of the gap now and the median gap of the last minute, zero if they disagree in
    sign."""
    found = 0
    for i in range(SLOTS):
        if not math.isnan(ring[i]):
            scratch[found] = ring[i]
            found += 1
    if found < SLOTS // 2:
        return 0.0
    sort_first(scratch, found)
    middle = 0.5 * (scratch[(found - 1) // 2] + scratch[found // 2])
    if middle * gap <= 0.0:
        return 0.0
    return middle if abs(middle) < abs(gap) else gap


@njit(cache=True)
def _count_prices(board, instrument, r, line, ratio, seen_ns, prices):
    """Count the new prices of the instrument and of its nearest peer since the gap opened."""
    times_ns = (board[instrument].price_ns, board[r.peer].price_ns)
    is_open = abs(r.deviation) >= line
    for side in range(2):
        if not is_open and ratio < 0.5:
            prices[side] = 0
        elif is_open and times_ns[side] != seen_ns[side]:
            prices[side] += 1
        seen_ns[side] = times_ns[side]


@njit(cache=True)
def _line(r, m):
    """Return the least gap that counts, as a log price."""
    line = max(USUAL_MAX * r.usual, COST_MIN)
    if r.spread > 0.0:
        line = max(line, SPREADS_MAX * r.spread)
    if m.vol_1m > 0.0 and m.peer_vol_1m > 0.0:
        calmer = min(m.vol_1m, m.peer_vol_1m)
        between_s = max(r.age_s, 0.0) + max(r.peer_age_s, 0.0) + SLOT_NS * 1e-9
        line = max(line, VOLATILITY_MAX * calmer * math.sqrt(between_s / 60.0))
    return line


@njit(cache=True)
def _blame(ratio, blamed, r):
    """Decide once, when the gap opens between two venues, who moved away: 1 this one, -1 the other, 0
    undecided."""
    if ratio < 0.5:
        return 0
    if r.peers >= 2:
        return 1
    if blamed == 0 and ratio >= 1.0:
        return 1 if abs(r.moved) >= abs(r.peers_moved) else -1
    return blamed
