"""Live risk: what the risk engine makes of the desk's positions, in a process of its own, once a minute.

Rules:

1. The portfolio is what the venues say: positions and balances of the blotter, each account under its venue's margin model.
2. Nothing waits for it: it is asked when it is idle and due, and what it says enters the fold when it comes, as events that
   stand in the journal. What the venues themselves say of equity and margin stands above it (see `desk_risk`).
3. A measurement that fails is told in the log and tried again a minute later; a desk without it still has what venues say.
4. The process ends by itself when its parent is gone, however that ended.
"""

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Final

from holdfast.app.node import Node
from holdfast.app.risk.history import PriceHistory
from holdfast.app.risk.observed import chain_quotes, observe, turnovers_of
from holdfast.app.risk.worker import Job, run_job
from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.event import RiskMeasured, Scope
from holdfast.policy.governor.exposure import unit_size
from holdfast.risk.contract import contract_of
from holdfast.risk.portfolio import Account, Balance, Portfolio, Position
from holdfast.risk.refresh import DeskRisk as Measured

FIRST_NS: Final = 10 * SECOND_NS
WATCH_S: Final = 1.0
MODEL_OF: Final = {"deribit": "deribit-sm", "binance-usdm": "binance-usdm"}
"""The margin model of an account by its venue; elsewhere none is computed."""

LOG: Final = logging.getLogger("holdfast.risk")
OnMeasured = Callable[[Sequence[RiskMeasured]], None]


class LiveRisk:
    """Measure a node's desk. `on_measured` is called from another thread."""

    def __init__(self, node: Node, on_measured: OnMeasured) -> None:
        self._node = node
        self._on_measured = on_measured
        self._history = PriceHistory()
        self._pool: ProcessPoolExecutor | None = None
        self._pending: Future[Measured] | None = None
        self._due_ns = 0

    def on_second(self, now_ns: int) -> None:
        """Remember a price a minute, and have the desk measured when it is due. Cost: under 1 ms, but when it is due."""
        portfolio = portfolio_of(self._node)
        state = self._node.parts.state
        self._due_ns = self._due_ns or now_ns + FIRST_NS
        is_due = now_ns >= self._due_ns and self._pending is None and bool(portfolio.positions)
        if not (is_due or self._history.is_due(now_ns)):
            return
        market = observe(now_ns, state, portfolio)
        if self._history.is_due(now_ns):
            self._history.take(market)
        if is_due:
            self._due_ns = now_ns + MINUTE_NS
            chains, turnovers = chain_quotes(now_ns, state, portfolio), turnovers_of(state, portfolio)
            job = Job(portfolio, market, chains, self._history.series(), turnovers)
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(1, context, _end_with, (os.getpid(),))
            self._pending = self._pool.submit(run_job, job)
            self._pending.add_done_callback(self._hear)

    def close(self) -> None:
        """End the process."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _hear(self, done: "Future[Measured]") -> None:
        """From the pool's thread: hand on what was measured."""
        self._pending = None
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            LOG.error("the desk could not be measured: %s", error)
            self._pool = None
            return
        measured = done.result()
        events = [
            RiskMeasured(
                measured.time_ns, measured.time_ns, Scope(part.venue), dict(sorted(part.values.items())),
                tuple(str(one) for one in part.missing),
            )
            for part in measured.parts
        ]  # fmt: skip
        self._on_measured(events)


def _end_with(parent: int) -> None:
    """Have this process end when its parent is gone: a pool's workers outlive a parent that was killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_S)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def portfolio_of(node: Node) -> Portfolio:
    """Return what the venues say that the desk holds. Units: as in `risk/portfolio.py`."""
    blotter, view = node.parts.blotter, node.view
    positions: list[Position] = []
    for venue, account, symbol in blotter.held():
        instrument = view.instrument(venue, symbol)
        quantity = float(blotter.position(venue, account, symbol))
        if instrument is None or not quantity:
            continue
        entry = blotter.holding(venue, account, symbol).entry_price
        positions.append(
            Position(
                account=account,
                contract=contract_of(instrument),
                quantity=quantity * unit_size(instrument),
                entry_price=float("nan") if entry is None else entry,
            )
        )
    balances = [
        Balance(venue=venue, account=account, asset=asset, amount=float(balance.amount))
        for (venue, account), known in sorted(blotter.accounts.items())
        for asset, balance in sorted(known.balances.items())
        if balance.amount
    ]
    accounts = [
        Account(venue=venue, name=account, margin_model=MODEL_OF.get(venue, ""))
        for venue, account in sorted(blotter.accounts)
    ]
    return Portfolio(
        name=node.parts.gate.desk,
        positions=tuple(positions),
        balances=tuple(balances),
        accounts=tuple(accounts),
    )
