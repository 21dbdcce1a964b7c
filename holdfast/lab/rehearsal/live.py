"""Live: the storm on real sockets: the world serves its venues on loopback, and the guard is a process of its own.

The world waits with the storm until the guard says that it is ready, so a first start that compiles kernels loses nothing.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from holdfast.app.control.health import read_health
from holdfast.app.permits_file import read_permit
from holdfast.clock import SECOND_NS
from holdfast.error import OutsideError
from holdfast.lab.rehearsal.config_file import write_config
from holdfast.lab.rehearsal.rehearsal import Outcome, halts_in
from holdfast.lab.world.scenario import Storm, equity_usd
from holdfast.lab.world.server import WorldServer
from holdfast.lab.world.world import World
from holdfast.ledger.journal.sqlite import SqliteJournal

READY_S_MAX: Final = 180.0
SAMPLE_S: Final = 0.25
STOP_S_MAX: Final = 15.0

OnMoment = Callable[[float, float, list[str]], None]
"""Told what has come of it so far: seconds since the storm's start, equity in dollars, what happened since the last time."""


class _Waiting:
    """A storm that begins when it is told to."""

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self.begun_ns = 0
        self.may_begin = False

    def act(self, now_ns: int, world: World) -> None:
        """Let the storm act once it may."""
        if self.may_begin:
            self.begun_ns = self.begun_ns or now_ns
            self.storm.act(now_ns, world)


class LiveStorm:
    """One storm on sockets. `folder` gets the config, the guard's state and its log."""

    def __init__(self, folder: Path, seed: int, length_s: float = 60.0) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.storm = Storm(
            seed, lambda venue, symbol: read_permit(self.state, venue, symbol), length_s=length_s
        )
        self.outcome = Outcome(seed=seed, guarded=True)
        self.begun_ns = 0
        self._waiting = _Waiting(self.storm)
        self._length_s = length_s

    def run(self, on_moment: OnMoment) -> Outcome:
        """Live through it. Raises: OutsideError `demo.no_guard` if the guard does not come up."""
        return asyncio.run(self._run(on_moment))

    async def _run(self, on_moment: OnMoment) -> Outcome:
        strategy, storm, *others = self.storm.participants()
        assert storm is self.storm
        server = WorldServer(self.outcome.seed, [strategy, self._waiting, *others])
        async with server:
            config = write_config(self.folder, server.describe()["venues"])
            log = (self.folder / "guard.log").open("wb")
            guard = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "holdfast", "run", str(config), stdout=log, stderr=log
            )
            try:
                await self._until_ready(guard)
                self._waiting.may_begin = True
                await self._watch(server.world, on_moment)
            finally:
                await _end(guard)
                log.close()
        outcome = self.outcome
        outcome.events = [((at_ns - self.begun_ns) / SECOND_NS, words) for at_ns, words in self.storm.events]
        journal = SqliteJournal(self.state / "journal.sqlite")
        outcome.records = [data for _, data in journal.read()]
        journal.close()
        outcome.halts = halts_in(outcome.records)
        return outcome

    async def _until_ready(self, guard: asyncio.subprocess.Process) -> None:
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + READY_S_MAX
        while loop.time() < give_up_s and guard.returncode is None:
            health = read_health(self.state)
            if health is not None and health.pid == guard.pid and health.figures.get("ready"):
                return
            await asyncio.sleep(0.05)
        said = (self.folder / "guard.log").read_text(errors="replace").strip().splitlines()[-5:]
        raise OutsideError(
            "demo.no_guard", f"the guard did not become ready; it said: {' | '.join(said)}",
            where=str(self.folder / "guard.log"),
        )  # fmt: skip

    async def _watch(self, world: World, on_moment: OnMoment) -> None:
        told = 0
        outcome = self.outcome
        while True:
            await asyncio.sleep(SAMPLE_S)
            self.begun_ns = self._waiting.begun_ns
            if not self.begun_ns:
                continue
            second = (world.now_ns - self.begun_ns) / SECOND_NS
            outcome.seconds.append(second)
            outcome.equity.append(equity_usd(world))
            news = [words for _, words in self.storm.events[told:]]
            told += len(news)
            on_moment(second, outcome.equity[-1], news)
            if second >= self._length_s:
                return


async def _end(guard: asyncio.subprocess.Process) -> None:
    """End the guard in order, and if it does not, at once."""
    if guard.returncode is not None:
        return
    guard.send_signal(signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(guard.wait(), STOP_S_MAX)
        return
    guard.kill()
    await guard.wait()
