"""Faults: what goes wrong at a venue of the world, set from outside while it runs.

1. A fault changes what a client hears or reaches, never what the exchange has done: an order whose answer was lost is in
   the book.
2. A frozen venue keeps its connections, says nothing, and works off what it was sent once it thaws.
3. A mute venue does what it is asked, and loses on the way what it would say of orders, fills and positions by itself.
4. Faults that are counted (`hurt_effects`, `duplicate_updates`, `skip_updates`) end by themselves.
"""

from typing import Final, Literal

import msgspec

from holdfast.lab.world.exchange.news import (
    AccountCancelled,
    BalanceMoved,
    Executed,
    Liquidated,
    News,
    OrderMoved,
    PositionMoved,
)

OWN: Final = (AccountCancelled, BalanceMoved, Executed, Liquidated, OrderMoved, PositionMoved)
"""News of one account."""

EffectAnswer = Literal["given", "error", "lost"]
"""What becomes of the answer to an effect that was accepted: given, replaced by a server error, or never sent."""


class Faults(msgspec.Struct):
    """The faults of one venue. Times in nanoseconds; every default is a venue that works."""

    is_frozen: bool = False
    is_refusing: bool = False
    is_mute: bool = False
    clock_offset_ns: int = 0
    delay_ns: int = 0
    effect_answer: EffectAnswer = "given"
    effects_left: int = 0
    duplicates_left: int = 0
    skips_left: int = 0
    drops_asked: int = 0

    def let_through(self, news: list[News]) -> list[News]:
        """Return what clients hear of it: nothing of an account's own while the venue is mute."""
        return [one for one in news if not isinstance(one, OWN)] if self.is_mute else news

    def hurt_effects(self, answer: EffectAnswer, count: int) -> None:
        """Have the answers of the next `count` accepted orders, cancels and transfers replaced or lost."""
        self.effect_answer, self.effects_left = answer, count

    def duplicate_updates(self, count: int) -> None:
        """Have the next `count` book updates sent twice."""
        self.duplicates_left = count

    def skip_updates(self, count: int) -> None:
        """Have the next `count` book updates lost on the way."""
        self.skips_left = count

    def drop_sessions(self) -> None:
        """Have every open session end now."""
        self.drops_asked += 1

    def take_effect_answer(self) -> EffectAnswer:
        """Return what becomes of the answer to an effect that was just done."""
        if self.effects_left <= 0:
            return "given"
        self.effects_left -= 1
        return self.effect_answer

    def take_update_copies(self) -> int:
        """Return how many times a book update is to be sent: 0, 1 or 2."""
        if self.skips_left > 0:
            self.skips_left -= 1
            return 0
        if self.duplicates_left > 0:
            self.duplicates_left -= 1
            return 2
        return 1
