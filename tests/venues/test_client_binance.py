"""The Binance client says and hears exactly what the venue's documentation states."""

import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from client_benches import (
    BINANCE_ASSET,
    BINANCE_ORDER,
    BINANCE_POSITION,
    CANCEL_ALL,
    CANCEL_ONE,
    CREDENTIALS,
    DEAD_MAN,
    PLACE,
    TRANSFER,
    BinanceBench,
)

from holdfast.event import (
    BalanceReported,
    ClockMeasured,
    Filled,
    LineMoved,
    OrderAbsent,
    OrderReported,
    PositionReported,
    Quarantined,
)
from holdfast.instrument import Instruments
from holdfast.order import NewOrder
from holdfast.venues.binance.client import BinanceClient
from holdfast.venues.binance.client_errors import outcome_of
from holdfast.venues.binance.client_messages import Refusal
from holdfast.venues.binance.client_requests import Signer, order_params
from holdfast.venues.client import Frame, Open, Request

STREAM_ORDER = {
    "s": "BTCUSDT", "c": "hf-abc", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.010", "p": "9910.5", "ap": "9911.0",
    "sp": "0", "x": "TRADE", "X": "PARTIALLY_FILLED", "i": 8886774, "l": "0.004", "z": "0.006", "L": "9911.2",
    "N": "USDT", "n": "0.0158", "T": 1568879465650, "t": 1, "b": "0", "a": "9.91", "m": True, "R": True,
    "wt": "CONTRACT_PRICE", "ot": "LIMIT", "ps": "BOTH", "cp": False, "rp": "0", "pP": False, "si": 0, "ss": 0,
    "V": "EXPIRE_TAKER", "pm": "OPPONENT", "gtd": 0, "er": "0",
}  # fmt: skip


def hear(bench: BinanceBench, event: dict[str, Any]) -> None:
    bench.client.on_frame(bench.now_ns, "private", json.dumps(event).encode())
    bench.take()


def order_event(bench: BinanceBench, **changed: Any) -> None:
    hear(bench, {"e": "ORDER_TRADE_UPDATE", "E": 1, "T": 1, "o": STREAM_ORDER | changed})


def query_of(wish: Any) -> dict[str, str]:
    assert isinstance(wish, Request)
    return dict(parse_qsl(urlsplit(wish.url).query))


@pytest.fixture
def bench() -> BinanceBench:
    made = BinanceBench()
    made.ready()
    made.events.clear()
    return made


def test_the_signature_is_that_of_the_documentation() -> None:
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert Signer(secret).sign(query) == f"{query}&signature={signature}"


def test_an_order_is_one_signed_request_that_ends_with_its_validity(bench: BinanceBench) -> None:
    bench.effect(PLACE, valid_s=2.0)
    (wish,) = bench.held
    assert isinstance(wish, Request)
    assert wish.method == "POST"
    assert wish.url.startswith(
        "https://fapi.binance.com/fapi/v1/order?symbol=BTCUSDT&side=SELL&type=LIMIT&quantity=10&"
    )
    assert wish.headers == (("X-MBX-APIKEY", CREDENTIALS[0]),)
    assert (wish.body, wish.urgent) == (b"", False)
    query = query_of(wish)
    assert query["newClientOrderId"] == "hf-abc"
    assert (query["price"], query["timeInForce"], query["reduceOnly"]) == ("60000.5", "IOC", "true")
    venue_ms = bench.now_ns // 1_000_000 + 250
    assert int(query["timestamp"]) == venue_ms
    assert venue_ms + 1990 <= int(query["timestamp"]) + int(query["recvWindow"]) <= venue_ms + 2000
    text, _, signature = urlsplit(wish.url).query.partition("&signature=")
    assert signature == hmac.new(CREDENTIALS[1].encode(), text.encode(), hashlib.sha256).hexdigest()


def test_an_order_that_waited_is_signed_when_it_leaves_and_valid_no_longer_than_before(
    bench: BinanceBench,
) -> None:
    for number in range(160):
        bench.effect(PLACE, f"k{number}", valid_s=3.0)
    until_ms = bench.now_ns // 1_000_000 + 250 + 3000
    at_once = len(bench.held)
    bench.run(2)
    later = bench.held[at_once:]
    assert later
    for wish in later:
        query = query_of(wish)
        assert int(query["timestamp"]) > until_ms - 3000
        assert until_ms - 10 <= int(query["timestamp"]) + int(query["recvWindow"]) <= until_ms


def test_a_window_is_a_minute_at_most(bench: BinanceBench) -> None:
    bench.effect(PLACE, valid_s=600.0)
    assert query_of(bench.held[0])["recvWindow"] == "60000"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (
            {"price": Decimal("0.10"), "post_only": True},
            {"type": "LIMIT", "price": "0.10", "timeInForce": "GTX"},
        ),
        ({"price": Decimal("1E+3"), "time_in_force": "fok"}, {"price": "1000", "timeInForce": "FOK"}),
        ({}, {"type": "MARKET"}),
    ],
)
def test_kinds_of_orders(order: dict[str, Any], expected: dict[str, str]) -> None:
    made = NewOrder(instrument="ETHUSDT", side="buy", quantity=Decimal("0.500"), client_id="hf-1", **order)
    params = order_params(made)
    assert params | expected == params
    assert params["quantity"] == "0.500"
    assert ("timeInForce" in params) == ("price" in params)


def test_cancel_all_of_the_account_goes_to_every_instrument_it_knows_and_looks_for_more(
    bench: BinanceBench,
) -> None:
    order_event(bench, s="SOLUSDT", x="NEW", X="NEW", i=99)
    bench.effect(CANCEL_ALL)
    paths = [(wish.method, urlsplit(wish.url).path, query_of(wish).get("symbol")) for wish in bench.held]  # type: ignore[union-attr]
    assert sorted(paths[:2]) == [
        ("DELETE", "/fapi/v1/allOpenOrders", "BTCUSDT"),
        ("DELETE", "/fapi/v1/allOpenOrders", "SOLUSDT"),
    ]
    assert paths[2] == ("GET", "/fapi/v1/openOrders", None)
    for wish in bench.held[:2]:
        bench.accept(wish)
    assert not bench.answers()
    bench.say(bench.held[2], [BINANCE_ORDER | {"symbol": "XRPUSDT"}, BINANCE_ORDER])
    bench.pump()
    assert query_of(bench.held[3])["symbol"] == "XRPUSDT"
    assert not bench.answers()
    bench.accept(bench.held[3])
    assert bench.answers()[0].outcome == "accepted"


def test_an_instrument_with_open_orders_is_cancelled_first(bench: BinanceBench) -> None:
    order_event(bench, s="SOLUSDT", x="NEW", X="NEW", i=99)
    order_event(bench, s="BTCUSDT", x="CANCELED", X="CANCELED", i=22542179)
    bench.effect(CANCEL_ALL)
    assert query_of(bench.held[0])["symbol"] == "SOLUSDT"


def test_a_cancel_all_that_one_instrument_refused_is_refused(bench: BinanceBench) -> None:
    bench.effect(CANCEL_ALL)
    bench.fail(bench.held[0], 400, -4041, "?")
    bench.accept(bench.held[1])
    assert (bench.answers()[0].outcome, bench.answers()[0].code) == ("refused", "-4041")


def test_the_countdown_is_one_request_an_instrument(bench: BinanceBench) -> None:
    bench.effect(DEAD_MAN)
    (wish,) = bench.held
    query = query_of(wish)
    assert urlsplit(wish.url).path == "/fapi/v1/countdownCancelAll"  # type: ignore[union-attr]
    assert (query["symbol"], query["countdownTime"]) == ("BTCUSDT", "30000")
    bench.client.arm_dead_man(bench.now_ns, "off", 0.0)
    bench.pump()
    assert query_of(bench.held[1])["countdownTime"] == "0"


def test_a_countdown_without_an_instrument_is_refused_here() -> None:
    bench = BinanceBench()
    bench.client = BinanceClient(Instruments(), "main", CREDENTIALS)
    bench.effect(DEAD_MAN)
    assert (bench.answers()[0].outcome, bench.answers()[0].code) == ("refused", "no_instrument")


def test_a_transfer_has_an_id_of_its_key(bench: BinanceBench) -> None:
    bench.effect(TRANSFER, "run/step/0")
    bench.effect(TRANSFER, "run/step/0")
    bench.effect(TRANSFER, "run/step/1")
    first, again, other = (query_of(wish)["clientTranId"] for wish in bench.held)
    assert first == again != other
    wish = bench.held[0]
    assert isinstance(wish, Request)
    assert wish.url.startswith(
        "https://api.binance.com/sapi/v1/sub-account/universalTransfer?toEmail=hedge%40desk.example&"
    )
    assert query_of(wish)["amount"] == "1.5"


def test_a_transfer_in_another_world_stays_there() -> None:
    bench = BinanceBench()
    bench.client = BinanceClient(Instruments(), "main", CREDENTIALS, "ws://w", "http://w", [bench.symbol])
    bench.ready().effect(TRANSFER)
    wish = bench.held[0]
    assert isinstance(wish, Request)
    assert wish.url.startswith("http://w/sapi/v1/sub-account/universalTransfer?toEmail=hedge&")


def test_a_transfer_that_an_earlier_attempt_did_is_done(bench: BinanceBench) -> None:
    bench.effect(TRANSFER)
    bench.fail(bench.held[0], 400, -4115, "Client tran id should be unique within 7 days")
    assert (bench.answers()[0].outcome, bench.answers()[0].code) == ("accepted", "already_done")


def test_the_streams_are_those_of_the_venues_three_categories(bench: BinanceBench) -> None:
    urls = {wish.line: wish.url for wish in bench.wishes if isinstance(wish, Open)}
    assert urls == {
        "public": "wss://fstream.binance.com/public/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker",
        "prints": "wss://fstream.binance.com/market/stream"
        "?streams=btcusdt@aggTrade/btcusdt@markPrice@1s/btcusdt@forceOrder",
        "private": "wss://fstream.binance.com/private/ws?listenKey=listen",
    }


def test_an_event_of_an_order_is_its_fill_and_where_it_stands(bench: BinanceBench) -> None:
    order_event(bench)
    fill, report = bench.events
    assert isinstance(fill, Filled)
    assert (fill.trade_id, fill.price, fill.quantity, fill.side) == (
        "1",
        Decimal("9911.2"),
        Decimal("0.004"),
        "sell",
    )
    assert (fill.fee, fill.fee_asset, fill.maker, fill.liquidation) == (
        Decimal("0.0158"),
        "USDT",
        True,
        False,
    )
    assert isinstance(report, OrderReported)
    assert (report.state, report.filled, report.quantity) == ("open", Decimal("0.006"), Decimal("0.010"))
    assert (report.order_id, report.client_id, report.reduce_only) == ("8886774", "hf-abc", True)


@pytest.mark.parametrize(
    ("happened", "status", "state"),
    [("NEW", "NEW", "open"), ("CANCELED", "CANCELED", "cancelled"), ("EXPIRED", "EXPIRED", "expired")],
)
def test_an_event_without_an_execution_is_no_fill(
    bench: BinanceBench, happened: str, status: str, state: str
) -> None:
    order_event(bench, x=happened, X=status, l="0", L="0")
    (report,) = bench.events
    assert report.state == state


@pytest.mark.parametrize(
    ("client_id", "reason"),
    [("autoclose-1763", "liquidation"), ("adl_autoclose", "adl"), ("settlement_autoclose-1", "settlement")],
)
def test_what_the_venue_forced_says_so(bench: BinanceBench, client_id: str, reason: str) -> None:
    order_event(bench, c=client_id, x="CALCULATED", X="FILLED")
    fill, report = bench.events
    assert fill.liquidation
    assert report.reason == reason


def test_an_event_of_the_account_is_balances_and_positions(bench: BinanceBench) -> None:
    account = {
        "m": "ORDER",
        "B": [{"a": "USDT", "wb": "122624.12345678", "cw": "100.12345678", "bc": "50.12345678"}],
        "P": [
            {
                "s": "BTCUSDT",
                "pa": "-0.3",
                "ep": "61000.5",
                "cr": "200",
                "up": "0",
                "mt": "cross",
                "iw": "0",
                "ps": "BOTH",
            }
        ],
    }
    hear(bench, {"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": account})
    balance, position = bench.events
    assert isinstance(balance, BalanceReported)
    assert (balance.asset, balance.amount, balance.available) == ("USDT", Decimal("122624.12345678"), None)
    assert isinstance(position, PositionReported)
    assert (position.quantity, position.entry_price) == (Decimal("-0.3"), 61000.5)


def test_the_sides_of_a_hedged_position_are_summed(bench: BinanceBench) -> None:
    for side, amount in (("BOTH", "0"), ("LONG", "0.5"), ("SHORT", "-0.2")):
        hear(
            bench,
            {"e": "ACCOUNT_UPDATE", "a": {"P": [{"s": "BTCUSDT", "pa": amount, "ep": "1", "ps": side}]}},
        )
    assert bench.told(PositionReported)[-1].quantity == Decimal("0.3")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_quantity_that_is_no_number_is_quarantined(bench: BinanceBench, text: str) -> None:
    order_event(bench, z=text)
    order_event(bench, q=text)
    hear(bench, {"e": "ACCOUNT_UPDATE", "a": {"P": [{"s": "BTCUSDT", "pa": text}]}})
    hear(bench, {"e": "ACCOUNT_UPDATE", "a": {"B": [{"a": "USDT", "wb": text}]}})
    assert all(isinstance(event, Quarantined) for event in bench.events)
    assert len(bench.events) == 4


def test_events_that_say_nothing_of_the_account_are_ignored_and_unknown_ones_quarantined(
    bench: BinanceBench,
) -> None:
    hear(bench, {"e": "TRADE_LITE", "E": 1})
    assert not bench.events
    hear(bench, {"e": "WEATHER_UPDATE", "E": 1})
    assert bench.told(Quarantined)[0].code == "frame.unknown"


def test_an_expired_listen_key_is_replaced(bench: BinanceBench) -> None:
    bench.opened.clear()
    bench.questions.clear()
    hear(bench, {"e": "listenKeyExpired", "E": 1, "listenKey": "listen"})
    bench.run(2)
    assert bench.questions[:1] == ["/fapi/v1/listenKey"]
    assert bench.opened == ["private"]
    assert bench.lines() == [("private", False), ("private", True)]


def test_the_listen_key_is_kept_alive_every_half_hour(bench: BinanceBench) -> None:
    bench.wishes.clear()
    bench.run(2 * 3600)
    kept = [wish for wish in bench.wishes if isinstance(wish, Request) and wish.method == "PUT"]
    assert len(kept) == 4
    assert all(wish.url.endswith("/fapi/v1/listenKey") for wish in kept)


def test_a_listen_key_that_is_gone_is_replaced(bench: BinanceBench) -> None:
    answered = bench.respond

    def refuse(wish: Frame | Request) -> None:
        if isinstance(wish, Request) and wish.method == "PUT":
            bench.fail(wish, 400, -1125, "This listenKey does not exist.")
        else:
            answered(wish)

    bench.respond = refuse  # type: ignore[method-assign]
    bench.run(1802)
    assert [up for line, up in bench.lines() if line == "private"] == [False, True]


@pytest.mark.parametrize(("path", "code"), [("/fapi/v1/listenKey", -2015), ("/fapi/v3/account", -1022)])
def test_refused_credentials_are_named_before_the_account_is_up(path: str, code: int) -> None:
    bench = BinanceBench()
    answered = bench.respond

    def refuse(wish: Frame | Request) -> None:
        if isinstance(wish, Request) and urlsplit(wish.url).path == path:
            bench.fail(wish, 401, code, "Invalid API-key, IP, or permissions for action.")
        else:
            answered(wish)

    bench.respond = refuse  # type: ignore[method-assign]
    bench.client.connect(bench.now_ns)
    bench.pump()
    assert not bench.client.is_ready
    (reason,) = [event.reason for event in bench.told(LineMoved) if event.line == "private"]
    assert reason.startswith(f"credentials.refused: HTTP 401 {code}")
    attempts = bench.questions.count("/fapi/v1/exchangeInfo")
    assert attempts == 1


@pytest.mark.parametrize(
    ("status", "code", "message", "outcome"),
    [
        (503, 0, "Unknown error, please check your request or try again later.", ("unknown", "503")),
        (503, 0, "Service Unavailable.", ("refused", "busy")),
        (
            503,
            -1001,
            "Internal error; unable to process your request. Please try again.",
            ("refused", "busy"),
        ),
        (500, 0, "", ("unknown", "500")),
        (408, 0, "", ("unknown", "408")),
        (400, -1007, "Timeout waiting for response from backend server.", ("unknown", "-1007")),
        (400, -1006, "An unexpected response was received from the message bus.", ("unknown", "-1006")),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", ("expired", "timed_out")),
        (400, -5028, "Timestamp for this request is outside of the ME recvWindow.", ("expired", "timed_out")),
        (400, -4116, "ClientOrderId is duplicated.", ("unknown", "duplicate_client_id")),
        (400, -2022, "ReduceOnly Order is rejected.", ("refused", "-2022")),
        (400, -2010, "NEW_ORDER_REJECTED", ("refused", "-2010")),
        (400, -2011, "Unknown order sent.", ("refused", "not_open")),
        (418, -1003, "Way too many requests; IP banned until 1790000060000.", ("refused", "rate_limited")),
        (400, -1015, "Too many new orders.", ("refused", "rate_limited")),
        (403, 0, "<html>", ("refused", "403")),
    ],
)
def test_what_codes_say_of_an_effect(status: int, code: int, message: str, outcome: tuple[str, str]) -> None:
    assert outcome_of(status, Refusal(code, message)) == outcome


def test_a_ban_is_kept_to_the_time_that_the_venue_names(bench: BinanceBench) -> None:
    bench.effect(PLACE)
    until_ms = bench.venue_ms() + 40_000
    bench.fail(
        bench.held[0],
        418,
        -1003,
        f"Way too many requests; IP(1.2.3.4) banned until {until_ms}. Please use streams.",
    )
    bench.held.clear()
    bench.effect(PLACE, "later", valid_s=60.0)
    bench.run(39)
    assert not bench.held
    bench.run(2)
    assert len(bench.held) == 1


def test_a_late_order_has_the_clock_measured_again(bench: BinanceBench) -> None:
    bench.effect(PLACE)
    bench.refuse(bench.held[0], "late")
    bench.pump()
    assert len(bench.told(ClockMeasured)) == 1


def test_an_order_that_is_unknown_is_absent_and_an_error_is_not(bench: BinanceBench) -> None:
    bench.silent = True
    bench.client.ask_order(bench.now_ns, "BTCUSDT", "hf-1")
    bench.client.ask_order(bench.now_ns, "BTCUSDT", "hf-2")
    bench.pump()
    first, second = bench.wishes[-2:]
    assert query_of(first)["origClientOrderId"] == "hf-1"
    bench.fail(first, 400, -2013, "Order does not exist.")
    bench.fail(second, 503, 0, "Unknown error, please check your request or try again later.")
    assert [absent.client_id for absent in bench.told(OrderAbsent)] == ["hf-1"]


def test_a_snapshot_that_was_not_had_is_asked_for_again(bench: BinanceBench) -> None:
    bench.silent = True
    bench.client.feed.on_disconnect(bench.now_ns)
    bench.client.feed.requests.clear()
    bench.client.resync(bench.now_ns, bench.symbol)
    bench.client.resync(bench.now_ns, bench.symbol)
    bench.pump()
    asked = [wish for wish in bench.wishes if isinstance(wish, Request) and "/depth" in wish.url]
    assert len(asked) == 2  # the first when the stream was opened
    assert asked[1].url == "https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
    bench.fail(asked[1], 429, -1003, "Too many requests.")
    bench.run(35)
    asked = [wish for wish in bench.wishes if isinstance(wish, Request) and "/depth" in wish.url]
    assert len(asked) == 3


def test_listed_positions_and_balances_are_exact(bench: BinanceBench) -> None:
    bench.client.ask_positions(bench.now_ns)
    bench.client.ask_balances(bench.now_ns)
    bench.pump()
    (balance,) = bench.told(BalanceReported)
    assert (balance.amount, balance.equity) == (Decimal(BINANCE_ASSET["walletBalance"]), Decimal("10200.54"))
    (listed,) = [event for event in bench.events if hasattr(event, "positions")]
    assert listed.positions[0].quantity == Decimal(BINANCE_POSITION["positionAmt"])


def test_what_the_venue_says_was_used_leaves_room_for_brakes_even_in_a_client_that_has_only_begun() -> None:
    bench = BinanceBench()
    bench.ready()
    asked = bench.questions.count("/fapi/v1/openOrders")
    # of 2,400, by whoever was here before
    bench.client.on_headers(bench.now_ns, {"x-mbx-used-weight-1m": "2300"})
    bench.client.ask_orders(bench.now_ns)
    bench.pump()
    assert bench.questions.count("/fapi/v1/openOrders") == asked
    bench.effect(CANCEL_ONE)
    assert any("allOpenOrders" in one.url for one in bench.held if isinstance(one, Request))
    for said in ({"x-mbx-used-weight-1m": "many"}, {"x-mbx-used-weight-1m": "12"}, {}):
        bench.client.on_headers(bench.now_ns, said)  # what cannot be read, or is no less, changes nothing
        bench.pump()
        assert bench.questions.count("/fapi/v1/openOrders") == asked
    bench.run(70)
    assert bench.questions.count("/fapi/v1/openOrders") > asked
