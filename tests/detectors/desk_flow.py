"""A desk's own flow as its venues tell it: a calm maker, and one planted case for every live detector."""

import random
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from holdfast.clock import SECOND_NS
from holdfast.detectors.live import Context, LiveDetector, Spoken
from holdfast.event import (
    AccountEvent,
    BalanceReported,
    ClockMeasured,
    Filled,
    LineMoved,
    OrderReported,
    PositionReported,
    PositionsListed,
    SystemMeasured,
)
from holdfast.instrument import Instrument, listed
from holdfast.market.blotter import Blotter
from holdfast.market.owner import Owners
from holdfast.order import sign_of

VENUE, ACCOUNT, BTC = "binance", "main", "BTCUSDT"
AT = {"venue": VENUE, "account": ACCOUNT}
MARK = 100_000.0
START_S = 1_000_000
CALM_S = 300

Event = AccountEvent | SystemMeasured
Timed = tuple[float, Event]


def ns(second: float) -> int:
    return int(second * SECOND_NS)


def context_of(blotter: Blotter) -> Context:
    return Context(
        blotter=blotter,
        instrument=instrument_of,
        mark=lambda _venue, symbol: MARK if symbol == BTC else None,
        index=lambda asset: MARK if asset == "BTC" else None,
    )


def instrument_of(venue: str, symbol: str) -> Instrument | None:
    if symbol != BTC:
        return None
    return listed("0.1", "0.001", venue=venue, symbol=symbol, kind="perpetual", base="BTC", quote="USDT")


def blotter() -> Blotter:
    return Blotter(Owners("hf-", {"maker": "mm-", "taker": "tk-"}))


def order(second: float, order_id: str, **terms: Any) -> OrderReported:
    known = {
        "client_id": f"mm-{order_id}", "instrument": BTC, "side": "buy", "quantity": Decimal("0.010"),
        "filled": Decimal(0), "state": "open", "price": Decimal(99_990),
    } | AT | terms  # fmt: skip
    return OrderReported(time_ns=ns(second), order_id=order_id, **known)


def fill(second: float, order_id: str, **terms: Any) -> Filled:
    known = {
        "client_id": f"mm-{order_id}", "instrument": BTC, "side": "buy", "quantity": Decimal("0.010"),
        "price": Decimal(99_990), "trade_id": f"t{order_id}",
    } | AT | terms  # fmt: skip
    return Filled(time_ns=ns(second), order_id=order_id, **known)


def positions(second: float, quantity: Decimal) -> PositionsListed:
    told = (PositionReported(time_ns=ns(second), instrument=BTC, quantity=quantity, **AT),)
    return PositionsListed(time_ns=ns(second), asked_ns=ns(second - 0.1), positions=told, **AT)


def measured(second: float, name: str, value: float, subject: str = "") -> SystemMeasured:
    return SystemMeasured(time_ns=ns(second), name=name, value=value, subject=subject)


def balance(second: float, maintenance: int) -> BalanceReported:
    return BalanceReported(
        time_ns=ns(second),
        asset="USDT",
        amount=Decimal(100),
        equity=Decimal(100),
        maintenance_margin=Decimal(maintenance),
        **AT,
    )


def clock(second: float, offset_s: float) -> ClockMeasured:
    return ClockMeasured(time_ns=ns(second), venue=VENUE, offset_ns=ns(offset_s), round_trip_ns=ns(0.02))


def line(second: float, up: bool) -> LineMoved:
    return LineMoved(time_ns=ns(second), line="private", up=up, **AT)


def calm(start_s: float, seconds: int, seed: int = 1) -> Iterator[Timed]:
    """A maker that quotes, cancels and trades now and then; a guard whose measurements are well."""
    draws = random.Random(seed)
    held = Decimal(0)
    for second in range(seconds):
        at = start_s + second
        name = f"{int(start_s)}-{second}"
        side = draws.choice(("buy", "sell"))
        yield at, order(at, name, side=side)
        if draws.random() < 0.1:
            yield at + 0.3, fill(at + 0.3, name, side=side)
            held += sign_of(side) * Decimal("0.010")
            yield (
                at + 0.31,
                order(at + 0.31, name, side=side, filled=Decimal("0.010"), state="filled"),
            )
        else:
            yield at + 0.4, order(at + 0.4, name, side=side, state="cancelled")
        yield at + 0.5, measured(at + 0.5, "loop_lag_s", 0.002)
        yield at + 0.5, measured(at + 0.5, "heartbeat", 1.0, "journal")
        yield at + 0.5, measured(at + 0.5, "line_silent_s", draws.random(), VENUE)
        if second % 10 == 0:
            yield at + 0.6, measured(at + 0.6, "disk_free_bytes", 5e10 - 1e5 * second, "state")
            yield at + 0.6, measured(at + 0.6, "memory_bytes", 5e8 + 5e7 * draws.random())
            yield at + 0.6, clock(at + 0.6, 0.01 * draws.random())
            yield at + 0.6, balance(at + 0.6, 20)
        if second == 0:
            yield at + 0.7, line(at + 0.7, True)
            yield at + 0.7, positions(at + 0.7, held)


def play(
    detector: LiveDetector, events: Iterable[Timed], until_s: float, ticks_per_s: int = 1
) -> list[Spoken]:
    """Let a detector hear events in their order, with ticks between them."""
    known = blotter()
    context = context_of(known)
    told: list[Spoken] = []
    tick = ns(START_S)
    step = SECOND_NS // ticks_per_s
    for at, event in sorted(events, key=lambda one: one[0]):
        while tick <= ns(at):
            told += detector.on_tick(tick)
            tick += step
        if not isinstance(event, SystemMeasured):
            known.fold(event)
        told += detector.on_event(event, context)
    while tick <= ns(until_s):
        told += detector.on_tick(tick)
        tick += step
    return told


# one case for each detector: what is planted, when it begins, and when it is over

P = START_S + CALM_S + 5.05  # planted in the middle of the calm


def _many(count: int, gap_s: float, **terms: Any) -> Iterator[Timed]:
    for number in range(count):
        at = P + number * gap_s
        yield at, order(at, f"p{number}", **terms)


def _burst() -> Iterator[Timed]:
    for at, event in _many(200, 0.05):
        yield at, event
        yield at + 0.01, order(at + 0.01, event.order_id, state="cancelled")


def _foreign() -> Iterator[Timed]:
    yield P, order(P, "x", client_id="web-17")
    yield P + 3, order(P + 3, "x", client_id="web-17", state="cancelled")


def _with_ourselves() -> Iterator[Timed]:
    yield P, order(P, "a")
    yield P, order(P, "b", client_id="tk-b", side="sell")
    yield P + 0.1, fill(P + 0.1, "a", trade_id="same")
    yield P + 0.1, fill(P + 0.1, "b", client_id="tk-b", side="sell", trade_id="same")


def _stuffed() -> Iterator[Timed]:
    for at, event in _many(300, 0.3):
        yield at, msg_for(event, "tk-")
        yield at + 0.1, msg_for(order(at + 0.1, event.order_id, state="cancelled"), "tk-")


def msg_for(event: Any, prefix: str) -> Any:
    return order(
        event.time_ns / SECOND_NS, event.order_id, client_id=f"{prefix}{event.order_id}", state=event.state
    )


def _drifted() -> Iterator[Timed]:
    yield P, PositionReported(time_ns=ns(P), instrument="ETHUSDT", quantity=Decimal(5), **AT)
    yield P + 1, PositionReported(time_ns=ns(P + 1), instrument="ETHUSDT", quantity=Decimal(9), **AT)
    yield P + 20, PositionReported(time_ns=ns(P + 20), instrument="ETHUSDT", quantity=Decimal(5), **AT)


def _forced() -> Iterator[Timed]:
    yield P, order(P, "f", client_id="autoclose-163", side="sell")
    yield P + 0.1, order(P + 0.1, "f", client_id="autoclose-163", side="sell", state="cancelled")


def _fat() -> Iterator[Timed]:
    yield P, order(P, "fat", quantity=Decimal(1))
    yield P + 1, order(P + 1, "fat", quantity=Decimal(1), state="cancelled")


PLANTED: dict[str, tuple[Callable[[], Iterable[Timed]], float, float]] = {
    # name: (what, seconds within which it must be told, seconds after which it is over)
    "unauthorised_order": (_foreign, 0.0, 3.0),
    "forced_order": (_forced, 0.0, 0.1),
    "runaway_orders": (_burst, 5.0, 10.0),
    "self_trade": (_with_ourselves, 0.1, 0.1),
    "fill_ratio": (_stuffed, 90.0, 90.0 + 300.0),
    "position_drift": (_drifted, 8.0, 20.0),
    "fat_finger": (_fat, 0.0, 1.0),
    "limit_use": (lambda: [(P, balance(P, 90)), (P + 60, balance(P + 60, 20))], 0.0, 60.0),
    "loop_lag": (lambda: [(P, measured(P, "loop_lag_s", 0.6))], 0.0, 10.0),
    "dropped_frames": (lambda: [(P, measured(P, "frames_dropped", 12.0, VENUE))], 0.0, 60.0),
    "heartbeat_lost": (
        lambda: [
            (P, measured(P, "heartbeat", 1.0, "watch")),
            (P + 30, measured(P + 30, "heartbeat", 1.0, "watch")),
            (P + 31, measured(P + 31, "heartbeat", 0.0, "watch")),
        ],
        7.0,
        30.0,
    ),
    "disk": (
        lambda: [
            (P, measured(P, "disk_free_bytes", 4e8, "ledger")),
            (P + 9, measured(P + 9, "disk_free_bytes", 5e10, "ledger")),
        ],
        0.0,
        20.0,
    ),
    "memory": (lambda: [(P, measured(P, "memory_bytes", 3.8e9))], 0.0, 10.0),
    "clock": (lambda: [(P, clock(P, 1.0)), (P + 9, clock(P + 9, 0.0))], 0.0, 20.0),
    "line_down": (lambda: [(P, line(P, False)), (P + 20, line(P + 20, True))], 4.0, 20.0),
}
