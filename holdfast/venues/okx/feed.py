"""OKX v5 public feed: books with checksum and sequence, tickers, trades, marks, funding, interest, options.

Rules, beyond those of every feed:

1. `books`, `books-l2-tbt`, `books50-l2-tbt`: a snapshot, then changes. Where messages carry `prevSeqId`,
   it must equal the last `seqId`; a snapshot's is -1. After the venue's maintenance `seqId` may be smaller
   than `prevSeqId`: that is no break. An empty push (every 60 s of silence) moves the sequence only.
2. Where messages carry `checksum`, the book must have it after every message. In 2026 the field became a
   constant 0 next to `seqId`: retired, so nothing is compared then. A snapshot without a checksum begins a
   book that is not checked.
3. `books5` is a whole book each time; `bbo-tbt` and `tickers` are the best bid and ask, and an empty side
   is a pulled quote.
4. An index (`index-tickers`) is no instrument: its price is written for every instrument on that pair that
   this connection has spoken of.
5. `books-rpi` shows what only retail orders can trade with: it is known and leaves no rows.
6. `trades` and `trades-all` tell the same trades; the one that speaks first for an instrument is kept.

Liquidations carry the bankruptcy price, rounded half-even to the tick.

Source: OKX API v5, Order Book Trading and Public Data, WebSocket.
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
from holdfast.venues.listing import add_listing
from holdfast.venues.message import LIVE, Levels, MessageFeed, unknown
from holdfast.venues.okx import messages as ms
from holdfast.venues.okx.book import TextBook
from holdfast.venues.okx.listing import VENUE, describe, read_instrument
from holdfast.venues.units import milliseconds, number

_ENVELOPE: Final = msgspec.json.Decoder(ms.Envelope)
_ANSWER: Final = msgspec.json.Decoder(ms.Answer)
_BOOKS: Final = msgspec.json.Decoder(list[ms.BookPush])
_TICKERS: Final = msgspec.json.Decoder(list[ms.Ticker])
_TRADES: Final = msgspec.json.Decoder(list[ms.Trade])
_MARKS: Final = msgspec.json.Decoder(list[ms.MarkPrice])
_INDICES: Final = msgspec.json.Decoder(list[ms.IndexTicker])
_FUNDING: Final = msgspec.json.Decoder(list[ms.FundingRate])
_INTEREST: Final = msgspec.json.Decoder(list[ms.OpenInterest])
_LIQUIDATIONS: Final = msgspec.json.Decoder(list[ms.Liquidation])
_SUMMARIES: Final = msgspec.json.Decoder(list[ms.OptionSummary])
_RAWS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_LISTED: Final = msgspec.json.Decoder(ms.Listed)

DEPTHS: Final = {"books": 400, "books-l2-tbt": 401, "books50-l2-tbt": 50, "books5": 5}  # tbt wins over 100 ms
_DEPTH_MAX: Final = 400
_SIDES: Final = {"buy": 1, "sell": -1}
_NOTHING: Final = re.compile(
    r"books-rpi|price-limit|estimated-price|status|adl-warning|public-(struc-)?block-trades|block-tickers|economic-calendar"
    r"|call-auction-details|(mark-price-|index-)?candle\w+|sprd-.*|opt-trades|option-summary-.*"
)


class OkxFeed(MessageFeed[TextBook]):
    """Decode one OKX v5 public connection."""

    venue = VENUE
    CHANNEL = re.compile(rb'"channel"\s*:\s*"([^"]+)"')
    SYMBOL = re.compile(rb'"instId"\s*:\s*"([^"]+)"')
    BOOK_CHANNEL = re.compile("|".join(DEPTHS).encode())
    SNAPSHOT = re.compile(rb'"snapshot"')
    BOOK = TextBook

    def __init__(self, instruments: Instruments, rows: RowBuffer) -> None:
        super().__init__(instruments, rows)
        self._numbers: dict[str, int] = {}
        self._on_index: dict[str, list[int]] = {}
        self._trades_from: dict[int, str] = {}
        self._listed = False
        self._readers: dict[str, Callable[[int, ms.Arg, msgspec.Raw], None]] = {
            "bbo-tbt": self._read_best,
            "tickers": self._read_tickers,
            "trades": self._read_trades,
            "trades-all": self._read_trades,
            "option-trades": self._read_trades,
            "mark-price": self._read_marks,
            "index-tickers": self._read_indices,
            "funding-rate": self._read_funding,
            "open-interest": self._read_interest,
            "liquidation-orders": self._read_liquidations,
            "opt-summary": self._read_summaries,
            "instruments": self._read_listing_push,
        }

    def on_disconnect(self, received_ns: int) -> None:
        super().on_disconnect(received_ns)
        self._trades_from.clear()

    def _decode(self, received_ns: int, frame: bytes) -> None:
        if frame == b"pong":
            return
        message = _ENVELOPE.decode(frame)
        if message.event:
            if message.event == "unsubscribe" and message.arg is not None:
                self._unsubscribed(received_ns, message.arg)
            return
        arg = message.arg
        if arg is None:
            raise OutsideError("frame.unknown", f"neither event nor channel: {frame[:80]!r}")
        if arg.channel in DEPTHS:
            self._read_books(received_ns, arg, message.action, message.data)
            return
        reader = self._readers.get(arg.channel)
        if reader is not None:
            reader(received_ns, arg, message.data)
        elif not _NOTHING.fullmatch(arg.channel):
            raise unknown(arg.channel)

    def _read_rest(self, received_ns: int, url: str, body: bytes) -> None:
        parts = urlsplit(url)
        answer = _ANSWER.decode(body)
        if answer.code != "0":
            raise OutsideError(
                "rest.refused", f"okx answered {answer.code}: {answer.msg[:80]}", where=parts.path
            )
        if parts.path.endswith("/public/instruments"):
            self._listed = True
            self._read_listing(answer.data)
        elif parts.path.endswith("/market/books"):
            symbol = parse_qs(parts.query).get("instId", [""])[0]
            size = parse_qs(parts.query).get("sz", ["1"])[0]
            book = self._book(self._number(symbol))
            if not self._owns(book, "rest", 0, snapshot=True):
                return
            depth_max = int(size) if size.isascii() and size.isdigit() else 1
            for push in _BOOKS.decode(answer.data):
                bids, asks = _units(book, push)
                at = milliseconds(push.ts)
                self._open(book, (received_ns, at), bids, asks, channel="rest", depth=0, depth_max=depth_max)
        else:
            raise unknown(parts.path)

    def _number(self, symbol: str) -> int:
        known = self._numbers.get(symbol)
        if known is None:
            known = self._numbers[symbol] = describe(self.instruments, symbol)
            pair = f"{self.instruments[known].base}-{self.instruments[known].quote}"
            self._on_index.setdefault(pair, []).append(known)
        return known

    def _unsubscribed(self, received_ns: int, arg: ms.Arg) -> None:
        number = self.instruments.find(VENUE, arg.inst_id)
        if number >= 0 and arg.channel in DEPTHS:
            self._leave(self._book(number), arg.channel, received_ns)
        elif self._trades_from.get(number) == arg.channel:
            del self._trades_from[number]

    def _read_books(self, received_ns: int, arg: ms.Arg, action: str, data: msgspec.Raw) -> None:
        book = self._book(self._number(arg.inst_id))
        whole = action == "snapshot" or arg.channel == "books5"
        if not whole and action != "update":
            raise unknown(f"{arg.channel} {action}")
        depth = DEPTHS[arg.channel]
        if not self._owns(book, arg.channel, depth, snapshot=whole):
            return
        if not whole and book.state != LIVE:
            return
        for push in _BOOKS.decode(data):
            at = milliseconds(push.ts)
            if not whole and push.prev_seq_id is not None and push.prev_seq_id != book.sequence:
                why = f"prevSeqId {push.prev_seq_id} does not follow {book.sequence}"
                self._lose(book, received_ns, tape.GAP_SEQUENCE, why)
                return
            bids, asks = _units(book, push)
            if whole:
                book.forget()
                book.checked = _has_checksum(push) and arg.channel != "books5"
            if book.checked:
                book.apply(push, bids, asks)
                if _has_checksum(push) and book.checksum() != push.checksum:
                    book.channel, book.depth = arg.channel, depth
                    why = f"the checksum is not {push.checksum}"
                    self._lose(book, received_ns, tape.GAP_CHECKSUM, why, snapshot=whole)
                    return
            book.sequence = push.seq_id if push.seq_id is not None else 0
            if whole:
                edge = min(depth, _DEPTH_MAX)
                self._open(
                    book, (received_ns, at), bids, asks, channel=arg.channel, depth=depth, depth_max=edge
                )
            else:
                self._change(book, (received_ns, at), bids, asks)

    def _read_best(self, received_ns: int, arg: ms.Arg, data: msgspec.Raw) -> None:
        number = self._number(arg.inst_id)
        grid = self._grid(number)
        for push in _BOOKS.decode(data):
            stamp = received_ns, milliseconds(push.ts)
            for levels, side in ((push.bids, 1), (push.asks, -1)):
                if levels:
                    price, size = grid.price[levels[0][0]], grid.size[levels[0][1]]
                    self._quote(number, stamp, side, price, size)
                else:
                    self._pull(number, stamp, side)

    def _read_tickers(self, received_ns: int, _arg: ms.Arg, data: msgspec.Raw) -> None:
        for push in _TICKERS.decode(data):
            number, stamp = self._number(push.inst_id), (received_ns, milliseconds(push.ts))
            grid = self._grid(number)
            for price, size, side in ((push.bid_px, push.bid_sz, 1), (push.ask_px, push.ask_sz, -1)):
                if price and size:
                    self._quote(number, stamp, side, grid.price[price], grid.size[size])
                else:
                    self._pull(number, stamp, side)

    def _read_trades(self, received_ns: int, arg: ms.Arg, data: msgspec.Raw) -> None:
        for push in _TRADES.decode(data):
            number = self._number(push.inst_id)
            side = _side(push.side)
            grid = self._grid(number)
            price, size, at = grid.price[push.px], grid.size[push.sz], milliseconds(push.ts)
            if self._trades_from.setdefault(number, arg.channel) == arg.channel:
                self._print(tape.TRADE, number, (received_ns, at), price, size, side=side)

    def _read_marks(self, received_ns: int, _arg: ms.Arg, data: msgspec.Raw) -> None:
        for push in _MARKS.decode(data):
            at, value = milliseconds(push.ts), number(push.mark_px)
            self._value(tape.MARK, self._number(push.inst_id), (received_ns, at), value)

    def _read_indices(self, received_ns: int, _arg: ms.Arg, data: msgspec.Raw) -> None:
        for push in _INDICES.decode(data):
            at, value = milliseconds(push.ts), number(push.idx_px)
            for instrument in self._on_index.get(push.inst_id, []):
                self._value(tape.INDEX, instrument, (received_ns, at), value)

    def _read_funding(self, received_ns: int, _arg: ms.Arg, data: msgspec.Raw) -> None:
        for push in _FUNDING.decode(data):
            at, value = milliseconds(push.ts or 0), number(push.funding_rate)
            self._value(tape.FUNDING, self._number(push.inst_id), (received_ns, at), value)

    def _read_interest(self, received_ns: int, _arg: ms.Arg, data: msgspec.Raw) -> None:
        for push in _INTEREST.decode(data):
            at, value = milliseconds(push.ts), number(push.oi)
            self._value(tape.OPEN_INTEREST, self._number(push.inst_id), (received_ns, at), value)

    def _read_liquidations(self, received_ns: int, _arg: ms.Arg, data: msgspec.Raw) -> None:
        for push in _LIQUIDATIONS.decode(data):
            number = self._number(push.inst_id)
            grid = self._grid(number)
            for order in push.details:
                price, size, at = grid.price.nearest(order.bk_px), grid.size[order.sz], milliseconds(order.ts)
                side = _side(order.side)
                self._print(tape.LIQUIDATION, number, (received_ns, at), price, size, side=side)

    def _read_summaries(self, received_ns: int, _arg: ms.Arg, data: msgspec.Raw) -> None:
        for push in _SUMMARIES.decode(data):
            instrument, at = self._number(push.inst_id), milliseconds(push.ts)
            for kind, text, side in (
                (tape.FORWARD, push.fwd_px, 0),
                (tape.DELTA, push.delta_bs or push.delta, 0),
                (tape.VEGA, push.vega_bs or push.vega, 0),
                (tape.IMPLIED_VOL, push.mark_vol, 0),
                (tape.IMPLIED_VOL, push.bid_vol, 1),
                (tape.IMPLIED_VOL, push.ask_vol, -1),
            ):
                if text and (
                    side == 0 or number(text) > 0
                ):  # a volatility of 0 means: nobody quotes that side
                    self._value(kind, instrument, (received_ns, at), number(text), side)

    def _read_listing_push(self, _received_ns: int, _arg: ms.Arg, data: msgspec.Raw) -> None:
        if self._listed:  # a part of a listing must not hold back everything else
            self._read_listing(data)

    def _read_listing(self, data: msgspec.Raw) -> None:
        add_listing(
            self.instruments, _RAWS.decode(data), lambda entry: read_instrument(_LISTED.decode(entry))
        )


def _units(book: TextBook, push: ms.BookPush) -> tuple[Levels, Levels]:
    price, size = book.grid.price, book.grid.size
    bids = [(price[level[0]], size[level[1]]) for level in push.bids]
    return bids, [(price[level[0]], size[level[1]]) for level in push.asks]


def _has_checksum(push: ms.BookPush) -> bool:
    """Tell whether a message carries a checksum that means something (rule 2)."""
    return push.checksum is not None and (push.checksum != 0 or push.seq_id is None)


def _side(text: str) -> int:
    side = _SIDES.get(text)
    if side is None:
        raise OutsideError("frame.malformed", f"neither buy nor sell: {text[:20]!r}")
    return side
