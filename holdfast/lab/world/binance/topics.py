"""Binance's market streams: depth diffs, partial books, trades, tickers, marks, forced orders.

1. A diff tells first and last update (`U`, `u`) and the last update of the diff before it (`pu`); sizes are absolute.
2. What nobody gathers is not said: a stream without a change in an interval is silent (mark prices excepted).

Limits: an aggregated trade is one trade; candles are by REST only.
"""

from collections.abc import Callable
from typing import Any

from holdfast.lab.world.binance import market_shapes as shapes
from holdfast.lab.world.binance.reply import encode, money, ms, on_grid
from holdfast.lab.world.exchange import BookMoved, Exchange, Liquidated, Listing, News, Printed, TickerMoved
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.topic import Topic

Json = dict[str, Any]


class DepthTopic(Topic):
    """`<symbol>@depth@100ms`: changes of the book since the last message."""

    def __init__(
        self, channel: str, exchange: Exchange, faults: Faults, interval_ns: int, listing: Listing
    ) -> None:
        super().__init__(channel, exchange, faults, interval_ns)
        self._listing = listing
        book = exchange.book(listing.symbol, 1)
        self._last_id = self._moved_id = book.change_id if book else 0
        self._moved: dict[tuple[str, int], int] = {}
        self._time_ns = exchange.now_ns

    def hear(self, news: News) -> None:
        if not isinstance(news, BookMoved) or news.change_id <= self._moved_id:
            return
        self._moved_id, self._time_ns = news.change_id, news.time_ns
        for side, ticks, lots in news.moved:
            self._moved[side, ticks] = lots

    def say(self) -> list[bytes]:
        if self._moved_id == self._last_id:
            return []
        listing = self._listing
        sides: dict[str, list[tuple[str, str]]] = {"buy": [], "sell": []}
        for (side, ticks), lots in self._moved.items():
            sides[side].append(
                (on_grid(ticks * listing.tick, listing.tick), on_grid(lots * listing.lot, listing.lot))
            )
        said = {
            "e": "depthUpdate",
            "E": ms(self.venue_ns(self.now_ns)),
            "T": ms(self.venue_ns(self._time_ns)),
            "s": listing.symbol,
            "U": shapes.update_id(self._last_id) + 1,
            "u": shapes.update_id(self._moved_id),
            "pu": shapes.update_id(self._last_id),
            "b": sides["buy"],
            "a": sides["sell"],
        }
        self._last_id = self._moved_id
        self._moved.clear()
        return [encode(said)] * self.faults.take_update_copies()


class PartialTopic(Topic):
    """`<symbol>@depth<levels>`: the first levels, whole, each time they may have changed."""

    def __init__(
        self, channel: str, exchange: Exchange, faults: Faults, interval_ns: int, listing: Listing, depth: int
    ) -> None:
        super().__init__(channel, exchange, faults, interval_ns)
        self._listing = listing
        self._depth = depth
        self._last_id = 0
        self._moved = False

    def hear(self, news: News) -> None:
        self._moved |= isinstance(news, BookMoved)

    def say(self) -> list[bytes]:
        book = self.exchange.book(self._listing.symbol, self._depth) if self._moved else None
        self._moved = False
        if book is None:
            return []
        said = {
            "e": "depthUpdate",
            "E": ms(self.venue_ns(self.now_ns)),
            "T": ms(self.venue_ns(book.time_ns)),
            "s": self._listing.symbol,
            "U": shapes.update_id(self._last_id) + 1,
            "u": shapes.update_id(book.change_id),
            "pu": shapes.update_id(self._last_id),
            "b": shapes.levels(self._listing, book.bids),
            "a": shapes.levels(self._listing, book.asks),
        }
        self._last_id = book.change_id
        return [encode(said)] * self.faults.take_update_copies()


class EachTopic(Topic):
    """A stream that says something of each piece of news that it cares for."""

    def __init__(
        self, channel: str, exchange: Exchange, faults: Faults, shown: Callable[[News, int], Json | None]
    ) -> None:
        super().__init__(channel, exchange, faults, 0)
        self._shown = shown
        self._gathered: list[bytes] = []

    def hear(self, news: News) -> None:
        shown = self._shown(news, self.faults.clock_offset_ns)
        if shown is not None:
            self._gathered.append(encode(shown))

    def say(self) -> list[bytes]:
        said, self._gathered = self._gathered, []
        return said


class StateTopic(Topic):
    """A stream that says how things stand: again when they changed, or (`always`) each interval."""

    def __init__(
        self,
        channel: str,
        exchange: Exchange,
        faults: Faults,
        interval_ns: int,
        state: Callable[[int], Any],
        cause: type = TickerMoved,
        always: bool = False,
    ) -> None:
        super().__init__(channel, exchange, faults, interval_ns)
        self._state = state
        self._cause = cause
        self._always = always
        self._moved = always
        self._said: Any = None

    def hear(self, news: News) -> None:
        self._moved |= isinstance(news, self._cause)

    def say(self) -> list[bytes]:
        if not self._moved:
            return []
        self._moved = self._always
        state = self._state(self.venue_ns(self.now_ns))
        if not self._always:
            bare = {key: value for key, value in state.items() if key not in ("E", "T", "u")}
            if bare == self._said:
                return []
            self._said = bare
        return [encode(state)]


def trade_of(listing: Listing) -> Callable[[News, int], Json | None]:
    """Return what `<symbol>@trade` says of a piece of news."""

    def shown(news: News, offset_ns: int) -> Json | None:
        if not isinstance(news, Printed):
            return None
        it = news.trade
        return {
            "e": "trade",
            "E": ms(it.time_ns + offset_ns),
            "T": ms(it.time_ns + offset_ns),
            "s": it.instrument,
            "t": it.trade_sequence,
            "p": on_grid(it.price, listing.tick),
            "q": on_grid(it.quantity, listing.lot),
            "X": "MARKET",
            "m": it.side == "sell",
        }

    return shown


def aggregate_of(listing: Listing) -> Callable[[News, int], Json | None]:
    """Return what `<symbol>@aggTrade` says of a piece of news."""

    def shown(news: News, offset_ns: int) -> Json | None:
        if not isinstance(news, Printed):
            return None
        it = news.trade
        head = {"e": "aggTrade", "E": ms(it.time_ns + offset_ns), "s": it.instrument}
        return head | shapes.aggregate(listing, it, offset_ns)

    return shown


def forced_of(exchange: Exchange) -> Callable[[News, int], Json | None]:
    """Return what `forceOrder` says of a piece of news."""

    def shown(news: News, offset_ns: int) -> Json | None:
        if not isinstance(news, Liquidated):
            return None
        listing = exchange.listings[news.instrument]
        price, size = on_grid(news.price, listing.tick), on_grid(news.quantity, listing.lot)
        time_ms = ms(news.time_ns + offset_ns)
        order = {
            "s": news.instrument,
            "S": news.side.upper(),
            "o": "LIMIT",
            "f": "IOC",
            "q": size,
            "p": price,
            "ap": price,
            "X": "FILLED",
            "l": size,
            "z": size,
            "T": time_ms,
        }
        return {"e": "forceOrder", "E": time_ms, "o": order}

    return shown


def book_ticker(exchange: Exchange, listing: Listing) -> Callable[[int], Json]:
    """Return what `<symbol>@bookTicker` says."""

    def state(venue_ns: int) -> Json:
        bid, bid_size, ask, ask_size = shapes.touch(exchange, listing)
        book = exchange.book(listing.symbol, 1)
        return {
            "e": "bookTicker",
            "u": shapes.update_id(book.change_id) if book else 0,
            "s": listing.symbol,
            "b": bid,
            "B": bid_size,
            "a": ask,
            "A": ask_size,
            "T": ms(venue_ns),
            "E": ms(venue_ns),
        }

    return state


def mark_price(exchange: Exchange, listing: Listing) -> Callable[[int], Json]:
    """Return what `<symbol>@markPrice` says."""

    def state(venue_ns: int) -> Json:
        shown = shapes.premium(exchange, listing, venue_ns)
        return {
            "e": "markPriceUpdate",
            "E": ms(venue_ns),
            "s": listing.symbol,
            "p": shown["markPrice"],
            "ap": shown["markPrice"],
            "P": shown["estimatedSettlePrice"],
            "i": shown["indexPrice"],
            "r": shown["lastFundingRate"],
            "T": shown["nextFundingTime"],
        }

    return state


def day_ticker(exchange: Exchange, listing: Listing) -> Callable[[int], Json]:
    """Return what `<symbol>@ticker` says."""

    def state(venue_ns: int) -> Json:
        now = shapes.day(exchange, listing, venue_ns)
        return {
            "e": "24hrTicker",
            "E": ms(venue_ns),
            "s": listing.symbol,
            "p": now["priceChange"],
            "P": now["priceChangePercent"],
            "w": now["weightedAvgPrice"],
            "c": now["lastPrice"],
            "Q": now["lastQty"],
            "o": now["openPrice"],
            "h": now["highPrice"],
            "l": now["lowPrice"],
            "v": now["volume"],
            "q": now["quoteVolume"],
            "O": now["openTime"],
            "C": now["closeTime"],
            "F": now["firstId"],
            "L": now["lastId"],
            "n": now["count"],
        }

    return state


def funding_rate(exchange: Exchange, symbol: str, venue_ns: int, rate: float) -> Json:
    """Return an entry of `fundingRate`."""
    return {
        "symbol": symbol,
        "fundingRate": money(rate),
        "fundingTime": ms(venue_ns),
        "markPrice": money(exchange.mark(symbol)),
    }
