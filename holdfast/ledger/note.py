"""Signed notes: a text and the lines that sign it.

1. A note is text ending in a newline, an empty line, and lines of an em dash, a key's name, and base64 of key
   id and signature.
2. Signatures of keys that the reader does not know are passed over; one of a known key that fails spoils the
   note.
3. We are stricter than the format asks: base64 and key text have one spelling only, so that no byte may
   change unseen.

Source: c2sp.org/signed-note; the key text is that of golang.org/x/mod/sumdb/note.
"""

import base64
import binascii
import re
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from holdfast.error import OutsideError
from holdfast.signer import ED25519_TYPE, Signer, is_key_name, key_id, verifier_key

NOTE_BYTES_MAX: Final = 1_000_000
SIGNATURES_MAX: Final = 100

_KEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", re.ASCII)


class VerifierKey(msgspec.Struct, frozen=True):
    """A public key and the name it signs under."""

    name: str
    public_key: bytes

    @property
    def id(self) -> bytes:
        """Return the four bytes that stand before this key's signatures."""
        return key_id(self.name, self.public_key)

    def __str__(self) -> str:
        return verifier_key(self.name, self.public_key)


class SignedNote(msgspec.Struct, frozen=True):
    """A text with a verified signature, and how many other signatures it bears, unchecked."""

    text: str
    others: int


def parse_key(text: str) -> VerifierKey:
    """Read a verifier key. Raises: OutsideError `key.malformed`."""
    match = _KEY.fullmatch(text)
    data = base64.b64decode(match[3]) if match else b""
    if match is None or not is_key_name(match[1]) or data[:1] != ED25519_TYPE:
        raise OutsideError(
            "key.malformed", "not an Ed25519 verifier key", remedy="it reads name+8 hex digits+base64"
        )
    key = VerifierKey(match[1], data[1:])
    if str(key) != text:
        raise OutsideError("key.malformed", f"the key's id is {key.id.hex()}, not {match[2]}")
    return key


def sign_note(text: str, name: str, signer: Signer) -> str:
    """Return the text as a note signed under `name`."""
    signature = key_id(name, signer.public_key) + signer.sign(text.encode())
    return f"{text}\n\u2014 {name} {base64.b64encode(signature).decode()}\n"


def open_note(data: bytes, key: VerifierKey) -> SignedNote:
    """Return the text of a note once the signature by `key` is verified.

    Raises: OutsideError `note.malformed`, `note.unsigned` (not by this key), `note.bad_signature`.
    """
    text, lines = _split(data)
    others = verified = 0
    for line in lines:
        name, signature = _parse_signature(line)
        if (name, signature[:4]) != (key.name, key.id):
            others += 1
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature[4:], text.encode())
        except (InvalidSignature, ValueError) as error:
            raise OutsideError(
                "note.bad_signature", f"the signature by {name} does not fit the text"
            ) from error
        verified += 1
    if not verified:
        raise OutsideError("note.unsigned", f"no signature by {key.name}+{key.id.hex()}")
    return SignedNote(text, others + verified - 1)


def _split(data: bytes) -> tuple[str, list[str]]:
    if len(data) > NOTE_BYTES_MAX:
        raise OutsideError("note.malformed", f"longer than {NOTE_BYTES_MAX} bytes")
    try:
        note = data.decode()
    except UnicodeDecodeError as error:
        raise OutsideError("note.malformed", f"not UTF-8 at byte {error.start}") from error
    if any(letter < " " and letter != "\n" for letter in note):
        raise OutsideError("note.malformed", "holds a control character")
    text, gap, signatures = note.rpartition("\n\n")
    lines = signatures.split("\n")
    if not gap or lines.pop() or not lines or len(lines) > SIGNATURES_MAX:
        raise OutsideError("note.malformed", "not a text, an empty line and lines of signatures")
    return text + "\n", lines


def _parse_signature(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    try:
        signature = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    canonical = base64.b64encode(signature).decode() == encoded
    if dash != "\u2014" or not is_key_name(name) or len(signature) < 5 or not canonical:
        raise OutsideError("note.malformed", f"not a signature line: {line[:80]!r}")
    return name, signature
