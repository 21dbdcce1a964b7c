"""Quotes withdrawn: options that used to be quoted on a side no longer are.

Sees: for bids and for asks, the share of the options usually quoted on that side that have no usable quote
now, added up over time: `lost` grows by that share each second and drains, the faster the more is quoted,
within `DRAIN_S`. So an ask missing for a second is nothing, all asks gone for a minute reach the line, and
a third of them gone for good just about.
Usual is what an option showed at least half of the time within the last hours. A quote is usable within a
factor of two of the mark: a bid at a tenth of the value is nobody's price. Bids for what is worth next to
nothing are not expected.
Looks that are far apart vouch for one minute each, so a chain seen every six hours alone cannot reach the
line quickly.
Fails: where quotes stay but shrink or widen (see surface features); a venue that leaves withdrawn quotes
standing.
Value: lost quoting, in seconds of the whole side. Cost: 10 ns an option. Memory: 32 bytes an instrument.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings
from holdfast.market.chain import Chains
from holdfast.market.chain_kernels import WORTH_MIN, has_quote, is_alive
from holdfast.market.chain_rows import Row, Table, with_room

LINE_S: Final = 60.0
DRAIN_S: Final = 120.0
VOUCHED_S_MAX: Final = 60.0
USUAL_SHARE: Final = 0.5
USUAL_AFTER_S: Final = 600.0
MEMORY_S: Final = 6 * 3_600.0
USABLE_TIMES: Final = 2.0
BID: Final = 0
ASK: Final = 1

# What an option showed: seconds seen, and of those with a usable quote on each side; both fade over MEMORY_S.
USUAL: Final = np.dtype([("seen_s", "f8"), ("quoted_s", "f8", (2,))])
LOST: Final = np.dtype([("looked_ns", "i8"), ("lost_s", "f8", (2,))])


class QuotesWithdrawn(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "quotes_withdrawn"
    subject = "chain"
    about = "stress"
    evidence = ("bids_gone", "asks_gone", "bids_expected", "asks_expected", "bid_lost_s", "ask_lost_s")
    severities = (2.0, 5.0, 15.0)

    def __init__(self) -> None:
        self.usual = np.zeros(0, dtype=USUAL)  # by instrument number
        self.chains = np.zeros(0, dtype=LOST)  # by chain

    def judge(self, chains: Chains, findings: Findings) -> None:
        """Judge every chain that was looked at. Shape: findings (at least as many as chains,)."""
        self.usual = with_room(self.usual, len(chains.board))
        self.chains = with_room(self.chains, len(chains))
        for number, chain in enumerate(chains.all):
            _judge(number, chains.looks, chains.board, chain.options, self.usual, self.chains, findings)

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return the memory: what was usually quoted, and the quoting lost so far."""
        return self.usual, self.chains

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        bids_gone, asks_gone, bids, asks = finding["evidence"][:4]
        return (
            f"quotes withdrawn: {100 * bids_gone:.0f} % of {bids:.0f} usual bids and {100 * asks_gone:.0f} % "
            f"of {asks:.0f} usual asks are gone; {finding['value']:.0f} s of a whole side's quoting lost"
        )


@njit(cache=True)
def _judge(
    number: int, looks: Table, board: Table, options: Table, usual: Table, memories: Table, findings: Table
) -> None:
    look, memory, finding = looks[number], memories[number], findings[number]
    finding.value = finding.threshold = finding.ratio = math.nan
    if not (look.fresh and look.trusted):
        return
    now_ns = look.time_ns
    elapsed_s = (now_ns - memory.looked_ns) * 1e-9 if memory.looked_ns > 0 else 0.0
    memory.looked_ns = now_ns
    decay = math.exp(-elapsed_s / MEMORY_S)
    expected, gone = np.zeros(2), np.zeros(2)
    for i in range(len(options)):
        option = options[i]
        quote, past = board[option.instrument], usual[option.instrument]
        if not is_alive(now_ns, quote, option.expiry_ns):
            continue
        least = WORTH_MIN if option.inverse else WORTH_MIN * quote.forward
        for side in (BID, ASK):
            usable = _is_usable(quote, side, least)
            is_usual = past.quoted_s[side] >= USUAL_SHARE * past.seen_s >= USUAL_SHARE * USUAL_AFTER_S
            if is_usual and not (side == BID and quote.mark < least):
                expected[side] += 1.0
                gone[side] += not usable
            past.quoted_s[side] = decay * past.quoted_s[side] + (elapsed_s if usable else 0.0)
        past.seen_s = decay * past.seen_s + elapsed_s
    if expected[BID] + expected[ASK] == 0.0:
        return
    for side in (BID, ASK):
        share = gone[side] / expected[side] if expected[side] > 0.0 else 0.0
        memory.lost_s[side] = _lose(memory.lost_s[side], share, elapsed_s)
        finding.evidence[side] = share if expected[side] > 0.0 else math.nan
        finding.evidence[2 + side] = expected[side]
        finding.evidence[4 + side] = memory.lost_s[side]
    finding.value = max(memory.lost_s[BID], memory.lost_s[ASK])
    finding.threshold = LINE_S
    finding.ratio = finding.value / LINE_S


@njit(cache=True)
def _is_usable(quote: Row, side: int, least: float) -> bool:
    if not has_quote(quote, 1 if side == BID else -1):
        return False
    if not quote.mark >= least:
        return True
    if side == BID:
        return quote.bid >= quote.mark / USABLE_TIMES
    return quote.ask <= quote.mark * USABLE_TIMES


@njit(cache=True)
def _lose(lost_s: float, share: float, elapsed_s: float) -> float:
    """Solve d(lost)/dt = share - (1 - share) * lost / DRAIN_S over the time that one look vouches for."""
    vouched_s = min(elapsed_s, VOUCHED_S_MAX)
    lost_s *= math.exp(-(elapsed_s - vouched_s) / DRAIN_S)
    if share >= 1.0:
        return lost_s + vouched_s
    settled_s = share * DRAIN_S / (1.0 - share)
    return settled_s + (lost_s - settled_s) * math.exp(-(1.0 - share) * vouched_s / DRAIN_S)
