"""The hearing half of a Deribit client: frames and answers become events, handshakes go on; `DeribitClient` speaks.

What an answer means depends on what was asked (`Asked.kind`); what a notification means, on its channel.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Final

from msgspec import Raw

from holdfast.clock import SECOND_NS
from holdfast.error import OutsideError
from holdfast.venues.account_lists import order_absent, orders_listed, positions_listed
from holdfast.venues.asked import Asked
from holdfast.venues.client import RECONNECT_S_MAX, Frame
from holdfast.venues.deribit.channels import decoder
from holdfast.venues.deribit.client_errors import UNAUTHORISED, outcome_of, words_of
from holdfast.venues.deribit.client_frames import TEST_FRAME
from holdfast.venues.deribit.client_messages import (
    Changes,
    Envelope,
    Granted,
    HeartbeatType,
    Order,
    Placed,
    Portfolio,
    Position,
    RpcError,
    Subaccount,
    Summaries,
    UserTrade,
)
from holdfast.venues.deribit.client_reports import Reports
from holdfast.venues.deribit.feed import DeribitFeed
from holdfast.venues.deribit.messages import ABSENT, Notification
from holdfast.venues.line import Line
from holdfast.venues.tracked import UNUSABLE, TrackedClient

CHANGES: Final = "user.changes.any.any.raw"
REFRESH_AT: Final = 0.8  # of a token's life
_SUBSCRIPTION: Final = b'"method":"subscription"'
_HEAD_BYTES: Final = 48
_NO_ORDERS: Final = Raw(b"[]")
MUTE_NS: Final = SECOND_NS
_BRAKES: Final = frozenset(("cancel", "cancel_all", "dead_man"))
_HANDSHAKE: Final = frozenset(("clock", "auth", "subscribe"))

_envelope: Final = decoder(Envelope)
_notification: Final = decoder(Notification)
_heartbeat: Final = decoder(HeartbeatType)
_error: Final = decoder(RpcError)
_granted: Final = decoder(Granted)
_placed: Final = decoder(Placed)
_order: Final = decoder(Order)
_order_list: Final = decoder(list[Order])
_trade_list: Final = decoder(list[UserTrade])
_position_list: Final = decoder(list[Position])
_portfolio: Final = decoder(Portfolio)
_summaries: Final = decoder(Summaries)
_subaccount_list: Final = decoder(list[Subaccount])
_changes: Final = decoder(Changes)
_time: Final = decoder(int)
_names: Final = decoder(list[str])


class DeribitAnswers(TrackedClient):
    """What Deribit's words mean for the account, the lines and the effects."""

    PROBE = TEST_FRAME

    def __init__(self, account: str, feed: DeribitFeed, lines: list[Line]) -> None:
        super().__init__(feed.venue, account, feed, lines)
        self.reports = Reports(feed.venue, account)
        self.listed = False
        self._numbers: dict[str, int] = {}  # the venue's numbers of accounts, by name
        self._braked_ns = 0  # when the first brake left since anything was heard of the account
        self._signed: set[str] = set()  # lines that are authenticated
        self._subscribed: set[str] = set()
        self._tokens: dict[str, str] = {}  # by line: what to refresh with
        self._results: dict[str, Callable[[int, Asked, Raw], None]] = {
            "auth": self._on_granted,
            "refresh": self._on_granted,
            "clock": self._on_time,
            "subscribe": self._on_subscribed,
            "resubscribe": self._on_resubscribed,
            "place": self._on_placed,
            "cancel": self._on_cancelled,
            "order": self._on_order,
            "orders": self._on_orders,
            "positions": self._on_positions,
            "balances": self._on_balances,
            "subaccounts": self._on_subaccounts,
        }

    # what the speaking half gives

    @abstractmethod
    def _must_sign(self, line: Line) -> bool: ...

    @abstractmethod
    def _authenticate(self, now_ns: int, line: Line) -> None: ...

    @abstractmethod
    def _subscribe(self, now_ns: int, line: Line) -> None: ...

    @abstractmethod
    def _channels(self, line: Line) -> list[str]: ...

    @abstractmethod
    def _ask_subaccounts(self, now_ns: int) -> None: ...

    @abstractmethod
    def _on_listing(self, now_ns: int, status: int, body: bytes) -> None: ...

    def _hears_us(self, now_ns: int) -> bool:
        """Tell, when a brake is about to leave, whether the line is good for it: authenticated, not mute since another."""
        if "private" not in self._signed:
            return False
        self._braked_ns = self._braked_ns or now_ns
        return now_ns - self._braked_ns < MUTE_NS

    # frames

    def _heard(self, now_ns: int, line: Line, data: bytes) -> None:
        if line.side == "public" and data.find(_SUBSCRIPTION, 0, _HEAD_BYTES) >= 0:
            self.feed.on_frame(now_ns, data)
            return
        if line.side == "private":
            self._braked_ns = 0
        message = _envelope(data)
        if message.id is not None:
            asked = self._requests.take(message.id)
            if asked is not None:
                self._conclude(now_ns, asked, message)
        elif message.method == "subscription":
            if line.side == "public":
                self.feed.on_frame(now_ns, data)
            else:
                self._notified(now_ns, message.params)
        elif message.method == "heartbeat":
            if _heartbeat(message.params).type == "test_request":
                self.wishes.append(Frame(line.name, TEST_FRAME))
        else:
            raise OutsideError("frame.unknown", "a message that is neither an answer nor a notification")

    def _answered(self, now_ns: int, asked: Asked, status: int, body: bytes) -> None:
        if asked.kind == "listing":
            self._on_listing(now_ns, status, body)
            return
        if status >= 500:
            self._failed(now_ns, asked, "unknown", f"HTTP {status}")
            return
        self._conclude(now_ns, asked, _envelope(body))

    def _conclude(self, now_ns: int, asked: Asked, message: Envelope) -> None:
        if message.error is not ABSENT:
            self._refused(now_ns, asked, _error(message.error))
            return
        if message.result is ABSENT:
            self._failed(now_ns, asked, "unknown", "an answer without a result")
            return
        try:
            understand = self._results.get(asked.kind)
            if understand is not None:
                understand(now_ns, asked, message.result)
        except UNUSABLE:
            self._failed(now_ns, asked, "unknown", "the answer could not be read")
            raise
        self._end_part(now_ns, asked, "accepted")

    def _refused(self, now_ns: int, asked: Asked, error: RpcError) -> None:
        words = words_of(error)
        outcome, code = outcome_of(error)
        if asked.kind == "order" and code == "not_open":
            self._on_order(now_ns, asked, _NO_ORDERS)
            return
        if asked.kind == "transfer" and "nonce" in words:
            # the same transfer was done by an earlier attempt: that is what the nonce is for
            outcome, code = "accepted", "already_done"
        had_effect = asked.effect is not None
        self._end_part(now_ns, asked, outcome, code, words)
        line = self.lines.get(asked.line)
        if asked.kind in ("auth", "refresh") and line is not None:
            if error.code in UNAUTHORISED:
                line.delay_s = RECONNECT_S_MAX
            self.clock.forget()  # a signature is refused for a wrong time as well
            self._drop(now_ns, line, f"credentials.refused: {words}")
        elif line is not None and (asked.kind == "subscribe" or error.code in UNAUTHORISED):
            self._drop(now_ns, line, f"{asked.kind} refused: {words}")
        elif asked.kind == "resubscribe":
            self.resyncs.answered(now_ns, asked.subject)
        elif not had_effect and asked.kind != "subaccounts":  # those, a key may not be allowed to see
            place = f"{self.venue}:{asked.kind}"
            self._quarantine(place, 0, OutsideError("venue.error", words), asked.subject.encode())

    def _timed_out(self, now_ns: int, asked: Asked) -> None:
        line = self.lines.get(asked.line)
        if asked.kind == "listing":
            self._on_listing(now_ns, 0, b"")
        elif asked.kind == "resubscribe":
            self.resyncs.answered(now_ns, asked.subject)
        elif line is not None and asked.kind in _BRAKES and line.heard_ns <= asked.sent_ns and line.is_open:
            self._drop(now_ns, line, f"mute since {asked.kind}")
        elif line is not None and line.state == "open" and asked.kind in _HANDSHAKE:
            self._drop(now_ns, line, f"no answer to {asked.kind}")

    # answers

    def _on_granted(self, now_ns: int, asked: Asked, result: Raw) -> None:
        granted = _granted(result)
        line = self.lines[asked.line]
        self._tokens[line.name] = granted.refresh_token
        life_ns = max(granted.expires_in, 1) * SECOND_NS
        self._timers[f"refresh {line.name}"] = now_ns + int(life_ns * REFRESH_AT)
        self._signed.add(line.name)
        if asked.kind == "auth":
            self._subscribe(now_ns, line)

    def _on_time(self, now_ns: int, asked: Asked, result: Raw) -> None:
        self._clock_heard(now_ns, asked, _time(result))
        for line in self.lines.values():
            if line.state == "open" and self._must_sign(line) and line.name not in self._signed:
                self._authenticate(now_ns, line)

    def _on_subscribed(self, now_ns: int, asked: Asked, result: Raw) -> None:
        line = self.lines[asked.line]
        self._subscribed.update(_names(result))
        if any(other.kind == "subscribe" and other.line == line.name for other in self._requests):
            return
        missing = [name for name in self._channels(line) if name not in self._subscribed]
        if CHANGES in missing:
            self._drop(now_ns, line, f"not subscribed to {CHANGES}")
            return
        for name in missing:
            error = OutsideError(
                "subscription.refused", f"{name} was not subscribed", remedy="correct its name"
            )
            self._quarantine(f"{self.venue}:{line.name}", line.frames, error, name.encode())
        self._up_now(now_ns, line)
        if line.side == "private":
            self.ask_orders(now_ns)
            self.ask_positions(now_ns)
            self.ask_balances(now_ns)
            self._ask_subaccounts(now_ns)

    def _on_resubscribed(self, now_ns: int, asked: Asked, result: Raw) -> None:
        del result  # the snapshot follows by the stream; `resyncs` looks whether it did
        self.resyncs.answered(now_ns, asked.subject)

    def _on_placed(self, now_ns: int, asked: Asked, result: Raw) -> None:
        del asked
        self.events.append(self.reports.order(now_ns, _placed(result).order))

    def _on_cancelled(self, now_ns: int, asked: Asked, result: Raw) -> None:
        del asked
        self.events.append(self.reports.order(now_ns, _order(result)))

    def _on_order(self, now_ns: int, asked: Asked, result: Raw) -> None:
        found = self.reports.orders(now_ns, _order_list(result))
        self.events.extend(found)
        if not found:
            self.events.append(order_absent(self, now_ns, asked, asked.sent_ns))

    def _on_orders(self, now_ns: int, asked: Asked, result: Raw) -> None:
        self.events.append(
            orders_listed(self, now_ns, asked, self.reports.orders(now_ns, _order_list(result)))
        )

    def _on_positions(self, now_ns: int, asked: Asked, result: Raw) -> None:
        positions = (self.reports.position(now_ns, position) for position in _position_list(result))
        self.events.append(
            positions_listed(self, now_ns, asked, (position for position in positions if position.quantity))
        )

    def _on_balances(self, now_ns: int, asked: Asked, result: Raw) -> None:
        del asked
        self.events += [self.reports.balance(now_ns, portfolio) for portfolio in _summaries(result).summaries]

    def _on_subaccounts(self, now_ns: int, asked: Asked, result: Raw) -> None:
        del now_ns, asked
        for account in _subaccount_list(result):
            self._numbers |= {name: account.id for name in (account.username, account.system_name) if name}

    # notifications of the account

    def _notified(self, now_ns: int, params: Raw) -> None:
        notification = _notification(params)
        channel, data, reports = notification.channel, notification.data, self.reports
        if channel.startswith("user.changes."):
            changes = _changes(data)
            told = [
                *(reports.trade(now_ns, trade) for trade in changes.trades),
                *(reports.order(now_ns, order) for order in changes.orders),
                *(reports.position(now_ns, position) for position in changes.positions),
            ]
            self.events += told
        elif channel.startswith("user.portfolio."):
            self.events.append(reports.balance(now_ns, _portfolio(data)))
        elif channel.startswith("user.orders."):
            orders = _order_list(data) if bytes(data)[:1] == b"[" else [_order(data)]
            self.events += reports.orders(now_ns, orders)
        elif channel.startswith("user.trades."):
            self.events += [reports.trade(now_ns, trade) for trade in _trade_list(data)]
        else:
            raise OutsideError("frame.unknown", f"channel {channel!r} is not known")
