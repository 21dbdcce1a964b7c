"""DeribitServer: the venue behind all sessions, sans-IO. Bytes in, bytes out; time is told by every call.

1. What the exchange did before a request is told before its answer; what the request did, after it.
2. A frozen venue keeps frames and requests and answers none; they are worked off, in order, once it thaws. By then nobody
   hears the answers to requests.
3. Requests are counted against the limits of the account (of the session where nobody is authenticated): methods that reach
   the matching engine by their own count. Too many: `too_many_requests`, and nothing is done.

Source: docs.deribit.com. Limits: no scopes, no combos, no block trades, no triggers, no mass quotes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from holdfast.lab.world.allowance import Bucket
from holdfast.lab.world.answer import Answer, Credential
from holdfast.lab.world.deribit import rpc
from holdfast.lab.world.deribit.access import Access
from holdfast.lab.world.deribit.account import ACCOUNT, TRANSFERS
from holdfast.lab.world.deribit.channels import Channels
from holdfast.lab.world.deribit.connection import CONNECTION
from holdfast.lab.world.deribit.public import PUBLIC
from holdfast.lab.world.deribit.session import DeribitSession
from holdfast.lab.world.deribit.trading import EFFECTS, QUESTIONS
from holdfast.lab.world.deribit.visit import Method, Visit
from holdfast.lab.world.exchange import Exchange, Printed, Trade
from holdfast.lab.world.faults import Faults

HTTP_PREFIX: Final = "/api/v2"
METHODS: Final[dict[str, Method]] = PUBLIC | CONNECTION | QUESTIONS | ACCOUNT | TRANSFERS | EFFECTS
_STATUS: Final = {
    rpc.INVALID_CREDENTIALS: 401,
    rpc.UNAUTHORIZED: 401,
    rpc.AUTHORIZATION_REQUIRED: 401,
    rpc.TOO_MANY_REQUESTS: 429,
}
_BAD_GATEWAY: Final = Answer(
    502, b"<html><head><title>502 Bad Gateway</title></head></html>", (("Content-Type", "text/html"),)
)


class DeribitLimits(msgspec.Struct, frozen=True):
    """How many requests a second, and how many at once; the venue's own defaults of a small account."""

    matching_rate: float = 5.0
    matching_burst: float = 20.0
    other_rate: float = 20.0
    other_burst: float = 100.0


class DeribitServer:
    """One venue that speaks Deribit's protocol."""

    def __init__(
        self,
        exchange: Exchange,
        credentials: Sequence[Credential],
        faults: Faults | None = None,
        limits: DeribitLimits | None = None,
    ) -> None:
        self.exchange = exchange
        self.faults = faults or Faults()
        self.limits = limits or DeribitLimits()
        self.access = Access(credentials)
        self.channels = Channels(exchange, self.faults, self.direction_of)
        self.cancelled_on_disconnect: set[str] = set()
        self.start_ns = exchange.now_ns
        self.sessions: list[DeribitSession] = []
        self._buckets: dict[tuple[str, bool], Bucket] = {}
        self._directions: dict[str, tuple[int, int, Trade]] = {}
        self._drops_done = 0
        self._held: list[tuple[str, str, dict[str, str], bytes]] = []

    def session(self) -> DeribitSession:
        """Open a session: a websocket was connected."""
        session = DeribitSession(self)
        self.sessions.append(session)
        return session

    def on_frame(self, now_ns: int, session: DeribitSession, data: bytes) -> list[bytes]:
        """Take a frame; return what is to be sent to the session now. Use `DeribitSession.on_frame`."""
        if self.faults.is_frozen:
            session.held.append(data)
            return []
        self._absorb(now_ns)
        self._answer(now_ns, session, data)
        self._absorb(now_ns)
        return session.take(now_ns)

    def on_close(self, now_ns: int, session: DeribitSession) -> None:
        """End a session. Use `DeribitSession.on_close`. A frozen venue sees that when it has read what came before."""
        session.is_closed = session.is_gone = True
        if session in self.sessions and not self.faults.is_frozen:
            self._end(now_ns, session)

    def _end(self, now_ns: int, session: DeribitSession) -> None:
        self.sessions.remove(session)
        self.channels.unsubscribe(session, list(session.channels))
        if session.cancels_on_disconnect and session.credential is not None:
            for order_id in session.placed:
                self.exchange.cancel(session.credential.account, order_id)
        self._absorb(now_ns)

    def on_http(
        self, now_ns: int, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answer an HTTP request; `target` is the path with its query."""
        if self.faults.is_frozen:
            self._held.append((method, target, dict(headers), body))
            return Answer(0, drop=True)
        self._absorb(now_ns)
        venue_ns = now_ns + self.faults.clock_offset_ns
        call = rpc.Call("", {})
        try:
            call = _http_call(target, body)
            credential = self._who(venue_ns, method, target, headers, body, call)
            result = self._carry_out(Visit(self, call.params, now_ns, None, credential), call.method)
        except rpc.Silent:
            return Answer(0, drop=True)
        except rpc.Rejection as rejection:
            if rejection.code == rpc.INTERNAL_SERVER_ERROR:
                return msgspec.structs.replace(_BAD_GATEWAY, delay_ns=self.faults.delay_ns)
            status = _STATUS.get(rejection.code, rpc.HTTP_BAD_REQUEST)
            return Answer(
                status, rpc.refusal(call.id, rejection, venue_ns, venue_ns), delay_ns=self.faults.delay_ns
            )
        return Answer(200, rpc.answer(call.id, result, venue_ns, venue_ns), delay_ns=self.faults.delay_ns)

    def news(self, now_ns: int) -> dict[DeribitSession, list[bytes]]:
        """Return what is to be sent to each session now: call it after the exchange moved, and as time goes by."""
        self._drop_if_asked()
        if self.faults.is_frozen:
            return {}
        held, self._held = self._held, []
        for request in held:
            self.on_http(now_ns, *request)
        self._absorb(now_ns)
        for session in list(self.sessions):
            frames, session.held = session.held, []
            for data in frames:
                self._answer(now_ns, session, data)
                self._absorb(now_ns)
            if session.is_gone:
                self._end(now_ns, session)
            session.beat(now_ns)
        return {session: frames for session in self.sessions if (frames := session.take(now_ns))}

    def direction_of(self, trade: Trade) -> int:
        """Return a trade's tick direction: 0 up, 1 level after up, 2 down, 3 level after down."""
        sequence, direction, last = self._directions.get(trade.instrument, (0, 0, trade))
        if trade.trade_sequence <= sequence:
            return direction
        if trade.price != last.price:
            direction = 0 if trade.price > last.price else 2
        else:
            direction |= 1
        self._directions[trade.instrument] = trade.trade_sequence, direction, trade
        return direction

    def _absorb(self, now_ns: int) -> None:
        news = self.exchange.take_news()
        for it in news:
            if isinstance(it, Printed):
                self.direction_of(it.trade)
        self.channels.hear(now_ns, self.faults.let_through(news))

    def _answer(self, now_ns: int, session: DeribitSession, data: bytes) -> None:
        venue_ns = now_ns + self.faults.clock_offset_ns
        call = rpc.Call("", {})
        try:
            call = rpc.read_call(data)
            credential = session.credential
            token = call.params.get("access_token")
            if isinstance(token, str):
                credential = self.access.holder(venue_ns, token)
            result = self._carry_out(Visit(self, call.params, now_ns, session, credential), call.method)
        except rpc.Silent:
            return
        except rpc.Rejection as rejection:
            answer = rpc.refusal(call.id, rejection, venue_ns, venue_ns)
        else:
            answer = rpc.answer(call.id, result, venue_ns, venue_ns)
        session.post(now_ns + self.faults.delay_ns, answer)

    def _carry_out(self, visit: Visit, name: str) -> Any:
        method = METHODS.get(name)
        if method is None:
            raise rpc.Rejection(rpc.METHOD_NOT_FOUND, "Method not found")
        if name.startswith("private/"):
            visit.account  # noqa: B018 - refuses who is nobody
        self._count(visit, name in EFFECTS)
        result = method(visit)
        if name in EFFECTS or name in TRANSFERS:
            outcome = self.faults.take_effect_answer()
            if outcome == "lost":
                raise rpc.Silent
            if outcome == "error":
                raise rpc.Rejection(rpc.INTERNAL_SERVER_ERROR, "internal_server_error")
        return result

    def _count(self, visit: Visit, is_matching: bool) -> None:
        who = visit.credential.account if visit.credential else f"session {id(visit.session)}"
        limits = self.limits
        bucket = self._buckets.get((who, is_matching))
        if bucket is None:
            rate = limits.matching_rate if is_matching else limits.other_rate
            burst = limits.matching_burst if is_matching else limits.other_burst
            bucket = self._buckets[who, is_matching] = Bucket(rate, burst)
        if not bucket.take(visit.now_ns):
            raise rpc.Rejection(rpc.TOO_MANY_REQUESTS, "too_many_requests", {"wait": 1})

    def _who(
        self, venue_ns: int, method: str, target: str, headers: Mapping[str, str], body: bytes, call: rpc.Call
    ) -> Credential | None:
        header = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
        if header:
            signed = f"{method}\n{target}\n".encode() + body + b"\n"
            return self.access.by_header(venue_ns, header, signed)
        token = call.params.get("access_token")
        return self.access.holder(venue_ns, token) if isinstance(token, str) else None

    def _drop_if_asked(self) -> None:
        if self._drops_done < self.faults.drops_asked:
            self._drops_done = self.faults.drops_asked
            for session in self.sessions:
                session.is_closed = True


def _http_call(target: str, body: bytes) -> rpc.Call:
    """Read a request from a path and query, or from a body. Raises: Rejection."""
    split = urlsplit(target)
    name = split.path.removeprefix(HTTP_PREFIX).strip("/")
    if not split.path.startswith(HTTP_PREFIX):
        raise rpc.Rejection(rpc.METHOD_NOT_FOUND, "Method not found")
    if body:
        call = rpc.read_call(body)
        return msgspec.structs.replace(call, method=name or call.method)
    return rpc.Call(name, dict(parse_qsl(split.query, keep_blank_values=True)))
