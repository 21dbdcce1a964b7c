"""BinanceServer: the venue behind all requests and streams, sans-IO. Bytes in, bytes out; time is told by every call.

1. A request is counted first, then known by its key, then by its signature and time, then carried out.
2. What the exchange did stands in the streams before what a request brings about.
3. A frozen venue keeps frames and requests and answers none; they are worked off once it thaws, where their time allows it.
   By then nobody hears the answers to requests.

Source: developers.binance.com, "USDS-M futures". Limits: one-way mode, single-asset margin, limit and market orders.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from holdfast.lab.world.answer import JSON_TYPE, Answer, Credential
from holdfast.lab.world.binance import reply
from holdfast.lab.world.binance.account import ACCOUNT
from holdfast.lab.world.binance.orders import ORDERS
from holdfast.lab.world.binance.public import PUBLIC
from holdfast.lab.world.binance.request import Endpoint, Endpoints, Request
from holdfast.lab.world.binance.signing import KEY_HEADER, Signing
from holdfast.lab.world.binance.stream import BinanceStream, wanted_by
from holdfast.lab.world.binance.streams import Streams
from holdfast.lab.world.binance.topics import funding_rate
from holdfast.lab.world.binance.user_stream import ListenKeys
from holdfast.lab.world.binance.weights import BinanceLimits, Weights
from holdfast.lab.world.exchange import Exchange, FundingPaid
from holdfast.lab.world.faults import Faults

FUNDING_RATES_MAX: Final = 1000
ENDPOINTS: Final[Endpoints] = PUBLIC | ORDERS | ACCOUNT


class BinanceServer:
    """One venue that speaks Binance's USD-M protocol."""

    def __init__(
        self,
        exchange: Exchange,
        credentials: Sequence[Credential],
        faults: Faults | None = None,
        limits: BinanceLimits | None = None,
    ) -> None:
        self.exchange = exchange
        self.faults = faults or Faults()
        self.limits = limits or BinanceLimits()
        self.signing = Signing(credentials)
        self.listen_keys = ListenKeys()
        self.funding_rates: list[dict[str, Any]] = []
        self.lines: list[BinanceStream] = []
        self._streams = Streams(exchange, self.faults)
        self._weights = Weights(self.limits)
        self._client_ids = 0
        self._drops_done = 0
        self._held: list[tuple[str, str, dict[str, str], bytes]] = []

    def stream(self, now_ns: int, target: str) -> BinanceStream | None:
        """Open a stream: a websocket was connected to path and query; None where there is no such address."""
        wanted = wanted_by(target)
        if wanted is None:
            return None
        is_combined, names = wanted
        line = BinanceStream(self, is_combined)
        self.lines.append(line)
        self._absorb(now_ns)
        for name in names:
            self.listen(now_ns, line, name)
        return line

    def on_frame(self, now_ns: int, line: BinanceStream, data: bytes) -> list[bytes]:
        """Take a frame. Use `BinanceStream.on_frame`."""
        if self.faults.is_frozen:
            line.held.append(data)
            return []
        self._absorb(now_ns)
        line.post(now_ns + self.faults.delay_ns, line.carry_out(now_ns, data))
        return line.take(now_ns)

    def on_close(self, now_ns: int, line: BinanceStream) -> None:
        """End a stream. Use `BinanceStream.on_close`."""
        if line not in self.lines:
            return
        self._absorb(now_ns)
        self.lines.remove(line)
        line.is_closed = True
        for name in list(line.streams):
            self.leave(line, name)

    def listen(self, now_ns: int, line: BinanceStream, name: str) -> None:
        """Have a line listen to a stream, or to the account whose listen key it is."""
        if name not in line.streams:
            line.streams.append(name)
            self._streams.listen(now_ns, line, name, self.listen_keys.holder(name, now_ns))

    def leave(self, line: BinanceStream, name: str) -> None:
        """Have a line no longer listen to a stream."""
        if name in line.streams:
            line.streams.remove(name)
            self._streams.leave(line, name)

    def on_http(
        self, now_ns: int, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """Answer an HTTP request; `target` is the path with its query."""
        if self.faults.is_frozen:
            self._held.append((method, target, dict(headers), body))
            return Answer(0, drop=True)
        self._absorb(now_ns)
        key = next((value for name, value in headers.items() if name.lower() == KEY_HEADER), "")
        who = key if key in self.signing.by_key else "everybody"
        with_orders = False
        try:
            split = urlsplit(target)
            endpoint = ENDPOINTS.get((method, split.path))
            if endpoint is None:
                raise reply.Refusal(-5000, f"Path {split.path}, Method {method} is invalid", 404)
            with_orders = endpoint.orders > 0
            result = self._carry_out(now_ns, endpoint, who, split.query, body, headers)
        except reply.Silent:
            return Answer(0, drop=True)
        except reply.Refusal as refusal:
            return self._answer(now_ns, who, with_orders, refusal.status, refusal.body(), refusal.headers)
        return self._answer(now_ns, who, with_orders, 200, reply.encode(result))

    def news(self, now_ns: int) -> dict[BinanceStream, list[bytes]]:
        """Return what is to be sent to each stream now: call it after the exchange moved, and as time goes by."""
        if self._drops_done < self.faults.drops_asked:
            self._drops_done = self.faults.drops_asked
            for line in self.lines:
                line.is_closed = True
        if self.faults.is_frozen:
            return {}
        held, self._held = self._held, []
        for request in held:
            self.on_http(now_ns, *request)
        self._absorb(now_ns)
        for _, key in self.listen_keys.take_expired(now_ns):
            self._streams.expire(now_ns, key)
        for line in self.lines:
            held, line.held = line.held, []
            for data in held:
                line.post(now_ns + self.faults.delay_ns, line.carry_out(now_ns, data))
        return {line: frames for line in self.lines if (frames := line.take(now_ns))}

    def next_client_id(self) -> str:
        """Return a name for an order whose client gave it none."""
        self._client_ids += 1
        return f"web_{self._client_ids:020d}"

    def _carry_out(
        self,
        now_ns: int,
        endpoint: Endpoint,
        who: str,
        query: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> Any:
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise reply.Refusal(-1100, "Illegal characters found in a parameter.") from error
        params = dict(parse_qsl(query, keep_blank_values=True)) | dict(
            parse_qsl(text, keep_blank_values=True)
        )
        request = Request(self, params, now_ns)
        self._weights.take(now_ns, who, endpoint.weigh(request), endpoint.orders)
        if endpoint.security != "none":
            request.credential = self.signing.holder(headers)
        if endpoint.security == "signed":
            assert request.credential is not None
            venue_ms = reply.ms(request.venue_ns)
            request.valid_until_ms = self.signing.check(request.credential, query, text, params, venue_ms)
        result = endpoint.carry_out(request)
        self._absorb(now_ns)
        outcome = self.faults.take_effect_answer() if endpoint.is_effect else "given"
        if outcome == "lost":
            raise reply.Silent
        if outcome == "error":
            raise reply.Refusal(-1000, "Unknown error, please check your request or try again later.", 503)
        return result

    def _answer(
        self,
        now_ns: int,
        who: str,
        with_orders: bool,
        status: int,
        body: bytes,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Answer:
        told = self._weights.headers(now_ns, who, with_orders)
        return Answer(status, body, (JSON_TYPE, *told, *headers), self.faults.delay_ns)

    def _absorb(self, now_ns: int) -> None:
        news = self.exchange.take_news()
        for it in news:
            if isinstance(it, FundingPaid):
                self._note_funding(it)
        self._streams.hear(now_ns, self.faults.let_through(news))

    def _note_funding(self, it: FundingPaid) -> None:
        venue_ns = it.time_ns + self.faults.clock_offset_ns
        entry = funding_rate(self.exchange, it.instrument, venue_ns, it.rate)
        known = self.funding_rates[-len(self.exchange.listings) :]
        if not any(
            (row["symbol"], row["fundingTime"]) == (entry["symbol"], entry["fundingTime"]) for row in known
        ):
            self.funding_rates = [*self.funding_rates, entry][-FUNDING_RATES_MAX:]
