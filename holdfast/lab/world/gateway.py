"""The gateway: one venue's protocol on a real port of this machine, HTTP and websocket.

1. It knows no protocol: it hands bytes to the venue's server and sends what that returns, and it applies the faults that
   need a socket: refused connections, answers that are late or never come, sessions that end.
2. A request that comes while the venue is frozen waits, and is carried out when the venue thaws, late as it then is and
   whoever still listens.
3. One writer a connection: a client that does not read is cut off once `BACKLOG_MAX` messages wait for it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from aiohttp import WSMsgType, web

from holdfast.lab.world.answer import Answer
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.line import Line

BACKLOG_MAX: Final = 100_000
_FRAME_BYTES_MAX: Final = 1 << 20
_POLL_S: Final = 0.01
_SILENCE_S_MAX: Final = 120.0
_NS: Final = 1e9


class Conversation(Protocol):
    """A session of a venue's server."""

    is_closed: bool

    def on_frame(self, now_ns: int, data: bytes) -> list[bytes]:
        """Take a frame; return what is to be sent."""
        ...

    def on_close(self, now_ns: int) -> None:
        """The connection ended."""
        ...


class Venue(Protocol):
    """A venue's server, as a gateway needs it."""

    faults: Faults

    def on_http(
        self, now_ns: int, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answer a request."""
        ...

    def news(self, now_ns: int) -> Mapping[Any, list[bytes]]:
        """Return what is to be sent to each session."""
        ...


Opened = Callable[[int, str], Conversation | None]


class Gateway:
    """A venue on a port. `now` tells the world's time and brings the venue up to it; `connect` opens a session."""

    def __init__(self, venue: Venue, connect: Opened, now: Callable[[], int]) -> None:
        self._venue = venue
        self._connect = connect
        self._now = now
        self._open: dict[int, tuple[Conversation, asyncio.Queue[bytes | None]]] = {}
        self._site: web.TCPSite | None = None
        app = web.Application(client_max_size=_FRAME_BYTES_MAX)
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        self.port = 0

    async def start(self, host: str, port: int = 0) -> None:
        """Listen; `port` 0 takes a free one."""
        await self._runner.setup()
        await self._listen(host, port)

    async def stop(self) -> None:
        """End everything."""
        await self._runner.cleanup()

    async def turn(self, host: str) -> None:
        """Send what the venue has to say, and refuse or take connections as its faults say."""
        if self._venue.faults.is_refusing and self._site is not None:
            site, self._site = self._site, None
            await site.stop()
        elif not self._venue.faults.is_refusing and self._site is None:
            await self._listen(host, self.port)
        self.send_news()
        for session, queue in self._open.values():
            if session.is_closed:
                queue.put_nowait(None)

    def send_news(self) -> None:
        """Send what the venue has to say now."""
        for session, frames in self._venue.news(self._now()).items():
            self._enqueue(session, frames)

    async def _listen(self, host: str, port: int) -> None:
        self._site = web.TCPSite(self._runner, host, port, reuse_address=True)
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._venue.faults.is_refusing:
            return self._cut(request)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._converse(request)
        body = await request.read()
        while self._venue.faults.is_frozen:
            await asyncio.sleep(_POLL_S)
        answer = self._venue.on_http(self._now(), request.method, request.raw_path, request.headers, body)
        self.send_news()
        if answer.drop:
            await self._stay_silent(request)
            return self._cut(request)
        if answer.delay_ns:
            await asyncio.sleep(answer.delay_ns / _NS)
        return web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        session = self._connect(self._now(), request.raw_path)
        if session is None:
            return web.Response(status=404)
        socket = web.WebSocketResponse(compress=False, max_msg_size=_FRAME_BYTES_MAX)
        await socket.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._open[id(session)] = session, queue
        writer = asyncio.create_task(_write(socket, queue))
        try:
            self.send_news()
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY) or session.is_closed:
                    break
                data = message.data.encode() if isinstance(message.data, str) else message.data
                self._enqueue(session, session.on_frame(self._now(), data))
                self.send_news()
        finally:
            del self._open[id(session)]
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
            session.on_close(self._now())
            self.send_news()
        return socket

    def _enqueue(self, session: Conversation | Line, frames: list[bytes]) -> None:
        held = self._open.get(id(session))
        if held is None:
            return
        queue = held[1]
        if queue.qsize() > BACKLOG_MAX:
            session.is_closed = True
            return
        for frame in frames:
            queue.put_nowait(frame)

    async def _stay_silent(self, request: web.Request) -> None:
        waited_s = 0.0
        while waited_s < _SILENCE_S_MAX and _is_there(request):
            await asyncio.sleep(_POLL_S * 5)
            waited_s += _POLL_S * 5

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)


async def _write(socket: web.WebSocketResponse, queue: asyncio.Queue[bytes | None]) -> None:
    """Send what is queued; at the end of the queue (None), end the connection."""
    while (data := await queue.get()) is not None:
        try:
            await socket.send_str(data.decode())
        except ConnectionError:
            return
    with contextlib.suppress(Exception):
        await asyncio.wait_for(socket.close(), 1.0)


def _is_there(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()
