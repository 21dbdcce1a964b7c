"""Sight: what the governor sees of the desk and the market. Whoever keeps a view of the desk gives it this face.

Rules:

1. What is not known is None or empty, never a guess.
2. `pending` counts every order in flight or of unknown fate at its full unfilled size, until the venue says otherwise.
"""

from decimal import Decimal
from typing import Protocol

from holdfast.event import Scope
from holdfast.instrument import Instrument

Held = tuple[str, str, str]
"""Venue, account and instrument of something held."""


class Sight(Protocol):
    """The desk and the market at `now_ns`. Quantities are in the unit the venue counts amounts in, signed."""

    @property
    def now_ns(self) -> int:
        """Return the node's time, UTC nanoseconds."""
        ...

    def position(self, venue: str, account: str, instrument: str) -> Decimal:
        """Return what is held, 0 when flat."""
        ...

    def pending(self, venue: str, account: str, instrument: str) -> Decimal:
        """Return the signed exposure of orders in flight or unknown: what they would add if all of them filled."""
        ...

    def held(self, scope: Scope) -> list[Held]:
        """Return what is held in a scope, and what has orders pending there."""
        ...

    def instrument(self, venue: str, symbol: str) -> Instrument | None:
        """Return the terms of a listed instrument."""
        ...

    def mark(self, venue: str, symbol: str) -> float | None:
        """Return the venue's mark price in the instrument's own quote (coins for an inverse option)."""
        ...

    def delta(self, venue: str, account: str, symbol: str) -> float | None:
        """Return the delta of a position in coins of its base asset; None where it cannot be known."""
        ...

    def price_usd(self, asset: str) -> float | None:
        """Return what one coin is worth in US dollars (1 for the dollar and the coins that stand for it)."""
        ...
