"""Worker: the portfolio measured in a process of its own while the fold goes on, and what it said enters the fold as events.

Rules:

1. It is asked anew each `REFRESH_S` seconds of tape time, and as soon as an instrument of its assets has moved by `MOVE`
   since it was last asked, but never more often than each `REFRESH_MIN_S`.
2. What it says about a moment is taken in at the next sweep, a second or more of tape time later: a fixed place, so that the
   same recording gives the same run however fast the machine is. The fold waits for it there, never before.
3. A replay of a recorded run takes the events of its ledger (`RecordedRisk`) and computes nothing.
4. A perpetual or future without an entry price gains and loses from the first mark that is seen of it.
5. A worker that dies is started again once; a second death ends the run: a desk must not think that it is watched.
"""

import multiprocessing
from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from math import isnan
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.app.risk.history import PriceHistory
from holdfast.app.risk.margin_models import models_of
from holdfast.app.risk.observed import ChainQuotes, assets_of, chain_quotes, observe, turnovers_of
from holdfast.app.risk.surfaces import with_surfaces
from holdfast.clock import SECOND_NS
from holdfast.engine import State
from holdfast.error import BrokenInvariant, CallerError
from holdfast.event import RiskMeasured, Scope
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.record import decode
from holdfast.receipt import NodeStarted
from holdfast.risk.liquidity.unwind import Turnover
from holdfast.risk.market import RiskMarket
from holdfast.risk.portfolio import Portfolio
from holdfast.risk.refresh import DeskRisk, History, measure_desk

REFRESH_S: Final = 60
REFRESH_MIN_S: Final = 5
MOVE: Final = 0.01


class Job(msgspec.Struct, frozen=True):
    """What a worker is given: everything that a measurement depends on."""

    portfolio: Portfolio
    market: RiskMarket
    chains: tuple[ChainQuotes, ...]
    history: History
    turnovers: dict[str, Turnover]


def run_job(job: Job) -> DeskRisk:
    """Measure a portfolio; runs in the worker."""
    fitted = with_surfaces(job.market, job.chains)
    return measure_desk(job.portfolio, fitted.market, job.history, models_of(job.portfolio), job.turnovers)


def entered(portfolio: Portfolio, market: RiskMarket) -> Portfolio:
    """Return a portfolio whose perpetuals and futures have an entry price wherever a mark is known (rule 4)."""
    positions = tuple(
        msgspec.structs.replace(position, entry_price=market.marks[position.contract.name].price)
        if isnan(position.entry_price)
        and position.contract.kind in ("perpetual", "future")
        and position.contract.name in market.marks
        else position
        for position in portfolio.positions
    )
    return msgspec.structs.replace(portfolio, positions=positions)


class RiskWorker:
    """A `RiskSource` that measures. Use as a context: it ends its process."""

    def __init__(self, portfolio: Portfolio) -> None:
        self._portfolio = portfolio
        self._history = PriceHistory()
        self._pool = _pool()
        self._deaths = 0
        self._job: Job | None = None
        self._pending: Future[DeskRisk] | None = None
        self._asked_ns = 0
        self._watched: NDArray[np.int64] = np.zeros(
            0, dtype=np.int64
        )  # instruments of the portfolio's assets
        self._asked_prices: NDArray[np.float64] = np.zeros(0)
        self._known = 0
        self._first_equity: dict[Scope, float] = {}

    def __enter__(self) -> "RiskWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __call__(self, now_ns: int, state: State) -> Sequence[RiskMeasured]:
        """Return what was measured since the last sweep, and ask anew when it is time."""
        told: list[RiskMeasured] = []
        if self._job is not None:
            told = self._events(now_ns, self._job, self._answer())
            self._job = None
        is_minute = self._history.is_due(now_ns)
        asks = self._job is None and self._is_due(now_ns, state)
        if is_minute or asks:
            market = observe(now_ns, state, self._portfolio)
            self._portfolio = entered(self._portfolio, market)
            if is_minute:
                self._history.take(market)
            if asks:
                chains = chain_quotes(now_ns, state, self._portfolio)
                turnovers = turnovers_of(state, self._portfolio)
                self._ask(state, Job(self._portfolio, market, chains, self._history.series(), turnovers))
        return told

    def _is_due(self, now_ns: int, state: State) -> bool:
        """Tell whether to ask anew (rule 1)."""
        waited_s = (now_ns - self._asked_ns) / SECOND_NS
        if waited_s < REFRESH_MIN_S:
            return False
        if waited_s >= REFRESH_S or state.count > self._known:
            return True
        move = np.abs(np.log(state.market.board["price"][self._watched] / self._asked_prices))
        return bool((move >= MOVE).any())

    def _ask(self, state: State, job: Job) -> None:
        if state.count > self._known:
            wanted = assets_of(self._portfolio)
            numbers = [n for n in range(state.count) if state.instruments[n].base in wanted]
            self._watched = np.array(
                [n for n in numbers if state.instruments[n].kind != "option"], dtype=np.int64
            )
            self._known = state.count
        self._job = job
        self._asked_ns = job.market.time_ns
        self._asked_prices = state.market.board["price"][self._watched]
        try:
            self._pending = self._pool.submit(run_job, job)
        except BrokenProcessPool as error:  # it died while it had nothing to do
            self._replace(error)
            self._pending = self._pool.submit(run_job, job)

    def _answer(self) -> DeskRisk:
        assert self._pending is not None
        assert self._job is not None
        try:
            return self._pending.result()
        except BrokenProcessPool as error:
            self._replace(error)
            return self._pool.submit(run_job, self._job).result()

    def _replace(self, death: BrokenProcessPool) -> None:
        """Start the worker again (rule 5).

        Raises:
            BrokenInvariant: `risk.worker_died`, it died for the second time.
        """
        self._deaths += 1
        if self._deaths > 1:
            raise BrokenInvariant(
                "risk.worker_died",
                "the risk worker died twice",
                remedy="see what it printed; run without --portfolio",
            ) from death
        self._pool = _pool()

    def _events(self, now_ns: int, job: Job, risk: DeskRisk) -> list[RiskMeasured]:
        events: list[RiskMeasured] = []
        for part in risk.parts:
            scope = Scope(venue=part.venue)
            values = dict(part.values)
            equity = values.get("equity")
            if equity is not None:
                values["profit"] = equity - self._first_equity.setdefault(scope, equity)
            missing = tuple(str(one) for one in part.missing)
            in_order = dict(sorted(values.items()))  # as the ledger has them
            events.append(RiskMeasured(now_ns, job.market.time_ns, scope, in_order, missing))
        return events


class RecordedRisk:
    """A `RiskSource` that repeats what a run's ledger says was measured, from the first sweep on that is repeated."""

    def __init__(self, ledger: Path) -> None:
        events: list[RiskMeasured] = []
        is_guards = False
        for record in map(decode, LedgerReader(ledger).entries()):
            if isinstance(record, RiskMeasured):
                events.append(record)
            is_guards |= isinstance(record, NodeStarted)
        if not events and not is_guards:
            raise CallerError(
                "risk.not_recorded", "no measurement of a portfolio is in this ledger", where=str(ledger),
                remedy="give the ledger of a run that was made with --portfolio",
            )  # fmt: skip
        self._events = events
        self._next = -1

    def __call__(self, now_ns: int, state: State) -> Sequence[RiskMeasured]:
        """Return what the recorded run took in at this sweep."""
        del state
        if self._next < 0:
            self._next = bisect_left(self._events, now_ns, key=lambda event: event.time_ns)
        first = self._next
        while self._next < len(self._events) and self._events[self._next].time_ns <= now_ns:
            self._next += 1
        return self._events[first : self._next]


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn"))
