"""The simulated exchange: operations a second, and how much faster than real time a small world runs.

Defends: plain Python with integers for the venue of the lab. The mix is that of a few dozen agents: quotes that are placed,
edited and cancelled around the touch, and takers that trade; the news are taken each step, as a protocol would. No peer.
"""

import random
from decimal import Decimal
from typing import Final

from benchmarks.measure import Bench, Touch, timed
from holdfast.lab.world.exchange import Exchange, Listing, Order, Refused

AGENTS: Final = 30
SECONDS: Final = 600
START_NS: Final = 1_700_000_000_000_000_000
SECOND_NS: Final = 1_000_000_000
OPERATIONS: Final = 60_000


def measure(bench: Bench) -> None:
    """Measure the mix of operations, matching alone, and a quiet world in virtual time."""
    bench.compare("exchange: place, edit, cancel, trade", OPERATIONS, "operations/s", lambda: timed(_mix), [])
    bench.compare("exchange: trades one by one", OPERATIONS, "trades/s", lambda: timed(_trades), [])
    bench.compare("exchange: world of 30 agents", SECONDS, "s/s", lambda: timed(_world), [], rate_min=1000.0)


def _venue() -> Exchange:
    listings = [
        Listing(
            symbol=symbol, kind="perpetual", base=base, quote="USDT", settle="USDT", inverse=False,
            contract_size=Decimal(1), tick=Decimal("0.1"), lot=Decimal("0.001"),
        )
        for symbol, base in (("BTCUSDT", "BTC"), ("ETHUSDT", "ETH"))
    ]  # fmt: skip
    exchange = Exchange("bench", listings, START_NS)
    for number in range(AGENTS):
        exchange.open_account(f"a{number}")
        exchange.deposit(f"a{number}", "USDT", Decimal(10_000_000))
    exchange.set_index("BTC", 50_000.0)
    exchange.set_index("ETH", 3_000.0)
    return exchange


def _mix() -> Touch:
    exchange = _venue()
    draw = random.Random(7)
    mine: list[tuple[str, str]] = []
    for number in range(OPERATIONS):
        if number % 500 == 0:
            exchange.advance(exchange.now_ns + SECOND_NS)
            exchange.take_news()
        account = f"a{draw.randrange(AGENTS)}"
        chance = draw.random()
        if chance < 0.5 or not mine:
            side = "buy" if draw.random() < 0.5 else "sell"
            away = draw.randrange(1, 100)
            ticks = 500_000 - away if side == "buy" else 500_000 + away
            placed = exchange.place_lots(account, "BTCUSDT", side, draw.randrange(1, 100), ticks)
            if isinstance(placed, Order):
                mine.append((account, placed.order_id))
        elif chance < 0.9:
            place = draw.randrange(len(mine))
            owner, order_id = mine[place]
            mine[place] = mine[-1]
            mine.pop()
            exchange.cancel(owner, order_id)
        else:
            exchange.place_lots(account, "BTCUSDT", "buy" if draw.random() < 0.5 else "sell", 50, None)
    return _touch(exchange)


def _trades() -> Touch:
    exchange = _venue()
    for number in range(OPERATIONS):
        side, other = ("buy", "sell") if number & 1 else ("sell", "buy")
        exchange.place_lots("a1", "BTCUSDT", side, 5, 500_000)
        taken = exchange.place_lots("a2", "BTCUSDT", other, 5, 500_000)
        assert not isinstance(taken, Refused)
        if number % 500 == 0:
            exchange.advance(exchange.now_ns + SECOND_NS)
            exchange.take_news()
    return _touch(exchange)


def _world() -> Touch:
    """Thirty agents: each second a fifth of them moves its quotes, and two trade; marks and margins each second."""
    exchange = _venue()
    draw = random.Random(7)
    quotes: dict[str, list[str]] = {}
    price = 50_000.0
    for _ in range(SECONDS):
        price *= 1.0 + draw.gauss(0.0, 1e-4)
        exchange.set_index("BTC", price)
        ticks = round(price * 10)
        for number in draw.sample(range(AGENTS), 6):
            account = f"a{number}"
            for order_id in quotes.get(account, ()):
                exchange.cancel(account, order_id)
            placed = (
                exchange.place_lots(account, "BTCUSDT", "buy", 20, ticks - draw.randrange(3, 60)),
                exchange.place_lots(account, "BTCUSDT", "sell", 20, ticks + draw.randrange(3, 60)),
            )
            quotes[account] = [order.order_id for order in placed if isinstance(order, Order)]
        for number in draw.sample(range(AGENTS), 2):
            exchange.place_lots(f"a{number}", "BTCUSDT", "buy" if draw.random() < 0.5 else "sell", 10, None)
        exchange.advance(exchange.now_ns + SECOND_NS)
        exchange.take_news()
    return _touch(exchange)


def _touch(exchange: Exchange) -> Touch:
    bid, _, ask, _ = exchange.touch("BTCUSDT")
    return bid * 0.1, ask * 0.1
