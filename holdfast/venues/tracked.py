"""TrackedClient: what every native client keeps track of, so that a venue's file is left with the venue's own words.

Rules, on top of those in `client`:

1. An effect that cannot leave is answered at once; one that left is answered by its request's end (`asked`).
2. A request that has to wait for a rate limit waits in order with those of its own limit. A move that is still waiting when
   its validity ends never left; nor did one whose line ended before it.
3. When our own clock is set back, everything that waits moves along, and the venue's clock is asked for again.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

import msgspec

from holdfast.clock import MILLISECOND_NS
from holdfast.error import OutsideError
from holdfast.event import ClockMeasured, EffectAnswered, LineMoved, Quarantined
from holdfast.quantity import INT64_MAX
from holdfast.venues.asked import Asked, Outcome, Requests
from holdfast.venues.client import Client, Close, Failure, Frame, Open, Wish
from holdfast.venues.line import Line, Side
from holdfast.venues.rate_limit import TokenBucket
from holdfast.venues.resyncs import Resyncs
from holdfast.venues.sequence import SequencedFeed
from holdfast.venues.turn import Queued, Turns
from holdfast.venues.venue_clock import VenueClock

SAMPLE_CHARS_MAX: Final = 200
SET_BACK_NS: Final = 100 * MILLISECOND_NS  # a clock that goes back by more was set
UNUSABLE: Final = (OutsideError, msgspec.MsgspecError, ArithmeticError, RecursionError, ValueError)


class TrackedClient(Client):
    """A client with lines, requests, effects, limits and the venue's clock. Venues give what their words mean.

    `PROBE`: a frame that the venue answers and that changes nothing, sent on a line that has long been silent.
    """

    PROBE: ClassVar[bytes]

    def __init__(self, venue: str, account: str, feed: SequencedFeed, lines: Sequence[Line]) -> None:
        super().__init__()
        self.venue = venue
        self.account = account
        self.feed = feed
        self.lines = {line.name: line for line in lines}
        self.clock = VenueClock()
        self.resyncs = Resyncs(feed)
        self._requests = Requests()
        self._turns = Turns()
        self._timers: dict[str, int] = {}
        self._last_ns = 0
        self._ended = True
        self._up: set[Side] = set()
        self._reasons: dict[Side, str] = {}  # why a side is down, as last told

    # the driver's side

    def connect(self, now_ns: int) -> None:
        self._tick(now_ns)
        self._ended = False
        self._begin(now_ns)

    def disconnect(self, now_ns: int) -> None:
        self._tick(now_ns)
        self._ended = True
        for line in self.lines.values():
            if line.state not in ("idle", "waiting"):
                self._lost(now_ns, line, "we end")
                self.wishes.append(Close(line.name))
            line.state = "idle"
        for queued in self._turns.take():
            self._end_part(now_ns, queued.asked, "unsent", "not_connected", "we end")

    def on_open(self, now_ns: int, line: str) -> None:
        self._tick(now_ns)
        found = self.lines.get(line)
        if found is None or found.is_open:
            return
        if found.state != "opening":  # nobody waits for it any more
            self.wishes.append(Close(line))
            return
        found.enter(now_ns, "open")
        self._opened(now_ns, found)

    def on_close(self, now_ns: int, line: str, reason: str) -> None:
        self._tick(now_ns)
        found = self.lines.get(line)
        if found is None or found.state in ("idle", "waiting"):
            return
        self._lost(now_ns, found, reason)
        found.end(now_ns)

    def on_frame(self, now_ns: int, line: str, data: bytes) -> None:
        if now_ns < self._last_ns:
            self._tick(now_ns)
        self._last_ns = now_ns
        found = self.lines.get(line)
        if found is None or not found.is_open:
            return
        found.hear(now_ns)
        try:
            self._heard(now_ns, found, data)
        except UNUSABLE as error:
            self._quarantine(f"{self.venue}:{line}", found.frames, error, data)
        if self.feed.requests:
            self._take_resyncs(now_ns)

    def on_answer(self, now_ns: int, id: int, status: int, body: bytes) -> None:
        self._tick(now_ns)
        asked = self._requests.take(id)
        if asked is None:
            return
        try:
            self._answered(now_ns, asked, status, body)
        except UNUSABLE as error:
            self._quarantine(f"{self.venue}:{asked.kind}", 0, error, body)
            self._failed(now_ns, asked, "unknown", "the answer could not be read")
        if self.feed.requests:
            self._take_resyncs(now_ns)

    def on_failure(self, now_ns: int, id: int, failure: Failure, reason: str) -> None:
        self._tick(now_ns)
        asked = self._requests.take(id)
        if asked is not None:
            self._failed(now_ns, asked, failure, reason)

    def on_wake(self, now_ns: int) -> None:
        self._tick(now_ns)
        if self._ended and not len(self._requests):
            return
        for asked in self._requests.overdue(now_ns):
            self._end_part(now_ns, asked, "unknown", "timed_out", f"no answer within {asked.timeout_s:g} s")
            self._timed_out(now_ns, asked)
        if self._ended:
            return
        self._send_queued(now_ns)
        for line in self.lines.values():
            if line.wake_ns <= now_ns:
                self._line_due(now_ns, line)
        for name in [name for name, due_ns in self._timers.items() if due_ns <= now_ns]:
            del self._timers[name]
            self._on_timer(now_ns, name)
        for instrument in self.resyncs.due(now_ns):
            self.resync(now_ns, instrument)

    @property
    def wake_ns(self) -> int:
        if self._ended:
            return self._requests.wake_ns
        wake_ns = min(
            self._requests.wake_ns,
            self.resyncs.wake_ns,
            self._turns.wake_ns(self._last_ns) if len(self._turns) else INT64_MAX,
            *(line.wake_ns for line in self.lines.values()),
        )
        return min(wake_ns, *self._timers.values()) if self._timers else wake_ns

    # what a venue gives

    @abstractmethod
    def _begin(self, now_ns: int) -> None:
        """Ask for what must be known first, and open lines."""

    def _dial(self, now_ns: int, line: Line) -> None:
        """Wish for a line; a venue may have to ask for its address first."""
        del now_ns
        self.wishes.append(Open(line.name, line.url))

    @abstractmethod
    def _opened(self, now_ns: int, line: Line) -> None:
        """Authenticate and subscribe on a line that is open."""

    @abstractmethod
    def _closed(self, now_ns: int, line: Line) -> None:
        """Forget what held only as long as the line."""

    @abstractmethod
    def _heard(self, now_ns: int, line: Line, data: bytes) -> None:
        """Take in a frame. May raise for what cannot be read."""

    @abstractmethod
    def _answered(self, now_ns: int, asked: Asked, status: int, body: bytes) -> None:
        """Take in an answer by HTTP. May raise for what cannot be read, before it ended the request."""

    @abstractmethod
    def _timed_out(self, now_ns: int, asked: Asked) -> None:
        """React to a request whose answer did not come (its effect is answered already)."""

    @abstractmethod
    def _on_timer(self, now_ns: int, name: str) -> None:
        """Do what was put off until now: keep-alives, retries. A timer goes off once."""

    # what venues use

    def _send(
        self,
        now_ns: int,
        asked: Asked,
        bucket: TokenBucket,
        build: Callable[[int], Wish],
        *,
        cost: float = 1.0,
        expires_ns: int = 0,
    ) -> None:
        """Send a request that is no brake, when its limit has room for it."""
        queued = Queued(asked, bucket, build, cost, expires_ns)
        if self._turns.may_leave(now_ns, queued):
            self._leave(now_ns, asked, build(now_ns))
        elif not self._turns.add(queued):
            self._end_part(now_ns, asked, "unsent", "rate_limited", "too many requests wait already")

    def _leave(self, now_ns: int, asked: Asked, wish: Wish) -> None:
        """Send a request now."""
        self._requests.sent(now_ns, asked)
        self.wishes.append(wish)

    def _up_now(self, now_ns: int, line: Line) -> None:
        """Note that a line is authenticated and subscribed."""
        line.enter(now_ns, "up")
        if all(each.state == "up" for each in self.lines.values() if each.side == line.side):
            self._up.add(line.side)
            self._reasons.pop(line.side, None)
            self.events.append(self._line_moved(now_ns, line.side, True, ""))

    def _drop(self, now_ns: int, line: Line, reason: str) -> None:
        """End a line ourselves."""
        self._lost(now_ns, line, reason)
        line.enter(now_ns, "closing")
        self.wishes.append(Close(line.name))

    def _answer(self, now_ns: int, key: str, outcome: Outcome, code: str = "", detail: str = "") -> None:
        """Answer an effect."""
        self.events.append(
            EffectAnswered(
                time_ns=now_ns,
                venue=self.venue,
                account=self.account,
                key=key,
                outcome=outcome,
                code=code,
                detail=detail,
            )
        )

    def _end_part(
        self, now_ns: int, asked: Asked, outcome: Outcome, code: str = "", detail: str = ""
    ) -> None:
        """Note how a request of an effect ended, and answer the effect if that was the last."""
        effect, asked.effect = asked.effect, None
        if effect is not None and effect.end_part(outcome, code, detail):
            self._answer(now_ns, effect.key, effect.outcome, effect.code, effect.detail)

    def _failed(self, now_ns: int, asked: Asked, failure: Failure, reason: str) -> None:
        """End a request that was not answered."""
        self._end_part(
            now_ns, asked, failure, "no_answer" if failure == "unknown" else "not_connected", reason
        )
        self._timed_out(now_ns, asked)

    def _quarantine(self, place: str, number: int, error: Exception, data: bytes) -> None:
        code = error.code if isinstance(error, OutsideError) else "frame.malformed"
        sample = data[:SAMPLE_CHARS_MAX].decode(errors="replace")
        self.events.append(Quarantined(place, number, code, str(error)[:SAMPLE_CHARS_MAX], sample))

    def _clock_heard(self, now_ns: int, asked: Asked, venue_ms: int) -> None:
        offset_ns, trip_ns = self.clock.measure(asked.sent_ns, now_ns, venue_ms)
        measured = ClockMeasured(time_ns=now_ns, venue=self.venue, offset_ns=offset_ns, round_trip_ns=trip_ns)
        self.events.append(measured)

    def _why_not(self, now_ns: int, valid_until_ns: int) -> tuple[str, str] | None:
        """Say why a move cannot leave, as code and words; None if it can."""
        if not self.is_ready:
            return "not_connected", "the account's line is not up, or its listings or clock are not known"
        if not self.clock.validity_ms(now_ns, valid_until_ns):
            return "too_late", "its validity is over, or shorter than the venue's clock is known"
        return None

    def _tick(self, now_ns: int) -> None:
        by_ns = now_ns - self._last_ns
        self._last_ns = now_ns
        if by_ns < 0:
            self._set_back(now_ns, by_ns)

    # what happens inside

    def _set_back(self, now_ns: int, by_ns: int) -> None:
        self._requests.shift(by_ns)
        for line in self.lines.values():
            line.shift(by_ns)
        self.resyncs.shift(by_ns)
        for name in self._timers:
            self._timers[name] += by_ns
        if by_ns < -SET_BACK_NS and not self._ended:
            self.clock.forget()
            for queued in self._turns.take_moves():
                self._end_part(now_ns, queued.asked, "unsent", "clock_set", "our clock was set back")
            self.ask_clock(now_ns)

    def _send_queued(self, now_ns: int) -> None:
        ready, expired = self._turns.release(now_ns)
        for queued in expired:
            self._end_part(now_ns, queued.asked, "unsent", "rate_limited", "its turn did not come in time")
        for queued in ready:
            self._leave(now_ns, queued.asked, queued.build(now_ns))

    def _line_due(self, now_ns: int, line: Line) -> None:
        if line.state == "waiting":
            line.enter(now_ns, "opening")
            self._dial(now_ns, line)
        elif line.state == "closing":
            line.end(now_ns)
        elif line.state == "up" and not line.is_probed:
            line.is_probed = True
            self.wishes.append(Frame(line.name, self.PROBE))
        elif line.state == "up":
            self._drop(now_ns, line, f"silent for {line.quiet_s:g} s")
        else:
            self._drop(now_ns, line, f"not {'open' if line.state == 'opening' else 'subscribed'} in time")

    def _lost(self, now_ns: int, line: Line, reason: str) -> None:
        """End everything that went by a line."""
        was, line.state = line.state, "waiting"
        if was == "closing":
            return
        for queued in self._turns.take(line.name):
            self._end_part(now_ns, queued.asked, "unsent", "line_lost", reason)
        for asked in self._requests.take_line(line.name):
            self._end_part(now_ns, asked, "unknown", "line_lost", reason)
        self._closed(now_ns, line)
        if line.side in self._up or reason != self._reasons.get(line.side):
            self._up.discard(line.side)
            self._reasons[line.side] = reason
            self.events.append(self._line_moved(now_ns, line.side, False, reason))
        if self.feed.requests:
            self._take_resyncs(now_ns)

    def _take_resyncs(self, now_ns: int) -> None:
        requests = list(self.feed.requests)
        self.feed.requests.clear()
        for request in requests:
            self.events.append(request)
            self.resync(now_ns, request.instrument)

    def _line_moved(self, now_ns: int, side: Side, up: bool, reason: str) -> LineMoved:
        return LineMoved(
            time_ns=now_ns, venue=self.venue, account=self.account, line=side, up=up, reason=reason
        )
