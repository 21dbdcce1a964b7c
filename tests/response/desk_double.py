"""A desk in a few lines for the tests of executions: a book a symbol, fills by hand, an outbox that is only its fold."""

from collections.abc import Callable
from decimal import Decimal

from holdfast.action import Action, PlaceOrder
from holdfast.event import Scope
from holdfast.instrument import Instrument, listed
from holdfast.order import sign_of
from holdfast.policy.governor.exposure import coins_of
from holdfast.receipt import Intended, PermitMoved, Settled
from holdfast.response.execution.base import Plan, Progress
from holdfast.response.execution.registry import advance, plan
from holdfast.response.verb import Verb
from holdfast.response.view import Moment

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
DESK = Scope()

INVERSE = listed("0.5", "10", venue="deribit", symbol="BTC-PERPETUAL", kind="perpetual", base="BTC", quote="USD",
                 settle="BTC", inverse=True, contract_size=10.0)  # fmt: skip
LINEAR = listed("0.1", "0.001", venue="binance", symbol="BTCUSDT", kind="perpetual", base="BTC", quote="USDT",
                settle="USDT")  # fmt: skip
ETHER = listed("0.01", "0.01", venue="binance", symbol="ETHUSDT", kind="perpetual", base="ETH", quote="USDT",
               settle="USDT")  # fmt: skip
OPTION = listed("0.0001", "0.1", venue="deribit", symbol="BTC-26DEC25-100000-C", kind="option", base="BTC", quote="BTC",
                settle="BTC", inverse=True, expiry_ns=1, strike=1e5, option_type="call")  # fmt: skip


class FoldedOutbox:
    """What an outbox knows, rebuilt from its receipts alone."""

    def __init__(self) -> None:
        self.intents: dict[str, Intended] = {}
        self.fates: dict[str, Settled] = {}
        self.fills: dict[str, Decimal] = {}

    def intended(self, key: str) -> Intended | None:
        return self.intents.get(key)

    def settled(self, key: str) -> Settled | None:
        return self.fates.get(key)

    def filled(self, key: str) -> Decimal:
        return self.fills.get(key, Decimal(0))


class Desk:
    """The world of one step: what is held, what is in flight, and what the step is told of both."""

    def __init__(self, *instruments: Instrument) -> None:
        self.view = Moment(now_ns=START)
        self.outbox = FoldedOutbox()
        self.real: dict[tuple[str, str, str], Decimal] = {}
        self.sent: list[tuple[str, Action]] = []
        self.permits: list[PermitMoved] = []
        for one in instruments:
            self.view.instruments[(one.venue, one.symbol)] = one
            if (one.venue, "main") not in self.view.known_accounts:
                self.view.known_accounts.append((one.venue, "main"))

    def quote(
        self, one: Instrument, mid: float, size: float = 1e9, levels: int = 10, step: float = 0.0
    ) -> None:
        """Set mark and book around a mid: `levels` of `size` each side."""
        tick = step or float(one.tick_size)
        bids = [(mid - tick * (i + 1), size) for i in range(levels)]
        asks = [(mid + tick * (i + 1), size) for i in range(levels)]
        self.view.books[(one.venue, one.symbol)] = (bids, asks)
        self.view.marks[(one.venue, one.symbol)] = mid
        self.refresh()

    def hold(self, one: Instrument, quantity: str | Decimal, account: str = "main") -> None:
        """Hold a position, known to everybody."""
        self.real[(one.venue, account, one.symbol)] = Decimal(quantity)
        self.report()

    def report(self) -> None:
        """Let the view catch up with what is really held."""
        self.view.positions = dict(self.real)
        self.refresh()

    def refresh(self) -> None:
        """Bring pendings and deltas of the view in line with orders and positions."""
        pendings: dict[tuple[str, str, str], Decimal] = {}
        for key, intended in self.outbox.intents.items():
            order = intended.action
            if isinstance(order, PlaceOrder) and key not in self.outbox.fates:
                at = (order.venue, order.account, order.instrument)
                unfilled = order.quantity - self.outbox.filled(key)
                pendings[at] = pendings.get(at, Decimal(0)) + sign_of(order.side) * unfilled
        self.view.pendings = pendings
        for (venue, account, symbol), quantity in self.view.positions.items():
            one, mark = self.view.instruments.get((venue, symbol)), self.view.marks.get((venue, symbol))
            coins = coins_of(one, quantity, mark) if one is not None and mark else None
            if coins is not None:
                self.view.deltas[(venue, account, symbol)] = float(coins)

    def take(self, progress: Progress) -> None:
        """Submit what is wanted."""
        self.permits += progress.permits
        for permit in progress.permits:
            self.view.permits[permit.scope] = permit.permit
        for wanted in progress.wanted:
            assert wanted.key not in self.outbox.intents, "a key is used twice"
            self.outbox.intents[wanted.key] = Intended(
                self.view.now_ns, wanted.key, wanted.action, wanted.reason
            )
            self.sent.append((wanted.key, wanted.action))
        self.refresh()

    def fill(self, key: str, quantity: Decimal) -> None:
        """Execute part of an order at the venue; the outbox hears of it, the position is reported later."""
        order = self.outbox.intents[key].action
        assert isinstance(order, PlaceOrder)
        at = (order.venue, order.account, order.instrument)
        self.real[at] = self.real.get(at, Decimal(0)) + sign_of(order.side) * quantity
        self.outbox.fills[key] = self.outbox.filled(key) + quantity

    def settle(self, key: str, outcome: str = "done", code: str = "") -> None:
        """Tell the fate of a key."""
        self.outbox.fates[key] = Settled(self.view.now_ns, key, outcome, code)  # type: ignore[arg-type]
        self.refresh()

    def open_keys(self) -> list[str]:
        """Return the keys without a fate."""
        return [key for key in self.outbox.intents if key not in self.outbox.fates]

    def fill_all(self, share: str = "1") -> None:
        """Fill and settle everything that is open."""
        for key in self.open_keys():
            order = self.outbox.intents[key].action
            if isinstance(order, PlaceOrder):
                lot = Decimal(self.view.instruments[(order.venue, order.instrument)].lot_size)
                self.fill(key, order.quantity * Decimal(share) // lot * lot)
            self.settle(key)
        self.report()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.view.now_ns += round(seconds * SECOND)


class Step:
    """One step of a run on a desk."""

    def __init__(
        self, desk: Desk, verb: Verb, scope: Scope = DESK, run: str = "run-1", step: str = "step"
    ) -> None:
        self.desk, self.verb, self.run, self.step = desk, verb, run, step
        self.plan: Plan = plan(verb, scope, desk.view)

    def advance(self) -> Progress:
        """Advance once and submit what is wanted."""
        desk = self.desk
        progress = advance(
            desk.view.now_ns, self.run, self.step, self.verb, self.plan, desk.view, desk.outbox
        )
        desk.take(progress)
        return progress

    def run_out(self, each: Callable[[], None], turns: int = 500, seconds: float = 1.0) -> Progress:
        """Advance until the step ends, doing `each` in between."""
        for _ in range(turns):
            progress = self.advance()
            if progress.ended is not None:
                return progress
            each()
            self.desk.wait(seconds)
        raise AssertionError("the step does not end")
