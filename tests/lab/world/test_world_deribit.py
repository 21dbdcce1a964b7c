"""Deribit as the world speaks it: sessions, bytes to bytes, in virtual time."""

import base64
import hashlib
import hmac
import json
from itertools import pairwise
from typing import Any

import pytest

from holdfast import tape
from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.instrument import Instruments
from holdfast.lab.world.deribit import DeribitSession
from holdfast.lab.world.deribit.server import DeribitLimits, DeribitServer
from holdfast.lab.world.listings import DERIBIT
from holdfast.lab.world.world import World
from holdfast.tape import RowBuffer
from holdfast.venues.deribit import DeribitFeed

START_NS = 1_760_000_000 * SECOND_NS
BTC = "BTC-PERPETUAL"
LIMITS = DeribitLimits(1000, 1000, 1000, 1000)

Json = Any


class Client:
    """A session and what it was told."""

    def __init__(self, world: World, server: DeribitServer) -> None:
        self.world = world
        self.server = server
        self.session: DeribitSession = server.session()
        self.told: list[Json] = []
        self.frames: list[bytes] = []
        self._id = 0

    def ask(self, method: str, **params: Json) -> Json:
        """Return the answer to a request, as it came."""
        self._id += 1
        frame = json.dumps({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params}).encode()
        self.hear(self.session.on_frame(self.world.now_ns, frame))
        return next((it for it in reversed(self.told) if it.get("id") == self._id), None)

    def result(self, method: str, **params: Json) -> Json:
        """Return the result of a request that must succeed."""
        answer = self.ask(method, **params)
        assert "error" not in answer, answer
        return answer["result"]

    def code(self, method: str, **params: Json) -> int:
        """Return the code of a request that must be refused."""
        return self.ask(method, **params)["error"]["code"]

    def sign_in(self, place: int = 0) -> "Client":
        """Authenticate as one of the world's clients."""
        credential = self.world.credentials[DERIBIT][place]
        self.result(
            "public/auth",
            grant_type="client_credentials",
            client_id=credential.key,
            client_secret=credential.secret,
        )
        return self

    def hear(self, frames: list[bytes]) -> None:
        """Take frames in."""
        self.frames += frames
        self.told += [json.loads(frame) for frame in frames]

    def live(self, seconds: float) -> None:
        """Let time go by in steps of 50 ms, listening."""
        end_ns = self.world.now_ns + int(seconds * SECOND_NS)
        while self.world.now_ns < end_ns:
            self.world.advance(min(self.world.now_ns + 50 * MILLISECOND_NS, end_ns))
            self.hear(self.server.news(self.world.now_ns).get(self.session, []))

    def of(self, channel: str) -> list[Json]:
        """Return the data of a channel's messages."""
        params = [it["params"] for it in self.told if it.get("method") == "subscription"]
        return [it["data"] for it in params if it["channel"] == channel]


@pytest.fixture
def world() -> World:
    return World(3, START_NS)


@pytest.fixture
def server(world: World) -> DeribitServer:
    return DeribitServer(world.exchanges[DERIBIT], world.credentials[DERIBIT], world.faults[DERIBIT], LIMITS)


@pytest.fixture
def client(world: World, server: DeribitServer) -> Client:
    return Client(world, server).sign_in()


@pytest.fixture
def other(world: World, server: DeribitServer) -> Client:
    return Client(world, server).sign_in(1)


def far_bid(world: World, amount: float = 10, **more: Json) -> Json:
    """Return the parameters of an order that rests far away."""
    price = round(world.paths.prices["BTC"] * 0.9)
    return {"instrument_name": BTC, "amount": amount, "type": "limit", "price": price, **more}


def ms(time_ns: int) -> int:
    return time_ns // MILLISECOND_NS


# access


def test_a_wrong_secret_is_refused_and_private_methods_with_it(world: World, server: DeribitServer) -> None:
    stranger = Client(world, server)
    key = world.credentials[DERIBIT][0].key
    wrong = {"grant_type": "client_credentials", "client_id": key, "client_secret": "x"}
    assert stranger.code("public/auth", **wrong) == 13004
    assert stranger.code("private/get_positions") == 10000


def test_a_signature_and_a_refresh_token_sign_in(world: World, server: DeribitServer) -> None:
    credential, stamp = world.credentials[DERIBIT][0], str(ms(world.now_ns))
    message = f"{stamp}\nnonce\ndata".encode()
    params = {
        "grant_type": "client_signature",
        "client_id": credential.key,
        "timestamp": int(stamp),
        "nonce": "nonce",
        "data": "data",
        "signature": hmac.new(credential.secret.encode(), message, hashlib.sha256).hexdigest(),
    }
    client = Client(world, server)
    tokens = client.result("public/auth", **params)
    assert client.result("private/get_positions") == []
    assert client.code("public/auth", **params | {"nonce": "another"}) == 13004
    again = client.result("public/auth", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    stranger = Client(world, server)
    assert stranger.result("private/get_positions", access_token=again["access_token"]) == []
    assert stranger.code("private/get_positions", access_token="made up") == 13009


def test_a_token_runs_out(world: World, server: DeribitServer, client: Client) -> None:
    credential = world.credentials[DERIBIT][0]
    tokens = client.result(
        "public/auth",
        grant_type="client_credentials",
        client_id=credential.key,
        client_secret=credential.secret,
    )
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    target = "/api/v2/private/get_positions?currency=any"
    assert server.on_http(world.now_ns, "GET", target, header, b"").status == 200
    later_ns = world.now_ns + (tokens["expires_in"] + 1) * SECOND_NS
    assert server.on_http(later_ns, "GET", target, header, b"").status == 401


def test_http_takes_basic_and_signed_requests_and_refuses_others(world: World, server: DeribitServer) -> None:
    credential, target = world.credentials[DERIBIT][0], "/api/v2/private/get_positions?currency=any"
    basic = base64.b64encode(f"{credential.key}:{credential.secret}".encode()).decode()
    assert server.on_http(world.now_ns, "GET", target, {"authorization": f"Basic {basic}"}, b"").status == 200
    stamp = str(ms(world.now_ns))
    message = f"{stamp}\nn\nGET\n{target}\n\n".encode()
    signature = hmac.new(credential.secret.encode(), message, hashlib.sha256).hexdigest()
    header = f"deri-hmac-sha256 id={credential.key},ts={stamp},nonce=n,sig={signature}"
    assert server.on_http(world.now_ns, "GET", target, {"Authorization": header}, b"").status == 200
    other_target = "/api/v2/private/get_positions?currency=BTC"
    assert server.on_http(world.now_ns, "GET", other_target, {"Authorization": header}, b"").status == 401
    assert server.on_http(world.now_ns, "GET", target, {}, b"").status == 401


def test_post_is_answered_like_get_and_an_unknown_method_is_refused(
    world: World, server: DeribitServer
) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 5, "method": "public/get_time", "params": {}}).encode()
    for target in ("/api/v2", "/api/v2/public/get_time"):
        answer = json.loads(server.on_http(world.now_ns, "POST", target, {}, body).body)
        assert (answer["id"], answer["result"]) == (5, ms(world.now_ns))
    assert server.on_http(world.now_ns, "GET", "/api/v2/public/nothing", {}, b"").status == 400


@pytest.mark.parametrize(
    ("frame", "code"), [(b"{", -32700), (b"[]", 11050), (b'{"method":"public/test","params":[1]}', -32602)]
)
def test_a_frame_that_is_no_request_is_refused(client: Client, frame: bytes, code: int) -> None:
    [answer] = client.session.on_frame(client.world.now_ns, frame)
    assert json.loads(answer)["error"]["code"] == code


# the book


@pytest.mark.parametrize("interval", ["raw", "100ms", "agg2"])
def test_a_book_channel_chains_from_its_snapshot_and_ends_level_with_the_book(
    client: Client, interval: str
) -> None:
    channel = f"book.{BTC}.{interval}"
    assert client.result("public/subscribe", channels=[channel]) == [channel]
    client.live(4)
    first, *rest = client.of(channel)
    assert first["type"] == "snapshot"
    assert len(rest) >= 2
    book = {("bids", price): size for _, price, size in first["bids"]}
    book |= {("asks", price): size for _, price, size in first["asks"]}
    last_id = first["change_id"]
    for change in rest:
        assert change["prev_change_id"] == last_id
        last_id = change["change_id"]
        for side in ("bids", "asks"):
            for action, price, size in change[side]:
                assert (action == "new") == ((side, price) not in book)
                book.pop((side, price), None) if action == "delete" else book.update({(side, price): size})
    client.hear(client.session.take(client.world.now_ns))
    shown = client.result("public/get_order_book", instrument_name=BTC, depth=10000)
    if shown["change_id"] == last_id:
        sides = {(side, price): size for side in ("bids", "asks") for price, size in shown[side]}
        assert sides == book
    else:
        assert interval == "agg2"


def test_a_late_listener_gets_a_snapshot_that_the_next_change_continues(
    client: Client, other: Client
) -> None:
    channel = f"book.{BTC}.100ms"
    client.result("public/subscribe", channels=[channel])
    client.live(1.02)
    other.result("public/subscribe", channels=[channel])
    for _ in range(20):
        client.world.advance(client.world.now_ns + 50 * MILLISECOND_NS)
        news = client.server.news(client.world.now_ns)
        other.hear(news.get(other.session, []))
    first, second, *_ = other.of(channel)
    assert (first["type"], second["type"]) == ("snapshot", "change")
    assert second["prev_change_id"] == first["change_id"]


def test_a_skipped_update_breaks_the_chain_and_a_doubled_one_repeats(client: Client) -> None:
    channel = f"book.{BTC}.raw"
    client.result("public/subscribe", channels=[channel])
    client.server.faults.skip_updates(1)
    client.live(2)
    first, second, *_ = client.of(channel)
    assert second["prev_change_id"] != first["change_id"]
    client.server.faults.duplicate_updates(1)
    client.live(2)
    ids = [it["change_id"] for it in client.of(channel)]
    assert len(ids) == len(set(ids)) + 1


def test_raw_market_channels_want_a_signed_in_session(world: World, server: DeribitServer) -> None:
    stranger = Client(world, server)
    assert stranger.code("public/subscribe", channels=[f"book.{BTC}.raw"]) == 13778
    assert stranger.result("public/subscribe", channels=[f"book.{BTC}.100ms", "nonsense.1"]) == [
        f"book.{BTC}.100ms"
    ]
    assert stranger.code("private/subscribe", channels=["user.orders.any.any.raw"]) == 10000


# our own decoder


def feed_of(client: Client) -> tuple[DeribitFeed, RowBuffer]:
    """Return our feed with the venue's listing taken in."""
    rows = RowBuffer()
    feed = DeribitFeed(Instruments(), rows)
    target = "/api/v2/public/get_instruments?currency=any"
    answer = client.server.on_http(client.world.now_ns, "GET", target, {}, b"")
    feed.on_rest(client.world.now_ns, target, answer.body)
    return feed, rows


def test_our_feed_takes_every_public_message_by_its_kernel(client: Client) -> None:
    feed, rows = feed_of(client)
    listings = client.world.exchanges[DERIBIT].listings
    assert len(feed.instruments) == len(listings)
    option = next(name for name in listings if name.endswith("-C"))
    names = [BTC, "ETH-PERPETUAL", "BTC_USDC-PERPETUAL", option]
    families = ("book.{}.raw", "ticker.{}.raw", "trades.{}.raw", "quote.{}")
    channels = [family.format(name) for name in names for family in families]
    channels += ["deribit_price_index.btc_usd", "markprice.options.btc_usd", f"perpetual.{BTC}.raw"]
    assert sorted(client.result("public/subscribe", channels=channels)) == sorted(channels)
    client.live(20)
    by_kernel = (b'"channel":"book', b'"channel":"ticker', b'"channel":"trades', b'"channel":"quote')
    slow: list[bytes] = []
    for frame in client.frames:
        before = feed.fallbacks
        feed.on_frame(client.world.now_ns, frame)
        is_fast = any(sign in frame for sign in by_kernel) and b'"type":"snapshot"' not in frame
        if feed.fallbacks > before and is_fast:
            slow.append(frame)
    assert slow == []
    assert not feed.requests
    kinds = set(rows.array["kind"][: rows.count])
    wanted = {tape.LEVEL, tape.TRADE, tape.TOP, tape.MARK, tape.INDEX, tape.FUNDING, tape.IMPLIED_VOL}
    assert wanted <= kinds


# orders


def test_an_order_lives_by_its_label(client: Client) -> None:
    placed = client.result("private/buy", **far_bid(client.world, label="mine", amount=20))["order"]
    assert (placed["order_state"], placed["label"], placed["amount"]) == ("open", "mine", 20)
    order_id, price = placed["order_id"], placed["price"]
    assert [it["order_id"] for it in client.result("private/get_open_orders")] == [order_id]
    edited = client.result("private/edit", order_id=order_id, amount=30, price=price - 1)["order"]
    assert (edited["amount"], edited["price"], edited["replaced"]) == (30, price - 1, True)
    by_label = {"currency": "BTC", "label": "mine"}
    assert client.result("private/get_order_state_by_label", **by_label)[0]["amount"] == 30
    assert client.result("private/get_order_state_by_label", currency="BTC", label="nobody's") == []
    assert client.result("private/cancel_by_label", label="mine") == 1
    [ended] = client.result("private/get_order_state_by_label", **by_label)
    assert (ended["order_state"], ended["cancel_reason"]) == ("cancelled", "user_request")
    assert client.code("private/cancel", order_id=order_id) == 10010
    assert client.code("private/get_order_state", order_id="BTC-987654") == 10004


def test_an_order_of_another_account_is_not_found(client: Client, other: Client) -> None:
    placed = client.result("private/buy", **far_bid(client.world))["order"]
    assert other.code("private/cancel", order_id=placed["order_id"]) == 10004
    assert other.result("private/get_open_orders") == []


def test_a_market_order_fills_and_everyone_is_told(client: Client) -> None:
    channels = ["user.orders.any.any.raw", f"user.trades.{BTC}.raw", "user.changes.future.BTC.raw"]
    channels += ["user.portfolio.btc", f"trades.{BTC}.raw"]
    client.result("private/subscribe", channels=channels)
    answer = client.result("private/buy", instrument_name=BTC, amount=100, type="market", label="m")
    client.live(0.1)
    order, trades = answer["order"], answer["trades"]
    assert (order["order_state"], order["filled_amount"]) == ("filled", 100)
    assert sum(trade["amount"] for trade in trades) == 100
    assert [it["order_state"] for it in client.of("user.orders.any.any.raw")][-1] == "filled"
    [told] = client.of(f"user.trades.{BTC}.raw")
    assert [it["trade_id"] for it in told] == [it["trade_id"] for it in trades]
    changes = client.of("user.changes.future.BTC.raw")
    assert changes[-1]["positions"][0]["size"] == 100
    assert len(client.of("user.portfolio.btc")) >= 2
    assert trades[0]["trade_id"] in [it["trade_id"] for part in client.of(f"trades.{BTC}.raw") for it in part]
    [held] = client.result("private/get_positions", currency="BTC")
    assert (held["size"], held["direction"]) == (100, "buy")
    assert client.result("private/get_user_trades_by_order", order_id=order["order_id"])
    summary = client.result("private/get_account_summary", currency="BTC", extended=True)
    assert summary["initial_margin"] > 0
    assert summary["balance"] < 20  # the fee is gone


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": 15}, -32602),
        ({"price": 50_000.3}, -32602),
        ({"price": None}, -32602),
        ({"amount": 100_000_000}, 10009),
        ({"instrument_name": "BTC-NOTHING"}, -32602),
        ({"type": "stop_limit"}, -32602),
        ({"reduce_only": True}, 11030),
        ({"price": 70_000, "post_only": True, "reject_post_only": True}, 11054),
        ({"label": "x" * 65}, -32602),
    ],
)
def test_an_order_against_the_rules_is_refused_by_its_code(
    client: Client, change: dict[str, Json], code: int
) -> None:
    assert client.code("private/buy", **far_bid(client.world) | change) == code
    assert client.result("private/get_open_orders") == []


def test_validity_is_the_venues_own_clock(client: Client) -> None:
    now_ms = ms(client.world.now_ns)
    assert client.result("private/buy", **far_bid(client.world, valid_until=now_ms + 10))
    assert client.code("private/buy", **far_bid(client.world, valid_until=now_ms - 10)) == 13888
    client.server.faults.clock_offset_ns = 5 * SECOND_NS
    assert client.code("private/buy", **far_bid(client.world, valid_until=now_ms + 1000)) == 13888
    assert client.result("private/buy", **far_bid(client.world, valid_until=now_ms + 5100))


def test_labels_may_repeat(client: Client) -> None:
    for _ in range(2):
        client.result("private/buy", **far_bid(client.world, label="twice"))
    by_label = {"currency": "BTC", "label": "twice"}
    assert len(client.result("private/get_order_state_by_label", **by_label)) == 2
    assert client.result("private/cancel_all") == 2


@pytest.mark.parametrize(
    ("method", "params", "left"),
    [
        ("private/cancel_all", {}, 0),
        ("private/cancel_all_by_currency", {"currency": "USDC"}, 1),
        ("private/cancel_all_by_instrument", {"instrument_name": BTC}, 1),
    ],
)
def test_cancel_all_reaches_as_far_as_it_says(
    client: Client, method: str, params: dict[str, str], left: int
) -> None:
    client.result("private/buy", **far_bid(client.world))
    linear = {"instrument_name": "BTC_USDC-PERPETUAL", "amount": 0.01}
    client.result("private/buy", **far_bid(client.world) | linear)
    assert client.result(method, **params) == 2 - left
    assert len(client.result("private/get_open_orders")) == left


# the connection


def test_cancel_on_disconnect_cancels_what_this_connection_placed(client: Client, world: World) -> None:
    second = Client(world, client.server).sign_in()
    second.result("private/buy", **far_bid(world))
    assert client.result("private/enable_cancel_on_disconnect", scope="connection") == "ok"
    client.result("private/buy", **far_bid(world))
    assert len(second.result("private/get_open_orders")) == 2
    client.session.on_close(world.now_ns)
    assert len(second.result("private/get_open_orders")) == 1


def test_without_cancel_on_disconnect_orders_stay(client: Client, other: Client, world: World) -> None:
    client.result("private/buy", **far_bid(world))
    client.session.on_close(world.now_ns)
    assert len(Client(world, other.server).sign_in().result("private/get_open_orders")) == 1


def test_a_client_that_does_not_answer_the_heartbeat_is_cut_off(client: Client) -> None:
    assert client.code("public/set_heartbeat", interval=5) == -32602
    client.result("public/set_heartbeat", interval=10)
    client.live(10.5)
    assert any(it.get("params", {}).get("type") == "test_request" for it in client.told)
    client.result("public/test")
    client.live(10)
    assert not client.session.is_closed
    client.live(10)
    assert client.session.is_closed


def test_too_many_requests_are_refused_and_nothing_is_done(world: World) -> None:
    server = DeribitServer(world.exchanges[DERIBIT], world.credentials[DERIBIT])
    client = Client(world, server).sign_in()
    codes = [client.ask("private/buy", **far_bid(world)).get("error", {}).get("code") for _ in range(25)]
    assert codes.count(10028) == 5
    assert len(client.result("private/get_open_orders")) == 20


def test_transfers_move_money_once_a_nonce(client: Client, other: Client) -> None:
    before = other.result("private/get_account_summary", currency="BTC")["balance"]
    target = client.world.credentials[DERIBIT][1].number
    params = {"currency": "BTC", "amount": 0.5, "destination": target, "nonce": "n1"}
    assert client.result("private/submit_transfer_between_subaccounts", **params)["state"] == "confirmed"
    assert client.code("private/submit_transfer_between_subaccounts", **params) == 12100
    after = other.result("private/get_account_summary", currency="BTC")["balance"]
    assert after == pytest.approx(before + 0.5)
    [told] = client.result("private/get_transfers", currency="BTC")["data"]
    assert (told["nonce"], told["direction"], told["amount"]) == ("n1", "payment", 0.5)
    too_much = params | {"amount": 1e6, "nonce": "n2"}
    assert client.code("private/submit_transfer_between_subaccounts", **too_much) == 10009


# faults


def test_an_answer_that_is_lost_or_replaced_leaves_the_order_in_the_book(client: Client) -> None:
    faults = client.server.faults
    faults.hurt_effects("lost", 1)
    assert client.ask("private/buy", **far_bid(client.world, label="lost")) is None
    faults.hurt_effects("error", 1)
    assert client.code("private/buy", **far_bid(client.world, label="error")) == 11094
    labels = {it["label"] for it in client.result("private/get_open_orders")}
    assert labels == {"lost", "error"}
    assert client.result("private/buy", **far_bid(client.world, label="fine"))


def test_a_frozen_venue_says_nothing_and_works_off_what_came(client: Client) -> None:
    client.result("public/subscribe", channels=[f"book.{BTC}.raw"])
    client.server.faults.is_frozen = True
    late = ms(client.world.now_ns) + 500
    assert client.ask("private/buy", **far_bid(client.world, label="late", valid_until=late)) is None
    assert client.ask("private/buy", **far_bid(client.world, label="patient")) is None
    told = len(client.told)
    client.live(1)
    assert len(client.told) == told
    assert client.server.on_http(client.world.now_ns, "GET", "/api/v2/public/get_time", {}, b"").drop
    client.server.faults.is_frozen = False
    client.live(0.1)
    assert [it["error"]["code"] for it in client.told if "error" in it] == [13888]
    assert [it["label"] for it in client.result("private/get_open_orders")] == ["patient"]
    chain = client.of(f"book.{BTC}.raw")
    assert all(b["prev_change_id"] == a["change_id"] for a, b in pairwise(chain))


def test_what_a_frozen_venue_was_sent_is_done_though_the_sender_is_gone(client: Client, world: World) -> None:
    client.result("private/enable_cancel_on_disconnect")
    client.result("private/buy", **far_bid(world, label="covered"))
    watching = Client(world, client.server).sign_in()
    client.server.faults.is_frozen = True
    client.ask("private/buy", **far_bid(world, label="too late", valid_until=ms(world.now_ns) + 500))
    client.ask("private/disable_cancel_on_disconnect", scope="connection")
    client.ask("private/buy", **far_bid(world, label="orphan"))
    client.session.on_close(world.now_ns)
    client.live(1)
    client.server.faults.is_frozen = False
    client.live(0.1)
    assert {it["label"] for it in watching.result("private/get_open_orders")} == {"covered", "orphan"}


def test_a_slow_venue_answers_in_order_and_late(client: Client) -> None:
    client.server.faults.delay_ns = 300 * MILLISECOND_NS
    assert client.ask("public/test") is None
    client.live(0.2)
    assert client.told[-1].get("id") != client._id
    client.live(0.15)
    assert client.told[-1]["id"] == client._id


def test_dropped_sessions_are_to_be_closed(client: Client) -> None:
    client.server.faults.drop_sessions()
    client.live(0.05)
    assert client.session.is_closed


def test_one_seed_is_one_world() -> None:
    def told(seed: int) -> list[bytes]:
        world = World(seed, START_NS)
        server = DeribitServer(world.exchanges[DERIBIT], world.credentials[DERIBIT], limits=LIMITS)
        client = Client(world, server).sign_in()
        client.result("public/subscribe", channels=[f"book.{BTC}.raw", "trades.any.any.raw"])
        client.live(3)
        return client.frames

    assert told(5) == told(5)
    assert told(5) != told(6)
