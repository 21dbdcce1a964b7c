"""Live risk: the desk as the venues say it, measured by the risk engine, in a process that does not outlive its parent."""

import os
import subprocess
import sys
import time

import pytest

from holdfast.app.live_risk import portfolio_of
from holdfast.app.node import Node
from holdfast.app.risk.history import PriceHistory
from holdfast.app.risk.observed import observe
from holdfast.app.risk.worker import Job, run_job
from holdfast.app.warm_up import warm_up, warm_up_feeds
from holdfast.event import Scope
from holdfast.lab.rehearsal.rehearsal import Rehearsal
from holdfast.lab.world.listings import VENUES
from holdfast.lab.world.world import World

ORPHAN = """
import os, time
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
from holdfast.app.live_risk import _end_with
if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, context, _end_with, (os.getpid(),))
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def desk() -> tuple[World, Node]:
    """Return a world and the guard of a desk in it, after ten calm seconds."""
    warm_up()
    warm_up_feeds(VENUES)
    rehearsal = Rehearsal(0, guarded=True, storm=False, length_s=10.0)
    rehearsal.run()
    assert rehearsal.node is not None
    return rehearsal.world, rehearsal.node


def test_the_portfolio_is_what_the_venues_hold(desk: tuple[World, Node]) -> None:
    world, node = desk
    portfolio = portfolio_of(node)
    held = {(one.contract.venue, one.contract.symbol): one.quantity for one in portfolio.positions}
    assert held == {
        (venue, one.instrument): float(one.quantity)
        for venue, exchange in world.exchanges.items()
        for one in exchange.positions("desk")
    }
    assert {account.margin_model for account in portfolio.accounts} == {"deribit-sm", "binance-usdm"}


def test_the_risk_engine_measures_it_and_leaves_out_what_has_no_history(desk: tuple[World, Node]) -> None:
    world, node = desk
    portfolio = portfolio_of(node)
    market = observe(world.now_ns, node.parts.state, portfolio)
    measured = run_job(Job(portfolio, market, (), PriceHistory().series(), {}))
    whole = next(part for part in measured.parts if not part.venue)
    worth = {one.asset: one.amount * market.prices[one.asset].value for one in portfolio.balances}
    coins = worth["BTC"] + worth["ETH"]
    assert whole.values["delta"] == pytest.approx(13.7e6 + sum(worth.values()), rel=0.02)
    assert node.parts.state.measured[Scope()].values["delta"] == pytest.approx(13.7e6 + coins, rel=0.02)
    assert "expected_shortfall_1d" not in whole.values
    assert any("minute of prices" in str(one) for one in whole.missing)


def test_the_process_of_a_guard_that_was_killed_ends_by_itself(tmp_path: object) -> None:
    script = os.path.join(str(tmp_path), "orphan.py")
    with open(script, "w") as file:
        file.write(ORPHAN)
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    for _ in range(100):
        if not _lives(child):
            return
        time.sleep(0.1)
    os.kill(child, 9)
    pytest.fail("the worker outlived its parent")


def _lives(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().split()[2] != "Z"
    except OSError:
        return False
