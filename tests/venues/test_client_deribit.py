"""The Deribit client says and hears exactly what the venue's documentation states."""

import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

import pytest
from client_benches import (
    CANCEL_ALL,
    CREDENTIALS,
    DEAD_MAN,
    DERIBIT_ORDER,
    DERIBIT_PORTFOLIO,
    DERIBIT_POSITION,
    DERIBIT_TRADE,
    PLACE,
    SECOND_NS,
    TRANSFER,
    DeribitBench,
)

from holdfast.event import (
    BalanceReported,
    Filled,
    LineMoved,
    OrderAbsent,
    OrderReported,
    PositionReported,
    Quarantined,
    ResyncRequested,
)
from holdfast.instrument import Instruments
from holdfast.order import NewOrder
from holdfast.venues.client import Frame, Request
from holdfast.venues.deribit.client import DeribitClient, DeribitSettings
from holdfast.venues.deribit.client_frames import order_params, rpc, signature_params


def sent(bench: DeribitBench) -> dict[str, Any]:
    """Return the last frame that an effect sent."""
    wish = bench.held[-1]
    assert isinstance(wish, Frame)
    return json.loads(wish.data)


def notify(bench: DeribitBench, channel: str, data: Any) -> None:
    message = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}
    bench.client.on_frame(bench.now_ns, "private", json.dumps(message).encode())
    bench.take()


@pytest.fixture
def bench() -> DeribitBench:
    made = DeribitBench()
    made.ready()
    made.events.clear()
    return made


def test_an_order_is_one_frame_with_exact_decimals_and_the_venues_time(bench: DeribitBench) -> None:
    bench.effect(PLACE, valid_s=2.0)
    (wish,) = bench.held
    assert isinstance(wish, Frame)
    request = sent(bench)
    # two seconds on the venue's clock, which is 250 ms ahead; less than a millisecond of its error is kept back
    assert request["params"].pop("valid_until") == bench.now_ns // 1_000_000 + 250 + 2000
    assert request == {
        "jsonrpc": "2.0",
        "id": request["id"],
        "method": "private/sell",
        "params": {
            "instrument_name": "BTC-PERPETUAL",
            "amount": 10,
            "type": "limit",
            "label": "hf-abc",
            "time_in_force": "immediate_or_cancel",
            "price": 60000.5,
            "reduce_only": True,
        },
    }
    assert b'"amount":10,' in wish.data
    assert b'"price":60000.5,' in wish.data


def test_an_order_as_bytes() -> None:
    order = NewOrder(
        instrument="BTC-29DEC26-100000-C",
        side="buy",
        quantity=Decimal("0.1"),
        client_id="hf-1",
        price=Decimal("0.0005"),
        post_only=True,
    )
    assert rpc(9, "private/buy", order_params(order, 1_790_000_002_000)) == (
        b'{"jsonrpc":"2.0","id":9,"method":"private/buy","params":{"instrument_name":"BTC-29DEC26-100000-C",'
        b'"amount":0.1,"type":"limit","label":"hf-1","time_in_force":"good_til_cancelled","valid_until":1790000002000,'
        b'"price":0.0005,"post_only":true,"reject_post_only":true}}'
    )


def test_a_market_order_has_no_price() -> None:
    order = NewOrder(instrument="X", side="buy", quantity=Decimal(1), client_id="hf-1")
    params = order_params(order, 1)
    assert params["type"] == "market"
    assert "price" not in params


def test_cancel_all_is_one_frame(bench: DeribitBench) -> None:
    bench.client.cancel_all(bench.now_ns, "k")
    (wish,) = bench.client.wishes
    assert isinstance(wish, Frame)
    number = json.loads(wish.data)["id"]
    assert wish.data == b'{"jsonrpc":"2.0","id":%d,"method":"private/cancel_all","params":{}}' % number
    bench.client.wishes.clear()
    bench.client.cancel_all(bench.now_ns, "k", "BTC-PERPETUAL")
    (wish,) = bench.client.wishes
    assert isinstance(wish, Frame)
    assert json.loads(wish.data)["method"] == "private/cancel_all_by_instrument"
    assert json.loads(wish.data)["params"] == {"instrument_name": "BTC-PERPETUAL"}


def test_brakes_are_counted_so_that_moves_wait_for_what_they_cost(bench: DeribitBench) -> None:
    for number in range(40):
        bench.effect(CANCEL_ALL, f"b{number}")
    assert len(bench.held) == 40
    for wish in bench.held:
        bench.accept(wish)
    bench.held.clear()
    bench.effect(PLACE, valid_s=30.0)
    assert not bench.held
    bench.run(4.0)
    assert not bench.held
    bench.run(2.0)
    assert len(bench.held) == 1


def test_the_signature_is_that_of_the_documentation() -> None:
    params = signature_params("AMANDA", "AMANDASECRECT", 1576074319000, "1iqt2wls")
    text = b"1576074319000\n1iqt2wls\n"
    assert params["signature"] == hmac.new(b"AMANDASECRECT", text, hashlib.sha256).hexdigest()
    assert params["signature"] == "56590594f97921b09b18f166befe0d1319b198bbcdad7ca73382de2f88fe9aa1"


def test_a_brake_by_http_signs_its_own_address() -> None:
    bench = DeribitBench()
    bench.effect(CANCEL_ALL)
    (wish,) = bench.held
    assert isinstance(wish, Request)
    assert (wish.method, wish.url) == ("GET", "https://www.deribit.com/api/v2/private/cancel_all")
    assert wish.urgent
    ((name, value),) = wish.headers
    assert name == "Authorization"
    scheme, _, rest = value.partition(" ")
    parts = dict(part.split("=") for part in rest.split(","))
    text = f"{parts['ts']}\n{parts['nonce']}\nGET\n/api/v2/private/cancel_all\n\n"
    assert scheme == "deri-hmac-sha256"
    assert parts["id"] == CREDENTIALS[0]
    assert parts["sig"] == hmac.new(CREDENTIALS[1].encode(), text.encode(), hashlib.sha256).hexdigest()


def test_a_brake_that_is_repeated_because_the_line_is_mute_goes_by_http_and_the_line_is_given_up(
    bench: DeribitBench,
) -> None:
    bench.silent = True
    bench.wishes.clear()
    bench.effect(CANCEL_ALL, "first")
    bench.now_ns += SECOND_NS // 2
    bench.effect(CANCEL_ALL, "soon")
    bench.now_ns += SECOND_NS
    bench.effect(CANCEL_ALL, "later")
    assert [type(wish) for wish in bench.wishes] == [Frame, Frame, Request]
    bench.run(4.0)
    assert ("private", False) in bench.lines()
    assert bench.answers("first")[0].outcome == "unknown"


def test_a_test_request_is_answered_at_once(bench: DeribitBench) -> None:
    data = b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}'
    for line in ("private", "public"):
        bench.client.on_frame(bench.now_ns, line, data)
        (wish,) = bench.client.wishes
        assert isinstance(wish, Frame)
        assert (wish.line, json.loads(wish.data)["method"]) == (line, "public/test")
        bench.client.wishes.clear()
    bench.client.on_frame(bench.now_ns, "private", data.replace(b"test_request", b"heartbeat"))
    assert not bench.client.wishes


def test_changes_are_fills_orders_and_positions(bench: DeribitBench) -> None:
    data = {
        "instrument_name": "BTC-PERPETUAL",
        "trades": [DERIBIT_TRADE],
        "orders": [
            DERIBIT_ORDER | {"order_state": "filled", "filled_amount": 10.0, "average_price": 60000.75}
        ],
        "positions": [DERIBIT_POSITION],
    }
    notify(bench, "user.changes.any.any.raw", data)
    fill, order, position = bench.events
    assert isinstance(fill, Filled)
    assert (fill.trade_id, fill.side, fill.price, fill.quantity) == (
        "219381310",
        "buy",
        Decimal("20236.5"),
        Decimal("10.0"),
    )
    assert (fill.fee, fill.fee_asset, fill.maker, fill.liquidation) == (
        Decimal("2.5e-7"),
        "BTC",
        False,
        False,
    )
    assert isinstance(order, OrderReported)
    assert (order.state, order.filled, order.client_id) == ("filled", Decimal("10.0"), "hf-abc")
    assert (order.price, order.average_price) == (Decimal("60000.5"), Decimal("60000.75"))
    assert isinstance(position, PositionReported)
    assert position.quantity == Decimal("-12000.0")


@pytest.mark.parametrize(
    ("liquidity", "liquidation", "forced"),
    [("T", "T", True), ("T", "M", False), ("M", "MT", True), ("M", None, False), ("", "T", False)],
)
def test_a_fill_was_forced_if_our_side_of_it_was(
    bench: DeribitBench, liquidity: str, liquidation: str | None, forced: bool
) -> None:
    notify(
        bench,
        "user.trades.any.any.raw",
        [DERIBIT_TRADE | {"liquidity": liquidity, "liquidation": liquidation}],
    )
    (fill,) = bench.told(Filled)
    assert fill.liquidation is forced


def test_an_order_of_the_liquidation_engine_says_so(bench: DeribitBench) -> None:
    order = DERIBIT_ORDER | {
        "is_liquidation": True,
        "label": "",
        "price": "market_price",
        "order_type": "market",
    }
    notify(bench, "user.orders.any.any.raw", order)
    (report,) = bench.told(OrderReported)
    assert (report.reason, report.client_id, report.price) == ("liquidation", "", None)


@pytest.mark.parametrize(("size", "direction"), [(-12000.0, "sell"), (12000.0, "sell"), (-12000.0, "")])
def test_a_position_that_is_short_is_negative(bench: DeribitBench, size: float, direction: str) -> None:
    position = DERIBIT_POSITION | {"size": size, "direction": direction}
    notify(bench, "user.changes.any.any.raw", {"positions": [position]})
    assert bench.told(PositionReported)[0].quantity == Decimal(-12000)


def test_a_flat_position_is_zero_and_not_in_the_list(bench: DeribitBench) -> None:
    notify(
        bench,
        "user.changes.any.any.raw",
        {"positions": [DERIBIT_POSITION | {"size": 0.0, "direction": "zero"}]},
    )
    assert bench.told(PositionReported)[0].quantity == 0


def test_the_portfolio_is_a_balance(bench: DeribitBench) -> None:
    notify(bench, "user.portfolio.btc", DERIBIT_PORTFOLIO)
    (balance,) = bench.told(BalanceReported)
    assert (balance.asset, balance.amount, balance.equity) == ("BTC", Decimal("2.5"), Decimal("2.503"))
    assert (balance.initial_margin, balance.maintenance_margin) == (Decimal("0.1"), Decimal("0.05"))


def test_an_order_in_an_unknown_state_is_quarantined(bench: DeribitBench) -> None:
    notify(bench, "user.orders.any.any.raw", DERIBIT_ORDER | {"order_state": "levitating"})
    assert not bench.told(OrderReported)
    assert bench.told(Quarantined)[0].code == "frame.malformed"


def test_a_label_is_asked_for_by_its_currency(bench: DeribitBench) -> None:
    bench.wishes.clear()
    bench.client.ask_order(bench.now_ns, "BTC-PERPETUAL", "hf-x")
    bench.client.ask_order(bench.now_ns, "SOL_USDC-PERPETUAL", "hf-y")
    bench.pump()
    asked = [json.loads(wish.data)["params"] for wish in bench.wishes if isinstance(wish, Frame)]
    assert asked == [{"currency": "BTC", "label": "hf-x"}, {"currency": "USDC", "label": "hf-y"}]


def test_several_orders_of_one_label_are_all_told(bench: DeribitBench) -> None:
    bench.silent = True
    bench.client.ask_order(bench.now_ns, "BTC-PERPETUAL", "hf-abc")
    bench.pump()
    bench.say(bench.wishes[-1], [DERIBIT_ORDER, DERIBIT_ORDER | {"order_id": "2"}])
    assert [report.order_id for report in bench.told(OrderReported)] == ["46094375191", "2"]


def test_an_order_that_the_venue_cannot_find_is_absent(bench: DeribitBench) -> None:
    bench.silent = True
    bench.client.ask_order(bench.now_ns, "BTC-PERPETUAL", "hf-abc")
    bench.pump()
    bench.fail(bench.wishes[-1], 10004, "order_not_found")
    assert len(bench.told(OrderAbsent)) == 1


def test_a_question_that_is_refused_is_quarantined_and_tells_no_absence(bench: DeribitBench) -> None:
    bench.silent = True
    bench.client.ask_order(bench.now_ns, "BTC-PERPETUAL", "hf-abc")
    bench.pump()
    bench.fail(bench.wishes[-1], 10028, "too_many_requests")
    assert not bench.told(OrderAbsent)
    assert bench.told(Quarantined)[0].code == "venue.error"


def test_a_transfer_carries_the_number_of_the_account_and_the_same_nonce_each_time(
    bench: DeribitBench,
) -> None:
    bench.effect(TRANSFER, "run/step/0")
    first = sent(bench)
    assert first["method"] == "private/submit_transfer_between_subaccounts"
    bench.effect(TRANSFER, "run/step/0")
    again = sent(bench)
    assert again["params"] == first["params"]
    assert first["params"] | {"nonce": ""} == {
        "currency": "BTC",
        "amount": 1.5,
        "destination": 42,
        "nonce": "",
    }
    bench.effect(TRANSFER, "run/step/1")
    assert sent(bench)["params"]["nonce"] != first["params"]["nonce"]


def test_a_transfer_that_an_earlier_attempt_did_is_done(bench: DeribitBench) -> None:
    bench.effect(TRANSFER)
    bench.fail(bench.held[0], 11029, "invalid_arguments: nonce was used")
    (answer,) = bench.answers()
    assert (answer.outcome, answer.code) == ("accepted", "already_done")


def test_an_account_that_the_venue_names_needs_no_number_of_ours(bench: DeribitBench) -> None:
    bench.client.transfer(bench.now_ns, "k", "spare", "BTC", Decimal(1), bench.now_ns + SECOND_NS)
    bench.pump()
    assert sent(bench)["params"]["destination"] == 7


def test_a_transfer_to_an_unknown_account_is_refused_here() -> None:
    bench = DeribitBench()
    bench.client = DeribitClient(Instruments(), "main", CREDENTIALS, symbols=[bench.symbol])
    bench.ready()
    bench.effect(TRANSFER)
    assert (bench.answers()[0].outcome, bench.answers()[0].code) == ("refused", "account_unknown")


def test_the_dead_man_is_a_heartbeat_and_cancel_on_disconnect_and_is_armed_again(bench: DeribitBench) -> None:
    bench.effect(DEAD_MAN)
    methods = [json.loads(wish.data)["method"] for wish in bench.held if isinstance(wish, Frame)]
    assert methods == ["public/set_heartbeat", "private/enable_cancel_on_disconnect"]
    assert json.loads(bench.held[0].data)["params"] == {"interval": 30}  # type: ignore[union-attr]
    assert json.loads(bench.held[1].data)["params"] == {"scope": "connection"}  # type: ignore[union-attr]
    bench.held.clear()
    bench.client.on_close(bench.now_ns, "private", "gone")
    bench.run(2)
    methods = [json.loads(wish.data)["method"] for wish in bench.held if isinstance(wish, Frame)]
    assert methods == ["public/set_heartbeat", "private/enable_cancel_on_disconnect"]
    bench.held.clear()
    bench.client.arm_dead_man(bench.now_ns, "off", 0.0)
    bench.pump()
    assert [json.loads(wish.data)["method"] for wish in bench.held] == [
        "private/disable_cancel_on_disconnect"
    ]  # type: ignore[union-attr]


def test_the_token_is_renewed_before_it_ends(bench: DeribitBench) -> None:
    bench.wishes.clear()
    for _ in range(80):
        bench.run(9)
        bench.client.on_frame(
            bench.now_ns, "private", b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"heartbeat"}}'
        )
        bench.client.on_frame(
            bench.now_ns, "public", b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"heartbeat"}}'
        )
    renewed = [
        json.loads(wish.data)["params"]["grant_type"]
        for wish in bench.wishes
        if isinstance(wish, Frame) and b"public/auth" in wish.data
    ]
    assert renewed == ["refresh_token", "refresh_token"]  # one a line, after 720 of 900 seconds
    assert bench.client.is_ready


def test_refused_credentials_are_named_and_tried_again_rarely() -> None:
    bench = DeribitBench()
    bench.client.connect(bench.now_ns)
    answered = bench.respond

    def refuse(wish: Frame | Request) -> None:
        if isinstance(wish, Frame) and b"public/auth" in wish.data:
            bench.fail(wish, 13004, "invalid_credentials")
        else:
            answered(wish)

    bench.respond = refuse  # type: ignore[method-assign]
    bench.pump()
    reasons = [event.reason for event in bench.told(LineMoved)]
    assert reasons
    assert all(reason.startswith("credentials.refused: 13004 invalid_credentials") for reason in reasons)
    attempts = bench.opened.count("private")
    bench.run(29)
    assert bench.opened.count("private") == attempts
    bench.run(2)
    assert bench.opened.count("private") == attempts + 1


def test_a_lost_authorisation_ends_the_line(bench: DeribitBench) -> None:
    bench.effect(PLACE)
    bench.fail(bench.held[0], 13009, "unauthorized")
    assert bench.answers()[0].outcome == "refused"
    assert ("private", False) in bench.lines()


def test_a_gap_in_a_book_is_mended_by_subscribing_again(bench: DeribitBench) -> None:
    client = bench.client
    client.feed.rows.take()
    bench.wishes.clear()
    change = {
        "type": "change", "timestamp": bench.venue_ms(), "instrument_name": bench.symbol, "change_id": 300,
        "prev_change_id": 200, "bids": [["change", 60000.0, 90.0]], "asks": [],
    }  # fmt: skip
    message = {
        "jsonrpc": "2.0",
        "method": "subscription",
        "params": {"channel": f"book.{bench.symbol}.raw", "data": change},
    }
    client.on_frame(bench.now_ns, "public", json.dumps(message, separators=(",", ":")).encode())
    bench.pump()
    assert [event.instrument for event in bench.told(ResyncRequested)] == [bench.symbol]
    methods = [json.loads(wish.data)["method"] for wish in bench.wishes if isinstance(wish, Frame)]
    assert methods == ["public/unsubscribe", "public/subscribe"]
    bench.wishes.clear()
    bench.run(7)
    assert not [wish for wish in bench.wishes if isinstance(wish, Frame) and b"subscribe" in wish.data]


def test_a_snapshot_that_does_not_come_is_asked_for_again(bench: DeribitBench) -> None:
    bench.silent = True
    bench.client.feed.on_disconnect(bench.now_ns)
    bench.client.feed.requests.clear()
    bench.client.resync(bench.now_ns, bench.symbol)
    bench.client.resync(bench.now_ns, bench.symbol)
    bench.pump()
    bench.wishes.clear()
    bench.run(12)
    again = [wish for wish in bench.wishes if isinstance(wish, Frame) and b"public/subscribe" in wish.data]
    assert len(again) >= 1


def test_credentials_may_go_as_they_are_and_books_without_signing_in() -> None:
    bench = DeribitBench()
    settings = DeribitSettings(books="100ms", grant="client_credentials")
    bench.client = DeribitClient(
        Instruments(), "main", CREDENTIALS, symbols=[bench.symbol], settings=settings
    )
    bench.ready()
    grants = [
        json.loads(wish.data)["params"]
        for wish in bench.wishes
        if isinstance(wish, Frame) and b"/auth" in wish.data
    ]
    assert grants == [
        {"grant_type": "client_credentials", "client_id": CREDENTIALS[0], "client_secret": CREDENTIALS[1]}
    ]
    assert any(b"book.BTC-PERPETUAL.100ms" in wish.data for wish in bench.wishes if isinstance(wish, Frame))


def test_a_symbol_that_is_not_listed_is_named_and_the_others_go_on() -> None:
    bench = DeribitBench()
    bench.client = DeribitClient(Instruments(), "main", CREDENTIALS, symbols=[bench.symbol, "XRP-PERPETUAL"])
    bench.ready()
    assert [event.code for event in bench.told(Quarantined)] == ["instrument.unlisted"]
    assert not any(b"XRP" in wish.data for wish in bench.wishes if isinstance(wish, Frame))


def test_an_account_without_market_data_has_one_line() -> None:
    bench = DeribitBench()
    bench.client = DeribitClient(Instruments(), "main", CREDENTIALS)
    bench.ready()
    assert bench.opened == ["private"]


def test_a_listing_that_fails_is_asked_for_again() -> None:
    bench = DeribitBench()
    bench.silent = True
    bench.client.connect(bench.now_ns)
    (listing,) = [wish for wish in bench.client.wishes if isinstance(wish, Request)]
    bench.client.on_answer(bench.now_ns, listing.id, 502, b"<html>")
    bench.silent = False
    bench.pump()
    bench.now_ns += SECOND_NS
    bench.run(3)
    assert bench.client.is_ready
