"""What Deribit's error codes say of an effect: whether it was done, and whether trying again makes sense.

`13888 timed_out` is said of a request that was not processed while it was valid (`valid_until`): it was not done. Failures
inside the venue leave it open whether it was done: they are unknown. Everything else is a refusal.

Source: docs.deribit.com, "RPC error codes".
"""

from typing import Final

from holdfast.venues.asked import Outcome
from holdfast.venues.deribit.client_messages import RpcError

EXPIRED: Final = frozenset((13888,))  # timed_out
UNKNOWN: Final = frozenset(
    (
        10001,  # error: some general failure
        11031,  # other_error
        11094,  # internal_server_error
        13008,  # request_failed: invalid input or internal failure
        13028,  # temporarily_unavailable: not responding or too slow
        -32603,  # JSON-RPC: internal error
    )
)
RATE_LIMITED: Final = frozenset(
    (10028, 10047, 10066)
)  # too_many_requests, matching_engine_queue_full, ..concurrent..
BUSY: Final = frozenset((10040, 10041, 11051))  # retry, settlement_in_progress, system_maintenance
NOT_OPEN: Final = frozenset(
    (10004, 10010, 11008, 11044)
)  # order_not_found, already_closed, already_filled, not_open
UNAUTHORISED: Final = frozenset(
    (10000, 13004, 13009)
)  # authorization_required, invalid_credentials, unauthorized


def outcome_of(error: RpcError) -> tuple[Outcome, str]:
    """Return what an error says of an effect, and its code: one of our own words where a caller should know it.

    >>> outcome_of(RpcError(13888, "timed_out")), outcome_of(RpcError(10009, "not_enough_funds"))
    (('expired', 'timed_out'), ('refused', '10009'))
    """
    if error.code in EXPIRED:
        return "expired", "timed_out"
    if error.code in UNKNOWN:
        return "unknown", str(error.code)
    if error.code in RATE_LIMITED:
        return "refused", "rate_limited"
    if error.code in BUSY:
        return "refused", "busy"
    if error.code in NOT_OPEN:
        return "refused", "not_open"
    return "refused", str(error.code)


def words_of(error: RpcError) -> str:
    """Return an error in the venue's words."""
    more = bytes(error.data)[:120].decode(errors="replace")
    return f"{error.code} {error.message}" + (f" {more}" if more else "")
