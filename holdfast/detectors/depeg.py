"""Depeg: a stablecoin leaves its peg, told apart as venue-local or broad."""

import math
from typing import ClassVar, Final, Literal, final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.detectors.base import Detector, Findings
from holdfast.market.member import MEMBERS_MAX, STABLECOINS, VENUES_MAX
from holdfast.market.peg import SEEN_NS_MAX, sort_first
from holdfast.market.underlying import Underlyings

# A depeg must hold for most of five minutes and in three different prices: thin venues print far off for a
# few hundred dollars, and show that print until the next trade.
SLOT_NS: Final = 15 * SECOND_NS
SLOTS: Final = 20
PRICES_MIN: Final = 3

# One percent is what a peg means: redemption fees, two taker fees and a day's funding fit into it, so within
# it nobody is paid to bring the price back, and it stays at a dollar in every calm month on record. (3 % is
# what rating agencies count as a large depeg: there the severity is critical.)
OFF_PEG_MIN: Final = 0.01
USUAL_MAX: Final = 8.0  # own usual distances from the peg, for coins that always trade wide of it
USUAL_HALF_LIFE_S: Final = 86_400.0
CLIP: Final = 3.0
STEP_S_MAX: Final = 60.0

# Seen on most venues it is one severity step worse than seen here alone, where it can be traded out
# elsewhere.
BROAD_TIMES: Final = 1.5
LOCAL_RATIO_MAX: Final = 2.99

# once confirmed it stays so until the median distance is under this share of the line
CONFIRMED_OVER: Final = 0.8
BPS: Final = 1e4

Kind = Literal["venue-local", "broad", "unknown"]

WATCH: Final = np.dtype(
    [
        ("slot", "i8"),
        ("distances", "f8", (SLOTS,)),  # distance from the peg at the end of each slot, as a fraction
        ("prices", "f8", (SLOTS,)),  # the instrument's own price at that time
        ("median", "f8"),
        ("told_ns", "i8"),
        ("usual", "f8"),
        ("samples", "i8"),
        ("off_ns", "i8"),  # when the run of off-peg medians began, 0 if there is none
        ("is_confirmed", "?"),
    ]
)


@final
class Depeg(Detector):
    """Sees a stablecoin's dollar price off its peg for minutes, and on how many venues.

    Value and threshold: bps from one dollar, value negative below it. The price is the instrument's own, in
    dollars: its quote coin's premium or discount is taken out first (see `Pegs`), so USDC at 0.985 USDT is no
    depeg while USDT is at 1.015. The smaller of the distance now and the median of five minutes counts. The
    threshold is 100 bps, or 8 usual distances of the instrument's own past for a coin that always trades
    wide. Evidence: the price here, how many venues are off (this one included) and how many at the peg, the
    worst and the median price over venues, minutes off. `kind` follows: `unknown` when no other venue was
    seen in a quarter of an hour, `broad` when two venues or more are off and outnumber those at the peg, else
    `venue-local`. A broad one weighs 1.5 times, a local one never reaches critical: when a local one turns
    broad its severity rises, so the alert speaks again.
    Fails: in the first minutes; when the only numeraire on the tape is itself off (then the coin looks off);
    for coins that are no dollar. Cost: 4 us for 64 telling instruments at the peg.
    Source: the peg's arbitrage band; measured on USDC of March 2023 and USDe of October 2025.
    """

    name: ClassVar[str] = "depeg"
    about: ClassVar = "stress"
    evidence: ClassVar[tuple[str, ...]] = (
        "price",
        "venues_off",
        "venues_at_peg",
        "worst",
        "median",
        "minutes",
        "coin",
    )
    clear_after_s: ClassVar[float] = 1800.0  # a coin that left its peg crosses the line for hours

    def __init__(self, underlyings: Underlyings) -> None:
        self.underlyings = underlyings
        self.watches: NDArray[np.void] = np.zeros((MEMBERS_MAX, 2), dtype=WATCH)
        self.watches["distances"] = np.nan
        self.watches["median"] = np.nan
        self._scratch = np.zeros((2, VENUES_MAX + SLOTS))

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return every array of the detector's memory, in a fixed order."""
        return (self.watches,)

    def judge(self, board: NDArray[np.void], now_ns: int, findings: Findings) -> None:  # noqa: ARG002
        """Write one finding for each instrument; call after `Underlyings.sweep` of the same second."""
        u = self.underlyings
        tellers = u.members.tellers[: u.members.sizes[3]]
        judge_pegs(
            now_ns, u.members.table, tellers, u.members.venues, u.pegs.held, u.pegs.told,
            self.watches, self._scratch, findings,
        )  # fmt: skip

    def kind_of(self, finding: np.void) -> Kind:
        """Tell a depeg of one venue from one of the coin; `unknown` when only one venue was seen."""
        off, at_peg = float(finding["evidence"][1]), float(finding["evidence"][2])
        if off + at_peg < 2:
            return "unknown"
        return "broad" if off >= 2 and off > at_peg else "venue-local"

    def evidence_of(self, finding: np.void) -> dict[str, float | str]:
        """Return the evidence by name, with the kind and the coin in words."""
        coin = STABLECOINS[int(finding["evidence"][6])]
        return {**super().evidence_of(finding), "coin": coin, "kind": self.kind_of(finding)}

    def describe(self, finding: np.void) -> str:
        """Say which coin is where, and on how many venues."""
        price, off, at_peg, worst, median, minutes, coin = (float(x) for x in finding["evidence"][:7])
        side = "below" if price < 1.0 else "above"
        return (
            f"{STABLECOINS[int(coin)]} at {price:.4f} USD, {side} its peg for {minutes:.0f} min:"
            f" {self.kind_of(finding)} ({off:.0f} venues off, {at_peg:.0f} at the peg;"
            f" worst {worst:.4f}, median {median:.4f})"
        )


@njit(cache=True)
def judge_pegs(now_ns, table, tellers, venues, held, told, watches, scratch, findings):
    """Write the findings; see Depeg."""
    for i in range(len(findings)):
        findings[i].ratio = math.nan
    for k in tellers:
        for side in range(2):
            if not math.isnan(told[k, side]):
                _watch(now_ns, held[k], told[k, side] - 1.0, watches[k, side], scratch[0])
    for k in tellers:
        for side in range(2):
            if math.isnan(told[k, side]):
                continue
            w = watches[k, side]
            f = findings[table[k].instrument]
            distance = _lasting(told[k, side] - 1.0, w.median)
            line = _line(w)
            ratio = abs(distance) / line
            if ratio >= CONFIRMED_OVER and not w.is_confirmed:
                continue
            if not math.isnan(f.ratio) and ratio <= f.ratio:
                continue  # the instrument tells of two coins: the one further off counts
            coin = table[k].base_coin if side == 0 else table[k].quote_coin
            f.value = distance * BPS
            f.threshold = line * BPS
            f.ratio = ratio
            if ratio >= CONFIRMED_OVER:
                _look_around(now_ns, k, side, coin, table, tellers, venues, watches, scratch, f)
                f.evidence[0] = told[k, side]
                f.evidence[5] = (now_ns - w.off_ns) / MINUTE_NS
                f.evidence[6] = coin


@njit(cache=True)
def _watch(now_ns, price, distance, w, scratch):
    """Let the newest distance join: the median of five minutes, whether it is confirmed, and what is
    usual."""
    now_slot = now_ns // SLOT_NS
    is_new_slot = now_slot != w.slot
    before = w.slot % SLOTS
    for back in range(1, min(now_slot - w.slot, SLOTS)):
        w.distances[(now_slot - back) % SLOTS] = w.distances[before]
        w.prices[(now_slot - back) % SLOTS] = w.prices[before]
    w.distances[now_slot % SLOTS] = distance
    w.prices[now_slot % SLOTS] = price
    w.slot = now_slot
    quiet = 0.5 * OFF_PEG_MIN
    if abs(distance) < quiet and (abs(w.median) < quiet or math.isnan(w.median)) and not is_new_slot:
        w.told_ns = now_ns
        return
    found = 0
    for i in range(SLOTS):
        if not math.isnan(w.distances[i]):
            scratch[found] = w.distances[i]
            found += 1
    sort_first(scratch, found)
    w.median = 0.5 * (scratch[(found - 1) // 2] + scratch[found // 2])
    line = _line(w)
    if abs(w.median) >= line:
        slots_off, prices_off = _count_off(w, line)
        w.off_ns = now_ns - slots_off * SLOT_NS if w.off_ns == 0 else w.off_ns
        w.is_confirmed = w.is_confirmed or prices_off >= PRICES_MIN
    elif abs(w.median) < CONFIRMED_OVER * line:
        w.off_ns = 0
        w.is_confirmed = False
    elapsed_s = min((now_ns - w.told_ns) * 1e-9, STEP_S_MAX)
    if is_new_slot and not w.is_confirmed:
        share = max(1.0 - 0.5 ** (elapsed_s / USUAL_HALF_LIFE_S), 1.0 / (w.samples + 1.0))
        limit = max(CLIP * w.usual, OFF_PEG_MIN / USUAL_MAX)
        w.usual += share * (min(abs(distance), limit) - w.usual)
        w.samples += 1
    w.told_ns = now_ns


@njit(cache=True)
def _line(w):
    return max(OFF_PEG_MIN, USUAL_MAX * w.usual)


@njit(cache=True)
def _count_off(w, line):
    """Count the slots off the peg, and how often the instrument's own price changed among them."""
    slots_off = 0
    changes = 0
    before = math.nan
    for back in range(SLOTS - 1, -1, -1):
        at = (w.slot - back) % SLOTS
        if abs(w.distances[at]) >= line:
            slots_off += 1
            changes += 1 if w.prices[at] != before else 0
            before = w.prices[at]
    return slots_off, changes


@njit(cache=True)
def _lasting(distance, median):
    """Return the smaller of the distance now and the median, zero if they disagree in sign."""
    if not distance * median > 0.0:
        return 0.0
    return distance if abs(distance) < abs(median) else median


@njit(cache=True)
def _look_around(now_ns, k, side, coin, table, tellers, venues, watches, scratch, f):
    """Count the venues that are off and at the peg; each venue speaks by its instrument nearest to the
    peg."""
    own_venue = table[k].venue
    sign = 1.0 if f.value > 0.0 else -1.0
    off, at_peg, seen = 1, 0, 1
    prices = scratch[0]
    prices[0] = 1.0 + watches[k, side].median
    for venue in range(venues):
        if venue == own_venue:
            continue
        nearest = math.inf
        is_off = False
        for t in tellers:
            if table[t].venue != venue:
                continue
            for s in range(2):
                w = watches[t, s]
                other = table[t].base_coin if s == 0 else table[t].quote_coin
                if other != coin or w.told_ns == 0 or now_ns - w.told_ns > SEEN_NS_MAX:
                    continue
                if not math.isnan(w.median) and abs(w.median) < abs(nearest):
                    nearest = w.median
                    is_off = sign * w.median >= _line(w)
        if nearest < math.inf:
            prices[seen] = 1.0 + nearest
            seen += 1
            off += 1 if is_off else 0
            at_peg += 0 if is_off else 1
    f.evidence[1] = off
    f.evidence[2] = at_peg
    sort_first(prices, seen)
    f.evidence[3] = prices[0] if sign < 0.0 else prices[seen - 1]
    f.evidence[4] = 0.5 * (prices[(seen - 1) // 2] + prices[seen // 2])
    if off >= 2 and off > at_peg:
        f.ratio *= BROAD_TIMES
    elif at_peg > 0:
        f.ratio = min(f.ratio, LOCAL_RATIO_MAX)
