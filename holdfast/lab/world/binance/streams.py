"""Binance's streams: from a stream's name to its topic, and from news to the topics that care.

A name that is no stream is accepted and stays silent, as the venue has it.
"""

from collections.abc import Sequence
from typing import Final

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.lab.world.binance import topics
from holdfast.lab.world.binance.user_stream import UserTopic
from holdfast.lab.world.exchange import (
    BalanceMoved,
    BookMoved,
    Exchange,
    Executed,
    Liquidated,
    News,
    OrderMoved,
    PositionMoved,
    Printed,
    TickerMoved,
)
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.line import Line
from holdfast.lab.world.topic import Topic

_SPEEDS_NS: Final = {
    "100ms": 100 * MILLISECOND_NS,
    "250ms": 250 * MILLISECOND_NS,
    "500ms": 500 * MILLISECOND_NS,
}
_DEPTHS: Final = ("5", "10", "20")
_EVERY: Final = "!"


class Streams:
    """All topics of a venue."""

    def __init__(self, exchange: Exchange, faults: Faults) -> None:
        self._exchange = exchange
        self._faults = faults
        self._topics: dict[str, Topic] = {}
        self._cares: dict[str, list[Topic]] = {}

    def listen(self, now_ns: int, line: Line, name: str, account: str | None) -> None:
        """Have a line listen to a stream; `account` where the name is that account's listen key."""
        topic = self._topics.get(name)
        if topic is None:
            made = self._user(name, account) if account is not None else self._market(name)
            if made is None:
                return
            topic, subjects = made
            self._topics[name] = topic
            for subject in subjects:
                self._cares.setdefault(subject, []).append(topic)
        topic.listen(now_ns, line)

    def leave(self, line: Line, name: str) -> None:
        """Have a line no longer listen."""
        topic = self._topics.get(name)
        if topic is None or topic.leave(line):
            return
        del self._topics[name]
        for caring in self._cares.values():
            if topic in caring:
                caring.remove(topic)

    def expire(self, now_ns: int, key: str) -> list[Line]:
        """Say the last word on a listen key; return who listened."""
        topic = self._topics.get(key)
        if not isinstance(topic, UserTopic):
            return []
        topic.flush(now_ns)
        listening = list(topic.members.values())
        for line in listening:
            line.tell(now_ns + self._faults.delay_ns, key, topic.expire(now_ns))
        return listening

    def hear(self, now_ns: int, news: Sequence[News]) -> None:
        """Bring news to the topics that care, and have them say what is due."""
        for it in news:
            for topic in self._cares.get(_about(it), ()):
                topic.hear(it)
            if isinstance(it, Liquidated):
                for topic in self._cares.get(_EVERY, ()):
                    topic.hear(it)
        for topic in self._topics.values():
            topic.turn(now_ns)

    def _user(self, key: str, account: str) -> tuple[Topic, list[str]]:
        subjects = [f"@{account}", *self._exchange.listings]
        return UserTopic(key, self._exchange, self._faults, account), subjects

    def _market(self, name: str) -> tuple[Topic, list[str]] | None:
        exchange, faults = self._exchange, self._faults
        symbol, _, rest = name.partition("@")
        if name == "!forceOrder@arr":
            return topics.EachTopic(name, exchange, faults, topics.forced_of(exchange)), [_EVERY]
        if symbol in ("!markPrice", "!bookTicker"):
            return self._all(name, symbol, rest)
        listing = exchange.listings.get(symbol.upper())
        if listing is None:
            return None
        subjects = [listing.symbol]
        family, _, speed = rest.partition("@")
        made: Topic | None = None
        if family.startswith("depth"):
            interval_ns = _SPEEDS_NS.get(speed or "250ms")
            levels = family.removeprefix("depth")
            if interval_ns is not None and not levels:
                made = topics.DepthTopic(name, exchange, faults, interval_ns, listing)
            elif interval_ns is not None and levels in _DEPTHS:
                made = topics.PartialTopic(name, exchange, faults, interval_ns, listing, int(levels))
        elif rest == "trade":
            made = topics.EachTopic(name, exchange, faults, topics.trade_of(listing))
        elif rest == "aggTrade":
            made = topics.EachTopic(name, exchange, faults, topics.aggregate_of(listing))
        elif rest == "forceOrder":
            made = topics.EachTopic(name, exchange, faults, topics.forced_of(exchange))
        elif rest == "bookTicker":
            made = topics.StateTopic(
                name, exchange, faults, 0, topics.book_ticker(exchange, listing), BookMoved
            )
        elif family == "markPrice" and speed in ("", "1s"):
            interval_ns = (1 if speed else 3) * SECOND_NS
            state = topics.mark_price(exchange, listing)
            made = topics.StateTopic(name, exchange, faults, interval_ns, state, always=True)
        elif rest == "ticker":
            made = topics.StateTopic(
                name, exchange, faults, 2 * SECOND_NS, topics.day_ticker(exchange, listing), Printed
            )
        return (made, subjects) if made is not None else None

    def _all(self, name: str, family: str, rest: str) -> tuple[Topic, list[str]] | None:
        exchange, faults = self._exchange, self._faults
        if family == "!markPrice" and rest in ("arr", "arr@1s"):
            states = [topics.mark_price(exchange, listing) for listing in exchange.listings.values()]
            interval_ns = (1 if rest == "arr@1s" else 3) * SECOND_NS
            made = topics.StateTopic(
                name, exchange, faults, interval_ns, lambda now: [state(now) for state in states], always=True
            )
            return made, []
        return None


def _about(news: News) -> str:
    """Return what a piece of news is about: an instrument, or an account with `@`."""
    match news:
        case BookMoved() | TickerMoved() | Liquidated():
            return news.instrument
        case Printed():
            return news.trade.instrument
        case OrderMoved() | Executed() | PositionMoved() | BalanceMoved():
            return f"@{news.account}"
        case _:
            return ""
