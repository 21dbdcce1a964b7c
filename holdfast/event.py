"""What can happen, as the control plane sees it: a closed union of frozen structs.

Rows in bulk are in `tape`; here is everything that people, policy and playbooks read. Times are UTC nanoseconds.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from holdfast.order import OrderState, Side

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")

Level = Literal["normal", "watch", "restrict", "reduce", "halt"]
LEVELS: tuple[Level, ...] = ("normal", "watch", "restrict", "reduce", "halt")


class Scope(msgspec.Struct, frozen=True):
    """Where something holds: an instrument of a venue, a whole venue, or (both empty) the desk."""

    venue: str = ""
    instrument: str = ""

    def __str__(self) -> str:
        return ":".join(part for part in (self.venue, self.instrument) if part) or "desk"


class Alert(msgspec.Struct, frozen=True, tag=True):
    """A detector spoke: what it saw, against what it compares, and why. Units of value: see the detector's docstring."""

    time_ns: int
    detector: str
    scope: Scope
    severity: Severity
    value: float
    threshold: float
    evidence: dict[str, float | str]
    message: str


class AlertCleared(msgspec.Struct, frozen=True, tag=True):
    """The condition behind an alert has ended."""

    time_ns: int
    detector: str
    scope: Scope


class ScoreMoved(msgspec.Struct, frozen=True, tag=True):
    """The risk score of a scope changed enough to matter; parts sum to the score."""

    time_ns: int
    scope: Scope
    score: float
    parts: dict[str, float]


class LevelMoved(msgspec.Struct, frozen=True, tag=True):
    """A scope went to another level of the escalation table."""

    time_ns: int
    scope: Scope
    from_level: Level = msgspec.field(name="from")
    to_level: Level = msgspec.field(name="to")
    because: str


class ResyncRequested(msgspec.Struct, frozen=True, tag=True):
    """A codec lost the thread of a book and needs a fresh snapshot before the book may be served again."""

    time_ns: int
    venue: str
    instrument: str
    reason: str


class Quarantined(msgspec.Struct, frozen=True, tag=True):
    """A piece of input that could not be used: where it was, why, and how it began."""

    file: str
    line: int
    code: str
    reason: str
    sample: str


class Decided(msgspec.Struct, frozen=True, tag=True):
    """A rule fired: what it wants done, by which version of which rule, on what evidence. Rehearsed, never sent."""

    time_ns: int
    scope: Scope
    rule_id: str
    rule_version: str
    rule_title: str
    action: str
    level: Level
    evidence: dict[str, float | str | bool]


class RiskMeasured(msgspec.Struct, frozen=True, tag=True):
    """What a desk's portfolio is worth and could lose, as a worker computed it outside the fold; a replay uses it as it is.

    `time_ns` is when the fold took it in, `as_of_ns` the market that it was computed from. `values` are named and in units
    as in `policy/fields.py`; what could not be computed is absent, and `missing` says why.
    """

    time_ns: int
    as_of_ns: int
    scope: Scope
    values: dict[str, float]
    missing: tuple[str, ...] = ()


# what venues say of the desk's own accounts


class OrderReported(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Where an order of the account stands, as the venue says. `client_id` is empty where the order carries none."""

    time_ns: int
    venue: str
    account: str
    instrument: str
    order_id: str
    client_id: str
    side: Side
    quantity: Decimal
    filled: Decimal
    state: OrderState
    price: Decimal | None = None
    average_price: Decimal | None = None
    reduce_only: bool = False
    reason: str = ""


class OrderAbsent(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The venue answered that it knows no order of this client id. `asked_ns`: when the question left (0: not told).

    Only a question that left after an order's validity was over proves that it never arrived and never will.
    """

    time_ns: int
    venue: str
    account: str
    instrument: str
    client_id: str
    asked_ns: int = 0


class Filled(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """One execution of an order of the account. `liquidation`: the venue forced it."""

    time_ns: int
    venue: str
    account: str
    instrument: str
    trade_id: str
    order_id: str
    client_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal = Decimal(0)
    fee_asset: str = ""
    maker: bool = False
    liquidation: bool = False


class PositionReported(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What the account holds of an instrument: signed quantity in the venue's amount unit, 0 when it is flat."""

    time_ns: int
    venue: str
    account: str
    instrument: str
    quantity: Decimal
    entry_price: float | None = None


class BalanceReported(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What lies in the account of one asset. `equity` is with unrealised profit and option values, where the venue says."""

    time_ns: int
    venue: str
    account: str
    asset: str
    amount: Decimal
    available: Decimal | None = None
    equity: Decimal | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None


class OrdersListed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """All open orders of the account as of one answer: an order that is not in it is not open."""

    time_ns: int
    venue: str
    account: str
    asked_ns: int
    orders: tuple[OrderReported, ...]


class PositionsListed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """All positions of the account as of one answer: what is not in it is flat."""

    time_ns: int
    venue: str
    account: str
    asked_ns: int
    positions: tuple[PositionReported, ...]


class LineMoved(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A connection to a venue came up or went down: `line` is `public` or `private`.

    Up means subscribed and, if private, authenticated.
    """

    time_ns: int
    venue: str
    account: str
    line: str
    up: bool
    reason: str = ""


class ClockMeasured(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The venue's clock against ours: venue time = our time + `offset_ns`, right to half of `round_trip_ns`."""

    time_ns: int
    venue: str
    offset_ns: int
    round_trip_ns: int


class EffectAnswered(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What became of one attempt at an effect, by its key.

    accepted: the venue did it (an order's own fate comes as `OrderReported`). refused: the venue did not and will not.
    expired: it arrived after its validity, so it was not done. unknown: sent, and no answer that settles it.
    unsent: it never left, so it was not done.
    """

    time_ns: int
    venue: str
    account: str
    key: str
    outcome: Literal["accepted", "refused", "expired", "unknown", "unsent"]
    code: str = ""
    detail: str = ""


# what the guard measures of itself


class SystemMeasured(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Something measured of the guard itself. `subject` says of what, where there are several; units as in `name`.

    The names that are listened to: see `holdfast/detectors/system`.
    """

    time_ns: int
    name: str
    value: float
    subject: str = ""


AccountEvent = (
    OrderReported
    | OrderAbsent
    | Filled
    | PositionReported
    | BalanceReported
    | OrdersListed
    | PositionsListed
    | LineMoved
    | ClockMeasured
    | EffectAnswered
)

Event = (
    Alert
    | AlertCleared
    | ScoreMoved
    | LevelMoved
    | ResyncRequested
    | Quarantined
    | Decided
    | RiskMeasured
    | SystemMeasured
    | AccountEvent
)
