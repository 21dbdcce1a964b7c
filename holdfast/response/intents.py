"""Intents: everything that is to be done, as the journal's records say. The fold behind the outbox.

1. State changes only here, and only by folding a record: what a node knows is what it would know after a restart.
2. Every record of the journal is folded, in order, so that the count of them is the sequence number: a record of ours that
   cannot be is a `BrokenInvariant` that names it.
3. What the venue says is folded at face value, in whatever order it comes: late, repeated and contradicting events are
   passed over by the table, never by luck.
4. A settled key is kept for ever, as its `Settled` and what was filled: the same key is never done again.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from holdfast.action import CancelOrder, PlaceOrder, Transfer
from holdfast.error import BrokenInvariant
from holdfast.event import AccountEvent, BalanceReported, EffectAnswered, Filled, OrderAbsent, OrderReported
from holdfast.receipt import Attempted, Intended, NodeStarted, Receipt, Settled
from holdfast.response.collateral import NO_EVIDENCE, Balances, Evidence, ends
from holdfast.response.dispatch import attempt_of
from holdfast.response.intent import Happening, Intent, Verdict
from holdfast.response.patience import Patience, backoff_ns, to_ns

NOT_OPEN: Final = "not_open"
"""What every client says where a venue answers that an order is not, or no longer, open."""


class Intents:
    """Fold records; say what is open, settled and filled. `touched` holds what the last folds may have changed."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.sequence = 0
        self.epoch = 0
        self.born = ""  # who began the journal and when: another journal's keys make other client ids
        self.hold_ns = 0
        self.open: dict[str, Intent] = {}
        self.settled: dict[str, Settled] = {}
        self.balances = Balances()
        self.before: dict[str, Evidence] = {}
        self.touched: dict[str, Intent] = {}
        self._filled: dict[str, Decimal] = {}
        self._numbers = 0
        self._orders: dict[str, Intent] = {}  # by client id: open, or settled and not known to have ended
        self._brakes: dict[tuple[str, ...], list[Intent]] = {}  # open, by target, oldest first

    def fold(self, record: Receipt | AccountEvent) -> None:
        """Take in the next record of the journal. Raises: BrokenInvariant `outbox.impossible`."""
        self.sequence += 1
        match record:
            case Intended():
                self._intended(record)
            case Attempted():
                self._attempted(record)
            case Settled():
                self._settled(record)
            case NodeStarted():
                self._restarted(record)
            case EffectAnswered():
                self._answered(record)
            case OrderReported() | Filled() | OrderAbsent():
                intent = self._orders.get(record.client_id)
                if intent is not None and intent.place == (record.venue, record.account):
                    self._reported(intent, record)
            case BalanceReported():
                self.balances.note(record)
            case _:
                pass

    def concerns(self, event: AccountEvent) -> bool:
        """Tell whether an event changes what is known here, so that it belongs into the journal."""
        match event:
            case EffectAnswered():
                return attempt_of(event.key)[0] in self.open or event.key in self.open
            case OrderReported() | Filled() | OrderAbsent():
                return event.client_id in self._orders
            case BalanceReported():
                return any(self._is_end(event, intent) for intent in self.open.values())
            case _:
                return False

    def order(self, client_id: str) -> Intent | None:
        """Return the intent of an order that has not ended as far as is known."""
        return self._orders.get(client_id)

    def resting(self) -> list[Intent]:
        """Return settled intents whose orders have not ended as far as is known."""
        return [intent for intent in self._orders.values() if intent.state == "settled"]

    def filled(self, key: str) -> Decimal:
        """Return how much of a key's order was executed."""
        intent = self.open.get(key)
        if intent is not None:
            return intent.filled
        return self._filled.get(key, Decimal(0))

    def is_covered(self, intent: Intent) -> bool:
        """Tell whether a newer brake with the same target does this one's work."""
        rivals = self._brakes.get(intent.target) if intent.kind == "brake" else None
        return bool(rivals) and rivals[-1] is not intent

    def over_ns(self, intent: Intent) -> int:
        """Return when the last attempt's validity is surely over at the venue."""
        return intent.valid_until_ns + to_ns(self.patience.margin_s)

    def proves_absence(self, intent: Intent, event: OrderAbsent) -> bool:
        """Tell whether the question left when the attempt could no longer arrive."""
        asked_ns = event.asked_ns or event.time_ns - to_ns(self.patience.answer_s_max)
        over_ns = self.over_ns(intent)
        if intent.state == "accepted":
            over_ns = max(over_ns, intent.changed_ns + to_ns(self.patience.margin_s))
        return asked_ns >= over_ns

    # receipts of ours

    def _intended(self, record: Intended) -> None:
        if record.key in self.open or record.key in self.settled:
            raise self._impossible(f"{record.key} is intended twice")
        self._numbers += 1
        intent = Intent(
            key=record.key,
            number=self._numbers,
            action=record.action,
            client_id=record.client_id,
            intended_ns=record.time_ns,
            changed_ns=record.time_ns,
        )
        self.open[record.key] = intent
        if intent.kind == "order" and record.client_id:  # what the governor refused never had a name
            self._orders[record.client_id] = intent
        if intent.kind == "brake":
            self._brakes.setdefault(intent.target, []).append(intent)
            self._touch_rivals(intent)
        if isinstance(record.action, Transfer):
            self._begin_transfer(record.key, record.action)
        self._touch(intent)

    def _begin_transfer(self, key: str, move: Transfer) -> None:
        """Note what the transfer is to be compared with: nothing, where two at a time touch one account."""
        self.before[key] = self.balances.baseline(move)
        for other_key in self.before:
            other = self.open[other_key].action
            assert isinstance(other, Transfer)
            if other_key != key and set(ends(move)) & set(ends(other)):
                self.before[key] = self.before[other_key] = NO_EVIDENCE

    def _attempted(self, record: Attempted) -> None:
        intent = self.open.get(record.key)
        if intent is None:
            raise self._impossible(f"{record.key} is attempted, and is not open")
        if record.attempt != intent.attempts + 1:
            raise self._impossible(
                f"attempt {record.attempt} at {record.key} comes after attempt {intent.attempts}"
            )
        if not intent.follow("attempted"):
            raise self._impossible(f"{record.key} is attempted while it is {intent.state}")
        intent.attempts = record.attempt
        intent.attempted_ns = intent.changed_ns = record.time_ns
        intent.valid_until_ns = record.valid_until_ns
        intent.validity_ns = max(record.valid_until_ns - record.time_ns, 0)
        intent.is_durable = intent.is_late = False
        intent.asks = intent.looked_ns = 0
        repeat = self.patience
        intent.next_ns = record.time_ns + (
            0 if intent.is_move else backoff_ns(repeat.repeat_s_first, repeat.repeat_s_max, record.attempt)
        )
        self._touch(intent)

    def _settled(self, record: Settled) -> None:
        intent = self.open.get(record.key)
        if intent is None:
            raise self._impossible(f"{record.key} is settled, and is not open")
        if not (intent.may_settle(record.outcome) and intent.follow("settled")):
            raise self._impossible(f"{record.key} is settled as {record.outcome} while it is {intent.state}")
        self.settled[record.key] = record
        del self.open[record.key]
        if isinstance(intent.action, Transfer):
            del self.before[record.key]
            self.balances.moved(intent.action, record.time_ns)
        self._keep_filled(intent)
        if intent.has_ended or record.outcome in ("refused", "expired"):
            self._orders.pop(intent.client_id, None)
        if intent.kind == "brake":
            rivals = self._brakes[intent.target]
            rivals.remove(intent)
            self._touch_rivals(intent)
            if not rivals:
                del self._brakes[intent.target]
        self._touch(intent)

    def _restarted(self, record: NodeStarted) -> None:
        if record.epoch <= self.epoch:
            raise self._impossible(f"epoch {record.epoch} begins after epoch {self.epoch}")
        self.epoch, self.hold_ns = record.epoch, 0
        margin_ns = to_ns(self.patience.margin_s)
        for intent in self.open.values():
            if intent.is_move and intent.state in ("in_flight", "unknown"):
                # The node before us sent it before we fenced it off. Its clock may not have been ours, so its validity is
                # counted anew from here, on our clock.
                intent.valid_until_ns = record.time_ns + intent.validity_ns
                self.hold_ns = max(self.hold_ns, intent.valid_until_ns + margin_ns)
            intent.follow("restarted")
            intent.changed_ns = record.time_ns
            # A clock that was set back must not put the deadline off, nor one set forward end a brake before it leaves.
            is_early = intent.is_move and intent.intended_ns < record.time_ns
            intent.intended_ns = intent.intended_ns if is_early else record.time_ns
            intent.is_durable = intent.is_late = False
            intent.asks = intent.looked_ns = intent.next_ns = 0
            self._touch(intent)
        for intent in self.resting():
            intent.changed_ns, intent.valid_until_ns = record.time_ns, record.time_ns + intent.validity_ns
        self.balances.forget()

    # what the world says

    def _answered(self, event: EffectAnswered) -> None:
        key, attempt = (event.key, 0) if event.key in self.open else attempt_of(event.key)
        intent = self.open.get(key)
        if intent is None or (attempt not in (0, intent.attempts) and event.outcome != "accepted"):
            return
        if intent.kind == "order" and event.outcome == "accepted":
            self._taken(intent, event.time_ns)
            return
        # What a cancel wants is an order that is not open: a venue that says so has nothing left to do.
        is_reached = isinstance(intent.action, CancelOrder) and event.code == NOT_OPEN
        said = "accepted" if is_reached else event.outcome
        if not intent.follow(said):
            return
        intent.changed_ns = event.time_ns
        intent.last_code, intent.last_detail = event.code, event.detail
        intent.was_refused = said == "refused"
        if intent.state == "decided":
            outcome = "refused" if said == "refused" else "done"
            intent.verdict = Verdict(outcome, event.code, event.detail)
            if intent.kind == "brake":
                self._cover(intent)
        elif intent.is_move:
            retry = self.patience
            wait_ns = backoff_ns(retry.retry_s_first, retry.retry_s_max, intent.attempts)
            intent.next_ns = event.time_ns + (wait_ns if intent.state == "idle" else 0)
        self._touch(intent)

    def _reported(self, intent: Intent, event: OrderReported | Filled | OrderAbsent) -> None:
        if isinstance(event, OrderAbsent):
            self._absent(intent, event)
            return
        assert isinstance(intent.action, PlaceOrder)
        if isinstance(event, OrderReported):
            intent.reported = max(intent.reported, event.filled)
            intent.has_ended |= event.state != "open"
            state, reason = event.state, event.reason
        else:
            intent.trades[event.trade_id] = event.quantity
            state, reason = "filled", ""
        intent.has_ended |= intent.filled >= intent.action.quantity
        if intent.state == "settled":
            self._keep_filled(intent)
            if intent.has_ended:
                self._orders.pop(intent.client_id, None)
        elif not intent.has_ended:
            self._taken(intent, event.time_ns)
        elif intent.follow("ended"):
            intent.changed_ns = event.time_ns
            intent.verdict = Verdict("done", state, self._filled_of(intent, reason))
        elif intent.verdict is not None and intent.verdict.outcome == "done":
            intent.verdict = Verdict("done", state, self._filled_of(intent, reason))
        self._touch(intent)

    def _taken(self, intent: Intent, time_ns: int) -> None:
        """The venue has the order. One that is to rest is done; of another the end is awaited."""
        assert isinstance(intent.action, PlaceOrder)
        happening: Happening = "ended" if intent.action.rests else "open"
        if not intent.follow(happening):
            return
        intent.changed_ns = time_ns
        intent.asks = 0
        intent.next_ns = time_ns + to_ns(self.patience.report_s)
        if intent.state == "decided":
            intent.verdict = Verdict("done", "open", self._filled_of(intent, "rests"))
        self._touch(intent)

    def _absent(self, intent: Intent, event: OrderAbsent) -> None:
        if not self.proves_absence(intent, event):
            return
        if intent.state == "settled":
            del self._orders[intent.client_id]
            return
        was_accepted = intent.state == "accepted"
        asked_ns = event.asked_ns or event.time_ns
        forgets = asked_ns - intent.attempted_ns > to_ns(self.patience.venue_memory_s)
        if not intent.follow("forgotten" if forgets else "absent"):
            return
        intent.changed_ns = event.time_ns
        intent.next_ns = 0
        if intent.state == "decided":
            intent.has_ended = was_accepted and not forgets
            intent.verdict = (
                Verdict("abandoned", "venue_forgot", "asked so late that the venue's silence proves nothing")
                if forgets
                else Verdict("done", "accepted_then_absent", self._filled_of(intent, "no longer known"))
            )
        self._touch(intent)

    def _cover(self, accepted: Intent) -> None:
        for intent in self._brakes[accepted.target]:
            if intent is accepted:
                return
            if intent.follow("covered"):
                intent.verdict = Verdict("done", "covered", f"by {accepted.key}")
                self._touch(intent)

    # what follows

    def _touch(self, intent: Intent) -> None:
        self.touched[intent.key] = intent

    def _touch_rivals(self, intent: Intent) -> None:
        for rival in self._brakes[intent.target]:
            self._touch(rival)

    def _keep_filled(self, intent: Intent) -> None:
        if intent.filled:
            self._filled[intent.key] = intent.filled

    def _filled_of(self, intent: Intent, reason: str) -> str:
        assert isinstance(intent.action, PlaceOrder)
        said = f"; {reason}" if reason else ""
        return f"filled {intent.filled} of {intent.action.quantity}{said}"

    def _is_end(self, event: BalanceReported, intent: Intent) -> bool:
        move, place = intent.action, (event.venue, event.account, event.asset)
        return isinstance(move, Transfer) and place in ends(move)

    def _impossible(self, message: str) -> BrokenInvariant:
        return BrokenInvariant(
            "outbox.impossible",
            message,
            where=f"record {self.sequence}",
            remedy="stop; the journal holds what no node of ours writes",
        )

    def __iter__(self) -> Iterator[Intent]:
        """Yield the open intents, oldest first."""
        return iter(self.open.values())
