"""JSON-RPC 2.0 as Deribit speaks it: requests in, answers, refusals and notifications out.

1. A request is an object with `method`, `params` and perhaps `id`; over HTTP the parameters may stand in the query, as text.
2. An answer carries `usIn`, `usOut`, `usDiff` (microseconds of the venue's clock) and `testnet`.
3. A refusal is an answer with `error`: code, message and, where a parameter is at fault, data.

Source: docs.deribit.com, "JSON-RPC over websocket", "over HTTP" and "RPC error codes".
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from holdfast.clock import MICROSECOND_NS

Json = Any

HTTP_BAD_REQUEST: Final = 400

PARSE_ERROR: Final = -32700
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
AUTHORIZATION_REQUIRED: Final = 10000
ORDER_NOT_FOUND: Final = 10004
NOT_ENOUGH_FUNDS: Final = 10009
ALREADY_CLOSED: Final = 10010
PRICE_TOO_HIGH: Final = 10007
PRICE_TOO_LOW: Final = 10005
INVALID_AMOUNT: Final = 10021
TOO_MANY_REQUESTS: Final = 10028
NOT_OWNER_OF_ORDER: Final = 10029
MUST_BE_WEBSOCKET: Final = 10030
RETRY: Final = 10040
INVALID_ARGUMENTS: Final = 11029
OTHER_REJECT: Final = 11030
NOT_OPEN_ORDER: Final = 11044
BAD_REQUEST: Final = 11050
POST_ONLY_REJECT: Final = 11054
INTERNAL_SERVER_ERROR: Final = 11094
TRANSFER_NOT_ALLOWED: Final = 12100
INVALID_CREDENTIALS: Final = 13004
UNAUTHORIZED: Final = 13009
ORDERBOOK_CLOSED: Final = 13019
NOT_FOUND: Final = 13020
RAW_UNAUTHORIZED: Final = 13778
TIMED_OUT: Final = 13888

encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


class Rejection(Exception):
    """A request that is refused; becomes the `error` of its answer."""

    def __init__(self, code: int, message: str, data: dict[str, Json] | None = None) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.data = data


class Silent(Exception):
    """A request whose answer is never sent."""


class Call(msgspec.Struct):
    """One request: `id` is echoed as it is; None where the client gave none."""

    method: str
    params: dict[str, Json]
    id: Json = None


def read_call(frame: bytes) -> Call:
    """Read a request. Raises: Rejection."""
    try:
        message = _decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejection(PARSE_ERROR, "Parse error") from error
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        raise Rejection(BAD_REQUEST, "bad_request")
    params = message.get("params") or {}
    if not isinstance(params, dict):
        raise Rejection(INVALID_PARAMS, "Invalid params")
    return Call(message["method"].lstrip("/"), params, message.get("id"))


def answer(call_id: Json, result: Json, in_ns: int, out_ns: int) -> bytes:
    """Return the bytes of an answer."""
    return encode({"jsonrpc": "2.0", **_id(call_id), "result": result, **_times(in_ns, out_ns)})


def refusal(call_id: Json, rejection: Rejection, in_ns: int, out_ns: int) -> bytes:
    """Return the bytes of a refusal."""
    error: dict[str, Json] = {"message": rejection.message, "code": rejection.code}
    if rejection.data is not None:
        error["data"] = rejection.data
    return encode({"jsonrpc": "2.0", **_id(call_id), "error": error, **_times(in_ns, out_ns)})


def notification(channel: str, data: Json) -> bytes:
    """Return the bytes of a subscription's message."""
    return encode({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})


def heartbeat(kind: str) -> bytes:
    """Return the bytes of a heartbeat: `heartbeat` or `test_request`."""
    return encode({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}})


def text_of(params: Mapping[str, Json], name: str, default: str | None = None) -> str:
    """Return a text parameter. Raises: Rejection where it is missing and has no default."""
    value = params.get(name, default)
    if value is None:
        raise invalid(name, "value required")
    return str(value)


def number_of(params: Mapping[str, Json], name: str) -> Decimal | None:
    """Return a number given as JSON number or as text, None where it is absent. Raises: Rejection."""
    value = params.get(name)
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise invalid(name, "must be a number") from error
    if not number.is_finite():
        raise invalid(name, "must be a number")
    return number


def whole_of(params: Mapping[str, Json], name: str, default: int) -> int:
    """Return a whole number. Raises: Rejection."""
    number = number_of(params, name)
    if number is None:
        return default
    if number != number.to_integral_value():
        raise invalid(name, "must be an integer")
    return int(number)


def flag_of(params: Mapping[str, Json], name: str) -> bool:
    """Return a truth value given as JSON or, in a query, as text; absent is False."""
    value = params.get(name, False)
    return value.lower() == "true" if isinstance(value, str) else bool(value)


def invalid(name: str, reason: str) -> Rejection:
    """Return the refusal of a parameter."""
    return Rejection(INVALID_PARAMS, "Invalid params", {"reason": reason, "param": name})


def _id(call_id: Json) -> dict[str, Json]:
    return {} if call_id is None else {"id": call_id}


def _times(in_ns: int, out_ns: int) -> dict[str, Json]:
    us_in, us_out = in_ns // MICROSECOND_NS, out_ns // MICROSECOND_NS
    return {"usIn": us_in, "usOut": us_out, "usDiff": us_out - us_in, "testnet": False}
