"""Bybit v5 public feed, one for each category: books, trades, tickers, liquidations, bars.

Rules, beyond those of every feed:

1. `orderbook.N.SYMBOL` (N above 1): a snapshot replaces the book; a delta's `u` is one more than the
   last of its topic. `u` 1 means that the service restarted: that message is a snapshot whatever it
   calls itself.
2. `orderbook.1` is the best bid and ask: a side whose only level has size 0 is a pulled quote.
3. A ticker delta names what changed, so a quote's price and size are remembered between messages; what a
   lost message may have changed is forgotten.
4. `liquidation` and `allLiquidation` name the side of the position: the forced order's side is the other
   one. The price is the bankruptcy price, rounded half-even to the tick.
5. Trades agreed off the book (`BT`) leave no row, nor does the book of retail orders (`orderbook.rpi`). A bar
   leaves its rows once it is confirmed.

The exchange time of a book is the matching engine's (`cts`), of everything else the message's own.

Source: Bybit API v5, WebSocket Stream, Public.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from holdfast import tape
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer
from holdfast.venues.bybit import messages as ms
from holdfast.venues.bybit.listing import Category, describe, read_instrument, venue_of
from holdfast.venues.listing import add_listing
from holdfast.venues.message import LIVE, Book, Levels, MessageFeed, Stamp, unknown
from holdfast.venues.units import milliseconds, number

_ENVELOPE: Final = msgspec.json.Decoder(ms.Envelope)
_OPERATION: Final = msgspec.json.Decoder(ms.Operation)
_BOOK: Final = msgspec.json.Decoder(ms.Book)
_TRADES: Final = msgspec.json.Decoder(list[ms.Trade])
_TICKER: Final = msgspec.json.Decoder(ms.Ticker)
_LIQUIDATION: Final = msgspec.json.Decoder(ms.Liquidation)
_LIQUIDATIONS: Final = msgspec.json.Decoder(list[ms.AllLiquidation])
_KLINES: Final = msgspec.json.Decoder(list[ms.Kline])
_ANSWER: Final = msgspec.json.Decoder(ms.Answer)
_PAGE: Final = msgspec.json.Decoder(ms.ListingPage)
_LISTED: Final = msgspec.json.Decoder(ms.Listed)

Quote = tuple[str | None, ...]  # price and size of the bid, then of the ask
_SIDES: Final = {"Buy": 1, "Sell": -1}
_DEPTH_DIGITS_MAX: Final = 5
_NOTHING: Final = re.compile(r"(tickers_lt|kline_lt|insurance|adlAlert|priceLimit|orderbook\.rpi)\..*")
_NO_QUOTE: Final[Quote] = (None, None, None, None)
_OPERATIONS: Final = ("subscribe", "unsubscribe", "ping", "pong", "auth")


class BybitFeed(MessageFeed[Book]):
    """Decode one Bybit v5 public connection of a category."""

    CHANNEL = re.compile(rb'"topic"\s*:\s*"([^"]+)"')
    SYMBOL = re.compile(rb'"topic"\s*:\s*"[^"]*\.([^".]+)"')
    BOOK_CHANNEL = re.compile(rb"orderbook\.\d+\..*")
    SNAPSHOT = re.compile(rb'"snapshot"')
    BOOK = Book

    def __init__(self, instruments: Instruments, rows: RowBuffer, category: Category) -> None:
        super().__init__(instruments, rows)
        self.venue = venue_of(category)
        self.category: Category = category
        self._quotes: dict[int, Quote] = {}
        self._readers: dict[str, Callable[[int, str, ms.Envelope], None]] = {
            "orderbook": self._read_book,
            "publicTrade": self._read_trades,
            "tickers": self._read_ticker,
            "liquidation": self._read_liquidation,
            "allLiquidation": self._read_liquidations,
            "kline": self._read_klines,
        }

    def on_disconnect(self, received_ns: int) -> None:
        super().on_disconnect(received_ns)
        self._quotes.clear()

    def on_sent(self, received_ns: int, frame: bytes) -> None:
        try:
            operation = _OPERATION.decode(frame)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return  # what a client sent wrong is the venue's to refuse
        if operation.op == "unsubscribe":  # the acknowledgement does not say of what
            for topic in operation.args:
                channel, _, symbol = topic.rpartition(".")
                known = self.instruments.find(self.venue, symbol)
                if known >= 0 and self.BOOK_CHANNEL.fullmatch(topic.encode()):
                    self._leave(self._book(known), channel, received_ns)

    def _decode(self, received_ns: int, frame: bytes) -> None:
        message = _ENVELOPE.decode(frame)
        if not message.topic:
            if message.op in _OPERATIONS or message.success is not None:
                return
            raise OutsideError("frame.unknown", f"neither a topic nor an answer: {frame[:80]!r}")
        reader = self._readers.get(message.topic.partition(".")[0])
        if _NOTHING.fullmatch(message.topic):
            return
        if reader is None:
            raise unknown(message.topic)
        reader(received_ns, message.topic, message)

    def _read_rest(self, received_ns: int, url: str, body: bytes) -> None:
        parts = urlsplit(url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if asked.get("category", self.category) != self.category:
            return  # the feed of that category reads it
        answer = _ANSWER.decode(body)
        if answer.ret_code != 0:
            raise OutsideError("rest.refused", f"bybit answered {answer.ret_code}: {answer.ret_msg[:80]}")
        if parts.path.endswith("/market/instruments-info"):
            page = _PAGE.decode(answer.result)
            if page.category == self.category:
                add_listing(
                    self.instruments,
                    page.list,
                    lambda entry: read_instrument(_LISTED.decode(entry), self.category),
                )
        elif parts.path.endswith("/market/orderbook"):
            data = _BOOK.decode(answer.result)
            book = self._book(self._number(data.s))
            if not self._owns(book, "rest", 0, snapshot=True):
                return
            bids, asks = _units(book, data)
            stamp = received_ns, milliseconds(data.cts or data.ts)
            limit = asked.get("limit", "1")
            edge = int(limit) if limit.isascii() and limit.isdigit() else 1
            self._open(book, stamp, bids, asks, channel="rest", depth=0, depth_max=edge)
        else:
            raise unknown(parts.path)

    def _number(self, symbol: str) -> int:
        return describe(self.instruments, self.category, symbol)

    def _distrust(self, received_ns: int, frame: bytes) -> None:
        super()._distrust(received_ns, frame)
        channel = self.CHANNEL.search(frame)
        if channel is None or channel[1].startswith(b"tickers."):
            self._quotes.clear()

    def _read_book(self, received_ns: int, topic: str, message: ms.Envelope) -> None:
        _, _, rest = topic.partition(".")
        digits, _, symbol = rest.partition(".")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _DEPTH_DIGITS_MAX):
            raise unknown(topic)
        depth, data = int(digits), _BOOK.decode(message.data)
        if data.s != symbol:
            raise OutsideError("frame.malformed", f"{topic} carries {data.s}")
        stamp = received_ns, milliseconds(message.cts or message.ts)
        whole = _is_whole(message) or data.u == 1
        if depth == 1:
            self._read_best(stamp, data, whole=whole)
            return
        book = self._book(self._number(symbol))
        channel = f"orderbook.{depth}"
        if not self._owns(book, channel, depth, snapshot=whole):
            return
        bids, asks = _units(book, data)
        if whole:
            book.sequence = data.u
            self._open(book, stamp, bids, asks, channel=channel, depth=depth, depth_max=depth)
        elif book.state == LIVE:
            if data.u != book.sequence + 1:
                why = f"u {data.u} does not follow {book.sequence}"
                self._lose(book, received_ns, tape.GAP_SEQUENCE, why)
                return
            book.sequence = data.u
            self._change(book, stamp, bids, asks)

    def _read_best(self, stamp: Stamp, data: ms.Book, *, whole: bool) -> None:
        instrument = self._number(data.s)
        grid = self._grid(instrument)
        for side, levels in ((1, data.b), (-1, data.a)):
            if not levels and not whole:
                continue
            best = [(grid.price[level[0]], grid.size[level[1]]) for level in levels]
            full = [level for level in best if level[1] > 0]
            if full:
                self._quote(instrument, stamp, side, *full[-1])
            else:
                self._pull(instrument, stamp, side)

    def _read_trades(self, received_ns: int, _topic: str, message: ms.Envelope) -> None:
        for trade in _TRADES.decode(message.data):
            instrument, stamp = self._number(trade.s), (received_ns, milliseconds(trade.T))
            grid, side = self._grid(instrument), _side(trade.S)
            price, size = grid.price[trade.p], grid.size[trade.v]
            if not trade.BT:
                self._print(tape.TRADE, instrument, stamp, price, size, side=side)

    def _read_ticker(self, received_ns: int, _topic: str, message: ms.Envelope) -> None:
        ticker = _TICKER.decode(message.data)
        instrument, stamp = self._number(ticker.symbol), (received_ns, milliseconds(message.ts))
        for kind, text, side in (
            (tape.MARK, ticker.mark_price, 0),
            (tape.INDEX, ticker.index_price, 0),
            (tape.FORWARD, ticker.underlying_price, 0),
            (tape.FUNDING, ticker.funding_rate, 0),
            (tape.OPEN_INTEREST, ticker.open_interest, 0),
            (tape.DELTA, ticker.delta, 0),
            (tape.VEGA, ticker.vega, 0),
            (tape.IMPLIED_VOL, ticker.mark_price_iv, 0),
            (tape.IMPLIED_VOL, ticker.bid_iv, 1),
            (tape.IMPLIED_VOL, ticker.ask_iv, -1),
        ):
            if text and (side == 0 or number(text) > 0):  # a volatility of 0 means: nobody quotes that side
                self._value(kind, instrument, stamp, number(text), side)
        known = _NO_QUOTE if _is_whole(message) else self._quotes.get(instrument, _NO_QUOTE)
        fresh = (
            ticker.bid_price if ticker.bid1_price is None else ticker.bid1_price,
            ticker.bid_size if ticker.bid1_size is None else ticker.bid1_size,
            ticker.ask_price if ticker.ask1_price is None else ticker.ask1_price,
            ticker.ask_size if ticker.ask1_size is None else ticker.ask1_size,
        )
        quote = tuple(old if new is None else new for old, new in zip(known, fresh, strict=True))
        self._write_side(instrument, stamp, 1, fresh[:2], quote[:2])
        self._write_side(instrument, stamp, -1, fresh[2:], quote[2:])
        self._quotes[instrument] = quote

    def _write_side(self, instrument: int, stamp: Stamp, side: int, fresh: Quote, quote: Quote) -> None:
        """Write one side of a ticker if the message changed it and both its price and size are known."""
        grid = self._grid(instrument)
        price, size = quote
        if all(text is None for text in fresh) or price is None or size is None:
            return
        units = grid.price[price or "0"], grid.size[size or "0"]
        if units[0] and units[1]:
            self._quote(instrument, stamp, side, *units)
        else:
            self._pull(instrument, stamp, side)

    def _read_liquidation(self, received_ns: int, _topic: str, message: ms.Envelope) -> None:
        entry = _LIQUIDATION.decode(message.data)
        stamp = received_ns, milliseconds(entry.updated_time)
        self._write_liquidation(entry.symbol, stamp, entry.side, entry.price, entry.size)

    def _read_liquidations(self, received_ns: int, _topic: str, message: ms.Envelope) -> None:
        for entry in _LIQUIDATIONS.decode(message.data):
            stamp = received_ns, milliseconds(entry.T)
            self._write_liquidation(entry.s, stamp, entry.S, entry.p, entry.v)

    def _write_liquidation(self, symbol: str, stamp: Stamp, position: str, price: str, size: str) -> None:
        instrument = self._number(symbol)
        grid, side = self._grid(instrument), -_side(position)
        units = grid.price.nearest(price), grid.size[size]
        self._print(tape.LIQUIDATION, instrument, stamp, *units, side=side)

    def _read_klines(self, received_ns: int, topic: str, message: ms.Envelope) -> None:
        instrument = self._number(topic.rpartition(".")[2])
        price = self._grid(instrument).price
        for bar in _KLINES.decode(message.data):
            end_ns = milliseconds(bar.end + 1)
            prices = [price[text] for text in (bar.open, bar.high, bar.low, bar.close)]
            volume = number(bar.volume)
            if not bar.confirm:
                continue
            for kind, units in zip((tape.BAR_OPEN, tape.BAR_HIGH, tape.BAR_LOW), prices, strict=False):
                self._print(kind, instrument, (received_ns, end_ns), units, 0, side=0)
            self.rows.append(tape.BAR_CLOSE, instrument, end_ns, received_ns, price=prices[3], value=volume)


def _is_whole(message: ms.Envelope) -> bool:
    if message.type not in ("snapshot", "delta"):
        raise unknown(f"{message.topic} {message.type}")
    return message.type == "snapshot"


def _units(book: Book, data: ms.Book) -> tuple[Levels, Levels]:
    price, size = book.grid.price, book.grid.size
    bids = [(price[level[0]], size[level[1]]) for level in data.b]
    return bids, [(price[level[0]], size[level[1]]) for level in data.a]


def _side(text: str) -> int:
    side = _SIDES.get(text)
    if side is None:
        raise OutsideError("frame.malformed", f"neither Buy nor Sell: {text[:20]!r}")
    return side
