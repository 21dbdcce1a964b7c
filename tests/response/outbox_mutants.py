"""Outboxes with one rule broken each. A search that does not find them has learned nothing."""

from msgspec.structs import replace

from holdfast.action import Transfer
from holdfast.event import AccountEvent, EffectAnswered, OrderAbsent
from holdfast.receipt import Attempted, Intended, NodeStarted, Receipt
from holdfast.response.dispatch import attempt_of
from holdfast.response.intent import Intent
from holdfast.response.outbox import Outbox
from holdfast.response.schedule import NEVER_NS


class LeavesBeforeDurable(Outbox):
    """A move leaves while it is being written."""

    def _leaves_at_once(self, intent: Intent) -> bool:  # noqa: ARG002
        return True


class RetriesOnUnknown(Outbox):
    """No answer is taken for: it did not happen."""

    def fold(self, record: Receipt | AccountEvent) -> None:
        if isinstance(record, EffectAnswered) and record.outcome == "unknown":
            record = replace(record, outcome="unsent")
        super().fold(record)


class BelievesEveryAbsence(Outbox):
    """An order that the venue does not know yet is taken for one that will never come."""

    def fold(self, record: Receipt | AccountEvent) -> None:
        intent = self._intents.order(record.client_id) if isinstance(record, OrderAbsent) else None
        if intent is not None:
            record = replace(record, asked_ns=self._intents.over_ns(intent))
        super().fold(record)


class ForgetsWhatWasUnderWay(Outbox):
    """After a take-over, what the node before had sent is sent again."""

    def fold(self, record: Receipt | AccountEvent) -> None:
        super().fold(record)
        if isinstance(record, NodeStarted):
            for intent in self._intents:
                intent.state = "idle" if intent.state == "unknown" else intent.state


class TrustsAnotherNodesClock(Outbox):
    """After a take-over, the validity of what was under way is read on the new node's clock as the old one wrote it."""

    def fold(self, record: Receipt | AccountEvent) -> None:
        written = {intent.key: intent.valid_until_ns for intent in self._intents}
        super().fold(record)
        if isinstance(record, NodeStarted):
            for intent in self._intents:
                intent.valid_until_ns = written[intent.key]


class TakesAnyAnswer(Outbox):
    """An answer to an earlier attempt is taken for one to the last."""

    def fold(self, record: Receipt | AccountEvent) -> None:
        if isinstance(record, EffectAnswered):
            record = replace(record, key=attempt_of(record.key)[0])
        super().fold(record)


class BrakesOnce(Outbox):
    """A brake is sent once, and not again."""

    def fold(self, record: Receipt | AccountEvent) -> None:
        super().fold(record)
        if isinstance(record, Attempted) and not self._intents.open[record.key].is_move:
            self._intents.open[record.key].next_ns = NEVER_NS


class TakesAnothersTransferForProof(Outbox):
    """Two transfers at a time are each compared with the balances before."""

    def fold(self, record: Receipt | AccountEvent) -> None:
        super().fold(record)
        if isinstance(record, Intended) and isinstance(record.action, Transfer):
            for key, intent in self._intents.open.items():
                if isinstance(intent.action, Transfer):
                    self._intents.before[key] = self._intents.balances.evidence(intent.action)


MUTANTS = (
    LeavesBeforeDurable,
    RetriesOnUnknown,
    BelievesEveryAbsence,
    ForgetsWhatWasUnderWay,
    TrustsAnotherNodesClock,
    TakesAnyAnswer,
    BrakesOnce,
    TakesAnothersTransferForProof,
)
