"""Tape file: rows as Parquet, one column a field of a row, that pandas, Polars and DuckDB open.

Rules:

1. The columns are those of `tape.ROW`, then `venue` and `symbol` as dictionaries for people who join by name.
2. The instruments, in the order of their numbers, stand as JSON under the key `holdfast.instruments` of the
   file's metadata.
3. What was written is read back bit for bit. Row groups keep memory bounded both ways.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.app.recording.moving import join
from holdfast.error import OutsideError
from holdfast.instrument import Instrument, Instruments
from holdfast.tape import ROW, Rows

COLUMNS: Final[tuple[str, ...]] = tuple(ROW.names or ())
ROW_GROUP_ROWS: Final = 262_144
INSTRUMENTS_KEY: Final = b"holdfast.instruments"
VERSION_KEY: Final = b"holdfast.tape"
VERSION: Final = b"1"

_SCATTER_ROWS: Final = 16_384  # rows that stay in cache while nine columns are written into them
_NAME: Final = pa.dictionary(pa.int32(), pa.string())
SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, pa.from_numpy_dtype(ROW[name]), nullable=False) for name in COLUMNS),
        pa.field("venue", _NAME),
        pa.field("symbol", _NAME),
    ]
)


class TapeWriter:
    """Write batches of rows to a tape file; `close` writes the instruments, without which it is no tape.

    Cost: about 0.2 us a row. Limits: one row group is held in memory.
    """

    def __init__(self, path: Path, instruments: Instruments) -> None:
        self.rows = 0
        self._instruments = instruments
        self._waiting: list[Rows] = []
        self._waiting_rows = 0
        self._file = pq.ParquetWriter(path, SCHEMA, compression="lz4")

    def write(self, rows: Rows) -> None:
        """Append a batch."""
        self._waiting.append(rows)
        self._waiting_rows += len(rows)
        if self._waiting_rows >= ROW_GROUP_ROWS:
            joined = join(self._waiting)
            whole = len(joined) - len(joined) % ROW_GROUP_ROWS
            for start in range(0, whole, ROW_GROUP_ROWS):
                self._group(joined[start : start + ROW_GROUP_ROWS])
            self._waiting = [joined[whole:]]
            self._waiting_rows = len(joined) - whole

    def close(self) -> None:
        """Write what is left and the instruments."""
        if self._waiting_rows:
            self._group(join(self._waiting))
        self._file.add_key_value_metadata(
            {INSTRUMENTS_KEY: msgspec.json.encode(self._instruments.all), VERSION_KEY: VERSION}
        )
        self._file.close()

    def _group(self, rows: Rows) -> None:
        columns: list[pa.Array] = [pa.array(np.ascontiguousarray(rows[name])) for name in COLUMNS]
        numbers = pa.array(rows["instrument"], mask=rows["instrument"] < 0)
        for name in ("venue", "symbol"):
            words = pa.array([getattr(i, name) for i in self._instruments.all], pa.string())
            columns.append(pa.DictionaryArray.from_arrays(numbers, words))
        self._file.write_table(pa.Table.from_arrays(columns, schema=SCHEMA))
        self.rows += len(rows)


class Batches(Protocol):
    """What a tape is made of: batches of rows, and the instruments that they number."""

    instruments: Instruments

    def batches(self) -> Iterable[Rows]:
        """Yield the rows."""
        ...


def write_tape(recording: Batches, path: Path) -> int:
    """Write a recording as one tape file and return its number of rows; only a finished file has the name."""
    unfinished = path.with_name(path.name + ".part")
    writer = TapeWriter(unfinished, recording.instruments)
    try:
        for rows in recording.batches():
            writer.write(rows)
        writer.close()
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.replace(path)
    return writer.rows


def read_tape(path: Path) -> tuple[Rows, list[Instrument]]:
    """Read a whole tape file at once. Raises: OutsideError `tape.malformed`.

    Cost: 30 ns a row, and memory for all of it; `Recording` streams.
    """
    with pq.ParquetFile(path, memory_map=True) as file:
        instruments = instruments_of(file.metadata.metadata, str(path))
        rows = np.empty(file.metadata.num_rows, dtype=ROW)
        done = 0
        for table in _tables(file):
            _fill(rows[done : done + table.num_rows], table)
            done += table.num_rows
    return rows, instruments


def tape_parts(file: pq.ParquetFile) -> Iterator[Rows]:
    """Yield the rows of an open tape, at most ROW_GROUP_ROWS at a time."""
    for table in _tables(file):
        rows = np.empty(table.num_rows, dtype=ROW)
        _fill(rows, table)
        yield rows


def instruments_of(metadata: dict[bytes, bytes] | None, where: str) -> list[Instrument]:
    """Return the instruments that a tape's metadata holds. Raises: OutsideError `tape.malformed`."""
    try:
        return msgspec.json.decode((metadata or {})[INSTRUMENTS_KEY], type=list[Instrument])
    except (KeyError, msgspec.MsgspecError) as error:
        raise OutsideError(
            "tape.malformed", f"the tape names no instruments: {error}", where=where
        ) from error


def _tables(file: pq.ParquetFile) -> Iterator[pa.Table]:
    columns = list(COLUMNS)
    for group in range(file.num_row_groups):
        if file.metadata.row_group(group).num_rows <= ROW_GROUP_ROWS:
            yield file.read_row_group(group, columns=columns, use_threads=False)
        else:
            for batch in file.iter_batches(
                ROW_GROUP_ROWS, row_groups=[group], columns=columns, use_threads=False
            ):
                yield pa.Table.from_batches([batch])


def _fill(rows: Rows, table: pa.Table) -> None:
    """Write the columns into rows, a stretch that fits the cache at a time."""
    columns = [(name, table.column(name).to_numpy()) for name in COLUMNS]
    for start in range(0, len(rows), _SCATTER_ROWS):
        part = rows[start : start + _SCATTER_ROWS]
        for name, column in columns:
            part[name] = column[start : start + _SCATTER_ROWS]
