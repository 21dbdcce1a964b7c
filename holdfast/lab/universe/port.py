"""Ports: the world's venues as the network of virtual time reaches them: the same servers that stand behind real sockets."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from holdfast.lab.universe.network import Port, Session
from holdfast.lab.world.answer import Answer
from holdfast.lab.world.listings import BINANCE, DERIBIT
from holdfast.lab.world.world import World
from holdfast.venues.client import Request

Deliver = Callable[[Any, list[bytes]], None]


class VenuePort(Port):
    """One venue. `deliver` is given what its server has to say, session by session."""

    def __init__(self, world: World, venue: str, deliver: Deliver) -> None:
        self._world = world
        self._server: Any = world.deribit if venue == DERIBIT else world.binance
        self._is_deribit = venue == DERIBIT
        self._faults = world.faults[venue]
        self._deliver = deliver
        self._now_ns = world.now_ns

    @property
    def is_refusing(self) -> bool:
        """Tell whether the venue takes no connections."""
        return self._faults.is_refusing

    def open(self, path: str) -> Session | None:
        """Take a connection."""
        if self._is_deribit:
            return self._server.session()
        return self._server.stream(self._world.now_ns, path)

    def ask(self, now_ns: int, request: Request) -> Answer:
        """Answer a request, at the time at which it arrives."""
        self._world.advance(now_ns)
        url = urlsplit(request.url)
        target = url.path + (f"?{url.query}" if url.query else "")
        return self._server.on_http(now_ns, request.method, target, dict(request.headers), request.body)

    def moved(self, now_ns: int) -> None:
        """Hand on what the venue has to say."""
        news: Mapping[Any, list[bytes]] = self._server.news(now_ns)
        for session, frames in news.items():
            self._deliver(session, frames)


HOSTS: Final = {DERIBIT: "deribit.world", BINANCE: "binance.world"}


def ports_of(world: World, deliver: Deliver) -> dict[str, VenuePort]:
    """Return the port of each venue by its host name."""
    return {host: VenuePort(world, venue, deliver) for venue, host in HOSTS.items()}
