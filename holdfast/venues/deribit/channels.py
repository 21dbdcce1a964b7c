"""Deribit channels, decoded slowly and in full: the reference that the kernel is held to.

Each method takes the parts of a channel's name and the JSON of its data.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from msgspec import Raw

from holdfast import tape
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.quantity import to_units
from holdfast.tape import RowBuffer
from holdfast.venues.deribit.kernel_fields import TIME_MAX
from holdfast.venues.deribit.kernel_ticker import PERCENT
from holdfast.venues.deribit.listing import VENUE, describe, perpetual_of
from holdfast.venues.deribit.messages import (
    BookMessage,
    OptionMark,
    Perpetual,
    PlainBook,
    PriceIndex,
    Ticker,
    Trade,
    VolatilityIndex,
)
from holdfast.venues.scanned import ScannedFeed
from holdfast.venues.sequence import depth_of, malformed, span_of
from holdfast.venues.writing import write_book, write_levels, write_top

Channel = Callable[[int, list[str], Raw], None]
_T = TypeVar("_T")


def decoder(kind: type[_T]) -> Callable[[Raw | bytes], _T]:
    """Return the JSON decoder of a message type."""
    return msgspec.json.Decoder(kind).decode


_book: Final = decoder(BookMessage)
_plain_book: Final = decoder(PlainBook)
_trades: Final = decoder(list[Trade])
_ticker: Final = decoder(Ticker)
_price_index: Final = decoder(PriceIndex)
_volatility_index: Final = decoder(VolatilityIndex)
_perpetual: Final = decoder(Perpetual)
_option_marks: Final = decoder(list[OptionMark])

_LIQUIDATED: Final[dict[str | None, tuple[int, ...]]] = {
    None: (),
    "none": (),
    "T": (1,),
    "M": (-1,),
    "MT": (1, -1),
}
_DIRECTIONS: Final = {"buy": 1, "sell": -1}
_ACTIONS: Final = frozenset(("new", "change", "delete"))


class DeribitChannels(ScannedFeed):
    """The channel half of a Deribit feed; `DeribitFeed` adds routing, REST and the kernel."""

    snapshot_overlap = 1
    snapshots_due = 0

    def __init__(self, instruments: Instruments, rows: RowBuffer) -> None:
        super().__init__(instruments, rows)
        self.venue = VENUE
        self._numbers: dict[str, int] = {}
        self._channels: dict[str, Channel] = {
            "book": self._on_book,
            "trades": self._on_trades,
            "ticker": self._on_ticker,
            "quote": self._on_ticker,
            "deribit_price_index": self._on_price_index,
            "deribit_volatility_index": self._on_volatility_index,
            "perpetual": self._on_perpetual,
            "markprice": self._on_option_marks,
        }

    def _number_of(self, symbol: str) -> int:
        number = self._numbers.get(symbol)
        if number is None:
            number = describe(self.instruments, symbol)
            self._enter(number)
            self._numbers[symbol] = number
        return number

    def _price(self, number: int, price: Decimal | None) -> int:
        return _units(price, self.instruments[number].price_decimals)

    def _size(self, number: int, amount: Decimal | None) -> int:
        return _units(amount, self.instruments[number].size_decimals)

    def _pairs(self, number: int, levels: list[tuple[Decimal, Decimal]]) -> list[tuple[int, int]]:
        units = [(self._price(number, price), self._size(number, amount)) for price, amount in levels]
        if any(price == 0 for price, _ in units):
            raise malformed("a level at price zero")
        return units

    def _changes(self, number: int, levels: list[tuple[str, Decimal, Decimal]]) -> list[tuple[int, int]]:
        if any(action not in _ACTIONS for action, _, _ in levels):
            raise malformed("a level that is neither new, changed nor deleted")
        units = self._pairs(number, [(price, amount) for _, price, amount in levels])
        return [
            (price, 0 if action == "delete" else size)
            for (price, size), (action, _, _) in zip(units, levels, strict=True)
        ]

    def _on_book(self, received_ns: int, parts: list[str], data: Raw) -> None:
        if len(parts) > 3:
            self._on_grouped(received_ns, parts, data)
            return
        message = _book(data)
        number = self._number_of(message.instrument_name)
        exchange_ns = time_ns(message.timestamp)
        bids, asks = self._changes(number, message.bids), self._changes(number, message.asks)
        first_row = self.rows.count
        if message.type == "snapshot":
            write_book(self.rows, number, bids, asks, 0, exchange_ns, received_ns)
            self._start_over(number, message.change_id, first_row)
            return
        if message.type != "change":
            raise malformed(f"a book message of type {message.type!r}")
        previous_id = message.prev_change_id
        span = span_of(0 if previous_id is None else previous_id + 1, message.change_id, previous_id)
        write_levels(self.rows, number, 1, bids, exchange_ns, received_ns)
        write_levels(self.rows, number, -1, asks, exchange_ns, received_ns)
        self._take_diff(number, span, exchange_ns, received_ns, first_row)

    def _on_grouped(self, received_ns: int, parts: list[str], data: Raw) -> None:
        book = _plain_book(data)
        number = self._number_of(book.instrument_name)
        depth = depth_of(parts[3])
        bids, asks = self._pairs(number, book.bids), self._pairs(number, book.asks)
        exchange_ns, first_row = time_ns(book.timestamp), self.rows.count
        write_book(self.rows, number, bids, asks, depth, exchange_ns, received_ns)
        self._take_shallow(number, first_row)

    def _on_trades(self, received_ns: int, _parts: list[str], data: Raw) -> None:
        for trade in _trades(data):
            number = self._number_of(trade.instrument_name)
            exchange_ns = time_ns(trade.timestamp)
            price, size = self._price(number, trade.price), self._size(number, trade.amount)
            side, liquidated = _DIRECTIONS.get(trade.direction), _LIQUIDATED.get(trade.liquidation)
            if side is None or liquidated is None or not price or not size:
                raise malformed(
                    f"a trade of {trade.instrument_name}: {trade.direction!r} {trade.liquidation!r}"
                )
            first_row = self.rows.count
            self.rows.append(tape.TRADE, number, exchange_ns, received_ns, price=price, size=size, side=side)
            for turn in liquidated:
                self.rows.append(
                    tape.LIQUIDATION,
                    number,
                    exchange_ns,
                    received_ns,
                    price=price,
                    size=size,
                    side=turn * side,
                )
            self.rows.close_message(first_row)

    def _on_ticker(self, received_ns: int, _parts: list[str], data: Raw) -> None:
        ticker = _ticker(data)
        number = self._number_of(ticker.instrument_name)
        exchange_ns = time_ns(ticker.timestamp)
        bid = self._price(number, ticker.best_bid_price), self._size(number, ticker.best_bid_amount)
        ask = self._price(number, ticker.best_ask_price), self._size(number, ticker.best_ask_amount)
        greeks = ticker.greeks
        values = (
            (tape.MARK, 0, ticker.mark_price),
            (tape.INDEX, 0, ticker.index_price),
            (tape.FUNDING, 0, ticker.current_funding),
            (tape.OPEN_INTEREST, 0, ticker.open_interest),
            (tape.IMPLIED_VOL, 1, _fraction(ticker.bid_iv)),
            (tape.IMPLIED_VOL, -1, _fraction(ticker.ask_iv)),
            (tape.IMPLIED_VOL, 0, _fraction(ticker.mark_iv)),
            (tape.FORWARD, 0, ticker.underlying_price),
            (tape.DELTA, 0, greeks.delta if greeks else None),
            (tape.VEGA, 0, greeks.vega if greeks else None),
        )
        first_row, slot = self.rows.count, self.slots.of(number)
        write_top(self.rows, slot, 1, *bid, exchange_ns, received_ns)
        write_top(self.rows, slot, -1, *ask, exchange_ns, received_ns)
        for kind, side, value in values:
            if value is not None:
                self.rows.append(kind, number, exchange_ns, received_ns, value=value, side=side)
        self.rows.close_message(first_row)

    def _on_price_index(self, received_ns: int, _parts: list[str], data: Raw) -> None:
        index = _price_index(data)
        self._write_index(tape.INDEX, index.index_name, index.timestamp, received_ns, index.price)

    def _on_volatility_index(self, received_ns: int, _parts: list[str], data: Raw) -> None:
        index = _volatility_index(data)
        value = index.volatility / PERCENT
        self._write_index(tape.IMPLIED_VOL, index.index_name, index.timestamp, received_ns, value)

    def _write_index(
        self, kind: int, index_name: str, timestamp: int, received_ns: int, value: float
    ) -> None:
        """Write an index on its perpetual; an index that no listed perpetual stands for has no row."""
        exchange_ns = time_ns(timestamp)
        try:
            number = self._number_of(perpetual_of(index_name))
        except OutsideError as error:
            if error.code == "instrument.unlisted":
                return
            raise
        self.rows.append(kind, number, exchange_ns, received_ns, value=value, flags=tape.LAST)

    def _on_perpetual(self, received_ns: int, parts: list[str], data: Raw) -> None:
        perpetual = _perpetual(data)
        number = self._number_of(parts[1])
        exchange_ns, first_row = time_ns(perpetual.timestamp), self.rows.count
        if perpetual.index_price is not None:
            self.rows.append(tape.INDEX, number, exchange_ns, received_ns, value=perpetual.index_price)
        self.rows.append(tape.FUNDING, number, exchange_ns, received_ns, value=perpetual.interest)
        self.rows.close_message(first_row)

    def _on_option_marks(self, received_ns: int, _parts: list[str], data: Raw) -> None:
        for option in _option_marks(data):
            number = self._number_of(option.instrument_name)
            exchange_ns, first_row = time_ns(option.timestamp), self.rows.count
            self.rows.append(tape.MARK, number, exchange_ns, received_ns, value=option.mark_price)
            self.rows.append(tape.IMPLIED_VOL, number, exchange_ns, received_ns, value=option.iv)
            self.rows.close_message(first_row)


def time_ns(milliseconds: int) -> int:
    """Turn the venue's milliseconds into nanoseconds."""
    if not 0 <= milliseconds <= TIME_MAX:
        raise malformed(f"not a time: {milliseconds}")
    return milliseconds * 1_000_000


def _units(quantity: Decimal | None, decimals: int) -> int:
    """Return exact units; no quantity is zero."""
    units = to_units(quantity, decimals) if quantity is not None else 0
    if units < 0:
        raise malformed(f"a negative price or amount: {quantity}")
    return units


def _fraction(percent: float | None) -> float | None:
    """Return a volatility as a fraction; the venue writes zero for none."""
    return percent / PERCENT if percent and percent > 0.0 else None
