"""Tally: what was allowed in the last while, folded from the journal, so that a restart counts the same.

Rules:

1. What is allowed counts in full from the moment it was judged. What surely came to nothing gives its dollars back, but not
   its count; what was filled in part keeps the part that was.
2. A loss is counted as if all that filled had filled at the order's limit price: it is never less than that.
3. Entries older than the longest window are dropped.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from holdfast.action import PlaceOrder
from holdfast.clock import SECOND_NS
from holdfast.event import AccountEvent, Filled, OrderReported
from holdfast.policy.governor.limits import WINDOW_S_MAX
from holdfast.receipt import Intended, Judged, Receipt, Settled

MESSAGE_WINDOW_NS: Final = SECOND_NS
BRAKE: Final = "brake"


class Entry(msgspec.Struct, kw_only=True):
    """One action that was allowed. Units: dollars at worst, scaled by `share` once its fate is known."""

    time_ns: int
    key: str
    playbook: str
    venue: str
    kind: str
    notional_usd: float
    loss_usd: float
    quantity: Decimal = Decimal(0)
    client_id: str = ""
    reported: Decimal = Decimal(0)
    trades: dict[str, Decimal] = {}
    outcome: str = ""
    share: float = 1.0

    @property
    def run(self) -> str:
        """Return the run that wanted it."""
        return self.key.split("/", 1)[0]

    def reckon(self) -> None:
        """Work out the part that counts: all of it until its fate is known (rule 1)."""
        if self.outcome in ("", "abandoned"):
            self.share = 1.0
        elif self.quantity:
            filled = max(self.reported, sum(self.trades.values(), Decimal(0)))
            self.share = min(1.0, float(filled / self.quantity))
        else:
            self.share = 1.0 if self.outcome == "done" else 0.0


class Tally:
    """What was allowed, newest last."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._by_key: dict[str, Entry] = {}
        self._by_client_id: dict[str, Entry] = {}
        self._messages: dict[str, deque[tuple[int, bool]]] = {}

    def fold(self, record: Receipt | AccountEvent) -> None:
        """Take in the next record of the journal."""
        match record:
            case Judged(allowed=True):
                self._judged(record)
            case Intended() | Settled():
                entry = self._by_key.get(record.key)
                if entry is not None:
                    self._moved(entry, record)
            case OrderReported() | Filled():
                entry = self._by_client_id.get(record.client_id)
                if entry is not None:
                    self._moved(entry, record)
            case _:
                pass

    def since(self, time_ns: int) -> Iterator[Entry]:
        """Yield what was allowed after a time, newest first."""
        for entry in reversed(self._entries):
            if entry.time_ns <= time_ns:
                return
            yield entry

    def messages(self, venue: str, now_ns: int) -> tuple[int, int]:
        """Return how many messages a venue was sent in the last second, and how many of them were brakes."""
        recent = [
            is_brake for time_ns, is_brake in self._messages.get(venue, ()) if time_ns > now_ns - SECOND_NS
        ]
        return len(recent), sum(recent)

    def _moved(self, entry: Entry, record: Intended | Settled | OrderReported | Filled) -> None:
        match record:
            case Intended(action=PlaceOrder() as order):
                entry.quantity, entry.client_id = order.quantity, record.client_id
                self._by_client_id[record.client_id] = entry
            case Settled():
                entry.outcome = record.outcome
            case OrderReported():
                entry.reported = max(entry.reported, record.filled)
            case Filled():
                entry.trades[record.trade_id] = record.quantity
            case _:
                pass
        entry.reckon()

    def _judged(self, record: Judged) -> None:
        if record.venue:
            sent = self._messages.setdefault(record.venue, deque())
            sent.append((record.time_ns, record.kind == BRAKE))
            while sent and sent[0][0] <= record.time_ns - MESSAGE_WINDOW_NS:
                sent.popleft()
        if record.kind == BRAKE or record.key in self._by_key:
            return
        entry = Entry(
            time_ns=record.time_ns,
            key=record.key,
            playbook=record.playbook,
            venue=record.venue,
            kind=record.kind,
            notional_usd=record.notional_usd,
            loss_usd=record.loss_usd,
        )
        self._entries.append(entry)
        self._by_key[record.key] = entry
        horizon_ns = record.time_ns - round(WINDOW_S_MAX * SECOND_NS)
        while self._entries and self._entries[0].time_ns <= horizon_ns:
            old = self._entries.popleft()
            self._by_key.pop(old.key, None)
            self._by_client_id.pop(old.client_id, None)
