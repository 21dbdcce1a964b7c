"""Agents: one seed is one market, money is moved and never made, makers fear, and forced sales force others."""

from decimal import Decimal

import pytest

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.lab.world.agents import Agent, Population, new_agents
from holdfast.lab.world.agents.holder import Holder
from holdfast.lab.world.exchange import Liquidated
from holdfast.lab.world.listings import BINANCE, DERIBIT
from holdfast.lab.world.world import World

START_NS = 1_760_000_000 * SECOND_NS


def populated(seed: int) -> World:
    return World(seed, START_NS, participants=[Population(seed)], clients=())


def picture(world: World) -> list[object]:
    """Return every book and every account's worth."""
    return [
        (exchange.book(symbol, 30), exchange.equity_usd(account))
        for exchange in world.exchanges.values()
        for symbol in exchange.listings
        for account in exchange.accounts()
    ]


def crash(world: World, fall: float, seconds: int) -> list[Liquidated]:
    """Push prices down evenly; return what was liquidated."""
    found: list[Liquidated] = []
    for _ in range(seconds * 4):
        for asset in ("BTC", "ETH"):
            world.shock(asset, -fall / seconds / 4)
        world.advance(world.now_ns + SECOND_NS // 4)
        for exchange in world.exchanges.values():
            found += [it for it in exchange.take_news() if isinstance(it, Liquidated)]
    return found


def money_is_conserved(world: World) -> None:
    for exchange in world.exchanges.values():
        for asset in ("BTC", "ETH", "USDC", "USDT"):
            assert exchange.discrepancy(asset) == 0


def test_one_seed_is_one_market_however_time_is_cut() -> None:
    whole, cut = populated(4), populated(4)
    whole.advance(START_NS + 20 * SECOND_NS)
    for _ in range(20 * 10):
        cut.advance(cut.now_ns + 100 * MILLISECOND_NS)
    assert picture(whole) == picture(cut)
    other = populated(5)
    other.advance(START_NS + 20 * SECOND_NS)
    assert picture(whole) != picture(other)


def test_every_instrument_has_two_sides_and_trades_happen() -> None:
    world = populated(2)
    world.advance(START_NS + 30 * SECOND_NS)
    for exchange in world.exchanges.values():
        for symbol, listing in exchange.listings.items():
            bid, bid_lots, ask, ask_lots = exchange.touch(symbol)
            assert ask_lots, symbol
            if listing.kind != "option":
                assert bid_lots, symbol
                assert bid < ask
    assert world.exchanges[BINANCE].trades("BTCUSDT", 10)
    money_is_conserved(world)


def test_contracts_of_one_asset_stay_together() -> None:
    world = populated(6)
    for _ in range(20):
        world.advance(world.now_ns + 3 * SECOND_NS)
        here = world.exchanges[BINANCE].touch("BTCUSDT")
        there = world.exchanges[DERIBIT].touch("BTC-PERPETUAL")
        assert here[0] * 0.1 == pytest.approx(there[0] * 0.5, rel=0.002)


class Sleeper:
    """An agent that notes when it was woken."""

    def __init__(self, name: str, every_ns: int, noted: list[tuple[str, int]]) -> None:
        self.name, self.every_ns, self.noted = name, every_ns, noted

    def join(self, now_ns: int, world: World) -> int:
        assert world.now_ns == now_ns
        return now_ns + self.every_ns

    def wake(self, now_ns: int, world: World) -> int:
        self.noted.append((self.name, (now_ns - world.start_ns) // MILLISECOND_NS))
        return now_ns + self.every_ns if len(self.noted) < 6 else 0


def test_agents_are_woken_when_due_and_in_order_and_never_after_they_end() -> None:
    noted: list[tuple[str, int]] = []
    agents: list[Agent] = [
        Sleeper("a", 300 * MILLISECOND_NS, noted),
        Sleeper("b", 200 * MILLISECOND_NS, noted),
    ]
    world = World(1, START_NS, participants=[Population(1, agents)], clients=())
    world.advance(START_NS + 10 * SECOND_NS)
    assert noted == [("b", 200), ("a", 300), ("b", 400), ("a", 600), ("b", 600), ("b", 800), ("a", 900)]


def test_makers_pull_their_quotes_in_a_crash_and_come_back() -> None:
    world = populated(3)
    world.advance(START_NS + 10 * SECOND_NS)
    exchange = world.exchanges[BINANCE]
    assert exchange.open_orders("maker-quick", "BTCUSDT")
    assert exchange.open_orders("maker-steady", "BTCUSDT")
    before = exchange.touch("BTCUSDT")
    crash(world, 0.06, 4)
    assert exchange.open_orders("maker-quick", "BTCUSDT") == []
    assert exchange.open_orders("maker-steady", "BTCUSDT") == []
    assert exchange.open_orders("maker-deep", "BTCUSDT")
    during = exchange.touch("BTCUSDT")
    assert during[2] - during[0] > 10 * (before[2] - before[0])
    world.advance(world.now_ns + 60 * SECOND_NS)
    assert exchange.open_orders("maker-quick", "BTCUSDT")
    assert exchange.open_orders("maker-steady", "BTCUSDT")


def test_nobody_is_liquidated_in_calm() -> None:
    world = populated(8)
    assert crash(world, 0.0, 60) == []


def test_forced_sales_lower_the_price_that_forces_the_next() -> None:
    lows: list[float] = []
    for has_holders in (True, False):
        world = World(8, START_NS, participants=[], clients=())
        agents = [one for one in new_agents(8, world) if has_holders or not isinstance(one, Holder)]
        world.participants = [Population(8, agents)]
        forced = crash(world, 0.0, 10) + crash(world, 0.1, 10)
        world.advance(world.now_ns + 10 * SECOND_NS)
        assert bool(forced) is has_holders
        money_is_conserved(world)
        lows.append(world.paths.prices["BTC"])
    assert lows[0] < lows[1] * 0.998


def test_a_liquidated_holder_comes_back_with_fresh_money() -> None:
    world = populated(8)
    crash(world, 0.15, 12)
    exchange = world.exchanges[BINANCE]

    def flat() -> set[str]:
        return {it for it in exchange.accounts() if it.startswith("holder") and not exchange.positions(it)}

    away = flat()
    assert away
    world.advance(world.now_ns + 900 * SECOND_NS)
    assert len(flat()) < len(away)
    money_is_conserved(world)


def test_venues_forget_what_agents_did() -> None:
    world = populated(2)
    world.advance(START_NS + 120 * SECOND_NS)
    oldest = min(order.updated_ns for order in world.exchanges[BINANCE].order_history("maker-quick"))
    assert oldest > START_NS + 60 * SECOND_NS
    assert world.exchanges[BINANCE].balance("maker-quick", "USDT").amount > Decimal(0)
