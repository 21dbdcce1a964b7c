"""Outbox: everything that a node does in the outside world goes through here, and happens once.

1. A key is done once: `submit` of a known key returns nothing, before and after a restart.
2. A move (an order, a transfer) leaves only when its attempt is durable, and only while the attempt's validity lasts, which
   the venue itself enforces. A brake or a word leaves at once, while it is being written, and again until it is accepted.
3. A move whose outcome is not known is never sent again. An order is asked for by its client id; when the venue does not
   know it, asked after its validity was over, the same intent may be attempted again. A transfer cannot be asked for: its
   balances prove it, or a person takes over.
4. After a take-over every attempt at a move is unknown until the venue has spoken, and no new move leaves before the
   validity of the old ones is over.
5. An intent ends: attempts and time are bounded, and then it is settled as expired. Only an order whose fate the venue does
   not tell stays open, and counts as exposure, until it tells or a person takes over.

How to drive it: every record of the journal is folded, in order. What `submit`, `on_event` and `on_wake` return is new
records: fold each at once, before anything else is called, and append them to the journal; tell `on_durable` of each when it
is. An account event for which `concerns` is true is folded and appended like them, and then `on_event` is called. Take the
dispatches after every call. `now_ns` runs evenly: a step of the wall clock must not reach the outbox.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from holdfast.action import Action, PlaceOrder, Transfer, client_id
from holdfast.event import (
    AccountEvent,
    BalanceReported,
    EffectAnswered,
    LineMoved,
    OrderReported,
    OrdersListed,
)
from holdfast.receipt import Attempted, Intended, NodeStarted, Receipt, Settled
from holdfast.response.collateral import described, ends
from holdfast.response.dispatch import Ask, AskBalances, Dispatch, Send, effect_of
from holdfast.response.due import deadline_ns, due_ns
from holdfast.response.intent import Intent
from holdfast.response.intents import Intents
from holdfast.response.patience import Patience, backoff_ns, to_ns
from holdfast.response.schedule import Schedule

Written = Receipt | AccountEvent
"""What the outbox wants in the journal."""


class Outbox:
    """Do each intent once. `prefix` begins every client order id of the desk. Pure: it sends nothing itself.

    Cost: a fold or an event costs the same however many keys there were; a wake looks only at what is due.
    """

    def __init__(self, prefix: str = "hf-", patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self._prefix = prefix
        self._intents = Intents(self.patience)
        self._schedule = Schedule()
        self._ready: dict[str, Send] = {}
        self._questions: dict[Ask | AskBalances, None] = {}

    # what is known

    @property
    def sequence(self) -> int:
        """Return how many records were folded."""
        return self._intents.sequence

    @property
    def wake_ns(self) -> int:
        """Return when `on_wake` is next wanted; `schedule.NEVER_NS` if only news can move anything."""
        touched = self._intents.touched
        if touched:
            for intent in touched.values():
                self._put(intent)
            touched.clear()
        return self._schedule.next_ns

    @property
    def hold_ns(self) -> int:
        """Return until when no new move leaves, because one of the node before us may still arrive."""
        return self._intents.hold_ns

    @property
    def is_ready(self) -> bool:
        """Tell whether something is to be carried out now."""
        return bool(self._ready)

    def settled(self, key: str) -> Settled | None:
        """Return the fate of a key, or None while it is open or unknown."""
        return self._intents.settled.get(key)

    def filled(self, key: str) -> Decimal:
        """Return how much of a key's order was executed as far as the venue has said."""
        return self._intents.filled(key)

    def open_keys(self) -> tuple[str, ...]:
        """Return what is intended and not settled, oldest first."""
        return tuple(self._intents.open)

    def intent(self, key: str) -> Intent | None:
        """Return an open intent, to look at."""
        return self._intents.open.get(key)

    def exposure(self, venue: str, account: str, instrument: str) -> Decimal:
        """Return the signed quantity of orders that may still be executed, or were unheard."""
        return self.exposures().get((venue, account, instrument), Decimal(0))

    def exposures(self) -> dict[tuple[str, str, str], Decimal]:
        """Return `exposure` of every venue, account and instrument with an open order. Cost: the open intents."""
        total: dict[tuple[str, str, str], Decimal] = {}
        for intent in self._intents:
            if isinstance(intent.action, PlaceOrder):
                place = (*intent.place, intent.action.instrument)
                total[place] = total.get(place, Decimal(0)) + intent.exposure
        return total

    def concerns(self, event: AccountEvent) -> bool:
        """Tell whether an event must be folded and journalled, because what is known here depends on it."""
        return self._intents.concerns(event)

    # what happens

    def fold(self, record: Receipt | AccountEvent) -> None:
        """Take in the next record of the journal, in recovery and live alike.

        Raises: BrokenInvariant `outbox.impossible`, which names the record.
        """
        self._intents.fold(record)
        if isinstance(record, NodeStarted):
            self._ready.clear()
            self._questions.clear()
            self._ask_resting(lambda _: True)
        elif isinstance(record, Attempted) and self._leaves_at_once(self._intents.open[record.key]):
            self._make_ready(self._intents.open[record.key])

    def submit(self, now_ns: int, key: str, action: Action, reason: str) -> list[Written]:
        """Want something done. Returns nothing if the key is known: it was, is being, or will be done."""
        if key in self._intents.open or key in self._intents.settled:
            return []
        written: list[Written] = []
        name = client_id(self._prefix, f"{self._intents.born}{key}") if isinstance(action, PlaceOrder) else ""
        if isinstance(action, Transfer):
            written += self._intents.balances.known(action)
        written.append(Intended(now_ns, key, action, reason, name))
        is_move = isinstance(action, PlaceOrder | Transfer)
        if not is_move or now_ns >= self.hold_ns:
            written.append(self._attempt(now_ns, key, 1, is_move=is_move))
        return written

    def on_event(self, now_ns: int, event: AccountEvent) -> list[Written]:
        """Say what follows from an event that was folded, or that need not be."""
        match event:
            case LineMoved(line="private", up=True):
                self._hurry(now_ns, event)
            case BalanceReported():
                self._intents.balances.note(event)
                for intent in self._intents:
                    if intent.looked_ns:
                        self._intents.touched[intent.key] = intent
            case OrdersListed():
                news: list[Written] = [order for order in event.orders if self._is_news(order)]
                listed = {order.client_id for order in event.orders}
                self._ask_resting(lambda intent: self._is_missing(intent, event, listed))
                if news:
                    return news  # they come first: what is due may be due no more
            case _:
                pass
        return self.on_wake(now_ns)

    def on_durable(self, now_ns: int, receipt: Receipt | AccountEvent) -> None:
        """Hear that a record is durable: an attempt at a move leaves now, if its validity is not over."""
        if not isinstance(receipt, Attempted):
            return
        intent = self._intents.open.get(receipt.key)
        if intent is None or not intent.is_move or intent.attempts != receipt.attempt:
            return
        if intent.state != "in_flight" or intent.is_durable or intent.is_late:
            return
        if now_ns < intent.valid_until_ns:
            intent.is_durable = True
            self._make_ready(intent)
        else:
            intent.is_late = True
        self._intents.touched[intent.key] = intent

    def on_wake(self, now_ns: int) -> list[Written]:
        """Do what is due."""
        written: list[Written] = []
        while self.wake_ns <= now_ns:
            intent = self._intents.open[self._schedule.take()]
            records = self._act(now_ns, intent)
            if not records:
                self._put(intent)
            written += records
        return written

    def abandon(self, now_ns: int, key: str, detail: str) -> list[Written]:
        """Let a person take an open intent over: nothing more is done about it."""
        if key not in self._intents.open:
            return []
        return [Settled(now_ns, key, "abandoned", "by_operator", detail)]

    def take_dispatches(self) -> list[Dispatch]:
        """Return what is to be carried out now, brakes first, and forget it."""
        sends = [send for send in self._ready.values() if self._is_current(send)]
        sends.sort(key=lambda send: self._intents.open[send.key].is_move)
        taken: list[Dispatch] = [*sends, *self._questions]
        self._ready.clear()
        self._questions.clear()
        return taken

    # what is due

    def _act(self, now_ns: int, intent: Intent) -> Sequence[Written]:
        """Return the records that are due for one intent; ask where only the venue knows."""
        if intent.verdict is not None:
            verdict = intent.verdict
            return [Settled(now_ns, intent.key, verdict.outcome, verdict.code, verdict.detail)]
        if not intent.is_move:
            return self._repeat(now_ns, intent)
        if intent.state == "idle":
            return self._retry(now_ns, intent)
        if intent.is_late:
            return [self._unsent(now_ns, intent)]
        if isinstance(intent.action, Transfer):
            return self._confirm(now_ns, intent, intent.action)
        self._ask(now_ns, intent)
        return []

    def _repeat(self, now_ns: int, intent: Intent) -> Sequence[Written]:
        if now_ns < deadline_ns(self.patience, intent):
            return [self._attempt(now_ns, intent.key, intent.attempts + 1, is_move=False)]
        outcome = "refused" if intent.was_refused else "expired"
        return [Settled(now_ns, intent.key, outcome, intent.last_code or "deadline", intent.last_detail)]

    def _retry(self, now_ns: int, intent: Intent) -> Sequence[Written]:
        is_spent = intent.attempts >= self.patience.move_attempts_max
        if is_spent or now_ns >= deadline_ns(self.patience, intent):
            why = "attempts" if is_spent else "deadline"
            return [Settled(now_ns, intent.key, "expired", intent.last_code or why, intent.last_detail)]
        return [self._attempt(now_ns, intent.key, intent.attempts + 1, is_move=True)]

    def _unsent(self, now_ns: int, intent: Intent) -> EffectAnswered:
        venue, account = intent.place
        effect, why = effect_of(intent.key, intent.attempts), "durable_too_late"
        return EffectAnswered(
            time_ns=now_ns, venue=venue, account=account, key=effect, outcome="unsent", code=why
        )

    def _ask(self, now_ns: int, intent: Intent) -> None:
        assert isinstance(intent.action, PlaceOrder)
        self._questions[Ask(*intent.place, intent.action.instrument, intent.client_id)] = None
        self._wait(now_ns, intent)

    def _confirm(self, now_ns: int, intent: Intent, move: Transfer) -> Sequence[Written]:
        if not intent.looked_ns:
            intent.looked_ns = now_ns
        before, after = self._intents.before[intent.key], self._intents.balances.evidence(move)
        if self._intents.balances.confirms(move, before, intent.looked_ns):
            detail = described(move, before, after)
            return [Settled(now_ns, intent.key, "done", "balances_agree", detail)]
        if now_ns >= intent.looked_ns + to_ns(self.patience.confirm_s_max):
            detail = described(move, before, after)
            return [Settled(now_ns, intent.key, "abandoned", "transfer_unconfirmed", detail)]
        if now_ns >= intent.next_ns:
            for venue, account, _ in ends(move):
                self._questions[AskBalances(venue, account)] = None
            self._wait(now_ns, intent)
        return []

    def _wait(self, now_ns: int, intent: Intent) -> None:
        """Put off the next question, but have one leave as soon as its answer can prove an absence."""
        intent.asks += 1
        ask = self.patience
        intent.next_ns = now_ns + backoff_ns(ask.ask_s_first, ask.ask_s_max, intent.asks)
        over_ns = self._intents.over_ns(intent)
        if now_ns < over_ns < intent.next_ns:
            intent.next_ns = over_ns

    def _put(self, intent: Intent) -> None:
        if intent.key in self._intents.open:
            self._schedule.put(intent.key, intent.number, due_ns(self._intents, intent))
        else:
            self._schedule.drop(intent.key)

    # what leaves

    def _leaves_at_once(self, intent: Intent) -> bool:
        """Tell whether an attempt may leave while it is being written."""
        return not intent.is_move

    def _attempt(self, now_ns: int, key: str, attempt: int, *, is_move: bool) -> Attempted:
        return Attempted(now_ns, key, attempt, now_ns + to_ns(self.patience.validity_s) if is_move else 0)

    def _make_ready(self, intent: Intent) -> None:
        self._ready[intent.key] = Send(
            intent.key, intent.attempts, intent.action, intent.client_id, intent.valid_until_ns
        )

    def _is_current(self, send: Send) -> bool:
        intent = self._intents.open.get(send.key)
        return intent is not None and intent.state == "in_flight" and intent.attempts == send.attempt

    def _ask_resting(self, wanted: Callable[[Intent], bool]) -> None:
        """Ask what became of orders that were left resting, where their reports may have been missed."""
        for intent in self._intents.resting():
            if wanted(intent) and isinstance(intent.action, PlaceOrder):
                self._questions[Ask(*intent.place, intent.action.instrument, intent.client_id)] = None

    def _is_missing(self, intent: Intent, event: OrdersListed, listed: set[str]) -> bool:
        is_older = intent.changed_ns < event.asked_ns
        return intent.place == (event.venue, event.account) and is_older and intent.client_id not in listed

    def _hurry(self, now_ns: int, event: LineMoved) -> None:
        """A line is back: what waited for it need not wait any longer."""
        self._ask_resting(lambda intent: intent.place == (event.venue, event.account))
        for intent in self._intents:
            if intent.place == (event.venue, event.account) and intent.next_ns > now_ns:
                intent.next_ns = now_ns
                self._intents.touched[intent.key] = intent

    def _is_news(self, order: OrderReported) -> bool:
        """Tell whether a listed order says more of an intent than is known."""
        intent = self._intents.order(order.client_id)
        if intent is None:
            return False
        return order.filled > intent.filled or intent.state in ("idle", "in_flight", "unknown")
