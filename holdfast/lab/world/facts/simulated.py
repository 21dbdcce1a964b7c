"""Observation of the world: its main perpetual, second by second, without clients."""

from decimal import Decimal
from typing import Final

from holdfast.clock import SECOND_NS
from holdfast.lab.world.agents import Population
from holdfast.lab.world.exchange import Printed
from holdfast.lab.world.facts.market import Market
from holdfast.lab.world.listings import BINANCE
from holdfast.lab.world.world import World

SYMBOL: Final = "BTCUSDT"
START_NS: Final = 1_760_000_000 * SECOND_NS
WARM_UP_S: Final = 30
_LEVELS: Final = 40


def observe_world(seed: int, seconds: int) -> Market:
    """Run a world of that many seconds and look at it."""
    world = World(seed, START_NS, participants=[Population(seed)], clients=())
    world.advance(START_NS + WARM_UP_S * SECOND_NS)
    market = Market(name=f"world, seed {seed}")
    exchange = world.exchanges[BINANCE]
    for other in world.exchanges.values():
        other.take_news()
    for _ in range(seconds):
        world.advance(world.now_ns + SECOND_NS)
        for other in world.exchanges.values():
            news = other.take_news()
            if other is exchange:
                for it in news:
                    if isinstance(it, Printed) and it.trade.instrument == SYMBOL:
                        market.trade(
                            it.trade.time_ns, float(it.trade.price * it.trade.quantity), it.trade.side
                        )
        book = exchange.book(SYMBOL, _LEVELS)
        if book is not None:
            market.sample(_floats(book.bids), _floats(book.asks))
    return market


def _floats(levels: list[tuple[Decimal, Decimal]]) -> list[tuple[float, float]]:
    return [(float(price), float(size)) for price, size in levels]
