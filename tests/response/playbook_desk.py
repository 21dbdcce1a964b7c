"""A small desk for playbook tests: a journal, a venue that does what it is told once a key, and a clock by hand."""

from collections import Counter
from decimal import Decimal
from typing import Any

from holdfast.action import CancelAll, PlaceOrder, Transfer
from holdfast.clock import SECOND_NS
from holdfast.event import BalanceReported, Scope
from holdfast.instrument import listed
from holdfast.receipt import Intended, PermitMoved, PlaybookArmed, Settled, StepLeft, Voted
from holdfast.response.playbook.checks import Vocabulary
from holdfast.response.playbook.library import Library
from holdfast.response.playbook.reader import read_playbooks
from holdfast.response.playbook.runner import NotStarted, Runner
from holdfast.response.view import Moment

START_NS = 1_760_131_080 * SECOND_NS
VENUE = Scope("deribit")
PERPETUAL = "BTC-PERPETUAL"
WORDS = Vocabulary(rules={"r-1": "A rule"}, detectors=("price_shock", "stale_feed", "depeg"))


def library_of(*texts: str, vocabulary: Vocabulary = WORDS) -> Library:
    """Return the playbooks of some texts, loaded."""
    return read_playbooks({f"{n}.yml": text for n, text in enumerate(texts)}, vocabulary)


class Crashed(Exception):
    """The process is gone, right after or right before a record was written."""


class PlainOutbox:
    """What the journal says of keys."""

    def __init__(self) -> None:
        self.intents: dict[str, Intended] = {}
        self.fates: dict[str, Settled] = {}

    def fold(self, receipt: object) -> None:
        if isinstance(receipt, Intended):
            self.intents.setdefault(receipt.key, receipt)
        elif isinstance(receipt, Settled):
            self.fates.setdefault(receipt.key, receipt)

    def intended(self, key: str) -> Intended | None:
        return self.intents.get(key)

    def settled(self, key: str) -> Settled | None:
        return self.fates.get(key)

    def filled(self, key: str) -> Decimal:
        intent = self.intents.get(key)
        done = key in self.fates and self.fates[key].outcome == "done"
        return intent.action.quantity if done and isinstance(intent.action, PlaceOrder) else Decimal(0)


class Desk:
    """A desk with one venue, one account and a long perpetual; everything it does stands in its journal."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.journal: list[object] = []
        self.now_ns = START_NS
        self.values: dict[str, Any] = {}
        self.refuses: set[type] = set()
        self.effects: Counter[str] = Counter()
        self.told: list[str] = []
        self.notices: list[str] = []
        self.at_venue: dict[str, object] = {}
        self.fuse = 0  # the crash comes at this many records from now; 0: never
        listing = listed(
            "0.5", "10", venue="deribit", symbol=PERPETUAL, kind="perpetual", base="BTC", quote="USD",
            settle="BTC", inverse=True,
        )  # fmt: skip
        book = (
            [(59_990.0 - n, 200_000.0) for n in range(20)],
            [(60_010.0 + n, 200_000.0) for n in range(20)],
        )
        where = ("deribit", PERPETUAL)
        self.view = Moment(
            now_ns=self.now_ns,
            instruments={where: listing},
            positions={("deribit", "main", PERPETUAL): Decimal(60_000)},
            books={where: book},
            marks={where: 60_000.0},
            prices_usd={"BTC": 60_000.0, "USD": 1.0},
            known_accounts=[("deribit", "main")],
        )
        self.runner, self.outbox = Runner(library), PlainOutbox()

    def write(self, receipt: object) -> None:
        """Journal a receipt and fold it everywhere."""
        if self.fuse:
            self.fuse -= 1
            if self.fuse == 0:
                raise Crashed
        self.journal.append(receipt)
        self.runner.fold(receipt)
        self.outbox.fold(receipt)
        if isinstance(receipt, PermitMoved):
            self.view.permits[receipt.scope] = receipt.permit

    def arm(self, playbook: str, mode: str) -> None:
        self.write(PlaybookArmed(self.now_ns, playbook, mode, "ann"))

    def start(self, playbook: str, scope: Scope = VENUE, trigger: str = "a test") -> str:
        """Start a playbook, let everything go on, and return the run's name."""
        started = self.runner.start(self.now_ns, playbook, scope, trigger)
        assert not isinstance(started, NotStarted), started
        self.write(started)
        self.settle()
        return started.run

    def event(self, event: object) -> list[object]:
        found = self.runner.on_event(self.now_ns, event)
        for one in found:
            if not isinstance(one, NotStarted):
                self.write(one)
        return found

    def later(self, seconds: float) -> None:
        """Let time pass, waking what wants to be woken on the way."""
        end_ns = self.now_ns + round(seconds * SECOND_NS)
        self.settle()
        while self.now_ns < end_ns:
            wake_ns = self.advance().wake_ns
            self.now_ns = min(max(wake_ns, self.now_ns + SECOND_NS // 4), end_ns) if wake_ns else end_ns
            self.settle()

    def advance(self):
        self.view.now_ns = self.now_ns
        return self.runner.advance(self.now_ns, self.view, self.outbox, lambda _scope: self.values)

    def settle(self) -> None:
        """Do everything that can be done now."""
        for _ in range(500):
            if not self.once():
                return
        raise AssertionError("it never comes to rest")

    def once(self) -> bool:
        """Do what is due once; tell whether anything happened."""
        due = self.advance()
        self.notices += due.notices
        for receipt in due.receipts:
            self.write(receipt)
        fresh = [one for one in due.wanted if self.outbox.intended(one.key) is None]
        for one in fresh:
            self.write(Intended(self.now_ns, one.key, one.action, one.reason))
        asked = [account for account in due.ask if self.view.reconciled.get(account) != self.now_ns]
        self.view.reconciled |= dict.fromkeys(asked, self.now_ns)
        done = [self.carry_out(key) for key in list(self.outbox.intents) if key not in self.outbox.fates]
        return bool(due.receipts or fresh or asked or done)

    def carry_out(self, key: str) -> None:
        """Have the venue do an action, once a key, and journal its answer."""
        action = self.outbox.intents[key].action
        if type(action) in self.refuses:
            self.write(Settled(self.now_ns, key, "refused", "venue.no", "the venue says no"))
            return
        if key not in self.at_venue:
            self.at_venue[key] = action
            self.effects[key] += 1
            self.apply(action)
        self.write(Settled(self.now_ns, key, "done"))

    def apply(self, action: object) -> None:
        if isinstance(action, PlaceOrder):
            held = (action.venue, action.account, action.instrument)
            sign = 1 if action.side == "buy" else -1
            self.view.positions[held] = self.view.position(*held) + sign * action.quantity
        elif isinstance(action, CancelAll):
            self.view.orders = {
                key: n for key, n in self.view.orders.items() if key[:2] != (action.venue, action.account)
            }
        elif isinstance(action, Transfer):
            for account, sign in ((action.from_account, -1), (action.to_account, 1)):
                old = self.view.balances.get((action.venue, account, action.asset))
                amount = (old.amount if old else Decimal(0)) + sign * action.amount
                self.view.balances[action.venue, account, action.asset] = BalanceReported(
                    time_ns=self.now_ns, venue=action.venue, account=account, asset=action.asset,
                    amount=amount, available=amount,
                )  # fmt: skip

    def crash(self) -> None:
        """Lose everything that is not in the journal and fold it again."""
        self.fuse = 0
        self.runner, self.outbox = Runner(self.library), PlainOutbox()
        self.view.permits = {}
        for receipt in self.journal:
            self.runner.fold(receipt)
            self.outbox.fold(receipt)
            if isinstance(receipt, PermitMoved):
                self.view.permits[receipt.scope] = receipt.permit

    def vote(self, approval: str, operator: str, approves: bool, *roles: str) -> object:
        said = self.runner.approvals.vote(self.now_ns, approval, operator, roles, approves)
        if isinstance(said, Voted):
            self.write(said)
        return said

    def receipts(self, kind: type) -> list[Any]:
        return [receipt for receipt in self.journal if isinstance(receipt, kind)]

    def path(self, run: str) -> list[str]:
        """Return the steps of a run as `name outcome`."""
        return [f"{one.step} {one.outcome}" for one in self.receipts(StepLeft) if one.run == run]
