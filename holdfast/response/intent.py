"""Intent: one thing to be done once, and the table of what may happen to it.

1. The table is the machine: what is not in it does not change the state. A receipt of ours that is not in it is a broken
   invariant; an event of the venue's that is not in it is late or repeated, and is passed over.
2. Nothing leads from `in_flight`, `unknown` or `accepted` of a move to another attempt: only from `idle`, which is
   reached when the last attempt surely did nothing.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Literal

import msgspec

from holdfast.action import Action, CancelAll, CancelOrder, PlaceOrder, Tell, Transfer
from holdfast.order import sign_of

Kind = Literal["order", "transfer", "brake", "word"]
State = Literal["idle", "in_flight", "unknown", "accepted", "decided", "settled"]
"""idle: nothing is under way: not attempted yet, or the last attempt surely did nothing. in_flight: an attempt is written
down and may have left. unknown: it may have left, and its answer is lost. accepted: the venue has the order, its end is not
known yet. decided: its fate is known, and about to be written down. settled: it is written down."""

Happening = Literal[
    "attempted",
    "accepted",
    "refused",
    "expired",
    "unsent",
    "unknown",
    "open",
    "ended",
    "absent",
    "forgotten",
    "covered",
    "restarted",
    "settled",
]
"""attempted, settled: receipts of ours. accepted to unknown: the client's answer. open, ended: the order as reported, or
accepted; an order that is to rest ends, as an intent, when it is accepted. absent: the venue does not know the order, asked
after its validity was over. forgotten: the same, asked so late that it proves nothing. covered: a newer brake with the same
target was accepted. restarted: a node took over."""

_Row = Mapping[Happening, State]

_ASKABLE: Final[_Row] = {
    "refused": "decided",
    "expired": "idle",
    "unsent": "idle",
    "unknown": "unknown",
    "open": "accepted",
    "ended": "decided",
    "absent": "idle",
    "forgotten": "decided",
    "restarted": "unknown",
    "settled": "settled",
}
_UNASKABLE: Final[_Row] = {
    "accepted": "decided",
    "refused": "decided",
    "expired": "idle",
    "unsent": "idle",
    "unknown": "unknown",
    "restarted": "unknown",
    "settled": "settled",
}
_REPEATABLE: Final[_Row] = {
    "attempted": "in_flight",
    "accepted": "decided",
    "refused": "idle",
    "expired": "idle",
    "unsent": "idle",
    "unknown": "unknown",
    "covered": "decided",
    "restarted": "unknown",
    "settled": "settled",
}
_DECIDED: Final[_Row] = {"settled": "settled"}
_REPEATABLES: Final[Mapping[State, _Row]] = {
    "idle": {"attempted": "in_flight", "accepted": "decided", "covered": "decided", "settled": "settled"},
    "in_flight": _REPEATABLE,
    "unknown": _REPEATABLE,
    "decided": _DECIDED,
}

TABLE: Final[Mapping[Kind, Mapping[State, _Row]]] = {
    "order": {
        "idle": {
            "attempted": "in_flight",
            "open": "accepted",
            "ended": "decided",
            "settled": "settled",
        },
        "in_flight": _ASKABLE,
        "unknown": _ASKABLE,
        "accepted": {"ended": "decided", "absent": "decided", "forgotten": "decided", "settled": "settled"},
        "decided": _DECIDED,
    },
    "transfer": {
        "idle": {"attempted": "in_flight", "accepted": "decided", "settled": "settled"},
        "in_flight": _UNASKABLE,
        "unknown": _UNASKABLE,
        "decided": _DECIDED,
    },
    "brake": _REPEATABLES,
    "word": _REPEATABLES,
}
"""For each kind of action: state, happening, next state."""


Outcome = Literal["done", "refused", "expired", "abandoned"]

_NOTHING_HAPPENED: Final[tuple[Outcome, ...]] = ("refused", "expired")


class Verdict(msgspec.Struct, frozen=True):
    """The fate of an intent, as `Settled` will say it."""

    outcome: Outcome
    code: str = ""
    detail: str = ""


class Intent(msgspec.Struct, kw_only=True):
    """One intent that is not settled, or whose order still rests. The last fields are this process's, the rest folded."""

    key: str
    number: int
    action: Action
    client_id: str
    intended_ns: int
    state: State = "idle"
    attempts: int = 0
    attempted_ns: int = 0
    validity_ns: int = 0
    valid_until_ns: int = 0
    changed_ns: int = 0
    last_code: str = ""
    last_detail: str = ""
    was_refused: bool = False
    reported: Decimal = Decimal(0)
    trades: dict[str, Decimal] = {}
    has_ended: bool = False
    verdict: Verdict | None = None

    # this process's
    is_late: bool = False  # the attempt became durable after its validity: it never leaves
    is_durable: bool = False  # the attempt is durable, so it has left
    asks: int = 0
    next_ns: int = 0  # not before: the next question or attempt
    looked_ns: int = 0  # since when balances are asked for

    @property
    def kind(self) -> Kind:
        """Return which rows of the table apply."""
        if isinstance(self.action, PlaceOrder):
            return "order"
        if isinstance(self.action, Transfer):
            return "transfer"
        return "word" if isinstance(self.action, Tell) else "brake"

    @property
    def is_move(self) -> bool:
        """Tell whether it may happen only once."""
        return isinstance(self.action, PlaceOrder | Transfer)

    @property
    def place(self) -> tuple[str, str]:
        """Return venue and account; both empty for a word."""
        if isinstance(self.action, Tell):
            return "", ""
        account = self.action.from_account if isinstance(self.action, Transfer) else self.action.account
        return self.action.venue, account

    @property
    def target(self) -> tuple[str, ...]:
        """Return what a brake acts on: of two brakes with one target, the newer does for both."""
        instrument = self.action.instrument if isinstance(self.action, CancelAll | CancelOrder) else ""
        order_id = self.action.order_id if isinstance(self.action, CancelOrder) else ""
        return type(self.action).__name__, *self.place, instrument, order_id

    @property
    def filled(self) -> Decimal:
        """Return how much of the order was executed, by its reports and by its executions, whichever knows more."""
        return max(self.reported, sum(self.trades.values(), Decimal(0)))

    @property
    def exposure(self) -> Decimal:
        """Return the signed quantity that may still be, or already was unheard, executed."""
        if not isinstance(self.action, PlaceOrder):
            return Decimal(0)
        return sign_of(self.action.side) * max(self.action.quantity - self.filled, Decimal(0))

    def may_settle(self, outcome: Outcome) -> bool:
        """Tell whether this may be said of it now: of a move under way, never that nothing happened or will."""
        under_way = self.is_move and self.state in ("in_flight", "unknown", "accepted")
        return not (under_way and outcome in _NOTHING_HAPPENED)

    def follow(self, happening: Happening) -> bool:
        """Go where the table leads, and tell whether it leads anywhere."""
        state = TABLE[self.kind].get(self.state, {}).get(happening)
        if state is None:
            return False
        self.state = state
        return True
