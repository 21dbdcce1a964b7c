"""Recordings: any supported file in, merged batches of rows out.

`Recording` is the entry; `write_tape` keeps what it yields as our own tape.
"""

from holdfast.app.recording.reader import Fault, Recording
from holdfast.app.recording.tape_file import read_tape, write_tape

__all__ = ["Fault", "Recording", "read_tape", "write_tape"]
