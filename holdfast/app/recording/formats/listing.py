"""Listing: a venue's own answer about its instruments, saved as a bare JSON file.

It carries no time, so it is read before everything else and holds for every input of that venue.
"""

from collections.abc import Iterator
from typing import Final

from holdfast.app.recording.chunk import NO_ROWS, Chunk, Note, quarantine
from holdfast.app.recording.formats.base import Format, Head, Reading
from holdfast.app.recording.streams import ByteStream
from holdfast.error import OutsideError
from holdfast.tape import RowBuffer
from holdfast.venues.registry import FEEDS

LISTING_BYTES_MAX: Final = 134_217_728

# (what must stand in the beginning, venue, the address that gives such an answer)
_SHAPES: Final = (
    ((b'"timezone"', b'"contractType"', b'"marginAsset"', b'USD_'), "binance-coinm", "https://dapi.binance.com/dapi/v1/exchangeInfo"),
    ((b'"timezone"', b'"contractType"'), "binance-usdm", "https://fapi.binance.com/fapi/v1/exchangeInfo"),
    ((b'"timezone"', b'"futuresType"'), "binance-usdm", "https://fapi.binance.com/fapi/v1/exchangeInfo"),
    ((b'"timezone"', b'"symbols"', b'"baseAsset"'), "binance-spot", "https://api.binance.com/api/v3/exchangeInfo"),
    ((b'"jsonrpc"', b'"instrument_name"'), "deribit", "https://www.deribit.com/api/v2/public/get_instruments"),
    ((b'"instType"', b'"instId"', b'"tickSz"'), "okx", "https://www.okx.com/api/v5/public/instruments"),
    ((b'"rootSymbol"', b'"tickSize"'), "bitmex", "https://www.bitmex.com/api/v1/instrument/active"),
    ((b'"result":"success"', b'"instruments"'), "kraken-futures", "https://futures.kraken.com/derivatives/api/v3/instruments"),
    ((b'"retCode"', b'"priceFilter"', b'"category":"inverse"'), "bybit-inverse", "https://api.bybit.com/v5/market/instruments-info?category=inverse"),
    ((b'"retCode"', b'"priceFilter"', b'"category":"linear"'), "bybit-linear", "https://api.bybit.com/v5/market/instruments-info?category=linear"),
)  # fmt: skip


class Listing(Format):
    """Instruments of one venue, without rows."""

    name = "listing"
    about = "a venue's listing of instruments as bare JSON (exchangeInfo, get_instruments, instruments)"

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the keys at the beginning."""
        return _shape(head) is not None

    def chunks(self, reading: Reading, stream: ByteStream) -> Iterator[Chunk]:
        """Add the venue's instruments to the reading's table; yield only what went wrong."""
        shape = _shape(reading.head)
        parts: list[bytes] = []
        size = 0
        while size <= LISTING_BYTES_MAX and (data := stream.read(LISTING_BYTES_MAX)):
            parts.append(data)
            size += len(data)
        body = b"".join(parts)
        reading.tally.messages += 1
        try:
            if shape is None or size > LISTING_BYTES_MAX or shape[0] not in FEEDS:
                raise OutsideError(
                    "listing.unreadable",
                    f"no codec reads this listing, or it is over {LISTING_BYTES_MAX} bytes",
                )
            FEEDS[shape[0]](reading.instruments, RowBuffer()).on_rest(0, shape[1], body)
        except OutsideError as error:
            reading.tally.quarantined += 1
            yield Chunk(NO_ROWS, [Note(0, quarantine(reading.file, 1, error, body))])
        else:
            reading.tally.used += 1


def _shape(head: Head) -> tuple[str, str] | None:
    start = head.data.lstrip()
    if start[:1] not in (b"{", b"["):
        return None
    tight = start.replace(b": ", b":")
    for signs, venue, url in _SHAPES:
        if all(sign in tight for sign in signs):
            return venue, url
    return None
