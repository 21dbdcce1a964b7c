"""Execution: the two functions behind a verb, and what they give back.

Rules:

1. `plan` looks once, when the step begins, and fixes what is aimed at; its texts stand in `StepEntered.plan`.
2. `advance` is called on every relevant event and wake until it ends, and remembers nothing: all it knows of earlier calls
   is what the outbox says of the step's keys. A step after a restart therefore goes on where it was.
3. Keys are `action_key(run, step, n)`, n counting up from what the outbox knows of the step: no key is used twice, and
   asking twice for the same key is the outbox's to ignore.
4. Whoever drives hands every wanted action to the governor and the outbox before the next `advance` of the step. What the
   governor refuses is intended and settled as `refused`, so it is seen like any other fate and asked for anew, more slowly.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final, Generic, Literal, NamedTuple, TypeVar

import msgspec

from holdfast.action import Action, PlaceOrder, action_key
from holdfast.event import Scope
from holdfast.receipt import PermitMoved, Settled
from holdfast.response.verb import Verb
from holdfast.response.view import Account, DeskView, OutboxView

ACTIONS_MAX: Final = 2_000  # of one step

Plan = dict[str, str]
AnyVerb = TypeVar("AnyVerb", bound=Verb)


class Wanted(NamedTuple):
    """An action that a step wants done once, by its key."""

    key: str
    action: Action
    reason: str


class Ended(msgspec.Struct, frozen=True):
    """How a step ended. done: what was aimed at is so. failed: it is not, and `detail` says what is left and why."""

    outcome: Literal["done", "failed"]
    detail: str = ""


class Progress(msgspec.Struct, kw_only=True):
    """What a step wants now. `wake_ns` 0: only an event moves it on. `ask`: accounts to be reconciled."""

    wanted: list[Wanted] = []
    permits: list[PermitMoved] = []
    ask: list[Account] = []
    wake_ns: int = 0
    ended: Ended | None = None


class Known(NamedTuple):
    """What the outbox knows of one action of the step."""

    time_ns: int
    action: Action
    settled: Settled | None
    filled: Decimal

    @property
    def is_open(self) -> bool:
        """Tell whether its fate is not known yet."""
        return self.settled is None

    @property
    def failure(self) -> str:
        """Return what was said where it came to nothing, empty where it is open or done."""
        if self.settled is None or self.settled.outcome == "done":
            return ""
        return f"{self.settled.outcome} {self.settled.code} {self.settled.detail}".strip()

    @property
    def worst(self) -> Decimal:
        """Return how much of an order may have been, or may yet be, filled: all of it until its fate is known."""
        if not isinstance(self.action, PlaceOrder):
            return Decimal(0)
        if self.settled is None or self.settled.outcome == "abandoned":
            return self.action.quantity
        return self.filled


class Turn(msgspec.Struct, frozen=True):
    """One call of `advance`: when, of which step, by which plan, and what can be seen."""

    now_ns: int
    run: str
    step: str
    plan: Plan
    view: DeskView
    outbox: OutboxView

    @property
    def scope(self) -> Scope:
        """Return where the step applies."""
        return Scope(self.plan["venue"], self.plan["instrument"])

    @property
    def begun_ns(self) -> int:
        """Return when the step began."""
        return int(self.plan["begun_ns"])

    def key(self, number: int) -> str:
        """Return the key of the step's `number`-th action."""
        return action_key(self.run, self.step, number)

    def known(self) -> list[Known]:
        """Return what the outbox knows of the step's actions, in order. Cost: one look-up an action."""
        return list(self._known())

    def _known(self) -> Iterator[Known]:
        for number in range(ACTIONS_MAX):
            key = self.key(number)
            intended = self.outbox.intended(key)
            if intended is None:
                return
            yield Known(intended.time_ns, intended.action, self.outbox.settled(key), self.outbox.filled(key))


class Execution(NamedTuple, Generic[AnyVerb]):
    """How one verb is carried out, as two pure functions."""

    plan: Callable[[AnyVerb, Scope, DeskView], Plan]
    advance: Callable[[AnyVerb, Turn], Progress]


def begun(scope: Scope, view: DeskView) -> Plan:
    """Return what every plan begins with: where, and since when."""
    return {"venue": scope.venue, "instrument": scope.instrument, "begun_ns": str(view.now_ns)}


def begin(_verb: Verb, scope: Scope, view: DeskView) -> Plan:
    """Return the plan of a verb that aims at nothing but its scope."""
    return begun(scope, view)
