"""Process: one node process in virtual time: started, killed at any instant, stopped and continued, and started again.

What a real process has, this one has: a journal that takes time and may fail, an alarm, sockets that die with it. It has no
threads: an append is begun when there is something to write, and heard of when it ends.
"""

import contextlib
from collections.abc import Callable
from random import Random
from typing import Final, Literal

from holdfast.app.control.command import SignedCommand
from holdfast.app.control.gate import Verdict
from holdfast.app.node import Node
from holdfast.error import OutsideError
from holdfast.lab.universe.clockwork import Clockwork
from holdfast.lab.universe.network import Network
from holdfast.lab.universe.weather import Weather
from holdfast.ledger.journal.base import Fenced
from holdfast.ledger.journal.memory import MemoryJournal
from holdfast.ledger.record import decode, encode
from holdfast.venues.client import Failure, Headers

RETRY_NS: Final = 200_000_000
TURN_NS: Final = 10_000
"""How long a process that was stopped takes between two of the things that have piled up."""

State = Literal["dead", "running", "stopped"]
DEAD: Final = "dead"
RUNNING: Final = "running"
STOPPED: Final = "stopped"


class Process:
    """A node with its journal and network. `make` builds a node from nothing; everything else comes from the journal."""

    def __init__(
        self,
        name: str,
        clockwork: Clockwork,
        random: Random,
        weather: Callable[[], Weather],
        journal: MemoryJournal,
        network: Callable[[], Network],
        make: Callable[[], Node],
    ) -> None:
        self.name = name
        self.state: State = DEAD
        self.starts = 0
        self.node: Node | None = None
        self.network: Network | None = None
        self._clockwork = clockwork
        self._random = random
        self._weather = weather
        self._journal = journal
        self._new_network = network
        self._make = make
        self._life = 0
        self._alarm_ns = 0
        self._under_way: tuple[int, list[bytes]] | None = None
        self._piled: list[Callable[[], None]] = []

    @property
    def is_running(self) -> bool:
        """Tell whether it lives and is not stopped."""
        return self.state == RUNNING

    def start(self) -> bool:
        """Start: take over the journal, fold it, connect. False if the journal cannot be reached: try again later."""
        try:
            epoch = self._journal.take_over(self.name, self._clockwork.now_ns)
        except OutsideError:
            return False
        self._life += 1
        self.starts += 1
        self.state = RUNNING
        self._alarm_ns, self._under_way = 0, None
        node = self.node = self._make()
        node.depart = self._depart
        node.recover(decode(data) for _, data in self._journal.read())
        assert node.epoch == epoch
        network = self.network = self._new_network()
        network.hearer = self
        node.start(self._clockwork.now_ns)
        self._flush()
        return True

    def kill(self) -> None:
        """Kill it: memory is gone, what the journal had not finished may or may not be there."""
        if self.state == DEAD:
            return
        self.state = DEAD
        self._life += 1
        self._piled.clear()
        if self._under_way is not None and self._random.random() < 0.5:
            epoch, records = self._under_way
            with contextlib.suppress(OutsideError):
                self._journal.append(epoch, records)
        if self.network is not None:
            self.network.die()
        self.node = self.network = None

    def stop(self) -> None:
        """Stop it where it stands, as SIGSTOP does: whatever happens to it piles up."""
        if self.state == RUNNING:
            self.state = STOPPED

    def go_on(self) -> None:
        """Let a stopped process go on: it meets everything that has piled up, one after the other."""
        if self.state != STOPPED:
            return
        self.state = RUNNING
        piled, self._piled = self._piled, []
        for happen in piled:
            if self.state == RUNNING:
                happen()
            elif self.state == STOPPED:
                self._piled.append(happen)

    # what the network says

    def opened(self, client: int, line: str) -> None:
        """A line is open."""
        self._meet(lambda node: node.on_open(self._clockwork.now_ns, client, line))

    def closed(self, client: int, line: str, reason: str) -> None:
        """A line ended."""
        self._meet(lambda node: node.on_close(self._clockwork.now_ns, client, line, reason))

    def framed(self, client: int, line: str, data: bytes) -> None:
        """A frame came."""
        self._meet(lambda node: node.on_frame(self._clockwork.now_ns, client, line, data))

    def answered(self, client: int, request: int, status: int, body: bytes, headers: Headers) -> None:
        """A request was answered."""
        self._meet(
            lambda node: node.on_answer(self._clockwork.now_ns, client, request, status, body, headers)
        )

    def failed(self, client: int, request: int, failure: Failure, reason: str) -> None:
        """A request ended without an answer."""
        self._meet(lambda node: node.on_failure(self._clockwork.now_ns, client, request, failure, reason))

    def command(self, signed: SignedCommand) -> Verdict | None:
        """Give it a command; None if nobody is there to answer."""
        if self.state != RUNNING or self.node is None:
            return None
        verdict = self.node.on_command(self._clockwork.now_ns, signed)
        self._flush()
        return verdict

    # what it does

    def _meet(self, work: Callable[[Node], None]) -> None:
        """Give the node something, now or when it goes on."""
        life = self._life

        def happen() -> None:
            if self._life == life and self.node is not None:
                work(self.node)
                self._flush()

        if self.state == RUNNING:
            happen()
        elif self.state == STOPPED:
            self._piled.append(happen)

    def _flush(self) -> None:
        node = self.node
        if node is None or self.network is None:
            return
        if node.is_fenced:
            self.kill()
            return
        self._depart()
        while node.tells:
            effect, _ = node.tells.popleft()
            self._clockwork.after(1_000_000, lambda e=effect: self._tell(e))
        node.notes.clear()
        if node.unwritten and self._under_way is None:
            self._write(node)
        self._set_alarm(node)

    def _depart(self) -> None:
        if self.node is not None and self.network is not None:
            for number, client in enumerate(self.node.clients):
                self.network.carry_out(number, client)

    def _tell(self, effect: str) -> None:
        self._meet(lambda node: node.on_told(self._clockwork.now_ns, effect, True, ""))

    def _set_alarm(self, node: Node) -> None:
        wake_ns = node.wake_ns
        if wake_ns == self._alarm_ns:
            return
        self._alarm_ns = wake_ns
        life = self._life

        def ring() -> None:
            if self._life == life and self._alarm_ns == wake_ns:
                self._alarm_ns = 0
                self._meet(lambda one: one.on_wake(self._clockwork.now_ns))

        self._clockwork.at(wake_ns, ring)

    def _write(self, node: Node) -> None:
        """Begin an append of everything that waits; it ends a while later."""
        life = self._life
        self._under_way = node.epoch, [encode(record) for record in node.unwritten]
        self._clockwork.after(self._weather().disk_ns(self._random), lambda: self._written(life))

    def _written(self, life: int) -> None:
        """End an append: what is under way is durable now, or is tried again as it is."""
        if self._life != life or self._under_way is None:
            return
        epoch, records = self._under_way
        try:
            self._journal.append(epoch, records)
        except Fenced:
            self._meet(lambda node: node.fence())
            return
        except OutsideError:
            self._clockwork.after(RETRY_NS, lambda: self._written(life))
            return

        def heard(node: Node) -> None:
            self._under_way = None
            node.on_written(self._clockwork.now_ns, len(records))

        self._meet(heard)
