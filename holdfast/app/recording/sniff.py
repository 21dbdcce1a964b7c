"""Sniff: tell the format of a file by its beginning."""

from collections.abc import Sequence
from typing import Final

from holdfast.app.recording.formats.bars_csv import BarsCsv
from holdfast.app.recording.formats.bars_parquet import BarsParquet
from holdfast.app.recording.formats.base import Format, Head
from holdfast.app.recording.formats.bitstamp_l3 import BitstampL3
from holdfast.app.recording.formats.bybit_archive import BybitArchive
from holdfast.app.recording.formats.capture_ns import CaptureNs
from holdfast.app.recording.formats.capture_s import CaptureSeconds
from holdfast.app.recording.formats.deribit_chain import DeribitChain
from holdfast.app.recording.formats.listing import Listing
from holdfast.app.recording.formats.pool_parquet import PoolParquet
from holdfast.app.recording.formats.tape import Tape
from holdfast.app.recording.formats.tardis_book import TardisBook
from holdfast.app.recording.formats.tardis_liquidations import TardisLiquidations
from holdfast.app.recording.formats.tardis_options_chain import TardisOptionsChain
from holdfast.app.recording.formats.tardis_quotes import TardisQuotes
from holdfast.app.recording.formats.tardis_snapshots import TardisSnapshots
from holdfast.app.recording.formats.tardis_ticker import TardisTicker
from holdfast.app.recording.formats.tardis_trades import TardisTrades
from holdfast.app.recording.formats.vision_depth import VisionDepth
from holdfast.app.recording.formats.vision_funding import VisionFunding
from holdfast.app.recording.formats.vision_klines import VisionKlines
from holdfast.app.recording.formats.vision_metrics import VisionMetrics
from holdfast.app.recording.formats.vision_ticker import VisionTicker
from holdfast.app.recording.formats.vision_trades import VisionTrades
from holdfast.error import OutsideError

FORMATS: Final[Sequence[type[Format]]] = (
    CaptureNs,
    CaptureSeconds,
    BybitArchive,
    Listing,
    BitstampL3,
    TardisTrades,
    TardisLiquidations,
    TardisOptionsChain,
    TardisBook,
    TardisSnapshots,
    TardisQuotes,
    TardisTicker,
    VisionKlines,
    VisionDepth,
    VisionTrades,
    VisionTicker,
    VisionMetrics,
    VisionFunding,
    DeribitChain,
    BarsCsv,
    Tape,
    BarsParquet,
    PoolParquet,
)
_SHOWN_CHARS: Final = 80


def sniff(head: Head) -> Format:
    """Return a reader of the format that the beginning of a file shows.

    Raises: OutsideError `format.empty`, `format.unknown` (naming the known formats), `archive.truncated`.
    """
    if not head.data.strip():
        raise OutsideError("format.empty", "the file is empty", remedy="leave it out, or fetch it again")
    for known in FORMATS:
        if known.recognises(head):
            return known()
    shown = head.data[: 4 * _SHOWN_CHARS].decode("utf-8", "replace")[:_SHOWN_CHARS]
    raise OutsideError(
        "format.unknown",
        f"no known format begins with {shown!r}",
        remedy="the known formats are: " + "; ".join(known.about for known in FORMATS),
    )
