"""Binance stream events, decoded slowly and in full: the reference that the kernel is held to.

Each method takes one event's JSON and the name of the stream it came by ("" where the connection has only one).
"""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from msgspec import Raw

from holdfast import tape
from holdfast.clock import MICROSECOND_NS, MILLISECOND_NS
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer
from holdfast.venues.binance import kernel_fields, kernel_prints
from holdfast.venues.binance.market import COINM, SPOT, Market, describe
from holdfast.venues.binance.messages import (
    BookTicker,
    DepthUpdate,
    ForceOrder,
    IndexPrice,
    Kline,
    Levels,
    MarkPrice,
    Snapshot,
    Trade,
)
from holdfast.venues.scanned import ScannedFeed
from holdfast.venues.sequence import depth_of, malformed, span_of
from holdfast.venues.units import number as float_of
from holdfast.venues.writing import write_book, write_levels, write_top

Event = Callable[[int, Raw | bytes, str], None]
_T = TypeVar("_T")


def decoder(kind: type[_T]) -> Callable[[Raw | bytes], _T]:
    """Return the JSON decoder of a message type."""
    return msgspec.json.Decoder(kind).decode


_depth_update: Final = decoder(DepthUpdate)
_book_ticker: Final = decoder(BookTicker)
_trade: Final = decoder(Trade)
_mark_price: Final = decoder(MarkPrice)
_index_price: Final = decoder(IndexPrice)
_force_order: Final = decoder(ForceOrder)
_kline: Final = decoder(Kline)
_snapshot: Final = decoder(Snapshot)


class BinanceEvents(ScannedFeed):
    """The event half of a Binance feed; `BinanceFeed` adds routing, REST and the kernel."""

    snapshots_due = 1

    def __init__(self, instruments: Instruments, rows: RowBuffer, market: Market) -> None:
        super().__init__(instruments, rows)
        self.venue = market
        self.market: Market = market
        self.snapshot_overlap = 1 if market == SPOT else 0
        self._numbers: dict[str, int] = {}
        self._events: dict[str, Event] = {
            "depthUpdate": self._on_depth,
            "bookTicker": self._on_ticker,
            "trade": self._on_trade,
            "aggTrade": self._on_aggregate,
            "markPriceUpdate": self._on_mark,
            "indexPriceUpdate": self._on_index,
            "forceOrder": self._on_forced_order,
            "kline": self._on_kline,
        }

    def _number_of(self, symbol: str) -> int:
        number = self._numbers.get(symbol)
        if number is None:
            number = describe(self.instruments, self.market, symbol)
            self._enter(number)
            self._numbers[symbol] = number
        return number

    def _price(self, number: int, text: str) -> int:
        return self._grids[number].price[text]

    def _size(self, number: int, text: str) -> int:
        return self._grids[number].size[text]

    def _levels(self, number: int, levels: Levels) -> list[tuple[int, int]]:
        grid = self._grids[number]
        units = [(grid.price[price], grid.size[size]) for price, size in levels]
        if any(price == 0 for price, _ in units):
            raise malformed("a level at price zero")
        return units

    def _on_depth(self, received_ns: int, payload: Raw | bytes, stream: str) -> None:
        update = _depth_update(payload)
        number = self._number_of(update.s)
        exchange_ns = time_ns(update.T or update.E)
        bids, asks = self._levels(number, update.b), self._levels(number, update.a)
        first_row = self.rows.count
        limit = _partial_limit(stream)
        if limit:
            write_book(self.rows, number, bids, asks, limit, exchange_ns, received_ns)
            self._take_shallow(number, first_row)
            return
        after_id = update.U - 1 if self.venue == SPOT else update.pu
        span = span_of(update.U, update.u, after_id)
        write_levels(self.rows, number, 1, bids, exchange_ns, received_ns)
        write_levels(self.rows, number, -1, asks, exchange_ns, received_ns)
        self._take_diff(number, span, exchange_ns, received_ns, first_row)

    def _on_partial(self, received_ns: int, payload: Raw | bytes, stream: str) -> None:
        book = _snapshot(payload)
        number = self._number_of(stream.partition("@")[0].upper())
        bids, asks = self._levels(number, book.bids), self._levels(number, book.asks)
        first_row = self.rows.count
        write_book(self.rows, number, bids, asks, _partial_limit(stream), time_ns(book.T), received_ns)
        self._take_shallow(number, first_row)

    def _on_ticker(self, received_ns: int, payload: Raw | bytes, _stream: str) -> None:
        ticker = _book_ticker(payload)
        number = self._number_of(ticker.s)
        exchange_ns = time_ns(ticker.T or ticker.E)
        bid = self._price(number, ticker.b), self._size(number, ticker.B)
        ask = self._price(number, ticker.a), self._size(number, ticker.A)
        first_row, slot = self.rows.count, self.slots.of(number)
        write_top(self.rows, slot, 1, *bid, exchange_ns, received_ns)
        write_top(self.rows, slot, -1, *ask, exchange_ns, received_ns)
        self.rows.close_message(first_row)

    def _on_trade(self, received_ns: int, payload: Raw | bytes, _stream: str) -> None:
        self._write_trade(received_ns, _trade(payload), kernel_prints.PRINTS_TRADE)

    def _on_aggregate(self, received_ns: int, payload: Raw | bytes, _stream: str) -> None:
        self._write_trade(received_ns, _trade(payload), kernel_prints.PRINTS_AGGREGATE)

    def _write_trade(self, received_ns: int, trade: Trade, prints: int) -> None:
        number = self._number_of(trade.s)
        if trade.X != "MARKET":
            return
        exchange_ns = time_ns(trade.T)
        price, size = self._price(number, trade.p), self._size(number, trade.q)
        if not price or not size:
            raise malformed(f"a trade of {trade.s} at {trade.p!r} for {trade.q!r}")
        slot = self.slots.of(number)
        if slot["prints"] == 0:
            slot["prints"] = prints
        if slot["prints"] == prints:
            side = -1 if trade.m else 1
            self._append(tape.TRADE, number, exchange_ns, received_ns, price=price, size=size, side=side)

    def _on_mark(self, received_ns: int, payload: Raw | bytes, _stream: str) -> None:
        mark = _mark_price(payload)
        self._write_prices(mark.s, time_ns(mark.E), received_ns, mark.p, mark.i or "", mark.r)

    def _write_prices(
        self, symbol: str, exchange_ns: int, received_ns: int, mark: str, index: str, funding: str
    ) -> None:
        number = self._number_of(symbol)
        first_row = self.rows.count
        for kind, text in ((tape.MARK, mark), (tape.INDEX, index)):
            value = float_of(text) if text else 0.0
            if value < 0.0:
                raise malformed(f"a price of {text!r} for {symbol}")
            if value > 0.0:
                self.rows.append(kind, number, exchange_ns, received_ns, value=value)
        if funding:
            self.rows.append(tape.FUNDING, number, exchange_ns, received_ns, value=float_of(funding))
        self.rows.close_message(first_row)

    def _on_index(self, received_ns: int, payload: Raw | bytes, _stream: str) -> None:
        index = _index_price(payload)
        exchange_ns, value = time_ns(index.E), float_of(index.p)
        for symbol, number in self._numbers.items():
            if self.venue == COINM and symbol.partition("_")[0] == index.i:
                self._append(tape.INDEX, number, exchange_ns, received_ns, value=value)

    def _on_forced_order(self, received_ns: int, payload: Raw | bytes, _stream: str) -> None:
        order = _force_order(payload).o
        number = self._number_of(order.s)
        exchange_ns = time_ns(order.T)
        side = {"BUY": 1, "SELL": -1}.get(order.S)
        size = self._size(number, order.z) or self._size(number, order.q)
        price = self._grids[number].price.nearest(order.ap) or self._price(number, order.p)
        if side is None or not price or not size:
            raise malformed(f"a forced order of {order.s}: {order.S!r} {order.q!r} at {order.p!r}")
        self._append(tape.LIQUIDATION, number, exchange_ns, received_ns, price=price, size=size, side=side)

    def _on_kline(self, received_ns: int, payload: Raw | bytes, _stream: str) -> None:
        bar = _kline(payload).k
        number = self._number_of(bar.s)
        end_ns = time_ns(bar.T + 1)
        prices = [self._price(number, text) for text in (bar.o, bar.h, bar.l, bar.c)]
        volume = float_of(bar.q if self.venue == COINM else bar.v)
        if bar.x:
            kinds = (tape.BAR_OPEN, tape.BAR_HIGH, tape.BAR_LOW)
            for kind, price in zip(kinds, prices, strict=False):
                self.rows.append(kind, number, end_ns, received_ns, price=price)
            self._append(tape.BAR_CLOSE, number, end_ns, received_ns, price=prices[3], value=volume)

    def _append(
        self,
        kind: int,
        number: int,
        exchange_ns: int,
        received_ns: int,
        *,
        price: int = 0,
        size: int = 0,
        value: float = float("nan"),
        side: int = 0,
    ) -> None:
        """Append the last or only row of a message."""
        self.rows.append(
            kind,
            number,
            exchange_ns,
            received_ns,
            price=price,
            size=size,
            value=value,
            side=side,
            flags=tape.LAST,
        )


def time_ns(time: int) -> int:
    """Turn a time of the venue into nanoseconds. Raises: OutsideError `frame.malformed`."""
    if 0 <= time <= kernel_fields.MILLISECONDS_MAX:
        return time * MILLISECOND_NS
    if kernel_fields.MICROSECONDS_MIN <= time <= kernel_fields.MICROSECONDS_MAX:
        return time * MICROSECOND_NS
    raise malformed(f"not a time: {time}")


def _partial_limit(stream: str) -> int:
    """Return the depth of a partial book stream such as `btcusdt@depth20@100ms`, 0 for any other stream."""
    digits = stream.partition("@depth")[2].partition("@")[0]
    return depth_of(digits) if digits.isdecimal() else 0
