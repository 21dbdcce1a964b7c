"""The hearing half of a Binance client: answers and the account's stream become events; `BinanceClient` speaks.

What an answer means depends on what was asked (`Asked.kind`); what a message of the stream means, on its event type.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Final

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.error import OutsideError
from holdfast.event import OrderReported
from holdfast.quantity import INT64_MAX
from holdfast.venues.account_lists import order_absent, orders_listed, positions_listed
from holdfast.venues.asked import Asked
from holdfast.venues.binance import client_errors as errors
from holdfast.venues.binance.client_messages import (
    Account,
    EventName,
    ListenKey,
    Order,
    Position,
    Refusal,
    ServerTime,
    StreamOrder,
    UserEvent,
)
from holdfast.venues.binance.client_reports import Reports
from holdfast.venues.binance.events import decoder
from holdfast.venues.binance.feed import BinanceFeed
from holdfast.venues.binance.messages import ABSENT
from holdfast.venues.client import RECONNECT_S_MAX, Headers
from holdfast.venues.line import Line
from holdfast.venues.rate_limit import TokenBucket
from holdfast.venues.tracked import UNUSABLE, TrackedClient

HELD_S: Final = 30  # nothing but brakes after "too many requests" without a time
_IGNORED: Final = frozenset(
    (
        "TRADE_LITE", "MARGIN_CALL", "ACCOUNT_CONFIG_UPDATE", "STRATEGY_UPDATE", "GRID_UPDATE", "ALGO_UPDATE",
        "CONDITIONAL_ORDER_TRIGGER_REJECT",
    )
)  # fmt: skip

_refusal: Final = decoder(Refusal)
_listen_key: Final = decoder(ListenKey)
_server_time: Final = decoder(ServerTime)
_order: Final = decoder(Order)
_order_list: Final = decoder(list[Order])
_position_list: Final = decoder(list[Position])
_account: Final = decoder(Account)
_event_name: Final = decoder(EventName)
_user_event: Final = decoder(UserEvent)

OK: Final = 200
USED_WEIGHT: Final = "x-mbx-used-weight-1m"


class BinanceAnswers(TrackedClient):
    """What Binance's words mean for the account, the lines and the effects."""

    PROBE = b'{"method":"LIST_SUBSCRIPTIONS","params":[],"id":1}'

    def __init__(
        self,
        account: str,
        feed: BinanceFeed,
        lines: Iterable[Line],
        weights: TokenBucket,
        orders: TokenBucket,
    ) -> None:
        super().__init__(feed.venue, account, feed, list(lines))
        self.reports = Reports(feed.venue, account)
        self.listed = False
        self._weights = weights
        self._orders = orders
        self._open: dict[str, set[str]] = {}  # the ids of open orders, by instrument
        self._results: dict[str, Callable[[int, Asked, bytes], None]] = {
            "clock": self._on_time,
            "listing": self._on_listing,
            "listen_key": self._on_listen_key,
            "keep_alive": self._on_kept_alive,
            "check": self._on_checked,
            "snapshot": self._on_snapshot,
            "place": self._on_order_answer,
            "cancel": self._on_order_answer,
            "sweep": self._on_sweep,
            "order": self._on_order_answer,
            "orders": self._on_orders,
            "positions": self._on_positions,
            "balances": self._on_balances,
        }

    # what the speaking half gives

    @abstractmethod
    def _on_listing(self, now_ns: int, asked: Asked, body: bytes) -> None: ...

    @abstractmethod
    def _on_listing_failed(self, now_ns: int) -> None: ...

    @abstractmethod
    def _open_user_stream(self, now_ns: int, listen_key: str) -> None: ...

    @abstractmethod
    def _check_account(self, now_ns: int) -> None: ...

    @abstractmethod
    def _cancel_more(self, now_ns: int, asked: Asked, symbols: list[str]) -> None: ...

    @abstractmethod
    def _on_kept_alive(self, now_ns: int, asked: Asked, body: bytes) -> None: ...

    def on_headers(self, now_ns: int, headers: Headers) -> None:
        used = headers.get(USED_WEIGHT, "")
        if used.isdecimal():
            self._weights.learn(now_ns, self._weight_1m_max - int(used))

    # the account's stream

    def _heard(self, now_ns: int, line: Line, data: bytes) -> None:
        if line.side == "public":
            self.feed.on_frame(now_ns, data)
            return
        event = _event_name(data)
        name = event.e
        if name == "ORDER_TRADE_UPDATE":
            order = _user_event(data).o
            if order is None:
                raise OutsideError("frame.malformed", "an order's event without the order")
            self._on_stream_order(now_ns, order)
        elif name == "ACCOUNT_UPDATE":
            account = _user_event(data).a
            if account is None:
                raise OutsideError("frame.malformed", "an account's event without the account")
            told = [
                *(self.reports.stream_balance(now_ns, balance) for balance in account.B),
                *(self.reports.stream_position(now_ns, position) for position in account.P),
            ]
            self.events += told
        elif name == "listenKeyExpired":
            self._drop(now_ns, line, "the listen key has expired")
        elif name not in _IGNORED and event.result is ABSENT:
            raise OutsideError("frame.unknown", f"an event of type {name[:40]!r} is not known")

    def _on_stream_order(self, now_ns: int, order: StreamOrder) -> None:
        report = self.reports.stream_order(now_ns, order)
        fill = self.reports.fill(now_ns, order)
        if fill is not None:
            self.events.append(fill)
        self._report(report)

    def _report(self, report: OrderReported) -> None:
        """Tell where an order stands, and remember whether its instrument has open ones."""
        ids = self._open.setdefault(report.instrument, set())
        if report.state == "open":
            ids.add(report.order_id)
        else:
            ids.discard(report.order_id)
        self.events.append(report)

    # answers

    def _answered(self, now_ns: int, asked: Asked, status: int, body: bytes) -> None:
        if status != OK:
            self._refused(now_ns, asked, status, _read_refusal(body))
            return
        try:
            understand = self._results.get(asked.kind)
            if understand is not None:
                understand(now_ns, asked, body)
        except UNUSABLE:
            self._failed(now_ns, asked, "unknown", "the answer could not be read")
            raise
        self._end_part(now_ns, asked, "accepted")

    def _refused(self, now_ns: int, asked: Asked, status: int, refusal: Refusal) -> None:
        outcome, code = errors.outcome_of(status, refusal)
        words = f"HTTP {status} {refusal.code} {refusal.msg}"
        if code == "rate_limited":
            self._hold(now_ns, refusal)
        if outcome == "expired":
            self.ask_clock(now_ns)
        if asked.kind == "order" and refusal.code == errors.ABSENT:
            self._on_absent(now_ns, asked)
            return
        if asked.kind == "transfer" and refusal.code in errors.DUPLICATE_TRANSFER:
            # the same transfer was done by an earlier attempt: that is what its id is for
            outcome, code = "accepted", "already_done"
        had_effect = asked.effect is not None
        self._end_part(now_ns, asked, outcome, code, words)
        private = self.lines["private"]
        if (
            refusal.code in errors.UNAUTHORISED
            and not had_effect
            and private.state not in ("idle", "waiting")
        ):
            private.delay_s = RECONNECT_S_MAX
            self._give_up(now_ns, private, f"credentials.refused: {words}")
        elif asked.kind == "keep_alive" and refusal.code == errors.LISTEN_KEY_GONE:
            self._give_up(now_ns, private, "the listen key is gone")
        else:
            self._timed_out(now_ns, asked, words)
            if not had_effect:
                place = f"{self.venue}:{asked.kind}"
                self._quarantine(place, 0, OutsideError("venue.error", words), asked.subject.encode())

    def _timed_out(self, now_ns: int, asked: Asked, reason: str = "no answer") -> None:
        private = self.lines["private"]
        if asked.kind == "listing":
            self._on_listing_failed(now_ns)
        elif asked.kind == "listen_key" and private.state == "opening":
            self._give_up(now_ns, private, f"no listen key: {reason}")
        elif asked.kind in ("clock", "check") and private.state == "open":
            self._give_up(now_ns, private, f"the account could not be read: {reason}")
        elif asked.kind == "snapshot":
            self.resyncs.answered(now_ns, asked.subject)

    def _give_up(self, now_ns: int, line: Line, reason: str) -> None:
        """End the account's line, whether its socket exists yet or not."""
        if line.is_open:
            self._drop(now_ns, line, reason)
        elif line.state == "opening":
            self.on_close(now_ns, line.name, reason)

    def _hold(self, now_ns: int, refusal: Refusal) -> None:
        until_ms = errors.banned_until_ms(refusal)
        offset_ns = self.clock.best.offset_ns if self.clock.best else 0
        until_ns = until_ms * MILLISECOND_NS - offset_ns if until_ms else now_ns + HELD_S * SECOND_NS
        for bucket in (self._weights, self._orders):
            bucket.hold(min(until_ns, INT64_MAX))

    def _on_time(self, now_ns: int, asked: Asked, body: bytes) -> None:
        self._clock_heard(now_ns, asked, _server_time(body).serverTime)
        if self.lines["private"].state == "open":
            self._check_account(now_ns)

    def _on_listen_key(self, now_ns: int, asked: Asked, body: bytes) -> None:
        del asked
        self._open_user_stream(now_ns, _listen_key(body).listenKey)

    def _on_checked(self, now_ns: int, asked: Asked, body: bytes) -> None:
        self._on_balances(now_ns, asked, body)
        if self.lines["private"].state == "open":
            self._up_now(now_ns, self.lines["private"])
            self.ask_orders(now_ns)
            self.ask_positions(now_ns)

    def _on_snapshot(self, now_ns: int, asked: Asked, body: bytes) -> None:
        self.resyncs.answered(now_ns, asked.subject)
        self.feed.on_rest(now_ns, f"?symbol={asked.subject}&limit={self._book_levels}", body)

    @property
    @abstractmethod
    def _book_levels(self) -> int: ...

    @property
    @abstractmethod
    def _weight_1m_max(self) -> int: ...

    def _on_order_answer(self, now_ns: int, asked: Asked, body: bytes) -> None:
        del asked
        self._report(self.reports.order(now_ns, _order(body)))

    def _on_absent(self, now_ns: int, asked: Asked) -> None:
        self.events.append(order_absent(self, now_ns, asked, asked.sent_ns))

    def _on_sweep(self, now_ns: int, asked: Asked, body: bytes) -> None:
        cancelled = asked.subject.split(",")
        left = dict.fromkeys(order.symbol for order in _order_list(body))
        more = [symbol for symbol in left if symbol not in cancelled]
        if more:
            self._cancel_more(now_ns, asked, more)

    def _on_orders(self, now_ns: int, asked: Asked, body: bytes) -> None:
        orders = tuple(self.reports.order(now_ns, order) for order in _order_list(body))
        self._open = {}
        for order in orders:
            self._open.setdefault(order.instrument, set()).add(order.order_id)
        self.events.append(orders_listed(self, now_ns, asked, orders))

    def _on_positions(self, now_ns: int, asked: Asked, body: bytes) -> None:
        self.events.append(
            positions_listed(self, now_ns, asked, self.reports.positions(now_ns, _position_list(body)))
        )

    def _on_balances(self, now_ns: int, asked: Asked, body: bytes) -> None:
        del asked
        self.events += [self.reports.balance(now_ns, asset) for asset in _account(body).assets]


def _read_refusal(body: bytes) -> Refusal:
    try:
        return _refusal(body)
    except UNUSABLE:
        return Refusal(0, body[:120].decode(errors="replace"))
