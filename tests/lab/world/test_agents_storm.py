"""The storm costs an unguarded desk tens of percent, calm costs nothing, and the strategy does as it is permitted."""

from functools import cache

import pytest

from holdfast.clock import SECOND_NS
from holdfast.lab.world.desk_strategy import ACCOUNT, POSITIONS
from holdfast.lab.world.exchange import Liquidated
from holdfast.lab.world.listings import BINANCE, DERIBIT
from holdfast.lab.world.scenario import Calm, Storm, equity_usd
from holdfast.lab.world.world import World
from holdfast.receipt import Permit

START_NS = 1_760_000_000 * SECOND_NS
SEEDS = range(5)


class Lived:
    """A scenario that was lived through: equity each second, what was liquidated, and the world at its end."""

    def __init__(self, scenario: Calm, seconds: int = 60) -> None:
        self.scenario = scenario
        self.world = World(scenario.seed, START_NS, participants=scenario.participants())
        self.equity = [equity_usd(self.world)]
        self.prices = [self.world.paths.prices["BTC"]]
        self.liquidated: list[Liquidated] = []
        for _ in range(seconds):
            self.world.advance(self.world.now_ns + SECOND_NS)
            self.equity.append(equity_usd(self.world))
            self.prices.append(self.world.paths.prices["BTC"])
            for exchange in self.world.exchanges.values():
                self.liquidated += [it for it in exchange.take_news() if isinstance(it, Liquidated)]

    @property
    def loss(self) -> float:
        return 1.0 - self.equity[-1] / self.equity[0]


@cache
def stormy(seed: int) -> Lived:
    return Lived(Storm(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_an_unguarded_desk_loses_tens_of_percent_and_is_liquidated(seed: int) -> None:
    lived = stormy(seed)
    assert 0.3 < lived.loss < 0.9
    assert any(it.account == ACCOUNT for it in lived.liquidated)
    for exchange in lived.world.exchanges.values():
        assert all(exchange.discrepancy(asset) == 0 for asset in ("BTC", "ETH", "USDC", "USDT"))


@pytest.mark.parametrize("seed", SEEDS)
def test_prices_fall_as_far_as_was_drawn_and_some_of_it_comes_back(seed: int) -> None:
    lived = stormy(seed)
    storm = lived.scenario
    assert isinstance(storm, Storm)
    first = lived.prices[int(storm.crash_s)]
    low = min(lived.prices)
    assert 1.0 - low / first == pytest.approx(storm.fall, abs=0.02)
    assert 0.1 < (lived.prices[-1] - low) / (first - low) < 0.6


@pytest.mark.parametrize("seed", SEEDS)
def test_calm_is_calm(seed: int) -> None:
    lived = Lived(Calm(seed))
    assert abs(lived.loss) < 0.01
    assert lived.liquidated == []
    assert not any(faults.is_frozen for faults in lived.world.faults.values())


def test_everything_happens_once_and_in_its_order() -> None:
    lived = stormy(0)
    words = [what for _, what in lived.scenario.events]
    words = [what for what in words if "squeezed" not in what]
    assert ["runs away" in words[0], "begins" in words[1], "freezes" in words[2]] == [True] * 3
    assert sum("thaws" in what for what in words) == sum("comes back" in what for what in words) == 1
    assert not any(faults.is_frozen for faults in lived.world.faults.values())


def test_the_desk_is_squeezed_before_it_is_liquidated_and_never_in_calm() -> None:
    lived = stormy(0)
    squeezed = [time_ns for time_ns, what in lived.scenario.events if "squeezed" in what]
    forced = [it.time_ns for it in lived.liquidated if it.account == ACCOUNT]
    assert len(squeezed) >= 2
    assert min(squeezed) <= min(forced)
    assert Lived(Calm(0)).scenario.events == []


def test_one_seed_is_one_storm() -> None:
    again = Lived(Storm(3))
    assert again.equity == stormy(3).equity
    assert again.scenario.events == stormy(3).scenario.events
    assert stormy(2).equity != stormy(3).equity


def test_a_shorter_storm_is_the_same_one_sooner() -> None:
    short, usual = Storm(3, length_s=30.0), Storm(3)
    assert short.crash_s == pytest.approx(usual.crash_s / 2.0)
    assert (short.fall, short.frozen_venue) == (usual.fall, usual.frozen_venue)


def test_the_desk_starts_with_leveraged_positions_on_both_venues() -> None:
    lived = Lived(Calm(1), 1)
    held = {
        (venue, it.instrument): it.quantity
        for venue, exchange in lived.world.exchanges.items()
        for it in exchange.positions(ACCOUNT)
    }
    assert set(held) == {(venue, symbol) for venue, symbol, _ in POSITIONS}
    assert all(quantity > 0 for quantity in held.values())
    assert 3.0 < sum(usd for _, _, usd in POSITIONS) / lived.equity[0] < 6.0


@pytest.mark.parametrize(
    ("permit", "sides"),
    [("open", {"buy", "sell"}), ("reduce_only", {"sell"}), ("paused", set()), ("halted", set())],
)
def test_a_well_behaved_strategy_does_as_it_is_permitted(permit: Permit, sides: set[str]) -> None:
    lived = Lived(Calm(1, lambda _venue, _symbol: permit), 7)
    found = [order for it in lived.world.exchanges.values() for order in it.open_orders(ACCOUNT)]
    assert {order.side for order in found} == sides
    assert all(order.client_id.startswith("mm-") for order in found)
    if permit == "reduce_only":
        assert all(order.reduce_only for order in found)


def test_a_permit_that_is_withdrawn_has_the_quotes_cancelled() -> None:
    permits: dict[str, Permit] = {DERIBIT: "open", BINANCE: "open"}
    calm = Calm(1, lambda venue, _symbol: permits[venue])
    lived = Lived(calm, 7)
    exchanges = lived.world.exchanges
    assert all(exchange.open_orders(ACCOUNT) for exchange in exchanges.values())
    permits[DERIBIT] = "paused"
    lived.world.advance(lived.world.now_ns + 4 * SECOND_NS)
    assert exchanges[DERIBIT].open_orders(ACCOUNT) == []
    assert exchanges[BINANCE].open_orders(ACCOUNT)


def test_a_strategy_that_runs_away_asks_nobody_until_it_is_killed() -> None:
    calm = Calm(1, lambda _venue, _symbol: "halted")
    lived = Lived(calm, 4)
    strategy = calm.strategy
    before = strategy.orders_sent
    lived.world.advance(lived.world.now_ns + 2 * SECOND_NS)
    assert strategy.orders_sent == before
    strategy.run_away(lived.world.now_ns + 60 * SECOND_NS)
    lived.world.advance(lived.world.now_ns + 2 * SECOND_NS)
    fired = strategy.orders_sent
    assert fired - before > 40
    strategy.kill()
    lived.world.advance(lived.world.now_ns + 2 * SECOND_NS)
    assert strategy.orders_sent == fired


def test_nothing_is_sent_to_a_frozen_venue() -> None:
    calm = Calm(1)
    lived = Lived(calm, 4)
    lived.world.faults[BINANCE].is_frozen = True
    lived.world.exchanges[BINANCE].cancel_all(ACCOUNT)
    calm.strategy.run_away(lived.world.now_ns + 2 * SECOND_NS)
    lived.world.advance(lived.world.now_ns + 6 * SECOND_NS)
    assert lived.world.exchanges[BINANCE].open_orders(ACCOUNT) == []
    assert lived.world.exchanges[DERIBIT].open_orders(ACCOUNT)
