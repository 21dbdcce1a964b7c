"""The desk's own flow, case by case: what is ours and what is not, and where each line lies."""

from decimal import Decimal
from typing import Any

import desk_flow as flow
import msgspec
import pytest
from desk_flow import ACCOUNT, BTC, MARK, START_S, VENUE, fill, ns, order, play

from holdfast.detectors.live import LiveDetector, Spoken
from holdfast.detectors.live_watch import LiveWatch
from holdfast.detectors.own.fat_finger import FatFinger, FatFingerSettings
from holdfast.detectors.own.fill_ratio import FillRatio
from holdfast.detectors.own.forced_order import ForcedOrder
from holdfast.detectors.own.limit_use import LimitUse, LimitUseSettings
from holdfast.detectors.own.notional import notional_usd
from holdfast.detectors.own.position_drift import PositionDrift
from holdfast.detectors.own.runaway_orders import RunawayOrders
from holdfast.detectors.own.self_trade import SelfTrade
from holdfast.detectors.own.unauthorised_order import UnauthorisedOrder, UnauthorisedSettings
from holdfast.event import Alert, AlertCleared, OrdersListed, PositionReported, Scope
from holdfast.instrument import Instrument, listed

T = float(START_S) + 1.05


def alerts(told: list[Spoken]) -> list[Alert]:
    return [one for one in told if isinstance(one, Alert)]


def heard(detector: LiveDetector, *events: Any, until_s: float = T) -> list[Alert]:
    return alerts(play(detector, [(event.time_ns / 1e9, event) for event in events], until_s))


# unauthorised orders


@pytest.mark.parametrize("client_id", ["mm-1", "tk-9", "hf-abc"])
def test_what_carries_an_id_of_ours_is_ours(client_id: str) -> None:
    assert (
        heard(UnauthorisedOrder(), order(T, "1", client_id=client_id), fill(T, "1", client_id=client_id))
        == []
    )


@pytest.mark.parametrize("client_id", ["", "web_x", "m", "MM-1", "xmm-1"])
def test_what_carries_none_is_told_at_once(client_id: str) -> None:
    (alert,) = heard(UnauthorisedOrder(), order(T, "1", client_id=client_id, price=None))
    assert (alert.severity, alert.time_ns, alert.scope) == ("critical", ns(T), Scope(VENUE, BTC))
    assert (alert.evidence["kind"], alert.evidence["price"], alert.evidence["account"]) == (
        "open",
        "market",
        ACCOUNT,
    )


def test_a_foreign_order_in_a_list_and_a_foreign_fill_are_told_too() -> None:
    listed_ = OrdersListed(
        time_ns=ns(T),
        venue=VENUE,
        account=ACCOUNT,
        asked_ns=ns(T - 1),
        orders=(order(T, "1", client_id="web"),),
    )
    assert len(heard(UnauthorisedOrder(), listed_)) == 1
    assert len(heard(UnauthorisedOrder(), fill(T, "1", client_id="web"))) == 1


def test_a_fill_without_an_id_belongs_to_its_order() -> None:
    assert heard(UnauthorisedOrder(), order(T, "1"), fill(T + 1, "1", client_id="")) == []


def test_a_fill_that_nobody_claims_within_a_second_is_told_but_may_be_an_old_one_of_ours() -> None:
    orphan = fill(T, "1", client_id="")
    assert heard(UnauthorisedOrder(), orphan, order(T + 0.5, "1"), until_s=T + 9) == []
    (alert,) = heard(UnauthorisedOrder(), orphan, until_s=T + 9)
    assert ns(T + 1) < alert.time_ns <= ns(T + 2)
    assert (alert.severity, alert.evidence["kind"]) == ("medium", "unclaimed fill")
    foreign = order(T + 3, "1", client_id="web")
    assert [one.severity for one in heard(UnauthorisedOrder(), orphan, foreign, until_s=T + 9)] == [
        "medium",
        "critical",
    ]


def test_the_alert_lasts_while_the_order_is_open() -> None:
    told = play(UnauthorisedOrder(), [(T, order(T, "1", client_id="web"))], T + 3_000)
    assert [type(one) for one in told] == [Alert]
    gone = OrdersListed(time_ns=ns(T + 10), venue=VENUE, account=ACCOUNT, asked_ns=ns(T + 9), orders=())
    told = play(UnauthorisedOrder(), [(T, order(T, "1", client_id="web")), (T + 10, gone)], T + 3_000)
    assert [type(one) for one in told] == [Alert, AlertCleared]


def test_an_account_on_which_people_trade_may_be_left_out() -> None:
    settings = UnauthorisedSettings(accounts_ignored=(f"{VENUE}:{ACCOUNT}",))
    events = (order(T, "1", client_id="web"), fill(T, "2", client_id=""))
    assert heard(UnauthorisedOrder(settings), *events, until_s=T + 9) == []
    assert heard(UnauthorisedOrder(settings), order(T, "1", client_id="web", account="other")) != []


@pytest.mark.parametrize(
    "event",
    [
        order(T, "1", client_id="autoclose-1600000000000"),
        order(T, "1", client_id="adl_autoclose"),
        order(T, "1", client_id="", reason="liquidation"),
        fill(T, "1", client_id="", liquidation=True),
    ],
)
def test_what_the_venue_forced_is_told_apart(event: Any) -> None:
    assert heard(UnauthorisedOrder(), event, until_s=T + 9) == []
    (alert,) = heard(ForcedOrder(), event)
    assert alert.severity == "critical"


def test_a_reason_does_not_make_an_order_of_ours_forced() -> None:
    assert (
        heard(ForcedOrder(), order(T, "1", reason="cancelled by auto-deleveraging of the other side")) == []
    )


# runaway orders


def test_the_usual_rate_of_a_busy_strategy_raises_its_line() -> None:
    def busy(seconds: int, per_s: int, start: float) -> list[tuple[float, Any]]:
        times = [start + number / per_s for number in range(seconds * per_s)]
        return [(at, order(at, f"{start}-{number}")) for number, at in enumerate(times)]

    learned = [*busy(300, 2, T), *busy(20, 10, T + 300)]
    assert alerts(play(RunawayOrders(), learned, T + 320)) == []
    (first, *_) = alerts(play(RunawayOrders(), [*busy(300, 1, T), *busy(20, 20, T + 300)], T + 320))
    assert first.evidence["strategy"] == "maker"
    assert first.threshold == pytest.approx(8.0, rel=0.15)
    slow = [(T + 30 * number, order(T + 30 * number, f"s{number}")) for number in range(10)]
    (first, *_) = alerts(play(RunawayOrders(), [*slow, *busy(20, 10, T + 300)], T + 320))
    assert first.threshold == 5.0


def test_in_its_first_minute_a_strategy_is_held_to_the_highest_line_only() -> None:
    def steady(per_s: int, seconds: int) -> list[Any]:
        return [order(T + number / per_s, str(number)) for number in range(per_s * seconds)]

    assert heard(RunawayOrders(), *steady(20, 300)) == []
    assert heard(RunawayOrders(), *steady(60, 20))[0].threshold == 50.0


def test_reports_of_one_order_count_once_and_its_cancel_once() -> None:
    events = [order(T + 0.01 * n, "1", filled=Decimal("0.001")) for n in range(400)]
    events += [order(T + 4 + 0.01 * n, "1", state="cancelled") for n in range(400)]
    assert heard(RunawayOrders(), *events) == []


def test_the_guard_itself_can_run_away() -> None:
    events = [order(T + 0.01 * n, str(n), client_id=f"hf-{n}") for n in range(600)]
    assert heard(RunawayOrders(), *events)[0].evidence["strategy"] == "guard"


# self-trade


def test_two_fills_of_one_side_or_of_two_trades_are_no_trade_with_ourselves() -> None:
    assert heard(SelfTrade(), fill(T, "1", trade_id="t"), fill(T, "2", trade_id="t")) == []
    assert heard(SelfTrade(), fill(T, "1", trade_id="t"), fill(T, "2", trade_id="u", side="sell")) == []
    assert heard(SelfTrade(), fill(T, "1", trade_id="t"), fill(T, "1", trade_id="t")) == []


def test_both_sides_on_two_accounts_are_a_trade_with_ourselves_and_many_are_worse() -> None:
    events = []
    for number in range(5):
        events.append(fill(T + number, f"a{number}", trade_id=f"t{number}"))
        events.append(fill(T + number, f"b{number}", trade_id=f"t{number}", side="sell", account="other"))
    first, worse = heard(SelfTrade(), *events)
    assert (first.severity, worse.severity) == ("medium", "high")
    assert {first.evidence["account"], first.evidence["other_account"]} == {ACCOUNT, "other"}


# fill ratio


def test_few_orders_are_not_judged_and_many_that_trade_are_right() -> None:
    few = [order(T + n, str(n)) for n in range(90)]
    assert heard(FillRatio(), *few) == []
    many = [event for n in range(280) for event in (order(T + n, str(n)), fill(T + n + 0.1, str(n)))]
    assert heard(FillRatio(), *many) == []


# position drift


def at_position(second: float, quantity: float, instrument: str = BTC) -> PositionReported:
    return PositionReported(
        time_ns=ns(second),
        venue=VENUE,
        account=ACCOUNT,
        instrument=instrument,
        quantity=Decimal(str(quantity)),
    )


@pytest.mark.parametrize(
    ("position", "severity"), [(10.05, "low"), (10.5, "medium"), (12, "high"), (30, "critical")]
)
def test_the_severity_of_a_drift_goes_by_its_share(position: float, severity: str) -> None:
    told = heard(PositionDrift(), at_position(T, 10), at_position(T + 1, position), until_s=T + 20)
    assert told[-1].severity == severity
    assert told[-1].evidence["intended"] == 10.0


def test_a_lot_is_nothing_and_a_fill_on_its_way_explains() -> None:
    assert heard(PositionDrift(), at_position(T, 10), at_position(T + 1, 10.001), until_s=T + 20) == []
    late = fill(T + 3, "1", quantity=Decimal(2))
    assert heard(PositionDrift(), at_position(T, 10), at_position(T + 1, 12), late, until_s=T + 20) == []


def test_a_target_that_is_given_is_what_is_intended() -> None:
    detector, blotter = PositionDrift(), flow.blotter()
    context = msgspec.structs.replace(flow.context_of(blotter), target=lambda *_: 7.0)
    event = at_position(T, 10)
    blotter.fold(event)
    detector.on_event(event, context)
    (alert,) = alerts(detector.on_tick(ns(T + 10)))
    assert (alert.evidence["drift"], alert.severity) == (3.0, "high")


def test_an_expiry_is_no_drift() -> None:
    detector, blotter = PositionDrift(), flow.blotter()

    def option(venue: str, symbol: str) -> Instrument:
        terms = {"venue": venue, "symbol": symbol, "kind": "option", "base": "BTC", "quote": "BTC"}
        return listed("0.0001", "0.1", **terms, expiry_ns=ns(T + 5), strike=1e5, option_type="call")

    context = msgspec.structs.replace(flow.context_of(blotter), instrument=option)
    for event in (at_position(T, 10), at_position(T + 6, 0)):
        blotter.fold(event)
        detector.on_event(event, context)
    assert detector.on_tick(ns(T + 30)) == []


# fat finger


def test_the_price_counts_on_the_losing_side_only() -> None:
    off = Decimal(str(MARK * 1.05))
    (alert,) = heard(FatFinger(), order(T, "1", price=off))
    assert (alert.evidence["kind"], round(alert.value)) == ("price", 500)
    assert heard(FatFinger(), order(T, "1", price=off, side="sell")) == []
    (alert,) = heard(FatFinger(), order(T, "1", price=Decimal(str(MARK * 0.5)), side="sell"))
    assert alert.severity == "critical"


def test_the_notional_has_a_limit_and_the_size_its_usual() -> None:
    (alert,) = heard(FatFinger(), order(T, "1", quantity=Decimal(60)))
    assert (alert.evidence["kind"], alert.value) == ("notional", 60 * MARK)
    assert heard(FatFinger(FatFingerSettings(order_usd_max=1e7)), order(T, "1", quantity=Decimal(60))) == []
    usual = [order(T + n, str(n), quantity=Decimal("0.01")) for n in range(20)]
    (alert,) = heard(FatFinger(), *usual, order(T + 30, "big", quantity=Decimal("0.5")))
    assert (alert.evidence["kind"], alert.value) == ("size", 50.0)
    assert heard(FatFinger(), *usual[:10], order(T + 30, "big", quantity=Decimal("0.5"))) == []


def test_an_order_that_is_not_ours_or_was_seen_before_is_not_measured() -> None:
    assert heard(FatFinger(), order(T, "1", client_id="web", quantity=Decimal(60))) == []
    assert len(heard(FatFinger(), *(order(T + n, "1", quantity=Decimal(60)) for n in range(3)))) == 1


# limit use


def test_open_orders_count_towards_a_limit_and_a_smaller_position_clears_it() -> None:
    detector = LimitUse(LimitUseSettings(position_usd_max=100_000.0))
    events = [
        (T, order(T, "1", quantity=Decimal("0.5"))),
        (T + 1, order(T + 1, "2", quantity=Decimal("0.45"))),
        (T + 2, order(T + 2, "3", quantity=Decimal("0.15"))),
        (T + 3, order(T + 3, "2", quantity=Decimal("0.45"), state="cancelled")),
        (T + 3, order(T + 3, "3", quantity=Decimal("0.15"), state="cancelled")),
    ]
    told = play(detector, events, T + 100)
    assert [one.severity if isinstance(one, Alert) else "over" for one in told] == ["medium", "high", "over"]
    assert alerts(told)[0].evidence["kind"] == "position"
    assert heard(LimitUse(), *(event for _, event in events)) == []  # no limit was set


def test_the_fullest_limit_of_a_venue_speaks_for_it() -> None:
    detector = LimitUse(LimitUseSettings(venue_usd_max=100_000.0))
    (alert,) = heard(detector, flow.balance(T, 81), order(T + 1, "1", quantity=Decimal("0.5")))
    assert (alert.evidence["kind"], alert.scope) == ("margin", Scope(VENUE))
    assert alert.message.endswith("(0.81 of 1)")
    (alert,) = heard(detector, order(T + 2, "2", quantity=Decimal("2")))
    assert (alert.evidence["kind"], alert.severity) == ("venue", "critical")
    assert alert.message.endswith("(200,000 of 100,000)")


def test_an_account_without_equity_is_over_every_limit() -> None:
    event = msgspec.structs.replace(flow.balance(T, 5), equity=Decimal(-1))
    (alert,) = heard(LimitUse(), event)
    assert alert.severity == "critical"


@pytest.mark.parametrize(
    ("terms", "quantity", "worth"),
    [
        ({"kind": "perpetual", "quote": "USDT"}, -2.0, 200_000.0),
        ({"kind": "perpetual", "quote": "USD", "inverse": True}, 5_000.0, 5_000.0),
        ({"kind": "option", "quote": "BTC"}, 3.0, 300_000.0),
        ({"kind": "perpetual", "quote": "EUR"}, 1.0, None),
    ],
)
def test_a_notional_is_in_dollars(terms: dict[str, Any], quantity: float, worth: float | None) -> None:
    made = listed("0.1", "0.1", **({"venue": VENUE, "symbol": BTC, "base": "BTC"} | terms))
    context = msgspec.structs.replace(flow.context_of(flow.blotter()), instrument=lambda *_: made)
    assert notional_usd(context, VENUE, BTC, quantity) == worth
    assert notional_usd(flow.context_of(flow.blotter()), VENUE, "unknown", 1.0) is None


def test_all_of_them_together_say_of_a_thief_what_there_is_to_say() -> None:
    watch, blotter = LiveWatch(), flow.blotter()
    context = flow.context_of(blotter)
    told: list[Spoken] = []
    for number in range(30):
        event = order(T + 0.1 * number, str(number), client_id="", quantity=Decimal(9))
        blotter.fold(event)
        told += watch.on_event(event, context)
    names = {one.detector for one in alerts(told)}
    assert names == {"unauthorised_order"}
