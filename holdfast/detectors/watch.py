"""Watch: all detectors together, in the order in which they may speak, over one market.

Rules:

1. Feed trust is judged first. An instrument with an open alert of a detector in `DISTRUST` is not trusted: its price is
   shown to nobody and no stress detector may raise or clear anything about it.
2. A sequence gap takes trust away only where nothing else tells the price: trades or the venue's own ticker.
3. A chain is a subject of its own; the same holds for it with `chain_quality`.
"""

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector
from holdfast.detectors.chain_quality import ChainQuality
from holdfast.detectors.clock_skew import ClockSkew
from holdfast.detectors.correlation_break import CorrelationBreak
from holdfast.detectors.crossed_book import CrossedBook
from holdfast.detectors.depeg import Depeg
from holdfast.detectors.discontinuity import Discontinuity
from holdfast.detectors.dislocation import Dislocation
from holdfast.detectors.frozen_side import FrozenSide
from holdfast.detectors.latency import Latency
from holdfast.detectors.liquidation_cascade import LiquidationCascade
from holdfast.detectors.liquidity_evaporation import LiquidityEvaporation
from holdfast.detectors.malformed_time import MalformedTime
from holdfast.detectors.panel import Panel
from holdfast.detectors.parity_break import ParityBreak
from holdfast.detectors.price_shock import PriceShock
from holdfast.detectors.quotes_withdrawn import QuotesWithdrawn
from holdfast.detectors.sequence_gap import SequenceGap
from holdfast.detectors.silent_detector import SilentDetector
from holdfast.detectors.stale_feed import StaleFeed
from holdfast.detectors.surface_shock import SurfaceShock
from holdfast.detectors.volatility_regime import VolatilityRegime
from holdfast.market import state as st
from holdfast.market.chain import Chains
from holdfast.market.state import Market
from holdfast.market.underlying import Underlyings

DETECTOR_NAMES: Final = tuple(
    kind.name
    for kind in (
        *(SequenceGap, CrossedBook, FrozenSide, StaleFeed, Latency, ClockSkew, MalformedTime, Discontinuity),
        *(SilentDetector, PriceShock, VolatilityRegime, LiquidityEvaporation, LiquidationCascade),
        *(Dislocation, Depeg, CorrelationBreak, ChainQuality, SurfaceShock, ParityBreak, QuotesWithdrawn),
    )
)
DISTRUST: Final = ("crossed_book", "frozen_side", "stale_feed", "discontinuity", "sequence_gap")

INSTRUMENT_TRUST: Final = 9  # the first so many instrument detectors are about trust


class Watch:
    """Every detector, its findings and open alerts, for the instruments and for the chains of one market."""

    def __init__(self, market: Market, underlyings: Underlyings, chains: Chains) -> None:
        self.market = market
        self.underlyings = underlyings
        self.chains = chains
        self.simple_trust = (
            SequenceGap(),
            CrossedBook(),
            FrozenSide(),
            StaleFeed(),
            Latency(),
            ClockSkew(),
            MalformedTime(),
            Discontinuity(),
        )
        self.simple_stress = (PriceShock(), VolatilityRegime(), LiquidityEvaporation(), LiquidationCascade())
        self.across = (Dislocation(underlyings), Depeg(underlyings), CorrelationBreak(underlyings))
        trust_names, stress_names = (
            [d.name for d in kind] for kind in (self.simple_trust, self.simple_stress)
        )
        self.silent = SilentDetector((*trust_names, SilentDetector.name, *stress_names))
        instrument_detectors: tuple[Detector, ...] = (
            *self.simple_trust,
            self.silent,
            *self.simple_stress,
            *self.across,
        )
        self.panel = Panel(instrument_detectors, market.capacity)
        self.of_chain = (ChainQuality(), SurfaceShock(), ParityBreak(), QuotesWithdrawn())
        self.chain_panel = Panel(self.of_chain, 8)
        self.trusted: NDArray[np.bool_] = np.ones(market.capacity, dtype=np.bool_)
        self.chain_trusted: NDArray[np.bool_] = np.ones(8, dtype=np.bool_)
        self.distrust = np.array([d.name in DISTRUST for d in instrument_detectors], dtype=np.bool_)
        self._gap = [d.name for d in instrument_detectors].index("sequence_gap")
        self._shock = [d.name for d in instrument_detectors].index("price_shock")
        self.dislocation = [d.name for d in instrument_detectors].index("dislocation")

    def fit(self) -> None:
        """Make room for as many subjects as the market and the chains have."""
        self.panel.fit(self.market.capacity)
        self.trusted = _grown(self.trusted, self.market.capacity)
        chains = len(self.chains)
        if chains > self.chain_panel.capacity:
            self.chain_panel.fit(2 * chains)
            self.chain_trusted = _grown(self.chain_trusted, 2 * chains)

    def judge_trust(self, now_ns: int, count: int, features: NDArray[np.void]) -> NDArray[np.void]:
        """Judge the feeds of the first `count` instruments, set `trusted`, and return what turned."""
        findings = self.panel.findings
        for number, detector in enumerate(self.simple_trust):
            detector.judge(count, features, findings[number])
        number = len(self.simple_trust)
        self.silent.judge(now_ns, count, features, findings, findings[number])
        turned = self.panel.turn(now_ns, 0, INSTRUMENT_TRUST, count, self.trusted).copy()
        _set_trust(
            count,
            self.panel.open_rank,
            self.distrust,
            self._gap,
            self.market.state,
            self.market.board,
            self.trusted,
        )
        return turned

    def judge_stress(self, now_ns: int, count: int, features: NDArray[np.void]) -> NDArray[np.void]:
        """Judge market stress on the first `count` instruments and return what turned."""
        findings = self.panel.findings
        number = INSTRUMENT_TRUST
        for detector in self.simple_stress:
            detector.judge(count, features, findings[number])
            number += 1
        self.underlyings.sweep(self.market.board, now_ns)
        for detector in self.across:
            detector.judge(self.market.board, now_ns, findings[number])
            number += 1
        return self.panel.turn(now_ns, INSTRUMENT_TRUST, number, count, self.trusted)

    def judge_shock(self, now_ns: int, count: int, features: NDArray[np.void]) -> NDArray[np.void]:
        """Judge price shocks alone, between two sweeps, and return what turned."""
        self.simple_stress[0].judge(count, features, self.panel.findings[self._shock])
        return self.panel.turn(now_ns, self._shock, self._shock + 1, count, self.trusted)

    def judge_chains(self, now_ns: int) -> NDArray[np.void]:
        """Look at the chains that changed and return what turned; detector numbers count from the first chain one."""
        if not self.chains.look(now_ns, self.market.board):
            return self.chain_panel.turn(now_ns, 0, 0, 0, self.chain_trusted)
        self.fit()
        quality, surface, parity, withdrawn = self.of_chain
        findings = self.chain_panel.findings
        count = len(self.chains)
        quality.judge(self.chains, findings[0])
        turned = self.chain_panel.turn(now_ns, 0, 1, count, self.chain_trusted).copy()
        self.chain_trusted[:count] = self.chain_panel.open_rank[0, :count] == 0
        self.chains.looks["trusted"] = self.chain_trusted[:count]
        surface.judge(self.chains, findings[1])
        parity.judge(self.chains, findings[2])
        withdrawn.judge(self.chains, findings[3])
        return np.concatenate([turned, self.chain_panel.turn(now_ns, 1, 4, count, self.chain_trusted)])

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return every array of every detector's memory, in a fixed order."""
        panels = (*self.panel.arrays(), *self.chain_panel.arrays())
        return (*panels, self.trusted, self.chain_trusted, *self.underlyings.arrays(), *self.chains.arrays())


@njit(cache=True)
def _set_trust(count, open_rank, distrust, gap, state, board, trusted):
    for i in range(count):
        good = True
        for d in range(distrust.shape[0]):
            if distrust[d] and open_rank[d, i] > 0:
                if d == gap and state[i].source & (st.SOURCE_TOP | st.SOURCE_TRADE):
                    continue
                good = False
        trusted[i] = good
        board[i].trusted = good


def _grown(flags: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    if size <= len(flags):
        return flags
    return np.concatenate([flags, np.ones(size - len(flags), dtype=np.bool_)])
