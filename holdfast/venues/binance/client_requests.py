"""What a client says to Binance: signed addresses, with the numbers in them exactly as decimals.

A signed request carries `timestamp`, `recvWindow` and the HMAC-SHA256 of its query; the venue refuses it when its own
clock is past the sum of the two.

Source: developers.binance.com, USD-M futures: "SIGNED Endpoint Security", "New Order", "Universal Transfer".
"""

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from urllib.parse import quote, urlencode

from holdfast.order import NewOrder, TimeInForce

WINDOW_MS_MAX: Final = 60_000
_TIMES: Final[dict[TimeInForce, str]] = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK"}


class Signer:
    """Signs queries with one secret, whose share of the work is done once.

    >>> Signer("a").sign("symbol=BTCUSDT&timestamp=1")[-10:]
    'fc79f7a134'
    """

    __slots__ = ("_keyed",)

    def __init__(self, secret: str) -> None:
        self._keyed = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def sign(self, query: str) -> str:
        """Return a query with its signature."""
        digest = self._keyed.copy()
        digest.update(query.encode())
        return f"{query}&signature={digest.hexdigest()}"

    def signed(self, params: Mapping[str, str], time_ms: int, window_ms: int) -> str:
        """Return the query of a signed request that is good from `time_ms` for `window_ms`, on the venue's clock."""
        times = f"timestamp={time_ms}&recvWindow={min(window_ms, WINDOW_MS_MAX)}"
        return self.sign(f"{urlencode(params)}&{times}" if params else times)


def number(quantity: Decimal) -> str:
    """Return a decimal in plain digits.

    >>> number(Decimal("1E+2")), number(Decimal("0.0005"))
    ('100', '0.0005')
    """
    return format(quantity, "f")


def order_params(order: NewOrder) -> dict[str, str]:
    """Return an order's parameters; a post-only one is refused where it would trade."""
    params = {
        "symbol": order.instrument,
        "side": order.side.upper(),
        "type": "MARKET" if order.price is None else "LIMIT",
        "quantity": number(order.quantity),
        "newClientOrderId": order.client_id,
        "newOrderRespType": "RESULT",
    }
    if order.price is not None:
        params["price"] = number(order.price)
        params["timeInForce"] = "GTX" if order.post_only else _TIMES[order.time_in_force]
    if order.reduce_only:
        params["reduceOnly"] = "true"
    return params


def transfer_id(key: str) -> str:
    """Return the client id of a transfer: the same for every attempt at it, so that the venue does it at most once."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def streams_url(ws_url: str, category: str, streams: list[str]) -> str:
    """Return the address of a combined stream.

    >>> streams_url("wss://fstream.binance.com", "public", ["btcusdt@depth@100ms"])
    'wss://fstream.binance.com/public/stream?streams=btcusdt@depth@100ms'
    """
    return f"{ws_url}/{category}/stream?streams={'/'.join(streams)}"


def user_stream_url(ws_url: str, listen_key: str) -> str:
    """Return the address of an account's stream."""
    return f"{ws_url}/private/ws?listenKey={quote(listen_key, safe='')}"
