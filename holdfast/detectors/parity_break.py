"""Parity break: call minus put has left what the forward says it is worth, beyond the quotes' own spread.

Sees: for each call-put pair of a strike, the synthetic bid (call bid less put ask) and ask against the fair
value at the forward: 1 - K/F in coin, F - K in quote units. The forward is the pair's reference price (the
venue's forward, else its index) times the basis that this pair itself showed over the last hour, learned in
steps no larger than its spread; so an index that always stands beside the forward breaks nothing. A break is
a synthetic bid above the fair value or an ask below it: prices that could be traded against, never mids.
Where a side is not quoted, the venue's marks are watched instead, averaged over `MARK_S` against lag, with
the pair's usual spread laid around them.
The unit is the pair's spread, now or usual, whichever is wider. The chain speaks by the pair that a
twentieth of its pairs exceed, so a stale leg among hundreds says nothing.
Fails: until ten minutes of a pair were seen (unless its whole expiry is quoted: the median basis of at least
`PAIRS_MIN` pairs stands in); for American options. A basis that really moves by more than a spread within
minutes is reported, as it should be to whoever hedges with the reference. No discounting.
Value: distance beyond the spread, in spreads. Cost: 60 ns a pair. Memory: 32 bytes an instrument.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings
from holdfast.market.chain import Chains
from holdfast.market.chain_kernels import fair_synthetic, implied_forward
from holdfast.market.chain_rows import Row, Table, with_room

LINE: Final = 1.0
MEMORY_S: Final = 3_600.0
WARM_S: Final = 600.0
MARK_S: Final = 10.0
WIDER_TIMES_MAX: Final = 3.0  # one look widens the usual spread by no more than this
PAIRS_MIN: Final = 5
SPEAKS_ONE_IN: Final = 20

# What a pair showed, kept under its call's number: basis is log(forward / reference), mark_off mark less fair
PAST: Final = np.dtype([("seen_s", "f8"), ("basis", "f8"), ("spread", "f8"), ("mark_off", "f8")])
JUDGED: Final = np.dtype(
    [("distance", "f8"), ("pair", "i4"), ("off", "f8"), ("spread", "f8"), ("forward", "f8")]
)


class ParityBreak(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "parity_break"
    subject = "chain"
    about = "stress"
    evidence = ("strike", "days", "off", "spread", "forward", "broken_share")
    clear_after_s = 300.0

    def __init__(self) -> None:
        self.past = np.zeros(0, dtype=PAST)
        self.judged_ns = np.zeros(0, dtype=np.int64)

    def judge(self, chains: Chains, findings: Findings) -> None:
        """Judge every chain that was looked at. Shape: findings (at least as many as chains,)."""
        self.past = with_room(self.past, len(chains.board))
        self.judged_ns = with_room(self.judged_ns, len(chains))
        for number, chain in enumerate(chains.all):
            judged = np.empty(len(chain.pairs), dtype=JUDGED)
            _judge(
                number, chains.looks, chain.pairs, chain.expiries, self.past, self.judged_ns, judged, findings
            )

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return the memory: each pair's basis and spread, and when each chain was judged."""
        return self.past, self.judged_ns

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        strike, days, off, spread, forward, broken = finding["evidence"][: len(self.evidence)]
        return (
            f"put-call parity broken at {100 * broken:.0f} % of strikes: at {strike:g} in {days:.0f} days "
            f"call minus put is {off:+.5g} from what a forward of {forward:.0f} says, "
            f"{finding['value']:.1f} spreads of {spread:.4g} beyond the quotes"
        )


@njit(cache=True)
def _judge(
    number: int,
    looks: Table,
    pairs: Table,
    expiries: Table,
    pasts: Table,
    judged_ns: np.ndarray,
    judged: Table,
    findings: Table,
) -> None:
    look, finding = looks[number], findings[number]
    finding.value = finding.threshold = finding.ratio = math.nan
    if not (look.fresh and look.trusted):
        return
    elapsed_s = (look.time_ns - judged_ns[number]) * 1e-9 if judged_ns[number] > 0 else 0.0
    judged_ns[number] = look.time_ns
    count = _judge_pairs(elapsed_s, pairs, expiries, pasts, judged)
    if count > 0:
        _write(judged[:count], pairs, expiries, finding)


@njit(cache=True)
def _judge_pairs(elapsed_s: float, pairs: Table, expiries: Table, pasts: Table, judged: Table) -> int:
    """Judge every pair and let it join its own past; return how many could be judged."""
    basis_now = _basis_by_expiry(pairs, len(expiries))
    count = 0
    for p in range(len(pairs)):
        pair, past = pairs[p], pasts[pairs[p].call_id]
        if not pair.reference > 0.0:
            continue
        warm = past.seen_s >= WARM_S
        forward = pair.reference * math.exp(past.basis if warm else basis_now[pair.expiry])
        fair = fair_synthetic(forward, pair.strike, pair.inverse)
        width = pair.ask - pair.bid
        quoted = width > 0.0
        unit = past.spread if warm and not width > past.spread else width
        if warm:
            _follow_mark(past, pair.mark - fair, elapsed_s)
        off = math.nan
        if pair.bid > fair:
            off = pair.bid - fair
        elif pair.ask < fair:
            off = pair.ask - fair
        elif quoted and not math.isnan(fair):
            off = 0.0
        distance = abs(off) / unit
        if warm and not quoted:
            by_mark = max(abs(past.mark_off) / unit - 0.5, 0.0)
            if not distance >= by_mark:
                off, distance = past.mark_off, by_mark
        if distance >= 0.0:
            row = judged[count]
            row.distance, row.pair, row.off = distance, p, off
            row.spread, row.forward = unit, forward
            count += 1
        if quoted:
            _learn(past, pair, elapsed_s)
    return count


@njit(cache=True)
def _write(judged: Table, pairs: Table, expiries: Table, finding: Row) -> None:
    """Let the pair speak that a twentieth of the judged pairs exceed."""
    order = np.argsort(judged["distance"], kind="mergesort")
    speaker = judged[order[len(judged) - 1 - len(judged) // SPEAKS_ONE_IN]]
    pair = pairs[speaker.pair]
    finding.value = speaker.distance
    finding.threshold = LINE
    finding.ratio = speaker.distance / LINE
    finding.evidence[0] = pair.strike
    finding.evidence[1] = expiries[pair.expiry].years * 365.0
    finding.evidence[2] = speaker.off
    finding.evidence[3] = speaker.spread
    finding.evidence[4] = speaker.forward
    finding.evidence[5] = np.mean(judged["distance"] >= LINE)


@njit(cache=True)
def _basis_by_expiry(pairs: Table, expiries: int) -> np.ndarray:
    """Return each expiry's median basis of this moment, NaN for fewer than `PAIRS_MIN` quoted pairs."""
    out = np.full(expiries, math.nan)
    basis = np.empty(len(pairs))
    first = 0
    while first < len(pairs):
        expiry, last, count = pairs[first].expiry, first, 0
        while last < len(pairs) and pairs[last].expiry == expiry:
            pair = pairs[last]
            forward = implied_forward(0.5 * (pair.bid + pair.ask), pair.strike, pair.inverse)
            if forward > 0.0 and pair.reference > 0.0:
                basis[count] = math.log(forward / pair.reference)
                count += 1
            last += 1
        if count >= PAIRS_MIN:
            out[expiry] = np.median(basis[:count])
        first = last
    return out


@njit(cache=True)
def _follow_mark(past: Row, off: float, elapsed_s: float) -> None:
    if math.isnan(past.mark_off):
        past.mark_off = off
    elif not math.isnan(off):
        past.mark_off += (1.0 - math.exp(-elapsed_s / MARK_S)) * (off - past.mark_off)


@njit(cache=True)
def _learn(past: Row, pair: Row, elapsed_s: float) -> None:
    """Let a quoted pair's basis and spread join its past, no further than a spread allows."""
    forward = implied_forward(0.5 * (pair.bid + pair.ask), pair.strike, pair.inverse)
    if not forward > 0.0:
        return
    spread = pair.ask - pair.bid
    basis = math.log(forward / pair.reference)
    if past.spread == 0.0:
        past.basis, past.spread, past.mark_off = basis, spread, math.nan
        return
    rate = max(elapsed_s / (past.seen_s + elapsed_s), 1.0 - math.exp(-elapsed_s / MEMORY_S))
    step_max = past.spread * (forward / pair.strike if pair.inverse else 1.0 / forward)
    past.basis += rate * min(max(basis - past.basis, -step_max), step_max)
    past.spread += rate * (min(spread, WIDER_TIMES_MAX * past.spread) - past.spread)
    past.seen_s += elapsed_s
