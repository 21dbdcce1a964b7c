"""Minute Parquet: a bar a record, its time being the bar's start; the file's name says venue and instrument.

Prices are doubles there: each becomes the shortest decimal that it is the nearest double of, exactly.
"""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from holdfast.app.recording.bars import PRICE_COLUMNS, TIME_COLUMNS, bar_grid, bar_instrument, bar_length_ns
from holdfast.app.recording.csv_table import TIME_NS_MAX, TIME_NS_MIN
from holdfast.app.recording.formats.base import Head, Reading
from holdfast.app.recording.formats.parquet_base import Converted, ParquetFormat
from holdfast.clock import MICROSECOND_NS, MILLISECOND_NS, SECOND_NS
from holdfast.error import OutsideError
from holdfast.quantity import to_units

_FIRST_RECORDS_MAX: Final = 500
_EXACT_FLOAT: Final = 2.0**53


class BarsParquet(ParquetFormat):
    """Bars of one instrument: four rows each, at the bar's end."""

    name = "bars-parquet"
    about = "Parquet of bars (a time column, open, high, low, close[, volume])"
    wants = (*PRICE_COLUMNS, "volume", *TIME_COLUMNS)

    def __init__(self) -> None:
        self._length_ns = 0

    @classmethod
    def knows(cls, schema: pa.Schema) -> bool:
        """Tell by the column names."""
        return set(PRICE_COLUMNS) <= set(schema.names) and any(c in schema.names for c in TIME_COLUMNS)

    def convert(self, batch: pa.RecordBatch, reading: Reading) -> Converted:
        """Turn records into bars."""
        failures: dict[int, OutsideError] = {}
        if not self._length_ns:
            self._length_ns = bar_length_ns(reading.head, _first_starts(reading.head))
        instrument = bar_instrument(reading.head, reading.instruments)
        start_ns = times_ns(batch, failures)
        decimals = reading.instruments[instrument].price_decimals
        prices = {name: price_units(batch, name, decimals, failures) for name in PRICE_COLUMNS}
        impossible = (np.minimum(prices["open"], prices["close"]) < prices["low"]) | (
            np.maximum(prices["open"], prices["close"]) > prices["high"]
        )
        for position in np.flatnonzero(impossible).tolist():
            failures.setdefault(
                position, OutsideError("bar.impossible", "the open or close lies outside the low and high")
            )
        volume = np.full(batch.num_rows, np.nan)
        if "volume" in batch.schema.names:
            volume = floats(batch, "volume")
        grid = bar_grid(start_ns + self._length_ns, instrument, prices, volume)
        rows, records = grid.flatten(np.isin(np.arange(batch.num_rows), list(failures)))
        return rows, records, failures


def floats(batch: pa.RecordBatch, column: str) -> NDArray[np.float64]:
    """Return a column as doubles, NaN where there is none."""
    values = pc.cast(batch.column(column), pa.float64()).to_numpy(zero_copy_only=False)
    return np.array(values, dtype=np.float64)


def price_units(
    batch: pa.RecordBatch, column: str, decimals: int, failures: dict[int, OutsideError]
) -> NDArray[np.int64]:
    """Return a column of prices as units: the decimal that each double stands for, exactly."""
    values = floats(batch, column)
    scaled = np.rint(values * 10.0**decimals)
    exact = (np.abs(scaled) < _EXACT_FLOAT) & (scaled / 10.0**decimals == values) & (values > 0)
    units = np.where(exact, scaled, 0).astype(np.int64)
    for position in np.flatnonzero(~exact).tolist():
        try:
            units[position] = to_units(repr(float(values[position])), decimals)
            if units[position] <= 0:
                raise OutsideError("quantity.out_of_range", f"{column} cannot be {values[position]}")
        except OutsideError as error:
            failures.setdefault(position, error)
    return units


def times_ns(batch: pa.RecordBatch, failures: dict[int, OutsideError]) -> NDArray[np.int64]:
    """Return the time column as UTC nanoseconds; a number's unit is told by its size."""
    column = next(c for c in TIME_COLUMNS if c in batch.schema.names)
    values = batch.column(column)
    if pa.types.is_timestamp(values.type):
        times = pc.cast(values, pa.timestamp("ns", tz=values.type.tz), safe=False).cast(pa.int64())
        whole = np.array(pc.fill_null(times, 0).to_numpy(zero_copy_only=False), dtype=np.int64)
    else:
        numbers = pc.fill_null(pc.cast(values, pa.int64(), safe=False), 0)
        whole = np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.int64)
        for unit_ns in (SECOND_NS, MILLISECOND_NS, MICROSECOND_NS, 1):
            if len(whole) and int(whole.max()) <= TIME_NS_MAX // unit_ns:
                whole *= unit_ns
                break
    for position in np.flatnonzero((whole < TIME_NS_MIN) | (whole > TIME_NS_MAX)).tolist():
        failures.setdefault(position, OutsideError("time.malformed", f"{column} is not a time"))
    return whole


def _first_starts(head: Head) -> NDArray[np.int64]:
    """Read the starts of the first bars, so that the length does not depend on the batches."""
    with pq.ParquetFile(head.path) as file:
        names = [c for c in TIME_COLUMNS if c in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=_FIRST_RECORDS_MAX, columns=names, use_threads=False):
            return times_ns(batch, {})
    return np.zeros(0, dtype=np.int64)
