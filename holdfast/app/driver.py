"""Driver: the only asyncio. It gives the node what happens on sockets, disk and clock, and does what the node wants done.

Rules:

1. Each input is handed to the node as it comes, and what follows leaves in the same call: nothing waits for a task between a
   message that triggers a brake and the brake.
2. One thread appends records to the journal, all that have gathered; moves leave when the node hears of it, and for that
   the loop waits a moment. A journal that fails is tried again with the same records; brakes go on leaving meanwhile.
3. A node that is fenced off stops at once. A node that ends in order writes what it has.
4. The provable ledger follows the journal in a thread of its own; it is never in the way.
5. A node that breaks is not asked again: the run ends with its error, and what is not written is lost, as in a crash.
"""

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from holdfast.app.answering import answer_of
from holdfast.app.control.command import SignedCommand
from holdfast.app.control.health import health_of, write_health
from holdfast.app.control.inbox import Inbox, InboxFile
from holdfast.app.control.lines import Answer
from holdfast.app.control.notify import Notifier, NotifySettings, Told
from holdfast.app.control.server import ControlServer
from holdfast.app.following import Following
from holdfast.app.live_risk import LiveRisk
from holdfast.app.machine import Machine
from holdfast.app.node import Node
from holdfast.app.permits_file import write_permits
from holdfast.app.refusal import refusal
from holdfast.app.steady_clock import SteadyClock
from holdfast.app.wire import Wire
from holdfast.app.writing import Writing
from holdfast.clock import SECOND_NS
from holdfast.error import BrokenInvariant, HoldfastError
from holdfast.event import RiskMeasured, Scope
from holdfast.ledger.journal.base import Fenced, Journal
from holdfast.receipt import Permit
from holdfast.response.view import Account
from holdfast.venues.client import Failure, Headers

FOLLOW_S: Final = 0.5
HOUSEKEEPING_S: Final = 1.0
STOP_S_MAX: Final = 5.0
EXIT_FENCED: Final = 5
SWITCH_S: Final = 0.0002  # beside a busy thread the loop wakes 0.4 ms late; at Python's 5 ms, 5.2 ms

Said = TypeVar("Said")

LOG: Final = logging.getLogger("holdfast.node")


class Driver:
    """Run one node until it is told to stop, or fenced off; `run` returns the exit code."""

    def __init__(
        self,
        node: Node,
        clock: SteadyClock,
        journal: Journal,
        following: Following,
        folder: Path,
        notify: NotifySettings,
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        self._node = node
        self._clock = clock
        self._journal = journal
        self._following = following
        self._folder = folder
        self._on_ready = on_ready
        self._wire = Wire(self)
        node.depart = self._depart
        self._writing = Writing(node, journal, self._on_written, self._on_fenced)
        self._ledger = ThreadPoolExecutor(1, "ledger")
        self._inbox = Inbox(folder)
        self._control = ControlServer(folder, self._answer)
        self._machine = Machine(folder)
        self._risk = LiveRisk(node, self._on_risk)
        self._loop = asyncio.new_event_loop()
        self._notifier = Notifier(notify, self._on_told)
        self._stopping = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_ns = 0
        self._files: list[tuple[int, InboxFile]] = []
        self._permits_told: dict[Scope, Permit] | None = None
        self._is_ready = False
        self._refused: dict[Account, str] = {}
        self._error: Exception | None = None
        self._figures: dict[str, float] = {}
        self._exit, self._reason = 0, "stopped by signal"

    def run(self) -> int:
        """Run until the end.

        Raises: CallerError `credentials.refused` when no account could be opened; whatever broke the node.
        """
        asyncio.set_event_loop(self._loop)
        sys.setswitchinterval(SWITCH_S)
        try:
            return self._loop.run_until_complete(self._run())
        finally:
            self._notifier.close()
            self._loop.close()

    async def _run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._stopping.set)
        await self._control.start()
        self._poll_inbox()
        self._node.start(self._clock.now_ns())
        self._flush()
        if self._on_ready is not None:
            self._on_ready()
        gc.collect()
        gc.freeze()
        tasks = [self._loop.create_task(work) for work in (self._keep_house(), self._follow())]
        stop = self._loop.create_task(self._stopping.wait())
        done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in (stop, *tasks):
            task.cancel()
        await self._end()
        for task in done:
            if task is not stop and not task.cancelled() and (error := task.exception()) is not None:
                raise error
        if self._error is not None:
            raise self._error
        return self._exit

    async def _end(self) -> None:
        """Write what there is, let everything go."""
        await self._control.stop()
        if not self._node.is_fenced:
            self._node.stop(self._clock.now_ns(), self._reason)
            self._flush()
            await self._until_written()
        if self._alarm is not None:
            self._alarm.cancel()
        self._risk.close()
        await self._wire.close()
        self._writing.close()
        self._ledger.shutdown(wait=True, cancel_futures=True)
        with contextlib.suppress(HoldfastError, OSError):
            self._following.follow()
        self._following.close()
        self._journal.close()

    # what the wire hears

    def opened(self, client: int, line: str) -> None:
        """A line is open."""
        self._enter(self._node.on_open, client, line)

    def closed(self, client: int, line: str, reason: str) -> None:
        """A line ended."""
        self._enter(self._node.on_close, client, line, reason)

    def framed(self, client: int, line: str, data: bytes) -> None:
        """A frame came."""
        self._enter(self._node.on_frame, client, line, data)

    def answered(self, client: int, request: int, status: int, body: bytes, headers: Headers) -> None:
        """A request was answered."""
        self._enter(self._node.on_answer, client, request, status, body, headers)

    def failed(self, client: int, request: int, failure: Failure, reason: str) -> None:
        """A request ended without an answer."""
        self._enter(self._node.on_failure, client, request, failure, reason)

    def _enter(self, act: Callable[..., Said], *what: object) -> Said | None:
        """Hand the node what happened and do at once what it wants; None where it breaks, or does nothing more (rule 5)."""
        if self._node.is_fenced:
            return None
        try:
            said = act(self._clock.now_ns(), *what)
            self._flush()
        except Exception as error:
            self._node.fence()
            self._give_up(error)
            return None
        self._writing.wait()
        return said

    # what the node wants

    def _flush(self) -> None:
        """Do everything that the node wants now, brakes first: they stand first in the clients' wishes."""
        node = self._node
        if node.is_fenced:
            return
        self._depart()
        while node.tells:
            key, tell = node.tells.popleft()
            if not self._notifier.tell(key, tell):
                self._loop.call_soon(self._told, Told(key, 0, 0, "too many texts wait"))
        if node.memory.permits != self._permits_told:
            self._permits_told = dict(node.memory.permits)
            with contextlib.suppress(OSError):
                write_permits(self._folder, self._permits_told)
        while node.notes:
            LOG.info("%s", node.notes.popleft())
        is_ready = all(map(node.reconciling.is_current, node.clients))
        if is_ready != self._is_ready:
            self._is_ready = is_ready
            LOG.info("ready" if self._is_ready else "not ready: an account is not reconciled")
            self._show_health()
        if node.reconciling.refused != self._refused:
            self._hear_refusals()
        self._set_alarm()

    def _hear_refusals(self) -> None:
        """Say which credentials a venue refuses; where none was ever taken there is nothing to guard, so that is the end."""
        known, self._refused = self._refused, dict(self._node.reconciling.refused)
        for account, why in self._refused.items():
            if account not in known:
                LOG.critical("%s", refusal(account, why))
        if len(self._refused) == len(self._node.clients) and not self._node.reconciling.was_up:
            self._give_up(refusal(*next(iter(self._refused.items()))))

    def _give_up(self, error: Exception) -> None:
        """End the run with an error, at which it cannot go on."""
        self._error, self._reason = error, str(error)
        self._stopping.set()

    def _depart(self) -> None:
        """Carry out what clients wish for now, then have what is intended written: what is left of the turn can wait."""
        for number, client in enumerate(self._node.clients):
            if client.wishes:
                self._wire.carry_out(number, client)
        self._writing.begin()

    def _set_alarm(self) -> None:
        wake_ns = self._node.wake_ns
        if wake_ns == self._alarm_ns:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_ns = wake_ns
        delay_s = max(wake_ns - self._clock.now_ns(), 0) / SECOND_NS
        self._alarm = self._loop.call_later(delay_s, self._wake)

    def _wake(self) -> None:
        self._alarm, self._alarm_ns = None, 0
        self._enter(self._node.on_wake)

    # the journal

    def _on_written(self, count: int) -> None:
        self._enter(self._node.on_written, count)
        self._finish_files()

    def _on_fenced(self, error: Fenced) -> None:
        LOG.critical("%s", error)
        self._exit, self._reason = EXIT_FENCED, str(error)
        self._stopping.set()

    async def _follow(self) -> None:
        """Let the provable ledger follow the journal."""
        told = ""
        while True:
            await asyncio.sleep(FOLLOW_S)
            try:
                await self._loop.run_in_executor(self._ledger, self._following.follow)
                self._machine.beat("ledger", FOLLOW_S)
                told = ""
            except (HoldfastError, OSError) as error:
                if str(error) != told:
                    LOG.error("%s", error)
                told = str(error)

    # people

    async def _answer(self, signed: SignedCommand) -> Answer:
        verdict = self._enter(self._node.on_command, signed)
        if verdict is None:
            raise BrokenInvariant("node.ended", "the node takes no more commands", remedy="start it again")
        await self._until_written()
        return answer_of(self._node, verdict)

    async def _until_written(self) -> None:
        """Wait until what was said is durable, but not for ever: a brake holds without."""
        target = self._writing.written + len(self._node.unwritten)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S_MAX):
                while self._writing.written < target and not self._node.is_fenced:
                    await asyncio.sleep(0.002)

    def _poll_inbox(self) -> None:
        for file in self._inbox.poll():
            self._node.on_command(self._clock.now_ns(), file.signed, from_file=True)
            self._files.append((self._writing.written + len(self._node.unwritten), file))
        self._flush()
        self._finish_files()

    def _finish_files(self) -> None:
        """Put away the command files whose receipts are durable."""
        while self._files and self._files[0][0] <= self._writing.written:
            self._inbox.done(self._files.pop(0)[1])

    def _on_risk(self, measured: Sequence[RiskMeasured]) -> None:
        """From the risk process's thread: the next sweep takes it in."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lambda: self._enter(self._node.on_risk, measured))

    def _on_told(self, told: Told) -> None:
        """From the notifier's thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the outbox will tell again
            self._loop.call_soon_threadsafe(self._told, told)

    def _told(self, told: Told) -> None:
        self._enter(self._node.on_told, told.key, told.delivered, told.detail)

    # each second

    async def _keep_house(self) -> None:
        """Measure the machine, read the inbox, write the health file."""
        due_s = self._loop.time() + HOUSEKEEPING_S
        while True:
            await asyncio.sleep(max(due_s - self._loop.time(), 0.0))
            lag_s = max(self._loop.time() - due_s, 0.0)
            due_s = max(due_s + HOUSEKEEPING_S, self._loop.time())
            now_ns = self._clock.now_ns()
            self._writing.check()
            if self._writing.is_ok:
                self._machine.beat("journal")
            measured = self._machine.measure(now_ns, lag_s, self._clock.step_ns())
            self._node.on_measured(now_ns, measured)
            self._risk.on_second(now_ns)
            self._poll_inbox()
            self._figures = {one.name: one.value for one in measured if not one.subject}
            self._show_health()

    def _show_health(self) -> None:
        """Write the health file: each second, and when the node becomes ready or is no more."""
        now_ns = self._clock.now_ns()
        figures = {
            "records_unwritten": float(len(self._node.unwritten)),
            "ready": float(self._is_ready),
            "reconciled_s": (now_ns - self._node.reconciling.oldest_ns) / SECOND_NS,
        }
        health = health_of(self._node.parts.gate.picture, now_ns, **self._figures, **figures)
        with contextlib.suppress(OSError):
            write_health(self._folder, health)
