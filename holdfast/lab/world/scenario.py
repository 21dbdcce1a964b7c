"""Scenarios for a desk: `Storm`, where everything goes wrong within a minute, and `Calm`, where nothing does.

A storm, at times drawn from its seed:

1. *runaway*: the desk's own strategy starts to fire orders and stops listening.
2. *crash*: prices fall by 12 to 20 % within 12 to 20 s, slowly at first; makers pull their quotes, holders are liquidated,
   and part of it comes back. Prices are led along a curve: what liquidations do on the way only adds to it.
3. *freeze*: one venue says nothing for some seconds of the crash.
4. *squeeze*: nothing has to be done for it, and `events` tells of it. The desk's positions are so large for its collateral,
   half of which are coins that fall too, that a crash brings it to liquidation unless somebody acts.

`World(seed, start_ns, participants=Storm(seed).participants())` is the whole of it; the same seed with a permit that
somebody enforces is the same storm.
"""

import math
import random
from typing import TYPE_CHECKING, Final

from holdfast.clock import SECOND_NS
from holdfast.lab.world.agents import Population
from holdfast.lab.world.binance.account import spot_wallet
from holdfast.lab.world.desk_strategy import ACCOUNT, AskPermit, DeskStrategy, always_open
from holdfast.lab.world.listings import VENUES

if TYPE_CHECKING:
    from holdfast.lab.world.world import Participant, World

LENGTH_S: Final = 60.0
_BETA: Final = {"BTC": 1.0, "ETH": 1.15, "SOL": 1.3}
_SLOW_START: Final = 2.0
_SQUEEZED: Final = 2


class Calm:
    """A desk among agents, and nothing else."""

    def __init__(self, seed: int, permit: AskPermit = always_open, *, length_s: float = LENGTH_S) -> None:
        self.seed = seed
        self.length_s = length_s
        self.strategy = DeskStrategy(seed, permit)
        self.events: list[tuple[int, str]] = []

    def participants(self) -> "list[Participant]":
        """Return who acts in the world: the desk first, whose positions are opened in empty books."""
        return [self.strategy, self, Population(self.seed)]

    def act(self, now_ns: int, world: "World") -> None:
        """Do nothing."""


class Storm(Calm):
    """Everything at once. `events` tells what happened when; times within a length other than a minute are scaled."""

    def __init__(self, seed: int, permit: AskPermit = always_open, *, length_s: float = LENGTH_S) -> None:
        super().__init__(seed, permit, length_s=length_s)
        draw = random.Random(f"storm {seed}")
        scale = length_s / LENGTH_S
        self.runaway_s = draw.uniform(7.0, 12.0) * scale
        self.runaway_length_s = draw.uniform(5.0, 8.0) * scale
        self.crash_s = draw.uniform(23.0, 27.0) * scale
        self.crash_length_s = draw.uniform(12.0, 20.0) * scale
        self.fall = draw.uniform(0.12, 0.2)
        self.rebound = draw.uniform(0.25, 0.45)
        self.rebound_length_s = draw.uniform(6.0, 10.0) * scale
        self.frozen_venue = draw.choice(VENUES)
        self.freeze_s = self.crash_s + draw.uniform(0.3, 0.6) * self.crash_length_s
        self.freeze_length_s = draw.uniform(3.0, 6.0) * scale
        self._start_ns = self._look_ns = 0
        self._before: dict[str, float] = {}
        self._done: set[str] = set()

    def act(self, now_ns: int, world: "World") -> None:
        """Do what is due."""
        self._start_ns = self._start_ns or now_ns
        second = (now_ns - self._start_ns) / SECOND_NS
        if second >= self.runaway_s and self._once("runaway"):
            self._tell(now_ns, "the desk's own strategy runs away")
            self.strategy.run_away(now_ns + int(self.runaway_length_s * SECOND_NS))
        if second >= self.crash_s:
            self._lead(now_ns, second - self.crash_s, world)
            self._watch(now_ns, world)
        if second >= self.freeze_s and self._once("freeze"):
            self._tell(now_ns, f"{self.frozen_venue} freezes")
            world.faults[self.frozen_venue].is_frozen = True
        if second >= self.freeze_s + self.freeze_length_s and self._once("thaw"):
            self._tell(now_ns, f"{self.frozen_venue} thaws")
            world.faults[self.frozen_venue].is_frozen = False

    def _lead(self, now_ns: int, second: float, world: "World") -> None:
        """Lead prices along the curve of the crash; a price that is beyond it already is left alone."""
        if self._once("crash"):
            self._before = dict(world.paths.prices)
            self._tell(now_ns, f"the crash begins: {self.fall:.1%} within {self.crash_length_s:.0f} s")
        low = math.log1p(-self.fall)
        back = (second - self.crash_length_s) / self.rebound_length_s
        if back <= 0.0:
            sign, move = -1, low * (second / self.crash_length_s) ** _SLOW_START
        elif back <= 1.0:
            if self._once("rebound"):
                self._tell(now_ns, "the crash ends; part of it comes back")
            sign, move = 1, low * (1.0 - self.rebound * back)
        else:
            return
        for asset, before in self._before.items():
            missing = move * _BETA.get(asset, 1.0) - math.log(world.paths.prices[asset] / before)
            if missing * sign > 0.0:
                world.shock(asset, missing)

    def _watch(self, now_ns: int, world: "World") -> None:
        """Tell where the desk's margin is squeezed, looking once a second."""
        if now_ns < self._look_ns:
            return
        self._look_ns = now_ns + SECOND_NS
        for venue, exchange in world.exchanges.items():
            for it in exchange.balances(ACCOUNT):
                needed = it.maintenance_margin
                if needed and it.equity < _SQUEEZED * needed and self._once(f"squeeze {venue} {it.asset}"):
                    words = f"equity {it.equity:,.2f} {it.asset}, maintenance margin {needed:,.2f}"
                    self._tell(now_ns, f"the desk is squeezed at {venue}: {words}")

    def _once(self, what: str) -> bool:
        is_first = what not in self._done
        self._done.add(what)
        return is_first

    def _tell(self, now_ns: int, words: str) -> None:
        self.events.append((now_ns, words))


def equity_usd(world: "World", account: str = ACCOUNT) -> float:
    """Return what an account is worth on all venues and in its spot wallet, in dollars at marks and indices."""
    return sum(
        exchange.equity_usd(name)
        for exchange in world.exchanges.values()
        for name in (account, spot_wallet(account))
        if name in exchange.accounts()
    )
