"""Deribit's channels: from a channel's name to its topic, and from news to the topics that care.

1. An unknown channel is left out of the answer to `subscribe`; it is no error.
2. Raw channels of the market want an authenticated session; channels of a user want that user's session.
3. A channel of the public is one topic for everybody; a channel of a user is one topic for each account.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from holdfast.clock import SECOND_NS
from holdfast.lab.world.answer import Credential
from holdfast.lab.world.deribit import rpc
from holdfast.lab.world.deribit.book_topics import BookTopic, GroupedBookTopic
from holdfast.lab.world.deribit.market_shapes import index_name
from holdfast.lab.world.deribit.market_topics import (
    DirectionOf,
    TradesTopic,
    index_topic,
    option_marks_topic,
    perpetual_topic,
    quote_topic,
    ticker_topic,
)
from holdfast.lab.world.deribit.session import DeribitSession
from holdfast.lab.world.deribit.topic import INTERVALS_NS
from holdfast.lab.world.deribit.user_topics import (
    AnyPortfolioTopic,
    ChangesTopic,
    OrdersTopic,
    PortfolioTopic,
    UserTradesTopic,
)
from holdfast.lab.world.deribit.visit import is_of
from holdfast.lab.world.exchange import (
    BalanceMoved,
    BookMoved,
    Exchange,
    Executed,
    Listing,
    News,
    OrderMoved,
    PositionMoved,
    Printed,
    TickerMoved,
)
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.topic import Topic

_USER: Final = {"orders": OrdersTopic, "trades": UserTradesTopic, "changes": ChangesTopic}
_DEPTHS: Final = frozenset((1, 10, 20))


class Channels:
    """All topics of a venue."""

    def __init__(self, exchange: Exchange, faults: Faults, direction_of: DirectionOf) -> None:
        self._exchange = exchange
        self._faults = faults
        self._direction_of = direction_of
        self._topics: dict[tuple[str, str], Topic] = {}
        self._cares: dict[str, list[Topic]] = {}
        self.now_ns = exchange.now_ns

    def subscribe(
        self, session: DeribitSession, credential: Credential | None, names: Sequence[str]
    ) -> list[str]:
        """Have a session listen to channels; return those that there are. Raises: Rejection."""
        taken: list[str] = []
        for name in names:
            parts = name.split(".")
            is_private = parts[0] == "user"
            if is_private and credential is None:
                raise rpc.Rejection(rpc.AUTHORIZATION_REQUIRED, "authorization_required")
            if parts[-1] == "raw" and credential is None:
                raise rpc.Rejection(rpc.RAW_UNAUTHORIZED, "raw_subscriptions_not_available_for_unauthorized")
            account = credential.account if is_private and credential is not None else ""
            topic = self._topics.get((name, account)) or self._open(name, parts, account)
            if topic is None:
                continue
            taken.append(name)
            if name not in session.channels:
                session.channels.add(name)
                session.topics[name] = account
                topic.listen(self.now_ns, session)
        return taken

    def unsubscribe(self, session: DeribitSession, names: Iterable[str]) -> list[str]:
        """Have a session no longer listen; return the channels it has left."""
        left: list[str] = []
        for name in names:
            if name not in session.channels:
                continue
            session.channels.discard(name)
            key = name, session.topics.pop(name)
            left.append(name)
            topic = self._topics[key]
            if not topic.leave(session):
                del self._topics[key]
                for caring in self._cares.values():
                    if topic in caring:
                        caring.remove(topic)
        return left

    def hear(self, now_ns: int, news: Sequence[News]) -> None:
        """Bring news to the topics that care, and have them say what is due."""
        self.now_ns = now_ns
        for it in news:
            for topic in self._cares.get(_about(it), ()):
                topic.hear(it)
        for topic in self._topics.values():
            topic.turn(now_ns)

    def _open(self, name: str, parts: list[str], account: str) -> Topic | None:
        made = self._private(name, parts, account) if account else self._public(name, parts)
        if made is None:
            return None
        topic, subjects = made
        self._topics[name, account] = topic
        for subject in subjects:
            self._cares.setdefault(subject, []).append(topic)
        return topic

    def _public(self, name: str, parts: list[str]) -> tuple[Topic, list[str]] | None:
        family, *rest = parts
        exchange, faults = self._exchange, self._faults
        listing = exchange.listings.get(rest[0]) if rest else None
        interval_ns = INTERVALS_NS.get(parts[-1], -1)
        match family, rest:
            case "book", [_, _] if listing and interval_ns >= 0:
                return BookTopic(name, exchange, faults, interval_ns, listing.symbol), [listing.symbol]
            case "book", [_, "none", depth, _] if listing and interval_ns > 0 and depth.isdecimal():
                if int(depth) not in _DEPTHS:
                    return None
                grouped = GroupedBookTopic(name, exchange, faults, interval_ns, listing.symbol, int(depth))
                return grouped, [listing.symbol]
            case "trades", [*_, _] if interval_ns >= 0 and (chosen := self._choose(rest[:-1])):
                is_wanted, subjects = chosen
                return TradesTopic(
                    name, exchange, faults, interval_ns, is_wanted, self._direction_of
                ), subjects
            case "ticker", [_, _] if listing and interval_ns >= 0:
                return ticker_topic(name, exchange, faults, interval_ns, listing), [listing.symbol]
            case "quote", [_] if listing:
                return quote_topic(name, exchange, faults, listing), [listing.symbol]
            case "perpetual", [_, _] if listing and listing.kind == "perpetual" and interval_ns >= 0:
                return perpetual_topic(name, exchange, faults, interval_ns, listing), [listing.symbol]
            case "deribit_price_index", [index]:
                following = self._following(index)
                if following:
                    made = index_topic(name, exchange, faults, index, following[0].base)
                    return made, [following[0].symbol]
            case "markprice", ["options", index]:
                options = [it for it in self._following(index) if it.kind == "option"]
                if options:
                    made = option_marks_topic(name, exchange, faults, SECOND_NS, options)
                    return made, [it.symbol for it in options]
            case _:
                pass
        return None

    def _private(self, name: str, parts: list[str], account: str) -> tuple[Topic, list[str]] | None:
        subjects = [f"@{account}"]
        if parts[1:2] == ["portfolio"] and len(parts) == 3:
            currency = parts[2].upper()
            currencies = dict.fromkeys(it.settle for it in self._exchange.listings.values())
            if currency == "ANY":
                every = [*subjects, *self._exchange.listings]
                made = AnyPortfolioTopic(
                    name, self._exchange, self._faults, SECOND_NS, account, tuple(currencies)
                )
                return made, every
            if currency not in currencies:
                return None
            settled = [it.symbol for it in self._exchange.listings.values() if it.settle == currency]
            topic = PortfolioTopic(name, self._exchange, self._faults, SECOND_NS, account, currency)
            return topic, [*subjects, *settled]
        kind = _USER.get(parts[1]) if len(parts) > 1 else None
        interval_ns = INTERVALS_NS.get(parts[-1], -1)
        chosen = self._choose(parts[2:-1])
        if kind is None or interval_ns < 0 or chosen is None:
            return None
        return kind(name, self._exchange, self._faults, interval_ns, account, chosen[0]), subjects

    def _choose(self, parts: list[str]) -> tuple[Callable[[Listing], bool], list[str]] | None:
        """Return what `<instrument>` or `<kind>.<currency>` chooses, and the instruments that it is now."""
        match parts:
            case [symbol] if symbol in self._exchange.listings:
                return (lambda it: it.symbol == symbol), [symbol]
            case [kind, currency] if kind in ("any", "future", "option"):
                chosen = [it.symbol for it in self._exchange.listings.values() if is_of(it, currency, kind)]
                return (lambda it: is_of(it, currency, kind)), chosen
            case _:
                return None

    def _following(self, index: str) -> list[Listing]:
        return [it for it in self._exchange.listings.values() if index_name(it) == index]


def _about(news: News) -> str:
    """Return what a piece of news is about: an instrument, or an account with `@`."""
    match news:
        case BookMoved() | TickerMoved():
            return news.instrument
        case Printed():
            return news.trade.instrument
        case OrderMoved() | Executed() | PositionMoved() | BalanceMoved():
            return f"@{news.account}"
        case _:
            return ""
