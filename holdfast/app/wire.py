"""Wire: carries out the wishes of clients over real sockets, with picows for web sockets and aiohttp for HTTP, or by ccxt.

Rules:

1. Frames leave in the call that wished for them, without a task in between: a brake is on the wire before the next frame in.
2. A request that surely never left (no connection could be made) fails as `unsent`; any other failure is `unknown`.
3. What comes in is stamped on arrival with the node's clock and handed on at once, in order.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

import aiohttp
import picows
from yarl import URL

from holdfast.app.ccxt_answers import CcxtAnswers
from holdfast.venues.client import NO_HEADERS, Client, Close, Failure, Frame, Headers, Open, Request, Wish

if TYPE_CHECKING:
    from holdfast.app.ccxt_caller import CcxtCaller

CONNECT_S_MAX: Final = 5.0
REQUESTS_AT_ONCE_MAX: Final = 64
FRAME_BYTES_MAX: Final = 64 * 1024 * 1024


class Hearer(Protocol):
    """Whoever hears what comes in: the driver, for its node."""

    def opened(self, client: int, line: str) -> None:
        """A line is open."""
        ...

    def closed(self, client: int, line: str, reason: str) -> None:
        """A line could not be opened, or ended."""
        ...

    def framed(self, client: int, line: str, data: bytes) -> None:
        """A frame came."""
        ...

    def answered(self, client: int, request: int, status: int, body: bytes, headers: Headers) -> None:
        """A request was answered."""
        ...

    def failed(self, client: int, request: int, failure: Failure, reason: str) -> None:
        """A request ended without an answer."""
        ...


class Wire:
    """The sockets of all clients. Use inside a running event loop; `close` at the end."""

    def __init__(self, hearer: Hearer) -> None:
        self._hearer = hearer
        self._lines: dict[tuple[int, str], _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._callers: dict[int, CcxtCaller] = {}

    def carry_out(self, number: int, client: Client) -> None:
        """Do everything that a client wishes for, in order."""
        while client.wishes:
            wishes, client.wishes = client.wishes, []
            for wish in wishes:
                self._do(number, client, wish)

    async def close(self) -> None:
        """End every line and request."""
        for line in list(self._lines.values()):
            line.end()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        for caller in self._callers.values():
            await caller.close()

    def _do(self, number: int, client: Client, wish: Wish) -> None:
        if isinstance(wish, Frame):
            line = self._lines.get((number, wish.line))
            if line is not None:
                line.send(wish.data)
        elif isinstance(wish, Request) and isinstance(client, CcxtAnswers):
            self._spawn(self._call(number, client, wish))
        elif isinstance(wish, Request):
            self._spawn(self._ask(number, wish))
        elif isinstance(wish, Open):
            self._spawn(self._open(number, wish))
        else:
            self._close(number, wish)

    def _close(self, number: int, wish: Close) -> None:
        line = self._lines.pop((number, wish.line), None)
        if line is not None:
            line.end()

    async def _open(self, number: int, wish: Open) -> None:
        key = number, wish.line
        line = _Line(self._hearer, number, wish.line, lambda made: self._forget(key, made))
        self._lines[key] = line
        try:
            await picows.ws_connect(
                lambda: line,
                wish.url,
                websocket_handshake_timeout=CONNECT_S_MAX,
                max_frame_size=FRAME_BYTES_MAX,
            )
        except (OSError, picows.WSError, TimeoutError, ValueError) as error:
            self._forget(key, line)
            self._hearer.closed(number, wish.line, str(error) or type(error).__name__)

    def _forget(self, key: tuple[int, str], line: "_Line") -> None:
        if self._lines.get(key) is line:
            del self._lines[key]

    async def _ask(self, number: int, request: Request) -> None:
        try:
            session = self._http()
            async with session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=dict(request.headers),
                data=request.body or None,
                timeout=aiohttp.ClientTimeout(total=request.timeout_s),
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
                status = answer.status
                headers = {name.lower(): value for name, value in answer.headers.items()}
        except aiohttp.ClientConnectorError as error:
            self._hearer.failed(number, request.id, "unsent", str(error))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._hearer.failed(number, request.id, "unknown", str(error) or type(error).__name__)
        else:
            self._hearer.answered(number, request.id, status, body, headers)

    async def _call(self, number: int, client: CcxtAnswers, request: Request) -> None:
        """Carry out a call of ccxt, which has connections of its own."""
        from holdfast.app.ccxt_caller import CcxtCaller, Unanswered  # noqa: PLC0415 - ccxt is slow to load

        caller = self._callers.get(number)
        if caller is None:
            caller = self._callers[number] = CcxtCaller(client.venue, client.credentials, client.options)
        try:
            status, body = await caller.ask(request)
        except Unanswered as error:
            self._hearer.failed(number, request.id, error.failure, error.reason)
        else:
            self._hearer.answered(number, request.id, status, body, NO_HEADERS)

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=REQUESTS_AT_ONCE_MAX, keepalive_timeout=75.0)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=True)
        return self._session

    def _spawn(self, work: "asyncio.Future[None] | object") -> None:
        task = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Line(picows.WSListener):
    """One web socket."""

    def __init__(self, hearer: Hearer, number: int, name: str, on_end: Callable[["_Line"], None]) -> None:
        super().__init__()
        self._hearer = hearer
        self._number = number
        self._name = name
        self._on_end = on_end
        self._transport: picows.WSTransport | None = None
        self._is_over = False

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        if self._is_over:
            transport.disconnect()
            return
        self._transport = transport
        self._hearer.opened(self._number, self._name)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        kind = frame.msg_type
        if kind in (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY):
            self._hearer.framed(self._number, self._name, frame.get_payload_as_bytes())
        elif kind == picows.WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        del transport
        self._transport = None
        self._on_end(self)
        if not self._is_over:
            self._is_over = True
            self._hearer.closed(self._number, self._name, "the connection ended")

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.send(picows.WSMsgType.TEXT, data)

    def end(self) -> None:
        self._is_over = True
        if self._transport is not None:
            self._transport.disconnect()
