"""Books: what a guard's journal says it did, held against what the venues' own books say was done.

An effect is an order of the guard in a venue's books, or a resting order of the desk that the guard took away.

- *Doubled*: one intent is in the books twice or for more than its quantity; an order is there that no durable attempt speaks
  of; a position went beyond the target of a run.
- *Lost*: an intent is settled as done and the books have nothing; it is settled as not done and the books have it; it has no
  fate at all when the round is over; a cancel of everything is done and an older order rests; a run ended as done short
  of its target; a command was taken and nothing came of it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from holdfast.action import CancelAll, PlaceOrder, Tell
from holdfast.lab.drill.world_process import VenueOrder
from holdfast.ledger.record import Record
from holdfast.receipt import (
    Attempted,
    Commanded,
    Intended,
    PlaybookEnded,
    PlaybookStarted,
    Settled,
    StepEntered,
)
from holdfast.response.execution.working import Aim, aims_of

Placed = tuple[str, str]
"""A venue and a client order id."""
NOT_DONE: Final = ("refused", "expired")


class Finding(NamedTuple):
    """One thing that is wrong: `doubled` or `lost`, and how, in words."""

    kind: str
    words: str


class Books:
    """A desk's journal as it grows, and what was found wrong so far. `prefix` begins the guard's client order ids."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self.intents: dict[str, Intended] = {}
        self.attempted: set[str] = set()
        self.settled: dict[str, Settled] = {}
        self.running: dict[str, PlaybookStarted] = {}
        self.ended: dict[str, PlaybookEnded] = {}
        self.allowed: set[str] = set()
        self._aims: dict[str, list[Aim]] = {}
        self._known: set[Placed] = set()
        self._told: set[Finding] = set()

    def take(self, records: Iterable[Record]) -> None:
        """Take in what is new in the journal."""
        for record in records:
            if isinstance(record, Intended) and not isinstance(record.action, Tell):
                self.intents[record.key] = record
            elif isinstance(record, Attempted):
                self.attempted.add(record.key)
            elif isinstance(record, Settled):
                self.settled[record.key] = record
            elif isinstance(record, PlaybookStarted):
                self.running[record.run] = record
            elif isinstance(record, StepEntered):
                self._aims.setdefault(record.run, []).extend(aims_of(record.plan))
            elif isinstance(record, PlaybookEnded):
                self.running.pop(record.run, None)
                self.ended[record.run] = record
            elif isinstance(record, Commanded) and record.allowed:
                self.allowed.add(record.signature.split(" ")[1])

    @property
    def open(self) -> list[str]:
        """Return what is intended and has no fate yet."""
        return [key for key in self.intents if key not in self.settled]

    def is_own(self, order: VenueOrder) -> bool:
        """Tell whether an order is the guard's."""
        return order.client_id.startswith(self._prefix)

    def new_orders(self, orders: Mapping[str, list[VenueOrder]]) -> set[Placed]:
        """Return the guard's orders that the venues' books have and had not the last time."""
        own = {(venue, one.client_id) for venue, known in orders.items() for one in known if self.is_own(one)}
        new = own - self._known
        self._known |= own
        return new

    def judge(self, orders: Mapping[str, list[VenueOrder]]) -> list[Finding]:
        """Return what is wrong with orders and intents, each thing once."""
        executed: dict[Placed, list[VenueOrder]] = {}
        for venue, known in orders.items():
            for order in filter(self.is_own, known):
                executed.setdefault((venue, order.client_id), []).append(order)
        by_name = {
            (one.action.venue, one.client_id): one
            for one in self.intents.values()
            if isinstance(one.action, PlaceOrder) and one.client_id
        }
        found = [finding for name in executed for finding in self._judge_order(name, executed[name], by_name)]
        found += [
            finding for name in by_name for finding in self._judge_intent(name, by_name[name], executed)
        ]
        return self._fresh(found)

    def judge_rest(
        self,
        since: set[str],
        runs: Iterable[str],
        positions: Mapping[tuple[str, str], Decimal],
        resting: Mapping[str, list[str]],
    ) -> list[Finding]:
        """Return what is wrong with this round's cancels, runs and unsettled intents.

        `since`: the keys that were known before the round; `resting`: by venue, the orders that were there before any
        cancel of the round and are still open.
        """
        found = [Finding("lost", f"{key} has no fate") for key in self.open]
        for key, intent in self.intents.items():
            fate = self.settled.get(key)
            action = intent.action
            if key in since or fate is None or fate.outcome != "done":
                continue
            if isinstance(action, CancelAll) and not action.instrument and resting.get(action.venue):
                found.append(
                    Finding("lost", f"{key} is done, and {action.venue} has {resting[action.venue]}")
                )
        for run in runs:
            if run in self.ended and self.ended[run].outcome == "done":
                found += self._judge_run(run, positions)
        return self._fresh(found)

    def _fresh(self, found: list[Finding]) -> list[Finding]:
        new = [one for one in dict.fromkeys(found) if one not in self._told]
        self._told.update(new)
        return new

    def _judge_order(
        self, name: Placed, executed: list[VenueOrder], by_name: Mapping[Placed, Intended]
    ) -> list[Finding]:
        intent = by_name.get(name)
        if intent is None or intent.key not in self.attempted:
            return [Finding("doubled", f"{name[0]} has order {name[1]}, and the journal no attempt at it")]
        action = intent.action
        assert isinstance(action, PlaceOrder)
        found: list[Finding] = []
        filled = sum((one.filled for one in executed), Decimal(0))
        if len({one.order_id for one in executed}) > 1:
            found.append(Finding("doubled", f"{intent.key} was placed {len(executed)} times at {name[0]}"))
        elif filled > action.quantity:
            found.append(Finding("doubled", f"{intent.key} filled {filled} of {action.quantity}"))
        return found

    def _judge_intent(
        self, name: Placed, intent: Intended, executed: Mapping[Placed, list[VenueOrder]]
    ) -> list[Finding]:
        fate = self.settled.get(intent.key)
        if fate is None:
            return []
        if fate.outcome == "done" and name not in executed:
            return [Finding("lost", f"{intent.key} is settled as done, and {name[0]} never had it")]
        if fate.outcome in NOT_DONE and name in executed:
            return [Finding("lost", f"{intent.key} is settled as {fate.outcome}, and {name[0]} has it")]
        return []

    def _judge_run(self, run: str, positions: Mapping[tuple[str, str], Decimal]) -> list[Finding]:
        found: list[Finding] = []
        for aim in self._aims.get(run, []):
            held = positions.get((aim.venue, aim.instrument), Decimal(0))
            towards = 1 if aim.start > 0 else -1
            words = f"{run} is done at {aim.name}: held {held}, target {aim.target}"
            if (held - aim.target) * towards > 0:
                found.append(Finding("lost", words))
            elif (held - aim.target) * towards < 0:
                found.append(Finding("doubled", words))
        return found
