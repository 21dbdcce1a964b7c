"""Instruments side by side on a board, swept as the engine sweeps: the double for tests of what is seen across venues."""

import gzip
import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from holdfast.detectors.base import CLEAR_RATIO, Detector, Findings, new_findings
from holdfast.detectors.correlation_break import CorrelationBreak
from holdfast.detectors.depeg import Depeg
from holdfast.detectors.dislocation import Dislocation
from holdfast.instrument import Instrument, Instruments, Kind
from holdfast.market.board import new_board
from holdfast.market.underlying import Underlyings

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
START_NS = 1_700_000_000 * SECOND_NS - 1_700_000_000 % 3600 * SECOND_NS
LATENCY_NS_MAX = 10 * SECOND_NS

Across = Dislocation | Depeg | CorrelationBreak


def spot(venue: str, base: str, quote: str = "USD", kind: Kind = "spot") -> Instrument:
    """Return an instrument of a venue, described by its base and quote."""
    return Instrument(venue=venue, symbol=f"{base}-{quote}", kind=kind, base=base, quote=quote)


@dataclass
class Spoken:
    """An alert as a reader of the log would see it."""

    time_ns: int
    instrument: str
    severity: int  # 1 low to 4 critical
    ratio: float
    message: str
    evidence: dict[str, float | str] = field(default_factory=dict)


class SideBySide:
    """A board, the underlyings and one detector, with the panel's rules for speaking and falling silent."""

    def __init__(self, instruments: Iterable[Instrument], kind: type[Across] = Dislocation) -> None:
        self.instruments = Instruments()
        for instrument in instruments:
            self.instruments.add(instrument)
        self.board = new_board(len(self.instruments))
        self.underlyings = Underlyings(self.instruments)
        self.detector: Across = kind(self.underlyings)
        self.findings: Findings = new_findings(len(self.instruments))
        self.now_ns = START_NS
        self.spoken: list[Spoken] = []
        self._open: dict[int, tuple[int, int]] = {}

    def show(self, number: int, price: float, age_s: float = 0.0) -> None:
        """Put a price on the board."""
        self.board[number]["price"] = price
        self.board[number]["price_ns"] = self.now_ns - int(age_s * SECOND_NS)

    def sweep(self) -> None:
        """Sweep at `now_ns` and let the detector speak."""
        self.underlyings.sweep(self.board, self.now_ns)
        self.detector.judge(self.board, self.now_ns, self.findings)
        self._listen(self.detector)

    def run(self, seconds: int, prices: Callable[[int], Sequence[float | None]], step: int = 1) -> None:
        """Sweep each `step` seconds; `prices(second)` gives each instrument's price, None for no news."""
        for second in range(0, seconds, step):
            self.now_ns += step * SECOND_NS
            for number, price in enumerate(prices(second)):
                if price is not None:
                    self.show(number, price)
            self.sweep()

    def ratio(self, number: int) -> float:
        """Return the newest finding's ratio."""
        return float(self.findings[number]["ratio"])

    def worst(self, before_ns: int = 2**62) -> int:
        """Return the worst severity that was spoken before a time, 0 if none."""
        return max((each.severity for each in self.spoken if each.time_ns < before_ns), default=0)

    def _listen(self, detector: Detector) -> None:
        for number in range(len(self.findings)):
            ratio = self.ratio(number)
            if np.isnan(ratio):
                continue
            severity = int(ratio >= 1.0) + sum(ratio >= line for line in detector.severities)
            worst, calm_ns = self._open.get(number, (0, self.now_ns))
            if ratio >= 1.0 and severity > worst:
                finding = self.findings[number]
                said = (detector.describe(finding), detector.evidence_of(finding))
                name = self.instruments[number].name
                self.spoken.append(Spoken(self.now_ns, name, severity, ratio, *said))
                worst = severity
            calm_ns = self.now_ns if ratio >= CLEAR_RATIO else calm_ns
            if self.now_ns - calm_ns > detector.clear_after_s * SECOND_NS:
                worst = 0
            self._open[number] = (worst, calm_ns)


@dataclass
class Recorded:
    """What was recorded of one instrument: receive times, exchange times, prices."""

    instrument: Instrument
    received_ns: NDArray[np.int64]
    exchange_ns: NDArray[np.int64]
    price: NDArray[np.float64]


def replay(
    recorded: Sequence[Recorded],
    kind: type[Across],
    start_ns: int = 0,
    end_ns: int = 2**62,
    stale_s: float = 600.0,
) -> SideBySide:
    """Sweep recordings each second that holds a row; late rows set no price, and a stale price is none."""
    world = SideBySide([each.instrument for each in recorded], kind)
    who = np.concatenate([np.full(len(each.price), number) for number, each in enumerate(recorded)])
    received = np.concatenate([each.received_ns for each in recorded])
    late = received - np.concatenate([each.exchange_ns for each in recorded]) > LATENCY_NS_MAX
    price = np.concatenate([each.price for each in recorded])
    price[late] = np.nan
    order = np.argsort(received, kind="stable")
    order = order[(received[order] >= start_ns) & (received[order] < end_ns)]
    second = -(-received[order] // SECOND_NS)
    ends = np.append(np.flatnonzero(np.diff(second)) + 1, len(order))
    first = 0
    board = world.board
    for end in ends:
        for row in order[first:end]:
            if not np.isnan(price[row]):
                board[who[row]]["price"] = price[row]
                board[who[row]]["price_ns"] = received[row]
        world.now_ns = int(second[end - 1]) * SECOND_NS
        board["price"][world.now_ns - board["price_ns"] > stale_s * SECOND_NS] = np.nan
        world.sweep()
        first = end
    return world


def read_trades(path: Path, instrument: Instrument) -> Recorded:
    """Read trades in Tardis columns."""
    table = pacsv.read_csv(io.BytesIO(gzip.decompress(path.read_bytes())))
    times = [table[name].to_numpy().astype(np.int64) * 1000 for name in ("local_timestamp", "timestamp")]
    return Recorded(instrument, times[0], times[1], table["price"].to_numpy().astype(np.float64))


def read_bars(path: Path, instrument: Instrument) -> Recorded:
    """Read the closes of minute bars, known at each bar's end."""
    table = pq.read_table(path)
    name = "timestamp" if "timestamp" in table.column_names else "__index_level_0__"
    times = table[name].cast(pa.timestamp("ns"), safe=False).cast(pa.int64()).to_numpy() + MINUTE_NS
    return Recorded(instrument, times, times, table["close"].to_numpy().astype(np.float64))


def read_blocks(path: Path, instrument: Instrument) -> Recorded:
    """Read a pool's price by block."""
    table = pq.read_table(path)
    times = table["timestamp"].to_numpy().astype(np.int64) * SECOND_NS
    price = pc.cast(table["token1Price"], pa.float64(), safe=False).to_numpy()
    return Recorded(instrument, times, times, price)


def read_candles(paths: Sequence[Path], instrument: Instrument) -> Recorded:
    """Read the closes of Binance Vision candles."""
    tables = []
    for path in paths:
        archive = zipfile.ZipFile(path)
        tables.append(pacsv.read_csv(io.BytesIO(archive.read(archive.namelist()[0]))))
    table = pa.concat_tables(tables)
    times = (table["close_time"].to_numpy().astype(np.int64) + 1) * 1_000_000
    return Recorded(instrument, times, times, table["close"].to_numpy().astype(np.float64))
