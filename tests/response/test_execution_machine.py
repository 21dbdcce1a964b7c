"""Executions under any interleaving of partial fills, lost answers, late reports, moving books and restarts.

The world of these machines does not enforce reduce-only: what keeps a position from crossing zero is the sizing alone.
"""

import copy
from decimal import Decimal

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from holdfast.action import PlaceOrder
from holdfast.order import sign_of
from holdfast.policy.governor.exposure import coins_of
from holdfast.response.execution.registry import advance
from holdfast.response.verb import Flatten, HedgeDelta, Reduce
from tests.response.desk_double import DESK, ETHER, INVERSE, LINEAR, Desk, Step

EXAMPLES = settings(max_examples=60, stateful_step_count=40)
MIDS = {LINEAR.symbol: 100_000.0, INVERSE.symbol: 100_000.0, ETHER.symbol: 4_000.0}


class Venue(RuleBasedStateMachine):
    """What every machine may do: orders fill in parts, heard or not; fates and reports come when they come."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(LINEAR, INVERSE, ETHER)
        self.step: Step | None = None
        self.done: dict[str, Decimal] = {}  # what of each order was really executed

    def quote(self, shift: float = 0.0, size: float = 1e9) -> None:
        for one in (LINEAR, INVERSE, ETHER):
            self.desk.quote(one, round(MIDS[one.symbol] * (1.0 + shift), 0), size)

    def order(self, key: str) -> PlaceOrder:
        order = self.desk.outbox.intents[key].action
        assert isinstance(order, PlaceOrder)
        return order

    def execute(self, key: str, part: Decimal) -> None:
        order = self.order(key)
        at = (order.venue, order.account, order.instrument)
        self.desk.real[at] = self.desk.real.get(at, Decimal(0)) + sign_of(order.side) * part
        self.done[key] = self.done.get(key, Decimal(0)) + part

    @rule()
    def advance(self) -> None:
        if self.step is not None:
            self.step.advance()

    @rule(seconds=st.sampled_from([1.0, 8.0]))
    def advance_later(self, seconds: float) -> None:
        self.desk.wait(seconds)
        self.advance()

    @rule()
    def everything_fills_and_no_position_is_reported(self) -> None:
        for key in self.desk.open_keys():
            self.execute(key, self.order(key).quantity - self.done.get(key, Decimal(0)))
            self.desk.outbox.fills[key] = self.done[key]
            self.desk.settle(key)

    @rule()
    def crash_after_advancing(self) -> None:
        """What was wanted is lost, and a fresh process that folds the same records wants the same."""
        if self.step is None:
            return
        step, desk = self.step, self.desk
        arguments = (desk.view.now_ns, step.run, step.step, step.verb, step.plan)
        wanted = advance(*arguments, desk.view, desk.outbox)
        again = advance(*arguments, copy.deepcopy(desk.view), copy.deepcopy(desk.outbox))
        assert wanted == again

    @rule(which=st.integers(0, 9), share=st.integers(1, 4), is_heard=st.booleans())
    def fill(self, which: int, share: int, is_heard: bool) -> None:
        keys = self.desk.open_keys()
        if not keys:
            return
        key = keys[which % len(keys)]
        order = self.order(key)
        lot = Decimal(self.desk.view.instruments[(order.venue, order.instrument)].lot_size)
        left = order.quantity - self.done.get(key, Decimal(0))
        self.execute(key, left * share / 4 // lot * lot)
        if is_heard:
            self.desk.outbox.fills[key] = self.done[key]
            self.desk.refresh()

    @rule(which=st.integers(0, 9), outcome=st.sampled_from(["done", "refused", "expired"]))
    def settle(self, which: int, outcome: str) -> None:
        keys = self.desk.open_keys()
        if keys:
            key = keys[which % len(keys)]
            if self.done.get(key):
                outcome = "done"
            self.desk.outbox.fills[key] = self.done.get(key, Decimal(0))
            self.desk.settle(key, outcome)

    @rule()
    def report(self) -> None:
        self.desk.report()

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0]))
    def wait(self, seconds: float) -> None:
        self.desk.wait(seconds)

    @rule(shift=st.floats(-0.03, 0.03), size=st.sampled_from([0.0001, 1.0, 1e9]))
    def move(self, shift: float, size: float) -> None:
        self.quote(shift, size)

    @rule()
    def lose_the_books(self) -> None:
        self.desk.view.books.clear()

    def heal(self) -> None:
        for key in self.desk.open_keys():
            self.desk.outbox.fills[key] = self.done.get(key, Decimal(0))
            self.desk.settle(key)
        self.quote()
        self.desk.report()

    def finish(self) -> str:
        """Heal everything and let the step end."""
        assert self.step is not None
        self.heal()

        def all_fills() -> None:
            for key in self.desk.open_keys():
                self.execute(key, self.order(key).quantity - self.done.get(key, Decimal(0)))
            self.heal()

        ended = self.step.run_out(all_fills, turns=4_000, seconds=8.0).ended
        assert ended is not None
        return ended.outcome


class Unwinding(Venue):
    """Reduce and flatten."""

    @initialize(
        linear=st.integers(-20_000, 20_000),
        inverse=st.integers(-100_000, 100_000),
        ether=st.integers(-50_000, 50_000),
        fraction=st.sampled_from([0.1, 0.37, 0.5, 1.0]),
        share=st.sampled_from([0.1, 1.0]),
        slice_usd=st.sampled_from([300_000.0, 1e8]),
    )
    def begin(
        self, linear: int, inverse: int, ether: int, fraction: float, share: float, slice_usd: float
    ) -> None:
        self.quote()
        self.desk.hold(LINEAR, Decimal(linear).scaleb(-3))
        self.desk.hold(INVERSE, Decimal(inverse * 10))
        self.desk.hold(ETHER, Decimal(ether).scaleb(-2))
        self.start = dict(self.desk.real)
        worked = {
            "slice_share_max": share,
            "slice_usd_max": slice_usd,
            "patience_s": 80_000.0,
            "spacing_s": 1.0,
        }
        self.fraction = Decimal(repr(fraction))
        self.step = Step(
            self.desk, Flatten(**worked) if fraction == 1.0 else Reduce(fraction=fraction, **worked)
        )

    def least(self, at: tuple[str, str, str]) -> Decimal:
        """Return the size below which the position may never come: a lot of rounding is the target's own."""
        lot = Decimal(self.desk.view.instruments[at[0], at[2]].lot_size)
        return abs(self.start[at]) * (1 - self.fraction) // lot * lot

    @invariant()
    def never_crosses_zero_nor_its_target(self) -> None:
        if self.step is None:
            return
        for at, start in self.start.items():
            now = self.desk.real[at]
            assert now * start >= 0
            assert self.least(at) <= abs(now) <= abs(start)

    @invariant()
    def the_slices_never_sum_to_more_than_the_target(self) -> None:
        if self.step is None:
            return
        for at, start in self.start.items():
            spent = Decimal(0)
            for key, action in self.desk.sent:
                if isinstance(action, PlaceOrder) and (action.venue, action.account, action.instrument) == at:
                    assert action.reduce_only
                    assert sign_of(action.side) * start < 0
                    is_open = key not in self.desk.outbox.fates
                    spent += action.quantity if is_open else self.desk.outbox.filled(key)
            assert spent <= abs(start) - self.least(at)

    def teardown(self) -> None:
        if self.step is not None:
            assert self.finish() == "done"
            for at in self.start:
                lot = Decimal(self.desk.view.instruments[at[0], at[2]].lot_size)
                assert abs(self.desk.real[at]) - self.least(at) < lot


class Hedging(Venue):
    """The delta hedge, in an inverse and a linear contract, while marks move."""

    @initialize(
        inverse=st.integers(-100_000, 100_000),
        linear=st.integers(-9_000, 9_000),
        goal=st.sampled_from([0.0, 0.5, -0.5]),
        slice_usd=st.sampled_from([300_000.0, 1e8]),
    )
    def begin(self, inverse: int, linear: int, goal: float, slice_usd: float) -> None:
        self.quote()
        self.desk.hold(INVERSE, Decimal(inverse * 10))
        self.desk.hold(LINEAR, Decimal(linear).scaleb(-3))
        self.target = goal
        self.delta = self.real_delta()
        self.step = Step(
            self.desk,
            HedgeDelta(
                asset="BTC",
                instruments=("deribit:BTC-PERPETUAL", "binance:BTCUSDT"),
                tolerance=0.01,
                target=goal,
                patience_s=80_000.0,
                spacing_s=1.0,
                slice_usd_max=slice_usd,
            ),
            DESK,
        )

    def coins(self, order: PlaceOrder, quantity: Decimal) -> float:
        one = self.desk.view.instruments[(order.venue, order.instrument)]
        coins = coins_of(one, sign_of(order.side) * quantity, MIDS[order.instrument])
        assert coins is not None
        return float(coins)

    def real_delta(self) -> float:
        total = 0.0
        for (venue, _, symbol), quantity in self.desk.real.items():
            coins = coins_of(self.desk.view.instruments[(venue, symbol)], quantity, MIDS[symbol])
            assert coins is not None
            total += float(coins)
        return total

    @invariant()
    def trades_one_way_and_never_past_the_target(self) -> None:
        """Counted at one price, so that what the market did to the delta is not blamed on the hedge."""
        if self.step is None:
            return
        missing, traded = self.target - self.delta, 0.0
        for key, action in self.desk.sent:
            assert isinstance(action, PlaceOrder)
            assert sign_of(action.side) * missing > 0.0
            is_open = key not in self.desk.outbox.fates
            traded += self.coins(action, action.quantity if is_open else self.desk.outbox.filled(key))
        assert abs(traded) <= abs(missing) * 1.035 + 1e-9  # marks move by 3 % at most
        # |distance to the target| never grows
        assert abs(self.real_delta() - self.target) <= abs(missing) * 1.035 + 1e-9

    @precondition(lambda self: self.step is not None)
    @rule()
    def at_most_one_order_is_under_way(self) -> None:
        assert len(self.desk.open_keys()) <= 1

    def teardown(self) -> None:
        if self.step is None:
            return
        outcome = self.finish()
        assert outcome in ("done", "failed")
        if outcome == "done":
            assert abs(self.real_delta() - self.target) <= 0.01 + 1e-9


TestUnwinding = Unwinding.TestCase
TestUnwinding.settings = EXAMPLES
TestHedging = Hedging.TestCase
TestHedging.settings = EXAMPLES
