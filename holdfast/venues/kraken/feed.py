"""Kraken Futures public feed (websocket v1): books by level, trades with liquidations, tickers.

Rules, beyond those of every feed:

1. `book_snapshot` is the whole book with a `seq`; each `book` message is one level, and its `seq` is one
   more than the last of that product. Anything else is a break.
2. `trade_snapshot` repeats trades from before the subscription: its rows carry SNAPSHOT and nobody takes
   them as new. A trade of type `liquidation` is a LIQUIDATION row next to its TRADE, `termination` (a
   position taken over without the book) a LIQUIDATION alone; `block` and `assignment` happen off the book
   and leave no row.
3. `ticker_lite` has no sizes and no clock: its TOP rows have size 0 and exchange time 0.
4. FUNDING is `relative_funding_rate`, the fraction of the current period.

Source: Kraken Futures API, Websockets, Public feeds.
"""

import re
from typing import Final

import msgspec
from msgspec import Raw

from holdfast import tape
from holdfast.error import OutsideError
from holdfast.venues.kraken import messages as ms
from holdfast.venues.kraken.listing import VENUE, describe, read_instrument
from holdfast.venues.listing import add_listing
from holdfast.venues.message import LIVE, Book, Levels, MessageFeed, Stamp, unknown
from holdfast.venues.units import Grid, milliseconds, number

_HEAD: Final = msgspec.json.Decoder(ms.Head)
_SNAPSHOT: Final = msgspec.json.Decoder(ms.BookSnapshot)
_CHANGE: Final = msgspec.json.Decoder(ms.BookChange)
_TRADE: Final = msgspec.json.Decoder(ms.Trade)
_TRADES: Final = msgspec.json.Decoder(ms.TradeSnapshot)
_TICKER: Final = msgspec.json.Decoder(ms.Ticker)
_ANSWER: Final = msgspec.json.Decoder(ms.Answer)
_LISTED: Final = msgspec.json.Decoder(ms.Listed)

_SIDES: Final = {"buy": 1, "sell": -1}
_ON_BOOK: Final = ("fill", "liquidation")
_FORCED: Final = ("liquidation", "termination")
_OFF_BOOK: Final = ("block", "assignment")
_EVENTS: Final = re.compile(r"info|(un)?subscribed(_failed)?|alert|error|challenge|pong")
_INDEX: Final = re.compile(r"(IN|RR|RD)_\w+")


class KrakenFuturesFeed(MessageFeed[Book]):
    """Decode one Kraken Futures public connection."""

    venue = VENUE
    CHANNEL = re.compile(rb'"feed"\s*:\s*"([^"]+)"')
    SYMBOL = re.compile(rb'"product_id"\s*:\s*"([^"]+)"')
    BOOK_CHANNEL = re.compile(rb"book|book_snapshot")
    SNAPSHOT = re.compile(rb'"book_snapshot"')
    BOOK = Book

    def _decode(self, received_ns: int, frame: bytes) -> None:
        head = _HEAD.decode(frame)
        if head.event:
            self._read_event(received_ns, head)
            return
        match head.feed:
            case "book":
                self._read_change(received_ns, _CHANGE.decode(frame))
            case "ticker" | "ticker_lite":
                self._read_ticker(received_ns, _TICKER.decode(frame))
            case "trade":
                self._read_trade(received_ns, _TRADE.decode(frame), 0)
            case "book_snapshot":
                self._read_snapshot(received_ns, _SNAPSHOT.decode(frame))
            case "trade_snapshot":
                for trade in reversed(_TRADES.decode(frame).trades):
                    self._read_trade(received_ns, trade, tape.SNAPSHOT)
            case "heartbeat":
                return
            case _:
                raise unknown(head.feed)

    def _read_rest(self, received_ns: int, url: str, body: bytes) -> None:
        del received_ns
        if not url.partition("?")[0].endswith("/instruments"):
            raise unknown(url)
        answer = _ANSWER.decode(body)
        if answer.result != "success":
            raise OutsideError("rest.refused", f"kraken answered {answer.result[:40]!r}: {answer.error[:80]}")
        add_listing(
            self.instruments, answer.instruments, lambda entry: read_instrument(_LISTED.decode(entry))
        )

    def _number(self, symbol: str) -> int:
        return describe(self.instruments, symbol)

    def _read_event(self, received_ns: int, head: ms.Head) -> None:
        if not _EVENTS.fullmatch(head.event):
            raise unknown(head.event)
        if head.event == "unsubscribed" and head.feed == "book":
            for symbol in head.product_ids:
                known = self.instruments.find(VENUE, symbol)
                if known >= 0:
                    self._leave(self._book(known), "book", received_ns)

    def _read_snapshot(self, received_ns: int, message: ms.BookSnapshot) -> None:
        book = self._book(self._number(message.product_id))
        stamp = received_ns, milliseconds(message.timestamp)
        bids, asks = _units(book.grid, message.bids), _units(book.grid, message.asks)
        book.sequence = message.seq
        self._open(book, stamp, bids, asks, channel="book", depth=1)

    def _read_change(self, received_ns: int, message: ms.BookChange) -> None:
        book = self._book(self._number(message.product_id))
        if book.state != LIVE:
            return
        if message.seq != book.sequence + 1:
            why = f"seq {message.seq} does not follow {book.sequence}"
            self._lose(book, received_ns, tape.GAP_SEQUENCE, why)
            return
        price, size = book.grid.price[bytes(message.price)], book.grid.size[bytes(message.qty)]
        side, stamp = _side(message.side), (received_ns, milliseconds(message.timestamp))
        book.sequence = message.seq
        self._print(tape.LEVEL, book.instrument, stamp, price, size, side=side)

    def _read_trade(self, received_ns: int, trade: ms.Trade, flags: int) -> None:
        instrument = self._number(trade.product_id)
        grid = self._grid(instrument)
        price, size = grid.price[bytes(trade.price)], grid.size[bytes(trade.qty)]
        side, stamp = _side(trade.side), (received_ns, milliseconds(trade.time))
        if trade.type not in (*_ON_BOOK, *_FORCED, *_OFF_BOOK):
            raise unknown(f"trade {trade.type}")
        if trade.type in _FORCED:
            self._print(tape.LIQUIDATION, instrument, stamp, price, size, side=side, flags=flags)
        if trade.type in _ON_BOOK:
            self._print(tape.TRADE, instrument, stamp, price, size, side=side, flags=flags)

    def _read_ticker(self, received_ns: int, ticker: ms.Ticker) -> None:
        symbol = ticker.product_id.upper()
        if _INDEX.fullmatch(symbol):
            return
        instrument, stamp = self._number(symbol), (received_ns, milliseconds(ticker.time))
        for kind, raw in (
            (tape.MARK, ticker.mark_price),
            (tape.INDEX, ticker.index),
            (tape.OPEN_INTEREST, ticker.open_interest),
            (tape.FUNDING, ticker.relative_funding_rate),
        ):
            if bytes(raw) not in ms.MISSING:
                self._value(kind, instrument, stamp, number(bytes(raw)))
        self._read_side(instrument, stamp, 1, ticker.bid, ticker.bid_size)
        self._read_side(instrument, stamp, -1, ticker.ask, ticker.ask_size)

    def _read_side(self, instrument: int, stamp: Stamp, side: int, price: Raw, size: Raw) -> None:
        grid = self._grid(instrument)
        units = 0 if bytes(price) in ms.MISSING else grid.price[bytes(price)]
        if units:
            known = 0 if bytes(size) in ms.MISSING else grid.size[bytes(size)]
            self._quote(instrument, stamp, side, units, known)
        else:
            self._pull(instrument, stamp, side)


def _units(grid: Grid, levels: list[ms.Level]) -> Levels:
    return [(grid.price[bytes(level.price)], grid.size[bytes(level.qty)]) for level in levels]


def _side(text: str) -> int:
    side = _SIDES.get(text)
    if side is None:
        raise OutsideError("frame.malformed", f"neither buy nor sell: {text[:20]!r}")
    return side
