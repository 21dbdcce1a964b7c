"""Node: the whole guard as one sans-IO machine. What happens goes in, with the time; what is to be done comes out.

Rules:

1. Each input is a call with the node's own clock, which runs evenly; it works out what follows: rows folded, rules judged,
   playbooks moved on, effects handed to the clients. No socket, file, thread or clock is touched.
2. What must be kept stands in `unwritten`, in order. Whoever drives the node appends it to the journal and then says
   `on_written`. A move leaves only after that; a brake has left already.
3. A restart is `recover`: the journal's records are folded, then every account is asked what is true.
4. `depart` is called as soon as something is to be sent or written: neither waits for the end of the turn.
5. A turn ends as soon as something is to leave or to be written; what is left goes on at `wake_ns`, which is then now, so
   that whatever came meanwhile is heard first. While a move waits to be written, and for `WAIT_NS` at most, the rest waits.
6. The node that was fenced off does nothing more: `is_fenced`.

Read next: `response/outbox.py`, `response/playbook/runner.py`, `policy/governor/`, `app/driver.py`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from holdfast.app.control.command import Refusal, SignedCommand
from holdfast.app.control.gate import Verdict
from holdfast.app.desk_risk import DeskRisk
from holdfast.app.desk_view import LiveView
from holdfast.app.folding import Folding
from holdfast.app.hearing import Hearing
from holdfast.app.memory import Memory
from holdfast.app.node_parts import NodeParts
from holdfast.app.obeying import obey
from holdfast.app.reconciling import Reconciling
from holdfast.app.rhythm import Rhythm
from holdfast.app.sending import Sending
from holdfast.clock import SECOND_NS
from holdfast.error import BrokenInvariant
from holdfast.event import Alert, AlertCleared, EffectAnswered, Event, RiskMeasured, SystemMeasured
from holdfast.ledger.record import Record
from holdfast.receipt import NodeStopped, PlaybookArmed, PlaybookStarted
from holdfast.response.playbook.trigger import playbook_of
from holdfast.venues.client import NO_HEADERS, Client, Failure, Headers

ROUNDS_MAX: Final = 1_000  # without any news: a node that does not come to rest is broken
NOTES_MAX: Final = 1_000
CONFIG: Final = "config"
"""Who armed a playbook, or proposed limits, that the config names."""
WAIT_NS: Final = 5_000_000  # how long rules, and playbooks that observe, let a move go first
TIMER_DELAY_NS: Final = 20_000_000  # after the second's end, so that rows on their way are counted in it


class Node:
    """One desk's guard. Make it from `NodeParts`, `recover`, then `start`."""

    def __init__(self, parts: NodeParts) -> None:
        self.parts = parts
        self.clients: tuple[Client, ...] = tuple(parts.clients)
        self.memory = Memory(parts)
        self.unwritten = self.memory.unwritten
        self.notes: deque[str] = deque(maxlen=NOTES_MAX)
        self.is_fenced = False
        self._is_over = False  # fenced or stopped
        self.now_ns = 0
        self._by_account = {(client.venue, client.account): client for client in self.clients}
        self._sending = Sending(self._by_account, parts.blotter)
        self.tells = self._sending.tells
        self._rhythm = Rhythm(self.clients, parts.settings, self.memory.dead_men)
        self._second_ns = 0
        self._playbooks_ns = 0
        self._early: list[RiskMeasured] = []
        self._taken = 0  # events of the fold's running step that were taken before the rules were judged
        self._is_unjudged = False
        self._unrest = 0  # turns in a row that left something to do
        self._wait_ns = 0  # until when that waits
        self.depart: Callable[[], None] = lambda: None
        self.reconciling = Reconciling(parts.blotter, parts.settings.reconcile_s)
        self.view = LiveView(
            tuple(self._by_account),
            parts.state,
            parts.blotter,
            self.memory.permits,
            parts.outbox.exposures,
            self.reconciling.differences,
            self.reconciling.reconciled_ns,
        )
        self.folding = Folding(parts)
        self._hearing = Hearing(parts, self.memory, self.view, self.reconciling)
        self.risk = DeskRisk(parts.blotter, self.view)
        parts.state.risk = self._measured
        parts.state.urgent = self._urge

    # start and end

    def recover(self, records: Iterable[Record]) -> None:
        """Fold the journal of every node before this one, and this one's `NodeStarted`, which ends it."""
        self.memory.recover(records)

    @property
    def epoch(self) -> int:
        """Return the epoch that this node writes in."""
        return self.memory.epoch

    def start(self, now_ns: int) -> None:
        """Take the config's limits and modes in, and connect every client.

        Limits that are looser than those in force wait. A playbook that a person armed or disarmed stays so.
        """
        self.now_ns = self.view.now_ns = now_ns
        self.folding.begin(now_ns, self.memory.started_ns)
        settings = self.parts.settings
        self.memory.write_all(self.parts.governor.propose(now_ns, settings.limits, CONFIG))
        for playbook, mode in settings.arm.items():
            if (
                self.memory.armed_by.get(playbook, CONFIG) == CONFIG
                and self.parts.runner.mode(playbook) != mode
            ):
                self.memory.write(PlaybookArmed(now_ns, playbook, mode, CONFIG))
        for client in self.clients:
            client.connect(now_ns)
        self._second_ns = now_ns - now_ns % SECOND_NS + SECOND_NS
        self._turn(now_ns)

    def stop(self, now_ns: int, reason: str) -> None:
        """End in order: nothing more is begun; what rests at venues stays, with its dead-man switch."""
        for client in self.clients:
            client.disconnect(now_ns)
        self._hearing.collect(self.clients)
        while self._hearing.next(now_ns) is not None:
            pass  # what the ends of lines would set off is for the node that starts next
        self._is_over = True
        self.memory.write(NodeStopped(now_ns, self.parts.settings.node, self.epoch, reason))
        self.memory.show()

    def fence(self) -> None:
        """Hear that another node has taken over: do nothing more."""
        self.is_fenced = self._is_over = True
        self.unwritten.clear()
        for client in self.clients:
            client.wishes.clear()

    # what happens

    def on_open(self, now_ns: int, client: int, line: str) -> None:
        """A line is open."""
        self.clients[client].on_open(now_ns, line)
        self._turn(now_ns)

    def on_close(self, now_ns: int, client: int, line: str, reason: str) -> None:
        """A line ended or could not be opened."""
        self.clients[client].on_close(now_ns, line, reason)
        self._turn(now_ns)

    def on_frame(self, now_ns: int, client: int, line: str, data: bytes) -> None:
        """A frame came."""
        self.clients[client].on_frame(now_ns, line, data)
        self._turn(now_ns)

    def on_answer(
        self, now_ns: int, client: int, request: int, status: int, body: bytes, headers: Headers = NO_HEADERS
    ) -> None:
        """A request was answered."""
        self.clients[client].on_headers(now_ns, headers)
        self.clients[client].on_answer(now_ns, request, status, body)
        self._turn(now_ns)

    def on_failure(self, now_ns: int, client: int, request: int, failure: Failure, reason: str) -> None:
        """A request ended without an answer."""
        self.clients[client].on_failure(now_ns, request, failure, reason)
        self._turn(now_ns)

    def on_written(self, now_ns: int, count: int) -> None:
        """The first `count` of what was unwritten are durable."""
        self.memory.written(now_ns, count)
        if not self._is_over and self._dispatch(now_ns):
            self.depart()
        self._turn(now_ns)

    def on_told(self, now_ns: int, effect: str, delivered: bool, detail: str) -> None:
        """People were told, or could not be."""
        outcome = "accepted" if delivered else "unsent"
        self._hearing.add(
            [EffectAnswered(time_ns=now_ns, venue="", account="", key=effect, outcome=outcome, detail=detail)]
        )
        self._turn(now_ns)

    def on_measured(self, now_ns: int, measured: Sequence[SystemMeasured]) -> None:
        """The driver measured the node itself: lag, disk, memory, clocks."""
        self._begin(now_ns)
        for one in measured:
            self._alert(now_ns, self._hearing.listen(one))
        self._turn(now_ns)

    def on_risk(self, now_ns: int, measured: Sequence[RiskMeasured]) -> None:
        """A worker measured the portfolio: the next sweep takes it in."""
        self._early += measured
        self._turn(now_ns)

    def on_command(self, now_ns: int, signed: SignedCommand, *, from_file: bool = False) -> Verdict:
        """Judge a signed command and do what follows from it."""
        verdict = self.parts.gate.judge(now_ns, signed, from_file=from_file)
        for receipt in verdict.receipts:
            self.memory.write(receipt)
        if verdict.refusal is None and verdict.command is not None:
            obeyed = obey(now_ns, verdict, self.parts, self.memory, self.view)
            if isinstance(obeyed, Refusal):
                verdict = Verdict(command=verdict.command, receipts=verdict.receipts, refusal=obeyed)
            elif obeyed:
                self.folding.released()
                self._take(now_ns, obeyed)
        self._turn(now_ns)
        return verdict

    def on_wake(self, now_ns: int) -> None:
        """Time has come to `wake_ns`."""
        if self._is_over:
            return
        self._begin(now_ns)
        for client in self.clients:
            if client.wake_ns <= now_ns:
                client.on_wake(now_ns)
        self.memory.write_all(self.parts.outbox.on_wake(now_ns))
        if now_ns >= self._second_ns + TIMER_DELAY_NS:
            self._tick(now_ns)
        self._turn(now_ns)

    @property
    def wake_ns(self) -> int:
        """Return when `on_wake` is next wanted."""
        wakes = [client.wake_ns for client in self.clients]
        wakes += [self.parts.outbox.wake_ns, self._second_ns + TIMER_DELAY_NS]
        rest_ns = self.now_ns if self._unrest else self._playbooks_ns
        return min(*wakes, max(rest_ns, self._wait_ns) if rest_ns else wakes[0])

    # a turn: until something moves, or nothing does

    def _turn(self, now_ns: int) -> None:
        if self._is_over:
            return None
        self._begin(now_ns)
        self._wait_ns = (self._wait_ns or now_ns + WAIT_NS) if self.memory.moves_unwritten else 0
        hurries = now_ns < self._wait_ns
        for _ in range(ROUNDS_MAX):
            heard = self._hear_clients(now_ns)
            due = self.memory.has_moved or (self._playbooks_ns and now_ns >= self._playbooks_ns)
            moved = bool(due) and self._run_playbooks(now_ns, hurries)
            if self._dispatch(now_ns) or moved:
                self._unrest = 1 if heard else self._unrest + 1
                if self._unrest > ROUNDS_MAX:
                    break
                return self.depart()
            if hurries and not heard:
                self._unrest = self._unrest or 1
                return None
            judged, self._is_unjudged = self._is_unjudged and not hurries, self._is_unjudged and hurries
            if judged:  # after what the alerts themselves set off is on its way
                self._take(now_ns, self.folding.judge())
            if not (heard or judged):
                self._unrest = 0
                return self.memory.show()
        raise BrokenInvariant("node.restless", f"{ROUNDS_MAX} rounds at {now_ns} and no rest")

    def _begin(self, now_ns: int) -> None:
        if now_ns < self.now_ns:
            raise BrokenInvariant("node.time_backwards", f"at {self.now_ns}, then at {now_ns}")
        self.now_ns = self.view.now_ns = now_ns

    def _hear_clients(self, now_ns: int) -> bool:
        """Take in what clients said, until something is to be done about it; tell whether there was anything."""
        heard = False
        self._hearing.collect(self.clients)
        while (spoken := self._hearing.next(now_ns)) is not None:
            heard = True
            self._alert(now_ns, spoken)
            if spoken or self.parts.outbox.is_ready:
                return True
        self._take(now_ns, self.folding.fold())
        return heard

    def _alert(self, now_ns: int, alerts: Sequence[Alert | AlertCleared]) -> None:
        if alerts:
            self._take(now_ns, self.folding.hear(now_ns, alerts))
            self._is_unjudged = True

    def _take(self, now_ns: int, events: Sequence[Event]) -> None:
        """Record what the fold said, and let it set playbooks off."""
        fresh, self._taken = events[self._taken :], 0
        for event in fresh:
            self.memory.write(event)
            for started in self.parts.runner.on_event(now_ns, event):
                if isinstance(started, PlaybookStarted):
                    self.memory.write(started)

    def _urge(self, events: list[Event]) -> None:
        """Let what the market's detectors found leave before the rules are judged: they are within the fold's step."""
        if len(events) > self._taken:
            known = len(events)
            self._take(self.now_ns, events)
            self._taken = known
            if self._run_playbooks(self.now_ns, hurries=True) | self._dispatch(self.now_ns):
                self.depart()

    def _run_playbooks(self, now_ns: int, hurries: bool) -> bool:
        """Move runs on by one turn; tell whether anything moved."""
        self.memory.has_moved = False
        parts = self.parts
        turn = parts.runner.advance(now_ns, self.view, parts.recollection, parts.state.facts, hurries=hurries)
        self._playbooks_ns = turn.wake_ns
        self.memory.write_all(turn.receipts)
        known = len(self.unwritten)
        for key, action, reason in turn.wanted:
            self.memory.submit(now_ns, key, action, reason, self.view, playbook_of(key.partition("/")[0]))
        for venue, account in turn.ask:
            self.reconciling.want(venue, account)
        self.notes.extend(turn.notices)
        self.memory.has_moved |= bool(turn.receipts) or len(self.unwritten) > known
        return self.memory.has_moved

    def _dispatch(self, now_ns: int) -> bool:
        """Hand what is to leave to the clients; tell whether anything did."""
        for account in self.reconciling.take_due(now_ns):
            client = self._by_account.get(account)
            if client is not None and client.is_ready:
                client.ask_orders(now_ns)
                client.ask_positions(now_ns)
                client.ask_balances(now_ns)
        dispatches = self.parts.outbox.take_dispatches()
        self._hearing.add(self._sending.carry_out(now_ns, dispatches))
        return bool(dispatches)

    # each second

    def _tick(self, now_ns: int) -> None:
        """End a second: a timer row for the fold, detectors that wait for time, questions that are due."""
        self._second_ns = now_ns - now_ns % SECOND_NS + SECOND_NS
        self._take(now_ns, self.folding.tick(now_ns))
        self._alert(now_ns, self.parts.watch.on_tick(now_ns))
        self.reconciling.on_tick(now_ns)
        self.memory.has_moved = True
        self._hearing.on_second(now_ns)
        self._rhythm.on_second(now_ns)

    def _measured(self, now_ns: int, _state: object) -> Sequence[RiskMeasured]:
        """Give the fold what is known of the portfolio at a sweep: the worker's measures, or what the venues say."""
        early, self._early = self._early, []
        return self.risk.measure(now_ns, early)
