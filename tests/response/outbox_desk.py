"""A desk of one outbox whose journal is a list: what it writes, sends and asks is there to look at."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from outbox_world import ACCOUNT, INSTRUMENT, SECOND, VENUE

from holdfast.action import Action
from holdfast.event import (
    BalanceReported,
    EffectAnswered,
    Filled,
    OrderAbsent,
    OrderReported,
)
from holdfast.receipt import Attempted, Intended, NodeStarted, Settled
from holdfast.response.dispatch import Ask, Send
from holdfast.response.outbox import Outbox
from holdfast.response.patience import Patience

KEY = "run/step/0"
PATIENCE = Patience()
OVER = 2 * SECOND  # validity and margin


class Desk:
    """An outbox whose journal is a list: `written` is everything, durable unless it is held back."""

    def __init__(self, *, durable: bool = True) -> None:
        self.outbox = Outbox()
        self.now_ns = 1000 * SECOND
        self.durable = durable
        self.written: list[Any] = []
        self.sent: list[Any] = []
        self.write([NodeStarted(self.now_ns, "node", 1)])

    def write(self, records: Sequence[Any]) -> list[Any]:
        """Fold and keep records; tell that they are durable; collect what leaves."""
        for record in records:
            self.outbox.fold(record)
            self.written.append(record)
        if self.durable:
            for record in records:
                self.outbox.on_durable(self.now_ns, record)
        self.sent += self.outbox.take_dispatches()
        return list(records)

    def submit(self, action: Action, key: str = KEY) -> list[Any]:
        """Want something done."""
        return self.write(self.outbox.submit(self.now_ns, key, action, "because"))

    def hear(self, event: Any) -> list[Any]:
        """Take in an event."""
        if self.outbox.concerns(event):
            self.write([event])
        return self.write(self.outbox.on_event(self.now_ns, event))

    def at(self, after_ns: int) -> list[Any]:
        """Let time pass, and do what is due."""
        self.now_ns += after_ns
        return self.write(self.outbox.on_wake(self.now_ns))

    def answer(self, outcome: str, *, key: str = KEY, attempt: int = 0, code: str = "") -> list[Any]:
        """Bring a client's answer to the last attempt, or to the one named."""
        tag = f"{key}#{attempt}" if attempt else key
        return self.hear(
            EffectAnswered(
                time_ns=self.now_ns,
                venue=VENUE,
                account=ACCOUNT,
                key=tag,
                outcome=outcome,  # type: ignore[arg-type]
                code=code,
            )
        )

    def report(self, state: str, filled: int, *, reason: str = "") -> list[Any]:
        """Bring a report of the order of `KEY`."""
        return self.hear(self.reported(state, filled, reason))

    def reported(self, state: str, filled: int, reason: str = "") -> OrderReported:
        """Return a report of the order of `KEY`."""
        return OrderReported(
            time_ns=self.now_ns,
            venue=VENUE,
            account=ACCOUNT,
            instrument=INSTRUMENT,
            order_id="1",
            client_id=self.client_id,
            side="sell",
            quantity=Decimal(4),
            filled=Decimal(filled),
            state=state,  # type: ignore[arg-type]
            reason=reason,
        )

    def absent(self, asked_ns: int = 0) -> list[Any]:
        """Bring the answer that the venue knows no such order."""
        return self.hear(
            OrderAbsent(
                time_ns=self.now_ns,
                venue=VENUE,
                account=ACCOUNT,
                instrument=INSTRUMENT,
                client_id=self.client_id,
                asked_ns=asked_ns,
            )
        )

    def fill(self, quantity: int, trade_id: str = "t1") -> list[Any]:
        """Bring an execution of the order of `KEY`."""
        return self.hear(
            Filled(
                time_ns=self.now_ns,
                venue=VENUE,
                account=ACCOUNT,
                instrument=INSTRUMENT,
                trade_id=trade_id,
                order_id="1",
                client_id=self.client_id,
                side="sell",
                price=Decimal(1),
                quantity=Decimal(quantity),
            )
        )

    def balance(self, account: str, amount: int) -> list[Any]:
        """Bring a balance."""
        return self.hear(
            BalanceReported(
                time_ns=self.now_ns, venue=VENUE, account=account, asset="BTC", amount=Decimal(amount)
            )
        )

    @property
    def client_id(self) -> str:
        """Return the client id of `KEY`."""
        return next(each.client_id for each in self.written if isinstance(each, Intended) and each.key == KEY)

    @property
    def sends(self) -> list[Send]:
        """Return what left."""
        return [each for each in self.sent if isinstance(each, Send)]

    @property
    def asks(self) -> list[Ask]:
        """Return what was asked."""
        return [each for each in self.sent if isinstance(each, Ask)]


def settled(records: Sequence[Any]) -> list[tuple[str, str]]:
    """Return what was settled, and why."""
    return [(each.outcome, each.code) for each in records if isinstance(each, Settled)]


def attempts(records: Sequence[Any]) -> list[int]:
    """Return the attempts among records."""
    return [each.attempt for each in records if isinstance(each, Attempted)]
