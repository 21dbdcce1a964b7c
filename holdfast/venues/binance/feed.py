"""Binance feed: web socket and REST messages of one market into rows.

Rules of the venue:

1. Diffs of the futures markets: drop those with `u < lastUpdateId`; the first taken has `U <= lastUpdateId <= u`; then each
   one's `pu` is the `u` before it. Spot: drop `u <= lastUpdateId`; the first has `U <= lastUpdateId + 1 <= u`; then each
   `U` is the `u` before it plus one. Anything else: start over with a fresh snapshot.
2. A partial book stream (`@depth5`, `@depth20`) states the first levels whole each time; it serves an instrument only while
   no diffs keep its whole book.
3. `exchange_ns` is the matching engine's time (`T`) where the message has it, else the time of sending (`E`).
4. Trades of the insurance fund and of auto-deleveraging (`X` is not `MARKET`) are no trades between orders: no rows. Where
   both single and aggregated trades of an instrument arrive, the kind that came first makes its rows.
5. A liquidation's price is the average price of what was filled, rounded half to even to the grid (the limit price where
   nothing was filled yet); its size is what was filled.
6. A candle makes rows when it is closed.

Source: developers.binance.com, "How to manage a local order book correctly", for each of the three markets.
Limits: candles of several intervals of one instrument are not told apart; subscribe to one.
"""

import re
from typing import Final
from urllib.parse import parse_qs

import msgspec
import numpy as np
from msgspec import Raw

from holdfast import tape
from holdfast.error import OutsideError
from holdfast.instrument import Instrument, Instruments
from holdfast.tape import RowBuffer, Rows
from holdfast.venues.binance import kernel
from holdfast.venues.binance.events import BinanceEvents, decoder, time_ns
from holdfast.venues.binance.market import SPOT, Market, instrument_of
from holdfast.venues.binance.messages import (
    ABSENT,
    ExchangeInfo,
    Listing,
    OpenInterest,
    PremiumIndex,
    Probe,
    Snapshot,
)
from holdfast.venues.listing import add_listing
from holdfast.venues.scan import Bytes
from holdfast.venues.sequence import depth_of, malformed
from holdfast.venues.slots import Slot
from holdfast.venues.units import number as float_of
from holdfast.venues.writing import write_book

_IGNORED: Final = frozenset(
    (
        "24hrTicker", "24hrMiniTicker", "1hTicker", "4hTicker", "1dTicker", "avgPrice", "continuous_kline",
        "indexPrice_kline", "markPrice_kline", "contractInfo", "compositeIndex", "assetIndexUpdate", "serverShutdown",
        "tradingSession", "EquityUpdate",
    )
)  # fmt: skip

SNAPSHOT_LIMITS: Final = frozenset((5, 10, 20, 50, 100, 500, 1000, 5000))
_SPOT_LIMIT_DEFAULT: Final = 100
_FUTURES_LIMIT_DEFAULT: Final = 500

_SYMBOL_IN_DATA: Final = re.compile(rb'"s":"([^"]+)"')
_SYMBOL_IN_STREAM: Final = re.compile(rb'"stream":"([^"@]+)@depth')

_probe: Final = decoder(Probe)
_elements: Final = decoder(list[Raw])
_snapshot: Final = decoder(Snapshot)
_exchange_info: Final = decoder(ExchangeInfo)
_listing: Final = decoder(Listing)
_open_interest: Final = decoder(OpenInterest)
_premium_index: Final = decoder(PremiumIndex)


class BinanceFeed(BinanceEvents):
    """One market's decoder; `market` is the venue's name on the tape: binance-usdm, binance-coinm or binance-spot."""

    def __init__(self, instruments: Instruments, rows: RowBuffer, market: Market) -> None:
        super().__init__(instruments, rows, market)
        self._kernel_market = kernel.SPOT if market == SPOT else kernel.FUTURES

    def on_rest(self, received_ns: int, url: str, body: bytes) -> None:
        """Decode a listing, depth snapshot, open interest or premium index. Raises: OutsideError.

        A depth snapshot whose address is unknown (`url` is empty) goes to the instrument that awaits it.
        """
        mark = self.rows.count
        try:
            self._decode_rest(received_ns, url, body)
        except OutsideError:
            self.rows.rollback(mark)
            raise
        except (msgspec.MsgspecError, UnicodeDecodeError, ArithmeticError, RecursionError) as error:
            self.rows.rollback(mark)
            raise malformed(str(error)) from error

    def _scan(
        self, buffer: Bytes, ends_times: np.ndarray, frames: int, rows: Rows, count: int, slots: Slot
    ) -> int:
        return kernel.scan_frames(buffer, ends_times, frames, rows, count, slots, self._kernel_market)

    def _decode(self, received_ns: int, frame: bytes) -> None:
        if frame[:1] == b"[":
            self._on_events(received_ns, frame, "")
            return
        probe = _probe(frame)
        if probe.stream is None or probe.data is ABSENT:
            self._on_event(received_ns, frame, "")
        elif bytes(probe.data)[:1] == b"[":
            self._on_events(received_ns, probe.data, probe.stream)
        else:
            self._on_event(received_ns, probe.data, probe.stream)

    def _on_events(self, received_ns: int, payload: Raw | bytes, stream: str) -> None:
        for element in _elements(payload):
            self._on_event(received_ns, element, stream)

    def _on_event(self, received_ns: int, payload: Raw | bytes, stream: str) -> None:
        probe = _probe(payload)
        if probe.e is not None:
            event = self._events.get(probe.e)
            if event is not None:
                event(received_ns, payload, stream)
            elif probe.e not in _IGNORED:
                raise _unknown(f"an event of type {probe.e!r}")
        elif probe.lastUpdateId is not ABSENT and "@" in stream:
            self._on_partial(received_ns, payload, stream)
        elif probe.lastUpdateId is not ABSENT:
            self._on_snapshot(received_ns, payload, "")
        elif probe.B is not ABSENT and self.venue == SPOT:
            self._on_ticker(received_ns, payload, stream)
        elif probe.error is not ABSENT or probe.code is not ABSENT:
            raise _refused_by_venue(payload)
        elif probe.result is ABSENT:
            raise _unknown("a message without an event type")

    def _decode_rest(self, received_ns: int, url: str, body: bytes) -> None:
        if body[:1] == b"[":
            for element in _elements(body):
                if _probe(element).lastFundingRate is ABSENT:
                    raise _unknown("a REST list of something else than premium indices")
                self._on_premium(received_ns, element)
            return
        probe = _probe(body)
        if probe.symbols is not ABSENT:
            add_listing(self.instruments, _exchange_info(body).symbols, self._read_listing)
        elif probe.lastUpdateId is not ABSENT:
            self._on_snapshot(received_ns, body, url)
        elif probe.openInterest is not ABSENT:
            self._on_open_interest(received_ns, body)
        elif probe.lastFundingRate is not ABSENT:
            self._on_premium(received_ns, body)
        elif probe.code is not ABSENT:
            raise _refused_by_venue(body)
        elif probe.serverTime is ABSENT and body.strip() != b"{}":
            raise _unknown("a REST answer")

    def _read_listing(self, entry: Raw) -> Instrument:
        return instrument_of(self.market, _listing(entry))

    def _on_snapshot(self, received_ns: int, body: Raw | bytes, url: str) -> None:
        book = _snapshot(body)
        query = parse_qs(url.partition("?")[2])
        symbol = query["symbol"][0] if "symbol" in query else book.symbol
        number = self._number_of(symbol.upper()) if symbol else self._owner_of(book.lastUpdateId)
        if "limit" in query:
            limit = depth_of(query["limit"][0])
        elif url:
            limit = _SPOT_LIMIT_DEFAULT if self.venue == SPOT else _FUTURES_LIMIT_DEFAULT
        else:
            longest = max(len(book.bids), len(book.asks))
            limit = longest if longest in SNAPSHOT_LIMITS else 0
        exchange_ns = time_ns(book.T or book.E)
        bids, asks = self._levels(number, book.bids), self._levels(number, book.asks)
        first_row = self.rows.count
        write_book(self.rows, number, bids, asks, limit, exchange_ns, received_ns)
        self._take_snapshot(number, book.lastUpdateId, received_ns, first_row)

    def _owner_of(self, snapshot_id: int) -> int:
        """Return the instrument that a snapshot without a symbol belongs to."""
        candidates = self._awaiting() or self._entered()
        if len(candidates) > 1:
            candidates = [number for number in candidates if self._bridged_by(number, snapshot_id)]
        if len(candidates) != 1:
            raise OutsideError(
                "snapshot.unattached",
                f"a snapshot without a symbol that {len(candidates)} instruments could take",
                remedy="record it with its address, or each instrument in a file of its own",
            )
        return candidates[0]

    def _on_open_interest(self, received_ns: int, body: bytes) -> None:
        interest = _open_interest(body)
        number = self._number_of(interest.symbol)
        exchange_ns, value = time_ns(interest.time), float_of(interest.openInterest)
        self._append(tape.OPEN_INTEREST, number, exchange_ns, received_ns, value=value)

    def _on_premium(self, received_ns: int, body: Raw | bytes) -> None:
        premium = _premium_index(body)
        prices = premium.markPrice, premium.indexPrice, premium.lastFundingRate
        self._write_prices(premium.symbol, time_ns(premium.time), received_ns, *prices)

    def _book_named_in(self, frame: bytes) -> int:
        if b"depth" not in frame:
            return -1
        names = [name.decode(errors="replace") for name in _SYMBOL_IN_DATA.findall(frame)]
        names += [name.decode(errors="replace").upper() for name in _SYMBOL_IN_STREAM.findall(frame)]
        return next((self._numbers[name] for name in names if name in self._numbers), -1)


def _unknown(what: str) -> OutsideError:
    return OutsideError(
        "frame.unknown", f"{what} is not known", remedy="unsubscribe from it, or teach the feed"
    )


def _refused_by_venue(body: Raw | bytes) -> OutsideError:
    text = bytes(body)[:200].decode(errors="replace")
    return OutsideError("venue.error", f"the venue answered {text}", remedy="correct the request it answers")
