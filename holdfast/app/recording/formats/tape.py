"""Our own tape as Parquet (see `tape_file`): read back bit for bit, column by column."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.app.recording.chunk import NO_ROWS, Chunk, Note, quarantine
from holdfast.app.recording.formats.base import Format, Head, Reading
from holdfast.app.recording.formats.parquet_base import MAGIC, schema_of
from holdfast.app.recording.moving import join
from holdfast.app.recording.streams import ByteStream, truncated
from holdfast.app.recording.tape_file import COLUMNS, instruments_of, tape_parts
from holdfast.error import OutsideError
from holdfast.instrument import Instrument
from holdfast.tape import LAST, Rows


class Tape(Format):
    """Rows as Holdfast writes them; each is counted as a message."""

    name = "tape"
    about = "Holdfast's own tape (Parquet)"

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the schema."""
        return head.data.startswith(MAGIC) and set(COLUMNS) <= set(schema_of(head.path).names)

    @staticmethod
    def instruments(head: Head) -> list[Instrument]:
        """Return the instruments in the order of their numbers; none where the file is broken: `chunks` says so."""
        try:
            with pq.ParquetFile(head.path) as file:
                return instruments_of(file.metadata.metadata, str(head.path))
        except (pa.ArrowException, OSError, OutsideError):
            return []

    def chunks(self, reading: Reading, stream: ByteStream) -> Iterator[Chunk]:
        """Yield the rows of the file, whole messages at a time."""
        del stream  # Parquet is read by place, not in order
        done = 0
        kept: list[Rows] = []
        try:
            with pq.ParquetFile(reading.head.path, memory_map=True) as file:
                for instrument in instruments_of(file.metadata.metadata, reading.file):
                    reading.instruments.add(instrument)
                for rows in tape_parts(file):
                    _require_known(rows, reading)
                    done += len(rows)
                    reading.tally.messages += len(rows)
                    reading.tally.used += len(rows)
                    ends = np.flatnonzero(rows["flags"] & LAST)
                    cut = int(ends[-1]) + 1 if len(ends) else 0
                    if cut:
                        yield Chunk(join([*kept, rows[:cut]]), [])
                        kept = []
                    if cut < len(rows):
                        kept.append(rows[cut:])
                yield Chunk(join(kept), [])
        except (pa.ArrowException, OSError) as error:
            fault = truncated(f"the tape breaks after row {done}: {error}")
            reading.tally.truncated.append(reading.file)
            yield Chunk(NO_ROWS, [Note(0, quarantine(reading.file, done + 1, fault, ""))])


def _require_known(rows: Rows, reading: Reading) -> None:
    if len(rows) and not -1 <= rows["instrument"].min() <= rows["instrument"].max() < len(
        reading.instruments
    ):
        raise OutsideError("tape.malformed", "rows have numbers of instruments that the tape does not name")
