"""File signer: an Ed25519 key in a file that nobody else may read.

The file holds one line, `PRIVATE+KEY+name+id+base64`, the private form of golang.org/x/mod/sumdb/note, so
that other signed-note tools can use it; the id in it proves that the line was not damaged. It is not
encrypted: whoever reads the file can sign. Keep it on another machine than the ledger's copies, or use a key
store that does not give keys out.
"""

import base64
import os
import re
import secrets
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfast.error import CallerError
from holdfast.signer import ED25519_TYPE, key_id, require_key_name, verifier_key

FILE_BYTES_MAX: Final = 4096
SEED_BYTES: Final = 32

_LINE = re.compile(r"PRIVATE\+KEY\+([^+\n]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})\n?", re.ASCII)


class FileSigner:
    """Sign with a key kept in a file. Make one with `create` or `load`."""

    def __init__(self, name: str, seed: bytes) -> None:
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def create(cls, path: Path | str, name: str) -> "FileSigner":
        """Make a new key and keep it in a new file, readable by its owner alone.

        Raises: CallerError `key.name`, `key.exists`; OSError when the file cannot be written.
        """
        require_key_name(name)
        seed = secrets.token_bytes(SEED_BYTES)
        signer = cls(name, seed)
        data = base64.b64encode(ED25519_TYPE + seed).decode()
        line = f"PRIVATE+KEY+{name}+{key_id(name, signer.public_key).hex()}+{data}\n"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError as error:
            raise CallerError(
                "key.exists",
                "a file is already there",
                where=str(path),
                remedy="load it, or take another path",
            ) from error
        with open(handle, "wb") as file:
            os.fchmod(handle, 0o600)
            file.write(line.encode())
            file.flush()
            os.fsync(handle)
        return signer

    @classmethod
    def load(cls, path: Path | str) -> "FileSigner":
        """Take the key from a file.

        Raises: CallerError `key.missing`, `key.readable_by_others`, `key.malformed`.
        """
        try:
            with open(path, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                raw = file.read(FILE_BYTES_MAX)
        except OSError as error:
            raise CallerError(
                "key.missing", f"no key can be read: {error.strerror}", where=str(path), remedy="create one"
            ) from error
        if mode & 0o077:
            raise CallerError(
                "key.readable_by_others",
                f"the key's file has mode {mode & 0o777:04o}, so others may have read it",
                where=str(path),
                remedy=f"chmod 600 {path}, and make a new key if anybody else uses this machine",
            )
        match = _LINE.fullmatch(raw.decode(errors="replace"))
        data = base64.b64decode(match[3]) if match else b""
        if match is None or data[:1] != ED25519_TYPE:
            raise _malformed(path, "the file does not hold an Ed25519 note key")
        signer = cls(match[1], data[1:])
        if key_id(signer.name, signer.public_key).hex() != match[2]:
            raise _malformed(path, "the key does not fit its own id")
        return signer

    @property
    def public_key(self) -> bytes:
        """Return the raw public key, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    @property
    def verifier_key(self) -> str:
        """Return the public key as text, to be published."""
        return verifier_key(self.name, self.public_key)

    def sign(self, message: bytes) -> bytes:
        """Return the raw Ed25519 signature, 64 bytes."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"FileSigner({self.verifier_key})"


def _malformed(path: Path | str, what: str) -> CallerError:
    return CallerError(
        "key.malformed", what, where=str(path), remedy="restore it from a copy, or create a new key"
    )
