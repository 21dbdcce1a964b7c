"""Checkpoint: the signed statement of how many entries there are and what they hash to.

Source: c2sp.org/tlog-checkpoint.
"""

import base64
import binascii
import re

import msgspec

from holdfast.error import OutsideError
from holdfast.ledger.merkle import HASH_BYTES
from holdfast.ledger.note import SignedNote, VerifierKey, open_note, sign_note
from holdfast.ledger.tiles import SIZE_MAX
from holdfast.signer import Signer

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class Checkpoint(msgspec.Struct, frozen=True):
    """A tree head: whose log, how many entries, and their root hash."""

    origin: str
    size: int
    root: bytes

    def sign(self, signer: Signer) -> str:
        """Return the checkpoint as a note, signed under the origin's name."""
        root = base64.b64encode(self.root).decode()
        return sign_note(f"{self.origin}\n{self.size}\n{root}\n", self.origin, signer)


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text. Raises: OutsideError `checkpoint.malformed`.

    Lines after the third are extensions: allowed, and of no meaning here.
    """
    lines = text.split("\n")
    if len(lines) < 4 or not all(lines[:-1]) or lines[-1]:
        raise OutsideError("checkpoint.malformed", "not an origin, a size and a root, each on its line")
    origin, size, encoded = lines[:3]
    if not _SIZE.fullmatch(size) or int(size) > SIZE_MAX:
        raise OutsideError("checkpoint.malformed", f"not a number of entries: {size[:40]!r}")
    try:
        root = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        root = b""
    if len(root) != HASH_BYTES or base64.b64encode(root).decode() != encoded:
        raise OutsideError("checkpoint.malformed", f"not a root hash: {encoded[:80]!r}")
    return Checkpoint(origin, int(size), root)


def open_checkpoint(data: bytes, key: VerifierKey) -> tuple[Checkpoint, SignedNote]:
    """Read a checkpoint once its signature by `key` is verified, and that the key bears the origin's name.

    Raises: OutsideError `note.*`, `checkpoint.malformed`, `checkpoint.origin`.
    """
    note = open_note(data, key)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != key.name:
        raise OutsideError(
            "checkpoint.origin", f"the log of {checkpoint.origin}, signed by the key of {key.name}"
        )
    return checkpoint, note
