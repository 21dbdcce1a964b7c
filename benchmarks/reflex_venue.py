"""A venue for the reflex: Deribit's protocol by picows on loopback, in a process of its own, with a stop-watch.

Run as a program it prints one JSON line with its addresses, then reads words from its input: `order` places an order on the
desk's account that carries no id of the desk's, and is answered with the nanoseconds from just before the order's message is
written to the socket until the bytes of the wanted answer have been read from it: `cancel` a cancel-all, `sell` an order.
`shock` moves the price by `SHOCK`; once it has stayed there so long that the guard believes it, that is answered with the
same from just before the next message to the cancel-all. `echo` sends a message on every connection and is answered with the
time until one came back. `tidy` takes what rests off the book again and the price back. The world stands still while the
watch runs, so that it delays nothing.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import picows

from holdfast.lab.world.deribit.session import DeribitSession
from holdfast.lab.world.exchange import Order, OrderRequest
from holdfast.lab.world.listings import DERIBIT
from holdfast.lab.world.resident import Quoter
from holdfast.lab.world.server import HOST, TURN_S, WorldServer
from holdfast.lab.world.world import World
from holdfast.market.fold import TRIP_HELD_NS

ACCOUNT: Final = "desk"
SYMBOLS: Final = ("BTC-PERPETUAL", "ETH-PERPETUAL")
HELD: Final = Decimal(200_000)
TRADE_TURNS: Final = 10
SILENT_S: Final = 2.0
SHOCK: Final = -0.03
QUOTED_S: Final = 0.25  # until the quoter has moved its quotes
HELD_S: Final = TRIP_HELD_NS / 1e9 + 0.02  # until the guard takes a price for one that lasts
BEGUN_S: Final = 0.05
ECHO: Final = b"x" * 400
ANSWERS: Final = {"cancel": b"private/cancel_all", "sell": b"private/sell", "echo": ECHO}


class Connection(picows.WSListener):
    """One web socket of the guard."""

    def __init__(self, venue: "ReflexVenue") -> None:
        super().__init__()
        self.transport: picows.WSTransport | None = None
        self.session = venue.world.deribit.session()
        self._venue = venue

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.transport = transport
        self._venue.connections[self.session] = self

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        del transport
        if frame.msg_type == picows.WSMsgType.TEXT:
            self._venue.heard(self, frame.get_payload_as_bytes())

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        del transport
        self.transport = None
        self._venue.connections.pop(self.session, None)
        self.session.on_close(self._venue.now())

    def send(self, frames: list[bytes]) -> None:
        """Write frames to the socket at once."""
        for data in frames:
            if self.transport is not None:
                self.transport.send(picows.WSMsgType.TEXT, data)


class ReflexVenue:
    """The world's Deribit behind picows, and the watch."""

    def __init__(self) -> None:
        self.world = World(1, time.time_ns(), participants=[Quoter({DERIBIT: SYMBOLS})])
        self._exchange = self.world.exchanges[DERIBIT]
        self._rests: list[str] = []
        self._turns = 0
        self.connections: dict[DeribitSession, Connection] = {}
        self._epoch_ns = self.world.now_ns - time.monotonic_ns()
        self._wanted = b""
        self._begun_ns = 0
        self._took: asyncio.Future[int] | None = None
        self._shocked = False

    def now(self) -> int:
        """Return the world's time, with the venue brought up to it."""
        now_ns = self._epoch_ns + time.monotonic_ns()
        self.world.settle(now_ns)
        return now_ns

    def heard(self, connection: Connection, data: bytes) -> None:
        """Take a frame; stop the watch if it is the one that is waited for."""
        if self._took is not None and self._wanted in data and not self._took.done():
            self._took.set_result(time.perf_counter_ns() - self._begun_ns)
        if data == ECHO:
            return
        connection.send(connection.session.on_frame(self.now(), data))
        self.tell()

    def tell(self) -> None:
        """Send what there is to say."""
        for session, frames in self.world.deribit.news(self.now()).items():
            if (connection := self.connections.get(session)) is not None:
                connection.send(frames)

    async def live(self) -> None:
        """Let the world live, but for the moments of the watch."""
        while True:
            if self._took is None:
                self.world.advance(self.now())
                self.trade()
                self.tell()
            await asyncio.sleep(TURN_S)

    def trade(self) -> None:
        """Let the desk's own strategy place an order or take it back, ten times a second in all."""
        turn, self._turns = self._turns, self._turns + 1
        if turn % TRADE_TURNS:
            return
        if self._rests:
            self._exchange.cancel(ACCOUNT, self._rests.pop())
            return
        placed = self._exchange.place(ACCOUNT, self._bid(f"mm-{turn}"))
        assert isinstance(placed, Order)
        self._rests.append(placed.order_id)

    def _bid(self, client_id: str) -> OrderRequest:
        price = Decimal(round(self._exchange.mark(SYMBOLS[0]) * 0.97))
        return OrderRequest(
            instrument=SYMBOLS[0], side="buy", quantity=Decimal(1_000), price=price, client_id=client_id
        )

    async def order(self, answer: str) -> int:
        """Place an order that is none of the desk's and return what the answer took, in nanoseconds; -1: none came."""
        now_ns = self.now()
        self.tell()
        self._exchange.place(ACCOUNT, self._bid(""))
        news = self.world.deribit.news(now_ns)
        self._took = asyncio.get_running_loop().create_future()
        return await self._watch(sorted(news.items(), key=_is_public), self._took, answer)

    async def shock(self) -> int:
        """Move the price, let it stay there, and return what the cancel-all took from the next message on; -1: none came."""
        await asyncio.sleep(1.0 - time.time() % 1.0 + BEGUN_S)  # a second's end does not fall between
        self._took = asyncio.get_running_loop().create_future()  # from now on the world stands still
        self.world.shock("BTC", SHOCK)
        self._shocked = True
        await asyncio.sleep(QUOTED_S)
        self.world.advance(self.now())
        self.tell()
        await asyncio.sleep(HELD_S)
        self._exchange.place(ACCOUNT, self._bid("mm-shock"))
        news = self.world.deribit.news(self.now())
        return await self._watch(sorted(news.items(), key=_is_public, reverse=True), self._took, "cancel")

    async def echo(self) -> int:
        """Send bytes that somebody sends back and return what that took, in nanoseconds; -1: nobody did."""
        self._took = asyncio.get_running_loop().create_future()
        return await self._watch([(session, [ECHO]) for session in self.connections], self._took, "echo")

    async def _watch(
        self, news: Iterable[tuple[DeribitSession, list[bytes]]], took: asyncio.Future[int], answer: str
    ) -> int:
        self._wanted, self._begun_ns = ANSWERS[answer], time.perf_counter_ns()
        for session, frames in news:
            if (connection := self.connections.get(session)) is not None:
                connection.send(frames)
        try:
            async with asyncio.timeout(SILENT_S):
                return await took
        except TimeoutError:
            return -1
        finally:
            self._took = None

    def tidy(self) -> None:
        """Take what rests off the book, and hold what was held."""
        exchange = self._exchange
        if self._shocked:
            self._shocked = False
            self.world.shock("BTC", -SHOCK)
            self.world.advance(self.now() + round(QUOTED_S * 1e9))
        self.now()
        exchange.cancel_all(ACCOUNT)
        self._rests.clear()
        held = sum(one.quantity for one in exchange.positions(ACCOUNT) if one.instrument == SYMBOLS[0])
        lot = exchange.listings[SYMBOLS[0]].lot
        missing = (HELD - held) // lot * lot
        if missing:
            order = OrderRequest(
                instrument=SYMBOLS[0], side="buy" if missing > 0 else "sell", quantity=abs(missing),
                kind="market", client_id="mm-hold",
            )  # fmt: skip
            exchange.place(ACCOUNT, order)
        self.tell()


def _is_public(news: tuple[DeribitSession, list[bytes]]) -> bool:
    return news[0].credential is None or "user" not in str(news[0].channels)


async def main() -> None:
    """Serve until the input ends."""
    logging.getLogger("aiofastnet").setLevel(logging.ERROR)  # else each frame to a guard that has ended
    loop = asyncio.get_running_loop()
    venue = ReflexVenue()
    listing = WorldServer(1)  # its HTTP side lists the same instruments
    await listing.deribit.start(HOST)
    server = await picows.ws_create_server(lambda _: Connection(venue), HOST, 0)
    living = loop.create_task(venue.live())
    key = next(one for one in venue.world.credentials[DERIBIT] if one.account == ACCOUNT)
    said: dict[str, Any] = {
        "ws": f"ws://{HOST}:{server.sockets[0].getsockname()[1]}/ws/api/v2",
        "rest": f"http://{HOST}:{listing.deribit.port}/api/v2",
        "key": key.key,
        "secret": key.secret,
    }
    print(json.dumps(said), flush=True)
    words: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        for word in os.read(0, 4096).decode().split() or ["end"]:
            words.put_nowait(word)

    loop.add_reader(0, read)
    while (word := await words.get()) != "end":
        if word == "tidy":
            venue.tidy()
            print(0, flush=True)
        else:
            special = {"shock": venue.shock, "echo": venue.echo}
            print(await (special[word]() if word in special else venue.order(word)), flush=True)
    living.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await living
    server.close()
    await listing.deribit.stop()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
