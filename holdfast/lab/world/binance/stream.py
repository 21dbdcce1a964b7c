"""A websocket of Binance: what it listens to, and the methods by which that changes.

1. `/ws/<stream>` and `/ws` send bare messages, `/stream?streams=a/b` wraps each with its stream's name. The address may
   begin with `/public`, `/market` or `/private`, as the venue's newer ones do.
2. A listen key stands where a stream's name does, or in the query as `listenKey`.
3. `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS` and `SET_PROPERTY combined` are answered by their id.
"""

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from holdfast.lab.world.binance.reply import encode
from holdfast.lab.world.line import Line

if TYPE_CHECKING:
    from holdfast.lab.world.binance.server import BinanceServer

STREAMS_MAX: Final = 1024
_CATEGORIES: Final = ("/public", "/market", "/private")
_decode: Final = msgspec.json.Decoder().decode

Json = Any


class BinanceStream(Line):
    """One connection; made by `BinanceServer.stream`."""

    def __init__(self, server: "BinanceServer", is_combined: bool) -> None:
        super().__init__()
        self._server = server
        self.is_combined = is_combined
        self.streams: list[str] = []

    def on_frame(self, now_ns: int, data: bytes) -> list[bytes]:
        """Take a frame from the client; return what is to be sent to it now."""
        return self._server.on_frame(now_ns, self, data)

    def on_close(self, now_ns: int) -> None:
        """The connection ended."""
        self._server.on_close(now_ns, self)

    def tell(self, ready_ns: int, channel: str, data: bytes) -> None:
        """Have a stream's message sent, wrapped with its name where the connection is combined."""
        if self.is_combined:
            data = b'{"stream":' + encode(channel) + b',"data":' + data + b"}"
        self.post(ready_ns, data)

    def carry_out(self, now_ns: int, data: bytes) -> bytes:
        """Carry out a method; return its answer."""
        request_id: Json = None
        try:
            message = _decode(data)
            request_id = message.get("id")
            method, params = message.get("method"), message.get("params") or []
        except (msgspec.DecodeError, UnicodeDecodeError, AttributeError):
            return _refused(None, "Invalid JSON: expected value at line 1 column 1")
        if not isinstance(params, list):
            return _refused(request_id, "Invalid request: request must be an array of strings")
        match method:
            case "SUBSCRIBE":
                if len(self.streams) + len(params) > STREAMS_MAX:
                    return _refused(request_id, "Invalid request: too many streams")
                for name in params:
                    self._server.listen(now_ns, self, str(name))
            case "UNSUBSCRIBE":
                for name in params:
                    self._server.leave(self, str(name))
            case "LIST_SUBSCRIPTIONS":
                return encode({"result": self.streams, "id": request_id})
            case "SET_PROPERTY" if params[:1] == ["combined"]:
                self.is_combined = params[1:] == [True]
            case _:
                return _refused(request_id, f"Invalid request: unknown variant `{method}`")
        return encode({"result": None, "id": request_id})


def wanted_by(target: str) -> tuple[bool, list[str]] | None:
    """Return whether an address is of a combined connection, and the streams it asks for; None where it is none.

    >>> wanted_by("/market/stream?streams=btcusdt@aggTrade/ethusdt@aggTrade")
    (True, ['btcusdt@aggTrade', 'ethusdt@aggTrade'])
    >>> wanted_by("/private/ws?listenKey=abc")
    (False, ['abc'])
    """
    split = urlsplit(target)
    path = split.path.rstrip("/")
    for category in _CATEGORIES:
        path = path.removeprefix(category)
    query = parse_qs(split.query)
    asked = [name for text in query.get("streams", []) for name in text.split("/") if name]
    asked += query.get("listenKey", [])
    root, _, rest = path.lstrip("/").partition("/")
    if root not in ("ws", "stream"):
        return None
    return root == "stream", [*(name for name in rest.split("/") if name), *asked]


def _refused(request_id: Json, message: str) -> bytes:
    return encode({"error": {"code": 2, "msg": message}, "id": request_id})
