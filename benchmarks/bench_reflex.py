"""The reflex, wall time: bytes of an order that is none of ours in, bytes of the cancel-all out; and the same for a move.

Defends: brakes that leave while their intent is being written, moves that leave once it is durable, and Python in between. A
real driver and node with the default rules, the shipped playbook, SQLite on this disk, and market data; over loopback to a
venue in a process of its own, which starts its watch before it writes the message and stops it when it has read the answer.
Each repetition is a guard of its own, so each is its first alarm: nothing is warm but the code. A move's time is held
against one append to the same journal, measured between the repetitions. Beside it stand the way itself (an echo) and the
node alone when its code and data are in the cache.
Limits: both sockets' ways through the kernel are in it; so is whatever else this machine does. No garbage is collected in
the moment of the alarm more often than in production: everything alive is frozen at the start.
"""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import picows

from benchmarks.measure import Bench
from holdfast.app.assemble import assemble
from holdfast.app.config import GuardConfig, load_config
from holdfast.app.driver import Driver
from holdfast.app.following import Following
from holdfast.app.key_file import desk_signer
from holdfast.app.node import Node
from holdfast.app.steady_clock import SteadyClock
from holdfast.app.warm_up import warm_up, warm_up_feeds
from holdfast.clock import SECOND_NS
from holdfast.event import OrderReported
from holdfast.keys.file_signer import FileSigner
from holdfast.lab.universe.desk import ACCOUNT, new_node
from holdfast.lab.world.listings import DERIBIT
from holdfast.lab.world.world import World
from holdfast.ledger.journal.follower import Follower
from holdfast.ledger.journal.sqlite import SqliteJournal
from holdfast.ledger.record import RunStarted, decode

REPETITIONS: Final = int(os.environ.get("HOLDFAST_REFLEXES", "300"))
BRAKE_P50_US_MAX: Final = 500.0
BRAKE_P99_US_MAX: Final = 2_000.0
BEYOND_SYNC_MS_MAX: Final = 2.0
READY_S_MAX: Final = 10.0
REST_S: Final = 1.3  # a book is trusted from the end of its first second
RECORD: Final = b"x" * 400
ECHOES: Final = 20
RESTS: Final = ((0.0, 1_000), (0.01, 100), (REST_S, 20))
UNTIMED: Final = 100  # until Python has specialised the code
START_NS: Final = 1_790_000_000 * SECOND_NS
_REPORT: Final = OrderReported(
    time_ns=START_NS, venue=DERIBIT, account=ACCOUNT, instrument="BTC-PERPETUAL", order_id="", client_id="",
    side="buy", state="open", quantity=Decimal(10), filled=Decimal(0), price=Decimal(50_000),
)  # fmt: skip
_SELLING: Final = """\
playbook: sell_out
title: Sell out
description: Halves what is held when an order is seen that is none of ours.
triggers: [{alert: unauthorised_order, severity: high}]
scope: venue
cooldown: 0s
steps:
  sell:
    act: {reduce: {fraction: 0.5, slippage_bps_max: 200, slice_usd_max: 8000, spacing_s: 1, patience_s: 60}}
    on_failure: unclean
  over: {end: done}
  unclean: {end: failed, detail: it could not be sold}
"""
_SHOCKED: Final = """\
playbook: shocked
title: Shocked
description: Cancels everything on a venue on which a price jumps.
triggers: [{alert: price_shock, severity: low}]
scope: venue
cooldown: 0s
steps:
  cancel: {act: cancel_all, on_failure: unclean}
  over: {end: done}
  unclean: {end: failed, detail: it could not be cancelled}
"""


class Venue:
    """The venue's process. It has the last core to itself, and this process the others: it stands for another machine."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "benchmarks.reflex_venue"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.said: dict[str, Any] = json.loads(self._line())
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(self._process.pid, cores[-1:])
            os.sched_setaffinity(0, cores[:-1])

    def ask(self, word: str) -> int:
        """Say a word and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        self._process.stdin.flush()
        return int(self._line())

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def measure(bench: Bench) -> None:
    """Measure the brake, then the move beside an append."""
    warm_up_feeds(["deribit"])
    folder = bench.folder / "reflex"
    (folder / "playbooks").mkdir(parents=True)
    (folder / "playbooks" / "sell_out.yml").write_text(_SELLING)
    (folder / "playbooks" / "shocked.yml").write_text(_SHOCKED)
    venue = Venue()
    try:
        bench.add("an echo over the same way, p50", float(np.median(_echoes(venue))), "us")
        for rest_s, times in RESTS:
            rested = f"after {rest_s:g} s of rest" if rest_s else "again and again"
            bench.add(f"the node alone, {rested}, p50", float(np.median(_alone(rest_s, times))), "us")
        bench.add("one append after a rest, p50", float(np.median(_rested_appends(folder))) / 1e3, "ms")
        for trigger, armed, word in (
            ("an order", "unauthorised_trading_lockdown", "cancel"),
            ("a price shock", "shocked", "shock"),
        ):
            brakes, _ = _repeat(venue, _config(folder, venue, armed), word)
            for share, limit in ((50, BRAKE_P50_US_MAX), (99, BRAKE_P99_US_MAX)):
                value = float(np.percentile(brakes, share))
                bench.add(
                    f"{trigger} in to cancel-all out, p{share}", value, "us",
                    target=f"<= {limit:g} us", met=value <= limit,
                )  # fmt: skip
        moves, appends = _repeat(venue, _config(folder, venue, "sell_out"), "sell")
    finally:
        venue.close()
    for share in (50, 99):
        move, append = (float(np.percentile(times, share)) / 1e3 for times in (moves, appends))
        bench.add(f"one append to the journal, p{share}", append, "ms")
        bench.add(
            f"order in to move out, durable first, p{share}", move, "ms",
            target=f"<= the append + {BEYOND_SYNC_MS_MAX:g} ms", met=move - append <= BEYOND_SYNC_MS_MAX,
        )  # fmt: skip


class _Echo(picows.WSListener):
    """Sends back what it hears."""

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        transport.send(picows.WSMsgType.TEXT, frame.get_payload_as_bytes())


def _echoes(venue: Venue) -> list[float]:
    """Return what the way itself takes, at the guard's rhythm, in microseconds."""
    took: list[float] = []

    async def echo() -> None:
        transport, _ = await picows.ws_connect(_Echo, venue.said["ws"])
        for _ in range(ECHOES):
            await asyncio.sleep(REST_S)
            took.append(await asyncio.get_running_loop().run_in_executor(None, venue.ask, "echo") / 1e3)
        transport.disconnect()

    asyncio.run(echo())
    return took


def _alone(rest_s: float, times: int) -> list[float]:
    """Return what the node alone takes from a report to the brake, each after a rest, in microseconds."""
    took: list[float] = []
    world = World(1, START_NS, participants=[])
    warm_up()
    for number in range(times + UNTIMED):
        node = new_node(world, "node", {"unauthorised_trading_lockdown": "act"})
        node.start(START_NS)
        while node.wake_ns <= START_NS:
            node.on_wake(START_NS)
        left: list[int] = []
        node.depart = lambda left=left: left.append(time.perf_counter_ns())
        node.clients[0].events.append(msgspec.structs.replace(_REPORT, order_id=str(number)))
        time.sleep(rest_s if number >= UNTIMED else 0.0)
        begun_ns = time.perf_counter_ns()
        node.on_wake(START_NS)
        took.append((left[0] - begun_ns) / 1e3)
    return took[UNTIMED:]


def _repeat(venue: Venue, config: GuardConfig, answer: str) -> tuple[Sequence[float], Sequence[float]]:
    """Return what each reflex took, and an append after each, in microseconds."""
    took: list[float] = []
    appends: list[float] = []
    for number in range(REPETITIONS):
        venue.ask("tidy")
        took.append(_once(venue, config, answer) / 1e3)
        appends.append(_append(config.state / "appends.sqlite", number))
        gc.unfreeze()
        gc.collect()
    return took, appends


def _once(venue: Venue, config: GuardConfig, answer: str) -> int:
    """Start a guard, give it one alarm, end it; return what its answer took."""
    path = config.state / "journal.sqlite"
    for file in config.state.glob("journal.sqlite*"):
        file.unlink()
    node, clock, journal = Node(assemble(config)), SteadyClock(), SqliteJournal(path)
    journal.take_over(config.node, clock.now_ns())
    node.recover(decode(data) for _, data in journal.read())
    signer, told = desk_signer(config), RunStarted(settings={}, rules=(), inputs=(), versions={})
    ledger = config.state / f"ledger-{time.monotonic_ns()}"
    following = Following(
        lambda: SqliteJournal(path),
        lambda followed: Follower.open(followed, ledger, config.origin, signer, told),
    )
    found: list[int] = []
    tasks: list[asyncio.Task[None]] = []

    async def alarm() -> None:
        try:
            async with asyncio.timeout(READY_S_MAX):
                while not all(map(node.reconciling.is_current, node.clients)):
                    await asyncio.sleep(0.01)
            await asyncio.sleep(REST_S)
            found.append(await asyncio.get_running_loop().run_in_executor(None, venue.ask, answer))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def ready() -> None:
        tasks.append(asyncio.get_running_loop().create_task(alarm()))

    Driver(node, clock, journal, following, config.state, config.notify, ready).run()
    if not found or found[0] < 0:
        raise SystemExit(f"the guard did not answer: {found}")
    return found[0]


def _rested_appends(folder: Path) -> list[float]:
    """Return what an append takes after the guard's rest, in microseconds."""
    journal = SqliteJournal(folder / "rested.sqlite")
    epoch = journal.take_over("bench", 1)
    took: list[float] = []
    for _ in range(ECHOES):
        time.sleep(REST_S)
        took.append(_timed(journal, epoch))
    journal.close()
    return took


def _append(path: Path, number: int) -> float:
    """Return what it takes to make an intent and an attempt durable, with nothing around it, in microseconds."""
    journal = SqliteJournal(path)
    epoch = journal.take_over("bench", number)
    took_us = _timed(journal, epoch)
    journal.close()
    return took_us


def _timed(journal: SqliteJournal, epoch: int) -> float:
    begun_ns = time.perf_counter_ns()
    journal.append(epoch, [RECORD, RECORD])
    return (time.perf_counter_ns() - begun_ns) / 1e3


def _config(folder: Path, venue: Venue, armed: str) -> GuardConfig:
    """Return the config of a guard with one playbook armed."""
    secret = folder / "secret.toml"
    secret.touch(mode=0o600)
    secret.write_text(f'key = "{venue.said["key"]}"\nsecret = "{venue.said["secret"]}"\n')
    person = FileSigner("ann", bytes(32))
    path = folder / f"{armed}.toml"
    path.write_text(
        f'desk = "reflex"\nfolder = "{armed}"\nplaybooks = "playbooks"\n'
        f'[key]\npath = "{folder / "desk.key"}"\n[strategies]\nmaker = "mm-"\n[arm]\n{armed} = "act"\n'
        f'[[operators]]\nname = "ann"\nkey = "{person.verifier_key}"\nroles = ["admin"]\n'
        "[limits.desk]\ncount_max = 100000\nnotional_usd_max = 1e12\nloss_usd_max = 1e9\n"
        '[[venues]]\nname = "deribit"\naccount = "desk"\nsymbols = ["BTC-PERPETUAL", "ETH-PERPETUAL"]\n'
        f'credentials = "secret.toml"\nws_url = "{venue.said["ws"]}"\nrest_url = "{venue.said["rest"]}"\n'
    )
    config = load_config(path)
    config.state.mkdir(mode=0o700, parents=True)
    return config
