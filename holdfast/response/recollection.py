"""Recollection: what executions ask about the keys of their steps: the outbox, and what was intended in runs still going.

Rules:

1. The outbox forgets an intent's action when it is settled; here it is kept until its run ends.
2. State changes only by folding the journal's records, so a restart recollects the same.
"""

from decimal import Decimal
from typing import Protocol

from holdfast.event import AccountEvent
from holdfast.receipt import Intended, PlaybookEnded, Receipt, Settled


class Fates(Protocol):
    """What the outbox knows of keys."""

    def settled(self, key: str) -> Settled | None:
        """Return the final fate of a key."""
        ...

    def filled(self, key: str) -> Decimal:
        """Return how much of a key's order was filled."""
        ...


class Recollection:
    """An `OutboxView` over an outbox. Fold every record of the journal into both."""

    def __init__(self, outbox: Fates) -> None:
        self._outbox = outbox
        self._intended: dict[str, dict[str, Intended]] = {}

    def fold(self, record: Receipt | AccountEvent) -> None:
        """Take in the next record."""
        if isinstance(record, Intended):
            self._intended.setdefault(_run_of(record.key), {})[record.key] = record
        elif isinstance(record, PlaybookEnded):
            self._intended.pop(record.run, None)

    def intended(self, key: str) -> Intended | None:
        """Return the intent of a key of a run that has not ended."""
        return self._intended.get(_run_of(key), {}).get(key)

    def settled(self, key: str) -> Settled | None:
        """Return the final fate of a key."""
        return self._outbox.settled(key)

    def filled(self, key: str) -> Decimal:
        """Return how much of a key's order was filled."""
        return self._outbox.filled(key)


def _run_of(key: str) -> str:
    return key.split("/", 1)[0]
