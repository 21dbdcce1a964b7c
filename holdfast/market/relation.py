"""Relations: where each instrument stands against the consensus of its peers, in units of its own past.

Rules:

1. A price is comparable as a logarithm, in dollars (the quote coin's own price is taken out) and less its
   usual basis. The usual basis is the instrument's own past: a clipped mean that forgets by half in
   `BASIS_HALF_LIFE_S`, so that a perp's or future's constant premium is not a deviation, and a dislocation of
   an hour does not become usual.
2. The consensus of an instrument is the median of the OTHER venues, each venue one vote; only where no other
   venue shows a price, the other members of its own venue. A venue's vote is the median of its members,
   weighted by how closely each usually agrees. Between two middle votes any price has the benefit of the
   doubt.
3. Only trusted prices vote. Venues with a price younger than `FRESH_NS_MAX` are the peers; older ones, up to
   `PEER_AGE_NS_MAX`, are asked only when no fresh one is there.
4. A deviation is usable (`is_warm`) after `WARM_SAMPLES` common samples over `WARM_NS`: before that its own
   past is unknown.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.market.member import MEMBERS_MAX, NONE, UNDERLYINGS_MAX, USD, Members
from holdfast.market.peg import Pegs, sort_first

SAMPLE_NS: Final = 5 * SECOND_NS
BASIS_HALF_LIFE_S: Final = 4 * 3600.0
MOVE_HALF_LIFE_S: Final = 600.0  # what counts as "where it was" when we ask who moved away
FRESH_NS_MAX: Final = 75 * SECOND_NS  # minute bars stay fresh until the next one
PEER_AGE_NS_MAX: Final = 5 * MINUTE_NS
WARM_NS: Final = 10 * MINUTE_NS
WARM_SAMPLES: Final = 10
STEP_S_MAX: Final = 60.0  # a pause on the tape teaches no more than a minute
CLIP: Final = 3.0  # a sample teaches at most this many usual deviations
MEAN_TO_DEVIATION: Final = 1.2533  # mean of |x| to standard deviation, for a normal x
USUAL_MIN: Final = 1e-4

RELATION: Final = np.dtype(
    [
        ("level", "f8"),  # log price in dollars less the usual basis, NaN without a trusted price
        ("consensus", "f8"),  # the same of the peers
        ("deviation", "f8"),  # level over consensus, log
        ("usual", "f8"),  # usual size of the deviation (one standard deviation of its own past)
        ("basis", "f8"),  # usual log price over the peers
        ("consensus_price", "f8"),  # where its price would be if it agreed, in its own quote
        ("age_s", "f8"),
        ("peer_age_s", "f8"),
        ("spread", "f8"),  # own quoted spread as a fraction of the mid
        ("moved", "f8"),  # log move of the instrument away from where it was
        ("peers_moved", "f8"),
        ("peers", "i4"),  # venues (or members, within one venue) that voted
        ("peer", "i4"),  # instrument nearest to the consensus, NONE if there is none
        ("is_elsewhere", "?"),  # the consensus is of other venues, not of the own one
        ("is_warm", "?"),
        # memory
        ("samples", "i8"),
        ("first_ns", "i8"),
        ("last_ns", "i8"),
        ("level_was", "f8"),
        ("consensus_was", "f8"),
    ]
)


class Relations:
    """The relation of every member to its peers.

    Shape: `table` (MEMBERS_MAX,) of RELATION by slot; `group_level` (UNDERLYINGS_MAX,), log dollars,
    and `group_age_s`, of its youngest price.
    Cost: 25 us for 256 members in 8 underlyings. Limits: with two venues nobody knows who is wrong; `moved`
    against `peers_moved` is the hint. Trades alone make the bounce between bid and ask part of the usual
    deviation.
    """

    def __init__(self) -> None:
        self.table: NDArray[np.void] = np.zeros(MEMBERS_MAX, dtype=RELATION)
        for name in RELATION.names or ():
            if RELATION[name] == np.dtype("f8"):
                self.table[name] = np.nan
        self.table["peer"] = NONE
        self.group_level: NDArray[np.float64] = np.full(UNDERLYINGS_MAX, np.nan)
        self.group_age_s: NDArray[np.float64] = np.full(UNDERLYINGS_MAX, np.nan)
        self._scratch = np.zeros((8, MEMBERS_MAX + 1))

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return every array of the memory, in a fixed order."""
        return (self.table, self.group_level, self.group_age_s)

    def sweep(self, now_ns: int, board: NDArray[np.void], members: Members, pegs: Pegs) -> None:
        """Relate every member to its peers as of now."""
        relate(
            now_ns, board, members.table, members.order, members.offset, members.groups, pegs.coin_price,
            self.table, self.group_level, self.group_age_s, self._scratch,
        )  # fmt: skip


@njit(cache=True)
def relate(
    now_ns, board, table, order, offset, groups, coin_price, relations, group_level, group_age_s, scratch
):
    """Fill `relations`, `group_level` and `group_age_s` as of now; see Relations."""
    for g in range(groups):
        slots = order[offset[g] : offset[g + 1]]
        _place(now_ns, board, table, slots, coin_price, relations)
        _agree(table, slots, relations, group_level, g, scratch)
        group_age_s[g] = math.inf
        for k in slots:
            r = relations[k]
            if not math.isnan(r.level):
                group_age_s[g] = min(group_age_s[g], r.age_s)
            r.consensus_price = board[table[k].instrument].price * math.exp(-r.deviation)
            if not math.isnan(r.deviation):
                _learn(now_ns, r)


@njit(cache=True)
def _place(now_ns, board, table, slots, coin_price, relations):
    """Set each member's level, age and spread; who has no basis yet takes the one that agrees with the
    group."""
    joined = 0.0
    known = 0
    for again in range(2):
        for k in slots:
            m = table[k]
            b = board[m.instrument]
            r = relations[k]
            if not (b.trusted and b.price > 0.0):
                r.level = math.nan
                continue
            paid_in = 1.0 if m.quote_coin == USD else coin_price[m.quote_coin]
            log_price = math.log(b.price * (paid_in if paid_in > 0.0 else 1.0))
            if math.isnan(r.basis):
                if again == 0:
                    continue
                r.basis = log_price - joined / known if known > 0 else 0.0
                if known == 0:
                    joined, known = log_price, 1
            elif again == 1:
                continue
            r.level = log_price - r.basis
            r.age_s = (now_ns - b.price_ns) * 1e-9
            has_quote = b.bid > 0.0 and b.ask >= b.bid
            r.spread = 2.0 * (b.ask - b.bid) / (b.ask + b.bid) if has_quote else math.nan
            if again == 0:
                joined += r.level
                known += 1


@njit(cache=True)
def _agree(table, slots, relations, group_level, g, scratch):
    """Set each member's consensus, and the level of the underlying: the median of the venues."""
    value, age, peer, pick, first, last, asked = (
        scratch[0], scratch[1], scratch[2], scratch[3], scratch[4], scratch[5], scratch[6],
    )  # fmt: skip
    weight = scratch[7]
    venues = 0
    i = 0
    while i < len(slots):
        j = i
        while j < len(slots) and table[slots[j]].venue == table[slots[i]].venue:
            j += 1
        _vote(slots[i:j], table, relations, NONE, value, age, peer, venues, pick, weight)
        first[venues], last[venues] = i, j
        venues += 1
        i = j
    total = 0
    for v in range(venues):
        if not math.isnan(value[v]):
            pick[total] = value[v]
            total += 1
    sort_first(pick, total)
    group_level[g] = 0.5 * (pick[(total - 1) // 2] + pick[total // 2]) if total > 0 else math.nan
    for v in range(venues):
        others = _ask_others(v, venues, value, age, pick, asked)
        low, high = (pick[(others - 1) // 2], pick[others // 2]) if others > 0 else (math.nan, math.nan)
        for s in range(int(first[v]), int(last[v])):
            r = relations[slots[s]]
            r.is_elsewhere = others > 0
            if others > 0:
                _compare(r, low, high, others)
                _name_nearest(r, value, age, peer, asked, venues)
            else:
                neighbours = slots[int(first[v]) : int(last[v])]
                found = _vote(neighbours, table, relations, slots[s], value, age, peer, venues, pick, weight)
                _compare(r, value[venues], value[venues], found)
                r.peer = int(peer[venues])
                r.peer_age_s = age[venues]


@njit(cache=True)
def _vote(slots, table, relations, left_out, value, age, peer, at, pick, weight):
    """Write one venue's vote at `at`: the weighted median of its fresh members, its age, the member nearest
    to it."""
    value[at] = math.nan
    age[at] = math.inf
    peer[at] = NONE
    for limit_ns in (FRESH_NS_MAX, PEER_AGE_NS_MAX):
        found = 0
        for k in slots:
            r = relations[k]
            if k != left_out and not math.isnan(r.level) and r.age_s <= limit_ns * 1e-9:
                j = found - 1
                while j >= 0 and pick[j] > r.level:
                    pick[j + 1], weight[j + 1] = pick[j], weight[j]
                    j -= 1
                pick[j + 1] = r.level
                weight[j + 1] = 1.0 / (r.usual if r.usual > USUAL_MIN else USUAL_MIN)
                found += 1
        if found == 0:
            continue
        value[at] = _weighted_median(pick, weight, found)
        nearest = math.inf
        for k in slots:
            r = relations[k]
            if k != left_out and r.age_s <= limit_ns * 1e-9 and abs(r.level - value[at]) < nearest:
                nearest = abs(r.level - value[at])
                age[at] = r.age_s
                peer[at] = table[k].instrument
        return found
    return 0


@njit(cache=True)
def _weighted_median(sorted_values, weight, count):
    half = 0.0
    for i in range(count):
        half += 0.5 * weight[i]
    below = 0.0
    for i in range(count - 1):
        below += weight[i]
        if below > half:
            return sorted_values[i]
        if below == half:
            return 0.5 * (sorted_values[i] + sorted_values[i + 1])
    return sorted_values[count - 1]


@njit(cache=True)
def _ask_others(v, venues, value, age, pick, asked):
    """Collect and sort the votes of the other venues, the fresh ones if there are any; mark who was asked."""
    for limit_ns in (FRESH_NS_MAX, PEER_AGE_NS_MAX):
        found = 0
        for w in range(venues):
            asked[w] = 0.0
            if w != v and not math.isnan(value[w]) and age[w] <= limit_ns * 1e-9:
                pick[found] = value[w]
                asked[w] = 1.0
                found += 1
        if found > 0:
            sort_first(pick, found)
            return found
    return 0


@njit(cache=True)
def _compare(r, low, high, peers):
    """Write the consensus between the two middle votes and how far outside of them the member stands."""
    r.peers = peers
    r.consensus = 0.5 * (low + high)
    r.deviation = r.level - min(max(r.level, low), high) if peers > 0 else math.nan


@njit(cache=True)
def _name_nearest(r, value, age, peer, asked, venues):
    nearest = math.inf
    for w in range(venues):
        if asked[w] > 0.0 and abs(value[w] - r.consensus) < nearest:
            nearest = abs(value[w] - r.consensus)
            r.peer = int(peer[w])
            r.peer_age_s = age[w]


@njit(cache=True)
def _learn(now_ns, r):
    """Say how far both moved, and let at most one sample each `SAMPLE_NS` join the own past."""
    if r.samples > 0:
        r.moved = r.level - r.level_was
        r.peers_moved = r.consensus - r.consensus_was
        if now_ns // SAMPLE_NS == r.last_ns // SAMPLE_NS:
            return
    else:
        r.first_ns = now_ns
        r.usual = USUAL_MIN
        r.level_was = r.level
        r.consensus_was = r.consensus
        r.last_ns = now_ns - SAMPLE_NS
    elapsed_s = min((now_ns - r.last_ns) * 1e-9, STEP_S_MAX)
    limit = CLIP * r.usual if r.samples >= WARM_SAMPLES else math.inf
    share = 1.0 - 0.5 ** (elapsed_s / BASIS_HALF_LIFE_S)
    if abs(r.deviation) <= limit:
        share = max(share, 1.0 / (r.samples + 1.0))  # the young learn faster, but not from the unusual
    r.basis += share * min(max(r.deviation, -limit), limit)
    size = MEAN_TO_DEVIATION * min(abs(r.deviation), limit)
    r.usual = max(r.usual + share * (size - r.usual), USUAL_MIN)
    recent = max(1.0 - 0.5 ** (elapsed_s / MOVE_HALF_LIFE_S), 1.0 / (r.samples + 1.0))
    r.level_was += recent * (r.level - r.level_was)
    r.consensus_was += recent * (r.consensus - r.consensus_was)
    r.samples += 1
    r.last_ns = now_ns
    r.is_warm = r.samples >= WARM_SAMPLES and now_ns - r.first_ns >= WARM_NS
