"""Signer: whoever can sign for the desk, without saying where the key is, and the text of its public half.

A public key is published as a C2SP verifier key, `name+id+base64`, which every signed-note verifier reads.
Source: c2sp.org/signed-note.
"""

import base64
import hashlib
from typing import Final, Protocol

from holdfast.error import CallerError

ED25519_TYPE: Final = b"\x01"
"""The signature type byte of Ed25519 in the signed-note format."""


class Signer(Protocol):
    """Sign bytes with an Ed25519 key that stays where it is."""

    @property
    def public_key(self) -> bytes:
        """Return the raw public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the raw Ed25519 signature, 64 bytes."""
        ...


def key_id(name: str, public_key: bytes) -> bytes:
    """Return the four bytes that tell one named key from another in a signature line."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519_TYPE + public_key).digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """Write a named public key as text, to be published.

    Raises: CallerError `key.name`.

    >>> verifier_key("desk.example/one", bytes(32))
    'desk.example/one+e94d42ce+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    """
    require_key_name(name)
    data = base64.b64encode(ED25519_TYPE + public_key).decode()
    return f"{name}+{key_id(name, public_key).hex()}+{data}"


def is_key_name(name: str) -> bool:
    """Tell whether a key may bear this name: not empty, without plus, blank or control character."""
    if not name or "+" in name or any(letter.isspace() or letter < " " for letter in name):
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def require_key_name(name: str) -> None:
    """Refuse a name that no key may bear. Raises: CallerError `key.name`."""
    if not is_key_name(name):
        raise CallerError(
            "key.name",
            f"{name!r} cannot name a key",
            remedy="use a name such as desk.example/ledger, without blanks and without +",
        )
