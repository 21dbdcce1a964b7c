"""Population: all agents of a world as one participant, and the population that a world has by default."""

import heapq
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from holdfast.clock import SECOND_NS
from holdfast.lab.world.agents.arbitrage import Arbitrageur
from holdfast.lab.world.agents.discovery import Discovery
from holdfast.lab.world.agents.holder import Holder
from holdfast.lab.world.agents.market_maker import DEEP, QUICK, STEADY, STYLES, MarketMaker, Style
from holdfast.lab.world.agents.momentum import MomentumTrader
from holdfast.lab.world.agents.mood import Mood, Moods
from holdfast.lab.world.agents.news import News
from holdfast.lab.world.agents.noise import NoiseTrader
from holdfast.lab.world.agents.option_maker import OptionMaker
from holdfast.lab.world.listings import BINANCE, DERIBIT

if TYPE_CHECKING:
    from holdfast.lab.world.world import World

FORGET_NS: Final = 30 * SECOND_NS
KEEP_NS: Final = 10 * SECOND_NS
_INSURANCE: Final = {
    DERIBIT: {"BTC": "100", "ETH": "1000", "USDC": "5000000"},
    BINANCE: {"USDT": "10000000"},
}
_SIGMA: Final = {"BTC": 0.00008, "ETH": 0.0001, "SOL": 0.00012}
# how much is quoted there beside Binance's bitcoin perpetual, by which makers, and how many trades a second
_MARKETS: Final[tuple[tuple[str, str, str, float, tuple[Style, ...], float], ...]] = (
    (BINANCE, "BTCUSDT", "BTC", 1.0, STYLES, 5.0),
    (BINANCE, "ETHUSDT", "ETH", 0.6, STYLES, 3.0),
    (BINANCE, "SOLUSDT", "SOL", 0.2, (QUICK, STEADY), 1.0),
    (DERIBIT, "BTC-PERPETUAL", "BTC", 0.6, STYLES, 2.0),
    (DERIBIT, "ETH-PERPETUAL", "ETH", 0.3, STYLES, 1.0),
    (DERIBIT, "BTC_USDC-PERPETUAL", "BTC", 0.1, (STEADY,), 0.2),
)
_DATED_SIZE: Final = 0.1
_HOLDERS: Final = (  # venue, symbol, how many, mean size in dollars
    (BINANCE, "BTCUSDT", 10, 2_000_000.0),
    (BINANCE, "ETHUSDT", 8, 1_200_000.0),
    (DERIBIT, "BTC-PERPETUAL", 8, 1_500_000.0),
    (DERIBIT, "ETH-PERPETUAL", 5, 600_000.0),
)


class Agent(Protocol):
    """Someone who acts when it is time to."""

    def join(self, now_ns: int, world: "World") -> int:
        """Open accounts; return when to wake first."""
        ...

    def wake(self, now_ns: int, world: "World") -> int:
        """Look and act; return when to wake next, 0: never."""
        ...


class Population:
    """Wakes agents when they are due, the earlier in the list first where equal."""

    def __init__(self, seed: int, agents: Sequence[Agent] | None = None) -> None:
        self._seed = seed
        self._given = agents
        self.agents: list[Agent] = []
        self._due: list[tuple[int, int]] = []
        self._forget_ns = 0

    def act(self, now_ns: int, world: "World") -> None:
        """Wake who is due."""
        if not self.agents:
            self._join(now_ns, world)
        due, agents = self._due, self.agents
        while due and due[0][0] <= now_ns:
            due_ns, number = due[0]
            next_ns = agents[number].wake(due_ns, world)
            if next_ns:
                heapq.heapreplace(due, (max(next_ns, due_ns + 1), number))
            else:
                heapq.heappop(due)
        if now_ns >= self._forget_ns:
            self._forget_ns = now_ns + FORGET_NS
            self._forget(now_ns, world)

    def _join(self, now_ns: int, world: "World") -> None:
        self.agents = list(new_agents(self._seed, world) if self._given is None else self._given)
        for venue, money in _INSURANCE.items():
            for asset, amount in money.items():
                world.exchanges[venue].fund(asset, Decimal(amount))
        self._due = [(agent.join(now_ns, world), number) for number, agent in enumerate(self.agents)]
        heapq.heapify(self._due)

    @staticmethod
    def _forget(now_ns: int, world: "World") -> None:
        """Let the venues forget what agents did: nobody asks for it."""
        for exchange in world.exchanges.values():
            clients = {it.account for it in world.credentials[exchange.venue]}
            for account in exchange.accounts():
                if account not in clients:
                    exchange.forget(account, now_ns - KEEP_NS)


def new_agents(seed: int, world: "World") -> list[Agent]:
    """Return the default population: holders first, whose positions are opened in empty books."""
    moods: Moods = {asset: Mood(asset, _SIGMA[asset]) for asset in world.paths.prices if asset in _SIGMA}
    agents: list[Agent] = [*_holders(seed), Discovery(moods), News(seed, moods)]
    markets = [*_MARKETS]
    for venue, exchange in world.exchanges.items():
        markets += [
            (venue, it.symbol, it.base, _DATED_SIZE, (STEADY, DEEP), 0.2)
            for it in exchange.listings.values()
            if it.kind == "future"
        ]
    for venue, symbol, asset, size, styles, rate in markets:
        mood = moods[asset]
        agents += [MarketMaker(seed, venue, symbol, style, mood, size) for style in styles]
        agents.append(NoiseTrader(seed, venue, symbol, mood, rate, 1_200.0 * size**0.5))
        if (venue, symbol) != (BINANCE, "BTCUSDT"):
            main = (BINANCE, f"{asset}USDT")
            if (venue, symbol) != main:
                agents.append(Arbitrageur(seed, ((venue, symbol), main), mood, 0.0003, 1_000_000.0))
    agents.append(OptionMaker(seed, DERIBIT, moods["BTC"], "BTC-PERPETUAL"))
    for asset, usd in (("BTC", 1_500_000.0), ("ETH", 800_000.0)):
        agents += [
            MomentumTrader(seed, BINANCE, f"{asset}USDT", moods[asset], memory_s, usd)
            for memory_s in (40.0, 180.0)
        ]
    return agents


def _holders(seed: int) -> list[Agent]:
    draw = random.Random(f"holders {seed}")
    return [
        Holder(
            seed,
            f"holder-{symbol.lower()}-{number}",
            venue,
            symbol,
            1 if draw.random() < 0.75 else -1,
            usd * draw.lognormvariate(-0.2, 0.6),
            draw.uniform(5.0, 22.0) if venue == DERIBIT else draw.uniform(4.0, 15.0),
            draw.choice((0.0, 0.0, 0.03, 0.06)),
        )
        for venue, symbol, count, usd in _HOLDERS
        for number in range(count)
    ]
