"""The lines of a Binance client: its listing, its streams, the account's key, and what keeps them alive.

Rules: the listing is known before a market stream is opened; a book's snapshot is fetched once its stream is open; the
account's line is up when its stream is open and a signed request was answered.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer
from holdfast.venues.asked import Asked, Effect
from holdfast.venues.binance import client_requests as requests
from holdfast.venues.binance.client_answers import BinanceAnswers
from holdfast.venues.binance.feed import BinanceFeed
from holdfast.venues.binance.market import USDM
from holdfast.venues.client import Open, Request
from holdfast.venues.line import Line
from holdfast.venues.rate_limit import TokenBucket

MAINNET_WS: Final = "wss://fstream.binance.com"
MAINNET_REST: Final = "https://fapi.binance.com"
MAINNET_WALLET: Final = "https://api.binance.com"
KEEP_ALIVE_NS: Final = 30 * MINUTE_NS
QUIET_S: Final = 30.0
QUERY_MS: Final = 5_000
SNAPSHOT_WEIGHTS: Final = {100: 5, 500: 10, 1000: 20}


class BinanceSettings(msgspec.Struct, frozen=True):
    """How to speak to Binance. The limits are half of the venue's own, because its windows may fall across two of ours."""

    book_levels: Literal[100, 500, 1000] = 1000
    timeout_s: float = 5.0
    order_timeout_s: float = 2.0  # of an order, and of the question what became of one: both are in a hurry
    wallet_url: str = (
        ""  # where transfers go; empty: the venue's own address, or `rest_url` where that is another
    )
    subaccounts: Mapping[str, str] = {}  # e-mail addresses by the names of a desk's accounts
    weight_1m_max: int = 2_400  # the venue's own
    weight_per_s: float = 20.0
    weight_burst: float = 1200.0
    weight_reserve: float = 120.0
    orders_per_s: float = 10.0
    orders_burst: float = 150.0
    orders_reserve: float = 15.0


class BinanceLines(BinanceAnswers):
    """The lines of a Binance client, and how its requests are made."""

    def __init__(
        self,
        instruments: Instruments,
        account: str,
        credentials: tuple[str, str],
        ws_url: str = MAINNET_WS,
        rest_url: str = MAINNET_REST,
        symbols: Sequence[str] = (),
        settings: BinanceSettings | None = None,
    ) -> None:
        self.settings = settings or BinanceSettings()
        self._ws_url, self._rest_url = ws_url.rstrip("/"), rest_url.rstrip("/")
        wallet_url = MAINNET_WALLET if self._rest_url == MAINNET_REST else self._rest_url
        self._wallet_url = self.settings.wallet_url.rstrip("/") or wallet_url
        self.symbols = tuple(dict.fromkeys(symbols))
        self._key = credentials[0]
        self._signer = requests.Signer(credentials[1])
        limits = self.settings
        lines = [Line("private", "private", "", QUIET_S)]
        if symbols:
            lines += [
                Line("public", "public", self._stream_url("public", "depth@100ms", "bookTicker"), QUIET_S),
                Line(
                    "prints",
                    "public",
                    self._stream_url("market", "aggTrade", "markPrice@1s", "forceOrder"),
                    QUIET_S,
                ),
            ]
        super().__init__(
            account,
            BinanceFeed(instruments, RowBuffer(), USDM),
            lines,
            TokenBucket(limits.weight_per_s, limits.weight_burst, limits.weight_reserve),
            TokenBucket(limits.orders_per_s, limits.orders_burst, limits.orders_reserve),
        )
        self._listing_delay_s = 1
        self._traded: dict[str, None] = {}  # instruments that orders were placed in, besides those subscribed

    @property
    def is_ready(self) -> bool:
        return self.listed and self.lines["private"].state == "up" and self.clock.best is not None

    # lines

    def _begin(self, now_ns: int) -> None:
        self._timers["listing"] = now_ns
        self.ask_clock(now_ns)
        self.lines["private"].wait(now_ns)
        self.on_wake(now_ns)

    def _dial(self, now_ns: int, line: Line) -> None:
        if line.side == "public":
            super()._dial(now_ns, line)
            return
        self._weights.brake(now_ns)
        asked = self._asked("listen_key")
        url = f"{self._rest_url}/fapi/v1/listenKey"
        self._leave(now_ns, asked, self._request(asked, "POST", url))

    def _open_user_stream(self, now_ns: int, listen_key: str) -> None:
        line = self.lines["private"]
        if line.state == "opening":
            line.enter(now_ns, "opening")
            self._timers["keep_alive"] = now_ns + KEEP_ALIVE_NS
            self.wishes.append(Open(line.name, requests.user_stream_url(self._ws_url, listen_key)))

    def _opened(self, now_ns: int, line: Line) -> None:
        if line.side == "public":
            self._up_now(now_ns, line)
            for symbol in self._listed_symbols() if line.name == "public" else ():
                self.resync(now_ns, symbol)
        elif self.clock.best is None:
            self.ask_clock(now_ns)
        else:
            self._check_account(now_ns)

    def _check_account(self, now_ns: int) -> None:
        if not self._requests.is_asking("check"):
            asked = self._asked("check")
            self._weights.brake(now_ns, 5)
            self._leave(
                now_ns, asked, self._signed(now_ns, asked, "GET", f"{self._rest_url}/fapi/v3/account", {})
            )

    def _closed(self, now_ns: int, line: Line) -> None:
        if line.side == "private":
            self._timers.pop("keep_alive", None)
        elif line.name == "public":
            self.resyncs.clear()
            self.feed.on_disconnect(now_ns)

    def _on_kept_alive(self, now_ns: int, asked: Asked, body: bytes) -> None:
        """Do nothing: the next time is set already."""

    def _on_listing(self, now_ns: int, asked: Asked, body: bytes) -> None:
        del asked
        try:
            self.feed.on_rest(now_ns, f"{self._rest_url}/fapi/v1/exchangeInfo", body)
        except OutsideError as error:
            self._quarantine(f"{self.venue}:listing", 0, error, body)
            if error.code != "listing.malformed":  # that one has listed all others
                self._on_listing_failed(now_ns)
                return
        self.listed = True
        for symbol in self.symbols:
            if self.feed.instruments.find(self.venue, symbol) < 0:
                error = OutsideError("instrument.unlisted", f"{self.venue} does not list {symbol}")
                self._quarantine(f"{self.venue}:listing", 0, error, symbol.encode())
        for line in self.lines.values():
            if line.side == "public" and line.state == "idle":
                line.wait(now_ns)
                self._line_due(now_ns, line)

    def _on_listing_failed(self, now_ns: int) -> None:
        self._timers["listing"] = now_ns + self._listing_delay_s * SECOND_NS
        self._listing_delay_s = min(2 * self._listing_delay_s, 30)

    def _on_timer(self, now_ns: int, name: str) -> None:
        method, path = ("PUT", "listenKey") if name == "keep_alive" else ("GET", "exchangeInfo")
        if name == "keep_alive":
            self._timers[name] = now_ns + KEEP_ALIVE_NS
        asked = self._asked(name)
        self._weights.brake(now_ns)
        self._leave(now_ns, asked, self._request(asked, method, f"{self._rest_url}/fapi/v1/{path}"))

    # what is sent

    @property
    def _book_levels(self) -> int:
        return self.settings.book_levels

    @property
    def _weight_1m_max(self) -> int:
        return self.settings.weight_1m_max

    def _listed_symbols(self) -> list[str]:
        return [symbol for symbol in self.symbols if self.feed.instruments.find(self.venue, symbol) >= 0]

    def _stream_url(self, category: str, *kinds: str) -> str:
        streams = [f"{symbol.lower()}@{kind}" for symbol in self.symbols for kind in kinds]
        return requests.streams_url(self._ws_url, category, streams)

    def _asked(self, kind: str, subject: str = "", effect: Effect | None = None) -> Asked:
        in_hurry = kind in ("place", "order")
        timeout_s = self.settings.order_timeout_s if in_hurry else self.settings.timeout_s
        return Asked(self._requests.number(), kind, "", subject, timeout_s, effect)

    def _request(self, asked: Asked, method: str, url: str, *, urgent: bool = False) -> Request:
        headers = (("X-MBX-APIKEY", self._key),)
        return Request(asked.id, method, url, headers, b"", asked.timeout_s, urgent)

    def _signed(
        self, now_ns: int, asked: Asked, method: str, url: str, params: Mapping[str, str], until_ms: int = 0
    ) -> Request:
        time_ms = self.clock.time_ms(now_ns)
        window_ms = max(1, until_ms - time_ms) if until_ms else QUERY_MS
        query = self._signer.signed(params, time_ms, window_ms)
        return self._request(asked, method, f"{url}?{query}")
