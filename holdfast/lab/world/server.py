"""The world on sockets: every venue of a `World` on a loopback port, in real time, and the world's own address beside them.

One event loop owns the world. Time runs with this machine's steady clock from the moment of the start, so that a wall clock
that is stepped does not step the venues.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from holdfast.lab.world import control
from holdfast.lab.world.gateway import Gateway
from holdfast.lab.world.listings import BINANCE, DERIBIT
from holdfast.lab.world.world import Participant, World

HOST: Final = "127.0.0.1"
TURN_S: Final = 0.01


class WorldServer:
    """A world that clients can reach. `world` may be reached into from the same event loop."""

    def __init__(self, seed: int, participants: Sequence[Participant] | None = None) -> None:
        self._wall_ns = time.time_ns()
        self._steady_ns = time.monotonic_ns()
        self.world = World(seed, self._wall_ns, participants=participants)
        world = self.world
        self.deribit = Gateway(
            world.deribit,
            lambda _now_ns, target: world.deribit.session() if target.startswith("/ws/api/v2") else None,
            self.now,
        )
        self.binance = Gateway(world.binance, world.binance.stream, self.now)
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._control)
        self._control_runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        self._control_port = 0
        self._turning: asyncio.Task[None] | None = None

    def now(self) -> int:
        """Return the world's time, with the venues brought up to it."""
        now_ns = self._wall_ns + time.monotonic_ns() - self._steady_ns
        self.world.settle(now_ns)
        return now_ns

    async def start(self, ports: tuple[int, int, int] = (0, 0, 0)) -> None:
        """Open the doors: Deribit's, Binance's and the world's own port, 0 for free ones."""
        await self.deribit.start(HOST, ports[0])
        await self.binance.start(HOST, ports[1])
        await self._control_runner.setup()
        await web.TCPSite(self._control_runner, HOST, ports[2]).start()
        self._control_port = self._control_runner.addresses[0][1]
        self._turning = asyncio.create_task(self._turn())

    async def stop(self) -> None:
        """End everything."""
        if self._turning is not None:
            self._turning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._turning
        for gateway in (self.deribit, self.binance):
            await gateway.stop()
        await self._control_runner.cleanup()

    async def live(self) -> None:
        """Wait until the world ends, which is only by an error of its own. Raises: that error."""
        if self._turning is not None:
            await asyncio.shield(self._turning)

    async def __aenter__(self) -> "WorldServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def describe(self) -> dict[str, Any]:
        """Return addresses, instruments and credentials of each protocol, ready to be JSON."""
        deribit, binance = (f"{HOST}:{gateway.port}" for gateway in (self.deribit, self.binance))
        fapi = f"http://{binance}/fapi"
        versions = {"": "v1", "V2": "v2", "V3": "v3"}
        return {
            "seed": self.world.seed,
            "control": f"http://{HOST}:{self._control_port}",
            "venues": {
                DERIBIT: {
                    "protocol": "deribit-v2",
                    "rest": f"http://{deribit}/api/v2",
                    "ws": f"ws://{deribit}/ws/api/v2",
                    "ccxt": {
                        "id": "deribit",
                        "urls": {"api": {"rest": f"http://{deribit}", "ws": f"ws://{deribit}/ws/api/v2"}},
                    },
                    **self._contents(DERIBIT),
                },
                BINANCE: {
                    "protocol": "binance-usdm",
                    "rest": f"http://{binance}",
                    "ws": f"ws://{binance}",
                    "wallet": f"http://{binance}",
                    "ccxt": {
                        "id": "binanceusdm",
                        "urls": {
                            "api": {
                                "sapi": f"http://{binance}/sapi/v1",
                                **{f"fapiPublic{name}": f"{fapi}/{path}" for name, path in versions.items()},
                                **{f"fapiPrivate{name}": f"{fapi}/{path}" for name, path in versions.items()},
                                "ws": {"future": f"ws://{binance}/ws"},
                            }
                        },
                    },
                    **self._contents(BINANCE),
                },
            },
        }

    def _contents(self, venue: str) -> dict[str, Any]:
        return {
            "instruments": list(self.world.exchanges[venue].listings),
            "credentials": [
                {"account": it.account, "key": it.key, "secret": it.secret, "number": it.number}
                for it in self.world.credentials[venue]
            ],
        }

    async def _turn(self) -> None:
        """Let the world live: a little at a time, and send what it has to say."""
        while True:
            self.world.advance(self.now())
            for gateway in (self.deribit, self.binance):
                await gateway.turn(HOST)
            await asyncio.sleep(TURN_S)

    async def _control(self, request: web.Request) -> web.Response:
        self.now()
        given = control.answer(self.world, request.method, request.raw_path, await request.read())
        return web.Response(status=given.status, body=given.body, headers=dict(given.headers))
