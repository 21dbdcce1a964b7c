"""Who a request to Binance comes from: the API key in its header, the signature of its parameters, its timestamp.

1. The signature is HMAC-SHA256, in hex, of the query and the body as they were sent, without the signature itself.
2. A request is late where the venue's clock less `timestamp` exceeds `recvWindow` (5 s unless said, 60 s at most), and early
   where `timestamp` is 1 s ahead of that clock.

Source: developers.binance.com, "USDS-M futures, general info: timing security". Limits: HMAC keys only.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Final

from holdfast.lab.world.answer import Credential
from holdfast.lab.world.binance import reply

KEY_HEADER: Final = "x-mbx-apikey"
WINDOW_MS_MAX: Final = 60_000
_WINDOW_MS_DEFAULT: Final = 5_000
_AHEAD_MS_MAX: Final = 1_000
_SIGNATURE: Final = re.compile(r"(?:^|&)signature=([^&]*)")


class Signing:
    """The keys of a venue's accounts."""

    def __init__(self, credentials: Sequence[Credential]) -> None:
        self.by_key = {credential.key: credential for credential in credentials}

    def holder(self, headers: Mapping[str, str]) -> Credential:
        """Return whose key is in the headers. Raises: Refusal."""
        key = next((value for name, value in headers.items() if name.lower() == KEY_HEADER), "")
        if not key:
            raise reply.Refusal(reply.BAD_KEY_FORMAT, "API-key format invalid.", 401)
        credential = self.by_key.get(key)
        if credential is None:
            raise reply.Refusal(reply.REJECTED_KEY, "Invalid API-key, IP, or permissions for action.", 401)
        return credential

    def check(
        self, credential: Credential, query: str, body: str, params: Mapping[str, str], venue_ms: int
    ) -> int:
        """Check signature and time; return until when the request is valid, in milliseconds. Raises: Refusal."""
        match = _SIGNATURE.search(body) or _SIGNATURE.search(query)
        if match is None:
            reply.needed(params, "signature")
        stamp = int(reply.number(params, "timestamp") or reply.needed(params, "timestamp"))
        window = reply.whole(params, "recvWindow", _WINDOW_MS_DEFAULT)
        if not 0 < window <= WINDOW_MS_MAX:
            raise reply.Refusal(-1131, "recvWindow must be less than 60000")
        signed = _SIGNATURE.sub("", query) + _SIGNATURE.sub("", body)
        expected = hmac.new(credential.secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if match is None or not hmac.compare_digest(expected, match[1].lower()):
            raise reply.Refusal(reply.INVALID_SIGNATURE, "Signature for this request is not valid.")
        if stamp >= venue_ms + _AHEAD_MS_MAX:
            raise reply.Refusal(
                reply.INVALID_TIMESTAMP,
                "Timestamp for this request was 1000ms ahead of the server's time.",
            )
        if venue_ms - stamp > window:
            raise reply.Refusal(
                reply.INVALID_TIMESTAMP, "Timestamp for this request is outside of the recvWindow."
            )
        return stamp + window
