"""Signer: whoever can sign for the desk, without saying where the key is."""

from typing import Protocol


class Signer(Protocol):
    """Sign bytes with an Ed25519 key that stays where it is."""

    @property
    def public_key(self) -> bytes:
        """Return the raw public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the raw Ed25519 signature, 64 bytes."""
        ...
