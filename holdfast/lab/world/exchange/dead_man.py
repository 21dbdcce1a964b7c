"""Dead-man switches: orders that are cancelled unless their owner is heard from in time.

Rules:

1. A switch covers the account (`account`) or one instrument. Setting it again moves its deadline, 0 disarms it; after it has
   fired it is disarmed.
2. One timer a switch is on its way at a time: when it comes early, it is sent to the new deadline.
"""

from holdfast.lab.world.exchange.account import Account
from holdfast.lab.world.exchange.matching import Matching
from holdfast.lab.world.exchange.news import AccountCancelled
from holdfast.lab.world.exchange.state import VenueState

MILLISECOND_NS = 1_000_000


class DeadMan:
    """Keeps the switches of all accounts."""

    def __init__(self, state: VenueState, matching: Matching) -> None:
        self._state = state
        self._matching = matching
        self._timers: dict[tuple[str, str], int] = {}

    def arm(self, account: Account, timeout_ms: int, scope: str) -> None:
        """Set, move or (0) disarm a switch."""
        if timeout_ms <= 0:
            account.dead_man.pop(scope, None)
            return
        deadline = self._state.now_ns + timeout_ms * MILLISECOND_NS
        account.dead_man[scope] = deadline
        running = self._timers.get((account.name, scope))
        if running is None or running > deadline:
            self._start(account, scope, deadline)

    def _start(self, account: Account, scope: str, due_ns: int) -> None:
        self._timers[account.name, scope] = due_ns
        self._state.at(due_ns, lambda came_ns: self._fire(account, scope, came_ns))

    def _fire(self, account: Account, scope: str, came_ns: int) -> None:
        if self._timers.get((account.name, scope)) != came_ns:
            return
        del self._timers[account.name, scope]
        deadline = account.dead_man.get(scope)
        if deadline is None:
            return
        if deadline > came_ns:
            self._start(account, scope, deadline)
            return
        del account.dead_man[scope]
        instrument = "" if scope == "account" else scope
        waiting = [
            resting
            for resting in account.orders.values()
            if not instrument or resting.order.instrument == instrument
        ]
        self._matching.cancel_many(waiting, "dead_man")
        news = AccountCancelled(account.name, instrument, came_ns, "dead_man", len(waiting))
        self._state.news.append(news)
