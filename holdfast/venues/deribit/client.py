"""DeribitClient: one account at Deribit, over one web socket for the market and one for the account.

Rules of the venue, and what they make of ours:

1. A move carries `valid_until` on the venue's clock; one that comes later is refused as `timed_out`. A transfer carries a
   nonce made of its key instead, of which the venue refuses the second. An order's `label`, its client id, is not unique.
2. `get_order_state_by_label` is asked by currency and answers with a list; an empty one says that no such order is known.
3. The dead-man switch is cancel-on-disconnect: it covers the orders placed over this very connection (or, with the scope
   `account`, those of every connection opened from then on, each when it ends), and it fires when the venue misses our
   answer to its `test_request`, so `timeout_s` is the heartbeat's interval, which is 10 s at least.
4. Books by `raw` are for authenticated connections: the public line then signs in too. A book is resynchronised by
   subscribing again, because the first message of a subscription is the whole book.
5. A brake goes by the account's web socket as one frame; while that line is down, or mute since an earlier brake, by HTTP
   with a signature of its own.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal
from urllib.parse import urlencode, urlsplit

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.order import NewOrder
from holdfast.tape import RowBuffer
from holdfast.venues.asked import Asked, Effect
from holdfast.venues.client import Frame, Request
from holdfast.venues.deribit import client_frames as frames
from holdfast.venues.deribit.client_answers import CHANGES, DeribitAnswers
from holdfast.venues.deribit.feed import DeribitFeed
from holdfast.venues.line import Line
from holdfast.venues.rate_limit import TokenBucket

MAINNET_WS: Final = "wss://www.deribit.com/ws/api/v2"
MAINNET_REST: Final = "https://www.deribit.com/api/v2"
HEARTBEAT_S_MIN: Final = 10  # the venue takes no shorter one
_CHANNELS_PER_FRAME_MAX: Final = 100


class DeribitSettings(msgspec.Struct, frozen=True):
    """How to speak to Deribit. The limits are those of an account without a higher tier."""

    books: Literal["raw", "100ms", "agg2"] = "raw"
    grant: Literal["client_signature", "client_credentials"] = "client_signature"
    heartbeat_s: int = HEARTBEAT_S_MIN
    timeout_s: float = 5.0
    dead_man_scope: Literal["connection", "account"] = "connection"
    subaccounts: Mapping[str, int] = {}  # the venue's numbers of accounts, where it knows them by other names
    orders_per_s: float = 5.0
    orders_burst: float = 20.0
    orders_reserve: float = 4.0
    requests_per_s: float = 20.0
    requests_burst: float = 100.0
    requests_reserve: float = 10.0


class DeribitClient(DeribitAnswers):
    """An account at Deribit. `credentials` are the client id and the secret of an API key."""

    def __init__(
        self,
        instruments: Instruments,
        account: str,
        credentials: tuple[str, str],
        ws_url: str = MAINNET_WS,
        rest_url: str = MAINNET_REST,
        symbols: Sequence[str] = (),
        settings: DeribitSettings | None = None,
    ) -> None:
        self.settings = settings or DeribitSettings()
        quiet_s = 2.5 * self.settings.heartbeat_s
        lines = [Line("private", "private", ws_url, quiet_s)]
        if symbols:
            lines.append(Line("public", "public", ws_url, quiet_s))
        super().__init__(account, DeribitFeed(instruments, RowBuffer()), lines)
        self._key, self._secret = credentials
        self._rest_url = rest_url.rstrip("/")
        self._rest_path = urlsplit(self._rest_url).path
        self.symbols = tuple(dict.fromkeys(symbols))
        limits = self.settings
        self._orders = TokenBucket(limits.orders_per_s, limits.orders_burst, limits.orders_reserve)
        self._others = TokenBucket(limits.requests_per_s, limits.requests_burst, limits.requests_reserve)
        self._listing_delay_s = 1
        self._dead_man_s = 0.0

    @property
    def is_ready(self) -> bool:
        return self.listed and self.lines["private"].state == "up" and self.clock.best is not None

    # effects

    def place(self, now_ns: int, key: str, order: NewOrder, valid_until_ns: int) -> None:
        self._tick(now_ns)
        why_not = self._why_not(now_ns, valid_until_ns)
        if why_not:
            self._answer(now_ns, key, "unsent", *why_not)
            return
        asked = self._asked("place", "private", order.client_id, Effect(key))
        params = frames.order_params(order, self.clock.validity_ms(now_ns, valid_until_ns))
        frame = Frame("private", frames.rpc(asked.id, frames.order_method(order), params))
        self._send(
            now_ns, asked, self._orders, lambda _: frame, expires_ns=self.clock.expiry_ns(valid_until_ns)
        )

    def cancel(self, now_ns: int, key: str, instrument: str, order_id: str) -> None:
        del instrument
        self._brake(now_ns, "cancel", key, "private/cancel", {"order_id": order_id})

    def cancel_all(self, now_ns: int, key: str, instrument: str = "") -> None:
        self._tick(now_ns)
        if not self._hears_us(now_ns):
            method = "private/cancel_all_by_instrument" if instrument else "private/cancel_all"
            self._brake(
                now_ns, "cancel_all", key, method, {"instrument_name": instrument} if instrument else {}
            )
            return
        asked = self._asked("cancel_all", "private", instrument, Effect(key))
        if instrument:
            data = frames.CANCEL_INSTRUMENT_FRAME % (asked.id, frames.encode(instrument))
        else:
            data = frames.CANCEL_ALL_FRAME % asked.id
        self._leave(now_ns, asked, Frame("private", data))
        self._orders.brake(now_ns)

    def arm_dead_man(self, now_ns: int, key: str, timeout_s: float) -> None:
        self._tick(now_ns)
        self._dead_man_s = timeout_s
        if "private" in self._signed:
            self._arm(now_ns, Effect(key, 2 if timeout_s else 1))
        else:
            self._answer(now_ns, key, "unsent", "not_connected", "it is armed as soon as the line is up")

    def transfer(
        self, now_ns: int, key: str, to_account: str, asset: str, amount: Decimal, valid_until_ns: int
    ) -> None:
        self._tick(now_ns)
        why_not = self._why_not(now_ns, valid_until_ns)
        number = self.settings.subaccounts.get(to_account) or self._numbers.get(to_account)
        if number is None:
            self._answer(
                now_ns, key, "refused", "account_unknown", f"no subaccount number for {to_account!r}"
            )
        elif why_not:
            self._answer(now_ns, key, "unsent", *why_not)
        else:
            params: dict[str, frames.Parameter] = {
                "currency": asset,
                "amount": frames.number(amount),
                "destination": number,
                "nonce": frames.nonce_of(key),
            }
            asked = self._asked("transfer", "private", to_account, Effect(key))
            method = "private/submit_transfer_between_subaccounts"
            frame = Frame("private", frames.rpc(asked.id, method, params))
            self._send(
                now_ns, asked, self._others, lambda _: frame, expires_ns=self.clock.expiry_ns(valid_until_ns)
            )

    # questions

    def ask_order(self, now_ns: int, instrument: str, client_id: str) -> None:
        number = self.feed.instruments.find(self.venue, instrument)
        settle = self.feed.instruments[number].settle if number >= 0 else ""
        params = {"currency": frames.currency_of(instrument, settle), "label": client_id}
        self._question(
            now_ns, "order", "private/get_order_state_by_label", params, f"{instrument} {client_id}"
        )

    def ask_orders(self, now_ns: int) -> None:
        self._question(now_ns, "orders", "private/get_open_orders", {})

    def ask_positions(self, now_ns: int) -> None:
        self._question(now_ns, "positions", "private/get_positions", {"currency": "any"})

    def ask_balances(self, now_ns: int) -> None:
        self._question(now_ns, "balances", "private/get_account_summaries", {})

    def _ask_subaccounts(self, now_ns: int) -> None:
        self._question(now_ns, "subaccounts", "private/get_subaccounts", {})

    def ask_clock(self, now_ns: int) -> None:
        self._tick(now_ns)
        line = next((line for line in self.lines.values() if line.is_open), None)
        if line is not None:
            self._handshake(now_ns, "clock", line, "public/get_time", {})

    def resync(self, now_ns: int, instrument: str) -> None:
        line = self.lines.get("public")
        if line is None or line.state != "up" or not self.resyncs.begin(now_ns, instrument):
            return
        if self._turns.is_waiting("resubscribe", instrument):
            return
        channels: dict[str, frames.Parameter] = {"channels": [f"book.{instrument}.{self.settings.books}"]}
        for kind, method in (("unsubscribe", "public/unsubscribe"), ("resubscribe", "public/subscribe")):
            asked = self._asked(kind, "public", instrument)
            frame = Frame("public", frames.rpc(asked.id, method, channels))
            self._send(now_ns, asked, self._others, lambda _, frame=frame: frame)

    # lines

    def _begin(self, now_ns: int) -> None:
        self._timers["listing"] = now_ns
        self.lines["private"].wait(now_ns)
        self.on_wake(now_ns)

    def _opened(self, now_ns: int, line: Line) -> None:
        if not self._must_sign(line):
            self._subscribe(now_ns, line)
        else:  # a signature is only good for the venue's own time, so that is asked for each time
            self._handshake(now_ns, "clock", line, "public/get_time", {})

    def _must_sign(self, line: Line) -> bool:
        return line.side == "private" or self.settings.books == "raw"

    def _closed(self, now_ns: int, line: Line) -> None:
        self._signed.discard(line.name)
        self._tokens.pop(line.name, None)
        self._subscribed.difference_update(self._channels(line))
        if line.side == "public":
            self.resyncs.clear()
            self.feed.on_disconnect(now_ns)

    def _authenticate(self, now_ns: int, line: Line) -> None:
        if self._requests.is_asking("auth", line.name):
            return
        if self.settings.grant == "client_credentials":
            params = frames.credentials_params(self._key, self._secret)
        else:
            time_ms = self.clock.time_ms(now_ns)
            params = frames.signature_params(self._key, self._secret, time_ms, self._nonce())
        self._handshake(now_ns, "auth", line, "public/auth", params)

    def _subscribe(self, now_ns: int, line: Line) -> None:
        if line.side == "private" and self._dead_man_s:
            self._arm(now_ns, None)
        else:
            line.quiet_s = 2.5 * self.settings.heartbeat_s
            self._handshake(
                now_ns, "heartbeat", line, "public/set_heartbeat", {"interval": self.settings.heartbeat_s}
            )
        channels = self._channels(line)
        for start in range(0, len(channels), _CHANNELS_PER_FRAME_MAX):
            part = channels[start : start + _CHANNELS_PER_FRAME_MAX]
            self._handshake(now_ns, "subscribe", line, f"{line.side}/subscribe", {"channels": part})

    def _channels(self, line: Line) -> list[str]:
        if line.side == "private":
            return [CHANGES, "user.portfolio.any"]
        find, interval = self.feed.instruments.find, self.settings.books
        symbols = [symbol for symbol in self.symbols if find(self.venue, symbol) >= 0]
        return [f"{kind}.{symbol}.{interval}" for kind in ("book", "trades", "ticker") for symbol in symbols]

    def _on_listing(self, now_ns: int, status: int, body: bytes) -> None:
        url = f"{self._rest_url}/public/get_instruments"
        try:
            if status != 200:
                raise OutsideError("venue.error", f"the listing was answered with HTTP {status}")
            self.feed.on_rest(now_ns, url, body)
        except OutsideError as error:
            self._quarantine(f"{self.venue}:listing", 0, error, body)
            if error.code != "listing.malformed":  # that one has listed all others
                self._timers["listing"] = now_ns + self._listing_delay_s * SECOND_NS
                self._listing_delay_s = min(2 * self._listing_delay_s, 30)
                return
        self.listed = True
        for symbol in self.symbols:
            if self.feed.instruments.find(self.venue, symbol) < 0:
                error = OutsideError("instrument.unlisted", f"{self.venue} does not list {symbol}")
                self._quarantine(f"{self.venue}:listing", 0, error, symbol.encode())
        public = self.lines.get("public")
        if public is not None and public.state == "idle":
            public.wait(now_ns)
            self._line_due(now_ns, public)

    def _on_timer(self, now_ns: int, name: str) -> None:
        kind, _, line = name.partition(" ")
        if kind == "listing":
            asked = self._asked("listing")
            url = f"{self._rest_url}/public/get_instruments?currency=any&expired=false"
            self._leave(now_ns, asked, Request(asked.id, "GET", url, timeout_s=self.settings.timeout_s))
        elif line in self._signed:
            token = self._tokens[line]
            params: dict[str, frames.Parameter] = {"grant_type": "refresh_token", "refresh_token": token}
            self._handshake(now_ns, "refresh", self.lines[line], "public/auth", params)

    # what is sent

    def _asked(self, kind: str, line: str = "", subject: str = "", effect: Effect | None = None) -> Asked:
        return Asked(self._requests.number(), kind, line, subject, self.settings.timeout_s, effect)

    def _nonce(self) -> str:
        return f"hf{self._last_ns}{self._requests.number()}"

    def _handshake(
        self, now_ns: int, kind: str, line: Line, method: str, params: dict[str, frames.Parameter]
    ) -> None:
        """Send what keeps a line alive: it waits for nothing."""
        asked = self._asked(kind, line.name, line.name)
        self._leave(now_ns, asked, Frame(line.name, frames.rpc(asked.id, method, params)))
        self._others.brake(now_ns)

    def _arm(self, now_ns: int, effect: Effect | None) -> None:
        scope: dict[str, frames.Parameter] = {"scope": self.settings.dead_man_scope}
        line = self.lines["private"]
        if self._dead_man_s:
            interval_s = max(HEARTBEAT_S_MIN, int(self._dead_man_s))
            line.quiet_s = 2.5 * interval_s
            requests: list[tuple[str, dict[str, frames.Parameter]]] = [
                ("public/set_heartbeat", {"interval": interval_s}),
                ("private/enable_cancel_on_disconnect", scope),
            ]
        else:
            requests = [("private/disable_cancel_on_disconnect", scope)]
        for method, params in requests:
            asked = self._asked("dead_man", "private", "", effect)
            self._leave(now_ns, asked, Frame("private", frames.rpc(asked.id, method, params)))
            self._others.brake(now_ns)

    def _brake(self, now_ns: int, kind: str, key: str, method: str, params: dict[str, str]) -> None:
        """Send a brake by the account's line, or by HTTP while that is down."""
        self._tick(now_ns)
        self._orders.brake(now_ns)
        if self._hears_us(now_ns):
            asked = self._asked(kind, "private", "", Effect(key))
            self._leave(now_ns, asked, Frame("private", frames.rpc(asked.id, method, {**params})))
            return
        asked = self._asked(kind, "", "", Effect(key))
        query = f"?{urlencode(params)}" if params else ""
        path = f"{self._rest_path}/{method}{query}"
        header = frames.signed_header(
            self._key, self._secret, self.clock.time_ms(now_ns), self._nonce(), path
        )
        url = f"{self._rest_url}/{method}{query}"
        timeout_s = self.settings.timeout_s
        self._leave(now_ns, asked, Request(asked.id, "GET", url, (header,), b"", timeout_s, urgent=True))

    def _question(
        self, now_ns: int, kind: str, method: str, params: dict[str, str], subject: str = ""
    ) -> None:
        self._tick(now_ns)
        if self.lines["private"].state != "up":
            return
        if self._requests.is_asking(kind, subject) or self._turns.is_waiting(kind, subject):
            return
        asked = self._asked(kind, "private", subject)
        frame = Frame("private", frames.rpc(asked.id, method, {**params}))
        self._send(now_ns, asked, self._others, lambda _: frame)
