"""The guard's clients and the world's venues, joined bytes to bytes in virtual time: no socket, no wall clock."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from holdfast import tape
from holdfast.event import (
    BalanceReported,
    ClockMeasured,
    EffectAnswered,
    Filled,
    LineMoved,
    OrderAbsent,
    OrderReported,
    OrdersListed,
    PositionReported,
    PositionsListed,
    Quarantined,
    ResyncRequested,
)
from holdfast.instrument import Instruments
from holdfast.lab.world.world import World
from holdfast.order import NewOrder, Side
from holdfast.quantity import from_units
from holdfast.venues.binance.client import BinanceClient
from holdfast.venues.client import Client, Close, Frame, Open, Request, Wish
from holdfast.venues.deribit.client import DeribitClient

START_NS = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000
STEP_NS = 50_000_000

SYMBOLS = {"deribit": "BTC-PERPETUAL", "binance-usdm": "BTCUSDT"}
QUANTITIES = {"deribit": Decimal(1000), "binance-usdm": Decimal("0.020")}


class Joint:
    """A client and a venue of the world, with nothing but time between them."""

    def __init__(self, venue: str, seed: int = 1) -> None:
        self.venue = venue
        self.symbol, self.quantity = SYMBOLS[venue], QUANTITIES[venue]
        self.world = World(seed, START_NS)
        self.exchange = self.world.exchanges[venue]
        self.faults = self.world.faults[venue]
        self.server: Any = self.world.deribit if venue == "deribit" else self.world.binance
        self.sessions: dict[str, Any] = {}
        self.late: list[tuple[int, Callable[[], None]]] = []
        self.is_held: Callable[[Wish], bool] = lambda _: False
        self.held: list[Wish] = []
        self.events: list[Any] = []
        self.rows: list[Any] = []
        self.client = self.connected()

    @property
    def now_ns(self) -> int:
        return self.world.now_ns

    def make(self) -> Client:
        credential = self.world.credentials[self.venue][0]
        keys = credential.key, credential.secret
        if self.venue == "deribit":
            return DeribitClient(
                Instruments(), "desk", keys, "ws://w/ws/api/v2", "http://w/api/v2", [self.symbol]
            )
        return BinanceClient(Instruments(), "desk", keys, "ws://w", "http://w", [self.symbol])

    def connected(self) -> Client:
        self.client = self.make()
        self.client.connect(self.now_ns)
        self.run(1.0)
        return self.client

    # carrying bytes

    def pump(self) -> None:
        while self.client.wishes:
            wishes, self.client.wishes = self.client.wishes, []
            for wish in wishes:
                if self.is_held(wish):
                    self.held.append(wish)
                else:
                    self.carry(wish)
        self.events += self.client.events
        self.client.events = []
        self.rows.extend(self.client.feed.rows.take())

    def carry(self, wish: Wish) -> None:
        if isinstance(wish, Open):
            self.open(wish)
        elif isinstance(wish, Close):
            self.close(wish.line, "closed by us")
        elif isinstance(wish, Frame):
            session = self.sessions.get(wish.line)
            if session is not None:
                self.deliver(wish.line, session.on_frame(self.now_ns, wish.data))
        else:
            self.request(wish)

    def open(self, wish: Open) -> None:
        if self.faults.is_refusing:
            self.client.on_close(self.now_ns, wish.line, "refused")
            return
        parts = urlsplit(wish.url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        session = (
            self.server.session() if self.venue == "deribit" else self.server.stream(self.now_ns, target)
        )
        assert session is not None, target
        self.sessions[wish.line] = session
        self.client.on_open(self.now_ns, wish.line)
        self.deliver(wish.line, session.take(self.now_ns))

    def close(self, line: str, reason: str) -> None:
        session = self.sessions.pop(line, None)
        if session is not None:
            session.on_close(self.now_ns)
        self.client.on_close(self.now_ns, line, reason)

    def request(self, wish: Request) -> None:
        if self.faults.is_refusing:
            self.client.on_failure(self.now_ns, wish.id, "unsent", "refused")
            return
        parts = urlsplit(wish.url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        answer = self.server.on_http(self.now_ns, wish.method, target, dict(wish.headers), wish.body)
        if answer.drop:
            due_ns = self.now_ns + int(wish.timeout_s * SECOND_NS)
            self.late.append(
                (due_ns, lambda: self.client.on_failure(self.now_ns, wish.id, "unknown", "timed out"))
            )
        else:
            self.client.on_answer(self.now_ns, wish.id, answer.status, answer.body)

    def deliver(self, line: str, frames: list[bytes]) -> None:
        for frame in frames:
            self.client.on_frame(self.now_ns, line, frame)

    def run(self, seconds: float, step_ns: int = STEP_NS) -> None:
        end_ns = self.now_ns + int(seconds * SECOND_NS)
        self.pump()
        while self.now_ns < end_ns:
            self.world.advance(min(self.now_ns + step_ns, end_ns))
            news = self.server.news(self.now_ns)
            for line, session in list(self.sessions.items()):
                self.deliver(line, news.get(session, []))
                if session.is_closed:
                    self.close(line, "ended by the venue")
            for due in [due for due in self.late if due[0] <= self.now_ns]:
                self.late.remove(due)
                due[1]()
            if self.client.wake_ns <= self.now_ns:
                self.client.on_wake(self.now_ns)
            self.pump()

    # acting

    def place(
        self,
        key: str,
        side: Side,
        distance: float,
        *,
        valid_s: float = 2.0,
        **terms: Any,
    ) -> None:
        """Place an order, its price a fraction away from the touch: above zero it takes."""
        listing = self.exchange.listings[self.symbol]
        bid, _, ask, _ = self.exchange.touch(self.symbol)
        ticks = ask * (1 + distance) if side == "buy" else bid * (1 - distance)
        order = NewOrder(
            instrument=self.symbol,
            side=side,
            quantity=self.quantity,
            client_id=f"hf-{key}",
            price=int(ticks) * listing.tick,
            **terms,
        )
        self.client.place(self.now_ns, key, order, self.now_ns + int(valid_s * SECOND_NS))
        self.pump()

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def answer(self, key: str) -> EffectAnswered:
        (answer,) = [event for event in self.told(EffectAnswered) if event.key == key]
        return answer

    def book(self) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
        """Return the book that the client's rows make; a stale one is empty."""
        instruments = self.client.feed.instruments
        number = instruments.find(self.venue, self.symbol)
        instrument = instruments[number]
        sides: dict[int, dict[Decimal, Decimal]] = defaultdict(dict)
        for row in self.rows:
            if row["instrument"] != number:
                continue
            if row["kind"] in (tape.BOOK_RESET, tape.BOOK_GAP):
                sides.clear()
            elif row["kind"] == tape.LEVEL:
                price = from_units(int(row["price"]), instrument.price_decimals)
                size = from_units(int(row["size"]), instrument.size_decimals)
                if size:
                    sides[int(row["side"])][price] = size
                else:
                    sides[int(row["side"])].pop(price, None)
        return sides[1], sides[-1]

    def own_book(self) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
        """Return the exchange's own book."""
        book = self.exchange.book(self.symbol, 1000)
        return dict(book.bids), dict(book.asks)

    def settle_down(self) -> None:
        """Have the residents act no more, and let what is on its way arrive."""
        self.world.participants.clear()
        self.run(0.3)


@pytest.fixture(params=sorted(SYMBOLS))
def joint(request: pytest.FixtureRequest) -> Joint:
    return Joint(request.param)


def test_the_client_comes_up_and_hears_of_the_account(joint: Joint) -> None:
    assert joint.client.is_ready, joint.events
    assert sorted((event.line, event.up) for event in joint.told(LineMoved)) == [
        ("private", True),
        ("public", True),
    ]
    assert not joint.told(Quarantined)
    assert joint.told(ClockMeasured)
    assert joint.told(OrdersListed)[0].orders == ()
    assert joint.told(PositionsListed)[0].positions == ()
    money = {event.asset: event.amount for event in joint.told(BalanceReported)}
    assert money["BTC" if joint.venue == "deribit" else "USDT"] > 0


def test_its_book_is_the_exchanges_own(joint: Joint) -> None:
    joint.place("k", "sell", 0.01, time_in_force="ioc")
    joint.run(3.0)
    joint.settle_down()
    bids, asks = joint.book()
    assert (bids, asks) == joint.own_book()
    assert len(bids) >= 5
    assert {row["kind"] for row in joint.rows} >= {tape.TRADE, tape.MARK, tape.INDEX, tape.TOP}
    assert len(joint.told(ResyncRequested)) <= 1  # Binance's first snapshot may be a moment too old


def test_an_order_that_rests_is_reported_and_cancelled(joint: Joint) -> None:
    joint.place("k", "buy", -0.01, post_only=True)
    joint.run(0.2)
    assert joint.answer("k").outcome == "accepted"
    report = joint.told(OrderReported)[-1]
    assert (report.client_id, report.state, report.filled, report.quantity) == (
        "hf-k",
        "open",
        0,
        joint.quantity,
    )
    joint.client.cancel(joint.now_ns, "c", joint.symbol, report.order_id)
    joint.run(0.2)
    assert joint.answer("c").outcome == "accepted"
    assert joint.told(OrderReported)[-1].state == "cancelled"
    assert joint.exchange.open_orders("desk") == []
    joint.client.cancel(joint.now_ns, "again", joint.symbol, report.order_id)
    joint.run(0.2)
    assert (joint.answer("again").outcome, joint.answer("again").code) == ("refused", "not_open")


def test_an_order_that_takes_is_filled_and_makes_a_position(joint: Joint) -> None:
    joint.place("k", "sell", 0.01, time_in_force="ioc")
    joint.run(0.2)
    assert joint.answer("k").outcome == "accepted"
    fills = {fill.trade_id: fill for fill in joint.told(Filled)}
    assert sum(fill.quantity for fill in fills.values()) == joint.quantity
    assert all(
        (fill.client_id, fill.side, fill.liquidation) == ("hf-k", "sell", False) for fill in fills.values()
    )
    assert all(fill.fee for fill in fills.values())
    held = joint.exchange.position("desk", joint.symbol)
    assert held is not None
    assert joint.told(PositionReported)[-1].quantity == held.quantity == -joint.quantity
    reports = [report for report in joint.told(OrderReported) if report.client_id == "hf-k"]
    assert (reports[-1].state, reports[-1].filled) == ("filled", joint.quantity)
    joint.client.ask_positions(joint.now_ns)
    joint.pump()
    assert joint.told(PositionsListed)[-1].positions[0].quantity == -joint.quantity


def test_cancel_all_cancels_everything(joint: Joint) -> None:
    for number in range(3):
        joint.place(f"k{number}", "buy", -0.01 * (number + 1), post_only=True)
    joint.run(0.2)
    assert len(joint.exchange.open_orders("desk")) == 3
    joint.client.cancel_all(joint.now_ns, "all")
    joint.pump()
    assert joint.exchange.open_orders("desk") == []
    assert joint.answer("all").outcome == "accepted"
    joint.run(0.2)
    states = {report.client_id: report.state for report in joint.told(OrderReported)}
    assert set(states.values()) == {"cancelled"}


def test_cancel_all_by_http_works_while_the_line_is_down(joint: Joint) -> None:
    joint.place("k", "buy", -0.01, post_only=True)
    joint.run(0.2)
    joint.close("private", "gone")
    joint.client.cancel_all(joint.now_ns, "all")
    joint.pump()
    assert joint.exchange.open_orders("desk") == []
    assert joint.answer("all").outcome == "accepted"


def test_what_the_venue_refuses_is_refused(joint: Joint) -> None:
    joint.place("k", "buy", 0.01, post_only=True)
    joint.place("r", "buy", 0.01, reduce_only=True)
    joint.run(0.2)
    assert joint.answer("k").outcome == "refused"
    assert joint.answer("r").outcome == "refused"
    assert joint.exchange.open_orders("desk") == []


@pytest.mark.parametrize("answer", ["lost", "error"])
def test_an_order_whose_answer_is_lost_is_found_by_its_client_id(joint: Joint, answer: Any) -> None:
    joint.settle_down()
    joint.faults.hurt_effects(answer, 1)
    joint.place("k", "buy", -0.01, post_only=True)
    joint.run(7.0)
    assert joint.answer("k").outcome == "unknown"
    joint.events.clear()
    joint.client.ask_order(joint.now_ns, joint.symbol, "hf-k")
    joint.client.ask_order(joint.now_ns, joint.symbol, "hf-nobody")
    joint.run(0.2)
    assert [report.state for report in joint.told(OrderReported) if report.client_id == "hf-k"] == ["open"]
    assert [absent.client_id for absent in joint.told(OrderAbsent)] == ["hf-nobody"]


def test_bytes_that_come_late_are_refused_as_expired(joint: Joint) -> None:
    joint.is_held = lambda wish: (
        b"hf-k" in (wish.data if isinstance(wish, Frame) else getattr(wish, "url", "").encode())
    )
    joint.place("k", "sell", 0.01, valid_s=1.0)
    assert joint.held
    joint.run(1.2)
    assert not joint.told(EffectAnswered)
    joint.carry(joint.held[0])
    joint.run(0.1)
    assert joint.answer("k").outcome == "expired"
    assert joint.exchange.order_history("desk") == []
    assert joint.exchange.open_orders("desk") == []


def test_bytes_that_come_just_in_time_are_done(joint: Joint) -> None:
    joint.is_held = lambda wish: (
        b"hf-k" in (wish.data if isinstance(wish, Frame) else getattr(wish, "url", "").encode())
    )
    joint.place("k", "sell", 0.01, valid_s=1.0)
    joint.run(0.9)
    joint.carry(joint.held[0])
    joint.run(0.1)
    assert joint.answer("k").outcome == "accepted"


@pytest.mark.parametrize("offset_s", [-30.0, 45.0])
def test_validity_holds_on_the_venues_clock_whatever_ours_says(venue_of: str, offset_s: float) -> None:
    joint = Joint(venue_of)
    joint.faults.clock_offset_ns = int(offset_s * SECOND_NS)
    joint.client = joint.connected()
    assert joint.client.is_ready
    assert joint.told(ClockMeasured)[-1].offset_ns == pytest.approx(offset_s * SECOND_NS, abs=2e6)
    joint.events.clear()
    joint.place("k", "buy", -0.01, post_only=True)
    joint.run(0.1)
    assert joint.answer("k").outcome == "accepted"


@pytest.fixture(params=sorted(SYMBOLS))
def venue_of(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_gap_in_the_book_heals(joint: Joint) -> None:
    joint.faults.skip_updates(1)
    joint.run(2.0)
    assert joint.told(ResyncRequested)
    joint.run(2.0)
    joint.settle_down()
    assert joint.book() == joint.own_book()
    resyncs = len(joint.told(ResyncRequested))
    joint.run(10.0)
    assert len(joint.told(ResyncRequested)) == resyncs


def test_it_reconnects_and_resyncs_after_every_session_ended(joint: Joint) -> None:
    joint.place("k", "buy", -0.01, post_only=True)
    joint.run(0.2)
    joint.events.clear()
    joint.faults.drop_sessions()
    joint.run(3.0)
    moves = [(event.line, event.up) for event in joint.told(LineMoved)]
    assert sorted(moves) == [("private", False), ("private", True), ("public", False), ("public", True)]
    assert joint.client.is_ready
    assert [order.client_id for order in joint.told(OrdersListed)[-1].orders] == ["hf-k"]
    joint.settle_down()
    assert joint.book() == joint.own_book()


def test_it_survives_a_venue_that_refuses_connections(joint: Joint) -> None:
    joint.settle_down()
    joint.faults.is_refusing = True
    joint.faults.drop_sessions()
    joint.run(10.0)
    assert not joint.client.is_ready
    joint.client.cancel_all(joint.now_ns, "b")
    joint.pump()
    assert joint.answer("b").outcome == "unsent"
    joint.faults.is_refusing = False
    joint.run(31.0)
    assert joint.client.is_ready


def test_a_frozen_venue_is_noticed_and_what_it_held_back_is_not_done_late(joint: Joint) -> None:
    joint.settle_down()
    joint.faults.is_frozen = True
    joint.place("k", "sell", 0.01, valid_s=2.0)
    joint.run(8.0)
    assert joint.answer("k").outcome == "unknown"
    joint.run(40.0)
    assert ("public", False) in [(event.line, event.up) for event in joint.told(LineMoved)]
    joint.faults.is_frozen = False
    joint.run(40.0)
    assert joint.client.is_ready
    assert joint.exchange.order_history("desk") == []
    joint.settle_down()
    assert joint.book() == joint.own_book()


def test_the_dead_man_cancels_when_the_desk_is_silent(joint: Joint) -> None:
    joint.settle_down()
    joint.client.arm_dead_man(joint.now_ns, "arm", 15.0)
    joint.run(0.2)
    assert joint.answer("arm").outcome == "accepted"
    joint.place("k", "buy", -0.02, post_only=True)
    joint.run(20.0 if joint.venue == "deribit" else 5.0)  # Deribit's lives as long as we answer
    assert len(joint.exchange.open_orders("desk")) == 1
    joint.is_held = lambda _: True  # from now on nothing leaves
    joint.run(40.0)
    assert joint.exchange.open_orders("desk") == []


def test_a_transfer_is_done_once_however_often_it_is_attempted(joint: Joint) -> None:
    asset = "BTC" if joint.venue == "deribit" else "USDT"
    before = joint.exchange.balance("reserve", asset).amount
    for attempt in range(3):
        until_ns = joint.now_ns + 2 * SECOND_NS
        joint.client.transfer(joint.now_ns, "run/step/0", "reserve", asset, Decimal(1), until_ns)
        joint.run(0.2)
        answer = [event for event in joint.told(EffectAnswered) if event.key == "run/step/0"][attempt]
        assert answer.outcome == "accepted", answer
    assert joint.exchange.balance("reserve", asset).amount == before + 1


def test_a_long_day_keeps_the_account_connected(joint: Joint) -> None:
    joint.settle_down()
    joint.run(1000.0, step_ns=2 * SECOND_NS)  # beyond the life of a token
    assert joint.client.is_ready
    assert [event.up for event in joint.told(LineMoved)] == [True, True]
