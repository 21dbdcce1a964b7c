"""Pool Parquet: the state of a Uniswap v3 pool at the end of each block, as the subgraph exports it.

The price of a pool is a ratio of two balances and lies on no grid, so it is rounded half to even to the
instrument's decimals. A block is a bar of one price, at the block's time, with no volume known. Of the pool's
two tokens the one with 18 decimals is the base: its price in the other is `token1Price` where the raw ratio
(1.0001 ** tick) is far below 1.
Source: Uniswap v3 core, "Pool state"; Uniswap v3 subgraph schema. Limits: pools whose two tokens have the
same number of decimals are read as token0 priced in token1.
"""

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final

import numpy as np
import pyarrow as pa

from holdfast.app.recording.bars import bar_grid, bar_instrument
from holdfast.app.recording.csv_table import TIME_NS_MAX, TIME_NS_MIN
from holdfast.app.recording.formats.base import Reading
from holdfast.app.recording.formats.parquet_base import Converted, ParquetFormat
from holdfast.clock import SECOND_NS
from holdfast.error import OutsideError
from holdfast.quantity import INT64_MAX

_TICK_OF_TWELVE_DECIMALS: Final = 276_324  # log(10**12) / log(1.0001)


class PoolParquet(ParquetFormat):
    """Blocks of one pool: a bar of one price each."""

    name = "pool-parquet"
    about = "Parquet of a Uniswap v3 pool by block (blockNumber, tick, token0Price, token1Price, timestamp)"
    wants = ("blockNumber", "tick", "token0Price", "token1Price", "timestamp")

    @classmethod
    def knows(cls, schema: pa.Schema) -> bool:
        """Tell by the column names."""
        return set(cls.wants) <= set(schema.names)

    def convert(self, batch: pa.RecordBatch, reading: Reading) -> Converted:
        """Turn blocks into bars."""
        failures: dict[int, OutsideError] = {}
        instrument = bar_instrument(reading.head, reading.instruments)
        decimals = reading.instruments[instrument].price_decimals
        units = np.zeros(batch.num_rows, dtype=np.int64)
        times = np.zeros(batch.num_rows, dtype=np.int64)
        for position, record in enumerate(batch.to_pylist()):
            try:
                times[position] = _time_ns(record["timestamp"])
                first_is_base = int(record["tick"]) < _TICK_OF_TWELVE_DECIMALS // 2
                units[position] = round_units(
                    record["token1Price" if first_is_base else "token0Price"], decimals
                )
            except (TypeError, ValueError) as error:
                failures[position] = OutsideError("quantity.malformed", f"a field is not a number: {error}")
            except OutsideError as error:
                failures[position] = error
        volume = np.full(batch.num_rows, np.nan)
        grid = bar_grid(times, instrument, dict.fromkeys(("open", "high", "low", "close"), units), volume)
        rows, records = grid.flatten(np.isin(np.arange(batch.num_rows), list(failures)))
        return rows, records, failures


def round_units(text: str, decimals: int) -> int:
    """Return decimal text as units, rounded half to even. Raises: OutsideError `quantity.malformed`,
    `quantity.out_of_range`.

    >>> round_units("1.000130470689349035", 9)
    1000130471
    """
    try:
        units = int(Decimal(text).scaleb(decimals).to_integral_value(ROUND_HALF_EVEN))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise OutsideError("quantity.malformed", f"not a number: {text!r}") from error
    if not 0 < units <= INT64_MAX:
        raise OutsideError("quantity.out_of_range", f"a price cannot be {text!r}")
    return units


def _time_ns(seconds: int) -> int:
    moment_ns = int(seconds) * SECOND_NS
    if not TIME_NS_MIN <= moment_ns <= TIME_NS_MAX:
        raise OutsideError("time.malformed", f"not a time: {seconds!r}")
    return moment_ns
