"""BitMEX public feed: tables kept by partial, insert, update and delete.

Rules, beyond those of every feed:

1. `orderBookL2` and `orderBookL2_25` are keyed by id. What comes before the partial is dropped. After
   it, a change or removal of an id that is not there is a break: the venue has no sequence numbers, so
   this is the only sign of a lost message. A lost message that shows no such sign cannot be noticed.
2. A row's price is the one that its id was inserted with; newer messages repeat it, and ids mean nothing
   else.
3. `orderBook10` is a whole book of ten levels each time.
4. The partial of `trade` and of `liquidation` is old news: its rows carry SNAPSHOT. Index symbols (a
   leading dot) leave no row. A liquidation is written when it is inserted, with the size it begins with;
   the table has no clock.
5. INDEX is `indicativeSettlePrice`, FUNDING `fundingRate` of the current interval.

Source: BitMEX WebSocket API; announcements of 2022-02-14 (timestamps) and 2023-07-10 (arbitrary ids).
"""

import re
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import Final

import msgspec

from holdfast import tape
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer
from holdfast.venues.bitmex import messages as ms
from holdfast.venues.bitmex.book import IdBook
from holdfast.venues.bitmex.listing import VENUE, describe, read_instrument
from holdfast.venues.listing import add_listing
from holdfast.venues.message import LIVE, MessageFeed, Stamp, unknown
from holdfast.venues.units import Units, iso, number

_ENVELOPE: Final = msgspec.json.Decoder(ms.Envelope)
_BOOK: Final = msgspec.json.Decoder(list[ms.BookRow])
_BOOK10: Final = msgspec.json.Decoder(list[ms.Book10])
_QUOTES: Final = msgspec.json.Decoder(list[ms.Quote])
_TRADES: Final = msgspec.json.Decoder(list[ms.Trade])
_CONTRACTS: Final = msgspec.json.Decoder(list[ms.Contract])
_LIQUIDATIONS: Final = msgspec.json.Decoder(list[ms.Liquidation])
_FUNDING: Final = msgspec.json.Decoder(list[ms.Funding])
_RAWS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_LISTED: Final = msgspec.json.Decoder(ms.Listed)

DEPTHS: Final = {"orderBookL2": 100_000, "orderBookL2_25": 25, "orderBook10": 10}
_SIDES: Final = {"Buy": 1, "Sell": -1}
_ACTIONS: Final = ("partial", "insert", "update", "delete")
_NO_TRADES: Final = ("Referential", "Settlement")
_NOTHING: Final = re.compile(
    r"announcement|chat|connected|insurance|publicNotifications|settlement|(trade|quote)Bin(1m|5m|1h|1d)"
)


class BitmexFeed(MessageFeed[IdBook]):
    """Decode one BitMEX public connection."""

    venue = VENUE
    CHANNEL = re.compile(rb'"table"\s*:\s*"([^"]+)"')
    SYMBOL = re.compile(rb'"symbol"\s*:\s*"([^"]+)"')
    BOOK_CHANNEL = re.compile("|".join(DEPTHS).encode())
    SNAPSHOT = re.compile(rb'"partial"|"orderBook10"')
    BOOK = IdBook

    def __init__(self, instruments: Instruments, rows: RowBuffer) -> None:
        super().__init__(instruments, rows)
        self._readers: dict[str, Callable[[int, ms.Envelope], None]] = {
            "orderBookL2": self._read_book,
            "orderBookL2_25": self._read_book,
            "orderBook10": self._read_book10,
            "quote": self._read_quotes,
            "trade": self._read_trades,
            "instrument": self._read_contracts,
            "liquidation": self._read_liquidations,
            "funding": self._read_funding,
        }

    def _decode(self, received_ns: int, frame: bytes) -> None:
        if frame == b"pong":
            return
        message = _ENVELOPE.decode(frame)
        if not message.table:
            self._read_answer(received_ns, message)
            return
        reader = self._readers.get(message.table)
        if reader is not None:
            if message.action not in _ACTIONS:
                raise unknown(f"{message.table} {message.action}")
            reader(received_ns, message)
        elif not _NOTHING.fullmatch(message.table):
            raise unknown(message.table)

    def _read_rest(self, received_ns: int, url: str, body: bytes) -> None:
        del received_ns
        if not re.search(r"/api/v1/instrument(/active|/activeAndIndices)?$", url.partition("?")[0]):
            raise unknown(url)
        add_listing(
            self.instruments, _RAWS.decode(body), lambda entry: read_instrument(_LISTED.decode(entry))
        )

    def _number(self, symbol: str) -> int:
        return describe(self.instruments, symbol)

    def _read_answer(self, received_ns: int, message: ms.Envelope) -> None:
        if message.info is None and message.error is None and message.success is None:
            raise OutsideError("frame.unknown", "neither a table nor an answer")
        table, _, symbol = message.unsubscribe.partition(":")
        known = self.instruments.find(VENUE, symbol)
        if known >= 0 and table in DEPTHS:
            self._leave(self._book(known), table, received_ns)

    def _read_book(self, received_ns: int, message: ms.Envelope) -> None:
        rows = _BOOK.decode(message.data)
        whole = message.action == "partial"
        if whole and not rows and message.filter is not None and message.filter.symbol:
            self._open_book(received_ns, message, message.filter.symbol, [])
        for symbol, group in groupby(sorted(rows, key=attrgetter("symbol")), attrgetter("symbol")):
            if whole:
                self._open_book(received_ns, message, symbol, list(group))
            else:
                self._change_book(received_ns, message, symbol, list(group))

    def _open_book(self, received_ns: int, message: ms.Envelope, symbol: str, rows: list[ms.BookRow]) -> None:
        book, depth = self._book(self._number(symbol)), DEPTHS[message.table]
        if not self._owns(book, message.table, depth, snapshot=True):
            return
        book.forget()
        for row in rows:
            book.put(
                row.id, _side(row.side), _units(book.grid.price, row.price), _units(book.grid.size, row.size)
            )
        stamp = received_ns, _time(rows[-1].timestamp) if rows else 0
        edge = depth if depth <= 25 else 0
        bids, asks = book.levels()
        self._open(book, stamp, bids, asks, channel=message.table, depth=depth, depth_max=edge)

    def _change_book(
        self, received_ns: int, message: ms.Envelope, symbol: str, rows: list[ms.BookRow]
    ) -> None:
        book = self._book(self._number(symbol))
        if book.state != LIVE or book.channel != message.table:
            return
        first = self.rows.count
        for row in rows:
            if message.action == "insert":
                price, size = _units(book.grid.price, row.price), _units(book.grid.size, row.size)
                changes = book.put(row.id, _side(row.side), price, size)
            elif row.id not in book.by_id:
                self.rows.rollback(first)
                why = f"{message.action} of an unknown id {row.id}"
                self._lose(book, received_ns, tape.GAP_SEQUENCE, why)
                return
            elif message.action == "delete":
                changes = book.remove(row.id)
            else:
                _, price, size = book.by_id[row.id]
                if bytes(row.price) not in ms.MISSING:
                    price = _units(book.grid.price, row.price)
                if bytes(row.size) not in ms.MISSING:
                    size = _units(book.grid.size, row.size)
                changes = book.put(row.id, _side(row.side), price, size)
            stamp = received_ns, _time(row.timestamp)
            for side, price, size in changes:
                self._print(tape.LEVEL, book.instrument, stamp, price, size, side=side)
        self.rows.close_message(first)

    def _read_book10(self, received_ns: int, message: ms.Envelope) -> None:
        for row in _BOOK10.decode(message.data):
            book, depth = self._book(self._number(row.symbol)), DEPTHS[message.table]
            if not self._owns(book, message.table, depth, snapshot=True):
                continue
            grid, stamp = book.grid, (received_ns, _time(row.timestamp))
            bids = [(_units(grid.price, level[0]), _units(grid.size, level[1])) for level in row.bids]
            asks = [(_units(grid.price, level[0]), _units(grid.size, level[1])) for level in row.asks]
            self._open(book, stamp, bids, asks, channel=message.table, depth=depth, depth_max=depth)

    def _read_quotes(self, received_ns: int, message: ms.Envelope) -> None:
        for row in _QUOTES.decode(message.data):
            instrument, stamp = self._number(row.symbol), (received_ns, _time(row.timestamp))
            grid = self._grid(instrument)
            for side, price, size in ((1, row.bid_price, row.bid_size), (-1, row.ask_price, row.ask_size)):
                if bytes(price) in ms.MISSING or bytes(size) in ms.MISSING:
                    self._pull(instrument, stamp, side)
                else:
                    units = _units(grid.price, price), _units(grid.size, size)
                    self._quote(instrument, stamp, side, *units)

    def _read_trades(self, received_ns: int, message: ms.Envelope) -> None:
        flags = tape.SNAPSHOT if message.action == "partial" else 0
        for row in _TRADES.decode(message.data):
            if row.symbol.startswith(".") or row.trd_type in _NO_TRADES:
                continue
            instrument = self._number(row.symbol)
            grid, stamp = self._grid(instrument), (received_ns, _time(row.timestamp))
            price, size = _units(grid.price, row.price), _units(grid.size, row.size)
            side = _side(row.side) if row.side else 0
            self._print(tape.TRADE, instrument, stamp, price, size, side=side, flags=flags)

    def _read_contracts(self, received_ns: int, message: ms.Envelope) -> None:
        for row in _CONTRACTS.decode(message.data):
            if row.symbol.startswith(".") or message.action == "delete":
                continue
            instrument, stamp = self._number(row.symbol), (received_ns, _time(row.timestamp))
            for kind, raw in (
                (tape.MARK, row.mark_price),
                (tape.INDEX, row.indicative_settle_price),
                (tape.FUNDING, row.funding_rate),
                (tape.OPEN_INTEREST, row.open_interest),
            ):
                if bytes(raw) not in ms.MISSING:
                    self._value(kind, instrument, stamp, number(bytes(raw)))

    def _read_liquidations(self, received_ns: int, message: ms.Envelope) -> None:
        flags = tape.SNAPSHOT if message.action == "partial" else 0
        for row in _LIQUIDATIONS.decode(message.data):
            instrument = self._number(row.symbol)
            if message.action in ("update", "delete"):
                continue
            grid, stamp = self._grid(instrument), (received_ns, 0)
            price, size = grid.price.nearest(bytes(row.price)), _units(grid.size, row.leaves_qty)
            side = _side(row.side)
            self._print(tape.LIQUIDATION, instrument, stamp, price, size, side=side, flags=flags)

    def _read_funding(self, received_ns: int, message: ms.Envelope) -> None:
        for row in _FUNDING.decode(message.data):
            stamp: Stamp = (received_ns, _time(row.timestamp))
            self._value(tape.FUNDING, self._number(row.symbol), stamp, number(bytes(row.funding_rate)))


def _units(grid: Units, raw: msgspec.Raw) -> int:
    return grid[bytes(raw)]


def _time(text: str) -> int:
    return iso(text) if text else 0


def _side(text: str) -> int:
    side = _SIDES.get(text)
    if side is None:
        raise OutsideError("frame.malformed", f"neither Buy nor Sell: {text[:20]!r}")
    return side
