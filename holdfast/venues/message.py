"""A feed of JSON messages: each becomes all of its rows or none; a lost one costs the books it may change.

Rules, on top of those in `base`:

1. Whatever a venue's decoder raises, the rows and requests of that message are taken back here.
2. Which books a lost message may have changed is read off its bytes: a channel that carries no book costs
   nothing; a book channel costs the books it names, or every live one if it names none; bytes that are not
   even JSON and name no channel cost every live one.
3. One instrument has one book. Where several channels carry it, the deepest one that sent a snapshot owns
   it and the others are superseded.
"""

import re
from abc import abstractmethod
from typing import ClassVar, Final, Generic, NoReturn, TypeVar

import msgspec

from holdfast import tape
from holdfast.error import OutsideError
from holdfast.event import ResyncRequested
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer
from holdfast.venues.base import Feed
from holdfast.venues.units import Grid

EMPTY: Final = 0
LIVE: Final = 1
STALE: Final = 2

Levels = list[tuple[int, int]]  # price and size in units
Stamp = tuple[int, int]  # when it was received, and the venue's clock (0: the message has none)
_FEW_ROWS_MAX: Final = 3


class Book:
    """Where one instrument's book stands: its state, the channel that owns it, the sequence it reached."""

    __slots__ = ("channel", "depth", "grid", "instrument", "sequence", "state", "symbol")

    def __init__(self, instrument: int, symbol: str, grid: Grid) -> None:
        self.instrument = instrument
        self.symbol = symbol
        self.grid = grid
        self.state = EMPTY
        self.channel = ""
        self.depth = 0
        self.sequence = 0

    def forget(self) -> None:
        """Drop whatever a venue's own kind of book holds besides."""


AnyBook = TypeVar("AnyBook", bound=Book)


class MessageFeed(Feed, Generic[AnyBook]):
    """Base of feeds whose messages are decoded one by one. Abstract: `_decode`, `_read_rest`, `_number`."""

    CHANNEL: ClassVar[re.Pattern[bytes]]
    SYMBOL: ClassVar[re.Pattern[bytes]]
    BOOK_CHANNEL: ClassVar[re.Pattern[bytes]]
    SNAPSHOT: ClassVar[re.Pattern[bytes]]
    BOOK: type[AnyBook]  # the venue's own kind of book

    def __init__(self, instruments: Instruments, rows: RowBuffer) -> None:
        super().__init__(instruments, rows)
        self._books: dict[int, AnyBook] = {}
        self._grids: dict[int, Grid] = {}
        self._moved: list[tuple[Book, int, str, int]] = []

    def on_frame(self, received_ns: int, frame: bytes) -> None:
        first, wishes = self.rows.count, len(self.requests)
        self._moved.clear()
        try:
            self._decode(received_ns, frame)
        except (OutsideError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._take_back(first, wishes)
            self._distrust(received_ns, frame)
            _refuse(error)
        finally:
            self.rows.close_message(first)

    def on_rest(self, received_ns: int, url: str, body: bytes) -> None:
        first, wishes = self.rows.count, len(self.requests)
        self._moved.clear()
        try:
            self._read_rest(received_ns, url, body)
        except (OutsideError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._take_back(first, wishes)
            _refuse(error)
        finally:
            self.rows.close_message(first)

    def on_disconnect(self, received_ns: int) -> None:
        for book in self._books.values():
            if book.state == LIVE:
                self._lose(book, received_ns, tape.GAP_DISCONNECT, "the connection was lost")
            book.channel = ""

    @abstractmethod
    def _decode(self, received_ns: int, frame: bytes) -> None: ...

    @abstractmethod
    def _read_rest(self, received_ns: int, url: str, body: bytes) -> None: ...

    @abstractmethod
    def _number(self, symbol: str) -> int:
        """Return the number of the instrument, describing it if the recording has no listing."""

    def _book(self, number: int) -> AnyBook:
        book = self._books.get(number)
        if book is None:
            book = self.BOOK(number, self.instruments[number].symbol, self._grid(number))
            self._books[number] = book
        return book

    def _grid(self, number: int) -> Grid:
        grid = self._grids.get(number)
        if grid is None:
            grid = self._grids[number] = Grid(self.instruments[number])
        return grid

    def _owns(self, book: Book, channel: str, depth: int, *, snapshot: bool) -> bool:
        """Tell whether this book listens to a channel; a deeper one takes over with its snapshot."""
        if book.channel == channel:
            return True
        return snapshot and (not book.channel or depth > book.depth)

    def _open(
        self,
        book: Book,
        stamp: Stamp,
        bids: Levels,
        asks: Levels,
        *,
        channel: str,
        depth: int,
        depth_max: int = 0,
    ) -> None:
        """Write a snapshot and make the book live. Nothing is known beyond `depth_max` levels a side."""
        self._note(book)
        book.channel, book.depth, book.state = channel, depth, LIVE
        first = self.rows.count
        received_ns, exchange_ns = stamp
        self.rows.append(tape.BOOK_RESET, book.instrument, exchange_ns, received_ns, flags=tape.SNAPSHOT)
        for levels, side in ((bids, 1), (asks, -1)):
            full = [level for level in levels if level[1] > 0]
            self._write(book.instrument, stamp, full, side, flags=tape.SNAPSHOT)
            if depth_max and len(full) >= depth_max:
                edge = min(price * side for price, _ in full) * side
                rows = self.rows.array[self.rows.count - len(full) : self.rows.count]
                rows["flags"][rows["price"] == edge] |= tape.HORIZON
        self.rows.close_message(first)

    def _change(self, book: Book, stamp: Stamp, bids: Levels, asks: Levels) -> None:
        """Write changed levels of a live book."""
        first = self.rows.count
        self._write(book.instrument, stamp, bids, 1)
        self._write(book.instrument, stamp, asks, -1)
        self.rows.close_message(first)

    def _lose(self, book: Book, received_ns: int, reason: float, why: str, *, snapshot: bool = False) -> None:
        """Mark a book stale, once: a gap row and a request; a snapshot lost meanwhile is requested again."""
        if book.state == STALE:
            if snapshot:
                self.requests.append(ResyncRequested(received_ns, self.venue, book.symbol, why))
            return
        self._note(book)
        book.state = STALE
        book.forget()
        self.rows.append(tape.BOOK_GAP, book.instrument, 0, received_ns, value=reason, flags=tape.LAST)
        self.requests.append(ResyncRequested(received_ns, self.venue, book.symbol, why))

    def _leave(self, book: Book, channel: str, received_ns: int) -> None:
        """Note that a channel was unsubscribed: a book that it owned ends, and nobody asks for it back."""
        if book.channel != channel:
            return
        self._note(book)
        if book.state == LIVE:
            book.state = STALE
            book.forget()
            gone = tape.GAP_DISCONNECT
            self.rows.append(tape.BOOK_GAP, book.instrument, 0, received_ns, value=gone, flags=tape.LAST)
        book.channel = ""

    def _quote(self, number: int, stamp: Stamp, side: int, price: int, size: int, *, flags: int = 0) -> None:
        received_ns, exchange_ns = stamp
        self.rows.append(
            tape.TOP, number, exchange_ns, received_ns, price=price, size=size, side=side, flags=flags
        )

    def _pull(self, number: int, stamp: Stamp, side: int, *, flags: int = 0) -> None:
        self.rows.append(tape.QUOTE_PULLED, number, stamp[1], stamp[0], side=side, flags=flags)

    def _value(self, kind: int, number: int, stamp: Stamp, value: float, side: int = 0) -> None:
        self.rows.append(kind, number, stamp[1], stamp[0], value=value, side=side)

    def _print(
        self, kind: int, number: int, stamp: Stamp, price: int, size: int, *, side: int, flags: int = 0
    ) -> None:
        received_ns, exchange_ns = stamp
        self.rows.append(
            kind, number, exchange_ns, received_ns, price=price, size=size, side=side, flags=flags
        )

    def _write(self, number: int, stamp: Stamp, levels: Levels, side: int, *, flags: int = 0) -> None:
        rows, (received_ns, exchange_ns) = self.rows, stamp
        count = len(levels)
        if count <= _FEW_ROWS_MAX:
            for price, size in levels:
                self._print(tape.LEVEL, number, stamp, price, size, side=side, flags=flags)
            return
        rows.reserve(count)
        part = rows.array[rows.count : rows.count + count]
        part["exchange_ns"] = exchange_ns
        part["received_ns"] = received_ns
        part["price"], part["size"] = zip(*levels, strict=True)
        part["value"] = float("nan")
        part["instrument"] = number
        part["kind"] = tape.LEVEL
        part["side"] = side
        part["flags"] = flags
        rows.count += count

    def _note(self, book: Book) -> None:
        """Remember where a book stood before this message moves it."""
        self._moved.append((book, book.state, book.channel, book.depth))

    def _take_back(self, first: int, wishes: int) -> None:
        """Undo what a message wrote before it was refused, and where it moved books."""
        self.rows.rollback(first)
        del self.requests[wishes:]
        for book, state, channel, depth in reversed(self._moved):
            book.state, book.channel, book.depth = state, channel, depth

    def _distrust(self, received_ns: int, frame: bytes) -> None:
        """Mark stale whatever book a lost message may have changed (rule 2)."""
        snapshot = self.SNAPSHOT.search(frame) is not None
        moved = [book for book, *_ in self._moved if book.state == LIVE]
        for book in dict.fromkeys([*self._suspects(frame), *moved]):
            why = "a book message could not be read"
            self._lose(book, received_ns, tape.GAP_MALFORMED, why, snapshot=snapshot)

    def _suspects(self, frame: bytes) -> list[AnyBook]:
        channel = self.CHANNEL.search(frame)
        live = [book for book in self._books.values() if book.state == LIVE]
        if channel is None:
            return [] if _is_json(frame) else live
        if not self.BOOK_CHANNEL.fullmatch(channel[1]):
            return []
        named = dict.fromkeys(symbol.decode(errors="replace") for symbol in self.SYMBOL.findall(frame))
        numbers = [self.instruments.find(self.venue, symbol) for symbol in named]
        return [self._book(number) for number in numbers if number >= 0] if named else live


def _is_json(frame: bytes) -> bool:
    try:
        msgspec.json.decode(frame)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _refuse(error: Exception) -> NoReturn:
    if isinstance(error, OutsideError):
        raise error
    raise OutsideError("frame.malformed", str(error)[:200]) from error


def unknown(what: str) -> OutsideError:
    """Return the refusal of a message type that no decoder knows."""
    return OutsideError("frame.unknown", f"no decoder for {what[:80]!r}", remedy="report it with a sample")
