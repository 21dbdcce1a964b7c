"""The governor on a single action: each refusal beside what would have passed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.action import Action, ArmDeadMan, CancelAll, PlaceOrder, Tell, Transfer
from holdfast.error import CallerError
from holdfast.event import Scope
from holdfast.policy.governor.governor import Governor, judged
from holdfast.policy.governor.limits import DeskLimits, GovernorSettings, Limits
from holdfast.policy.governor.verdict import REMEDIES, Allowed, Refused, Verdict
from holdfast.receipt import Intended
from holdfast.response.view import Moment
from tests.response.desk_double import ETHER, INVERSE, LINEAR, OPTION, START, Desk

WIDE = GovernorSettings(desk=DeskLimits(order_notional_usd_max=1e9, notional_usd_max=1e12, loss_usd_max=1e12))


def desk() -> Desk:
    made = Desk(LINEAR, INVERSE, ETHER, OPTION)
    made.quote(LINEAR, 100_000.0)
    made.quote(INVERSE, 100_000.0)
    made.quote(ETHER, 4_000.0)
    made.quote(OPTION, 0.05)
    made.view.prices_usd["BTC"] = 100_000.0
    made.hold(LINEAR, "10")
    return made


def order(side: str = "sell", quantity: str = "1", price: str = "100000", **terms: object) -> PlaceOrder:
    fields = {"venue": "binance", "account": "main", "instrument": "BTCUSDT", "reduce_only": True, **terms}
    return PlaceOrder(side=side, quantity=Decimal(quantity), limit_price=Decimal(price), **fields)  # type: ignore[arg-type]


def under(settings: GovernorSettings, now_ns: int = START) -> Governor:
    governor = Governor()
    for record in governor.propose(now_ns, settings, "config"):
        governor.fold(record)
    return governor


def said(
    action: Action, settings: GovernorSettings = WIDE, on: Desk | None = None, playbook: str = "p"
) -> Verdict:
    return under(settings).judge(START, action, playbook, (on or desk()).view)


def code(verdict: Verdict) -> str:
    return verdict.code if isinstance(verdict, Refused) else ""


def test_what_it_is_worth_at_worst_is_told() -> None:
    verdict = said(order(quantity="2", price="99500"))
    assert isinstance(verdict, Allowed)
    assert verdict.notional_usd == pytest.approx(200_000.0)
    assert verdict.loss_usd == pytest.approx(1_000.0)
    made = desk()
    made.hold(INVERSE, "-50000")
    bought = said(order("buy", "50000", "101000", venue="deribit", instrument="BTC-PERPETUAL"), on=made)
    assert isinstance(bought, Allowed)
    assert (bought.notional_usd, bought.loss_usd) == (pytest.approx(50_000.0), pytest.approx(500.0))
    made.hold(OPTION, "5")
    sold = said(order("sell", "5", "0.049", venue="deribit", instrument=OPTION.symbol), on=made)
    assert isinstance(sold, Allowed)
    assert (sold.notional_usd, sold.loss_usd) == (pytest.approx(500_000.0), pytest.approx(500.0))


def test_an_order_is_no_larger_than_its_limit() -> None:
    settings = GovernorSettings(desk=DeskLimits(order_notional_usd_max=200_000.0))
    assert code(said(order(quantity="2"), settings)) == ""
    assert code(said(order(quantity="2.001"), settings)) == "governor.order_notional"


def test_the_collar_holds_to_the_worse_side_only() -> None:
    settings = GovernorSettings(desk=DeskLimits(price_collar_bps_max=100.0))
    assert code(said(order(price="99000"), settings)) == ""
    assert code(said(order(price="98999.9"), settings)) == "governor.collar"
    assert code(said(order(price="150000"), settings)) == ""  # asks for more than the mark
    made = desk()
    made.hold(LINEAR, "-10")
    assert code(said(order("buy", price="101000"), settings, made)) == ""
    assert code(said(order("buy", price="101000.1"), settings, made)) == "governor.collar"


def test_only_named_instruments_may_be_traded() -> None:
    assert code(said(order(), GovernorSettings(desk=DeskLimits(instruments=("binance:BTCUSDT",))))) == ""
    assert (
        code(said(order(), GovernorSettings(desk=DeskLimits(instruments=("binance:ETHUSDT",)))))
        == "governor.instrument"
    )
    assert code(said(order(), GovernorSettings(desk=DeskLimits(instruments=())))) == "governor.instrument"
    assert code(said(order(instrument="NOPE"))) == "governor.unlisted"


def test_nothing_moves_without_a_mark_and_a_value() -> None:
    made = desk()
    made.view.marks.clear()
    assert code(said(order(), on=made)) == "governor.unpriced"
    dark = desk()
    dark.hold(OPTION, "5")
    del dark.view.prices_usd["BTC"]
    assert (
        code(said(order(venue="deribit", instrument=OPTION.symbol, price="0.05"), on=dark))
        == "governor.unpriced"
    )


def test_a_reduce_only_order_reduces_what_is_held_with_what_is_in_flight() -> None:
    made = desk()
    assert code(said(order(quantity="10"), on=made)) == ""
    assert code(said(order(quantity="10.001"), on=made)) == "governor.position"
    assert code(said(order("buy"), on=made)) == "governor.position"
    made.view.pendings[("binance", "main", "BTCUSDT")] = Decimal(-4)
    assert code(said(order(quantity="6"), on=made)) == ""
    assert code(said(order(quantity="6.001"), on=made)) == "governor.position"
    made.view.pendings[("binance", "main", "BTCUSDT")] = Decimal(-12)
    assert code(said(order(quantity="0.001"), on=made)) == "governor.position"
    made.view.pendings[("binance", "main", "BTCUSDT")] = Decimal(4)  # may not fill: it makes no room
    assert code(said(order(quantity="10.001"), on=made)) == "governor.position"
    assert code(said(order(quantity="0"), on=made)) == "governor.position"


def test_a_leg_may_be_closed_although_the_other_one_stays() -> None:
    made = desk()
    made.hold(INVERSE, "-1000000")
    assert code(said(order(quantity="10"), on=made)) == ""


def test_a_defence_never_adds_delta_but_a_named_playbook_may() -> None:
    hedge = order("buy", reduce_only=False)
    assert code(said(hedge)) == "governor.delta"
    assert code(said(order("sell", reduce_only=False))) == ""
    named = GovernorSettings(desk=WIDE.desk, may_add_delta=("carry",))
    assert code(said(hedge, named, playbook="carry")) == ""
    assert code(said(hedge, named, playbook="defend")) == "governor.delta"


def test_a_hedge_may_turn_the_delta_over_but_not_make_it_larger() -> None:
    assert code(said(order("sell", "20", reduce_only=False))) == ""
    assert code(said(order("sell", "20.001", reduce_only=False))) == "governor.delta"


def test_what_is_in_flight_counts_at_its_worst() -> None:
    made = desk()
    made.view.pendings[("deribit", "main", "BTC-PERPETUAL")] = Decimal(-800_000)  # may take 8 of 10 coins
    sold = {"venue": "deribit", "instrument": "BTC-PERPETUAL", "reduce_only": False}
    assert code(said(order("sell", "400000", **sold), on=made)) == ""
    assert code(said(order("sell", "400010", **sold), on=made)) == "governor.delta"
    made.view.pendings[("deribit", "main", "BTC-PERPETUAL")] = Decimal(-1_200_000)  # may have turned it over
    assert code(said(order("sell", "10", **sold), on=made)) == "governor.delta"


class OnlyPositions(Moment):
    """A view that does not list what has nothing but orders in flight."""

    def held(self, scope: Scope) -> list[tuple[str, str, str]]:
        return [place for place in super().held(scope) if self.positions.get(place)]


def test_an_order_in_flight_counts_although_nothing_is_held_there() -> None:
    made = desk()
    made.view = OnlyPositions(**{name: getattr(made.view, name) for name in Moment.__struct_fields__})
    made.hold(LINEAR, "0")
    made.hold(INVERSE, "1000000")
    assert code(said(order("sell", "1", reduce_only=False), on=made)) == ""
    made.view.pendings[("binance", "main", "BTCUSDT")] = Decimal(-12)
    assert code(said(order("sell", "1", reduce_only=False), on=made)) == "governor.delta"


def test_the_delta_of_another_coin_is_another_matter() -> None:
    made = desk()
    ether = order("sell", "1", "4000", instrument="ETHUSDT", reduce_only=False)
    assert code(said(ether, on=made)) == "governor.delta"
    made.hold(ETHER, "10")
    assert code(said(ether, on=made)) == ""


def test_nothing_is_hedged_in_the_dark() -> None:
    made = desk()
    made.view.deltas.clear()
    assert code(said(order(reduce_only=False), on=made)) == "governor.delta_unknown"
    assert code(said(order(reduce_only=True), on=made)) == ""


def test_an_option_is_no_hedge_of_a_defence() -> None:
    sold = order("sell", "1", "0.05", venue="deribit", instrument=OPTION.symbol, reduce_only=False)
    assert code(said(sold)) == "governor.delta"
    assert code(said(sold, GovernorSettings(desk=WIDE.desk, may_add_delta=("p",)))) == ""


@given(
    held=st.decimals("-20", "20", places=3),
    flying=st.decimals("-20", "20", places=3),
    asked=st.decimals("0.001", "45", places=3),
    side=st.sampled_from(["buy", "sell"]),
    filled=st.floats(0.0, 1.0),
    arrived=st.floats(0.0, 1.0),
)
def test_whatever_of_it_fills_a_hedge_that_was_allowed_adds_no_delta(
    held: Decimal, flying: Decimal, asked: Decimal, side: str, filled: float, arrived: float
) -> None:
    made = desk()
    made.hold(LINEAR, held)
    made.view.pendings[("binance", "main", "BTCUSDT")] = flying
    if code(said(order(side, str(asked), reduce_only=False), on=made)) == "":
        before = float(held) + arrived * float(flying)
        after = before + filled * float(asked) * (1 if side == "buy" else -1)
        assert abs(after) <= abs(before) + 1e-6


@given(
    held=st.decimals("-20", "20", places=3),
    flying=st.decimals("-20", "20", places=3),
    asked=st.decimals("0.001", "45", places=3),
    side=st.sampled_from(["buy", "sell"]),
)
def test_an_exit_that_was_allowed_cannot_cross_zero(
    held: Decimal, flying: Decimal, asked: Decimal, side: str
) -> None:
    made = desk()
    made.hold(LINEAR, held)
    made.view.pendings[("binance", "main", "BTCUSDT")] = flying
    if code(said(order(side, str(asked)), on=made)) == "":
        signed = asked if side == "buy" else -asked
        reducing = flying if flying * held < 0 else Decimal(0)
        assert (held + reducing + signed) * held >= 0


def test_a_transfer_reaches_named_accounts_only_and_has_a_value() -> None:
    move = Transfer(
        venue="binance", from_account="main", to_account="cold", asset="USDT", amount=Decimal(1_000)
    )
    assert code(said(move)) == "governor.transfer_target"
    named = GovernorSettings(transfer_targets=("binance:cold",))
    verdict = said(move, named)
    assert isinstance(verdict, Allowed)
    assert verdict.notional_usd == 1_000.0
    dear = Transfer(
        venue="binance", from_account="main", to_account="cold", asset="USDT", amount=Decimal(300_000)
    )
    assert code(said(dear, named)) == "governor.order_notional"
    unpriced = Transfer(
        venue="binance", from_account="main", to_account="cold", asset="XYZ", amount=Decimal(1)
    )
    assert code(said(unpriced, named)) == "governor.unpriced"


def test_brakes_and_words_pass_where_no_move_would() -> None:
    closed = GovernorSettings(
        desk=DeskLimits(count_max=0, notional_usd_max=0.0, instruments=()), loosening_delay_s=0.0
    )
    empty = Desk()
    assert code(said(order(), closed, empty)) == "governor.unlisted"
    for brake in (CancelAll("deribit", "main"), ArmDeadMan("deribit", "main", 30.0)):
        assert code(said(brake, closed, empty)) == ""
    assert code(said(Tell("t", "x"), closed, empty)) == ""


def test_a_row_of_a_venue_a_playbook_or_a_kind_is_held_to_as_well() -> None:
    small = Limits(order_notional_usd_max=50_000.0)
    for settings in (
        GovernorSettings(venues={"binance": small}),
        GovernorSettings(playbooks={"p": small}),
        GovernorSettings(actions={"place_order": small}),
    ):
        assert code(said(order(quantity="0.5"), settings)) == ""
        refused = said(order(quantity="0.6"), settings)
        assert isinstance(refused, Refused)
        assert refused.limit.split()[0] in ("venue", "playbook", "action")
    other = GovernorSettings(venues={"okx": small}, playbooks={"q": small}, actions={"transfer": small})
    assert code(said(order(quantity="0.6"), other)) == ""


def test_a_verdict_becomes_a_record_that_says_the_limit() -> None:
    refused = said(order("buy", reduce_only=False))
    assert isinstance(refused, Refused)
    record = judged(START, "r/s/0", order(), "p", refused)
    assert (record.allowed, record.code, record.venue, record.kind) == (
        False,
        "governor.delta",
        "binance",
        "place_order",
    )
    assert refused.limit in record.reason
    assert judged(START, "r/s/1", Tell("t", "x"), "p", Allowed()).venue == ""
    assert refused.remedy == REMEDIES["governor.delta"]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"count_max": -1}, "count_max"),
        ({"loss_usd_max": float("inf")}, "loss_usd_max"),
        ({"window_s": 0.0}, "window_s"),
        ({"window_s": 1e6}, "window_s"),
        ({"cooldown_s": -1.0}, "cooldown_s"),
        ({"instruments": ("BTCUSDT",)}, "instruments"),
    ],
)
def test_a_limit_that_cannot_work_is_refused_with_its_name(fields: dict[str, object], where: str) -> None:
    with pytest.raises(CallerError) as refused:
        Limits(**fields)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.where) == ("limits.value", where)


@pytest.mark.parametrize(
    "fields",
    [
        {"messages_per_s_max": 0},
        {"brake_messages_per_s_max": 0},
        {"loosening_delay_s": -1.0},
        {"transfer_targets": ("cold",)},
    ],
)
def test_the_governors_own_settings_are_checked_too(fields: dict[str, object]) -> None:
    with pytest.raises(CallerError):
        GovernorSettings(**fields)  # type: ignore[arg-type]


def test_the_desks_row_limits_everything() -> None:
    with pytest.raises(CallerError, match="the desk's row limits everything"):
        DeskLimits(count_max=None)


def test_looking_changes_nothing() -> None:
    governor = under(GovernorSettings(desk=DeskLimits(count_max=1)))
    made = desk()
    for _ in range(5):
        assert code(governor.judge(START, order(), "p", made.view)) == ""
    verdict = governor.judge(START, order(), "p", made.view)
    governor.fold(judged(START, "r/s/0", order(), "p", verdict))
    governor.fold(Intended(START, "r/s/0", order(), "why", "hf-1"))
    assert code(governor.judge(START, order(), "p", made.view)) == "governor.count"
