"""Network: carries the wishes of one process's clients to the world's servers and back, in virtual time.

Rules:

1. A line keeps its order both ways, as TCP does; requests overtake each other.
2. What is lost is lost whole: a request that never arrives, an answer that never comes back; both are a time-out to a
   client. Only what is idempotent is doubled: nobody on the way may repeat a POST by itself (RFC 9110, section 9.2.2).
3. A frame that is lost or doubled on the way stands for a venue that skips or repeats an update.
4. A process that died hears nothing any more. Its lines end at the venue a moment later, as when a kernel closes sockets.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final, Protocol
from urllib.parse import urlsplit

from holdfast.clock import SECOND_NS
from holdfast.lab.universe.clockwork import Clockwork
from holdfast.lab.universe.weather import Weather
from holdfast.lab.world.answer import Answer
from holdfast.venues.client import Client, Failure, Frame, Headers, Open, Request, Wish

RESET_NS: Final = 20_000_000


class Session(Protocol):
    """The venue's end of a line."""

    is_closed: bool

    def on_frame(self, now_ns: int, data: bytes) -> list[bytes]:
        """Take a frame; return what is to be sent now."""
        ...

    def on_close(self, now_ns: int) -> None:
        """The connection ended."""
        ...


class Port(Protocol):
    """A venue as the network reaches it."""

    @property
    def is_refusing(self) -> bool:
        """Tell whether it takes no connections."""
        ...

    def open(self, path: str) -> Session | None:
        """Take a connection; None: refused."""
        ...

    def ask(self, now_ns: int, request: Request) -> Answer:
        """Answer a request."""
        ...

    def moved(self, now_ns: int) -> None:
        """Have what the exchange did told to everybody who listens."""
        ...


class Hearing(Protocol):
    """The process that hears what arrives."""

    def opened(self, client: int, line: str) -> None:
        """A line is open."""
        ...

    def closed(self, client: int, line: str, reason: str) -> None:
        """A line ended."""
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


class _SimLine:
    def __init__(self, client: int, name: str, port: Port) -> None:
        self.client = client
        self.name = name
        self.port = port
        self.session: Session | None = None
        self.is_over = False
        self.out_ns = 0
        self.in_ns = 0


class Network:
    """The sockets of one process. `sessions` maps the venue's ends to this network's lines, for whoever delivers news."""

    def __init__(
        self, clockwork: Clockwork, random: Random, weather: Callable[[], Weather], ports: Mapping[str, Port]
    ) -> None:
        self._clockwork = clockwork
        self._random = random
        self._weather = weather
        self._ports = ports
        self._lines: dict[tuple[int, str], _SimLine] = {}
        self._by_session: dict[int, _SimLine] = {}
        self.hearer: Hearing | None = None

    def carry_out(self, number: int, client: Client) -> None:
        """Do everything that a client wishes for, in order."""
        while client.wishes:
            wishes, client.wishes = client.wishes, []
            for wish in wishes:
                self._do(number, wish)

    def deliver(self, session: Session, frames: list[bytes]) -> bool:
        """Send a venue's frames to the line that listens; False if it is none of this process."""
        line = self._by_session.get(id(session))
        if line is None:
            return False
        for frame in frames:
            self._back(line, frame)
        if session.is_closed:
            self._end_by_venue(line)
        return True

    def tear(self) -> None:
        """Break every line, at both ends."""
        for line in list(self._lines.values()):
            self._end_by_venue(line, "the connection was reset")

    def stall(self, duration_ns: int) -> None:
        """Let nothing come in on any line for a while, though all stay open: what comes late comes in order."""
        for line in self._lines.values():
            line.in_ns = max(line.in_ns, self._clockwork.now_ns + duration_ns)

    def die(self) -> None:
        """The process is gone: nothing is heard; the venue notices a moment later."""
        self.hearer = None
        for line in list(self._lines.values()):
            self._forget(line)
            self._clockwork.after(RESET_NS, lambda line=line: self._close_session(line))

    def check(self) -> None:
        """End the lines that the venue wants ended."""
        for line in list(self._lines.values()):
            if line.session is not None and line.session.is_closed:
                self._end_by_venue(line)

    def _do(self, number: int, wish: Wish) -> None:
        if isinstance(wish, Frame):
            line = self._lines.get((number, wish.line))
            if line is not None and line.session is not None:
                self._out(line, wish.data)
        elif isinstance(wish, Request):
            self._request(number, wish)
        elif isinstance(wish, Open):
            self._open(number, wish)
        else:
            line = self._lines.get((number, wish.line))
            if line is not None:
                self._forget(line)
                self._clockwork.after(self._delay_ns(), lambda: self._close_session(line))

    def _open(self, number: int, wish: Open) -> None:
        url = urlsplit(wish.url)
        port = self._ports[url.hostname or ""]
        line = _SimLine(number, wish.line, port)
        self._lines[number, wish.line] = line
        path = url.path + (f"?{url.query}" if url.query else "")
        self._clockwork.after(self._delay_ns(), lambda: self._connect(line, path))

    def _connect(self, line: _SimLine, path: str) -> None:
        if line.is_over:
            return
        session = None if line.port.is_refusing else line.port.open(path)
        if session is None:
            self._clockwork.after(self._delay_ns(), lambda: self._hear_closed(line, "connection refused"))
            return
        line.session = session
        self._by_session[id(session)] = line
        self._clockwork.after(self._delay_ns(), lambda: self._hear_opened(line))

    def _hear_opened(self, line: _SimLine) -> None:
        if not line.is_over and self.hearer is not None:
            self.hearer.opened(line.client, line.name)

    def _hear_closed(self, line: _SimLine, reason: str) -> None:
        if line.is_over:
            return
        self._forget(line)
        if self.hearer is not None:
            self.hearer.closed(line.client, line.name, reason)

    def _out(self, line: _SimLine, data: bytes) -> None:
        line.out_ns = max(line.out_ns, self._clockwork.now_ns + self._delay_ns())
        self._clockwork.at(line.out_ns, lambda: self._arrive(line, data))

    def _arrive(self, line: _SimLine, data: bytes) -> None:
        session = line.session
        if session is None or session.is_closed:
            return
        now_ns = self._clockwork.now_ns
        for frame in session.on_frame(now_ns, data):
            self._back(line, frame)
        line.port.moved(now_ns)
        if session.is_closed:
            self._end_by_venue(line)

    def _back(self, line: _SimLine, frame: bytes) -> None:
        weather = self._weather()
        if weather.frame_lost and line.name == "public" and self._random.random() < weather.frame_lost:
            return
        copies = 1
        if weather.frame_doubled and line.name == "public" and self._random.random() < weather.frame_doubled:
            copies = 2
        for _ in range(copies):
            line.in_ns = max(line.in_ns, self._clockwork.now_ns + self._delay_ns())
            self._clockwork.at(line.in_ns, lambda: self._hear_frame(line, frame))

    def _hear_frame(self, line: _SimLine, frame: bytes) -> None:
        if not line.is_over and self.hearer is not None:
            self.hearer.framed(line.client, line.name, frame)

    def _end_by_venue(self, line: _SimLine, reason: str = "the venue closed the connection") -> None:
        self._close_session(line)
        line.in_ns = max(line.in_ns, self._clockwork.now_ns + self._delay_ns())
        self._clockwork.at(line.in_ns, lambda: self._hear_closed(line, reason))

    def _close_session(self, line: _SimLine) -> None:
        session = line.session
        if session is not None:
            line.session = None
            self._by_session.pop(id(session), None)
            session.on_close(self._clockwork.now_ns)
            line.port.moved(self._clockwork.now_ns)

    def _forget(self, line: _SimLine) -> None:
        line.is_over = True
        if self._lines.get((line.client, line.name)) is line:
            del self._lines[line.client, line.name]

    # requests

    def _request(self, number: int, request: Request) -> None:
        port = self._ports[urlsplit(request.url).hostname or ""]
        weather, random = self._weather(), self._random
        hearer = self.hearer
        timeout_ns = round(request.timeout_s * SECOND_NS)
        deadline_ns = self._clockwork.now_ns + timeout_ns
        is_over = [False]

        def fail(failure: Failure, reason: str) -> None:
            if not is_over[0] and self.hearer is hearer and hearer is not None:
                is_over[0] = True
                hearer.failed(number, request.id, failure, reason)

        def hear(answer: Answer) -> None:
            if not is_over[0] and self.hearer is hearer and hearer is not None:
                is_over[0] = True
                hearer.answered(
                    number, request.id, answer.status, answer.body,
                    {name.lower(): value for name, value in answer.headers},
                )  # fmt: skip

        def arrive(*, speaks: bool) -> None:
            now_ns = self._clockwork.now_ns
            answer = port.ask(now_ns, request)
            port.moved(now_ns)
            if not speaks or answer.drop or (weather.lost and random.random() < weather.lost):
                return
            self._clockwork.after(answer.delay_ns + self._delay_ns(), lambda: hear(answer))

        if port.is_refusing:
            self._clockwork.after(self._delay_ns(), lambda: fail("unsent", "connection refused"))
            return
        self._clockwork.at(deadline_ns, lambda: fail("unknown", "no answer in time"))
        if not (weather.lost and random.random() < weather.lost):
            self._clockwork.after(self._delay_ns(), lambda: arrive(speaks=True))
        if request.method != "POST" and weather.doubled and random.random() < weather.doubled:
            self._clockwork.after(self._delay_ns() + self._delay_ns(), lambda: arrive(speaks=False))

    def _delay_ns(self) -> int:
        return self._weather().delay_ns(self._random)
