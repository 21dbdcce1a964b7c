"""Memory: what survives a node: everything that follows from the journal's records, folded in one place.

Rules:

1. State that must survive changes only by `fold`, live and after a restart alike; `write` folds a record and has it written.
2. What is new stands in `unwritten`, in order, until it is durable.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from holdfast.action import Action, ArmDeadMan
from holdfast.app.desk_view import LiveView
from holdfast.app.node_parts import NodeParts
from holdfast.event import LevelMoved, Scope
from holdfast.ledger.record import Record
from holdfast.policy.governor.governor import judged
from holdfast.policy.governor.verdict import Refused
from holdfast.receipt import (
    Attempted,
    Intended,
    NodeStarted,
    Permit,
    PermitMoved,
    PlaybookArmed,
    PlaybookStarted,
    Settled,
)
from holdfast.response.view import Account


class Memory:
    """The folded journal. `has_moved` tells that playbooks may have something new to look at; its reader takes it back."""

    def __init__(self, parts: NodeParts) -> None:
        self.unwritten: deque[Record] = deque()
        self.moves_unwritten = 0
        self.permits: dict[Scope, Permit] = {}
        self.armed_by: dict[str, str] = {}
        self.dead_men: dict[Account, float] = {}
        self.epoch = self.started_ns = 0
        self.has_moved = True
        self._parts = parts
        self._unshown: list[Record] = []

    def recover(self, records: Iterable[Record]) -> None:
        """Fold the journal of every node before this one, and this one's `NodeStarted`, which ends it."""
        for record in records:
            self.fold(record)
            if isinstance(record, NodeStarted):
                self.epoch, self.started_ns = record.epoch, record.time_ns
            elif isinstance(record, LevelMoved):
                self._parts.state.desk.restore(record)
            self.show()

    def show(self) -> None:
        """Let people see what happened: at the end of a turn, for nothing in it waits for that."""
        for record in self._unshown:
            self._parts.gate.fold(record)
        self._unshown.clear()

    def write(self, record: Record) -> None:
        """Take in a record and have it written."""
        self.fold(record)
        self.unwritten.append(record)
        self.moves_unwritten += _lets_move(record)

    def write_all(self, records: Sequence[Record]) -> None:
        """Take in records and have them written, in order."""
        for record in records:
            self.write(record)

    def written(self, now_ns: int, count: int) -> None:
        """Hear that the first `count` of what was unwritten are durable."""
        for _ in range(count):
            record = self.unwritten.popleft()
            self.moves_unwritten -= _lets_move(record)
            self._parts.outbox.on_durable(now_ns, record)  # type: ignore[arg-type]

    def submit(
        self, now_ns: int, key: str, action: Action, reason: str, view: LiveView, playbook: str = ""
    ) -> None:
        """Have an action done once: known keys are passed over, the governor is asked, then the outbox has it."""
        parts = self._parts
        if parts.outbox.settled(key) is not None or parts.outbox.intent(key) is not None:
            return
        verdict = parts.governor.judge(now_ns, action, playbook, view, run=key.partition("/")[0])
        self.write(judged(now_ns, key, action, playbook, verdict))
        if isinstance(verdict, Refused):
            self.write(Intended(now_ns, key, action, reason))
            self.write(Settled(now_ns, key, "refused", verdict.code, verdict.reason))
        else:
            self.write_all(parts.outbox.submit(now_ns, key, action, reason))

    def fold(self, record: Record) -> None:
        """Take in a record of the journal, new or old: the one place where what must survive changes."""
        parts = self._parts
        parts.outbox.fold(record)  # type: ignore[arg-type]
        parts.runner.fold(record)
        if not isinstance(record, Intended) or record.key.partition("/")[0] in parts.runner.runs:
            parts.recollection.fold(record)  # type: ignore[arg-type]
        parts.governor.fold(record)  # type: ignore[arg-type]
        self._unshown.append(record)
        if isinstance(record, PermitMoved):
            self.permits[record.scope] = record.permit
            self.has_moved = True
        elif isinstance(record, Intended | Settled | PlaybookStarted):
            self.has_moved = True
            if isinstance(record, Intended) and isinstance(record.action, ArmDeadMan):
                self.dead_men[record.action.venue, record.action.account] = record.action.timeout_s
        elif isinstance(record, PlaybookArmed):
            self.armed_by[record.playbook] = record.operator


def _lets_move(record: Record) -> bool:
    """Tell whether a move leaves when a record is durable."""
    return isinstance(record, Attempted) and record.valid_until_ns > 0
