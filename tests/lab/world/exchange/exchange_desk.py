"""A small venue to trade on: linear and inverse perpetuals, a dated future, options."""

from decimal import Decimal
from typing import Any

from holdfast.lab.world.exchange import (
    Exchange,
    ExchangeSettings,
    Listing,
    News,
    Order,
    OrderRequest,
    Refused,
)

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
START = 20_000 * DAY  # midnight UTC
EXPIRY = START + 30 * DAY + 8 * HOUR


def listing(symbol: str, kind: str, **terms: Any) -> Listing:
    fields: dict[str, Any] = {
        "symbol": symbol,
        "kind": kind,
        "base": "BTC",
        "quote": "USD",
        "settle": "USDT",
        "inverse": False,
        "contract_size": Decimal(1),
        "tick": Decimal("0.1"),
        "lot": Decimal("0.001"),
        "initial_margin": Decimal("0.1"),
        "maintenance_margin": Decimal("0.05"),
        "maker_fee": Decimal("0.0002"),
        "taker_fee": Decimal("0.0005"),
    }
    return Listing(**(fields | terms))


LINEAR = listing("LIN", "perpetual")
FREE = listing("FREE", "perpetual", maker_fee=Decimal(0), taker_fee=Decimal(0))
INVERSE = listing("INV", "perpetual", settle="BTC", inverse=True, tick=Decimal("0.5"), lot=Decimal(10))
FUTURE = listing("FUT", "future", expiry_ns=EXPIRY)
_OPTION: dict[str, Any] = {
    "strike": Decimal(50_000),
    "option_type": "call",
    "expiry_ns": EXPIRY,
    "initial_margin": Decimal("0.15"),
    "maintenance_margin": Decimal("0.075"),
    "maker_fee": Decimal("0.0003"),
    "taker_fee": Decimal("0.0003"),
}
CALL = listing(
    "CALL", "option", settle="BTC", inverse=True, tick=Decimal("0.0001"), lot=Decimal("0.1"), **_OPTION
)
PUT = listing("PUT", "option", tick=Decimal(5), lot=Decimal("0.01"), **_OPTION | {"option_type": "put"})
LISTINGS = (LINEAR, FREE, INVERSE, FUTURE, CALL, PUT)


class Desk:
    """A venue at work, with words short enough for a test."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def ask(self, account: str, side: str, quantity: object, price: object = None, instrument: str = "FREE",
            **terms: Any) -> Order | Refused:  # fmt: skip
        request = OrderRequest(
            instrument=instrument,
            side=side,  # type: ignore[arg-type]
            quantity=Decimal(str(quantity)),
            price=None if price is None else Decimal(str(price)),
            kind="market" if price is None else "limit",
            **terms,
        )
        return self.exchange.place(account, request)

    def order(self, *args: Any, **terms: Any) -> Order:
        placed = self.ask(*args, **terms)
        assert isinstance(placed, Order), placed
        return placed

    def refusal(self, *args: Any, **terms: Any) -> str:
        refused = self.ask(*args, **terms)
        assert isinstance(refused, Refused), refused
        return refused.code

    def wait(self, seconds: float) -> None:
        self.exchange.advance(self.exchange.now_ns + round(seconds * SECOND))

    def index(self, price: float, seconds: float = 1.0) -> None:
        self.exchange.set_index("BTC", price)
        self.wait(seconds)

    def news(self, kind: type) -> list[Any]:
        found: list[News] = [news for news in self.exchange.take_news() if isinstance(news, kind)]
        return found

    def money(self, account: str, asset: str = "USDT") -> Decimal:
        return self.exchange.balance(account, asset).amount

    def quantity(self, account: str, instrument: str = "FREE") -> Decimal:
        position = self.exchange.position(account, instrument)
        return Decimal(0) if position is None else position.quantity

    def sane(self) -> None:
        assert self.exchange.discrepancy("USDT") == 0
        assert self.exchange.discrepancy("BTC") == 0


def opened(
    *accounts: str,
    usdt: object = 1_000_000,
    btc: object = 100,
    index: float = 50_000.0,
    mode: str = "cross",
    **settings: Any,
) -> Desk:
    """Open a venue with an index and accounts that have money."""
    exchange = Exchange("lab", LISTINGS, START, settings=ExchangeSettings(**settings))
    for name in accounts or ("ann", "bob", "cyd"):
        exchange.open_account(name, mode)  # type: ignore[arg-type]
        exchange.deposit(name, "USDT", Decimal(str(usdt)))
        exchange.deposit(name, "BTC", Decimal(str(btc)))
    exchange.set_index("BTC", index)
    exchange.take_news()
    return Desk(exchange)
