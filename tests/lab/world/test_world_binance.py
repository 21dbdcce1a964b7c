"""Binance's USD-M futures as the world speaks them: requests and streams, bytes to bytes, in virtual time."""

import hashlib
import hmac
import json
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pytest

from holdfast import tape
from holdfast.clock import HOUR_NS, MILLISECOND_NS, SECOND_NS
from holdfast.instrument import Instruments
from holdfast.lab.world.answer import Answer
from holdfast.lab.world.binance import BinanceServer, BinanceStream
from holdfast.lab.world.binance.weights import BinanceLimits
from holdfast.lab.world.listings import BINANCE
from holdfast.lab.world.world import World
from holdfast.tape import RowBuffer
from holdfast.venues.binance import BinanceFeed

START_NS = 1_760_000_000 * SECOND_NS
BTC = "BTCUSDT"

Json = Any


class Client:
    """An account's signed requests, and a stream and what it was told."""

    def __init__(self, world: World, place: int = 0) -> None:
        self.world = world
        self.server: BinanceServer = world.binance
        self.credential = world.credentials[BINANCE][place]
        self.told: list[Json] = []
        self.frames: list[bytes] = []
        self.stream: BinanceStream | None = None

    def send(self, method: str, path: str, signed: bool = True, **params: Json) -> Answer:
        """Return the answer to a request; `skew_ms` is how far its timestamp is off."""
        skew_ms = params.pop("skew_ms", 0)
        if signed:
            stamp = (self.world.now_ns + self.server.faults.clock_offset_ns) // MILLISECOND_NS + skew_ms
            params |= {"timestamp": stamp}
        text = urlencode(params)
        if signed:
            signature = hmac.new(self.credential.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
            text += f"&signature={signature}"
        header = {"X-MBX-APIKEY": self.credential.key}
        if method in ("POST", "PUT"):
            return self.server.on_http(self.world.now_ns, method, path, header, text.encode())
        return self.server.on_http(self.world.now_ns, method, f"{path}?{text}", header, b"")

    def result(self, method: str, path: str, **params: Json) -> Json:
        """Return the body of an answer that must be a success."""
        answer = self.send(method, path, **params)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def code(self, method: str, path: str, **params: Json) -> int:
        """Return the code of a request that must be refused."""
        answer = self.send(method, path, **params)
        assert answer.status >= 400, answer.body
        return json.loads(answer.body)["code"]

    def place(self, **params: Json) -> Json:
        """Place an order that rests far away, unless told otherwise."""
        return self.result("POST", "/fapi/v1/order", **self.far_bid(**params))

    def far_bid(self, **params: Json) -> dict[str, Json]:
        """Return the parameters of an order that rests far away."""
        price = round(self.world.paths.prices["BTC"] * 0.97)
        wanted = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        return {key: value for key, value in (wanted | {"price": price} | params).items() if value != ""}

    def open(self, target: str) -> "Client":
        """Open the stream of an address."""
        self.stream = self.server.stream(self.world.now_ns, target)
        assert self.stream is not None
        return self

    def call(self, method: str, *params: str) -> Json:
        """Return the answer to a method of the stream."""
        assert self.stream is not None
        frame = json.dumps({"method": method, "params": list(params), "id": 9}).encode()
        self.hear(self.stream.on_frame(self.world.now_ns, frame))
        return next(it for it in reversed(self.told) if it.get("id") == 9)

    def hear(self, frames: list[bytes]) -> None:
        """Take frames in."""
        self.frames += frames
        self.told += [json.loads(frame) for frame in frames]

    def live(self, seconds: float) -> None:
        """Let time go by in steps of 50 ms, listening."""
        end_ns = self.world.now_ns + int(seconds * SECOND_NS)
        while self.world.now_ns < end_ns:
            self.world.advance(min(self.world.now_ns + 50 * MILLISECOND_NS, end_ns))
            news = self.server.news(self.world.now_ns)
            if self.stream is not None:
                self.hear(news.get(self.stream, []))

    def of(self, event: str) -> list[Json]:
        """Return the messages of an event."""
        return [it for it in self.told if it.get("e") == event]


@pytest.fixture
def world() -> World:
    return World(3, START_NS)


@pytest.fixture
def client(world: World) -> Client:
    return Client(world)


@pytest.fixture
def other(world: World) -> Client:
    return Client(world, 1)


# signing and time


def test_a_signed_request_is_taken_and_a_tampered_one_refused(client: Client) -> None:
    assert client.result("GET", "/fapi/v3/positionRisk") == []
    client.credential = client.world.credentials[BINANCE][0].__class__("desk", client.credential.key, "x", 1)
    assert client.code("GET", "/fapi/v3/positionRisk") == -1022


def test_no_key_and_an_unknown_key_are_refused(client: Client) -> None:
    answer = client.server.on_http(client.world.now_ns, "GET", "/fapi/v3/account", {}, b"")
    assert (answer.status, json.loads(answer.body)["code"]) == (401, -2014)
    header = {"X-MBX-APIKEY": "nobody"}
    answer = client.server.on_http(client.world.now_ns, "GET", "/fapi/v3/account", header, b"")
    assert (answer.status, json.loads(answer.body)["code"]) == (401, -2015)
    assert client.code("GET", "/fapi/v3/account", signed=False) == -1102


@pytest.mark.parametrize(
    ("skew_ms", "window_ms", "code"),
    [(-4_900, "", 0), (-5_100, "", -1021), (-900, 800, -1021), (900, "", 0), (1_000, "", -1021)],
)
def test_a_request_is_good_within_its_window_of_the_venues_clock(
    client: Client, skew_ms: int, window_ms: Json, code: int
) -> None:
    window = {"recvWindow": window_ms} if window_ms else {}
    client.server.faults.clock_offset_ns = 30 * SECOND_NS
    answer = client.send("POST", "/fapi/v1/order", **client.far_bid(**window), skew_ms=skew_ms)
    assert json.loads(answer.body).get("code", 0) == code
    assert len(client.result("GET", "/fapi/v1/openOrders", symbol=BTC)) == (code == 0)


def test_a_window_is_a_minute_at_most(client: Client) -> None:
    assert client.code("GET", "/fapi/v3/account", recvWindow=60_001) == -1131


# orders


def test_an_order_lives_by_its_client_id(client: Client) -> None:
    placed = client.place(newClientOrderId="mine")
    assert (placed["status"], placed["clientOrderId"], placed["origQty"]) == ("NEW", "mine", "0.010")
    by_client_id = {"symbol": BTC, "origClientOrderId": "mine"}
    assert client.result("GET", "/fapi/v1/order", **by_client_id)["orderId"] == placed["orderId"]
    changed = client.result(
        "PUT", "/fapi/v1/order", **by_client_id, side="BUY", quantity="0.02", price=placed["price"]
    )
    assert (changed["origQty"], changed["orderId"]) == ("0.020", placed["orderId"])
    assert client.result("DELETE", "/fapi/v1/order", **by_client_id)["status"] == "CANCELED"
    assert client.code("DELETE", "/fapi/v1/order", **by_client_id) == -2011
    assert client.result("GET", "/fapi/v1/order", **by_client_id)["status"] == "CANCELED"
    assert client.code("GET", "/fapi/v1/order", symbol=BTC, origClientOrderId="nobody's") == -2013
    assert [it["clientOrderId"] for it in client.result("GET", "/fapi/v1/allOrders", symbol=BTC)] == ["mine"]


def test_an_open_orders_client_id_is_taken_once(client: Client, other: Client) -> None:
    client.place(newClientOrderId="once")
    assert client.code("POST", "/fapi/v1/order", **client.far_bid(newClientOrderId="once")) == -4116
    assert other.place(newClientOrderId="once")["status"] == "NEW"
    client.result("DELETE", "/fapi/v1/allOpenOrders", symbol=BTC)
    assert client.place(newClientOrderId="once")["status"] == "NEW"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "NOTHING"}, -1121),
        ({"side": "HOLD"}, -1117),
        ({"type": "STOP"}, -1116),
        ({"timeInForce": ""}, -1102),
        ({"timeInForce": "GTD"}, -1115),
        ({"price": ""}, -1102),
        ({"price": "58000.05"}, -4014),
        ({"price": "dear"}, -1130),
        ({"quantity": "0"}, -4003),
        ({"quantity": "0.0105"}, -1111),
        ({"quantity": "9000"}, -2019),
        ({"quantity": "0.001", "price": "1000"}, -4164),
        ({"reduceOnly": "true"}, -2022),
        ({"timeInForce": "GTX", "price": "70000"}, -5022),
        ({"newClientOrderId": "not good"}, -4015),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"positionSide": "LONG"}, -4061),
    ],
)
def test_an_order_against_the_rules_is_refused_by_its_code(
    client: Client, change: dict[str, str], code: int
) -> None:
    assert client.code("POST", "/fapi/v1/order", **client.far_bid(**change)) == code
    assert client.result("GET", "/fapi/v1/openOrders") == []


def test_an_order_of_another_account_does_not_exist(client: Client, other: Client) -> None:
    placed = client.place()
    assert other.code("GET", "/fapi/v1/order", symbol=BTC, orderId=placed["orderId"]) == -2013
    assert other.code("DELETE", "/fapi/v1/order", symbol=BTC, orderId=placed["orderId"]) == -2011


def test_the_countdown_cancels_unless_it_is_set_again(client: Client) -> None:
    for _ in range(2):
        client.place()
    arm = {"symbol": BTC, "countdownTime": 1000}
    assert client.result("POST", "/fapi/v1/countdownCancelAll", **arm) == {
        "symbol": BTC,
        "countdownTime": "1000",
    }
    client.live(0.8)
    client.result("POST", "/fapi/v1/countdownCancelAll", **arm)
    client.live(0.8)
    assert len(client.result("GET", "/fapi/v1/openOrders", symbol=BTC)) == 2
    client.live(0.3)
    assert client.result("GET", "/fapi/v1/openOrders", symbol=BTC) == []
    client.place()
    client.result("POST", "/fapi/v1/countdownCancelAll", **arm)
    client.result("POST", "/fapi/v1/countdownCancelAll", **arm | {"countdownTime": 0})
    client.live(2)
    assert len(client.result("GET", "/fapi/v1/openOrders", symbol=BTC)) == 1


# the account


def test_a_trade_shows_in_positions_balances_trades_and_the_accounts_stream(client: Client) -> None:
    key = client.result("POST", "/fapi/v1/listenKey", signed=False)["listenKey"]
    client.open(f"/private/ws?listenKey={key}")
    order = client.place(type="MARKET", price="", timeInForce="", newClientOrderId="m")
    client.live(0.1)
    assert (order["status"], order["executedQty"]) == ("FILLED", "0.010")
    updates = [it["o"] for it in client.of("ORDER_TRADE_UPDATE")]
    assert [(it["x"], it["X"]) for it in updates] == [("NEW", "NEW"), ("TRADE", "FILLED")]
    assert (updates[1]["c"], updates[1]["z"], updates[1]["N"]) == ("m", "0.010", "USDT")
    [account] = [it["a"] for it in client.of("ACCOUNT_UPDATE")]
    assert (account["m"], account["P"][0]["pa"], account["B"][0]["a"]) == ("ORDER", "0.010", "USDT")
    [held] = client.result("GET", "/fapi/v3/positionRisk", symbol=BTC)
    assert held["positionAmt"] == "0.010"
    assert {it["symbol"] for it in client.result("GET", "/fapi/v2/positionRisk")} == set(
        client.world.exchanges[BINANCE].listings
    )
    fill = client.result("GET", "/fapi/v1/userTrades", symbol=BTC)[0]
    assert (fill["orderId"], fill["maker"]) == (order["orderId"], False)
    assert account["B"][0]["wb"] == client.result("GET", "/fapi/v3/account")["totalWalletBalance"]
    assert account["B"][0]["wb"] == client.result("GET", "/fapi/v2/balance")[0]["balance"]


def test_cancels_and_changes_are_told_in_the_accounts_stream(client: Client) -> None:
    key = client.result("POST", "/fapi/v1/listenKey", signed=False)["listenKey"]
    client.open(f"/ws/{key}")
    placed = client.place()
    name = {"symbol": BTC, "orderId": placed["orderId"]}
    client.result("PUT", "/fapi/v1/order", **name, side="BUY", quantity="0.03", price=placed["price"])
    client.result("DELETE", "/fapi/v1/order", **name)
    client.live(0.05)
    told = [it["o"]["x"] for it in client.of("ORDER_TRADE_UPDATE")]
    assert told == ["NEW", "AMENDMENT", "CANCELED"]


def test_a_listen_key_runs_out_unless_kept_alive(client: Client, other: Client) -> None:
    key = client.result("POST", "/fapi/v1/listenKey", signed=False)["listenKey"]
    assert client.result("POST", "/fapi/v1/listenKey", signed=False)["listenKey"] == key
    client.open(f"/ws/{key}")
    client.world.participants.clear()
    client.world._stepped_ns += HOUR_NS // 2  # nobody acts meanwhile
    client.live(0.05)
    client.world.now_ns += HOUR_NS // 2
    client.world.settle(client.world.now_ns)
    assert client.result("PUT", "/fapi/v1/listenKey", signed=False) == {"listenKey": key}
    client.hear(client.server.news(client.world.now_ns + HOUR_NS - SECOND_NS).get(client.stream, []))
    assert client.of("listenKeyExpired") == []
    client.hear(client.server.news(client.world.now_ns + HOUR_NS).get(client.stream, []))
    assert [it["listenKey"] for it in client.of("listenKeyExpired")] == [key]
    assert other.code("PUT", "/fapi/v1/listenKey", signed=False) == -1125


def test_leverage_and_margin_type_change_or_say_why_not(client: Client) -> None:
    assert client.result("POST", "/fapi/v1/leverage", symbol=BTC, leverage=5)["leverage"] == 5
    assert client.code("POST", "/fapi/v1/leverage", symbol=BTC, leverage=500) == -4028
    assert client.result("POST", "/fapi/v1/marginType", symbol=BTC, marginType="ISOLATED")["code"] == 200
    assert client.code("POST", "/fapi/v1/marginType", symbol=BTC, marginType="ISOLATED") == -4046
    client.place()
    assert client.code("POST", "/fapi/v1/marginType", symbol=BTC, marginType="CROSSED") == -4047
    config = client.result("GET", "/fapi/v1/symbolConfig", symbol=BTC)[0]
    assert (config["marginType"], config["leverage"]) == ("ISOLATED", 5)


def test_transfers_move_money_once_an_id(client: Client, other: Client) -> None:
    ends = {
        "toEmail": "reserve@example.com",
        "fromAccountType": "USDT_FUTURE",
        "toAccountType": "USDT_FUTURE",
    }
    params = ends | {"asset": "USDT", "amount": "1000", "clientTranId": "t1"}
    path = "/sapi/v1/sub-account/universalTransfer"
    assert client.result("POST", path, **params)["clientTranId"] == "t1"
    assert client.code("POST", path, **params) == -4116
    assert other.result("GET", "/fapi/v3/account")["totalWalletBalance"] == "1001000.00000000"
    assert client.code("POST", path, **params | {"clientTranId": "t2", "amount": "1e9"}) == -9000
    assert client.result("GET", path, clientTranId="t1")["result"][0]["amount"] == "1000"
    own = {"type": "UMFUTURE_MAIN", "asset": "USDT", "amount": "500"}
    assert client.result("POST", "/sapi/v1/asset/transfer", **own)["tranId"]
    assert client.result("GET", "/fapi/v3/account")["totalWalletBalance"] == "998500.00000000"


# the market


def test_depth_diffs_continue_a_snapshot_and_chain(client: Client) -> None:
    client.open("/ws/btcusdt@depth@100ms")
    client.live(0.51)
    snapshot = client.result("GET", "/fapi/v1/depth", signed=False, symbol=BTC, limit=1000)
    client.live(4)
    diffs = client.of("depthUpdate")
    assert len(diffs) > 3
    assert all(later["pu"] == earlier["u"] for earlier, later in pairwise(diffs))
    book = {("b", price): size for price, size in snapshot["bids"]}
    book |= {("a", price): size for price, size in snapshot["asks"]}
    for diff in diffs:
        if diff["u"] > snapshot["lastUpdateId"]:
            for side in ("b", "a"):
                book |= {(side, price): size for price, size in diff[side]}
    shown = client.result("GET", "/fapi/v1/depth", signed=False, symbol=BTC, limit=1000)
    assert diffs[-1]["u"] < shown["lastUpdateId"] < diffs[-1]["u"] + 10
    left = {key: size for key, size in book.items() if float(size)}
    sides = (("b", shown["bids"]), ("a", shown["asks"]))
    assert left == {(side, price): size for side, levels in sides for price, size in levels}


def test_a_skipped_diff_breaks_the_chain(client: Client) -> None:
    client.open("/ws/btcusdt@depth@100ms")
    client.live(1)
    client.server.faults.skip_updates(1)
    client.live(2)
    diffs = client.of("depthUpdate")
    assert sum(later["pu"] != earlier["u"] for earlier, later in pairwise(diffs)) == 1


def test_our_feed_takes_every_public_message_by_its_kernel(client: Client) -> None:
    names = [name.lower() for name in client.world.exchanges[BINANCE].listings]
    families = ("depth@100ms", "bookTicker", "aggTrade", "markPrice@1s", "forceOrder", "depth20@100ms")
    streams = "/".join(f"{name}@{family}" for name in names for family in families[:5])
    client.open(f"/stream?streams={streams}")
    rows = RowBuffer()
    feed = BinanceFeed(Instruments(), rows, "binance-usdm")
    info = client.server.on_http(client.world.now_ns, "GET", "/fapi/v1/exchangeInfo", {}, b"").body
    feed.on_rest(client.world.now_ns, "/fapi/v1/exchangeInfo", info)
    assert len(feed.instruments) == len(names)
    client.live(0.5)
    for frame in client.frames:
        feed.on_frame(client.world.now_ns, frame)
    for name in names:
        target = f"/fapi/v1/depth?symbol={name.upper()}&limit=1000"
        body = client.server.on_http(client.world.now_ns, "GET", target, {}, b"").body
        feed.on_rest(client.world.now_ns, target, body)
    client.frames.clear()
    client.live(15)
    slow: list[bytes] = []
    for frame in client.frames:
        before = feed.fallbacks
        feed.on_frame(client.world.now_ns, frame)
        if feed.fallbacks > before:
            slow.append(frame)
    first_diffs = [frame for frame in slow if b"@depth" in frame]
    dated_marks = [frame for frame in slow if b"@markPrice" in frame and b'"r":""' in frame]
    assert len(first_diffs) <= len(names)  # what follows a snapshot is judged slowly, once
    assert len(first_diffs) + len(dated_marks) == len(slow)
    assert not feed.requests
    kinds = set(rows.array["kind"][: rows.count])
    assert {tape.LEVEL, tape.TRADE, tape.TOP, tape.MARK, tape.INDEX, tape.FUNDING} <= kinds


def test_streams_are_subscribed_listed_and_left(client: Client) -> None:
    client.open("/public/ws/0")
    assert client.call("SUBSCRIBE", "btcusdt@bookTicker", "ethusdt@depth5@100ms") == {"result": None, "id": 9}
    assert client.call("LIST_SUBSCRIPTIONS")["result"] == ["0", "btcusdt@bookTicker", "ethusdt@depth5@100ms"]
    client.live(2)
    assert client.of("bookTicker")
    assert all(len(it["b"]) == 5 for it in client.of("depthUpdate"))
    client.call("UNSUBSCRIBE", "btcusdt@bookTicker", "ethusdt@depth5@100ms")
    told = len(client.told)
    client.live(1)
    assert len(client.told) == told
    assert "error" in client.call("DANCE")
    assert client.server.stream(client.world.now_ns, "/elsewhere") is None


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("ping", {}),
        ("time", {}),
        ("depth", {"symbol": BTC, "limit": 5}),
        ("trades", {"symbol": BTC}),
        ("aggTrades", {"symbol": BTC}),
        ("klines", {"symbol": BTC, "interval": "1m"}),
        ("premiumIndex", {"symbol": BTC}),
        ("premiumIndex", {}),
        ("fundingRate", {"symbol": BTC}),
        ("ticker/24hr", {"symbol": BTC}),
        ("ticker/24hr", {}),
        ("ticker/bookTicker", {}),
        ("ticker/price", {"symbol": BTC}),
        ("openInterest", {"symbol": BTC}),
    ],
)
def test_public_questions_are_answered(client: Client, path: str, params: dict[str, Json]) -> None:
    client.live(3)
    client.result("GET", f"/fapi/v1/{path}", signed=False, **params)


def test_public_questions_about_nothing_are_refused(client: Client) -> None:
    assert client.code("GET", "/fapi/v1/depth", signed=False, symbol="NOTHING") == -1121
    assert client.code("GET", "/fapi/v1/depth", signed=False) == -1102
    assert client.code("GET", "/fapi/v1/depth", signed=False, symbol=BTC, limit=7) == -4021
    assert client.code("GET", "/fapi/v1/klines", signed=False, symbol=BTC, interval="2x") == -1120
    assert client.send("GET", "/fapi/v1/nothing", signed=False).status == 404


# limits and faults


def test_weight_and_orders_are_told_and_limited(world: World) -> None:
    client = Client(world)
    client.server = BinanceServer(
        world.exchanges[BINANCE], world.credentials[BINANCE], limits=BinanceLimits(100, 3, 1200)
    )
    for _ in range(3):
        client.place()
    answer = client.send("POST", "/fapi/v1/order", **client.far_bid())
    assert (answer.status, json.loads(answer.body)["code"]) == (429, -1015)
    assert dict(answer.headers)["X-MBX-ORDER-COUNT-10S"] == "4"
    client.live(10)
    assert client.place()
    statuses = [client.send("GET", "/fapi/v1/openOrders").status for _ in range(6)]
    assert statuses == [200, 200, 429, 429, 429, 418]
    answer = client.send("GET", "/fapi/v1/time", signed=False)
    assert (answer.status, json.loads(answer.body)["code"]) == (418, -1003)
    assert int(dict(answer.headers)["Retry-After"]) > 0


def test_an_answer_that_is_lost_or_replaced_leaves_the_order_in_the_book(client: Client) -> None:
    client.server.faults.hurt_effects("lost", 1)
    assert client.send("POST", "/fapi/v1/order", **client.far_bid(newClientOrderId="lost")).drop
    client.server.faults.hurt_effects("error", 1)
    assert client.send("POST", "/fapi/v1/order", **client.far_bid(newClientOrderId="error")).status == 503
    ids = {it["clientOrderId"] for it in client.result("GET", "/fapi/v1/openOrders", symbol=BTC)}
    assert ids == {"lost", "error"}


def test_a_frozen_venue_says_nothing_and_goes_on_where_it_was(client: Client) -> None:
    client.open("/ws/btcusdt@depth@100ms")
    client.live(1)
    client.server.faults.is_frozen = True
    told = len(client.told)
    for name, window_ms in (("hasty", 500), ("patient", 5000)):
        late = client.far_bid(newClientOrderId=name, recvWindow=window_ms)
        assert client.send("POST", "/fapi/v1/order", **late).drop
    client.live(1)
    assert len(client.told) == told
    client.server.faults.is_frozen = False
    client.live(1)
    opened = client.result("GET", "/fapi/v1/openOrders", symbol=BTC)
    assert [it["clientOrderId"] for it in opened] == ["patient"]
    diffs = client.of("depthUpdate")
    assert all(later["pu"] == earlier["u"] for earlier, later in pairwise(diffs))


def test_a_slow_venue_says_how_late_its_answer_is(client: Client) -> None:
    client.server.faults.delay_ns = SECOND_NS
    assert client.send("GET", "/fapi/v1/time", signed=False).delay_ns == SECOND_NS


def test_a_liquidation_is_told_as_a_forced_order(client: Client) -> None:
    client.open("/ws/!forceOrder@arr")
    world = client.world
    client.result("POST", "/sapi/v1/asset/transfer", type="UMFUTURE_MAIN", asset="USDT", amount="990000")
    client.place(type="MARKET", price="", timeInForce="", quantity="3")
    key = client.result("POST", "/fapi/v1/listenKey", signed=False)["listenKey"]
    listening = Client(world).open(f"/ws/{key}")
    for jump in (-0.027, -0.02):
        world.shock("BTC", jump)
        end_ns = world.now_ns + 3 * SECOND_NS
        while world.now_ns < end_ns:
            world.advance(world.now_ns + 50 * MILLISECOND_NS)
            news = client.server.news(world.now_ns)
            client.hear(news.get(client.stream, []))
            listening.hear(news.get(listening.stream, []))
    forced = [it["o"] for it in client.of("forceOrder")]
    assert forced
    assert forced[0]["S"] == "SELL"
    assert listening.of("MARGIN_CALL")
    assert any(it["o"]["o"] == "LIQUIDATION" for it in listening.of("ORDER_TRADE_UPDATE"))
