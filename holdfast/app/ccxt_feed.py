"""CcxtFeed: what ccxt says of a market, as rows. Symbols are ccxt's own: a venue may list spot and swap under one id.

Limits: a book is the first levels, whole each time, by whatever means ccxt has; there is no sequence to check, so a level
that ccxt missed is not noticed here.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec

from holdfast import tape
from holdfast.clock import MILLISECOND_NS
from holdfast.error import OutsideError
from holdfast.instrument import KINDS, Instrument, Instruments, listed
from holdfast.quantity import to_units
from holdfast.tape import RowBuffer
from holdfast.venues.sequence import SequencedFeed, malformed
from holdfast.venues.writing import write_book, write_top

LEVELS_MAX: Final = 25
_DECIMAL_PLACES, _TICK_SIZE = 2, 4  # ccxt's precision modes
_KINDS: Final = {"swap": "perpetual"}
_SIDES: Final = {"buy": 1, "sell": -1}


class Precision(msgspec.Struct):
    """The grid of a market, in the unit of the exchange's precision mode."""

    price: Decimal | None = None
    amount: Decimal | None = None


class Market(msgspec.Struct, rename="camel"):
    """A market as ccxt lists it."""

    symbol: str
    type: str
    base: str
    quote: str
    precision: Precision
    settle: str | None = None
    contract_size: float | None = None
    inverse: bool | None = None
    expiry: int | None = None
    strike: float | None = None
    option_type: str | None = None


class _Book(msgspec.Struct):
    bids: list[list[Decimal]]
    asks: list[list[Decimal]]
    timestamp: int | None = None


class _Trade(msgspec.Struct):
    side: str | None
    price: Decimal
    amount: Decimal
    timestamp: int | None = None


class _Ticker(msgspec.Struct, rename="camel"):
    timestamp: int | None = None
    bid: Decimal | None = None
    bid_volume: Decimal | None = None
    ask: Decimal | None = None
    ask_volume: Decimal | None = None
    mark_price: float | None = None
    index_price: float | None = None


_book: Final = msgspec.json.Decoder(_Book).decode
_trades: Final = msgspec.json.Decoder(list[_Trade]).decode
_ticker: Final = msgspec.json.Decoder(_Ticker).decode


class CcxtFeed(SequencedFeed):
    """Decodes answers of ccxt; `on_rest` takes `kind symbol` for an address: `book BTC/USDT:USDT`."""

    def __init__(self, instruments: Instruments, rows: RowBuffer, venue: str) -> None:
        super().__init__(instruments, rows)
        self.venue = venue

    def on_frame(self, received_ns: int, frame: bytes) -> None:
        """Refuse: ccxt keeps its sockets to itself."""
        del received_ns, frame
        raise OutsideError("frame.unknown", "a frame of a venue that ccxt speaks to")

    def on_rest(self, received_ns: int, url: str, body: bytes) -> None:
        """Decode a `book`, `trades` or `ticker` of a symbol. Raises: OutsideError."""
        kind, _, symbol = url.partition(" ")
        number = self.instruments.find(self.venue, symbol)
        if number < 0:
            raise OutsideError("instrument.unlisted", f"{self.venue} does not list {symbol}")
        self._enter(number)
        mark = self.rows.count
        decode = {"book": self._on_book, "trades": self._on_trades, "ticker": self._on_ticker}.get(kind)
        if decode is None:
            raise OutsideError("frame.unknown", f"no decoder for {kind!r}")
        try:
            decode(received_ns, number, body)
        except (OutsideError, msgspec.MsgspecError, UnicodeDecodeError, ArithmeticError) as error:
            self.rows.rollback(mark)
            if isinstance(error, OutsideError):
                raise
            raise malformed(str(error)) from error

    def _on_book(self, received_ns: int, number: int, body: bytes) -> None:
        book = _book(body)
        bids, asks = self._pairs(number, book.bids), self._pairs(number, book.asks)
        first_row, levels = self.rows.count, max(len(bids), len(asks))
        write_book(self.rows, number, bids, asks, levels, _ns(book.timestamp), received_ns)
        self._take_shallow(number, first_row)

    def _on_trades(self, received_ns: int, number: int, body: bytes) -> None:
        instrument = self.instruments[number]
        for trade in _trades(body):
            self.rows.append(
                tape.TRADE,
                number,
                _ns(trade.timestamp),
                received_ns,
                price=to_units(trade.price, instrument.price_decimals),
                size=to_units(trade.amount, instrument.size_decimals),
                side=_SIDES.get(trade.side or "", 0),
                flags=tape.LAST,
            )

    def _on_ticker(self, received_ns: int, number: int, body: bytes) -> None:
        ticker, instrument = _ticker(body), self.instruments[number]
        time_ns, first_row, slot = _ns(ticker.timestamp), self.rows.count, self.slots.of(number)
        quotes = ((1, ticker.bid, ticker.bid_volume), (-1, ticker.ask, ticker.ask_volume))
        for side, price, size in quotes:
            if price is not None and size is not None:
                units = to_units(price, instrument.price_decimals), to_units(size, instrument.size_decimals)
                write_top(self.rows, slot, side, *units, time_ns, received_ns)
        for kind, value in ((tape.MARK, ticker.mark_price), (tape.INDEX, ticker.index_price)):
            if value:
                self.rows.append(kind, number, time_ns, received_ns, value=value)
        self.rows.close_message(first_row)

    def _pairs(self, number: int, levels: list[list[Decimal]]) -> list[tuple[int, int]]:
        instrument = self.instruments[number]
        if any(len(level) < 2 for level in levels):
            raise malformed("a level without a size")
        return [
            (to_units(level[0], instrument.price_decimals), to_units(level[1], instrument.size_decimals))
            for level in levels[:LEVELS_MAX]
        ]

    def _book_named_in(self, frame: bytes) -> int:
        del frame
        return -1


def instrument_of(venue: str, market: Market, precision_mode: int) -> Instrument:
    """Turn a market into an instrument. A grid in significant digits is none: it is then fine enough for any text."""
    kind = _KINDS.get(market.type, market.type)
    if kind not in KINDS:
        raise OutsideError("listing.kind", f"{venue} lists {market.symbol} as {market.type!r}")
    terms: dict[str, Any] = {
        "venue": venue,
        "symbol": market.symbol,
        "kind": kind,
        "base": market.base,
        "quote": market.quote,
        "settle": market.settle or market.quote,
        "contract_size": market.contract_size or 1.0,
        "inverse": bool(market.inverse),
        "expiry_ns": _ns(market.expiry) if kind in ("future", "option") else 0,
        "strike": market.strike or 0.0,
        "option_type": market.option_type or "",
    }
    steps = [_step(value, precision_mode) for value in (market.precision.price, market.precision.amount)]
    if all(steps):
        return listed(steps[0], steps[1], **terms)
    return msgspec.convert(terms, Instrument)


def _step(value: Decimal | None, precision_mode: int) -> str:
    if value is None or precision_mode not in (_DECIMAL_PLACES, _TICK_SIZE):
        return ""
    return format(value if precision_mode == _TICK_SIZE else Decimal(1).scaleb(-int(value)), "f")


def _ns(milliseconds: int | None) -> int:
    return (milliseconds or 0) * MILLISECOND_NS
