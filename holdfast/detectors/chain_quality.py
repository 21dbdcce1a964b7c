"""Chain quality: an option chain that is not what the venue shows, judged before the market is spoken of.

Sees, each as a share of the chain's living options against its own line, the worst one speaking:

- stale: not heard of for ten minutes while the chain speaks (a truncated snapshot, a subscription lost): 10 %
- crossed: bid above ask: 2 %
- missing out of the money, where everybody trades: worth quoting, yet without bid or ask: 10 %
- incomplete: worth quoting, yet without bid, ask, forward or volatility: one third

The last two need `OPTIONS_MIN` options, and do not speak while the term structure is inverted by a quarter
(7-day over 90-day volatility): makers do withdraw in a storm, first from what is deep in the money, and that
is the market's state, which `quotes_withdrawn` tells. On a calm surface a third of the quotes does not vanish
by itself: of 284 good Deribit chains the worst calm one lacks 0.30, and 0.06 out of the money.
Fails: for values that are wrong yet plausible; in a storm, for all but stale and crossed. When makers pull
quotes from a calm market it says that the data cannot be used, not whose fault that is.
Value: the worst share over its line. Cost: 0.5 us a chain.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast.detectors.base import Detector, Findings
from holdfast.market.chain import Chains
from holdfast.market.chain_rows import Table

STALE_MAX: Final = 0.10
CROSSED_MAX: Final = 0.02
OTM_MISSING_MAX: Final = 0.10
INCOMPLETE_MAX: Final = 1.0 / 3.0
OPTIONS_MIN: Final = 20
STORM_SLOPE: Final = math.log(1.25)


class ChainQuality(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "chain_quality"
    subject = "chain"
    about = "trust"
    evidence = ("options", "incomplete", "otm_missing", "no_forward", "stale", "crossed")
    clear_after_s = 0.0  # one good look states the whole chain

    def judge(self, chains: Chains, findings: Findings) -> None:
        """Judge every chain that was looked at, and mark in its look whether it may be trusted.

        Shape: findings (at least as many as chains,).
        """
        _judge(len(chains), chains.looks, findings)

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        shares = finding["evidence"][: len(self.evidence)]
        options, incomplete, otm_missing, no_forward, stale, crossed = shares
        faults = (
            (incomplete, "lack a bid, ask, forward or volatility"),
            (otm_missing, "of those out of the money lack a bid or ask"),
            (no_forward, "have no forward"),
            (stale, "were not heard of for ten minutes"),
            (crossed, "are crossed"),
        )
        said = "; ".join(f"{100 * share:.0f} % {fault}" for share, fault in faults if share >= 0.005)
        return f"option chain cannot be trusted: of {options:.0f} options {said}"


@njit(cache=True)
def _judge(count: int, looks: Table, findings: Table) -> None:
    for i in range(count):
        look, finding = looks[i], findings[i]
        finding.value = finding.threshold = finding.ratio = math.nan
        if not look.fresh:
            continue
        worst = 0.0
        if look.options >= OPTIONS_MIN and not look.slope > STORM_SLOPE:
            worst = _larger(worst, look.incomplete / INCOMPLETE_MAX)
            worst = _larger(worst, look.otm_missing / OTM_MISSING_MAX)
        worst = _larger(worst, look.stale / STALE_MAX)
        worst = _larger(worst, look.crossed / CROSSED_MAX)
        look.trusted = worst < 1.0
        finding.value = worst
        finding.threshold = 1.0
        finding.ratio = worst
        finding.evidence[0] = look.options
        finding.evidence[1] = look.incomplete
        finding.evidence[2] = look.otm_missing
        finding.evidence[3] = look.no_forward
        finding.evidence[4] = look.stale
        finding.evidence[5] = look.crossed


@njit(cache=True)
def _larger(known: float, other: float) -> float:
    return other if other > known else known
