"""Parquet: files of columns, read a batch of records at a time, a broken one up to its break."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from holdfast.app.recording.chunk import NO_ROWS, Chunk, Note, quarantine
from holdfast.app.recording.formats.base import Format, Head, Reading
from holdfast.app.recording.streams import ByteStream, truncated
from holdfast.error import OutsideError
from holdfast.tape import LAST, Rows

RECORD_BYTES: Final = 48
MAGIC: Final = b"PAR1"


def schema_of(path: Path) -> pa.Schema:
    """Return the schema of a Parquet file. Raises: OutsideError `archive.truncated`."""
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise truncated(f"a Parquet file that has lost its footer cannot be read at all: {error}") from error


Converted = tuple[Rows, NDArray[np.int64], dict[int, OutsideError]]
"""Rows, the record that each one came from (ascending), and what is wrong with the other records."""


class ParquetFormat(Format):
    """A format in Parquet; a concrete one says how a batch of records becomes rows."""

    wants: ClassVar[tuple[str, ...]]

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the schema."""
        return head.data.startswith(MAGIC) and cls.knows(schema_of(head.path))

    @classmethod
    @abstractmethod
    def knows(cls, schema: pa.Schema) -> bool:
        """Tell by the schema whether a file is of this format."""

    @abstractmethod
    def convert(self, batch: pa.RecordBatch, reading: Reading) -> Converted:
        """Turn a batch into rows without LAST flags."""

    def chunks(self, reading: Reading, stream: ByteStream) -> Iterator[Chunk]:
        """Yield the rows of the file, a batch of records at a time."""
        del stream  # Parquet is read by place, not in order
        done = 0
        try:
            with pq.ParquetFile(reading.head.path) as file:
                names = [name for name in self.wants if name in file.schema_arrow.names]
                size = max(1, reading.block_bytes // RECORD_BYTES)
                for batch in file.iter_batches(batch_size=size, columns=names, use_threads=False):
                    yield self._chunk(batch, self.convert(batch, reading), reading, done)
                    done += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            fault = truncated(f"the Parquet file breaks after record {done}: {error}")
            reading.tally.truncated.append(reading.file)
            yield Chunk(NO_ROWS, [Note(0, quarantine(reading.file, done + 1, fault, ""))])

    def _chunk(
        self,
        batch: pa.RecordBatch,
        converted: Converted,
        reading: Reading,
        done: int,
    ) -> Chunk:
        rows, records, failures = converted
        if len(rows):
            rows["flags"][np.append(records[1:] != records[:-1], True)] |= LAST
        failed = sorted(failures)
        notes = [
            Note(
                place,
                quarantine(reading.file, done + p + 1, failures[p], str(batch.slice(p, 1).to_pylist()[0])),
            )
            for place, p in zip(np.searchsorted(records, failed).tolist(), failed, strict=True)
        ]
        reading.tally.messages += batch.num_rows
        reading.tally.used += batch.num_rows - len(failed)
        reading.tally.quarantined += len(failed)
        return Chunk(rows, notes)
