"""Universe: a world, a desk with positions, its guard, and a seed that says what goes wrong; then it heals, and is judged.

Phases: *storm* (faults, crashes, take-overs, commands and price shocks at random), then *healing* (everything works again, a
node runs) for a bound within which the desk must be safe. The verdict is drawn from the venues' own books.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any, Final

import msgspec

from holdfast.app.node import Node
from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.lab.universe.clockwork import Clockwork
from holdfast.lab.universe.desk import ACCOUNT, STRATEGY, SYMBOLS, command, new_node
from holdfast.lab.universe.network import Network
from holdfast.lab.universe.port import ports_of
from holdfast.lab.universe.process import Process
from holdfast.lab.universe.verdict import Verdict, judge
from holdfast.lab.universe.weather import CALM, Weather, stormy
from holdfast.lab.world.exchange import OrderRequest
from holdfast.lab.world.listings import BINANCE, DERIBIT
from holdfast.lab.world.resident import Quoter
from holdfast.lab.world.world import World
from holdfast.ledger.journal.memory import MemoryJournal
from holdfast.receipt import Mode

START_NS: Final = 1_760_000_000 * SECOND_NS
STEP_NS: Final = 50 * MILLISECOND_NS
STORM_S: Final = 15
HEALING_S: Final = 25
ARMED: Final[dict[str, Mode]] = {
    "deleverage": "act",
    "cancel_and_pause": "act",
    "unauthorised_trading_lockdown": "act",
    "circuit_breaker": "act",
}
STARTED: Final = (
    "deleverage",
    "deleverage",
    "deleverage",
    "cancel_and_pause",
    "unauthorised_trading_lockdown",
)

Make = Callable[[World, str], Node]


def armed_node(world: World, name: str) -> Node:
    """Return the node of a universe."""
    return new_node(world, name, ARMED)


class Universe:
    """One seed. `make` builds the node: a broken one must be found out."""

    def __init__(self, seed: int, make: Make = armed_node, *, is_stormy: bool = True) -> None:
        self.random = Random(f"universe {seed}")
        self.clockwork = Clockwork(START_NS)
        self.world = World(seed, START_NS, participants=[Quoter(SYMBOLS)])
        self.journal = MemoryJournal()
        self.weather: Weather = stormy(self.random) if is_stormy else CALM
        self.networks: list[Network] = []
        self.processes: list[Process] = []
        self.events: list[str] = []
        self._ports = ports_of(self.world, self._deliver)
        self._make = make
        self._commands = 0
        self._is_stormy = is_stormy
        self._open_positions()
        self._process("one").start()
        self.clockwork.at(START_NS, self._step)

    def run(self) -> Verdict:
        """Let the storm pass, heal, and judge."""
        storm_ns = START_NS + STORM_S * SECOND_NS
        if self._is_stormy:
            self._brew(storm_ns)
        self.clockwork.run(storm_ns)
        self.heal()
        self.clockwork.run(storm_ns + HEALING_S * SECOND_NS)
        return judge(self.world, self.journal, self.alive)

    def heal(self) -> None:
        """Have everything work again, with one node running."""
        self.weather = CALM
        self.journal.trouble = ""
        for faults in self.world.faults.values():
            faults.is_frozen = faults.is_refusing = False
            faults.delay_ns = faults.clock_offset_ns = 0
            faults.effects_left = faults.duplicates_left = faults.skips_left = 0
        for process in self.processes:
            process.go_on()
        if not any(process.is_running for process in self.processes):
            self._process("healed").start()

    @property
    def alive(self) -> Node | None:
        """Return the node that runs."""
        running = [
            process.node for process in self.processes if process.is_running and process.node is not None
        ]
        return running[-1] if running else None

    def command(self, name: str, **arguments: str) -> Any:
        """Give the running node a command."""
        node = self.alive
        if node is None:
            return None
        self._commands += 1
        process = next(one for one in self.processes if one.node is node)
        return process.command(command(self.clockwork.now_ns, self._commands, name, **arguments))

    # what happens by itself

    def _process(self, name: str) -> Process:
        def network() -> Network:
            made = Network(self.clockwork, self.random, lambda: self.weather, self._ports)
            self.networks.append(made)
            return made

        def make() -> Node:
            return self._make(self.world, name)

        process = Process(
            name, self.clockwork, self.random, lambda: self.weather, self.journal, network, make
        )
        self.processes.append(process)
        return process

    def _deliver(self, session: Any, frames: list[bytes]) -> None:
        for network in self.networks:
            if network.deliver(session, frames):
                return

    def _step(self) -> None:
        """Move the world on."""
        self.world.advance(self.clockwork.now_ns)
        for port in self._ports.values():
            port.moved(self.clockwork.now_ns)
        for network in self.networks:
            network.check()
        self.clockwork.after(STEP_NS, self._step)

    def _open_positions(self) -> None:
        """Give the desk positions, and its strategy resting orders."""
        random = self.random
        for venue, symbol, size in (
            (DERIBIT, "BTC-PERPETUAL", 200_000), (DERIBIT, "ETH-PERPETUAL", 50_000),
            (BINANCE, "BTCUSDT", 2), (BINANCE, "ETHUSDT", 20),
        ):  # fmt: skip
            exchange = self.world.exchanges[venue]
            self.world.advance(exchange.now_ns + SECOND_NS // 10)
            listing = exchange.listings[symbol]
            side = random.choice(("buy", "sell"))
            lots = (Decimal(size) * Decimal(random.choice((1, 2, 3))) / listing.lot).to_integral_value()
            exchange.place(
                ACCOUNT,
                OrderRequest(
                    instrument=symbol, side=side, quantity=lots * listing.lot, kind="market",
                    client_id=f"{STRATEGY}open-{symbol}",
                ),
            )  # fmt: skip
            far = Decimal(round(exchange.mark(symbol) * 0.97 / float(listing.tick))) * listing.tick
            for n in range(3):
                exchange.place(
                    ACCOUNT,
                    OrderRequest(
                        instrument=symbol, side="buy", quantity=10 * listing.lot, price=far,
                        client_id=f"{STRATEGY}rest-{symbol}-{n}",
                    ),
                )  # fmt: skip
        self.clockwork.now_ns = max(self.clockwork.now_ns, self.world.now_ns)

    # what goes wrong

    def _brew(self, until_ns: int) -> None:
        """Put the troubles of this universe into its time."""
        random = self.random
        troubles = (
            *(
                self._kill,
                self._kill,
                self._stop,
                self._take_over,
                self._tear,
                self._stall,
                self._deaf,
                self._deaf,
            ),
            *(
                self._lose_answers,
                self._freeze,
                self._refuse,
                self._disk_full,
                self._journal_away,
                self._skip,
            ),
            *(self._shock, self._shock, self._order, self._order, self._order),
        )
        for trouble in random.choices(troubles, k=random.randint(4, 14)):
            at_ns = self.clockwork.now_ns + random.randrange(until_ns - self.clockwork.now_ns)
            self.clockwork.at(at_ns, self._noted(trouble))

    def _noted(self, trouble: Callable[[], None]) -> Callable[[], None]:
        def happen() -> None:
            second = (self.clockwork.now_ns - START_NS) / SECOND_NS
            self.events.append(f"{second:.3f} s {trouble.__name__.strip('_')}")
            trouble()

        return happen

    def _running(self) -> Process | None:
        return next((one for one in self.processes if one.is_running), None)

    def _kill(self) -> None:
        process = self._running()
        if process is not None:
            process.kill()
            self._restart(process, round(self.random.uniform(0.05, 1.5) * SECOND_NS))

    def _restart(self, process: Process, delay_ns: int) -> None:
        def again() -> None:
            if process.state == "dead" and self._running() is None and not process.start():
                self.clockwork.after(SECOND_NS // 2, again)

        self.clockwork.after(delay_ns, again)

    def _stop(self) -> None:
        process = self._running()
        if process is not None:
            process.stop()
            self.clockwork.after(round(self.random.uniform(0.5, 10.0) * SECOND_NS), process.go_on)

    def _take_over(self) -> None:
        """Start a second node while the first is stopped."""
        process = self._running()
        if process is None:
            return
        process.stop()
        second = self._process(f"node-{len(self.processes) + 1}")
        self._restart(second, round(self.random.uniform(0.0, 3.0) * SECOND_NS))
        self.clockwork.after(round(self.random.uniform(2.0, 10.0) * SECOND_NS), process.go_on)

    def _tear(self) -> None:
        for network in self.networks:
            network.tear()

    def _stall(self) -> None:
        for network in self.networks:
            network.stall(round(self.random.uniform(0.5, 8.0) * SECOND_NS))

    def _deaf(self) -> None:
        """Answers to effects are lost while the lines say nothing either."""
        for faults in self.world.faults.values():
            faults.hurt_effects(self.random.choice(("error", "lost")), self.random.randint(1, 3))
        self._stall()
        self._order()

    def _any_faults(self) -> Any:
        return self.world.faults[self.random.choice((DERIBIT, BINANCE))]

    def _lose_answers(self) -> None:
        self._any_faults().hurt_effects(self.random.choice(("error", "lost")), self.random.randint(1, 4))

    def _freeze(self) -> None:
        faults = self._any_faults()
        faults.is_frozen = True
        self.clockwork.after(
            round(self.random.uniform(0.2, 5.0) * SECOND_NS), lambda: setattr(faults, "is_frozen", False)
        )

    def _refuse(self) -> None:
        faults = self._any_faults()
        faults.is_refusing = True
        faults.drop_sessions()
        self.clockwork.after(
            round(self.random.uniform(0.2, 5.0) * SECOND_NS), lambda: setattr(faults, "is_refusing", False)
        )

    def _disk_full(self) -> None:
        self.journal.trouble = "full"
        self._clear_trouble()

    def _journal_away(self) -> None:
        self.journal.trouble = self.random.choice(("lost", "kept"))
        self._clear_trouble()

    def _clear_trouble(self) -> None:
        self.clockwork.after(
            round(self.random.uniform(0.1, 4.0) * SECOND_NS), lambda: setattr(self.journal, "trouble", "")
        )

    def _shock(self) -> None:
        self.world.shock(self.random.choice(("BTC", "ETH")), self.random.choice((-0.03, -0.01, 0.01, 0.03)))

    def _order(self) -> None:
        """A person starts a playbook."""
        name = self.random.choice(STARTED)
        scope = self.random.choice(
            ("desk", DERIBIT, BINANCE, f"{DERIBIT}:BTC-PERPETUAL", f"{BINANCE}:BTCUSDT")
        )
        self.command("start", playbook=name, scope=scope)

    def _skip(self) -> None:
        faults = self._any_faults()
        self.random.choice((faults.skip_updates, faults.duplicate_updates))(self.random.randint(1, 3))


class Summary(msgspec.Struct, kw_only=True):
    """What a number of universes came to."""

    universes: int = 0
    effects: int = 0
    restarts: int = 0
    failed: dict[int, list[str]] = {}


def run_many(seeds: range, make: Make = armed_node) -> Summary:
    """Run universes and count what was wrong in any."""
    summary = Summary()
    for seed in seeds:
        universe = Universe(seed, make)
        verdict = universe.run()
        summary.universes += 1
        summary.effects += verdict.effects
        summary.restarts += sum(max(process.starts - 1, 0) for process in universe.processes)
        if verdict.wrong:
            summary.failed[seed] = [*verdict.wrong, *universe.events]
    return summary
