"""Deribit's private channels: an account's orders, executions, changes and portfolio."""

from collections.abc import Callable, Sequence
from typing import Any

from holdfast.lab.world.deribit import account_shapes as shapes
from holdfast.lab.world.deribit.topic import DeribitTopic
from holdfast.lab.world.exchange import (
    BalanceMoved,
    Exchange,
    Executed,
    Listing,
    News,
    OrderMoved,
    PositionMoved,
    TickerMoved,
)
from holdfast.lab.world.faults import Faults

Facts = dict[str, Any]
IsWanted = Callable[[Listing], bool]


class UserTopic(DeribitTopic):
    """A private channel of one account, of the instruments wanted."""

    def __init__(
        self,
        channel: str,
        exchange: Exchange,
        faults: Faults,
        interval_ns: int,
        account: str,
        is_wanted: IsWanted,
    ) -> None:
        super().__init__(channel, exchange, faults, interval_ns)
        self.account = account
        self._is_wanted = is_wanted

    def wants(self, instrument: str) -> bool:
        """Tell whether an instrument belongs to the channel."""
        listing = self.exchange.listings.get(instrument)
        return listing is not None and self._is_wanted(listing)

    def order(self, news: OrderMoved) -> Facts:
        """Return an order as it stood at the news."""
        return shapes.order(self.exchange, news.order, self.faults.clock_offset_ns)

    def fill(self, news: Executed) -> Facts:
        """Return an execution."""
        source = self.exchange.order(self.account, news.fill.order_id)
        return shapes.fill(self.exchange, news.fill, source, self.faults.clock_offset_ns)


class OrdersTopic(UserTopic):
    """`user.orders`: raw, each order by itself; else a list."""

    def __init__(self, *terms: Any) -> None:
        super().__init__(*terms)
        self._moved: list[Facts] = []

    def hear(self, news: News) -> None:
        if (
            isinstance(news, OrderMoved)
            and news.account == self.account
            and self.wants(news.order.instrument)
        ):
            self._moved.append(self.order(news))

    def say(self) -> list[bytes]:
        moved, self._moved = self._moved, []
        if not self.interval_ns:
            return [self.message(it) for it in moved]
        return [self.message(moved)] if moved else []


class UserTradesTopic(UserTopic):
    """`user.trades`: a list, of what one order did at once where raw."""

    def __init__(self, *terms: Any) -> None:
        super().__init__(*terms)
        self._done: list[Facts] = []

    def hear(self, news: News) -> None:
        if isinstance(news, Executed) and news.account == self.account and self.wants(news.fill.instrument):
            self._done.append(self.fill(news))

    def say(self) -> list[bytes]:
        done, self._done = self._done, []
        return [self.message(done)] if done else []


class ChangesTopic(UserTopic):
    """`user.changes`: what moved together of an instrument: orders, executions, the position."""

    def __init__(self, *terms: Any) -> None:
        super().__init__(*terms)
        self._moved: dict[str, Facts] = {}

    def hear(self, news: News) -> None:
        if isinstance(news, OrderMoved):
            if news.account == self.account and self.wants(news.order.instrument):
                self._of(news.order.instrument)["orders"].append(self.order(news))
        elif isinstance(news, Executed):
            if news.account == self.account and self.wants(news.fill.instrument):
                self._of(news.fill.instrument)["trades"].append(self.fill(news))
        elif isinstance(news, PositionMoved) and news.account == self.account and self.wants(news.instrument):
            held = self.exchange.position(self.account, news.instrument)
            if held is not None:
                self._of(news.instrument)["positions"] = [shapes.position(self.exchange, held)]

    def say(self) -> list[bytes]:
        moved, self._moved = self._moved, {}
        return [self.message(it) for it in moved.values()]

    def _of(self, instrument: str) -> Facts:
        empty: Facts = {"instrument_name": instrument, "trades": [], "positions": [], "orders": []}
        return self._moved.setdefault(instrument, empty)


class PortfolioTopic(DeribitTopic):
    """`user.portfolio.<currency>`: what the account is worth, when it moved; when only marks moved, once an interval."""

    def __init__(
        self, channel: str, exchange: Exchange, faults: Faults, interval_ns: int, account: str, currency: str
    ) -> None:
        super().__init__(channel, exchange, faults, interval_ns)
        self.account = account
        self._currency = currency
        self._moved = False
        self._said: Facts = {}

    def hear(self, news: News) -> None:
        if isinstance(news, BalanceMoved):
            self._moved |= news.account == self.account and news.asset == self._currency
            self._hasten(news.account)
        elif isinstance(news, OrderMoved | PositionMoved):
            self._moved |= news.account == self.account
            self._hasten(news.account)
        elif isinstance(news, TickerMoved):
            self._moved = True

    def say(self) -> list[bytes]:
        if not self._moved:
            return []
        self._moved = False
        state = self._state()
        if state == self._said:
            return []
        self._said = state
        return [self.message(state)]

    def welcome(self) -> list[bytes]:
        return [self.message(self._state())]

    def _hasten(self, account: str) -> None:
        if account == self.account:
            self.due_ns = 0

    def _state(self) -> Facts:
        balance = self.exchange.balance(self.account, self._currency)
        return shapes.portfolio(self.exchange, self.account, balance)


class AnyPortfolioTopic(DeribitTopic):
    """`user.portfolio.any`: the portfolio of every currency, each in a message of its own."""

    def __init__(
        self,
        channel: str,
        exchange: Exchange,
        faults: Faults,
        interval_ns: int,
        account: str,
        currencies: Sequence[str],
    ) -> None:
        super().__init__(channel, exchange, faults, interval_ns)
        self._parts = [
            PortfolioTopic(channel, exchange, faults, interval_ns, account, one) for one in currencies
        ]

    def hear(self, news: News) -> None:
        for part in self._parts:
            part.hear(news)
            self.due_ns = min(self.due_ns, part.due_ns)

    def say(self) -> list[bytes]:
        return [message for part in self._parts for message in part.say()]

    def welcome(self) -> list[bytes]:
        return [message for part in self._parts for message in part.welcome()]
