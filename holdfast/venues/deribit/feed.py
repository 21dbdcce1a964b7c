"""Deribit feed: JSON-RPC notifications and answers into rows.

Rules of the venue:

1. The first message of `book.<instrument>.<interval>` is a snapshot; then each change's `prev_change_id` is the `change_id`
   before it. Anything else: subscribe again, or fetch `get_order_book`, which changes continue from its `change_id`.
2. A grouped book (`book.<instrument>.<group>.<depth>.<interval>`) states the first levels whole each time; it serves an
   instrument only while no changes keep its whole book.
3. A side without a quote comes as zero or null. QUOTE_PULLED is written when a side goes from quoted to not.
4. A trade's `liquidation` says whose order was forced: T the taker's, M the maker's, MT both; each is a LIQUIDATION row
   after the trade's own row.
5. Volatilities come in percent and are fractions on the tape; zero means there is none.
6. An index, and the index of 30-day volatility (an IMPLIED_VOL), stand on the perpetual of that index.

Source: docs.deribit.com, "book.(instrument_name).(interval)" and its neighbours.
Limits: combinations of instruments are not decoded; announcements and the state of the platform carry no rows.
"""

import re
from typing import Final
from urllib.parse import parse_qs

import msgspec
import numpy as np
from msgspec import Raw

from holdfast.error import OutsideError
from holdfast.instrument import Instrument
from holdfast.tape import Rows
from holdfast.venues.deribit import kernel
from holdfast.venues.deribit.channels import DeribitChannels, decoder, time_ns
from holdfast.venues.deribit.listing import instrument_of
from holdfast.venues.deribit.messages import ABSENT, Listing, Notification, PlainBook, Probe, Result
from holdfast.venues.listing import add_listing
from holdfast.venues.scan import Bytes
from holdfast.venues.sequence import depth_of, malformed
from holdfast.venues.slots import Slot
from holdfast.venues.writing import write_book

_IGNORED: Final = frozenset(
    (
        "announcements", "block_rfq", "block_trade_confirmations", "chart", "deribit_price_ranking",
        "deribit_price_statistics", "estimated_expiration_price", "instrument", "platform_state", "rfq", "user",
    )
)  # fmt: skip

SNAPSHOT_DEPTHS: Final = frozenset((1, 5, 10, 20, 50, 100, 1000, 10000))
_SNAPSHOT_DEPTH_DEFAULT: Final = 5

_BOOK_CHANNEL: Final = re.compile(rb'"channel":"book\.([^".]+)\.')

_probe: Final = decoder(Probe)
_notification: Final = decoder(Notification)
_elements: Final = decoder(list[Raw])
_result: Final = decoder(Result)
_listing: Final = decoder(Listing)
_plain_book: Final = decoder(PlainBook)


class DeribitFeed(DeribitChannels):
    """Deribit's decoder. An answer to a listing or book request counts the same by web socket and by REST."""

    def on_rest(self, received_ns: int, url: str, body: bytes) -> None:
        """Decode a listing (`get_instruments`) or a book (`get_order_book`). Raises: OutsideError."""
        mark = self.rows.count
        try:
            probe = _probe(body)
            if probe.error is not ABSENT:
                raise _refused_by_venue(body)
            if not self._on_result(received_ns, url, probe.result):
                raise _unknown("a REST answer")
        except OutsideError:
            self.rows.rollback(mark)
            raise
        except (msgspec.MsgspecError, UnicodeDecodeError, ArithmeticError, RecursionError) as error:
            self.rows.rollback(mark)
            raise malformed(str(error)) from error

    def _scan(
        self, buffer: Bytes, ends_times: np.ndarray, frames: int, rows: Rows, count: int, slots: Slot
    ) -> int:
        return kernel.scan_frames(buffer, ends_times, frames, rows, count, slots)

    def _decode(self, received_ns: int, frame: bytes) -> None:
        probe = _probe(frame)
        if probe.method == "subscription":
            notification = _notification(probe.params)
            parts = notification.channel.split(".")
            channel = self._channels.get(parts[0])
            if channel is not None and len(parts) > 1:
                channel(received_ns, parts, notification.data)
            elif parts[0] not in _IGNORED:
                raise _unknown(f"channel {notification.channel!r}")
        elif probe.error is not ABSENT:
            raise _refused_by_venue(frame)
        elif probe.result is not ABSENT:
            self._on_result(received_ns, "", probe.result)
        elif probe.method != "heartbeat":
            raise _unknown("a message that is neither a subscription's, an answer nor a heartbeat")

    def _on_result(self, received_ns: int, url: str, result: Raw) -> bool:
        """Take what an answer says about instruments or books; False if it says nothing about them."""
        text = bytes(result)
        if text[:1] == b"[":
            entries = _elements(result)
            if entries and bytes(entries[0])[:1] == b"{" and _result(entries[0]).tick_size is not ABSENT:
                add_listing(self.instruments, entries, self._read_listing)
                return True
            return not entries
        if text[:1] == b"{":
            found = _result(result)
            if found.change_id is not ABSENT and found.bids is not ABSENT:
                self._on_snapshot(received_ns, url, result)
                return True
        return False

    def _read_listing(self, entry: Raw) -> Instrument | None:
        return instrument_of(_listing(entry))

    def _on_snapshot(self, received_ns: int, url: str, body: Raw) -> None:
        book = _plain_book(body)
        number = self._number_of(book.instrument_name)
        query = parse_qs(url.partition("?")[2])
        longest = max(len(book.bids), len(book.asks))
        if "depth" in query:
            depth = depth_of(query["depth"][0])
        elif url:
            depth = _SNAPSHOT_DEPTH_DEFAULT
        else:
            depth = longest if longest in SNAPSHOT_DEPTHS else 0
        exchange_ns = time_ns(book.timestamp)
        bids, asks = self._pairs(number, book.bids), self._pairs(number, book.asks)
        first_row = self.rows.count
        write_book(self.rows, number, bids, asks, depth, exchange_ns, received_ns)
        self._take_snapshot(number, book.change_id, received_ns, first_row)

    def _book_named_in(self, frame: bytes) -> int:
        match = _BOOK_CHANNEL.search(frame)
        return self._numbers.get(match[1].decode(errors="replace"), -1) if match else -1


def _unknown(what: str) -> OutsideError:
    return OutsideError(
        "frame.unknown", f"{what} is not known", remedy="unsubscribe from it, or teach the feed"
    )


def _refused_by_venue(body: bytes) -> OutsideError:
    text = body[:200].decode(errors="replace")
    return OutsideError(
        "venue.error", f"the venue answered {text}", remedy="correct the request that it answers"
    )
