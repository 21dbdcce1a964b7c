"""Access to Deribit: who a request comes from, by secret, signature or token.

1. `public/auth` takes `client_credentials`, `client_signature` and `refresh_token`; the answer is a pair of tokens.
2. A websocket session is then that account's; a request may also carry `access_token` in its parameters.
3. Over HTTP: `Authorization: Bearer <token>`, `Basic <id:secret>`, or `deri-hmac-sha256 id=,ts=,nonce=,sig=` over
   timestamp, nonce, method, path with query, and body, each ended by a line feed.

Source: docs.deribit.com, "Authentication" and "public/auth". Limits: scopes are told, not enforced.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.lab.world.answer import Credential
from holdfast.lab.world.deribit.rpc import (
    INVALID_CREDENTIALS,
    UNAUTHORIZED,
    Rejection,
    invalid,
    number_of,
    text_of,
)

TOKEN_S: Final = 900
REFRESH_S: Final = 604_800
SIGNATURE_AGE_S_MAX: Final = 60
SCOPE: Final = "account:read_write block_trade:read_write trade:read_write wallet:read_write mainaccount"


class Access:
    """Credentials and the tokens that were given out for them."""

    def __init__(self, credentials: Sequence[Credential]) -> None:
        self.by_key = {credential.key: credential for credential in credentials}
        self._tokens: dict[str, tuple[Credential, int]] = {}
        self._refresh: dict[str, tuple[Credential, int]] = {}
        self._count = 0

    def grant(self, venue_ns: int, params: Mapping[str, Any]) -> tuple[Credential, dict[str, Any]]:
        """Carry out `public/auth`. Raises: Rejection `invalid_credentials`."""
        grant_type = text_of(params, "grant_type")
        if grant_type == "client_credentials":
            credential = self._by_secret(text_of(params, "client_id"), text_of(params, "client_secret"))
        elif grant_type == "client_signature":
            credential = self._by_signature(venue_ns, params)
        elif grant_type == "refresh_token":
            credential = _living(self._refresh, text_of(params, "refresh_token"), venue_ns)
        else:
            raise invalid("grant_type", "unsupported grant type")
        return credential, self._tokens_for(venue_ns, credential)

    def holder(self, venue_ns: int, token: str) -> Credential:
        """Return whose token it is. Raises: Rejection `unauthorized`."""
        return _living(self._tokens, token, venue_ns)

    def by_header(self, venue_ns: int, header: str, signed: bytes) -> Credential:
        """Return who an HTTP request comes from; `signed` is method, path and body, each ended by a line feed."""
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() == "bearer":
            return self.holder(venue_ns, rest.strip())
        if scheme.lower() == "basic":
            try:
                key, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError) as error:
                raise _wrong() from error
            return self._by_secret(key, secret)
        if scheme.lower() == "deri-hmac-sha256":
            parts = {
                name.strip(): value for name, _, value in (part.partition("=") for part in rest.split(","))
            }
            message = f"{parts.get('ts', '')}\n{parts.get('nonce', '')}\n".encode() + signed
            return self._verified(
                venue_ns, parts.get("id", ""), parts.get("ts", ""), message, parts.get("sig", "")
            )
        raise _wrong()

    def _by_secret(self, key: str, secret: str) -> Credential:
        credential = self.by_key.get(key)
        if credential is None or not hmac.compare_digest(credential.secret, secret):
            raise _wrong()
        return credential

    def _by_signature(self, venue_ns: int, params: Mapping[str, Any]) -> Credential:
        number_of(params, "timestamp")
        stamp = text_of(params, "timestamp")
        message = f"{stamp}\n{text_of(params, 'nonce', '')}\n{text_of(params, 'data', '')}".encode()
        return self._verified(
            venue_ns, text_of(params, "client_id"), stamp, message, text_of(params, "signature")
        )

    def _verified(self, venue_ns: int, key: str, stamp: str, message: bytes, signature: str) -> Credential:
        credential = self.by_key.get(key)
        if credential is None or not stamp.isdecimal():
            raise _wrong()
        expected = hmac.new(credential.secret.encode(), message, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, signature.lower()):
            raise _wrong()
        if abs(int(stamp) * MILLISECOND_NS - venue_ns) > SIGNATURE_AGE_S_MAX * SECOND_NS:
            raise Rejection(
                INVALID_CREDENTIALS, "invalid_credentials", {"reason": "timestamp is too far away"}
            )
        return credential

    def _tokens_for(self, venue_ns: int, credential: Credential) -> dict[str, Any]:
        self._count += 1
        digest = hashlib.sha256(f"{credential.secret}/{self._count}".encode()).hexdigest()
        token, refresh = f"{venue_ns // SECOND_NS}.1{digest[:40]}", f"{venue_ns // SECOND_NS}.2{digest[24:]}"
        self._tokens[token] = credential, venue_ns + TOKEN_S * SECOND_NS
        self._refresh[refresh] = credential, venue_ns + REFRESH_S * SECOND_NS
        return {
            "access_token": token,
            "expires_in": TOKEN_S,
            "refresh_token": refresh,
            "scope": SCOPE,
            "token_type": "bearer",
            "enabled_features": [],
        }


def _living(tokens: dict[str, tuple[Credential, int]], token: str, venue_ns: int) -> Credential:
    held = tokens.get(token)
    if held is None or held[1] < venue_ns:
        raise Rejection(UNAUTHORIZED, "unauthorized", {"reason": "invalid_token", "param": "access_token"})
    return held[0]


def _wrong() -> Rejection:
    return Rejection(INVALID_CREDENTIALS, "invalid_credentials")
