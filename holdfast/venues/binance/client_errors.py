"""What Binance's answers say of an effect: whether it was done, and whether trying again makes sense.

An answer that is no refusal by the rules but a failure inside (HTTP 5xx, 408, `-1006`, `-1007`) leaves the execution
unknown, except where the venue says in words that the operation failed. A timestamp outside of the window (`-1021`, and
`-5028` at the matching engine) was refused before anything was done. An order of a duplicated client id (`-4116`) was not
placed again, but one of that id is there: what became of it has to be asked.

Source: developers.binance.com, USD-M futures: "General Info" on HTTP return codes, "Error Code".
"""

import re
from typing import Final

from holdfast.venues.asked import Outcome
from holdfast.venues.binance.client_messages import Refusal

EXPIRED: Final = frozenset((-1021, -5028))  # at the gate, at the matching engine
UNKNOWN: Final = frozenset((-1000, -1006, -1007))
RATE_LIMITED: Final = frozenset((-1003, -1015))
BUSY: Final = frozenset((-1001, -1004, -1008, -1016))  # the venue says of these that nothing was done
NOT_OPEN: Final = frozenset((-2011, -2013))
UNAUTHORISED: Final = frozenset((-1002, -1022, -2014, -2015))
ABSENT: Final = -2013
DUPLICATE_ORDER: Final = -4116  # an earlier attempt of the same client id is there
DUPLICATE_TRANSFER: Final = frozenset((-4115, -4116))
LISTEN_KEY_GONE: Final = -1125

_FAILED: Final = ("Service Unavailable", "unable to process your request")
_BANNED_UNTIL: Final = re.compile(r"banned until (\d{13})")
HTTP_TIMEOUT: Final = 408
HTTP_TOO_MANY: Final = frozenset((418, 429))


def outcome_of(status: int, refusal: Refusal) -> tuple[Outcome, str]:
    """Return what an answer other than a success says of an effect, and its code.

    >>> outcome_of(503, Refusal(0, "Unknown error, please check your request or try again later."))
    ('unknown', '503')
    >>> outcome_of(400, Refusal(-1021, "Timestamp for this request is outside of the recvWindow."))
    ('expired', 'timed_out')
    """
    code = refusal.code
    if code in EXPIRED:
        return "expired", "timed_out"
    if code == DUPLICATE_ORDER:
        return "unknown", "duplicate_client_id"
    if status in HTTP_TOO_MANY or code in RATE_LIMITED:
        return "refused", "rate_limited"
    if code in BUSY or any(words in refusal.msg for words in _FAILED):
        return "refused", "busy"
    if code in UNKNOWN or status >= 500 or status == HTTP_TIMEOUT:
        return "unknown", str(code or status)
    if code in NOT_OPEN:
        return "refused", "not_open"
    return "refused", str(code or status)


def banned_until_ms(refusal: Refusal) -> int:
    """Return until when (the venue's milliseconds) it will hear nothing from us; 0 if it names no time."""
    match = _BANNED_UNTIL.search(refusal.msg)
    return int(match[1]) if match else 0
