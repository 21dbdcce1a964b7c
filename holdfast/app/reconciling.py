"""Reconciling: when every account is asked for its orders, positions and balances, and how the answers differ from our view.

Rules:

1. At start, when a private line comes up, when a playbook wants it, and each `every_s` seconds.
2. An account is reconciled as of the moment the questions were asked, once orders and positions of that moment are told.
3. An answer that does not come is asked for again after `ANSWER_S_MAX`.
4. A node that did not run for `GAP_S_MAX` (stopped, suspended, starved) knows nothing for certain until it has asked again.
"""

from typing import Final

from holdfast.clock import SECOND_NS
from holdfast.event import AccountEvent, LineMoved, OrdersListed, PositionsListed
from holdfast.market.blotter import Blotter
from holdfast.market.difference import Difference
from holdfast.response.view import Account
from holdfast.venues.client import Client

ANSWER_S_MAX: Final = 5
REFUSED: Final = "credentials.refused: "
"""How a client begins the reason for which a line ended, when the venue does not know the key or the secret."""
GAP_S_MAX: Final = 3
SPACING_NS_MIN: Final = SECOND_NS // 2  # a playbook that waits for an answer asks no oftener


class Reconciling:
    """Keep the questions and their answers, by account."""

    def __init__(self, blotter: Blotter, every_s: float) -> None:
        self.differences: dict[Account, tuple[str, ...]] = {}
        self.reconciled_ns: dict[Account, int] = {}
        self._blotter = blotter
        self._every_ns = round(every_s * SECOND_NS)
        self._wanted: dict[Account, None] = {}
        self._asked_ns: dict[Account, int] = {}
        self._answered: dict[Account, dict[type, tuple[int, tuple[str, ...]]]] = {}
        self._up_ns: dict[Account, int] = {}
        self.refused: dict[Account, str] = {}
        self.was_up = False
        self._ticked_ns = 0

    @property
    def oldest_ns(self) -> int:
        """Return as of when the account that was reconciled longest ago was, 0 where one never was."""
        accounts = self._blotter.accounts_of()
        return min((self.reconciled_ns.get(account, 0) for account in accounts), default=0)

    def is_current(self, client: Client) -> bool:
        """Tell whether an account can be acted on, and what is known of it is fresh."""
        return client.is_ready and self.is_fresh(client.venue, client.account)

    def is_fresh(self, venue: str, account: str) -> bool:
        """Tell whether an account was reconciled since its private line came up, and since the last gap."""
        up_ns = self._up_ns.get((venue, account))
        return up_ns is not None and self.reconciled_ns.get((venue, account), 0) >= up_ns

    def want(self, venue: str, account: str) -> None:
        """Have an account asked as soon as it may be."""
        self._wanted[venue, account] = None

    def on_tick(self, now_ns: int) -> None:
        """Want what is due by time: the regular questions, those that were not answered, all of them after a gap."""
        if self._ticked_ns and now_ns - self._ticked_ns > GAP_S_MAX * SECOND_NS:
            for account in self._up_ns:
                self._up_ns[account] = now_ns
                self._wanted[account] = None
        self._ticked_ns = now_ns
        for account in self._blotter.accounts_of():
            asked_ns = self._asked_ns.get(account, 0)
            is_open = self.reconciled_ns.get(account, 0) < asked_ns
            wait_ns = ANSWER_S_MAX * SECOND_NS if is_open else self._every_ns
            if now_ns - asked_ns >= wait_ns:
                self._wanted[account] = None

    def take_due(self, now_ns: int) -> list[Account]:
        """Return the accounts to be asked now."""
        due = [one for one in self._wanted if now_ns - self._asked_ns.get(one, 0) >= SPACING_NS_MIN]
        for account in due:
            del self._wanted[account]
            self._asked_ns[account] = now_ns
        return due

    def hear(self, event: AccountEvent, differences: list[Difference]) -> None:
        """Take in an answer and what it differs in, and which private lines are up."""
        if isinstance(event, LineMoved) and event.line == "private":
            place = event.venue, event.account
            self._up_ns.pop(place, None)
            if event.up:
                self._up_ns[place] = event.time_ns
                self.refused.pop(place, None)
                self.was_up = True
            elif event.reason.startswith(REFUSED):
                self.refused[place] = event.reason.removeprefix(REFUSED)
        if not isinstance(event, OrdersListed | PositionsListed):
            return
        account = event.venue, event.account
        answered = self._answered.setdefault(account, {})
        answered[type(event)] = event.asked_ns, tuple(str(one) for one in differences)
        asked_ns = self._asked_ns.get(account, 0)
        if len(answered) == 2 and all(at_ns >= asked_ns for at_ns, _ in answered.values()):
            self.reconciled_ns[account] = min(at_ns for at_ns, _ in answered.values())
        self.differences[account] = tuple(line for _, lines in answered.values() for line in lines)
