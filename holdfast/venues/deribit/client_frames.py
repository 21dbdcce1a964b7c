"""What a client says to Deribit: JSON-RPC frames, signed addresses, and the numbers in them exactly as decimals.

Source: docs.deribit.com: "Authentication", "private/buy", "private/cancel_all", "wallet".
"""

import hashlib
import hmac
from decimal import Decimal
from typing import Final

import msgspec

from holdfast.order import NewOrder, TimeInForce

TEST_FRAME: Final = b'{"jsonrpc":"2.0","id":0,"method":"public/test","params":{}}'
CANCEL_ALL_FRAME: Final = b'{"jsonrpc":"2.0","id":%d,"method":"private/cancel_all","params":{}}'
CANCEL_INSTRUMENT_FRAME: Final = (
    b'{"jsonrpc":"2.0","id":%d,"method":"private/cancel_all_by_instrument","params":{"instrument_name":%s}}'
)
_TIMES: Final[dict[TimeInForce, str]] = {
    "gtc": "good_til_cancelled",
    "ioc": "immediate_or_cancel",
    "fok": "fill_or_kill",
}

encode: Final = msgspec.json.Encoder().encode

Parameter = str | int | bool | list[str] | msgspec.Raw


def rpc(id: int, method: str, params: dict[str, Parameter]) -> bytes:
    """Return a request.

    >>> rpc(7, "public/get_time", {})
    b'{"jsonrpc":"2.0","id":7,"method":"public/get_time","params":{}}'
    """
    return encode({"jsonrpc": "2.0", "id": id, "method": method, "params": params})


def number(quantity: Decimal) -> msgspec.Raw:
    """Return a decimal as a JSON number of the same digits.

    >>> bytes(number(Decimal("1E+2"))), bytes(number(Decimal("0.0005")))
    (b'100', b'0.0005')
    """
    return msgspec.Raw(format(quantity, "f").encode())


def order_method(order: NewOrder) -> str:
    """Return the method that places an order."""
    return "private/buy" if order.side == "buy" else "private/sell"


def order_params(order: NewOrder, valid_until_ms: int) -> dict[str, Parameter]:
    """Return an order's parameters. A post-only order is refused where it would trade, never moved."""
    params: dict[str, Parameter] = {
        "instrument_name": order.instrument,
        "amount": number(order.quantity),
        "type": "market" if order.price is None else "limit",
        "label": order.client_id,
        "time_in_force": _TIMES[order.time_in_force],
        "valid_until": valid_until_ms,
    }
    if order.price is not None:
        params["price"] = number(order.price)
    if order.post_only:
        params |= {"post_only": True, "reject_post_only": True}
    if order.reduce_only:
        params["reduce_only"] = True
    return params


def credentials_params(key: str, secret: str) -> dict[str, Parameter]:
    """Return what authenticates a line by its secret."""
    return {"grant_type": "client_credentials", "client_id": key, "client_secret": secret}


def signature_params(key: str, secret: str, time_ms: int, nonce: str) -> dict[str, Parameter]:
    """Return what authenticates a line by a signature: the secret itself does not travel."""
    return {
        "grant_type": "client_signature",
        "client_id": key,
        "timestamp": time_ms,
        "signature": _sign(secret, f"{time_ms}\n{nonce}\n"),
        "nonce": nonce,
        "data": "",
    }


def signed_header(key: str, secret: str, time_ms: int, nonce: str, path: str) -> tuple[str, str]:
    """Return the header that authenticates one GET by HTTP. `path` is the address from its first slash, with its query."""
    signature = _sign(secret, f"{time_ms}\n{nonce}\nGET\n{path}\n\n")
    return "Authorization", f"deri-hmac-sha256 id={key},ts={time_ms},sig={signature},nonce={nonce}"


def nonce_of(key: str) -> str:
    """Return the nonce of a transfer: the same for every attempt at it, so that the venue does it at most once."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def currency_of(instrument: str, settle: str) -> str:
    """Return the currency under which the venue keeps an instrument's orders.

    >>> currency_of("BTC_USDC-PERPETUAL", ""), currency_of("ETH-29DEC26-3000-C", ""), currency_of("BTC-PERPETUAL", "BTC")
    ('USDC', 'ETH', 'BTC')
    """
    pair = instrument.partition("-")[0]
    return settle or pair.partition("_")[2] or pair


def _sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
