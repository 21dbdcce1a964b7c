"""The blotter beside a venue that tells everything, twice, late, in mixed-up order, or not at all until it is asked.

The venue's own books are the truth. At every moment the position, and whatever open orders can still make of it, lies
within the exposure; when everything was told and asked again, both know the same.
"""

from decimal import Decimal

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from holdfast.clock import SECOND_NS
from holdfast.event import (
    AccountEvent,
    Filled,
    OrderAbsent,
    OrderReported,
    OrdersListed,
    PositionReported,
    PositionsListed,
)
from holdfast.market.blotter import Blotter
from holdfast.market.holding import TRAVEL_NS_MAX
from holdfast.market.owner import Owners
from holdfast.order import NewOrder, sign_of

AT = {"venue": "v", "account": "a", "instrument": "X"}
STEP_NS = SECOND_NS // 4
MESSAGES_MAX = TRAVEL_NS_MAX // STEP_NS - 2  # so that none is on its way for longer than it may


class Sent:
    """An order as the venue's book holds it."""

    def __init__(self, number: int, side: str, quantity: int) -> None:
        self.number, self.side, self.quantity, self.filled = number, side, quantity, 0
        self.state = "in flight"  # then open, filled, cancelled, rejected, lost


class AgainstAVenue(RuleBasedStateMachine):
    @initialize(position=st.integers(-3, 3))
    def begin(self, position: int) -> None:
        self.now_ns = 1_000 * SECOND_NS
        self.blotter = Blotter(Owners("hf-", {}))
        self.position = position
        self.sent: list[Sent] = []
        self.messages: list[
            tuple[int, AccountEvent]
        ] = []  # (left the venue at, what), in the order of the stream
        self.trades = 0
        self.fold(self.listed_positions(self.now_ns))
        self.fold(self.listed_orders(self.now_ns))

    # the venue

    def order(self, one: Sent) -> OrderReported:
        return OrderReported(
            time_ns=self.now_ns,
            order_id=f"o{one.number}",
            client_id=f"hf-{one.number}",
            side=one.side,
            quantity=Decimal(one.quantity),
            filled=Decimal(one.filled),
            state=one.state,
            **AT,
        )  # type: ignore[arg-type]

    def listed_positions(self, asked_ns: int) -> PositionsListed:
        told = (
            (PositionReported(time_ns=self.now_ns, quantity=Decimal(self.position), **AT),)
            if self.position
            else ()
        )
        return PositionsListed(time_ns=self.now_ns, venue="v", account="a", asked_ns=asked_ns, positions=told)

    def listed_orders(self, asked_ns: int) -> OrdersListed:
        told = tuple(self.order(one) for one in self.sent if one.state == "open")
        return OrdersListed(time_ns=self.now_ns, venue="v", account="a", asked_ns=asked_ns, orders=told)

    def say(self, event: AccountEvent) -> None:
        self.messages.append((self.now_ns, event))

    def fold(self, event: AccountEvent) -> None:
        self.now_ns += STEP_NS
        fields = {"time_ns": self.now_ns}
        if isinstance(event, OrdersListed):
            fields["orders"] = tuple(_at(self.now_ns, one) for one in event.orders)
        if isinstance(event, PositionsListed):
            fields["positions"] = tuple(_at(self.now_ns, one) for one in event.positions)
        self.blotter.fold(_replaced(event, fields))
        # what has been on its way too long has come
        while self.messages and self.now_ns - self.messages[0][0] > TRAVEL_NS_MAX - 2 * STEP_NS:
            self.fold(self.messages.pop(0)[1])

    @rule(side=st.sampled_from(["buy", "sell"]), quantity=st.integers(1, 4))
    def send(self, side: str, quantity: int) -> None:
        one = Sent(len(self.sent), side, quantity)
        self.sent.append(one)
        new = NewOrder(instrument="X", side=side, quantity=Decimal(quantity), client_id=f"hf-{one.number}")  # type: ignore[arg-type]
        self.blotter.expect(self.now_ns, "v", "a", new, key=f"k{one.number}")

    @rule(data=st.data())
    @precondition(lambda self: any(one.state == "in flight" for one in self.sent))
    def arrive(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.sent if one.state == "in flight"]))
        one.state = data.draw(st.sampled_from(["open", "open", "open", "rejected", "lost"]))
        if one.state != "lost":
            self.say(self.order(one))

    @rule(data=st.data(), push=st.sampled_from(["before", "after", "never"]))
    @precondition(lambda self: any(one.state == "open" for one in self.sent))
    def execute(self, data: st.DataObject, push: str) -> None:
        one = data.draw(st.sampled_from([one for one in self.sent if one.state == "open"]))
        quantity = data.draw(st.integers(1, one.quantity - one.filled))
        one.filled += quantity
        one.state = "filled" if one.filled == one.quantity else "open"
        self.position += sign_of(one.side) * quantity  # type: ignore[arg-type]
        self.trades += 1
        told = PositionReported(time_ns=0, quantity=Decimal(self.position), **AT)
        if push == "before":
            self.say(told)
        self.say(
            Filled(
                time_ns=0,
                trade_id=f"t{self.trades}",
                order_id=f"o{one.number}",
                client_id=f"hf-{one.number}",
                side=one.side,  # type: ignore[arg-type]
                price=Decimal(1),
                quantity=Decimal(quantity),
                **AT,
            )
        )
        if push == "after":
            self.say(told)
        if data.draw(st.booleans()):
            self.say(self.order(one))

    @rule(data=st.data())
    @precondition(lambda self: any(one.state == "open" for one in self.sent))
    def cancel(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.sent if one.state == "open"]))
        one.state = "cancelled"
        self.say(self.order(one))

    # the way

    @rule(count=st.integers(1, 5))
    @precondition(lambda self: self.messages)
    def hear(self, count: int) -> None:
        for _ in range(min(count, len(self.messages))):
            if self.messages:
                self.fold(self.messages.pop(0)[1])

    @rule()
    @precondition(lambda self: self.messages)
    def hear_twice(self) -> None:
        event = self.messages.pop(0)[1]
        self.fold(event)
        if not isinstance(
            event, PositionReported
        ):  # a position that is heard again later would be another statement
            self.fold(event)

    @rule(data=st.data())
    @precondition(lambda self: self.messages)
    def hear_out_of_turn(self, data: st.DataObject) -> None:
        """Orders and fills may overtake; a pushed position is true as of its turn in the stream only."""
        turn = next(
            (n for n, (_, one) in enumerate(self.messages) if isinstance(one, PositionReported)), None
        )
        choices = list(range(len(self.messages) if turn is None else turn))
        if choices:
            self.fold(self.messages.pop(data.draw(st.sampled_from(choices)))[1])

    @rule()
    @precondition(lambda self: self.messages)
    def lose_everything_on_its_way(self) -> None:
        self.messages.clear()

    @rule(data=st.data(), later=st.integers(0, 3))
    def ask_positions(self, data: st.DataObject, later: int) -> None:
        asked_ns = self.now_ns
        for _ in range(later):
            if self.messages:
                self.fold(self.messages.pop(0)[1])
        answer = self.listed_positions(asked_ns)
        for _ in range(data.draw(st.integers(0, 2))):
            if self.messages:
                self.fold(self.messages.pop(0)[1])
        self.fold(answer)

    @rule(later=st.integers(0, 3))
    def ask_orders(self, later: int) -> None:
        asked_ns = self.now_ns
        for _ in range(later):
            if self.messages:
                self.fold(self.messages.pop(0)[1])
        self.fold(self.listed_orders(asked_ns))

    @rule()
    def heal(self) -> None:
        """Hear the rest, wait, and ask everything: then both know the same."""
        while self.messages:
            self.fold(self.messages.pop(0)[1])
        self.now_ns += 2 * TRAVEL_NS_MAX
        self.fold(self.listed_orders(self.now_ns))
        for one in self.sent:
            if f"hf-{one.number}" in self.blotter.accounts["v", "a"].expected:
                if one.state in ("in flight", "lost"):
                    one.state = "lost"
                    self.fold(OrderAbsent(time_ns=0, client_id=f"hf-{one.number}", **AT))
                else:
                    self.fold(self.order(one))
        self.now_ns += STEP_NS
        self.fold(self.listed_positions(self.now_ns))
        remains = [
            sign_of(one.side) * (one.quantity - one.filled)  # type: ignore[arg-type]
            for one in self.sent
            if one.state == "open"
        ]
        assert self.blotter.position("v", "a", "X") == self.position
        low = self.position + sum(one for one in remains if one < 0)
        high = self.position + sum(one for one in remains if one > 0)
        assert self.blotter.exposure("v", "a", "X") == (low, high)
        live = {one.order_id for one in self.blotter.open_orders()}
        assert live == {f"o{one.number}" for one in self.sent if one.state == "open"}

    @invariant()
    def the_truth_and_all_that_may_become_of_it_lies_within_the_exposure(self) -> None:
        low, high = self.blotter.exposure("v", "a", "X")
        remains = [
            sign_of(one.side) * (one.quantity - one.filled)  # type: ignore[arg-type]
            for one in self.sent
            if one.state in ("open", "in flight")
        ]
        assert low <= self.position + sum(one for one in remains if one < 0)
        assert self.position + sum(one for one in remains if one > 0) <= high


def _at(now_ns: int, event):
    return _replaced(event, {"time_ns": now_ns})


def _replaced(event, fields):

    return msgspec.structs.replace(event, **fields)


TestAgainstAVenue = AgainstAVenue.TestCase
TestAgainstAVenue.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
