"""The hearing half of a ccxt client: what the answers of its calls mean, and the loops that keep asking for news.

A loop asks for its next news as soon as the last came (a watch), or after `POLL_S` (where ccxt cannot watch).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from holdfast.app.ccxt_feed import CcxtFeed, Market, instrument_of
from holdfast.app.ccxt_reports import CcxtReports
from holdfast.clock import SECOND_NS
from holdfast.error import OutsideError
from holdfast.event import OrderReported
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer
from holdfast.venues.account_lists import order_absent, orders_listed, positions_listed
from holdfast.venues.asked import Asked, Effect, Outcome
from holdfast.venues.client import Request
from holdfast.venues.line import Line
from holdfast.venues.rate_limit import TokenBucket
from holdfast.venues.tracked import TrackedClient

SCHEME: Final = "ccxt:"
PAGE_ORDERS: Final = 50
POLL_S: Final = 2.0
TIMEOUT_S: Final = 10.0
WATCH_S: Final = 3600.0  # a watch waits for news; a quiet account has none
_OK: Final = 200
_REFUSED: Final = {
    "RateLimitExceeded": "rate_limited",
    "DDoSProtection": "rate_limited",
    "OrderNotFound": "not_open",
}
# a loop by its name: the method that watches, what ccxt calls it, and the method that is polled instead ("": none)
_LOOPS: Final = {
    "book": ("watch_order_book", "watchOrderBook", "fetch_order_book"),
    "trades": ("watch_trades", "watchTrades", ""),
    "ticker": ("watch_ticker", "watchTicker", "fetch_ticker"),
    "orders": ("watch_orders", "watchOrders", "fetch_open_orders"),
    "fills": ("watch_my_trades", "watchMyTrades", "fetch_my_trades"),
}


class _Described(msgspec.Struct, rename="camel"):
    """What the caller says of an exchange when it has loaded its markets."""

    markets: list[Market]
    has: dict[str, bool | str | None]
    precision_mode: int
    rate_limit: float


_described: Final = msgspec.json.Decoder(_Described).decode
_refusal: Final = msgspec.json.Decoder(dict[str, str]).decode


class CcxtAnswers(TrackedClient):
    """What ccxt's answers mean for the account, the lines and the effects."""

    PROBE = b""

    def __init__(
        self,
        instruments: Instruments,
        venue: str,
        account: str,
        credentials: tuple[str, str],
        symbols: Sequence[str] = (),
        options: Mapping[str, Any] | None = None,
    ) -> None:
        never_quiet = 1e9
        lines = [Line("private", "private", "", never_quiet)]
        if symbols:
            lines.append(Line("public", "public", "", never_quiet))
        super().__init__(venue, account, CcxtFeed(instruments, RowBuffer(), venue), lines)
        self.credentials = credentials
        self.options = dict(options or {})  # ccxt's own settings: urls, sandbox, headers
        self.symbols = tuple(dict.fromkeys(symbols))
        self.reports = CcxtReports(venue, account)
        self.listed = False
        self._has: dict[str, bool | str | None] = {}
        self._bucket = TokenBucket(5.0, 10.0, 3.0)
        self._traded: dict[str, None] = {}
        self._shows_client_ids = False  # until a list has shown one, a missing one says nothing
        # by question about an order: the lists still to come, and when the first was asked for
        self._found: dict[str, tuple[int, int]] = {}

    @property
    def is_ready(self) -> bool:
        return self.listed and self.lines["private"].state == "up"

    # lines

    def _begin(self, now_ns: int) -> None:
        self._timers["describe"] = now_ns
        self.on_wake(now_ns)

    def _dial(self, now_ns: int, line: Line) -> None:
        line.enter(now_ns, "open")
        self._opened(now_ns, line)

    def _opened(self, now_ns: int, line: Line) -> None:
        if line.side == "private":
            asked = self._asked("check", "private")
            self._leave(now_ns, asked, self._call(asked, "fetch_balance", []))
            return
        for symbol in self.symbols:
            for loop in ("book", "trades", "ticker"):
                self._turn(now_ns, loop, symbol)

    def _closed(self, now_ns: int, line: Line) -> None:
        if line.side == "public":
            self.feed.on_disconnect(now_ns)
        else:
            self._found.clear()

    def _heard(self, now_ns: int, line: Line, data: bytes) -> None:
        del now_ns, line, data
        raise OutsideError("frame.unknown", "ccxt keeps its sockets to itself")

    def _on_timer(self, now_ns: int, name: str) -> None:
        loop, _, symbol = name.partition(" ")
        if loop == "describe":
            asked = self._asked("describe")
            self._leave(now_ns, asked, self._call(asked, "describe", []))
        elif self.lines["public" if symbol else "private"].is_open:
            self._turn(now_ns, loop, symbol)

    def _turn(self, now_ns: int, loop: str, symbol: str = "") -> None:
        """Ask for the next news of a loop."""
        watch, name, poll = _LOOPS[loop]
        is_watched = bool(self._has.get(name))
        if not is_watched and not poll:
            return
        asked = self._asked(loop, "public" if symbol else "private", symbol)
        asked.timeout_s = WATCH_S if is_watched else TIMEOUT_S
        arguments = [symbol] if symbol else []
        self._leave(now_ns, asked, self._call(asked, watch if is_watched else poll, arguments))

    def _turn_again(self, now_ns: int, asked: Asked) -> None:
        if self._has.get(_LOOPS[asked.kind][1]):
            self._turn(now_ns, asked.kind, asked.subject)
        else:
            self._timers[f"{asked.kind} {asked.subject}".strip()] = now_ns + int(POLL_S * SECOND_NS)

    # answers

    def _answered(self, now_ns: int, asked: Asked, status: int, body: bytes) -> None:
        if status != _OK:
            self._refused(now_ns, asked, _refusal(body))
            return
        if asked.kind in ("book", "trades", "ticker"):
            line = self.lines["public"]
            if line.state == "open":
                self._up_now(now_ns, line)
            self._turn_again(now_ns, asked)
            self.feed.on_rest(now_ns, f"{asked.kind} {asked.subject}", body)
            return
        self._understand(now_ns, asked, body)
        self._end_part(now_ns, asked, "accepted")

    def _understand(self, now_ns: int, asked: Asked, body: bytes) -> None:
        reports = self.reports
        if asked.kind == "describe":
            self._on_described(now_ns, _described(body))
        elif asked.kind in ("place", "cancel"):
            self.events += reports.placed(now_ns, body, asked.subject)
        elif asked.kind == "orders":
            self._turn_again(now_ns, asked)
            self.events += reports.orders(now_ns, body)
        elif asked.kind == "fills":
            self._turn_again(now_ns, asked)
            self.events += reports.fills(now_ns, body)
        elif asked.kind == "order":
            self._on_order(now_ns, asked, reports.orders(now_ns, body))
        elif asked.kind == "open_orders":
            orders = tuple(reports.orders(now_ns, body))
            self._traded |= {order.instrument: None for order in orders}
            self.events.append(orders_listed(self, now_ns, asked, orders))
        elif asked.kind == "positions":
            self.events.append(positions_listed(self, now_ns, asked, reports.positions(now_ns, body)))
        elif asked.kind in ("balances", "check"):
            self.events += reports.balances(now_ns, body)
            self._on_checked(now_ns, asked)
        elif asked.kind == "clock":
            self._clock_heard(now_ns, asked, int(body))

    def _on_described(self, now_ns: int, described: _Described) -> None:
        self._has = described.has
        rate_per_s = 1000.0 / max(described.rate_limit, 1.0)
        self._bucket = TokenBucket(rate_per_s, max(rate_per_s, 5.0), max(rate_per_s, 5.0) / 5)
        for market in described.markets:
            try:
                self.feed.instruments.add(instrument_of(self.venue, market, described.precision_mode))
            except (OutsideError, msgspec.MsgspecError, ArithmeticError) as error:
                self._quarantine(f"{self.venue}:listing", 0, error, market.symbol.encode())
        self.listed = True
        for line in self.lines.values():
            if line.state == "idle":
                line.wait(now_ns)
                self._line_due(now_ns, line)

    def _on_checked(self, now_ns: int, asked: Asked) -> None:
        line = self.lines["private"]
        if asked.kind == "check" and line.state == "open":
            self._up_now(now_ns, line)
            for loop in ("orders", "fills"):
                self._turn(now_ns, loop)
            self.ask_orders(now_ns)
            self.ask_positions(now_ns)
            self.ask_clock(now_ns)

    def _on_order(self, now_ns: int, asked: Asked, orders: list[OrderReported]) -> None:
        """Take in one list in which an order may be; it is absent when none of them has it and all were whole."""
        client_id = asked.subject.partition(" ")[2]
        self._shows_client_ids |= any(order.client_id for order in orders)
        mine = [order for order in orders if order.client_id == client_id]
        left, asked_ns = self._found.get(asked.subject, (0, 0))
        asked_ns = min(asked_ns or asked.sent_ns, asked.sent_ns)
        if mine or len(orders) >= PAGE_ORDERS or left < 1 or not self._shows_client_ids:
            self.events += mine
            self._found.pop(asked.subject, None)
        elif left > 1:
            self._found[asked.subject] = left - 1, asked_ns
        else:
            del self._found[asked.subject]
            self.events.append(order_absent(self, now_ns, asked, asked_ns))

    def _refused(self, now_ns: int, asked: Asked, refusal: dict[str, str]) -> None:
        name = refusal.get("error", "")
        words = f"{name} {refusal.get('message', '')}"
        outcome: Outcome = "refused"
        had_effect = asked.effect is not None
        self._end_part(now_ns, asked, outcome, _REFUSED.get(name, name), words)
        if name in ("AuthenticationError", "PermissionDenied") and not had_effect:
            words = f"credentials.refused: {words}"
        self._timed_out(now_ns, asked, words)
        if not had_effect:
            self._quarantine(
                f"{self.venue}:{asked.kind}", 0, OutsideError("venue.error", words), asked.subject.encode()
            )

    def _timed_out(self, now_ns: int, asked: Asked, reason: str = "no answer") -> None:
        line = self.lines.get(asked.line)
        self._found.pop(asked.subject, None)
        if asked.kind == "describe":
            self._timers["describe"] = now_ns + int(POLL_S * SECOND_NS)
        elif line is not None and line.is_open and (asked.kind in _LOOPS or asked.kind == "check"):
            self._drop(now_ns, line, reason)

    # what is sent

    def _asked(self, kind: str, line: str = "", subject: str = "", effect: Effect | None = None) -> Asked:
        return Asked(self._requests.number(), kind, line, subject, TIMEOUT_S, effect)

    def _call(
        self, asked: Asked, method: str, arguments: list[Any], *, urgent: bool = False, not_after_ns: int = 0
    ) -> Request:
        body = msgspec.json.encode({"arguments": arguments, "not_after_ns": not_after_ns})
        return Request(asked.id, "CALL", f"{SCHEME}{method}", (), body, asked.timeout_s, urgent)
