"""Deribit's other public channels: trades, tickers, quotes, indices, funding and option marks."""

from collections.abc import Callable
from typing import Any

from holdfast.lab.world.deribit import market_shapes as shapes
from holdfast.lab.world.deribit.topic import DeribitTopic
from holdfast.lab.world.exchange import BookMoved, Exchange, Listing, News, Printed, TickerMoved, Trade
from holdfast.lab.world.faults import Faults

DirectionOf = Callable[[Trade], int]
Facts = dict[str, Any]


class TradesTopic(DeribitTopic):
    """Trades as they are printed: each message a list."""

    def __init__(
        self,
        channel: str,
        exchange: Exchange,
        faults: Faults,
        interval_ns: int,
        is_wanted: Callable[[Listing], bool],
        direction_of: DirectionOf,
    ) -> None:
        super().__init__(channel, exchange, faults, interval_ns)
        self._is_wanted = is_wanted
        self._direction_of = direction_of
        self._printed: list[Facts] = []

    def hear(self, news: News) -> None:
        if isinstance(news, Printed) and self._is_wanted(self.exchange.listings[news.trade.instrument]):
            shown = shapes.trade(self.exchange, news.trade, self._direction_of(news.trade))
            shown["timestamp"] = shapes.ms(self.venue_ns(news.trade.time_ns))
            self._printed.append(shown)

    def say(self) -> list[bytes]:
        printed, self._printed = self._printed, []
        if not self.interval_ns:
            return [self.message([it]) for it in printed]
        return [self.message(printed)] if printed else []


class StateTopic(DeribitTopic):
    """What is true of the market now, said again when it has changed: one message however much moved."""

    def __init__(
        self,
        channel: str,
        exchange: Exchange,
        faults: Faults,
        interval_ns: int,
        state: Callable[[int], Any],
        causes: tuple[type, ...] = (TickerMoved,),
    ) -> None:
        super().__init__(channel, exchange, faults, interval_ns)
        self._state = state
        self._causes = causes
        self._moved = False
        self._said: Any = None

    def hear(self, news: News) -> None:
        self._moved |= isinstance(news, self._causes)

    def say(self) -> list[bytes]:
        if not self._moved:
            return []
        self._moved = False
        state = self._state(self.venue_ns(self.now_ns))
        bare = (
            {key: value for key, value in state.items() if key != "timestamp"}
            if isinstance(state, dict)
            else state
        )
        if bare == self._said:
            return []
        self._said = bare
        return [self.message(state)]

    def welcome(self) -> list[bytes]:
        return [self.message(self._state(self.venue_ns(self.now_ns)))]


def ticker_topic(
    channel: str, exchange: Exchange, faults: Faults, interval_ns: int, listing: Listing
) -> DeribitTopic:
    """Return `ticker.<instrument>.<interval>`."""
    return StateTopic(
        channel,
        exchange,
        faults,
        interval_ns,
        lambda time_ns: shapes.ticker(exchange, listing, time_ns),
        (TickerMoved, BookMoved) if interval_ns else (TickerMoved,),
    )


def quote_topic(channel: str, exchange: Exchange, faults: Faults, listing: Listing) -> DeribitTopic:
    """Return `quote.<instrument>`."""
    return StateTopic(
        channel, exchange, faults, 0, lambda time_ns: shapes.quote(exchange, listing, time_ns), (BookMoved,)
    )


def index_topic(channel: str, exchange: Exchange, faults: Faults, index_name: str, base: str) -> DeribitTopic:
    """Return `deribit_price_index.<index>`."""

    def state(time_ns: int) -> Facts:
        price = round(exchange.index(base), 2)
        return {"timestamp": shapes.ms(time_ns), "price": price, "index_name": index_name}

    return StateTopic(channel, exchange, faults, 0, state)


def perpetual_topic(
    channel: str, exchange: Exchange, faults: Faults, interval_ns: int, listing: Listing
) -> DeribitTopic:
    """Return `perpetual.<instrument>.<interval>`."""

    def state(time_ns: int) -> Facts:
        now = shapes.known(exchange, listing)
        return {
            "timestamp": shapes.ms(time_ns),
            "interest": shapes.tidy(now.interest),
            "index_price": round(now.index, 2),
        }

    return StateTopic(channel, exchange, faults, interval_ns, state)


def option_marks_topic(
    channel: str, exchange: Exchange, faults: Faults, interval_ns: int, options: list[Listing]
) -> DeribitTopic:
    """Return `markprice.options.<index>`."""

    def state(time_ns: int) -> list[Facts]:
        return [
            {
                "timestamp": shapes.ms(time_ns),
                "mark_price": shapes.mark_of(listing, now.mark),
                "iv": round(now.mark_iv, 4),
                "instrument_name": listing.symbol,
            }
            for listing in options
            if (now := exchange.ticker(listing.symbol)) is not None
        ]

    return StateTopic(channel, exchange, faults, interval_ns, state)
