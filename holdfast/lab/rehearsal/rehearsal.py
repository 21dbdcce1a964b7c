"""One rehearsal in virtual time: a scenario, a desk in it, and, if it is guarded, the real node over a calm network."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

import msgspec

from holdfast.app.node import Node
from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.event import LevelMoved, Scope
from holdfast.lab.rehearsal.desk import guard
from holdfast.lab.universe.clockwork import Clockwork
from holdfast.lab.universe.network import Network
from holdfast.lab.universe.port import ports_of
from holdfast.lab.universe.process import Process
from holdfast.lab.universe.weather import CALM
from holdfast.lab.world.scenario import Calm, Storm, equity_usd
from holdfast.lab.world.world import World
from holdfast.ledger.journal.memory import MemoryJournal
from holdfast.ledger.record import Record, decode
from holdfast.receipt import Permit, PermitMoved

START_NS: Final = 1_760_000_000 * SECOND_NS
STEP_NS: Final = 50 * MILLISECOND_NS
SAMPLE_NS: Final = SECOND_NS // 2
LEAD_IN_S: Final = 5.0


class Outcome(msgspec.Struct, kw_only=True):
    """What a rehearsal came to. Units: equity in dollars by second since the start; loss in dollars, positive."""

    seed: int
    guarded: bool
    seconds: list[float] = []
    equity: list[float] = []
    events: list[tuple[float, str]] = []
    halts: int = 0
    records: list[bytes] = []

    @property
    def loss(self) -> float:
        """Return what was lost from the start to the end."""
        return self.equity[0] - self.equity[-1]

    @property
    def deepest(self) -> float:
        """Return the largest loss at any time."""
        return self.equity[0] - min(self.equity)


class Rehearsal:
    """One seed of one scenario."""

    def __init__(self, seed: int, *, guarded: bool, storm: bool, length_s: float = 60.0) -> None:
        kind = Storm if storm else Calm
        self.scenario = kind(seed, self._permit, length_s=length_s)
        self.length_s = length_s
        self.outcome = Outcome(seed=seed, guarded=guarded)
        self.world = World(seed, START_NS, participants=self.scenario.participants())
        self.clockwork = Clockwork(self.world.now_ns)
        self.journal = MemoryJournal()
        self._ports = ports_of(self.world, self._deliver)
        self._networks: list[Network] = []
        self._process: Process | None = None
        if guarded:
            random = Random(f"rehearsal {seed}")

            def network() -> Network:
                made = Network(self.clockwork, random, lambda: CALM, self._ports)
                self._networks.append(made)
                return made

            self._process = Process(
                "guard", self.clockwork, random, lambda: CALM, self.journal, network,
                lambda: guard(self.world, "guard"),
            )  # fmt: skip
            self._process.start()
        self.clockwork.at(self.world.now_ns, self._step)
        self.clockwork.at(self.world.now_ns, self._sample)

    @property
    def node(self) -> Node | None:
        """Return the guard."""
        return self._process.node if self._process is not None else None

    def run(self) -> Outcome:
        """Live through it."""
        self.clockwork.run(START_NS + round(self.length_s * SECOND_NS))
        self._take_sample()
        outcome = self.outcome
        outcome.events = [((at_ns - START_NS) / SECOND_NS, words) for at_ns, words in self.scenario.events]
        outcome.records = self.journal.durable
        outcome.halts = halts_in(self.journal.durable)
        return outcome

    def _permit(self, venue: str, symbol: str) -> Permit:
        """Answer the desk's strategy, which asks before it trades."""
        node = self.node
        return node.view.permit(Scope(venue, symbol)) if node is not None else "open"

    def _deliver(self, session: Any, frames: list[bytes]) -> None:
        for network in self._networks:
            if network.deliver(session, frames):
                return

    def _step(self) -> None:
        self.world.advance(self.clockwork.now_ns)
        for port in self._ports.values():
            port.moved(self.clockwork.now_ns)
        for network in self._networks:
            network.check()
        self.clockwork.after(STEP_NS, self._step)

    def _sample(self) -> None:
        self._take_sample()
        self.clockwork.after(SAMPLE_NS, self._sample)

    def _take_sample(self) -> None:
        self.outcome.seconds.append((self.clockwork.now_ns - START_NS) / SECOND_NS)
        self.outcome.equity.append(equity_usd(self.world))


def halts_in(records: Sequence[bytes]) -> int:
    """Count what was halted in a journal: levels and permits."""
    return sum(_is_halt(decode(data)) for data in records)


def _is_halt(record: Record) -> bool:
    """Tell whether something was halted: a level, or a permit."""
    if isinstance(record, LevelMoved):
        return record.to_level == "halt"
    return isinstance(record, PermitMoved) and record.permit == "halted"
